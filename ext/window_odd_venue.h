/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who logs on where nobody else trades.
 *
 * Firms share a venue's gateways, and those are there when the day begins. A machine
 * that trades at one of them and, its sessions there going on, is let in at an address
 * that nobody else trades at and the site file does not list, sends its orders
 * elsewhere: to a forged gateway, or past who watches them.
 */
#ifndef AIRNET_WINDOW_ODD_VENUE_H
#define AIRNET_WINDOW_ODD_VENUE_H

#include "window_edge.h"

#define WINDOW_VENUE_USE 255 /* no service has this protocol number (IANA: reserved) */
#define WINDOW_OPENING_NS 5000000000ull /* addresses that open together are a venue */

/* Whether the site file lists an address. */
static inline int window_is_listed(struct window_state *w, const uint8_t *address)
{
	const struct window_known *place = window_known_at(w, address, 0);
	int found = place && place->registered;

	for (uint32_t i = 0; i < w->gateway_count; i++)
		found |= window_is_address(w->gateways[i], address);
	return found;
}

/* A session of any kind begins at an address. */
static inline void window_odd_venue_open(struct window_state *w, const uint8_t *client,
					 const uint8_t *gateway, uint64_t gateway_hash)
{
	uint64_t user = window_hash(w->seed, client) | 1;
	struct window_edge *use =
		window_service(w, gateway, gateway_hash, 0, WINDOW_VENUE_USE);

	use->shared |= use->user && use->user != user;
	if (use->user)
		return;
	use->user = user;
	use->answered = 1; /* gives way late */
	use->waits = !use->learned && w->opened_ns &&
		     w->now_ns - w->opened_ns >= WINDOW_OPENING_NS;
	w->opened_ns = w->now_ns;
}

/* A Logon was let in. What is told of an address is told once. */
static inline void window_odd_venue_answered(struct window_state *w,
					     struct window_host *x,
					     const uint8_t *gateway)
{
	const struct window_known *self = window_known_at(w, x->address, 0);
	struct window_edge *use = window_service(
		w, gateway, window_hash(w->seed, gateway), 0, WINDOW_VENUE_USE);
	int is_odd = use->waits && !use->shared && self && self->lawful &&
		     self->sessions && !window_is_listed(w, gateway);

	use->waits = 0;
	if (!is_odd)
		return;
	if (window_is_inside(w, gateway))
		window_host_touch(w, x)->venues_inside++;
	else
		window_host_touch(w, x)->venues_outside++;
	window_peer_name(x, gateway, WINDOW_PEER_VENUE | WINDOW_PEER_OWN);
	window_host_alarm(w, x);
}

#endif
