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
/* Fields of most messages, and of few: no other branch on how many there are. */
#define FIX_MOST 40
#define FIX_FEW 16

struct fix_text {
	an_u8 *slots; /* by field; outside, so that the rest can be in registers */
	an_u32 fields;
	an_u32 known; /* fields with a slot */
	an_u64 bad; /* not plain */
	__m512i before; /* the block before; at first all '=' */
	an_u64 equals; /* in it */
	__m512i seen; /* bits by slot, of all fields together */
};

/* The digits before each byte of the text, the last in n[0]; 0 where there is none. */
struct fix_endings {
	__m512i n[3];
	an_u64 is_longer; /* than three digits */
};

/* The bytes of a block of text `by` places further on. */
FIX_WIDE_INLINE __m512i fix_later(const struct fix_text *text, __m512i bytes, an_u32 by)
{
	__m512i from = _mm512_loadu_si512(fix_counts + FIX_BLOCK - by);

	return _mm512_permutex2var_epi8(text->before, from, bytes);
}

/* The bits of '=' in a block of text `by` places further on. */
FIX_WIDE_INLINE an_u64 fix_equals_later(const struct fix_text *text, an_u64 equals,
					an_u32 by)
{
	return equals << by | text->equals >> (FIX_BLOCK - by);
}

FIX_WIDE_INLINE struct fix_endings fix_digits_before(const struct fix_text *text,
						     __m512i bytes, an_u64 equals)
{
	const __m512i low = _mm512_set1_epi8(0xf);
	an_u64 some = ~fix_equals_later(text, equals, 2);
	an_u64 more = some & ~fix_equals_later(text, equals, 3);
	struct fix_endings endings;

	endings.n[0] = _mm512_and_si512(fix_later(text, bytes, 1), low);
	endings.n[1] = _mm512_and_si512(fix_later(text, bytes, 2), low);
	endings.n[1] = _mm512_maskz_mov_epi8(some, endings.n[1]);
	endings.n[2] = _mm512_and_si512(fix_later(text, bytes, 3), low);
	endings.n[2] = _mm512_maskz_mov_epi8(more, endings.n[2]);
	endings.is_longer = more & ~fix_equals_later(text, equals, 4);
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

/* A bit by slot for each of 16. */
FIX_WIDE_INLINE __m512i fix_bits_of(__m128i slots)
{
	return _mm512_sllv_epi32(_mm512_set1_epi32(1), _mm512_cvtepu8_epi32(slots));
}

/* Tags of a block of text -> slots. `keep` says which of its bytes are there. */
FIX_WIDE_INLINE void fix_text_block(const struct fix_lookup *lookup,
				    struct fix_text *text, const an_u8 *at, an_u64 keep)
{
	__m512i bytes = _mm512_loadu_si512(at), digits, slots;
	an_u64 equals = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('=')) & keep;
	an_u64 before = fix_equals_later(text, equals, 1);
	struct fix_endings endings = fix_digits_before(text, bytes, equals);

	digits = _mm512_sub_epi8(bytes, _mm512_set1_epi8('0'));
	text->bad |=
		_mm512_cmpgt_epu8_mask(digits, _mm512_set1_epi8(9)) & keep & ~equals;
	/* No digit before '=', or a zero behind one. */
	text->bad |=
		before & (equals | (_mm512_testn_epi8_mask(digits, digits) & keep));
	endings.is_longer &= equals;
	if (endings.is_longer)
		text->bad |= endings.is_longer & ~fix_equals_later(text, equals, 5) &
			     ~fix_equals_later(text, equals, 6) &
			     ~fix_equals_later(text, equals, 7);
	text->before = bytes;
	text->equals = equals;
	slots = fix_text_slots(lookup, &endings);
	slots = _mm512_maskz_compress_epi8(equals, slots);
	_mm512_storeu_si512(text->slots + text->fields, slots);
	text->seen =
		_mm512_or_si512(text->seen, fix_bits_of(_mm512_castsi512_si128(slots)));
	text->seen = _mm512_or_si512(text->seen,
				     fix_bits_of(_mm512_extracti32x4_epi32(slots, 1)));
	text->known +=
		(an_u32)__builtin_popcountll(_mm512_test_epi8_mask(slots, slots));
	text->fields += (an_u32)__builtin_popcountll(equals);
}

/* Where the first field of each slot stands; from the last of `n` fields to the first;
 * behind the last there are some without a slot. */
FIX_WIDE_INLINE void fix_text_firsts(const struct fix_text *text, an_u32 n, an_u16 *at)
{
	an_u32 field = (n + FIX_UNROLLED - 1) / FIX_UNROLLED * FIX_UNROLLED;
	int i;

	while (__builtin_expect(field > FIX_MOST, 0)) {
#pragma GCC unroll 8
		for (i = 0; i < FIX_UNROLLED; i++) {
			field--;
			at[text->slots[field]] = (an_u16)FIX_PAIR(field);
		}
	}
	if (n > FIX_FEW) {
#pragma GCC unroll 24
		for (i = FIX_MOST - 1; i >= FIX_FEW; i--)
			at[text->slots[i]] = (an_u16)FIX_PAIR(i);
	}
#pragma GCC unroll 16
	for (i = FIX_FEW - 1; i >= 0; i--)
		at[text->slots[i]] = (an_u16)FIX_PAIR(i);
	at[FIX_NO_SLOT] = fix_nowhere[FIX_NO_SLOT];
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
	an_u8 slots[FIX_LAYOUT_TAGS + FIX_BLOCK]; /* were all of the text '=' */

	if (n >= FIX_LAYOUT_TAGS || scan->has_empty)
		return -1;
	text.slots = slots;
	text.before = _mm512_set1_epi8('=');
	text.equals = ~0ULL;
	text.fields = text.known = 0;
	text.bad = 0;
	text.seen = _mm512_setzero_si512();
	fix_text_block(lookup, &text, scan->tags,
		       fix_low(n < FIX_BLOCK ? n : FIX_BLOCK));
	for (at = FIX_BLOCK; at < n; at += FIX_BLOCK)
		fix_text_block(lookup, &text, scan->tags + at,
			       fix_low(n - at < FIX_BLOCK ? n - at : FIX_BLOCK));
	if (text.bad)
		return -1;
	memcpy(fields->at, fix_nowhere, sizeof(fields->at));
	fix_text_firsts(&text, scan->count, fields->at);
	seen = (an_u32)_mm512_reduce_or_epi32(text.seen) & ~FIX_BIT(FIX_NO_SLOT);
	if (seen & FIX_BIT(FIX_LENGTH))
		return -1;
	fields->repeated = 0;
	if (text.known != (an_u32)__builtin_popcount(seen) ||
	    seen & FIX_BIT(FIX_CHECK_SUM))
		fields->repeated = fix_text_repeated(&text);
	fields->seen = seen | FIX_BIT(FIX_CHECK_SUM);
	fields->has_bad_field = fields->is_special = 0;
	fields->layout = 0;
	fields->has_bad_type = !(seen & FIX_BIT(FIX_MSG_TYPE)) ||
			       fields->at[FIX_MSG_TYPE] != FIX_PAIR(FIX_FIRST);
	return 0;
}

/* As fix_fields, of a message without the layout that its type had last. Apart, so that
 * the path above it stays short. */
FIX_APART FIX_WIDE const struct fix_fields *fix_fields_wide(struct fix_reader *reader,
							    const struct fix_walk *walk,
							    const struct fix_scan *scan)
{
	struct fix_fields *fields = &reader->fields;
	struct fix_layout *layout;
	an_u64 hash = 0;
	an_u32 number;

	if (reader->has_layouts && !scan->has_empty &&
	    scan->tag_bytes < FIX_LAYOUT_TAGS) {
		hash = fix_layout_hash_wide(scan, walk->body);
		number = fix_layout_number(reader, hash);
		layout = &reader->layouts[number];
		if (reader->hashes[number] == (an_u32)hash &&
		    fix_layout_fits_wide(layout, scan)) {
			reader->last[fix_last(walk->body)] = layout;
			return &layout->fields;
		}
	}
	if (fix_find_wide(&reader->lookup, scan, fields))
		fix_find_apart(walk, fields);
	if (!hash || fields->has_bad_field | fields->has_bad_type | fields->is_special)
		return fields;
	if (fix_layout_is_second(reader, hash)) {
		number = fix_layout_place(reader, hash);
		reader->hashes[number] = (an_u32)hash;
		fields->layout = fix_layout_sum(&reader->senses, walk);
		fix_layout_keep_wide(&reader->layouts[number], scan, fields);
	}
	return fields;
}

#endif
#endif
