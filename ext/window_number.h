/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic that window rows share: whole numbers, saturated, never a float. */
#ifndef AIRNET_WINDOW_NUMBER_H
#define AIRNET_WINDOW_NUMBER_H

#include <stdint.h>

#define WINDOW_LIMIT 16777215ull /* 2^24 - 1, exact in float32 */
#define WINDOW_ONE 65536ull /* Q16 one; also the prior of every ratio: 10 per s */

static inline void window_put(float *row, int column, uint64_t value)
{
	row[column] = (float)(value > WINDOW_LIMIT ? WINDOW_LIMIT : value);
}

/* What nothing was seen of is not 0: a NaN, of always the same bits. */
static inline void window_put_unless(float *row, int column, uint64_t value,
				     int is_missing)
{
	window_put(row, column, value);
	if (is_missing)
		row[column] = __builtin_nanf("");
}

/* (a + prior) / (b + prior) in thousandths. */
static inline uint64_t window_ratio(uint64_t a, uint64_t b, uint64_t prior)
{
	return (a + prior) * 1000 / (b + prior);
}

/* part / whole in thousandths, 0 when there is no whole. */
static inline uint64_t window_share(uint64_t part, uint64_t whole)
{
	return whole ? part * 1000 / whole : 0;
}

/* A Q16 count per slot as tenths per second. */
static inline uint64_t window_rate(uint64_t per_slot)
{
	return per_slot * 100 >> 16;
}

/* splitmix64's finaliser (Steele, Lea, Flood 2014, OOPSLA, figure 16). */
static inline uint64_t window_mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ull;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

#endif
