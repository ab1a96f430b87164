/* SPDX-License-Identifier: Apache-2.0 */
/* Targets and sources.
 *
 * They live in set-associative tables of fixed size; the oldest entry of a full set
 * gives way, so that spoofed sources cost only memory already spent. What a lookup that
 * finds nothing reads is kept apart from the entries and small, so that a flood stays
 * in the processor's caches.
 *
 * What a source sent in a window is never counted too high, and forgotten only when 8
 * others come to its set of the 2048 between two of its packets, before it is among the
 * top eight, which are kept. With a share S of all flood-like packets, at random times,
 * that befalls a packet with probability (q / (q + S))^8, where q = 1/2048: 2e-11 at
 * S = 1 %, 2e-6 at 0.2 %, 4e-3 at 0.05 %. Nobody can choose the others: placement is
 * keyed. */
#ifndef AIRNET_WINDOW_TABLE_H
#define AIRNET_WINDOW_TABLE_H

#include "window_key.h"

/* The row of a target whose address has this hash, or NULL. */
static inline struct window_target *
window_target_find(struct window_state *w, const uint8_t *address, uint64_t hash)
{
	uint32_t set = (uint32_t)(hash % WINDOW_TARGET_SETS);
	uint32_t base = set * WINDOW_TARGET_WAYS;

	if (!(w->target_bits[set] >> (hash >> 58) & 1))
		return NULL;
	for (uint32_t i = base; i < base + WINDOW_TARGET_WAYS; i++)
		if (w->target_tags[i] == (hash | 1) &&
		    window_is_address(w->targets[i].address, address))
			return &w->targets[i];
	return NULL;
}

/* Sorts what may be evicted: learned before gateways, and the oldest first. */
static inline uint64_t window_target_age(const struct window_target *t)
{
	return (t->last_ns >> 1) | (t->gateway ? 1ull << 63 : 0);
}

/* Which entry of a set a new target takes; AIRNET_NONE when all are in use. */
static inline uint32_t window_target_place(const struct window_state *w, uint32_t base)
{
	uint32_t chosen = AIRNET_NONE;

	for (uint32_t i = base; i < base + WINDOW_TARGET_WAYS; i++) {
		if (!w->target_tags[i])
			return i;
		if (w->targets[i].active || w->targets[i].configured)
			continue;
		if (chosen == AIRNET_NONE ||
		    window_target_age(&w->targets[i]) <
			    window_target_age(&w->targets[chosen]))
			chosen = i;
	}
	return chosen;
}

/* Make the row of a new target; NULL when its set is all in use. */
static inline struct window_target *
window_target_make(struct window_state *w, const uint8_t *address, uint64_t hash)
{
	uint32_t set = (uint32_t)(hash % WINDOW_TARGET_SETS);
	uint32_t base = set * WINDOW_TARGET_WAYS;
	uint32_t chosen = window_target_place(w, base);
	struct window_target *t;

	if (chosen == AIRNET_NONE) {
		w->counters.targets_full++;
		return NULL;
	}
	t = &w->targets[chosen];
	w->counters.targets_evicted += w->target_tags[chosen] != 0;
	w->target_tags[chosen] = hash | 1;
	w->target_bits[set] = 0;
	for (uint32_t i = base; i < base + WINDOW_TARGET_WAYS; i++)
		if (w->target_tags[i])
			w->target_bits[set] |= 1ull << (w->target_tags[i] >> 58);
	memset(t, 0, sizeof *t);
	memcpy(t->address, address, 16);
	t->generation = ++w->generation;
	t->epoch = 1;
	t->first_ns = w->now_ns;
	return t;
}

/* The row of a target, made when it is new; NULL when its set is all in use. `hint`
 * is where the one asked for last lies: mostly it is the same. */
static inline struct window_target *
window_target_near(struct window_state *w, const uint8_t *address, uint32_t *hint)
{
	struct window_target *t = &w->targets[*hint];
	uint64_t hash;

	if (w->target_tags[*hint] && window_is_address(t->address, address))
		return t;
	hash = window_hash(w->seed, address);
	t = window_target_find(w, address, hash);
	if (!t)
		t = window_target_make(w, address, hash);
	if (t)
		*hint = (uint32_t)(t - w->targets);
	return t;
}

static inline struct window_target *window_target_get(struct window_state *w,
						      const uint8_t *address)
{
	uint32_t nowhere = 0;

	return window_target_near(w, address, &nowhere);
}

/* Where a source lies differs between targets: one that floods many fills no set. */
static inline uint64_t window_source_hash(const struct window_target *t, uint64_t hash)
{
	return window_mix(hash + t->generation * WINDOW_GOLDEN);
}

static inline struct window_source *window_source_at(struct window_state *w,
						     const struct window_target *t,
						     const uint8_t *address,
						     uint64_t hash)
{
	uint32_t base = (uint32_t)(hash % WINDOW_SOURCE_SETS) * WINDOW_SOURCE_WAYS;

	for (uint32_t i = base; i < base + WINDOW_SOURCE_WAYS; i++)
		if (w->source_tags[i] == (hash | 1) &&
		    w->sources[i].generation == t->generation &&
		    window_is_address(w->sources[i].address, address))
			return &w->sources[i];
	return NULL;
}

static inline struct window_source *window_source_find(struct window_state *w,
						       const struct window_target *t,
						       const uint8_t *address)
{
	return window_source_at(w, t, address,
				window_source_hash(t, window_hash(w->seed, address)));
}

/* An entry among the top sources of an open window may not be evicted. */
static inline int window_source_held(const struct window_state *w,
				     const struct window_source *e)
{
	const struct window_target *t = &w->targets[e->target];

	return e->top && t->generation == e->generation && t->epoch == e->epoch;
}

/* Which entry of a set a new source takes: a free one, else the oldest that is not
 * held; AIRNET_NONE when all are held. Only that one's own memory is read. */
static inline uint32_t window_source_place(const struct window_state *w, uint32_t base)
{
	uint32_t held = 0;

	for (int tries = 0; tries < WINDOW_SOURCE_WAYS; tries++) {
		uint32_t chosen = AIRNET_NONE;

		for (uint32_t i = 0; i < WINDOW_SOURCE_WAYS; i++) {
			if (!w->source_tags[base + i])
				return base + i;
			if (!(held >> i & 1) &&
			    (chosen == AIRNET_NONE ||
			     w->source_last_ns[base + i] <
				     w->source_last_ns[base + chosen]))
				chosen = i;
		}
		if (!window_source_held(w, &w->sources[base + chosen]))
			return base + chosen;
		held |= 1u << chosen;
	}
	return AIRNET_NONE;
}

/*
 * Bring close what a packet of an unknown source will need: mostly the oldest entry of
 * its set, three cache lines that nothing has touched for long. It decides nothing.
 * always_inline: gcc 12 drops calls of a function that only prefetches.
 */
static inline __attribute__((always_inline)) void
window_source_ahead(const struct window_state *w, const struct airnet_header *h)
{
	const struct window_target *t = &w->targets[w->last_target];
	uint64_t hash = window_source_hash(t, window_hash(w->seed, h->source));
	uint32_t base = (uint32_t)(hash % WINDOW_SOURCE_SETS) * WINDOW_SOURCE_WAYS;
	uint32_t oldest = base;
	const char *entry;

	for (uint32_t i = base + 1; i < base + WINDOW_SOURCE_WAYS; i++)
		oldest = w->source_last_ns[i] < w->source_last_ns[oldest] ? i : oldest;
	entry = (const char *)&w->sources[oldest];
	__builtin_prefetch(entry, 1);
	__builtin_prefetch(entry + 64, 1);
	__builtin_prefetch(entry + 128, 1);
	__builtin_prefetch(&w->source_tags[base]);
}

/* The entry of a source of this target, made when it is new; `keyed` is the hash of its
 * address. */
static inline struct window_source *window_source_get(struct window_state *w,
						      struct window_target *t,
						      const uint8_t *address,
						      uint64_t keyed)
{
	uint64_t hash = window_source_hash(t, keyed);
	struct window_source *e = window_source_at(w, t, address, hash);
	uint32_t chosen;

	if (e)
		return e;
	chosen = window_source_place(w, (uint32_t)(hash % WINDOW_SOURCE_SETS) *
						WINDOW_SOURCE_WAYS);
	if (chosen == AIRNET_NONE) {
		w->counters.sources_full++;
		return NULL;
	}
	e = &w->sources[chosen];
	if (w->source_tags[chosen]) {
		struct window_target *old = &w->targets[e->target];

		w->counters.sources_evicted++;
		if (old->generation == e->generation)
			old->pending -= e->pending;
	}
	w->source_tags[chosen] = hash | 1;
	memset(e, 0, sizeof *e);
	memcpy(e->address, address, 16);
	e->generation = t->generation;
	e->target = (uint16_t)(t - w->targets);
	e->first_ns = w->now_ns;
	return e;
}

/* Watch an address as a gateway for good; 0 when its set is full. */
static inline int window_gateway_add(struct window_state *w, const uint8_t *address)
{
	struct window_target *t = window_target_get(w, address);

	if (!t)
		return 0;
	if (!t->configured)
		memcpy(w->gateways[w->gateway_count++], address, 16);
	t->configured = 1;
	t->gateway = 1;
	return 1;
}

/* Place what was listed before the first frame under the present key; whether all of
 * it found a place. */
static inline int window_place_listed(struct window_state *w)
{
	if (!window_known_rekey(w))
		return 0;
	for (uint32_t i = 0; i < WINDOW_TARGETS; i++)
		if (w->target_tags[i])
			memset(&w->targets[i], 0, sizeof w->targets[i]);
	memset(w->target_tags, 0, WINDOW_TARGETS * sizeof *w->target_tags);
	memset(w->target_bits, 0, sizeof w->target_bits);
	w->generation = 0;
	for (uint32_t i = 0; i < w->gateway_count; i++) {
		const uint8_t *address = w->gateways[i];
		uint64_t hash = window_hash(w->seed, address);
		struct window_target *t = window_target_make(w, address, hash);

		if (!t)
			return 0;
		t->configured = 1;
		t->gateway = 1;
	}
	return 1;
}

#endif
