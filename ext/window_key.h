/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keyed hash of addresses, and the addresses it finds again: the known ones.
 *
 * The key comes from the time of the first frame, so that a replay has the one that
 * was used live; nobody who sends frames knows that time to the nanosecond, nor sees
 * what became of a guess. What the site file lists is placed before there is a frame,
 * under the key of time 0, and placed again at the first one.
 */
#ifndef AIRNET_WINDOW_KEY_H
#define AIRNET_WINDOW_KEY_H

#include "window.h"

#define WINDOW_KEYS 64 /* tried until everything listed finds a place */
#define WINDOW_GOLDEN 0x9e3779b97f4a7c15ull

/* The stream of splitmix64 from a start of our own: the decoder's key comes from the
 * same time, and neither may tell the other. */
static inline void window_seed(uint64_t *seed, uint64_t time_ns, uint64_t attempt)
{
	uint64_t word = window_mix(time_ns + 0x77696e646f777321ull) + attempt;

	for (int i = 0; i < WINDOW_SEEDS; i++) {
		word = window_mix(word + WINDOW_GOLDEN);
		seed[i] = word;
	}
}

/* Four words of an address, by the pairwise multilinear family of Lemire and Kaser,
 * "Strongly universal string hashing is fast", 2014: without the key nobody can choose
 * addresses that share a place. Mixing then spreads neighbours over all 64 bits. */
static inline uint64_t window_hash(const uint64_t *seed, const uint8_t *address)
{
	uint32_t words[4];

	memcpy(words, address, 16);
	return window_mix(seed[4] + (words[0] + seed[0]) * (words[1] + seed[1]) +
			  (words[2] + seed[2]) * (words[3] + seed[3]));
}

/* Without a key: the bits of the linear counter only. */
static inline uint64_t window_plain_hash(const uint8_t *address)
{
	uint64_t high, low;

	memcpy(&high, address, 8);
	memcpy(&low, address + 8, 8);
	return window_mix(high ^ window_mix(low ^ window_mix(8)));
}

static inline int window_is_address(const uint8_t *a, const uint8_t *b)
{
	uint64_t left[2], right[2];

	memcpy(left, a, 16);
	memcpy(right, b, 16);
	return ((left[0] ^ right[0]) | (left[1] ^ right[1])) == 0;
}

/* The entry of a known address whose hash is `hash`, or NULL. */
static inline struct window_known *
window_known_find(struct window_state *w, const uint8_t *address, uint64_t hash)
{
	uint64_t place = hash % WINDOW_KNOWN;

	for (int i = 0; i < WINDOW_PROBES; i++) {
		struct window_known *found;

		if (!(w->known_bits[place / 64] >> place % 64 & 1))
			return NULL;
		found = &w->known[w->known_slots[place]];
		if (window_is_address(found->address, address))
			return found;
		place = (place + 1) % WINDOW_KNOWN;
	}
	return NULL;
}

/* Make entry `index` one that its address finds; 0 when its chain is too long. */
static inline int window_known_place(struct window_state *w, uint32_t index)
{
	uint64_t place = window_hash(w->seed, w->known[index].address) % WINDOW_KNOWN;

	for (int i = 0; i < WINDOW_PROBES; i++) {
		if (!(w->known_bits[place / 64] >> place % 64 & 1)) {
			w->known_bits[place / 64] |= 1ull << place % 64;
			w->known_slots[place] = (uint16_t)index;
			return 1;
		}
		place = (place + 1) % WINDOW_KNOWN;
	}
	return 0;
}

/* The entry of a known address, made when `create`; NULL when absent or full. */
static inline struct window_known *window_known_at(struct window_state *w,
						   const uint8_t *address, int create)
{
	uint64_t hash = window_hash(w->seed, address);
	struct window_known *found = window_known_find(w, address, hash);

	if (found || !create)
		return found;
	if (w->known_count < WINDOW_KNOWN_MAX) {
		found = &w->known[w->known_count];
		memcpy(found->address, address, 16);
		if (window_known_place(w, w->known_count)) {
			w->known_count++;
			return found;
		}
	}
	w->counters.known_full++;
	return NULL;
}

/* Place every known address under the present key; whether all found one. */
static inline int window_known_rekey(struct window_state *w)
{
	if (!w->known_count)
		return 1;
	memset(w->known_bits, 0, sizeof w->known_bits);
	for (uint32_t i = 0; i < w->known_count; i++)
		if (!window_known_place(w, i))
			return 0;
	return 1;
}

/* How many sessions a source holds; one that has traded stays known when they end:
 * after a failure every firm reconnects at once, and none of them is a stranger. */
static inline uint32_t window_sessions_of(const struct window_known *origin)
{
	if (!origin)
		return 0;
	return origin->sessions ? origin->sessions : origin->traded;
}

#endif
