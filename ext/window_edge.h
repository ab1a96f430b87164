/* SPDX-License-Identifier: Apache-2.0 */
/* Who calls whom, and what comes of it: edges, and what their callers are seen to do.
 */
#ifndef AIRNET_WINDOW_EDGE_H
#define AIRNET_WINDOW_EDGE_H

#include "window_shell.h"

static inline uint64_t window_bit(uint64_t value)
{
	return 1ull << (window_mix(value) & 63);
}

/* The caller of an edge; NULL when there is no room for it. */
static inline struct window_host *window_edge_host(struct window_state *w,
						   struct window_edge *e, uint64_t hash)
{
	struct window_host *x = e->host < WINDOW_HOSTS ? &w->hosts[e->host] : NULL;

	if (x && window_is_address(x->address, e->source))
		return x;
	x = window_host_get(w, e->source, hash);
	e->host = x ? (uint32_t)(x - w->hosts) : AIRNET_NONE;
	return x;
}

/* A contact is a new connection, or what comes after a pause: is this one? */
static inline int window_is_contact(const struct window_state *w,
				    const struct window_edge *e,
				    const struct airnet_header *h)
{
	uint64_t silent_ns = w->now_ns - e->up_ns;

	if (!e->contacts)
		return 1;
	if (h->protocol != WINDOW_TCP)
		return silent_ns >= WINDOW_CONTACT_NS;
	if (window_is_syn(h))
		return h->source_port != e->call_port;
	return h->payload_bytes && silent_ns >= WINDOW_PAUSE_NS;
}

static inline int window_edge_contact(const struct window_state *w,
				      struct window_edge *e,
				      const struct airnet_header *h)
{
	uint64_t gap;

	if (!window_is_contact(w, e, h))
		return 0;
	e->call_port = h->source_port;
	if (e->contacts && e->contacts <= WINDOW_GAPS) {
		gap = (w->now_ns - e->contact_ns) / 100000;
		gap = gap < WINDOW_GAP_MAX ? gap : WINDOW_GAP_MAX;
		e->gap_sum += gap;
		e->gap_squares += gap * gap;
	}
	e->contact_ns = w->now_ns;
	e->contacts++;
	return 1;
}

/* Is it called by nobody else, and was it there when we began to look? Who speaks FIX
 * or is listed is not unknown. */
static inline int window_is_unknown(struct window_state *w, const struct window_edge *e,
				    uint64_t target_hash)
{
	const struct window_known *peer;
	const struct window_edge *place;

	if (e->learned || !e->answered)
		return 0;
	peer = window_known_find(w, e->target, target_hash);
	if (peer && (peer->registered || window_sessions_of(peer)))
		return 0;
	place = window_service(w, e->target, target_hash, 0, 0);
	return !place->learned && !place->shared;
}

/* An unknown peer was called: the one called most often, and the one told most. */
static inline void window_host_peer(struct window_state *w, struct window_host *x,
				    const struct window_edge *e)
{
	uint32_t index = (uint32_t)(e - w->edges);
	int is_held = x->beat != AIRNET_NONE && w->edge_tags[x->beat] == x->beat_tag;

	if (!is_held || w->edges[x->beat].contacts < e->contacts) {
		x->beat = index;
		x->beat_tag = w->edge_tags[index];
	}
	is_held = x->carry != AIRNET_NONE && w->edge_tags[x->carry] == x->carry_tag;
	if (!is_held || w->edges[x->carry].out_bytes < e->out_bytes) {
		x->carry = index;
		x->carry_tag = w->edge_tags[index];
	}
	window_peer_name(
		x, e->target,
		(x->beat == index ? WINDOW_PEER_BEAT : 0) |
			(x->carry == index ? WINDOW_PEER_CARRY : 0) |
			(e->own ? WINDOW_PEER_OWN : 0) |
			(e->protocol == WINDOW_TCP && window_is_global(e->target)
				 ? WINDOW_PEER_INTERNET
				 : 0));
	window_host_alarm(w, x);
}

/* A question of DNS. Data hides in long names of one domain: of the one most asked for
 * (majority vote, Boyer and Moore 1981), the different ones are counted. */
static inline void window_host_asks(struct window_state *w, struct window_host *x,
				    const struct airnet_header *h)
{
	struct window_deeds *y = &x->now;

	y->queries++;
	y->name_bytes += h->name_bytes;
	if (h->name_bytes < WINDOW_LONG_NAME || h->name_letters < WINDOW_LONG_LETTERS)
		return;
	if (x->domain_key != h->domain_key && !x->domain_votes) {
		x->domain_key = h->domain_key;
		y->names = x->before.names = 0;
	}
	if (x->domain_key != h->domain_key) {
		x->domain_votes--;
		return;
	}
	x->domain_votes++;
	y->names |= window_bit(h->name_key);
	window_host_alarm(w, x);
}

/* The caller spoke. */
static inline struct window_host *window_edge_up(struct window_state *w,
						 struct window_edge *e,
						 const struct airnet_header *h,
						 uint64_t source_hash,
						 uint64_t target_hash)
{
	struct window_host *x = window_edge_host(w, e, source_hash);
	uint64_t told = e->out_bytes >> 12;
	int is_contact;

	if (!x)
		return NULL;
	window_host_touch(w, x);
	is_contact = window_edge_contact(w, e, h);
	x->contacts += (uint32_t)is_contact;
	if (is_contact && e->own != 2)
		e->own = (uint8_t)window_is_own(w, h, source_hash);
	e->up_ns = e->last_ns = w->now_ns;
	e->out_bytes += h->payload_bytes;
	if (h->protocol == WINDOW_UDP && h->target_port == DNS_PORT_NUMBER &&
	    h->name_key)
		window_host_asks(w, x, h);
	if (x->member && (is_contact || told != e->out_bytes >> 12) &&
	    window_is_unknown(w, e, target_hash))
		window_host_peer(w, x, e);
	if (h->payload_bytes && e->in_bytes && !e->talked)
		window_host_talks(w, x, e, source_hash, target_hash);
	return x;
}

/* Who was called answers. */
static inline void window_edge_down(struct window_state *w, struct window_edge *e,
				    const struct airnet_header *h, uint64_t source_hash,
				    uint64_t target_hash)
{
	struct window_host *x = window_edge_host(w, e, target_hash);
	struct window_edge *place;

	e->last_ns = w->now_ns;
	e->in_bytes += h->payload_bytes;
	if (!e->answered) {
		e->answered = 1;
		window_service(w, e->target, source_hash, e->port, e->protocol)
			->answered = 1;
		place = window_service(w, e->target, source_hash, 0, 0);
		place->answered = 1;
		if (!place->user)
			place->user = target_hash | 1;
		place->shared |= place->user != (target_hash | 1);
	}
	if (x && h->protocol == WINDOW_UDP && h->source_port == DNS_PORT_NUMBER &&
	    h->code & DNS_RESPONSE) {
		struct window_deeds *y = window_host_touch(w, x);

		y->answers++;
		y->missing += (h->code & 15) == DNS_NO_NAME;
	}
}

/* A call came to nothing. It is strange when nobody is served there at all. */
static inline void window_edge_fail(struct window_state *w, struct window_host *x,
				    struct window_edge *e, uint32_t *why)
{
	uint64_t target_hash = window_hash(w->seed, e->target);

	if (e->answered || e->failed)
		return;
	e->failed = 1;
	++*why;
	if (window_service(w, e->target, target_hash, e->port, e->protocol)->answered ||
	    window_venue_find(w, e->target, e->port,
			      window_venue_hash(w, e->target, e->port)))
		return;
	x->now.failed++;
	window_own_call(x, e);
	window_host_alarm(w, x);
}

/* The oldest call that waited is not answered any more. One way of a line, or a mirror
 * that shows one, is no sign: somebody must have been answered lately. */
static inline void window_pending_pop(struct window_state *w, struct window_host *x)
{
	uint32_t index = x->pending[0];
	uint64_t tag = x->pending_tags[0];
	struct window_edge *e = &w->edges[index];

	x->pending_count--;
	memmove(x->pending, x->pending + 1, x->pending_count * sizeof *x->pending);
	memmove(x->pending_tags, x->pending_tags + 1,
		x->pending_count * sizeof *x->pending_tags);
	memmove(x->pending_ns, x->pending_ns + 1,
		x->pending_count * sizeof *x->pending_ns);
	if (w->edge_tags[index] != tag)
		return;
	e->waits = 0;
	if (e->protocol == WINDOW_TCP && !e->answered && !e->failed && w->answered_ns &&
	    w->now_ns - w->answered_ns < WINDOW_EPOCH_NS)
		window_edge_fail(w, x, e, &window_host_touch(w, x)->silent);
}

static inline void window_pending_push(struct window_state *w, struct window_host *x,
				       struct window_edge *e)
{
	uint32_t at;

	if (e->answered || e->failed || e->waits)
		return;
	if (x->pending_count == WINDOW_PENDINGS)
		window_pending_pop(w, x);
	at = x->pending_count++;
	x->pending[at] = (uint32_t)(e - w->edges);
	x->pending_tags[at] = w->edge_tags[x->pending[at]];
	x->pending_ns[at] = w->now_ns;
	e->waits = 1;
}

/* Whether nobody else calls this port of anybody, and nobody is served at it here. */
static inline int window_is_odd_port(struct window_state *w,
				     const struct window_edge *e, uint64_t source_hash)
{
	static const uint8_t anywhere[16];
	struct window_edge *port = window_service(w, anywhere, 0, e->port, e->protocol);

	if (!port->user)
		port->user = source_hash | 1;
	port->shared |= port->user != (source_hash | 1);
	return !port->learned && !port->shared && window_is_inside(w, e->target) &&
	       !window_venue_find(w, e->target, e->port,
				  window_venue_hash(w, e->target, e->port));
}

/* A new edge; one that was there before we looked is not new to its caller. */
static inline struct window_edge *window_edge_begin(struct window_state *w,
						    const struct airnet_header *h,
						    uint64_t source_hash,
						    uint64_t target_hash, uint64_t hash)
{
	struct window_edge *e = window_edge_make(w, h->source, h->target, hash);
	static const uint8_t anywhere[16];
	struct window_host *x;
	struct window_deeds *y;

	e->port = h->target_port;
	e->protocol = h->protocol;
	e->own = (uint8_t)window_is_own(w, h, source_hash);
	if (e->learned) {
		window_service(w, h->source, source_hash, 0, 0);
		window_service(w, h->target, target_hash, 0, 0);
		window_service(w, anywhere, 0, h->target_port, h->protocol);
	}
	if (h->protocol == WINDOW_TCP && !window_is_syn(h))
		e->learned = 1;
	x = window_edge_host(w, e, source_hash);
	if (!x || e->learned)
		return e;
	y = window_host_touch(w, x);
	y->edges++;
	y->targets |= window_bit(target_hash);
	y->ports |= window_bit(h->target_port + 1ull);
	if (h->protocol == WINDOW_TCP && window_is_odd_port(w, e, source_hash)) {
		y->strangers++;
		window_own_call(x, e);
		window_host_alarm(w, x);
	}
	return e;
}

#endif
