/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the places behind <SOH> to fields: which tag each has, where the first of each
 * tag we read stands, and what is wrong. Field i begins at places[i - 1] and its <SOH>
 * is before places[i]; fields 0 and 1 are BeginString and BodyLength. No branch depends
 * on which tags there are, but for length fields and long tags: an unforeseen order of
 * tags costs no more than a usual one.
 */
#ifndef AIRNET_FIXWALK_H
#define AIRNET_FIXWALK_H

#include "fix.h"
#include "fixtags.h"

#define FIX_FIRST 2 /* the first field of the body */
#define FIX_SHORT_TAG 6 /* digits of tags that layouts hold */

/* Where fields stand: of one message, or of all that have one layout. */
struct fix_fields {
	/* The pair of places about the field that has the slot's tag first, counted
	 * from FIX_ABSENT places before the first; see there. */
	an_u16 at[FIX_SLOTS];
	an_u32 seen; /* bit by slot */
	an_u32 repeated; /* bit by slot */
	an_u32 has_bad_field; /* one is no tag=value */
	an_u32 has_bad_type; /* the first is not MsgType */
	an_u32 is_special; /* has data fields or long tags: no layout */
	an_u32 layout; /* what fix_layout_sum returned; 0 while nobody asked */
};

/* Before the places lie pairs for what is not there: with the lead of its slot the
 * value of one begins and ends at 0. Behind those is where the message begins. */
#define FIX_ABSENT 7
#define FIX_ABSENT_PAIR(lead) (2 * ((lead) - 2))
#define FIX_PAIR(field) ((field) + FIX_ABSENT - 1)

/* A scanned message. */
struct fix_walk {
	const an_u8 *body;
	const an_u16 *places;
	an_u32 count;
};

static const an_u16 fix_nowhere[FIX_SLOTS] = {
	[FIX_BEGIN_STRING] = FIX_PAIR(0),
	[FIX_BODY_LENGTH] = FIX_PAIR(1),
	[FIX_MSG_TYPE... FIX_EXEC_TYPE - 1] = FIX_ABSENT_PAIR(3),
	[FIX_EXEC_TYPE] = FIX_ABSENT_PAIR(4),
	[FIX_EXEC_TYPE + 1 ... FIX_LEAVES_QTY - 1] = FIX_ABSENT_PAIR(3),
	[FIX_LEAVES_QTY] = FIX_ABSENT_PAIR(4),
	[FIX_LEAVES_QTY + 1 ... FIX_SLOTS - 1] = FIX_ABSENT_PAIR(3),
};

/* A table of FIX_LOOKUP places in which every tag of fix_slots has one of its own: its
 * three digits, each by a table of its own, xor. */
#define FIX_LOOKUP 128
static const an_u8 fix_spreads[3][16] = {
	{81, 99, 5, 45, 39, 15, 67, 52, 13, 62}, /* of the last digit */
	{79, 37, 113, 99, 49, 81, 58, 59, 72, 2},
	{0, 64, 124, 23, 61, 94, 41, 95, 2, 127},
};

struct fix_lookup {
	an_u8 low[FIX_LOOKUP]; /* the last two digits */
	an_u8 high[FIX_LOOKUP]; /* the first digit, and in the low bits the slot */
};

static inline void fix_lookup_begin(struct fix_lookup *lookup)
{
	an_u32 place, at;

	for (place = 0; place < FIX_PLACES; place++) {
		if (!fix_slots[place])
			continue;
		at = fix_spreads[0][place & 15] ^ fix_spreads[1][place >> 4 & 15] ^
		     fix_spreads[2][place >> 8];
		lookup->low[at] = (an_u8)place;
		lookup->high[at] = (an_u8)(place >> 8 << 5 | fix_slots[place]);
	}
}

struct fix_tag {
	an_u32 digits; /* how many, 0 = it is none */
	an_u32 place; /* in fix_slots, of one of up to three digits */
};

FIX_INLINE an_u32 fix_start(const struct fix_walk *walk, an_u32 field)
{
	return walk->places[field - 1];
}

/* Bytes of a field without its <SOH>. The place behind a body of 2**16 is 0. */
FIX_INLINE an_u32 fix_left(const struct fix_walk *walk, an_u32 field)
{
	return (an_u16)(walk->places[field] - walk->places[field - 1] - 1);
}

/* The eight or nine digits of which `word` is the first eight. */
FIX_INLINE struct fix_tag fix_long_tag(const an_u8 *at, an_u32 left, an_u64 word)
{
	struct fix_tag tag = {0, 0};

	if (left < 10 || fix_not_digits(word ^ FIX_EACH('0')) || *at == '0')
		return tag;
	if (at[8] == '=')
		tag.digits = 8;
	else if (fix_digit(at[8]) && at[9] == '=')
		tag.digits = 9;
	return tag;
}

/* The tag at `at`, of a field of `left` bytes. Eight bytes there are the message's. */
FIX_INLINE struct fix_tag fix_tag(const an_u8 *at, an_u32 left)
{
	an_u64 word = fix_word(at), digits;
	an_u64 equals = fix_first_zero(word ^ FIX_EACH('='));
	struct fix_tag tag;
	an_u32 n;

	if (__builtin_expect(equals == 0, 0))
		return fix_long_tag(at, left, word);
	n = (an_u32)__builtin_ctzll(equals) >> 3;
	digits = (word ^ FIX_EACH('0')) << 8 << (56 - 8 * n);
	tag.place = (an_u32)((digits >> 40) * 0x1001001ULL >> 16) & (FIX_PLACES - 1);
	/* <SOH> is no digit: where '=' is another field's, this is no tag. */
	tag.digits = n & (0 - (an_u32) !((fix_not_digits(digits) != 0) |
					 ((word & 0xff) == '0')));
	return tag;
}

/* The field that ends where the length in `field` says, when that is an <SOH> of the
 * body and the field behind is of type data; otherwise `field`. */
static inline an_u32 fix_over_data(const struct fix_walk *walk, an_u32 field,
				   struct fix_tag tag)
{
	struct cursor length = {
		walk->body + fix_start(walk, field) + tag.digits + 1,
		walk->body + fix_start(walk, field) + fix_left(walk, field),
	};
	an_u32 start = walk->places[field],
	       last = (an_u16)(walk->places[walk->count - 1] - 1);
	struct fix_tag data;
	an_u64 bytes;

	if (field + 1 == walk->count || fix_unsigned(length, &bytes))
		return field;
	data = fix_tag(walk->body + start, 0);
	start += data.digits + 1;
	if (data.digits == 0 || data.digits > 3 || bytes == 0 ||
	    data.place != fix_data_place(tag.place) || bytes > last ||
	    start + bytes > last || walk->body[start + bytes] != FIX_SOH)
		return field;
	while ((an_u16)(walk->places[field] - 1) != start + bytes)
		field++;
	return field;
}

/* Find the fields of a message. */
FIX_INLINE void fix_find(const struct fix_walk *walk, struct fix_fields *fields)
{
	an_u32 repeated = 0, bad = 0, special = 0, field, slot, bit, start, left;
	an_u32 is_first;
	an_u32 seen = FIX_BIT(FIX_BEGIN_STRING) | FIX_BIT(FIX_BODY_LENGTH) |
		      FIX_BIT(FIX_CHECK_SUM);
	struct fix_tag tag;

	memcpy(fields->at, fix_nowhere, sizeof(fields->at));
	for (field = FIX_FIRST; field < walk->count; field++) {
		start = fix_start(walk, field);
		left = fix_left(walk, field);
		tag = fix_tag(walk->body + start, left);
		slot = (tag.digits == 0) | (left == tag.digits + 1);
		bad |= slot;
		special |= tag.digits > FIX_SHORT_TAG;
		slot = fix_slots[tag.place] & (0 - (an_u32) !(slot | (tag.digits > 3)));
		bit = FIX_BIT(slot);
		repeated |= seen & bit;
		is_first = 0 - (~seen >> slot & 1);
		fields->at[slot & is_first] = (an_u16)FIX_PAIR(field);
		seen |= bit;
		if (__builtin_expect(slot == FIX_LENGTH, 0)) {
			field = fix_over_data(walk, field, tag);
			special = 1;
		}
	}
	fields->at[FIX_NO_SLOT] = fix_nowhere[FIX_NO_SLOT];
	fields->seen = seen & ~FIX_BIT(FIX_NO_SLOT);
	fields->repeated = repeated;
	fields->has_bad_field = bad;
	fields->has_bad_type = !(seen & FIX_BIT(FIX_MSG_TYPE)) ||
			       fields->at[FIX_MSG_TYPE] != FIX_PAIR(FIX_FIRST);
	fields->is_special = special;
	fields->layout = 0;
}

#endif
