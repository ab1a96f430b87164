/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Venues: the order gateways, by address and port, and what their answers say of them.
 *
 * Rows lie in a set-associative table like targets; those of the site file stay, and of
 * others the one that only one end ever used, then the oldest, gives way. A session
 * that finds no room has the row behind the table, which nobody reads.
 */
#ifndef AIRNET_WINDOW_VENUE_H
#define AIRNET_WINDOW_VENUE_H

#include "window_table.h"
#include "window_parting.h"

#define WINDOW_SYNS 64 /* handshakes that wait for their SYN-ACK; a power of two */
/* RFC 9293 section 3.8.1 and RFC 6298: by then a SYN has been sent again four times. */
#define WINDOW_SYN_NS 15000000000ull
#define WINDOW_BATCH 16 /* acknowledgements of which the quickest is the floor */
#define WINDOW_BATCHES 64 /* the baseline's memory once it is full */
#define WINDOW_LEARN_BATCHES 8 /* before that nothing counts as risen */
#define WINDOW_RISEN_US16 400 /* Q4: 25 us, no step below it */
#define WINDOW_RISEN_NS 60000000000ull /* a new regime is learned after that */

enum { WAIT_ACK, WAIT_TCP, WAIT_HANDSHAKE, WAIT_LOGON, WAIT_KINDS };

/* Latencies of one kind: of this window, and the last. */
struct window_wait {
	uint64_t sum_us;
	uint32_t count, worst_us, last_us, is_known;
};

/* Acknowledgement latency in batches, Q4 us: how long the quickest takes is the path's
 * and the gateway's time without a queue. */
struct window_floor {
	uint64_t batch_us, batch_ns, risen_ns;
	uint64_t mean16, floor16, spread16; /* baselines */
	uint32_t batch_count, batch_least_us, least_us, batches, risen;
};

/* What a venue window counts. */
struct window_health {
	uint32_t orders, news, answers, rejects;
	uint32_t sessions_active, sessions_answered, sessions_rejected, sessions_lost;
	uint32_t logons, syns, resends, gaps, retransmits;
};

struct window_syn {
	uint64_t key, sent_ns;
};

struct window_venue {
	uint8_t address[16];
	uint16_t port;
	uint8_t active, listed, configured, used, heard;
	uint64_t first_ns, last_ns, open_ns, answered_ns;
	uint64_t asked_ns, logon_asked_ns; /* 0 = nothing waits */
	uint64_t fast, base, answers_fast, rejects_fast, reject_base; /* Q16 */
	uint64_t logon_recent_us;
	uint32_t generation, slots, answer_slots, idle;
	uint32_t unanswered, outstanding, sessions, logons_waiting, logons_answered;
	struct window_health health;
	struct window_wait waits[WAIT_KINDS];
	struct window_floor floor;
	struct window_trouble trouble;
	struct window_cut cut;
	struct window_silences silences;
	struct window_syn syns[WINDOW_SYNS];
};

static inline uint64_t window_venue_hash(const struct window_state *w,
					 const uint8_t *address, uint16_t port)
{
	return window_mix(window_hash(w->seed, address) ^ port * WINDOW_GOLDEN);
}

static inline int window_is_venue(const struct window_venue *v, const uint8_t *address,
				  uint16_t port)
{
	return v->port == port && v->generation &&
	       window_is_address(v->address, address);
}

static inline struct window_venue *window_venue_find(struct window_state *w,
						     const uint8_t *address,
						     uint16_t port, uint64_t hash)
{
	uint32_t base = (uint32_t)(hash % WINDOW_VENUE_SETS) * WINDOW_VENUE_WAYS;

	for (uint32_t i = base; i < base + WINDOW_VENUE_WAYS; i++)
		if (w->venue_tags[i] == (hash | 1) &&
		    window_is_venue(&w->venues[i], address, port))
			return &w->venues[i];
	return NULL;
}

/* Sorts what may be evicted: what one end used before the rest, the oldest first. */
static inline uint64_t window_venue_age(const struct window_venue *v)
{
	return (v->last_ns >> 1) | (v->used ? 1ull << 63 : 0);
}

/* Make the row of a new venue; NULL when its set is all in use. */
static inline struct window_venue *window_venue_make(struct window_state *w,
						     const uint8_t *address,
						     uint16_t port, uint64_t hash)
{
	uint32_t base = (uint32_t)(hash % WINDOW_VENUE_SETS) * WINDOW_VENUE_WAYS;
	uint32_t chosen = AIRNET_NONE;
	struct window_venue *v;

	for (uint32_t i = base; i < base + WINDOW_VENUE_WAYS; i++) {
		v = &w->venues[i];
		if (!w->venue_tags[i]) {
			chosen = i;
			break;
		}
		if (v->listed || v->configured)
			continue;
		if (chosen == AIRNET_NONE ||
		    window_venue_age(v) < window_venue_age(&w->venues[chosen]))
			chosen = i;
	}
	if (chosen == AIRNET_NONE)
		return NULL;
	v = &w->venues[chosen];
	w->counters.venues_evicted += w->venue_tags[chosen] != 0;
	w->venue_tags[chosen] = hash | 1;
	memset(v, 0, sizeof *v);
	memcpy(v->address, address, 16);
	v->port = port;
	v->generation = ++w->venue_generation;
	return v;
}

/* The venue of a session; where its first frame went. */
static inline struct window_venue *window_venue_of(struct window_state *w,
						   struct window_session *s,
						   const uint8_t *address,
						   uint16_t port)
{
	struct window_venue *v = &w->venues[s->venue];
	uint64_t hash;

	if (s->venue_generation == v->generation && v->generation)
		return v;
	hash = window_venue_hash(w, address, port);
	v = window_venue_find(w, address, port, hash);
	if (!v)
		v = window_venue_make(w, address, port, hash);
	if (!v) {
		w->counters.venues_full++;
		v = &w->venues[WINDOW_VENUES];
		v->generation = 1;
		v->listed = 1;
	}
	s->venue = (uint32_t)(v - w->venues);
	s->venue_generation = v->generation;
	s->logon_ns = 0;
	v->sessions += s->established; /* where a row was evicted meanwhile */
	v->outstanding += s->closed ? 0 : s->outstanding;
	return v;
}

/* The venue at this port of a target, or NULL. */
static inline struct window_venue *
window_venue_at(struct window_state *w, struct window_target *t, uint16_t port)
{
	struct window_venue *v = &w->venues[t->venue];

	if (window_is_venue(v, t->address, port))
		return v;
	v = window_venue_find(w, t->address, port,
			      window_venue_hash(w, t->address, port));
	if (v)
		t->venue = (uint32_t)(v - w->venues);
	return v;
}

/* Make the row of a gateway of the site file; NULL when its set is full. */
static inline struct window_venue *
window_venue_place(struct window_state *w, const struct window_endpoint *endpoint)
{
	uint64_t hash = window_venue_hash(w, endpoint->address, endpoint->port);
	struct window_venue *v =
		window_venue_make(w, endpoint->address, endpoint->port, hash);

	if (v)
		v->configured = 1;
	return v;
}

/* Watch a gateway for good; 0 when its set is full. */
static inline int window_venue_add(struct window_state *w, const uint8_t *address,
				   uint16_t port)
{
	uint64_t hash = window_venue_hash(w, address, port);
	struct window_endpoint endpoint = {.port = port};

	memcpy(endpoint.address, address, 16);
	if (window_venue_find(w, address, port, hash))
		return 1;
	if (!window_venue_place(w, &endpoint))
		return 0;
	w->endpoints[w->endpoint_count++] = endpoint;
	return 1;
}

/* Place the gateways of the site file under the present key; whether all fit. */
static inline int window_place_venues(struct window_state *w)
{
	int all = 1;

	for (uint32_t i = 0; i < WINDOW_VENUES; i++)
		if (w->venue_tags[i])
			memset(&w->venues[i], 0, sizeof w->venues[i]);
	memset(w->venue_tags, 0, sizeof w->venue_tags);
	w->venue_generation = 0;
	for (uint32_t i = 0; i < w->endpoint_count; i++)
		all &= window_venue_place(w, &w->endpoints[i]) != NULL;
	return all;
}

/* Take the key of the first frame's time. The key of time 0 under which everything
 * was listed had room for it: at worst that one stays. */
static inline void window_rekey(struct window_state *w, uint64_t time_ns)
{
	uint64_t full = w->counters.targets_full;
	uint64_t attempt = 0;

	do
		window_seed(w->seed, time_ns, attempt++);
	while (!(window_place_listed(w) && window_place_venues(w)) &&
	       attempt < WINDOW_KEYS);
	if (attempt == WINDOW_KEYS) {
		window_seed(w->seed, 0, 0);
		window_place_listed(w);
		window_place_venues(w);
	}
	w->counters.targets_full = full;
	w->venue_epoch = 1; /* no session has spoken in it */
}

/* Something of this venue was seen: its window has something in it. */
static inline void window_venue_touch(struct window_state *w, struct window_venue *v)
{
	v->active = 1;
	if (v->listed)
		return;
	v->listed = 1;
	v->open_ns = w->now_ns;
	if (!v->first_ns)
		v->first_ns = w->now_ns;
	w->active_venues[w->active_venue_count++] = (uint32_t)(v - w->venues);
}

#endif
