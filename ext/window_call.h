/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of no session into the edges they belong to. */
#ifndef AIRNET_WINDOW_CALL_H
#define AIRNET_WINDOW_CALL_H

#include "window_unread.h"

#define ICMP_UNREACHABLE 3 /* RFC 792 */
#define ICMP6_UNREACHABLE 1 /* RFC 4443 section 3.1 */

/* An unreachable: the newest call to whoever says so has failed. */
static inline void window_unreachable(struct window_state *w,
				      const struct airnet_header *h)
{
	struct window_host *x =
		window_host_find(w, h->target, window_hash(w->seed, h->target));

	for (uint32_t i = x ? x->pending_count : 0; i-- > 0;) {
		struct window_edge *e = &w->edges[x->pending[i]];

		if (w->edge_tags[x->pending[i]] != x->pending_tags[i] || e->failed ||
		    !window_is_address(e->target, h->source))
			continue;
		window_edge_fail(w, x, e, &window_host_touch(w, x)->unreachable);
		return;
	}
}

/* TCP or UDP between two addresses, of which `hash` is the source's. */
static __attribute__((noinline)) void window_call(struct window_state *w,
						  const struct airnet_header *h,
						  uint64_t source_hash,
						  uint64_t target_hash)
{
	uint64_t hash =
		window_edge_hash(source_hash, target_hash, h->target_port, h->protocol);
	int is_answer = window_is_syn_ack(h) || window_is_reset(h);
	int is_syn = window_is_syn(h), is_up = 1;
	struct window_edge *e = NULL;
	struct window_host *x;

	if (!is_answer)
		e = window_edge_find(w, h->source, h->target, hash);
	if (!e && !is_syn) {
		e = window_edge_find(w, h->target, h->source,
				     window_edge_hash(target_hash, source_hash,
						      h->source_port, h->protocol));
		is_up = !e;
	}
	w->answered_ns = is_answer && e ? w->now_ns : w->answered_ns;
	if (!e &&
	    (is_answer || (h->protocol == WINDOW_TCP && !is_syn &&
			   (!h->payload_bytes || h->target_port > h->source_port))))
		return;
	if (!e)
		e = window_edge_begin(w, h, source_hash, target_hash, hash);
	if (!is_up && window_is_reset(h) && !e->answered) {
		x = e->failed ? NULL : window_edge_host(w, e, target_hash);
		if (x)
			window_edge_fail(w, x, e, &window_host_touch(w, x)->refused);
	} else if (!is_up) {
		window_edge_down(w, e, h, source_hash, target_hash);
	} else {
		x = window_edge_up(w, e, h, source_hash, target_hash);
		if (x && h->protocol == WINDOW_TCP)
			window_unread_stray(w, e, x, h);
		if (x && (is_syn || h->protocol == WINDOW_UDP))
			window_pending_push(w, x, e);
	}
}

/* A frame of no session. What strangers may have looked up in a tick is limited. */
static __attribute__((noinline)) void
window_host_frame(struct window_state *w, const struct airnet_header *h, uint64_t hash)
{
	uint64_t target_hash;
	uint32_t *left;

	if (h->reason != AIRNET_FRAME_OK)
		return;
	if (h->protocol == WINDOW_TCP && !h->payload_bytes &&
	    !(h->tcp_flags & (AIRNET_TCP_SYN | AIRNET_TCP_RST)))
		return; /* bare acknowledgements say nothing of who calls whom */
	if (h->protocol != WINDOW_TCP && h->protocol != WINDOW_UDP) {
		if ((h->protocol == WINDOW_ICMP && h->code == ICMP_UNREACHABLE) ||
		    (h->protocol == WINDOW_ICMP6 && h->code == ICMP6_UNREACHABLE))
			window_unreachable(w, h);
		return;
	}
	target_hash = window_hash(w->seed, h->target);
	left = window_is_familiar(window_known_find(w, h->source, hash)) ||
			       window_is_familiar(
				       window_known_find(w, h->target, target_hash))
		       ? &w->left_familiar
		       : &w->left_strange;
	if (!*left) {
		w->counters.hosts_skipped++;
		return;
	}
	--*left;
	window_call(w, h, hash, target_hash);
}

#endif
