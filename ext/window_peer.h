/* SPDX-License-Identifier: Apache-2.0 */
/* Whom what is told of a host is about, and whether the host did it itself. */
#ifndef AIRNET_WINDOW_PEER_H
#define AIRNET_WINDOW_PEER_H

#include "window_host.h"

#define WINDOW_PEER_BEAT 1 /* the unknown peer called most often */
#define WINDOW_PEER_CARRY 2 /* the unknown peer told most */
#define WINDOW_PEER_VENUE 4 /* lets it log on, and nobody else */
#define WINDOW_PEER_OWN 8 /* called by the path of the host's own sessions */
#define WINDOW_PEER_INTERNET 16 /* has an address of the Internet, by TCP */

/* The link that a frame came from, and its TTL. */
static inline uint64_t trace_path(const struct airnet_header *h)
{
	return (uint64_t)h->link_source << 8 | h->ttl;
}

/* Whether a frame came by the path of its sender's sessions. */
static inline int window_is_own(struct window_state *w, const struct airnet_header *h,
				uint64_t source_hash)
{
	const struct window_known *known = window_known_find(w, h->source, source_hash);

	return known && known->lawful && known->path && known->path == trace_path(h);
}

/* Whether an address is one of the Internet: no private, shared, local or test one
 * (RFC 6890), no multicast; of IPv6, 2000::/3 (RFC 4291). */
static inline int window_is_global(const uint8_t *address)
{
	uint8_t a = address[12], b = address[13];

	if (!window_is_mapped(address))
		return address[0] >> 5 == 1;
	if (a == 0 || a == 10 || a == 127 || a >= 224)
		return 0;
	return !((a == 100 && b >> 6 == 1) || (a == 169 && b == 254) ||
		 (a == 172 && b >> 4 == 1) || (a == 192 && b == 168) ||
		 (a == 198 && b >> 1 == 9));
}

/* Whom what is told of a host is about. */
static inline void window_peer_name(struct window_host *x, const uint8_t *address,
				    int what)
{
	memcpy(x->peer, address, 16);
	x->peer_is = (uint8_t)what;
}

/* A call that is odd came by the path of its caller's sessions, so that nobody forged
 * it who does not sit beside it; each counts once. */
static inline void window_own_call(struct window_host *x, struct window_edge *e)
{
	x->now.own += e->own == 1;
	e->own = e->own ? 2 : 0;
}

/* When a caller last spoke to somebody, outside sessions; 0: it never did. */
static inline uint64_t window_spoke_ns(const struct window_state *w,
				       const uint8_t *source, const uint8_t *target)
{
	uint64_t last = 0;

	for (uint32_t i = 0; i < WINDOW_EDGES; i++)
		if (w->edge_tags[i] && w->edges[i].up_ns > last &&
		    window_is_address(w->edges[i].source, source) &&
		    window_is_address(w->edges[i].target, target))
			last = w->edges[i].up_ns;
	return last;
}

#endif
