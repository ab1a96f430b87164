/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channels of market data: a group, a port and who sends to it. What their sequence
 * numbers say is missing, and how two channels that carry the same ones compare.
 */
#ifndef AIRNET_WINDOW_FEED_H
#define AIRNET_WINDOW_FEED_H

#include "window_witness.h"

#define FEED_WAYS 4
#define FEED_SETS (WINDOW_FEEDS / FEED_WAYS)
#define FEED_HINTS 16
#define FEED_MARKS 64 /* numbers whose time is remembered, to compare two channels */
#define FEED_LEARN 32 /* packets in which a number may be found */
#define FEED_HITS 29 /* of them, in which it goes on where the one before ended */
#define FEED_ROUNDS 8 /* of learning; then the channel has none */
#define FEED_PAIR_HITS 8
#define FEED_PAIR_MISSES 4
#define FEED_FAR 65536 /* messages back: not late but begun anew */
#define FEED_GAP_NS 10000000000ull /* nobody waits longer for what is missing */
#define FEED_SILENT_NS 60000000000ull /* of a channel silent for longer: no more rows */

#define FEED_NUMBERS 8
#define FEED_COUNTED \
	4 /* from here on a byte counts; at 4, and from FEED_NUMBERS at 0 */
#define FEED_LAST 12 /* from here on the number is the last message's */
#define FEED_LAST_AT_4 16
#define FEED_ALL_NUMBERS 20
#define FEED_UNKNOWN 0
#define FEED_MOLD_FORMAT 1
#define FEED_NONE 2 /* no number was found */
#define FEED_LEARNT 3 /* and which of FEED_NUMBERS */

struct window_mark {
	uint64_t number, time_ns, count;
};

struct window_feed {
	uint8_t group[16], source[16];
	uint16_t port;
	uint8_t active, listed, format, tries, rounds;
	uint8_t hits[FEED_NUMBERS];
	uint32_t number; /* of channels so far when this one appeared */
	uint32_t pair, look, pair_hits, pair_misses; /* FEED_ALONE: no pair */
	uint64_t expected[FEED_NUMBERS]; /* while learning */
	uint64_t raw; /* what the packet before began with */
	uint64_t next; /* number expected; 0 = none so far */
	uint64_t missing_from, missing_to, missing, gap_ns; /* missing 0: no gap open */
	uint64_t first_ns, open_ns, last_ns, told_ns; /* told: by the last message */
	uint64_t longest_ns, told_longest_ns; /* silences of its past */
	uint64_t reports; /* of the order side, when it last told something */
	uint64_t packets_fast, packets_base, told_fast, told_base; /* Q16 */
	uint64_t told_slow, reports_slow, reports_before; /* Q16, 10 s */
	uint32_t slots;
	/* Of this slot. */
	uint32_t packets, messages, gaps, duplicates, late, resets, covered, lags;
	uint64_t lost, bytes, worst_ns, lag_ns, lag_worst_ns;
	uint64_t lag_last_ns;
	struct window_mark marks[FEED_MARKS];
};

#define FEED_ALONE AIRNET_NONE

struct window_feeds {
	struct window_feed all[WINDOW_FEEDS];
	uint32_t active[WINDOW_FEEDS], active_count;
	uint32_t count; /* of all there ever were */
	uint16_t hints[FEED_HINTS]; /* where one was found last */
};

/* The same, read in ways that nobody learns at once (see window_feed_counts): a number
 * at 0 and its count in byte 4 or 5, or in byte 2 or 3 and a number at 4 that is, as
 * from FEED_LAST on, the last message's. */
static inline uint64_t window_feed_counted(int kind, uint64_t raw, uint32_t *count)
{
	uint32_t number = (uint32_t)(kind < FEED_LAST_AT_4 ? raw >> 32 : raw);
	int shift = kind < FEED_LAST_AT_4 ? 24 : 40;

	if (kind & 1)
		number = __builtin_bswap32(number);
	*count = (uint8_t)(raw >> (kind & 2 ? shift - 8 : shift));
	return kind < FEED_LAST ? number : (uint32_t)(number + 1 - *count);
}

/* The number of a datagram's first message, and how many it says there are, read the
 * `kind`th way of what begins it: 4 bytes, at 0 or 4, big-endian or not, that rise by
 * one, or at 4 by what byte 2 or 3 counts (as in Cboe's, NYSE's and LSE's headers). */
static inline uint64_t window_feed_number(int kind, uint64_t raw, uint32_t *count)
{
	uint32_t number = (uint32_t)(kind & 2 || kind >= 4 ? raw : raw >> 32);

	if (kind >= FEED_NUMBERS)
		return window_feed_counted(kind, raw, count);
	if (kind & 1)
		number = __builtin_bswap32(number);
	*count = 1;
	if (kind >= 6)
		*count = (uint8_t)(raw >> 32);
	else if (kind >= 4)
		*count = (uint8_t)(raw >> 40);
	return number;
}

/* A number that rose by one jumps. Where a byte beside it counts, in this packet
 * another number of messages than in the one before, and explains it, it is read
 * so from now on: nothing is missing. */
static __attribute__((noinline)) int window_feed_counts(struct window_feed *f,
							uint64_t raw)
{
	int known = f->format - FEED_LEARNT;

	for (int kind = FEED_COUNTED; known < FEED_COUNTED && kind < FEED_ALL_NUMBERS;
	     kind++) {
		int is_at_4 = kind < FEED_NUMBERS || kind >= FEED_LAST_AT_4;
		uint32_t had, count;
		uint64_t before, number;

		if (is_at_4 != (known >= 2) || (kind & 1) != (known & 1))
			continue;
		before = window_feed_number(kind, f->raw, &had);
		number = window_feed_number(kind, raw, &count);
		if (!had || !count || had == count ||
		    (uint32_t)(before + had) != number)
			continue;
		f->format = (uint8_t)(FEED_LEARNT + kind);
		f->next = number;
		return 1;
	}
	return 0;
}

static inline int window_is_feed(const struct window_feed *f,
				 const struct airnet_header *h)
{
	return f->port == h->target_port && window_is_address(f->group, h->target) &&
	       window_is_address(f->source, h->source);
}

/* The channel of a datagram, made when it is new; NULL when its set is in use. */
static __attribute__((noinline)) struct window_feed *
window_feed_find(struct window_state *w, const struct airnet_header *h)
{
	uint64_t hash = window_hash(w->seed, h->target) +
			window_hash(w->seed, h->source) * 3 + h->target_port;
	struct window_feed *set =
		&w->feeds->all[window_mix(hash) % FEED_SETS * FEED_WAYS];
	struct window_feed *chosen = NULL;

	for (int i = 0; i < FEED_WAYS; i++) {
		struct window_feed *f = &set[i];

		if (f->first_ns && window_is_feed(f, h))
			return f;
		if (f->listed || (chosen && !chosen->first_ns))
			continue;
		if (!chosen || !f->first_ns || f->last_ns < chosen->last_ns)
			chosen = f;
	}
	if (!chosen) {
		w->counters.feeds_full++;
		return NULL;
	}
	memset(chosen, 0, sizeof *chosen);
	memcpy(chosen->group, h->target, 16);
	memcpy(chosen->source, h->source, 16);
	chosen->port = h->target_port;
	chosen->pair = FEED_ALONE;
	chosen->first_ns = w->now_ns;
	chosen->number = w->feeds->count++;
	return chosen;
}

/* The same, looked for first where it lay last. */
static inline struct window_feed *window_feed_get(struct window_state *w,
						  const struct airnet_header *h)
{
	uint16_t *hint =
		&w->feeds->hints[(h->target_port ^ h->target[15]) % FEED_HINTS];
	struct window_feed *f = &w->feeds->all[*hint];

	if (f->first_ns && window_is_feed(f, h))
		return f;
	f = window_feed_find(w, h);
	if (f)
		*hint = (uint16_t)(f - w->feeds->all);
	return f;
}

static inline struct window_feed *window_feed_pair(struct window_state *w,
						   const struct window_feed *f)
{
	struct window_feed *other;

	if (f->pair == FEED_ALONE)
		return NULL;
	other = &w->feeds->all[f->pair];
	return other->first_ns && other->pair == (uint32_t)(f - w->feeds->all) ? other
									       : NULL;
}

static inline struct window_mark *window_feed_mark(struct window_feed *f,
						   uint64_t number)
{
	return &f->marks[number * WINDOW_GOLDEN >> 58];
}

/* Look for the channel that carries the same numbers, one other at a time. */
static inline void window_feed_seek(struct window_state *w, struct window_feed *f,
				    uint64_t number)
{
	uint32_t place = w->feeds->active[f->look % w->feeds->active_count];
	struct window_feed *other = &w->feeds->all[place];
	int is_other = other != f && !window_feed_pair(w, other);

	if (is_other && window_feed_mark(other, number)->number == number &&
	    window_feed_mark(other, number)->time_ns) {
		f->pair_misses = 0;
		if (++f->pair_hits < FEED_PAIR_HITS)
			return;
		f->pair = place;
		other->pair = (uint32_t)(f - w->feeds->all);
		return;
	}
	if (is_other && ++f->pair_misses < FEED_PAIR_MISSES)
		return;
	f->look++;
	f->pair_hits = f->pair_misses = 0;
}

/* A packet with messages: how far behind its pair it is, and what it gives of what the
 * pair lacks. */
static inline void window_feed_compare(struct window_state *w, struct window_feed *f,
				       uint64_t number, uint32_t count)
{
	struct window_feed *other = window_feed_pair(w, f);
	struct window_mark *mark = window_feed_mark(f, number);

	mark->number = number;
	mark->time_ns = w->now_ns;
	mark->count = count;
	if (!other) {
		window_feed_seek(w, f, number);
		return;
	}
	mark = window_feed_mark(other, number);
	if (mark->number == number && mark->time_ns) {
		f->lag_last_ns = w->now_ns - mark->time_ns;
		f->lag_ns += f->lag_last_ns;
		f->lags++;
		if (f->lag_last_ns > f->lag_worst_ns)
			f->lag_worst_ns = f->lag_last_ns;
	}
	if (!other->missing || number < other->missing_from ||
	    number >= other->missing_to)
		return;
	other->covered += count;
	other->missing = other->missing > count ? other->missing - count : 0;
}

#endif
