/* SPDX-License-Identifier: Apache-2.0 */
/* One packet outside sessions into the tallies of its target and source. */
#ifndef AIRNET_WINDOW_PACKET_H
#define AIRNET_WINDOW_PACKET_H

#include "window_strike.h"

/* What is known of a packet's source. */
struct window_origin {
	uint8_t known, live, fresh;
};

static inline void window_tally_packet(struct window_tally *y,
				       const struct airnet_header *h,
				       struct window_origin origin)
{
	int has_ports = h->protocol == WINDOW_TCP || h->protocol == WINDOW_UDP;

	y->packets++;
	/* A datagram's fragments came before it, and were counted. */
	if (!(h->stream_flags & AIRNET_STREAM_DATAGRAM))
		y->bytes += h->payload_bytes;
	y->empty += h->payload_bytes == 0;
	y->known += origin.known;
	y->live += origin.live;
	y->fresh += origin.fresh;
	y->same_bytes += y->packets > 1 && h->payload_bytes == y->last_bytes;
	y->last_bytes = h->payload_bytes;
	if (h->reason != AIRNET_FRAME_OK)
		y->fragment++; /* and chains of headers without end */
	else if (window_is_syn(h))
		y->syn++;
	else if (h->protocol == WINDOW_TCP)
		y->stray++;
	else if (h->protocol == WINDOW_UDP)
		y->udp++;
	else if (h->protocol == WINDOW_ICMP || h->protocol == WINDOW_ICMP6)
		y->icmp++;
	else
		y->fragment++; /* other protocols share the column of odd packets */
	y->reset += window_is_reset(h);
	y->reflector += has_ports && h->protocol == WINDOW_UDP &&
			window_is_reflector(h->source_port);
}

/* The busiest port: space-saving over eight counters (Metwally and others 2005). Of N
 * packets a port of more than N / 8 is held, counted at most N / 8 too high. */
static inline void window_target_port(const struct window_state *w,
				      struct window_target *t, uint16_t port)
{
	uint64_t bit = window_mix(port ^ w->seed[4]) % WINDOW_PORT_SKETCH;
	int least = 0;

	t->port_sketch[bit / 64] |= 1ull << bit % 64;
	for (int i = 0; i < 8; i++) {
		if (t->port_packets[i] && t->ports[i] == port) {
			t->port_packets[i]++;
			return;
		}
		if (t->port_packets[i] < t->port_packets[least])
			least = i;
	}
	t->ports[least] = port;
	t->port_packets[least]++;
}

/* Keep the eight busiest sources of the window; an equal one does not displace. */
static inline void window_target_top(struct window_state *w, struct window_target *t,
				     struct window_source *e)
{
	uint32_t index = (uint32_t)(e - w->sources);
	struct window_source *least;
	int place = 0;

	if (e->top)
		return;
	if (t->top_count < WINDOW_TOP) {
		t->top[t->top_count++] = index;
		e->top = 1;
		return;
	}
	least = &w->sources[t->top[0]];
	for (int i = 1; i < WINDOW_TOP; i++) {
		struct window_source *other = &w->sources[t->top[i]];

		if (other->tally.packets < least->tally.packets) {
			least = other;
			place = i;
		}
	}
	if (e->tally.packets <= least->tally.packets)
		return;
	least->top = 0;
	t->top[place] = index;
	e->top = 1;
}

/* An ACK from a source with a handshake open completes it; a RST gives it up, as who
 * only asks whether a port is open does. */
static inline void window_completes(struct window_target *t, struct window_source *e,
				    const struct airnet_header *h)
{
	if (!e->pending || window_is_syn(h) || h->protocol != WINDOW_TCP)
		return;
	if (!window_is_reset(h) && !(h->tcp_flags & AIRNET_TCP_ACK))
		return;
	e->pending--;
	t->pending--;
	if (window_is_reset(h))
		return;
	e->tally.completed++;
	t->tally.completed++;
}

/* The port of most packets: majority vote (Boyer and Moore 1981). */
static inline uint16_t window_vote(uint16_t held, uint16_t port, uint32_t *lead)
{
	if (*lead == 0)
		held = port;
	*lead += held == port ? 1 : UINT32_MAX;
	return held;
}

static inline void window_source_packet(struct window_state *w, struct window_target *t,
					struct window_source *e,
					const struct airnet_header *h,
					struct window_origin origin)
{
	uint64_t *last_ns = &w->source_last_ns[e - w->sources];

	if (w->now_ns - *last_ns > WINDOW_STREAK_GAP_NS || !e->streak_ns) {
		e->streak_ns = w->now_ns;
		e->streaks++;
	}
	*last_ns = w->now_ns;
	e->total++;
	window_source_touch(t, e);
	window_tally_packet(&e->tally, h, origin);
	e->source_port =
		window_vote(e->source_port, h->source_port, &e->tally.same_source);
	window_completes(t, e, h);
	if (window_is_syn(h)) {
		e->pending++;
		t->pending++;
	}
	e->port_bits |= 1ull << (window_mix(h->target_port ^ w->seed[4]) & 63);
	e->port = window_vote(e->port, h->target_port, &e->tally.same_port);
	window_target_top(w, t, e);
}

/* SYN, TCP without a session, UDP, ICMP, odd packets: what floods are made of. `hash`
 * is the source's, keyed. */
static inline void window_flood_packet(struct window_state *w, struct window_target *t,
				       const struct airnet_header *h, uint64_t hash)
{
	const struct window_known *origin = window_known_find(w, h->source, hash);
	struct window_origin from = {
		.known = window_sessions_of(origin) != 0,
		.live = origin && origin->sessions,
	};
	struct window_source *e = window_source_get(w, t, h->source, hash);

	/* Not those that found no place: nobody knows how new they are. */
	from.fresh = e && e->first_ns >= t->open_ns;
	if (!t->tally.packets)
		t->window_first_ns = w->now_ns;
	if (!t->active) {
		t->active = 1;
		w->active_targets[w->active_target_count++] =
			(uint32_t)(t - w->targets);
	}
	t->last_ns = w->now_ns;
	t->slot_packets++;
	window_tally_packet(&t->tally, h, from);
	t->source_port =
		window_vote(t->source_port, h->source_port, &t->tally.same_source);
	if (window_is_syn(h)) {
		struct window_venue *v = window_venue_at(w, t, h->target_port);

		if (v)
			window_venue_syn(w, v, hash, h->source_port);
	}
	window_distinct_add(&t->distinct, window_plain_hash(h->source), hash);
	window_target_port(w, t, h->target_port);
	if (e)
		window_source_packet(w, t, e, h, from);
	if (t->tally.packets >= WINDOW_FLOOD_MIN)
		window_target_early(w, t);
}

/* An answer from a target: to a source of its own, or to a forged address. True when
 * it was one, so that it is not counted against whom it was sent to. */
static inline int window_reply(struct window_state *w, const struct airnet_header *h,
			       uint64_t hash)
{
	struct window_target *t = window_target_find(w, h->source, hash);
	int syn_ack = window_is_syn_ack(h), reset = window_is_reset(h);
	struct window_source *e;

	if (!t)
		return 0;
	e = window_source_find(w, t, h->target);
	if (!e && !syn_ack && !reset)
		return 0;
	if (syn_ack) {
		struct window_venue *v = window_venue_at(w, t, h->source_port);

		if (v)
			window_venue_syn_ack(w, v, window_hash(w->seed, h->target),
					     h->target_port);
	}
	window_target_touch(w, t);
	t->tally.reply++;
	t->tally.syn_ack += (uint32_t)syn_ack;
	t->tally.refused += (uint32_t)reset;
	if (!e)
		return 1;
	window_source_touch(t, e);
	e->tally.reply++;
	e->tally.syn_ack += (uint32_t)syn_ack;
	e->tally.refused += (uint32_t)reset;
	if (reset && e->pending) {
		e->pending--;
		t->pending--;
	}
	return 1;
}

#endif
