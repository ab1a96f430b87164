/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of fewer than two blocks on the path of fixwide.h: scanned, compared with
 * the layout that their type had last, and their spans found, without a loop and with
 * nothing stored that is loaded again.
 */
#ifndef AIRNET_FIXSHORT_H
#define AIRNET_FIXSHORT_H

#include "fixtext.h"

#ifdef __x86_64__

/* A message of fewer than two blocks, all of it in registers. */
struct fix_short {
	__m512i places; /* behind <SOH> from where the message begins; bytes */
	__m512i text[2];
	an_u32 text_bytes[2];
	an_u32 count;
	an_u32 sum;
	an_u64 empty;
};

/* Where two blocks can be read, how many bytes are the message's need not be waited
 * for. */
FIX_WIDE_INLINE struct fix_short fix_short_scan(const an_u8 *bytes, an_u32 n,
						int has_two_blocks)
{
	an_u64 keep = fix_low(n), more = fix_low(n > FIX_BLOCK ? n - FIX_BLOCK : 0);
	__m512i low, high, found, sum;
	struct fix_wide state = {.after_soh = 1};
	struct fix_marks first, second;
	an_u32 count;

	if (__builtin_expect(has_two_blocks && n >= FIX_BLOCK, 1)) {
		keep = ~0ULL;
		low = _mm512_loadu_si512(bytes);
		high = _mm512_loadu_si512(bytes + FIX_BLOCK);
	} else {
		low = _mm512_maskz_loadu_epi8(keep, bytes);
		high = _mm512_maskz_loadu_epi8(more, bytes + FIX_BLOCK);
	}
	first = fix_marks(&state, low, keep);
	second = fix_marks(&state, high, more);
	count = (an_u32)__builtin_popcountll(first.soh);
	sum = _mm512_add_epi8(_mm512_maskz_mov_epi8(keep, low),
			      _mm512_maskz_mov_epi8(more, high));
	found = fix_numbers(second.soh, FIX_BLOCK + 1);
	found = _mm512_mask_expand_epi8(fix_numbers(first.soh, 1), ~fix_low(count),
					found);
	return (struct fix_short){
		.places = found,
		.text = {_mm512_maskz_compress_epi8(first.tags, low),
			 _mm512_maskz_compress_epi8(second.tags, high)},
		.text_bytes = {(an_u32)__builtin_popcountll(first.tags),
			       (an_u32)__builtin_popcountll(second.tags)},
		.count = count + (an_u32)__builtin_popcountll(second.soh),
		.sum = fix_sum_wide(sum),
		.empty = state.empty,
	};
}

/* Whether the tags are the layout's, and no others, and few. */
FIX_WIDE_INLINE int fix_short_fits(const struct fix_short *one,
				   const struct fix_layout *layout)
{
	const an_u8 *known = layout->tags;
	an_u64 differs = one->empty;

	differs |= _mm512_mask_cmpneq_epi8_mask(
		fix_low(one->text_bytes[0]), one->text[0], _mm512_loadu_si512(known));
	known += one->text_bytes[0];
	differs |= _mm512_cmpneq_epi8_mask(one->text[1], _mm512_loadu_si512(known));
	return !differs && one->count < FIX_BLOCK;
}

/* Write what fix_scan_wide does, of places only FIX_HALF. */
FIX_WIDE_INLINE void fix_short_keep(const struct fix_short *one, an_u32 head_bytes,
				    struct fix_scan *scan)
{
	__m512i places = _mm512_cvtepu8_epi16(_mm512_castsi512_si256(one->places));
	__m512i text = one->text[0];

	places = _mm512_sub_epi16(places, _mm512_set1_epi16((short)head_bytes));
	_mm512_storeu_si512(scan->places, places);
	scan->places[-1] = (an_u16)(0 - head_bytes);
	scan->tag_bytes = one->text_bytes[0] + one->text_bytes[1];
	if (scan->tag_bytes <= FIX_BLOCK) {
		/* In one piece, as it will be loaded. */
		text = _mm512_mask_expand_epi8(text, ~fix_low(one->text_bytes[0]),
					       one->text[1]);
		_mm512_storeu_si512(scan->tags, text);
	} else {
		_mm512_storeu_si512(scan->tags, text);
		_mm512_storeu_si512(scan->tags + one->text_bytes[0], one->text[1]);
	}
	scan->count = one->count;
	scan->sum = one->sum;
	scan->has_empty = one->empty != 0;
}

/* The plan of a layout has the numbers of places as bytes, each in two; the last place
 * is 0. */
FIX_WIDE_INLINE void fix_short_spans(const struct fix_short *one,
				     const struct fix_layout *layout, an_u32 head_bytes,
				     struct fix_span *spans)
{
	const an_u64 evens = 0x5555555555555555ULL;
	__m512i head = _mm512_set1_epi16((short)head_bytes), low, high;
	an_u32 seen = layout->fields.seen & (FIX_BIT(FIX_SPANS) - 1);
	__m512i leads = _mm512_sub_epi16(_mm512_loadu_si512(fix_span_leads), head);
	__m512i more = _mm512_sub_epi16(_mm512_loadu_si512(fix_span_leads + 16), head);

	low = _mm512_loadu_si512(layout->plan);
	low = _mm512_maskz_permutexvar_epi8(evens, low, one->places);
	leads = _mm512_maskz_mov_epi32((__mmask16)seen, leads);
	high = _mm512_loadu_si512(layout->plan + FIX_HALF);
	high = _mm512_maskz_permutexvar_epi8(evens, high, one->places);
	more = _mm512_maskz_mov_epi32((__mmask16)(seen >> 16), more);
	fix_put_spans(spans, _mm512_add_epi16(low, leads),
		      _mm512_add_epi16(high, more));
}

#endif
#endif
