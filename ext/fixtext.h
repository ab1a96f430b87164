/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk of processors with AVX-512 VBMI2: from the text of tags that the scan wrote
 * (fixwide.h) to fields, up to 64 bytes of it at a time. What is not plain there (no
 * tag, an empty value, a data field, more digits than a layout holds) is left to
 * fix_find.
 */
#ifndef AIRNET_FIXTEXT_H
#define AIRNET_FIXTEXT_H

#include "fixwide.h"

#ifdef __x86_64__

#define FIX_SLOT_BITS 5
#define FIX_UNROLLED 8

struct fix_text {
	an_u8 slots[FIX_LAYOUT_TAGS + FIX_BLOCK]; /* were all of the text '=' */
	an_u32 fields;
	an_u32 known; /* fields with a slot */
	an_u64 bad; /* not plain */
};

/* The digits before each byte of the text, the last in n[0]; 0 where there is none. */
struct fix_endings {
	__m512i n[3];
	an_u64 is_longer; /* than three digits */
};

FIX_WIDE_INLINE an_u64 fix_is_equals(const an_u8 *at)
{
	return _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(at), _mm512_set1_epi8('='));
}

FIX_WIDE_INLINE struct fix_endings fix_digits_before(const an_u8 *at)
{
	const __m512i low = _mm512_set1_epi8(0xf);
	an_u64 some = ~fix_is_equals(at - 2), more = some & ~fix_is_equals(at - 3);
	struct fix_endings endings;

	endings.n[0] = _mm512_and_si512(_mm512_loadu_si512(at - 1), low);
	endings.n[1] = _mm512_and_si512(_mm512_loadu_si512(at - 2), low);
	endings.n[1] = _mm512_maskz_mov_epi8(some, endings.n[1]);
	endings.n[2] = _mm512_and_si512(_mm512_loadu_si512(at - 3), low);
	endings.n[2] = _mm512_maskz_mov_epi8(more, endings.n[2]);
	endings.is_longer = more & ~fix_is_equals(at - 4);
	return endings;
}

FIX_WIDE_INLINE __m512i fix_spread(const an_u8 *sixteen, __m512i numbers)
{
	__m128i table = _mm_loadu_si128((const __m128i *)sixteen);

	return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(table), numbers);
}

FIX_WIDE_INLINE __m512i fix_look_up(const an_u8 *table, __m512i place)
{
	return _mm512_permutex2var_epi8(_mm512_loadu_si512(table), place,
					_mm512_loadu_si512(table + FIX_BLOCK));
}

/* The slots of the tags that end before each '=' of a block of text. */
FIX_WIDE_INLINE __m512i fix_text_slots(const struct fix_lookup *lookup,
				       const struct fix_endings *endings)
{
	__m512i hash = fix_spread(fix_spreads[0], endings->n[0]), found, two;
	an_u64 is_one;

	hash = _mm512_xor_si512(hash, fix_spread(fix_spreads[1], endings->n[1]));
	hash = _mm512_xor_si512(hash, fix_spread(fix_spreads[2], endings->n[2]));
	two = _mm512_slli_epi16(endings->n[1], 4);
	two = _mm512_or_si512(two, endings->n[0]);
	is_one = _mm512_cmpeq_epi8_mask(fix_look_up(lookup->low, hash), two);
	found = fix_look_up(lookup->high, hash);
	two = _mm512_srli_epi16(found, FIX_SLOT_BITS);
	two = _mm512_and_si512(two, _mm512_set1_epi8(7));
	is_one &= _mm512_cmpeq_epi8_mask(two, endings->n[2]) & ~endings->is_longer;
	found = _mm512_and_si512(found, _mm512_set1_epi8(FIX_SLOTS - 1));
	return _mm512_maskz_mov_epi8(is_one, found);
}

/* Tags of a block of text -> slots. `keep` says which of its bytes are there. */
FIX_WIDE_INLINE void fix_text_block(const struct fix_lookup *lookup,
				    struct fix_text *text, const an_u8 *at, an_u64 keep)
{
	__m512i bytes = _mm512_loadu_si512(at), digits, slots;
	an_u64 equals = fix_is_equals(at) & keep, before = fix_is_equals(at - 1);
	struct fix_endings endings = fix_digits_before(at);

	digits = _mm512_sub_epi8(bytes, _mm512_set1_epi8('0'));
	text->bad |=
		_mm512_cmpgt_epu8_mask(digits, _mm512_set1_epi8(9)) & keep & ~equals;
	/* No digit before '=', or a zero behind one. */
	text->bad |=
		before & (equals | (_mm512_testn_epi8_mask(digits, digits) & keep));
	endings.is_longer &= equals;
	if (endings.is_longer)
		text->bad |= endings.is_longer & ~fix_is_equals(at - 5) &
			     ~fix_is_equals(at - 6) & ~fix_is_equals(at - 7);
	slots = fix_text_slots(lookup, &endings);
	slots = _mm512_maskz_compress_epi8(equals, slots);
	_mm512_storeu_si512(text->slots + text->fields, slots);
	text->known +=
		(an_u32)__builtin_popcountll(_mm512_test_epi8_mask(slots, slots));
	text->fields += (an_u32)__builtin_popcountll(equals);
}

/* Where the first field of each slot stands; those there are. From the last field to
 * the first; behind the last there are some without a slot. */
FIX_WIDE_INLINE an_u32 fix_text_firsts(const struct fix_text *text, an_u16 *at)
{
	an_u32 field = (text->fields + FIX_UNROLLED - 1) / FIX_UNROLLED * FIX_UNROLLED;
	an_u32 seen = 0, slot;
	int i;

	while (field) {
#pragma GCC unroll 8
		for (i = 0; i < FIX_UNROLLED; i++) {
			slot = text->slots[--field];
			at[slot] = (an_u16)FIX_PAIR(field);
			seen |= FIX_BIT(slot);
		}
	}
	at[FIX_NO_SLOT] = fix_nowhere[FIX_NO_SLOT];
	return seen & ~FIX_BIT(FIX_NO_SLOT);
}

static inline an_u32 fix_text_repeated(const struct fix_text *text)
{
	an_u32 seen = FIX_BIT(FIX_CHECK_SUM), repeated = 0, field;

	for (field = 0; field < text->fields; field++) {
		repeated |= seen & FIX_BIT(text->slots[field]);
		seen |= FIX_BIT(text->slots[field]);
	}
	return repeated;
}

/* As fix_find, or -1 and nothing done. */
FIX_WIDE_INLINE int fix_find_wide(const struct fix_lookup *lookup,
				  const struct fix_scan *scan,
				  struct fix_fields *fields)
{
	an_u32 n = scan->tag_bytes, at, seen;
	struct fix_text text;

	if (n >= FIX_LAYOUT_TAGS || scan->has_empty)
		return -1;
	text.fields = text.known = 0;
	text.bad = 0;
	for (at = 0; at < n; at += FIX_BLOCK)
		fix_text_block(lookup, &text, scan->tags + at,
			       fix_low(n - at < FIX_BLOCK ? n - at : FIX_BLOCK));
	if (text.bad)
		return -1;
	memcpy(fields->at, fix_nowhere, sizeof(fields->at));
	seen = fix_text_firsts(&text, fields->at);
	if (seen & FIX_BIT(FIX_LENGTH))
		return -1;
	fields->repeated = 0;
	if (text.known != (an_u32)__builtin_popcount(seen) ||
	    seen & FIX_BIT(FIX_CHECK_SUM))
		fields->repeated = fix_text_repeated(&text);
	fields->seen = seen | FIX_BIT(FIX_CHECK_SUM);
	fields->has_bad_field = fields->is_special = 0;
	fields->has_bad_type = !(seen & FIX_BIT(FIX_MSG_TYPE)) ||
			       fields->at[FIX_MSG_TYPE] != FIX_PAIR(FIX_FIRST);
	return 0;
}

/* Where the type of a message has the number of the layout that it had last. */
static inline an_u32 fix_last(const an_u8 *body)
{
	an_u16 type;

	memcpy(&type, body + 3, 2);
	return type * 0x9e3779b1U >> FIX_LAST_SHIFT;
}

/* As fix_fields, of a message without the layout that its type had last. Apart, so that
 * the path above it stays short. */
static FIX_WIDE __attribute__((noinline)) const struct fix_fields *
fix_fields_wide(struct fix_reader *reader, const struct fix_walk *walk,
		const struct fix_scan *scan)
{
	an_u64 hash = fix_layout_hash_wide(scan, walk->body);
	struct fix_layout *layout = &reader->layouts[hash >> FIX_LAYOUT_SHIFT];
	struct fix_fields *fields = &reader->fields;

	if (reader->has_layouts && !scan->has_empty &&
	    fix_layout_fits_wide(layout, scan)) {
		reader->last[fix_last(walk->body)] = (an_u8)(hash >> FIX_LAYOUT_SHIFT);
		return &layout->fields;
	}
	if (fix_find_wide(&reader->lookup, scan, fields))
		fix_find_apart(walk, fields);
	if (scan->has_empty || scan->tag_bytes >= FIX_LAYOUT_TAGS ||
	    fields->has_bad_field | fields->has_bad_type | fields->is_special)
		return fields;
	if (layout->candidate == hash)
		fix_layout_keep_wide(layout, scan, fields);
	layout->candidate = hash;
	return fields;
}

#endif
#endif
