/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Score a row with AVX-512: no tree is walked. Every node of sixteen trees is asked,
 * one of each tree at a time, and one that sends the row to `no` strikes out the leaves
 * below its `yes`; the first leaf left, leftmost in bit 31, is the one the walk would
 * end in. The row's 64 features stay in four registers. After QuickScorer (Lucchese et
 * al., SIGIR 2015), with the trees across the lanes instead of the documents.
 */
#ifndef AIRNET_TREES_WIDE_H
#define AIRNET_TREES_WIDE_H

#include "trees.h"

#ifdef __x86_64__
#include <immintrin.h>

#define TREES_WIDE \
	__attribute__((target("avx512f,avx512cd,avx512bw,avx512dq,avx512vl")))
#define TREES_WIDE_INLINE static inline TREES_WIDE __attribute__((always_inline))

static inline int trees_has_wide(void)
{
	return __builtin_cpu_supports("avx512f") &&
	       __builtin_cpu_supports("avx512cd") &&
	       __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

/* The leaves that one slot of nodes leaves alive. */
TREES_WIDE_INLINE __m512i trees_strike(const struct trees *t, size_t at, __m512 value,
				       __m512i alive)
{
	__m512 threshold = _mm512_load_ps(t->thresholds + at);
	__mmask16 is_no = _mm512_cmp_ps_mask(value, threshold, _CMP_NLE_UQ);

	return _mm512_mask_and_epi32(alive, is_no, alive,
				     _mm512_load_si512(t->keeps + at));
}

TREES_WIDE_INLINE __m512i trees_columns(const struct trees *t, size_t at)
{
	return _mm512_cvtepu8_epi32(_mm_load_si128((const __m128i *)(t->columns + at)));
}

/* The weights that the trees of a group give the row in `x`. */
TREES_WIDE_INLINE __m512 trees_weigh(const struct trees *t,
				     const struct trees_group *group, const __m512 *x)
{
	const __m512i places = _mm512_setr_epi32(0, 32, 64, 96, 128, 160, 192, 224, 256,
						 288, 320, 352, 384, 416, 448, 480);
	__m512i alive = _mm512_set1_epi32(-1), columns, leaf;
	size_t at = (size_t)group->slot * TREES_LANES;
	const size_t low = at + (size_t)group->low * TREES_LANES;
	const size_t mixed = at + (size_t)group->mixed * TREES_LANES;
	const size_t end = at + (size_t)group->slots * TREES_LANES;

	for (; at < low; at += TREES_LANES) {
		columns = trees_columns(t, at);
		alive = trees_strike(t, at, _mm512_permutex2var_ps(x[0], columns, x[1]),
				     alive);
	}
	for (; at < mixed; at += TREES_LANES) {
		__m512 lower, upper;
		__mmask16 is_upper;

		columns = trees_columns(t, at);
		is_upper = _mm512_test_epi32_mask(columns, _mm512_set1_epi32(32));
		lower = _mm512_permutex2var_ps(x[0], columns, x[1]);
		upper = _mm512_permutex2var_ps(x[2], columns, x[3]);
		alive = trees_strike(
			t, at, _mm512_mask_blend_ps(is_upper, lower, upper), alive);
	}
	for (; at < end; at += TREES_LANES) {
		columns = trees_columns(t, at);
		alive = trees_strike(t, at, _mm512_permutex2var_ps(x[2], columns, x[3]),
				     alive);
	}
	leaf = _mm512_add_epi32(_mm512_lzcnt_epi32(alive), places);
	return _mm512_i32gather_ps(leaf, t->leaves + group->leaf, sizeof(float));
}

TREES_WIDE static inline void trees_wide(const struct trees *t, const float *row,
					 float *out)
{
	__m512 sums[TREES_CLASSES], x[4];
	an_u32 g, i;

	for (i = 0; i < t->classes; i++)
		sums[i] = _mm512_setzero_ps();
	for (i = 0; i < 4; i++)
		x[i] = _mm512_loadu_ps(row + i * TREES_LANES);
	for (g = 0; g < t->groups; g++) {
		const struct trees_group *group = t->group + g;
		const struct trees_pair *pair = t->pair + group->pair;
		__m512 weights = trees_weigh(t, group, x);

		for (i = 0; i < group->pairs; i++, pair++)
			sums[pair->target] =
				_mm512_mask_add_ps(sums[pair->target], pair->lanes,
						   sums[pair->target], weights);
	}
	for (i = 0; i < t->classes; i++)
		out[i] = _mm512_reduce_add_ps(sums[i]);
}

#else

static inline int trees_has_wide(void)
{
	return 0;
}

static inline void trees_wide(const struct trees *t, const float *row, float *out)
{
}

#endif
#endif
