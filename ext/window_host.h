/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hosts, the edges between them, and who has which CompID: what a compromise shows in.
 *
 * An edge is who calls whom for which service; a service is an edge without a caller,
 * and a place one without a service either. Rows lie in set-associative tables of fixed
 * size under the keyed hash. Who holds, or held, a session gives way to nobody who does
 * not; who was never answered gives way first: made-up addresses push out only each
 * other, and what they may look up in a tick is limited.
 */
#ifndef AIRNET_WINDOW_HOST_H
#define AIRNET_WINDOW_HOST_H

#include "window_flood.h"
#include "window_venue.h"

#define WINDOW_HOST_SETS 256
#define WINDOW_HOST_WAYS (WINDOW_HOSTS / WINDOW_HOST_SETS)
#define WINDOW_EDGE_SETS 4096
#define WINDOW_EDGE_WAYS 8
#define WINDOW_EDGES (WINDOW_EDGE_SETS * WINDOW_EDGE_WAYS)
#define WINDOW_COMPS 16384 /* places of CompIDs: open addressing */
#define WINDOW_COMPS_MAX (WINDOW_COMPS / 4 * 3)
#define WINDOW_EPOCH_NS 10000000000ull /* hosts remember this epoch and the last */
#define WINDOW_FIRST_NS 2000000000ull /* what is seen by then was there before */
#define WINDOW_ANSWER_NS 1000000000ull /* a SYN is sent again then (RFC 6298) */
#define WINDOW_CONTACT_NS 50000000ull /* silent so long: the next is a new contact */
#define WINDOW_PAUSE_NS 500000000ull /* within one connection */
#define WINDOW_GAP_MAX 163840u /* 16.384 s in 0.1 ms: the longest gap that counts */
#define WINDOW_GAPS 1024
#define WINDOW_PENDINGS 16 /* of a host: calls that wait for an answer */
#define WINDOW_STRANGE 16 /* frames between strangers looked at in a tick */
#define WINDOW_FAMILIAR 1024 /* and those with a known end */
#define WINDOW_LONG_NAME 24 /* bytes, with so many different letters: data in it */
#define WINDOW_LONG_LETTERS 12
#define DNS_PORT_NUMBER 53
#define DNS_RESPONSE 0x80
#define DNS_NO_NAME 3 /* RFC 1035 section 4.1.1 */

struct window_edge {
	uint8_t source[16], target[16]; /* source zero: a service, or a place */
	uint64_t first_ns, last_ns, up_ns, contact_ns;
	uint64_t gap_sum, gap_squares, out_bytes, in_bytes;
	uint64_t user; /* of a place: who was answered first */
	uint32_t contacts, host, unread;
	uint16_t port, call_port; /* the caller's of its last connection */
	uint8_t protocol, learned, answered, failed, waits, shared, talked;
	uint8_t own; /* its caller's sessions come by that path; 2: and it was told */
};

/* What a host did in one epoch. */
struct window_deeds {
	uint64_t targets, ports, names, comps; /* a bit each, by hash */
	uint32_t edges, failed, refused, silent, unreachable;
	uint32_t queries, name_bytes, answers, missing;
	uint32_t logons, refusals, claims, contested, displaced, strangers;
	uint32_t moved, ousted, shells, loss, venues_outside, venues_inside;
	uint32_t foreign, foreign_new, foreign_old, conflicts, replays;
	uint32_t unread; /* segments of one connection, the most */
	uint32_t unasked; /* orders of one connection without a Logon, the most */
	uint32_t newcomers; /* Logons by which nobody knew it before */
	uint32_t own; /* odd calls by the path of its sessions */
};

struct window_host {
	uint8_t address[16];
	uint64_t first_ns, last_ns, open_ns, bad_ns, alarm_ns, epoch;
	struct window_deeds now, before;
	uint64_t pending_tags[WINDOW_PENDINGS], pending_ns[WINDOW_PENDINGS];
	uint32_t pending[WINDOW_PENDINGS];
	uint64_t beat_tag, carry_tag; /* unknown peers: called most often, told most */
	uint32_t beat, carry;
	uint32_t pending_count, domain_key, domain_votes;
	uint32_t generation, contacts, venue_sessions;
	uint32_t logon_gap_us; /* exponential mean of the last 4, 0 = none */
	uint64_t logon_ns, unread_ns; /* and since when connections are held */
	uint32_t unread_held; /* that are open, and in which nothing was read */
	uint32_t loss_ratio, loss_past_ms; /* of its session that lost something last */
	uint16_t port; /* of the gateway that it logged on to */
	uint8_t listed, active, urgent, lasting, member, met;
	uint8_t peer[16], peer_is; /* whom what was told last is about: WINDOW_PEER_* */
};

/* Who has a CompID. */
struct window_comp {
	uint8_t address[16];
	uint32_t key, session;
};

static inline uint64_t window_edge_hash(uint64_t source, uint64_t target, uint16_t port,
					uint8_t protocol)
{
	return window_mix(source + (target << 21 | target >> 43) +
			  (port * 256ull + protocol) * WINDOW_GOLDEN);
}

static inline struct window_edge *window_edge_find(struct window_state *w,
						   const uint8_t *source,
						   const uint8_t *target, uint64_t hash)
{
	uint32_t base = (uint32_t)(hash % WINDOW_EDGE_SETS) * WINDOW_EDGE_WAYS;

	for (uint32_t i = base; i < base + WINDOW_EDGE_WAYS; i++)
		if (w->edge_tags[i] == (hash | 1) &&
		    window_is_address(w->edges[i].source, source) &&
		    window_is_address(w->edges[i].target, target))
			return &w->edges[i];
	return NULL;
}

/* Sorts what gives way: never answered, then answered, then of who is known. */
static inline uint64_t window_edge_age(const struct window_state *w,
				       const struct window_edge *e)
{
	uint64_t rank = e->answered;

	if (e->host < WINDOW_HOSTS && w->hosts[e->host].lasting)
		rank += 2;
	return rank << 62 | e->last_ns >> 2;
}

/* Make the row of a new edge in the place of whoever gives way. */
static inline struct window_edge *window_edge_make(struct window_state *w,
						   const uint8_t *source,
						   const uint8_t *target, uint64_t hash)
{
	uint32_t base = (uint32_t)(hash % WINDOW_EDGE_SETS) * WINDOW_EDGE_WAYS;
	uint32_t chosen = base;
	struct window_edge *e;

	for (uint32_t i = base; i < base + WINDOW_EDGE_WAYS; i++) {
		if (!w->edge_tags[i]) {
			chosen = i;
			break;
		}
		if (window_edge_age(w, &w->edges[i]) <
		    window_edge_age(w, &w->edges[chosen]))
			chosen = i;
	}
	e = &w->edges[chosen];
	w->counters.edges_evicted += w->edge_tags[chosen] != 0;
	w->edge_tags[chosen] = hash | 1;
	memset(e, 0, sizeof *e);
	memcpy(e->source, source, 16);
	memcpy(e->target, target, 16);
	e->host = AIRNET_NONE;
	e->first_ns = e->last_ns = w->now_ns;
	e->learned = w->now_ns < w->start_ns + WINDOW_FIRST_NS;
	return e;
}

/* The row of a service, or with port and protocol 0 of a place. */
static inline struct window_edge *window_service(struct window_state *w,
						 const uint8_t *target,
						 uint64_t target_hash, uint16_t port,
						 uint8_t protocol)
{
	static const uint8_t nobody[16];
	uint64_t hash = window_edge_hash(0, target_hash, port, protocol);
	struct window_edge *e = window_edge_find(w, nobody, target, hash);

	if (!e)
		e = window_edge_make(w, nobody, target, hash);
	e->last_ns = w->now_ns;
	return e;
}

/* The network of an address: /16, or /48 of IPv6. */
static inline uint64_t window_network(const uint8_t *address)
{
	uint64_t high;

	if (window_is_mapped(address))
		return 0x100ull << 48 | (uint64_t)address[12] << 8 | address[13];
	memcpy(&high, address, 8);
	return __builtin_bswap64(high) >> 16;
}

static inline int window_is_inside(const struct window_state *w, const uint8_t *address)
{
	uint64_t network = window_network(address);

	for (uint32_t i = 0; i < w->network_count; i++)
		if (w->networks[i] == network)
			return 1;
	return 0;
}

/* Who trades, or is listed, lives in a network of ours. */
static inline void window_network_add(struct window_state *w, const uint8_t *address)
{
	if (w->network_count < WINDOW_NETWORKS && !window_is_inside(w, address))
		w->networks[w->network_count++] = window_network(address);
}

/* Whether two addresses live next door: in one /24, or /64 of IPv6. */
static inline int window_is_near(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, window_is_mapped(a) ? 15 : 8) == 0;
}

static inline int window_is_familiar(const struct window_known *origin)
{
	return origin && (origin->lawful || origin->registered);
}

static inline struct window_host *
window_host_find(struct window_state *w, const uint8_t *address, uint64_t hash)
{
	uint32_t base = (uint32_t)(hash % WINDOW_HOST_SETS) * WINDOW_HOST_WAYS;

	for (uint32_t i = base; i < base + WINDOW_HOST_WAYS; i++)
		if (w->host_tags[i] == (hash | 1) &&
		    window_is_address(w->hosts[i].address, address))
			return &w->hosts[i];
	return NULL;
}

/* Sorts who gives way: listed ones never, known ones last, then who had an answer. */
static inline uint64_t window_host_age(const struct window_host *x)
{
	return (uint64_t)x->lasting << 63 | (uint64_t)x->met << 62 | x->last_ns >> 2;
}

/* The row of a host, made when it is new; NULL when its set is all in use. */
static inline struct window_host *window_host_get(struct window_state *w,
						  const uint8_t *address, uint64_t hash)
{
	uint32_t base = (uint32_t)(hash % WINDOW_HOST_SETS) * WINDOW_HOST_WAYS;
	struct window_host *x = window_host_find(w, address, hash);
	uint32_t chosen = AIRNET_NONE;

	if (x)
		return x;
	for (uint32_t i = base; i < base + WINDOW_HOST_WAYS; i++) {
		if (!w->host_tags[i]) {
			chosen = i;
			break;
		}
		if (w->hosts[i].listed)
			continue;
		if (chosen == AIRNET_NONE ||
		    window_host_age(&w->hosts[i]) < window_host_age(&w->hosts[chosen]))
			chosen = i;
	}
	if (chosen == AIRNET_NONE) {
		w->counters.hosts_full++;
		return NULL;
	}
	x = &w->hosts[chosen];
	w->counters.hosts_evicted += w->host_tags[chosen] != 0;
	w->host_tags[chosen] = hash | 1;
	memset(x, 0, sizeof *x);
	memcpy(x->address, address, 16);
	x->first_ns = w->now_ns;
	x->generation = ++w->host_generation;
	x->beat = x->carry = AIRNET_NONE;
	return x;
}

/* Something of this host was seen: it has a window, in the present epoch. */
static inline struct window_deeds *window_host_touch(struct window_state *w,
						     struct window_host *x)
{
	uint64_t epoch = w->now_ns / WINDOW_EPOCH_NS;

	x->last_ns = w->now_ns;
	x->active = 1;
	if (!x->listed) {
		x->listed = 1;
		x->open_ns = w->now_ns;
		x->lasting =
			(uint8_t)window_is_familiar(window_known_at(w, x->address, 0));
		x->member = x->lasting || window_is_inside(w, x->address);
		w->active_hosts[w->active_host_count++] = (uint32_t)(x - w->hosts);
	}
	if (x->epoch != epoch) {
		if (x->epoch + 1 == epoch)
			x->before = x->now;
		else
			memset(&x->before, 0, sizeof x->before);
		memset(&x->now, 0, sizeof x->now);
		x->epoch = epoch;
	}
	return &x->now;
}

/* Something that a rule may rest on: its window closes with this tick. */
static inline void window_host_alarm(struct window_state *w, struct window_host *x)
{
	if (!x->bad_ns || w->now_ns - x->alarm_ns > WINDOW_EPOCH_NS)
		x->bad_ns = w->now_ns;
	x->alarm_ns = w->now_ns;
	x->urgent = 1;
}

#endif
