/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The path of processors with AVX-512 VBMI2, which gather bytes of a block by a mask.
 * The scan also writes all tags behind one another, each with its '=': layouts are
 * compared 64 bytes at a time, and what no layout fits is walked on that text.
 *
 * Where a tag is: with the blocks as one number, first byte lowest, E the bits of '=',
 * S those behind <SOH>, E - S has ones from each S up to the next E, which it clears;
 * (E - S) ^ E is those and that E. Where a field has no '=', the <SOH> behind it is
 * among them, so that the text is none that a layout has.
 */
#ifndef AIRNET_FIXWIDE_H
#define AIRNET_FIXWIDE_H

#include "fixlayout.h"

#ifdef __x86_64__

#define FIX_WIDE \
	__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi," \
			      "avx512vbmi2,bmi,bmi2,popcnt,lzcnt")))
#define FIX_WIDE_INLINE static inline FIX_WIDE __attribute__((always_inline))
#define FIX_HALF (FIX_BLOCK / 2)

/* What is carried from one block to the next. */
struct fix_wide {
	__m512i sum; /* of bytes, each modulo 256 */
	__m512i differs; /* the tags from those of the layout */
	__m512i base; /* of the block's places */
	const an_u8 *known; /* tags of the layout */
	an_u64 empty;
	an_u64 after_soh;
	an_u64 after_tag;
	an_u64 is_tag; /* the block before ended in one */
};

/* Of a block: <SOH>, the bytes behind one, and those of tags. */
struct fix_marks {
	an_u64 soh;
	an_u64 starts;
	an_u64 tags;
};

FIX_WIDE_INLINE an_u64 fix_low(an_u32 n)
{
	return _bzhi_u64(~0ULL, n);
}

FIX_WIDE_INLINE struct fix_marks fix_marks(struct fix_wide *state, __m512i bytes,
					   an_u64 keep)
{
	an_u64 soh = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(FIX_SOH));
	an_u64 equals = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('=')), below;
	struct fix_marks marks;

	/* Arithmetic is slow in mask registers, where gcc would leave them. */
	__asm__("" : "+r"(soh), "+r"(equals));
	soh &= keep;
	marks.soh = soh;
	marks.starts = soh << 1 | state->after_soh;
	below = equals - marks.starts;
	marks.tags = ((below - state->is_tag) ^ equals) & keep;
	state->is_tag = (an_u64)(equals < marks.starts) | (below < state->is_tag);
	state->empty |= (marks.tags << 1 | state->after_tag) & soh;
	state->after_soh = soh >> 63;
	state->after_tag = marks.tags >> 63;
	return marks;
}

#define FIX_COUNT_8(n) n, n + 1, n + 2, n + 3, n + 4, n + 5, n + 6, n + 7
static const an_u8 fix_counts[3 * FIX_BLOCK] = {
	FIX_COUNT_8(0),	  FIX_COUNT_8(8),   FIX_COUNT_8(16),  FIX_COUNT_8(24),
	FIX_COUNT_8(32),  FIX_COUNT_8(40),  FIX_COUNT_8(48),  FIX_COUNT_8(56),
	FIX_COUNT_8(64),  FIX_COUNT_8(72),  FIX_COUNT_8(80),  FIX_COUNT_8(88),
	FIX_COUNT_8(96),  FIX_COUNT_8(104), FIX_COUNT_8(112), FIX_COUNT_8(120),
	FIX_COUNT_8(128),
};

/* Where in its block the bytes of a mask are, the first being `first`. */
FIX_WIDE_INLINE __m512i fix_numbers(an_u64 mask, an_u32 first)
{
	return _mm512_maskz_compress_epi8(mask, _mm512_loadu_si512(fix_counts + first));
}

FIX_WIDE_INLINE void fix_places_wide(struct fix_scan *scan, struct fix_wide *state,
				     an_u64 starts)
{
	__m512i found = fix_numbers(starts, 0);
	an_u16 *out = scan->places + scan->count;
	an_u32 n = (an_u32)__builtin_popcountll(starts);
	__m512i half = _mm512_cvtepu8_epi16(_mm512_castsi512_si256(found));

	_mm512_storeu_si512(out, _mm512_add_epi16(half, state->base));
	if (__builtin_expect(n > FIX_HALF, 0)) {
		half = _mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64(found, 1));
		half = _mm512_add_epi16(half, state->base);
		_mm512_storeu_si512(out + FIX_HALF, half);
	}
	scan->count += n;
	state->base = _mm512_add_epi16(state->base, _mm512_set1_epi16(FIX_BLOCK));
}

FIX_WIDE_INLINE void fix_tags_wide(struct fix_scan *scan, struct fix_wide *state,
				   __m512i bytes, an_u64 tags)
{
	__m512i text = _mm512_maskz_compress_epi8(tags, bytes), known;
	an_u32 n = (an_u32)__builtin_popcountll(tags);

	_mm512_storeu_si512(scan->tags + scan->tag_bytes, text);
	known = _mm512_maskz_loadu_epi8(fix_low(n), state->known + scan->tag_bytes);
	/* differs | text ^ known */
	state->differs = _mm512_ternarylogic_epi64(state->differs, text, known, 0xf6);
	n += scan->tag_bytes;
	scan->tag_bytes = n < FIX_LAYOUT_TAGS ? n : FIX_LAYOUT_TAGS;
}

/* Scan one block; `keep` says which of its bytes are the message's. */
FIX_WIDE_INLINE void fix_block_wide(struct fix_scan *scan, struct fix_wide *state,
				    __m512i bytes, an_u64 keep)
{
	struct fix_marks marks = fix_marks(state, bytes, keep);

	state->sum = _mm512_add_epi8(state->sum, bytes);
	fix_tags_wide(scan, state, bytes, marks.tags);
	fix_places_wide(scan, state, marks.starts);
}

/* The sum, modulo 256, of bytes that are sums modulo 256. */
FIX_WIDE_INLINE an_u32 fix_sum_wide(__m512i bytes)
{
	__m256i half = _mm256_add_epi8(_mm512_castsi512_si256(bytes),
				       _mm512_extracti64x4_epi64(bytes, 1));
	__m128i sum = _mm_add_epi8(_mm256_castsi256_si128(half),
				   _mm256_extracti128_si256(half, 1));

	sum = _mm_sad_epu8(_mm_add_epi8(sum, _mm_unpackhi_epi64(sum, sum)),
			   _mm_setzero_si128());
	return (an_u32)_mm_cvtsi128_si32(sum) & 0xff;
}

/* Scan a message; returns whether its tags are a layout's, and no others. */
FIX_WIDE_INLINE int fix_scan_wide(struct fix_scan *out, const an_u8 *bytes, an_u32 n,
				  an_u32 base, const struct fix_layout *layout)
{
	struct fix_wide state = {
		.sum = _mm512_setzero_si512(),
		.differs = _mm512_setzero_si512(),
		.base = _mm512_set1_epi16((short)(base - 1)),
		.after_soh = 1,
		.known = layout->tags,
	};
	/* In registers; from the place where the message begins. */
	struct fix_scan scan = {.places = out->places - 1, .tags = out->tags};
	an_u64 keep;

	for (; n >= FIX_BLOCK; n -= FIX_BLOCK, bytes += FIX_BLOCK)
		fix_block_wide(&scan, &state, _mm512_loadu_si512(bytes), ~0ULL);
	keep = fix_low(n);
	fix_block_wide(&scan, &state, _mm512_maskz_loadu_epi8(keep, bytes), keep);
	scan.count--;
	out->count = scan.count;
	out->tag_bytes = scan.tag_bytes;
	out->sum = fix_sum_wide(state.sum);
	out->has_empty = state.empty != 0;
	return !(_mm512_test_epi64_mask(state.differs, state.differs) | state.empty) &&
	       layout->count == scan.count && layout->tag_bytes == scan.tag_bytes;
}

/* Whether a layout has the tags that were scanned, and no others. */
FIX_WIDE_INLINE int fix_layout_fits_wide(const struct fix_layout *layout,
					 const struct fix_scan *scan)
{
	an_u32 n = scan->tag_bytes, at;
	an_u64 differs = 0, keep;

	if (layout->tag_bytes != n || layout->count != scan->count)
		return 0;
	for (at = 0; at < n; at += FIX_BLOCK) {
		keep = fix_low(n - at < FIX_BLOCK ? n - at : FIX_BLOCK);
		differs |= _mm512_mask_cmpneq_epi8_mask(
			keep, _mm512_loadu_si512(scan->tags + at),
			_mm512_loadu_si512(layout->tags + at));
	}
	return differs == 0;
}

/* As fix_layout_hash: how many fields and bytes of tags there are, MsgType, and three
 * tags or more from behind. */
FIX_WIDE_INLINE an_u64 fix_layout_hash_wide(const struct fix_scan *scan,
					    const an_u8 *body)
{
	const an_u8 *end = scan->tags + scan->tag_bytes;
	an_u64 hash = fix_word(end - 8) ^ fix_word(end - scan->tag_bytes / 2) << 3;
	an_u16 type;

	memcpy(&type, body + 3, 2);
	hash ^= (an_u64)type << 29 ^ scan->count ^ (an_u64)scan->tag_bytes << 48;
	hash *= FIX_KEY_FACTOR;
	return (hash ^ hash >> 32) * FIX_KEY_START;
}

/* The numbers of the places about 16 fields, counted from where the message begins. */
FIX_WIDE_INLINE __m512i fix_plan(const an_u16 *at)
{
	__m512i field = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)at));

	field = _mm512_sub_epi32(field, _mm512_set1_epi32(FIX_PAIR(0)));
	field = _mm512_or_si512(field, _mm512_slli_epi32(field, 16));
	return _mm512_add_epi32(field, _mm512_set1_epi32(0x10000));
}

/* As fix_plan, counted from behind the first <SOH>; -1 for what was not seen. */
FIX_WIDE_INLINE void fix_plan_keep(an_u16 *plan, const an_u16 *at, an_u32 seen)
{
	__m512i nowhere = _mm512_set1_epi16(-1);
	__m512i fields = _mm512_add_epi16(fix_plan(at), nowhere);

	fields = _mm512_mask_mov_epi32(nowhere, (__mmask16)seen, fields);
	_mm512_storeu_si512(plan, fields);
}

FIX_WIDE_INLINE void fix_layout_keep_wide(struct fix_layout *layout,
					  const struct fix_scan *scan,
					  const struct fix_fields *fields)
{
	an_u32 at;

	for (at = 0; at < scan->tag_bytes; at += FIX_BLOCK)
		_mm512_storeu_si512(layout->tags + at,
				    _mm512_loadu_si512(scan->tags + at));
	memset(layout->tags + scan->tag_bytes, 0, 2 * FIX_BLOCK);
	layout->tag_bytes = scan->tag_bytes;
	layout->count = scan->count;
	layout->fields = *fields;
	fix_plan_keep(layout->plan, fields->at, fields->seen);
	fix_plan_keep(layout->plan + FIX_HALF, fields->at + 16, fields->seen >> 16);
}

/* Apart, so that the path above it stays short. */
FIX_APART void fix_find_apart(const struct fix_walk *walk, struct fix_fields *fields)
{
	fix_find(walk, fields);
}

FIX_WIDE_INLINE void fix_put_spans(struct fix_span *spans, __m512i low, __m512i high)
{
	_mm512_storeu_si512(spans, low);
	_mm512_mask_storeu_epi32(spans + 16, fix_low(FIX_SPANS - 16), high);
}

/* fix_span_fields of a message of up to 62 fields, whose places about 32 fields, from
 * where it begins, have the numbers in plan[2]. */
FIX_WIDE_INLINE void fix_spans_wide(const struct fix_fields *fields,
				    const __m512i *plan, const an_u16 *places,
				    struct fix_span *spans)
{
	__m512i first = _mm512_loadu_si512(places);
	__m512i second = _mm512_loadu_si512(places + FIX_HALF);

	an_u32 seen = fields->seen & (FIX_BIT(FIX_SPANS) - 1);
	__m512i low = _mm512_permutex2var_epi16(first, plan[0], second);
	__m512i high = _mm512_permutex2var_epi16(first, plan[1], second);

	low = _mm512_maskz_add_epi32((__mmask16)seen, low,
				     _mm512_loadu_si512(fix_span_leads));
	high = _mm512_maskz_add_epi32((__mmask16)(seen >> 16), high,
				      _mm512_loadu_si512(fix_span_leads + 16));
	fix_put_spans(spans, low, high);
}

#endif
#endif
