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

struct fix_wide {
	__m512i sum;
	__m512i differs; /* the tags from those of the layout */
	__m512i base; /* of the block's places */
	const an_u8 *known; /* tags of the layout */
	an_u64 empty;
	an_u64 after_soh;
	an_u64 after_equals;
	an_u64 is_tag; /* the block before ended in one */
};

FIX_WIDE_INLINE an_u64 fix_low(an_u32 n)
{
	return _bzhi_u64(~0ULL, n);
}

FIX_WIDE_INLINE void fix_places_wide(struct fix_scan *scan, struct fix_wide *state,
				     an_u64 soh)
{
	static const an_u8 numbers[FIX_BLOCK] __attribute__((aligned(FIX_BLOCK))) = {
		0,  1,	2,  3,	4,  5,	6,  7,	8,  9,	10, 11, 12, 13, 14, 15,
		16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
		32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47,
		48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63,
	};
	__m512i found = _mm512_maskz_compress_epi8(soh, _mm512_load_si512(numbers));
	an_u16 *out = scan->places + scan->count;
	an_u32 n = (an_u32)__builtin_popcountll(soh);
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

/* The tags of a block, each with its '='. */
FIX_WIDE_INLINE an_u64 fix_tags_wide(struct fix_wide *state, an_u64 soh, an_u64 equals)
{
	an_u64 starts = soh << 1 | state->after_soh, below = equals - starts;
	an_u64 tags = below - state->is_tag;

	state->empty |= (equals << 1 | state->after_equals) & soh;
	state->after_soh = soh >> 63;
	state->after_equals = equals >> 63;
	state->is_tag = (an_u64)(equals < starts) | (below < state->is_tag);
	return tags ^ equals;
}

/* Scan one block; `keep` says which of its bytes are the message's. */
FIX_WIDE_INLINE void fix_block_wide(struct fix_scan *scan, struct fix_wide *state,
				    __m512i bytes, an_u64 keep)
{
	an_u64 soh = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(FIX_SOH));
	an_u64 equals = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('='));
	an_u64 tags = fix_tags_wide(state, soh, equals) & keep;
	__m512i text = _mm512_maskz_compress_epi8(tags, bytes), known;
	an_u32 n = (an_u32)__builtin_popcountll(tags);

	_mm512_storeu_si512(scan->tags + scan->tag_bytes, text);
	known = _mm512_maskz_loadu_epi8(fix_low(n), state->known + scan->tag_bytes);
	/* differs | text ^ known */
	state->differs = _mm512_ternarylogic_epi64(state->differs, text, known, 0xf6);
	n += scan->tag_bytes;
	scan->tag_bytes = n < FIX_LAYOUT_TAGS ? n : FIX_LAYOUT_TAGS;
	bytes = _mm512_sad_epu8(bytes, _mm512_setzero_si512());
	state->sum = _mm512_add_epi64(state->sum, bytes);
	fix_places_wide(scan, state, soh);
}

/* Scan a message; returns whether its tags are a layout's, and no others. */
FIX_WIDE_INLINE int fix_scan_wide(struct fix_scan *out, const an_u8 *bytes, an_u32 n,
				  an_u32 base, const struct fix_layout *layout)
{
	struct fix_wide state = {
		.sum = _mm512_setzero_si512(),
		.differs = _mm512_setzero_si512(),
		.base = _mm512_set1_epi16((short)base),
		.after_soh = 1,
		.known = layout->tags,
	};
	struct fix_scan scan = *out; /* stays in registers */
	an_u64 keep;

	for (; n >= FIX_BLOCK; n -= FIX_BLOCK, bytes += FIX_BLOCK)
		fix_block_wide(&scan, &state, _mm512_loadu_si512(bytes), ~0ULL);
	keep = fix_low(n);
	fix_block_wide(&scan, &state, _mm512_maskz_loadu_epi8(keep, bytes), keep);
	scan.sum = (an_u32)_mm512_reduce_add_epi64(state.sum);
	scan.has_empty = state.empty != 0;
	*out = scan;
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

static inline void fix_layout_keep_wide(struct fix_layout *layout,
					const struct fix_scan *scan,
					const struct fix_fields *fields)
{
	memcpy(layout->tags, scan->tags, scan->tag_bytes);
	layout->tag_bytes = scan->tag_bytes;
	layout->count = scan->count;
	layout->fields = *fields;
}

/* Apart, so that the path above it stays short. */
static __attribute__((noinline)) void fix_find_apart(const struct fix_walk *walk,
						     struct fix_fields *fields)
{
	fix_find(walk, fields);
}

/* fix_span_fields, where it has all spans in two registers; 0 = it has not. */
FIX_WIDE_INLINE int fix_spans_wide(const struct fix_fields *fields, const an_u16 *pairs,
				   struct fix_span *spans)
{
	const __m512i one = _mm512_set1_epi32(0x10000);
	__m512i at = _mm512_loadu_si512(fields->at), low, high;
	__m512i first = _mm512_loadu_si512(pairs);
	__m512i second = _mm512_loadu_si512(pairs + FIX_HALF);

	if (_mm512_cmpgt_epu16_mask(at, _mm512_set1_epi16(FIX_BLOCK - 2)))
		return 0;
	low = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(at));
	high = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(at, 1));
	low = _mm512_add_epi32(_mm512_or_si512(low, _mm512_slli_epi32(low, 16)), one);
	high = _mm512_add_epi32(_mm512_or_si512(high, _mm512_slli_epi32(high, 16)),
				one);
	low = _mm512_permutex2var_epi16(first, low, second);
	high = _mm512_permutex2var_epi16(first, high, second);
	low = _mm512_add_epi32(low, _mm512_loadu_si512(fix_span_leads));
	high = _mm512_add_epi32(high, _mm512_loadu_si512(fix_span_leads + 16));
	_mm512_storeu_si512(spans, low);
	_mm512_mask_storeu_epi32(spans + 16, fix_low(FIX_SPANS - 16), high);
	return 1;
}

#endif
#endif
