/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many different sources: two sketches of fixed size, O(1) a packet.
 *
 * A linear counter of 2048 bits (Whang and others 1990) is what models were trained on:
 * its standard error at n sources is sqrt(m (e^t - t - 1)) / (t m), m bits and t = n/m,
 * 1.6 % for few and 3.9 % at 8192. Its hash has no key, so that ordinary traffic gives
 * the same rows whenever it is captured; whoever knows the hash can choose sources that
 * share a bit, or that fill every one. 1024 HyperLogLog registers (Flajolet and others
 * 2007) under the keyed hash are right for millions, 1.04 / sqrt(1024) = 3.25 %, and
 * for whoever chooses: they answer beyond 8192, and where the two do not agree.
 */
#ifndef AIRNET_WINDOW_SKETCH_H
#define AIRNET_WINDOW_SKETCH_H

#include <stdint.h>

#define WINDOW_SKETCH 2048 /* bits of the linear counter */
#define WINDOW_PORT_SKETCH 256
#define WINDOW_REGISTERS 1024
#define WINDOW_REGISTER_SHIFT 54 /* the top ten bits of a hash choose a register */
#define WINDOW_LINEAR_MAX 8192 /* sources; beyond it the registers are better */
/* Unless somebody chose the sources the two sketches differ by 5.1 % (both errors, at
 * 8192, where they are largest): a quarter is five times that. */
#define WINDOW_DISAGREE(n) ((n) + (n) / 4 + 16)
/* alpha m^2 of Flajolet and others, figure 3: alpha is 0.7213 / (1 + 1.079 / m). */
#define WINDOW_REGISTER_SCALE \
	((7213ull * WINDOW_REGISTERS * WINDOW_REGISTERS * WINDOW_REGISTERS / \
	  (10 * (1000ull * WINDOW_REGISTERS + 1079))) \
	 << 32)

/* The distinct sources of one window; all zero when it begins. */
struct window_distinct {
	uint64_t bits[WINDOW_SKETCH / 64];
	uint64_t spent; /* by how much the sum of 2^-register fell, Q32 */
	uint32_t filled; /* registers above 0 */
	uint32_t used; /* bits that are set */
	uint8_t registers[WINDOW_REGISTERS];
};

/* Expected draws that fill k of `places`, for every k. */
struct window_estimates {
	uint32_t linear[WINDOW_SKETCH + 1];
	uint32_t registers[WINDOW_REGISTERS + 1];
	uint32_t port[WINDOW_PORT_SKETCH + 1];
	uint32_t small[65];
};

/* Expected draws that fill k of m places (coupon collector): the estimate of a
 * linear counter, computed without logarithms so that it is the same everywhere. */
static inline void window_estimate(uint32_t *table, uint32_t places)
{
	uint64_t sum = 0;

	for (uint32_t k = 0; k <= places; k++) {
		table[k] = (uint32_t)(sum >> 16);
		if (k < places)
			sum += ((uint64_t)places << 16) / (places - k);
	}
}

static inline void window_estimates_begin(struct window_estimates *tables)
{
	window_estimate(tables->linear, WINDOW_SKETCH);
	window_estimate(tables->registers, WINDOW_REGISTERS);
	window_estimate(tables->port, WINDOW_PORT_SKETCH);
	window_estimate(tables->small, 64);
}

static inline uint32_t window_bits(const uint64_t *words, int count)
{
	uint32_t bits = 0;

	for (int i = 0; i < count; i++)
		bits += (uint32_t)__builtin_popcountll(words[i]);
	return bits;
}

/* One source, by its hash without a key and its hash with one. */
static inline void window_distinct_add(struct window_distinct *d, uint64_t plain,
				       uint64_t keyed)
{
	uint64_t bit = plain % WINDOW_SKETCH;
	uint8_t *held = &d->registers[keyed >> WINDOW_REGISTER_SHIFT];
	/* 1 + leading zeros of what follows the ten bits, at most 32. */
	int rank =
		1 + __builtin_clzll(keyed << (64 - WINDOW_REGISTER_SHIFT) | 1ull << 32);

	d->used += !(d->bits[bit / 64] >> bit % 64 & 1);
	d->bits[bit / 64] |= 1ull << bit % 64;
	if (rank <= *held)
		return;
	d->spent += (1ull << (32 - *held)) - (1ull << (32 - rank));
	d->filled += *held == 0;
	*held = (uint8_t)rank;
}

/* By the registers alone: below 2.5 m those still empty say more (section 4). */
static inline uint64_t window_distinct_keyed(const struct window_distinct *d,
					     const struct window_estimates *tables)
{
	uint64_t sum = ((uint64_t)WINDOW_REGISTERS << 32) - d->spent;
	uint64_t raw = WINDOW_REGISTER_SCALE / sum;

	if (raw <= WINDOW_REGISTERS * 5 / 2 && d->filled < WINDOW_REGISTERS)
		return tables->registers[d->filled];
	return raw;
}

static inline uint64_t window_distinct_count(const struct window_distinct *d,
					     const struct window_estimates *tables)
{
	uint64_t linear = tables->linear[d->used];
	uint64_t keyed = window_distinct_keyed(d, tables);

	if (linear > WINDOW_LINEAR_MAX || keyed > WINDOW_DISAGREE(linear) ||
	    linear > WINDOW_DISAGREE(keyed))
		return keyed;
	return linear;
}

#endif
