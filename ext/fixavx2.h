/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of layouts on the path of processors with AVX2 and no AVX-512 VBMI2: four
 * tags compared at once, and first with the layout that the message's type had last.
 */
#ifndef AIRNET_FIXAVX2_H
#define AIRNET_FIXAVX2_H

#include "fixlayout.h"

#ifdef __x86_64__
/* As fix_layout_fits, four tags at once. */
static inline FIX_AVX2 __attribute__((always_inline)) int
fix_layout_fits_avx2(const struct fix_layout *layout, const struct fix_walk *walk)
{
	const an_u16 *place = walk->places + FIX_FIRST - 1;
	const __m256i bits = _mm256_set1_epi64x(63);
	__m256i differs = _mm256_setzero_si256(), words, key;
	an_u32 n = walk->count - FIX_FIRST, i;

	if (layout->count != walk->count)
		return 0;
	for (i = 0; i < n; i += 4) {
		if (i + 4 > n)
			i = n - 4;
		words = _mm256_set_epi64x(
			(long long)fix_word(walk->body + place[i + 3]),
			(long long)fix_word(walk->body + place[i + 2]),
			(long long)fix_word(walk->body + place[i + 1]),
			(long long)fix_word(walk->body + place[i]));
		key = _mm256_loadu_si256((const __m256i *)(layout->keys + i));
		words = _mm256_sllv_epi64(words, _mm256_and_si256(key, bits));
		differs = _mm256_or_si256(differs, _mm256_xor_si256(words, key));
	}
	differs = _mm256_srli_epi64(differs, 8);
	return _mm256_testz_si256(differs, differs);
}

/* As fix_fields, of what most often has the layout that its type had last. */
static inline FIX_AVX2 __attribute__((always_inline)) const struct fix_fields *
fix_fields_avx2(struct fix_reader *reader, const struct fix_walk *walk,
		an_u32 has_empty)
{
	struct fix_layout **last = &reader->last[fix_last(walk->body)], *layout;
	an_u64 hash = 0;

	if (fix_layout_may_be(reader, walk, has_empty)) {
		if (fix_layout_fits_avx2(*last, walk))
			return &(*last)->fields;
		hash = fix_layout_hash(walk);
		layout = fix_known(reader, walk, hash);
		if (layout) {
			*last = layout;
			return &layout->fields;
		}
	}
	return fix_miss(reader, walk, hash);
}
#endif

#endif
