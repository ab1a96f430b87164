/* SPDX-License-Identifier: Apache-2.0 */
/* How long a message is, without writing it: for worlds whose bytes nobody reads. */
#ifndef AIRNET_WIRE_LENGTH_H
#define AIRNET_WIRE_LENGTH_H

#include "wire_fix.h"

static inline an_u32 wire_id_bytes(const struct wire_voice *v, an_u64 id)
{
	switch (v->id) {
	case DIALECT_DATED:
		return 9 + (id < 100000000 ? 8 : text_digits(id));
	case DIALECT_BASE36:
		return id < TEXT_SHORT_36 ? 8 : 13;
	case DIALECT_HEX:
		return 16;
	case DIALECT_FIRM:
		return v->firm_bytes + 1u + text_digits(id);
	default:
		return text_digits(id);
	}
}

/* Bytes of a value whose size depends on the message; those of plain messages. */
static inline an_u32 wire_value_bytes(const struct wire_voice *v, const struct note *n,
				      an_u8 value)
{
	const struct app *a = &n->app;

	switch (value) {
	case VALUE_ID:
		return wire_id_bytes(v, a->id);
	case VALUE_ORIGINAL:
	case VALUE_ORIGINAL_IF:
		return wire_id_bytes(v, a->original);
	case VALUE_EXECUTION:
		return 1 + text_digits(a->execution);
	case VALUE_EXCHANGE:
		return text_digits(a->exchange);
	case VALUE_PRICE_IF:
		return text_price_bytes(a->price, v->price);
	case VALUE_LAST_PRICE:
		return text_price_bytes(a->last_price, v->price);
	case VALUE_AVERAGE:
		return text_price_bytes(a->filled ? a->last_price : 0, v->price);
	case VALUE_QUANTITY:
		return text_digits(a->quantity);
	case VALUE_LAST:
		return text_digits(a->last);
	case VALUE_FILLED:
		return text_digits(a->filled);
	case VALUE_LEAVES:
		return text_digits(a->leaves);
	case VALUE_SYMBOL:
		return v->names[a->symbol][WIRE_NAME_BYTES - 1];
	case VALUE_TIME:
		return text_time_bytes(v->digits);
	case VALUE_REASON_IF:
		return text_digits(a->reason);
	case VALUE_TEXT_IF:
		return (an_u32)strlen(wire_reason(a));
	default:
		return 1; /* a character */
	}
}

/* Orders and their answers, said once: what most messages are. */
static inline int wire_is_plain(const struct note *n)
{
	switch (n->app.type) {
	case 'D':
	case 'F':
	case 'G':
	case '8':
	case '9':
		return !n->flags;
	default:
		return 0;
	}
}

/* Bytes of a plain message. */
static inline an_u32 wire_message_bytes(const struct wire_voice *v,
					const struct note *n)
{
	const struct wire_plan *p = &v->plans[wire_type(n->app.type)];
	an_u32 body = v->chunk_bytes[0] + v->chunk_bytes[1] + v->chunk_bytes[2] +
		      text_digits(n->number) + text_time_bytes(v->digits) +
		      p->constant_bytes;

	for (an_u32 i = 0; i < p->count; i++) {
		const struct wire_step *s = &p->steps[i];

		if (!s->is_sized)
			continue;
		if (wire_has(v, n, s->value))
			body += wire_value_bytes(v, n, s->value);
		else
			body -= s->tag_bytes + 1u; /* nor its SOH */
	}
	return v->begin_bytes + text_digits(body) + 1 + body + 7;
}

#endif
