/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each message of a dialect is made of: made once into a list of steps, each a
 * piece of constant text and a value that follows it.
 *
 * Source: FIX 4.2 and 4.4 specifications, FIXT 1.1 and FIX 5.0 SP2; the required
 * fields of every message are present in every dialect.
 */
#ifndef AIRNET_WIRE_DIALECT_H
#define AIRNET_WIRE_DIALECT_H

#include "wire_text.h"
#include "world.h"

/* A value that a step writes. */
enum {
	VALUE_NONE,
	VALUE_ID,
	VALUE_ORIGINAL,
	VALUE_ORIGINAL_IF,
	VALUE_EXECUTION,
	VALUE_EXCHANGE,
	VALUE_PRICE,
	VALUE_PRICE_IF, /* left out where it is 0 */
	VALUE_LAST_PRICE,
	VALUE_AVERAGE,
	VALUE_QUANTITY,
	VALUE_LAST,
	VALUE_FILLED,
	VALUE_LEAVES,
	VALUE_SYMBOL,
	VALUE_SIDE,
	VALUE_ORDER_TYPE,
	VALUE_IN_FORCE,
	VALUE_TIME,
	VALUE_EXECUTED,
	VALUE_STATUS,
	VALUE_REASON,
	VALUE_REASON_IF,
	VALUE_TEXT_IF,
	VALUE_REFERENCE, /* RefSeqNum */
	VALUE_RESPONSE, /* CxlRejResponseTo */
	VALUE_HEARTBEAT,
	VALUE_RESET_IF, /* ResetSeqNumFlag */
	VALUE_TEST,
	VALUE_TEST_IF,
	VALUE_GAP, /* GapFillFlag */
	VALUE_BEGIN,
	VALUE_END,
	VALUE_PASSWORD_IF,
};

/* Types that we write, in the order in which they are counted. */
#define WIRE_TYPES \
	"A5012438" \
	"9jDFGqr"
#define WIRE_TYPE_COUNT 15

/* One possible field of a body. */
struct wire_field {
	an_u16 tag;
	an_u8 value; /* VALUE_*; VALUE_NONE: `text` is all of it */
	signed char optional; /* bit of dialect_row.optional; -1 = always there */
	const char *text;
};

struct wire_body {
	char type;
	an_u8 count;
	struct wire_field fields[24];
};

/* Bits of dialect_row.optional. */
enum {
	OPTIONAL_ACCOUNT,
	OPTIONAL_INSTRUCTION,
	OPTIONAL_MINIMUM,
	OPTIONAL_FLOOR,
	OPTIONAL_SECURITY,
	OPTIONAL_CURRENCY,
	OPTIONAL_RULE,
	OPTIONAL_TEXT,
	OPTIONAL_ORDER_TYPE,
	OPTIONAL_IN_FORCE,
	OPTIONAL_NEXT_NUMBER,
	OPTIONAL_SYMBOL,
	OPTIONAL_CUSTOM,
};

#define F(tag, value) {tag, value, -1, NULL}
#define C(tag, text) {tag, VALUE_NONE, -1, text}
#define O(tag, value, bit) {tag, value, OPTIONAL_##bit, NULL}
#define P(tag, text, bit) {tag, VALUE_NONE, OPTIONAL_##bit, text}

static const struct wire_body wire_bodies[WIRE_TYPE_COUNT] = {
	{'A',
	 5,
	 {C(98, "0"), F(108, VALUE_HEARTBEAT), F(141, VALUE_RESET_IF),
	  F(554, VALUE_PASSWORD_IF), C(1137, "9")}},
	{'5', 1, {F(58, VALUE_TEXT_IF)}},
	{'0', 1, {F(112, VALUE_TEST_IF)}},
	{'1', 1, {F(112, VALUE_TEST)}},
	{'2', 2, {F(7, VALUE_BEGIN), F(16, VALUE_END)}},
	{'4', 2, {F(123, VALUE_GAP), F(36, VALUE_END)}},
	{'3',
	 4,
	 {F(45, VALUE_REFERENCE), C(372, "D"), F(373, VALUE_REASON),
	  F(58, VALUE_TEXT_IF)}},
	{'8',
	 21,
	 {F(37, VALUE_EXCHANGE),
	  F(11, VALUE_ID),
	  F(41, VALUE_ORIGINAL_IF),
	  F(17, VALUE_EXECUTION),
	  C(20, "0"),
	  F(150, VALUE_EXECUTED),
	  F(39, VALUE_STATUS),
	  O(1, VALUE_NONE, ACCOUNT),
	  F(55, VALUE_SYMBOL),
	  F(54, VALUE_SIDE),
	  F(38, VALUE_QUANTITY),
	  O(40, VALUE_ORDER_TYPE, ORDER_TYPE),
	  F(44, VALUE_PRICE_IF),
	  O(59, VALUE_IN_FORCE, IN_FORCE),
	  F(32, VALUE_LAST),
	  F(31, VALUE_LAST_PRICE),
	  F(151, VALUE_LEAVES),
	  F(14, VALUE_FILLED),
	  F(6, VALUE_AVERAGE),
	  F(60, VALUE_TIME),
	  F(103, VALUE_REASON_IF)}},
	{'9',
	 7,
	 {F(37, VALUE_EXCHANGE), F(11, VALUE_ID), F(41, VALUE_ORIGINAL),
	  F(39, VALUE_STATUS), F(434, VALUE_RESPONSE), F(102, VALUE_REASON_IF),
	  F(58, VALUE_TEXT_IF)}},
	{'j',
	 4,
	 {F(45, VALUE_REFERENCE), C(372, "D"), F(380, VALUE_REASON),
	  F(58, VALUE_TEXT_IF)}},
	{'D',
	 18,
	 {F(11, VALUE_ID), O(1, VALUE_NONE, ACCOUNT), P(18, "G", INSTRUCTION),
	  C(21, "1"), P(110, "0", MINIMUM), P(111, "0", FLOOR), F(55, VALUE_SYMBOL),
	  P(48, NULL, SECURITY), P(22, "4", SECURITY), F(54, VALUE_SIDE),
	  F(60, VALUE_TIME), F(38, VALUE_QUANTITY), F(40, VALUE_ORDER_TYPE),
	  F(44, VALUE_PRICE_IF), P(15, "EUR", CURRENCY), F(59, VALUE_IN_FORCE),
	  P(47, "P", RULE), P(0, NULL, CUSTOM)}},
	{'F',
	 7,
	 {F(41, VALUE_ORIGINAL), F(11, VALUE_ID), O(1, VALUE_NONE, ACCOUNT),
	  F(55, VALUE_SYMBOL), F(54, VALUE_SIDE), F(60, VALUE_TIME),
	  F(38, VALUE_QUANTITY)}},
	{'G',
	 12,
	 {F(41, VALUE_ORIGINAL), F(11, VALUE_ID), O(1, VALUE_NONE, ACCOUNT), C(21, "1"),
	  F(55, VALUE_SYMBOL), F(54, VALUE_SIDE), F(60, VALUE_TIME),
	  F(38, VALUE_QUANTITY), F(40, VALUE_ORDER_TYPE), F(44, VALUE_PRICE_IF),
	  P(15, "EUR", CURRENCY), F(59, VALUE_IN_FORCE)}},
	{'q',
	 4,
	 {F(11, VALUE_ID), C(530, "7"), O(55, VALUE_SYMBOL, SYMBOL),
	  F(60, VALUE_TIME)}},
	{'r', 4, {F(11, VALUE_ID), F(37, VALUE_EXCHANGE), C(530, "7"), C(531, "7")}},
};

#undef F
#undef C
#undef O
#undef P

#define WIRE_STEPS_MAX 24
#define WIRE_CONSTANT_BYTES 512

/* A piece of text, then a value and SOH. */
struct wire_step {
	an_u16 text; /* where its text begins */
	an_u8 bytes;
	an_u8 value;
	an_u8 tag_bytes; /* the end of the text that is the value's own "tag=" */
	an_u8 pad;
};

struct wire_plan {
	struct wire_step steps[WIRE_STEPS_MAX];
	an_u32 count;
	an_u32 used;
	an_u8 text[WIRE_CONSTANT_BYTES + TEXT_SPARE];
};

/* Which row of wire_bodies a type is; -1 = we do not write it. */
static inline int wire_type(char type)
{
	const char *at = type ? strchr(WIRE_TYPES, type) : NULL;

	return at ? (int)(at - WIRE_TYPES) : -1;
}

static inline int wire_is_there(const struct dialect_row *d, char type,
				const struct wire_field *f)
{
	if (f->tag == 20 && d->version != DIALECT_42)
		return 0;
	if (f->tag == 1137 && d->version != DIALECT_50)
		return 0;
	if (f->optional == OPTIONAL_CUSTOM)
		return d->custom != 0;
	return f->optional < 0 || (d->optional >> f->optional & 1);
}

/* The constant value of a field, where it has one. */
static inline an_u32 wire_constant(const struct dialect_row *d,
				   const struct wire_field *f, an_u8 *out)
{
	an_u8 *end = out;

	if (f->tag == 1) {
		memcpy(out, "ACC", 3);
		end = text_number(out + 3, d->account);
	} else if (f->optional == OPTIONAL_CUSTOM) {
		*out = 'X';
		end = text_number(out + 1, d->account % 97);
	} else if (f->tag == 48) {
		memcpy(out, "DE", 2);
		end = text_fixed(out + 2, d->account * 7919u + 1000000000u, 10);
	} else {
		memcpy(out, f->text, strlen(f->text));
		end += strlen(f->text);
	}
	return (an_u32)(end - out);
}

static inline void wire_swap(struct wire_field *a, struct wire_field *b)
{
	struct wire_field held = *a;

	*a = *b;
	*b = held;
}

/* The fields of a message in a dialect's order; their count. */
static inline an_u32 wire_order(const struct dialect_row *d, const struct wire_body *b,
				struct wire_field *out)
{
	struct chance c = chance_of(d->shuffle, WORLD_LINE, (an_u64)b->type);
	an_u32 count = 0;

	for (an_u32 i = 0; i < b->count; i++) {
		if (!wire_is_there(d, b->type, &b->fields[i]))
			continue;
		out[count] = b->fields[i];
		if (!out[count].tag)
			out[count].tag = d->custom;
		count++;
	}
	for (an_u32 i = count; i > 1 && d->order == DIALECT_SHUFFLED; i--)
		wire_swap(&out[i - 1], &out[chance_below(&c, i)]);
	for (an_u32 i = 1; i < count && d->order == DIALECT_BY_NUMBER; i++)
		for (an_u32 k = i; k && out[k - 1].tag > out[k].tag; k--)
			wire_swap(&out[k - 1], &out[k]);
	return count;
}

/* Make a dialect's plan of one type. */
static inline void wire_make(const struct dialect_row *d, const struct wire_body *b,
			     struct wire_plan *p)
{
	struct wire_field fields[WIRE_STEPS_MAX];
	an_u32 count = wire_order(d, b, fields), from = 0;

	memset(p, 0, sizeof(*p));
	for (an_u32 i = 0; i < count; i++) {
		an_u32 begin = p->used;
		an_u8 *at = p->text + begin;
		struct wire_step *s = &p->steps[p->count];

		at = text_number(at, fields[i].tag);
		*at++ = '=';
		if (fields[i].value == VALUE_NONE) {
			at += wire_constant(d, &fields[i], at);
			*at++ = 1;
			p->used = (an_u32)(at - p->text);
			continue;
		}
		p->used = (an_u32)(at - p->text);
		s->text = (an_u16)from;
		s->bytes = (an_u8)(p->used - from);
		s->tag_bytes = (an_u8)(p->used - begin);
		s->value = fields[i].value;
		p->count++;
		from = p->used;
	}
	if (p->used > from) {
		struct wire_step *s = &p->steps[p->count++];

		s->text = (an_u16)from;
		s->bytes = (an_u8)(p->used - from);
	}
}

#endif
