/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over a message: where every field begins, the sum of its bytes, and whether
 * any value may be empty. A block is 64 bytes; what is left behind the last whole one
 * is scanned as the last 64 bytes, without what was counted before. Each path gives the
 * same; which one runs is chosen once, by what the processor has.
 *
 * Places are those behind <SOH>, 16 bits, counted from the first byte of the body, so
 * that the one behind a body of AIRNET_FIX_BYTES_MAX = 2**16 bytes is 0 again.
 */
#ifndef AIRNET_FIXSCAN_H
#define AIRNET_FIXSCAN_H

#include "fixvalue.h"

#define FIX_SOH 1
#define FIX_BLOCK 64
#define FIX_STORES 8 /* places written a block without looking whether there are any */

enum fix_path {
	FIX_PATH_PORTABLE,
	FIX_PATH_SSE2,
	FIX_PATH_AVX2,
	FIX_PATH_AVX512,
	FIX_PATHS,
};

struct fix_scan {
	an_u16 *places; /* behind <SOH>, in order; FIX_BLOCK more are written to */
	an_u8 *tags; /* each with its '=', by the paths that write them */
	an_u32 tag_bytes;
	an_u32 count;
	an_u32 sum;
	an_u32 has_empty; /* "=<SOH>" is somewhere */
};

/* 0x80 in every byte that is zero, and nowhere else. */
static inline an_u64 fix_zeros(an_u64 word)
{
	const an_u64 low = FIX_EACH(0x7f);

	return ~(((word & low) + low) | word | low);
}

static inline void fix_scan_portable(struct fix_scan *scan, const an_u8 *bytes,
				     an_u32 n, an_u32 base)
{
	const an_u64 lanes = 0x00ff00ff00ff00ffULL;
	an_u64 word, found;
	an_u32 i = 0, place;

	for (; n - i >= 8; i += 8) {
		word = fix_word(bytes + i);
		found = fix_zeros(word ^ FIX_EACH(FIX_SOH));
		for (; found; found &= found - 1) {
			place = i + (an_u32)(__builtin_ctzll(found) >> 3);
			scan->has_empty |= place && bytes[place - 1] == '=';
			scan->places[scan->count++] = (an_u16)(base + place);
		}
		word = (word & lanes) + (word >> 8 & lanes);
		scan->sum += (an_u32)((word * 0x0001000100010001ULL) >> 48);
	}
	for (; i < n; i++) {
		scan->sum += bytes[i];
		if (bytes[i] != FIX_SOH)
			continue;
		scan->has_empty |= i && bytes[i - 1] == '=';
		scan->places[scan->count++] = (an_u16)(base + i);
	}
}

#ifdef __x86_64__
#include <immintrin.h>

#define FIX_AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt,lzcnt")))

/* 64 bytes of zeros, then of ones: a window into it keeps the last bytes of a block. */
static const an_u8 fix_window[2 * FIX_BLOCK] __attribute__((aligned(FIX_BLOCK))) = {
	[FIX_BLOCK... 2 * FIX_BLOCK - 1] = 0xff,
};

struct fix_sse2 {
	__m128i sum;
	__m128i empty;
};

/* Scan the block at `at`; `keep` says which bytes count. */
static inline an_u64 fix_block_sse2(struct fix_sse2 *state, const an_u8 *at,
				    const an_u8 *keep)
{
	const __m128i soh = _mm_set1_epi8(FIX_SOH), equals = _mm_set1_epi8('=');
	an_u64 mask = 0;
	int i;

	for (i = 0; i < FIX_BLOCK; i += 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)(at + i));
		__m128i next = _mm_loadu_si128((const __m128i *)(at + i + 1));
		__m128i kept = _mm_loadu_si128((const __m128i *)(keep + i));
		__m128i pair = _mm_and_si128(_mm_cmpeq_epi8(bytes, equals),
					     _mm_cmpeq_epi8(next, soh));

		mask |= (an_u64)(an_u32)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, soh))
			<< i;
		state->empty = _mm_or_si128(state->empty, pair);
		bytes = _mm_sad_epu8(_mm_and_si128(bytes, kept), _mm_setzero_si128());
		state->sum = _mm_add_epi64(state->sum, bytes);
	}
	return mask;
}

static inline void fix_places_sse2(struct fix_scan *scan, an_u64 mask, an_u32 base)
{
	for (; mask; mask &= mask - 1)
		scan->places[scan->count++] =
			(an_u16)(base + (an_u32)__builtin_ctzll(mask));
}

/* A message that has no whole block, as one. */
static inline const an_u8 *fix_in_block(an_u8 *block, const an_u8 *bytes, an_u32 n)
{
	memset(block, 0, FIX_BLOCK + 1);
	memcpy(block, bytes, n);
	return block;
}

static inline void fix_scan_sse2(struct fix_scan *scan, const an_u8 *bytes, an_u32 n,
				 an_u32 base)
{
	an_u8 block[FIX_BLOCK + 1];
	struct fix_sse2 state = {_mm_setzero_si128(), _mm_setzero_si128()};
	const an_u8 *whole = fix_window + FIX_BLOCK;
	an_u32 at = 0, rest;
	an_u64 mask;

	if (n < FIX_BLOCK) {
		bytes = fix_in_block(block, bytes, n);
		n = FIX_BLOCK;
	}
	for (; n - at >= FIX_BLOCK; at += FIX_BLOCK)
		fix_places_sse2(scan, fix_block_sse2(&state, bytes + at, whole),
				base + at);
	rest = n - at;
	if (rest) {
		mask = fix_block_sse2(&state, bytes + n - FIX_BLOCK, fix_window + rest);
		fix_places_sse2(scan, mask >> (FIX_BLOCK - rest), base + at);
	}
	scan->sum += (an_u32)_mm_cvtsi128_si64(
		_mm_add_epi64(state.sum, _mm_srli_si128(state.sum, 8)));
	scan->has_empty |= (an_u32)_mm_movemask_epi8(state.empty);
}

struct fix_avx2 {
	__m256i sum;
	__m256i empty;
};

static inline FIX_AVX2 __attribute__((always_inline)) an_u64
fix_half_avx2(struct fix_avx2 *state, const an_u8 *at, __m256i bytes)
{
	const __m256i soh = _mm256_set1_epi8(FIX_SOH), equals = _mm256_set1_epi8('=');
	__m256i next = _mm256_loadu_si256((const __m256i *)(at + 1));
	__m256i here = _mm256_loadu_si256((const __m256i *)at);
	__m256i pair = _mm256_and_si256(_mm256_cmpeq_epi8(here, equals),
					_mm256_cmpeq_epi8(next, soh));

	state->empty = _mm256_or_si256(state->empty, pair);
	bytes = _mm256_sad_epu8(bytes, _mm256_setzero_si256());
	state->sum = _mm256_add_epi64(state->sum, bytes);
	return (an_u32)_mm256_movemask_epi8(_mm256_cmpeq_epi8(here, soh));
}

/* Most blocks have few: those are written without looking how many there are. */
static inline FIX_AVX2 __attribute__((always_inline)) void
fix_places_avx2(struct fix_scan *scan, an_u64 mask, an_u32 base)
{
	an_u16 *out = scan->places + scan->count;
	int i;

	scan->count += (an_u32)__builtin_popcountll(mask);
#pragma GCC unroll 8
	for (i = 0; i < FIX_STORES; i++) {
		out[i] = (an_u16)(base + (an_u32)_tzcnt_u64(mask));
		mask = _blsr_u64(mask);
	}
	for (; __builtin_expect(mask != 0, 0); mask = _blsr_u64(mask))
		out[i++] = (an_u16)(base + (an_u32)_tzcnt_u64(mask));
}

static inline FIX_AVX2 __attribute__((always_inline)) void
fix_scan_avx2(struct fix_scan *scan, const an_u8 *bytes, an_u32 n, an_u32 base)
{
	struct fix_avx2 state = {_mm256_setzero_si256(), _mm256_setzero_si256()};
	const an_u8 *last, *at, *keep;
	an_u8 block[FIX_BLOCK + 1];
	__m256i low, high;
	__m128i sum;
	an_u64 mask;
	an_u32 rest;

	if (__builtin_expect(n < FIX_BLOCK, 0)) {
		bytes = fix_in_block(block, bytes, n);
		n = FIX_BLOCK;
	}
	last = bytes + n - FIX_BLOCK;
	rest = n % FIX_BLOCK;
	keep = fix_window + rest;
	for (at = bytes; at <= last; at += FIX_BLOCK) {
		low = _mm256_loadu_si256((const __m256i *)at);
		high = _mm256_loadu_si256((const __m256i *)(at + 32));
		mask = fix_half_avx2(&state, at, low);
		mask |= fix_half_avx2(&state, at + 32, high) << 32;
		fix_places_avx2(scan, mask, base + (an_u32)(at - bytes));
	}
	if (rest) {
		low = _mm256_loadu_si256((const __m256i *)last);
		high = _mm256_loadu_si256((const __m256i *)(last + 32));
		low = _mm256_and_si256(low, _mm256_loadu_si256((const __m256i *)keep));
		high = _mm256_and_si256(
			high, _mm256_loadu_si256((const __m256i *)(keep + 32)));
		mask = fix_half_avx2(&state, last, low);
		mask |= fix_half_avx2(&state, last + 32, high) << 32;
		fix_places_avx2(scan, mask >> (FIX_BLOCK - rest),
				base + (an_u32)(at - bytes));
	}
	sum = _mm_add_epi64(_mm256_castsi256_si128(state.sum),
			    _mm256_extracti128_si256(state.sum, 1));
	scan->sum += (an_u32)_mm_cvtsi128_si64(
		_mm_add_epi64(sum, _mm_unpackhi_epi64(sum, sum)));
	scan->has_empty |= (an_u32)_mm256_movemask_epi8(state.empty);
}
#endif

/* The fastest path of this processor. */
static inline enum fix_path fix_path_best(void)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx512vbmi2") &&
	    __builtin_cpu_supports("avx512vbmi") &&
	    __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
	    __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("bmi2"))
		return FIX_PATH_AVX512;
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
	    __builtin_cpu_supports("bmi2"))
		return FIX_PATH_AVX2;
	return FIX_PATH_SSE2;
#else
	return FIX_PATH_PORTABLE;
#endif
}

#endif
