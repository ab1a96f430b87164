/* SPDX-License-Identifier: Apache-2.0 */
/* FIX messages as bytes: the header of a voice, the body of a plan, the sums. */
#ifndef AIRNET_WIRE_FIX_H
#define AIRNET_WIRE_FIX_H

#include "wire_plan.h"

#define WIRE_MESSAGE_BYTES 1024 /* no message is longer */
#define WIRE_NAME_BYTES 8

/* note.flags */
#define NOTE_AGAIN 0x01 /* PossDupFlag, OrigSendingTime */
#define NOTE_RESETS 0x02 /* ResetSeqNumFlag; SequenceReset that is no gap fill */
#define NOTE_SKIPPED 0x04 /* numbered, but never sent: the line was down */

/* One message of a line, with what its session says about it. */
struct note {
	struct app app;
	an_s64 said_ns; /* SendingTime */
	an_s64 due_ns; /* when it passes the mirror (up), reaches the client (down) */
	an_u64 number; /* MsgSeqNum */
	an_u32 end; /* TCP sequence number behind it, once sent */
	an_u32 flags; /* NOTE_* */
	an_u64 reference; /* RefSeqNum; NOTE_AGAIN: OrigSendingTime, ns */
};

/* Who writes: one side of a line. */
struct wire_voice {
	an_u8 begin[16]; /* 8=FIX.4.4|9= */
	an_u8 chunk[3][80 + TEXT_SPARE]; /* header fields around 34 and 52 */
	an_u8 chunk_bytes[3];
	an_u8 begin_bytes;
	an_u8 time_first; /* 52 comes before 34 */
	an_u8 firm_bytes;
	an_u8 digits;
	an_u8 price; /* DIALECT_FIXED2, ... */
	an_u8 id;
	an_u8 layouts[6]; /* of D, F, G without and with a price; 0 = not asked for */
	an_u8 pad;
	an_u8 firm[LINE_COMP_BYTES]; /* the client's CompID, in both directions */
	const struct wire_plan *plans; /* WIRE_TYPE_COUNT of them */
	const an_u8 (*names)[WIRE_NAME_BYTES]; /* of symbols */
	const char *password;
};

/* Reasons as text, tag 58. */
static inline const char *wire_reason(const struct app *a)
{
	if (a->type == '5')
		return a->reason == 1	? "MsgSeqNum too low"
		       : a->reason == 2 ? "session disabled"
		       : a->reason == 3 ? "end of day"
					: NULL;
	if (a->type == '9')
		return a->reason == 0 ? "too late to cancel" : "unknown order";
	return a->type == '3' ? "value is incorrect" : "not supported now";
}

static inline an_u8 *wire_id(const struct wire_voice *v, an_u8 *out, an_u64 id,
			     struct text_clock *clock, an_s64 day_ns)
{
	switch (v->id) {
	case DIALECT_DATED:
		memcpy(out, text_second(clock, day_ns / 1000000000), 8);
		out[8] = '-';
		return id < 100000000 ? text_fixed(out + 9, id, 8)
				      : text_number(out + 9, id);
	case DIALECT_BASE36:
		if (id < TEXT_SHORT_36)
			return text_base36(out, id * TEXT_ODD_36 % TEXT_SHORT_36, 8);
		return text_base36(out, id * TEXT_ODD_36, 13);
	case DIALECT_HEX:
		return text_hex(out, id * TEXT_ODD_HEX);
	case DIALECT_FIRM:
		memcpy(out, v->firm, LINE_COMP_BYTES);
		out[v->firm_bytes] = '.';
		return text_number(out + v->firm_bytes + 1, id);
	default:
		return text_number(out, id);
	}
}

/* Is the value of a step that may be missing there? */
static inline int wire_has(const struct wire_voice *v, const struct note *n,
			   an_u8 value)
{
	switch (value) {
	case VALUE_ORIGINAL_IF:
		return n->app.original != 0;
	case VALUE_PRICE_IF:
		return n->app.price != 0;
	case VALUE_REASON_IF:
		return n->app.reason != 0xffff;
	case VALUE_TEXT_IF:
		return wire_reason(&n->app) != NULL;
	case VALUE_RESET_IF:
		return (n->flags & NOTE_RESETS) != 0;
	case VALUE_TEST_IF:
		return n->app.id != 0;
	case VALUE_PASSWORD_IF:
		return v->password != NULL;
	default:
		return 1;
	}
}

static inline an_u8 *wire_word(an_u8 *out, const char *word)
{
	size_t count = strlen(word);

	memcpy(out, word, count);
	return out + count;
}

/* The values of orders and reports. */
static inline an_u8 *wire_value(const struct wire_voice *v, const struct note *n,
				an_u8 value, an_u8 *out, struct text_clock *clock)
{
	const struct app *a = &n->app;
	const an_u8 *name;

	switch (value) {
	case VALUE_ID:
		return wire_id(v, out, a->id, clock, n->said_ns);
	case VALUE_ORIGINAL:
	case VALUE_ORIGINAL_IF:
		return wire_id(v, out, a->original, clock, n->said_ns);
	case VALUE_EXECUTION:
		*out = 'E';
		return text_number(out + 1, a->execution);
	case VALUE_EXCHANGE:
		return text_number(out, a->exchange);
	case VALUE_PRICE:
	case VALUE_PRICE_IF:
		return text_price(out, a->price, v->price);
	case VALUE_LAST_PRICE:
		return text_price(out, a->last_price, v->price);
	case VALUE_AVERAGE:
		return text_price(out, a->filled ? a->last_price : 0, v->price);
	case VALUE_QUANTITY:
		return text_number(out, a->quantity);
	case VALUE_LAST:
		return text_number(out, a->last);
	case VALUE_FILLED:
		return text_number(out, a->filled);
	case VALUE_LEAVES:
		return text_number(out, a->leaves);
	case VALUE_SYMBOL:
		name = v->names[a->symbol];
		memcpy(out, name, WIRE_NAME_BYTES);
		return out + name[WIRE_NAME_BYTES - 1];
	case VALUE_TIME:
		return text_time(clock, out, n->said_ns, v->digits);
	case VALUE_REASON:
	case VALUE_REASON_IF:
		return text_number(out, a->reason == 0xffff ? 0 : a->reason);
	default:
		return out;
	}
}

/* The values of one character, and those of the session. */
static inline an_u8 *wire_small(const struct wire_voice *v, const struct note *n,
				an_u8 value, an_u8 *out)
{
	const struct app *a = &n->app;

	switch (value) {
	case VALUE_SIDE:
		*out = (an_u8)a->side;
		return out + 1;
	case VALUE_ORDER_TYPE:
		*out = (an_u8)a->order_type;
		return out + 1;
	case VALUE_IN_FORCE:
		*out = (an_u8)a->in_force;
		return out + 1;
	case VALUE_EXECUTED:
		*out = (an_u8)a->executed;
		return out + 1;
	case VALUE_STATUS:
		*out = (an_u8)a->status;
		return out + 1;
	case VALUE_RESPONSE:
		*out = a->executed == '2' ? '2' : '1';
		return out + 1;
	case VALUE_RESET_IF:
		*out = 'Y';
		return out + 1;
	case VALUE_GAP:
		*out = n->flags & NOTE_RESETS ? 'N' : 'Y';
		return out + 1;
	case VALUE_REFERENCE:
		return text_number(out, n->reference);
	case VALUE_HEARTBEAT:
		return text_number(out, a->quantity);
	case VALUE_TEST:
	case VALUE_TEST_IF:
		return text_number(wire_word(out, "TEST"), a->id);
	case VALUE_BEGIN:
		return text_number(out, a->id);
	case VALUE_END:
		return text_number(out, a->original);
	case VALUE_TEXT_IF:
		return wire_word(out, wire_reason(a));
	case VALUE_PASSWORD_IF:
		return wire_word(out, v->password);
	default:
		return out;
	}
}

static inline an_u8 *wire_header(const struct wire_voice *v, const struct note *n,
				 an_u8 *out, struct text_clock *clock)
{
	an_u8 *type = out + 3; /* behind 35= */

	out = text_copy(out, v->chunk[0], v->chunk_bytes[0]);
	*type = (an_u8)n->app.type;
	out = v->time_first ? text_time(clock, out, n->said_ns, v->digits)
			    : text_number(out, n->number);
	out = text_copy(out, v->chunk[1], v->chunk_bytes[1]);
	out = v->time_first ? text_number(out, n->number)
			    : text_time(clock, out, n->said_ns, v->digits);
	out = text_copy(out, v->chunk[2], v->chunk_bytes[2]);
	if (n->flags & NOTE_AGAIN) {
		out = wire_word(out, "43=Y\001122=");
		out = text_time(clock, out, (an_s64)n->reference, v->digits);
		*out++ = 1;
	}
	return out;
}

/* The sum of bytes, modulo 2^16 at least (CheckSum needs 2^8). Foreign to no input:
 * `count` is below 2048, so that no 16-bit part of the sum overflows. */
static inline an_u32 wire_bytes_sum(const an_u8 *at, an_u32 count)
{
	const an_u64 low = 0x00ff00ff00ff00ffu;
	an_u64 sum = 0, x;
	an_u32 total = 0;

	for (; count >= 8; count -= 8, at += 8) {
		memcpy(&x, at, 8);
		sum += (x & low) + (x >> 8 & low);
	}
	while (count--)
		total += *at++;
	return total + (an_u32)((sum & 0xffff) + (sum >> 16 & 0xffff) +
				(sum >> 32 & 0xffff) + (sum >> 48));
}

/* Write a whole message; its end. */
static inline an_u8 *wire_message(const struct wire_voice *v, const struct note *n,
				  an_u8 *out, struct text_clock *clock)
{
	const struct wire_plan *p = &v->plans[wire_type(n->app.type)];
	an_u8 *body = out + v->begin_bytes + 4, *at;
	an_u32 bytes, shift;

	text_copy(out, v->begin, v->begin_bytes);
	at = wire_header(v, n, body, clock);
	for (an_u32 i = 0; i < p->count; i++) {
		const struct wire_step *s = &p->steps[i];

		if (!wire_has(v, n, s->value)) {
			at = text_copy(at, p->text + s->text, s->bytes - s->tag_bytes);
			continue;
		}
		at = text_copy(at, p->text + s->text, s->bytes);
		if (!s->value)
			continue;
		at = wire_value(v, n, s->value, wire_small(v, n, s->value, at), clock);
		*at++ = 1;
	}
	bytes = (an_u32)(at - body);
	if (bytes < 100 || bytes > 999) {
		shift = text_digits(bytes);
		memmove(out + v->begin_bytes + shift + 1, body, bytes);
		at = out + v->begin_bytes + shift + 1 + bytes;
		text_fixed(out + v->begin_bytes, bytes, (int)shift);
		out[v->begin_bytes + shift] = 1;
	} else {
		text_fixed(out + v->begin_bytes, bytes, 3);
		out[v->begin_bytes + 3] = 1;
	}
	bytes = wire_bytes_sum(out, (an_u32)(at - out)) & 255;
	memcpy(at, "10=", 3);
	text_fixed(at + 3, bytes, 3);
	at[6] = 1;
	return at + 7;
}

#endif
