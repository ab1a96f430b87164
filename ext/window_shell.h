/* SPDX-License-Identifier: Apache-2.0 */
/* From one machine that trades into another: by a shell, a desktop, a file service. */
#ifndef AIRNET_WINDOW_SHELL_H
#define AIRNET_WINDOW_SHELL_H

#include "window_peer.h"

/* Ports by which one machine is worked from another: a shell, a desktop, its services.
 * Sources: the IANA registry of service names; MITRE ATT&CK T1021 (remote services). */
static inline int window_is_shell_port(uint16_t port)
{
	static const uint16_t ports[] = {22,  23,  135,	 139,  445,  512,
					 513, 514, 3389, 5900, 5985, 5986};
	int found = 0;

	for (size_t i = 0; i < sizeof ports / sizeof *ports; i++)
		found |= port == ports[i];
	return found;
}

static inline int window_is_trader(struct window_state *w, const uint8_t *address,
				   uint64_t hash)
{
	const struct window_known *known = window_known_find(w, address, hash);

	return known && known->lawful;
}

/* From one machine that trades into another, as no other of them does or did. Who looks
 * after machines does so from one that does not trade. */
static inline int window_is_shell(struct window_state *w, const struct window_edge *e,
				  uint64_t source_hash, uint64_t target_hash)
{
	static const uint8_t traders[16] = {0xff};
	struct window_edge *kind;

	if (e->protocol != WINDOW_TCP || !window_is_shell_port(e->port) ||
	    !window_is_trader(w, e->source, source_hash) ||
	    !window_is_trader(w, e->target, target_hash))
		return 0;
	kind = window_service(w, traders, 1, e->port, e->protocol);
	if (!kind->user)
		kind->user = source_hash | 1;
	kind->shared |= kind->user != (source_hash | 1);
	return !e->learned && !kind->learned && !kind->shared;
}

/* The caller speaks after who was called: a conversation, and no mere knock. */
static inline void window_host_talks(struct window_state *w, struct window_host *x,
				     struct window_edge *e, uint64_t source_hash,
				     uint64_t target_hash)
{
	e->talked = 1;
	if (!window_is_shell(w, e, source_hash, target_hash))
		return;
	x->now.shells++;
	window_host_alarm(w, x);
}

#endif
