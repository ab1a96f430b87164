/* SPDX-License-Identifier: Apache-2.0 */
/* A dialect's messages as plans: lists of steps, each a piece of constant text and a
 * value that follows it. */
#ifndef AIRNET_WIRE_PLAN_H
#define AIRNET_WIRE_PLAN_H

#include "wire_dialect.h"

#define WIRE_STEPS_MAX 24
#define WIRE_CONSTANT_BYTES 512

/* A piece of text, then a value and SOH. */
struct wire_step {
	an_u16 text; /* where its text begins */
	an_u8 bytes;
	an_u8 value;
	an_u8 tag_bytes; /* the end of the text that is the value's own "tag=" */
	an_u8 is_sized; /* its value's size depends on the message */
};

struct wire_plan {
	struct wire_step steps[WIRE_STEPS_MAX];
	an_u32 count;
	an_u32 used;
	an_u32 constant_bytes; /* of a body with every value, but for sized ones */
	an_u8 text[WIRE_CONSTANT_BYTES + TEXT_SPARE];
};

/* Which row of wire_bodies a type is, and one; 0 = we do not write it. */
static const an_u8 wire_types[128] = {
	['A'] = 1,  ['5'] = 2,	['0'] = 3,  ['1'] = 4,	['2'] = 5,
	['4'] = 6,  ['3'] = 7,	['8'] = 8,  ['9'] = 9,	['j'] = 10,
	['D'] = 11, ['F'] = 12, ['G'] = 13, ['q'] = 14, ['r'] = 15,
};

/* -1 = we do not write it. */
static inline int wire_type(char type)
{
	return (int)wire_types[(an_u8)type & 127] - 1;
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

/* Bytes of a value that every message of a dialect writes alike; 0 = it has none. */
static inline an_u32 wire_same_bytes(const struct dialect_row *d, an_u8 value)
{
	switch (value) {
	case VALUE_SIDE:
	case VALUE_ORDER_TYPE:
	case VALUE_IN_FORCE:
	case VALUE_EXECUTED:
	case VALUE_STATUS:
	case VALUE_RESPONSE:
		return 1;
	case VALUE_TIME:
		return text_time_bytes(d->time_digits);
	default:
		return 0;
	}
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
		s->is_sized = !wire_same_bytes(d, s->value);
		p->constant_bytes += wire_same_bytes(d, s->value) + 1;
		p->count++;
		from = p->used;
	}
	if (p->used > from) {
		struct wire_step *s = &p->steps[p->count++];

		s->text = (an_u16)from;
		s->bytes = (an_u8)(p->used - from);
	}
	p->constant_bytes += p->used;
}

#endif
