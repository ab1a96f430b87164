/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What shows that somebody else speaks in a session.
 *
 * A segment's path is the link it came from and its TTL. A path changes when the
 * network does, and then the old one is gone; an excursion is a few segments by another
 * path while the usual one is still used. What an onlooker's mirror shows twice
 * (AIRNET_STREAM_TWICE) says nothing. Sources: RFC 9293 section 3.8.1 (what is
 * acknowledged is not sent again), RFC 791 (TTL).
 */
#ifndef AIRNET_WINDOW_TRACE_H
#define AIRNET_WINDOW_TRACE_H

#include "window_call.h"
#include "window_order.h"

#define TRACE_EXCURSION_NS 1000000000ull
#define TRACE_EXCURSION 64 /* segments; a longer one is a new path */
#define TRACE_BEHIND 1024 /* bytes: nobody can miss any more what lies so far back */

/* The path that is usual from now on; of a client that trades, remember it. */
static inline void trace_settle(struct window_state *w, struct window_trace *t,
				const struct airnet_header *h, uint64_t path)
{
	struct window_known *client = NULL;

	t->usual = path;
	if (h->direction == AIRNET_DIRECTION_UP)
		client = window_known_at(w, h->source, 0);
	if (client && client->lawful)
		client->path = path;
}

/* The usual path is back: a short spell of another one was somebody else. */
static inline void trace_back(struct window_state *w, struct window_trace *t,
			      const struct airnet_header *h)
{
	struct window_host *x = NULL;

	if (w->now_ns - t->run_ns <= TRACE_EXCURSION_NS && (t->run_new || t->run_old))
		x = window_client(w, h);
	if (x) {
		x->now.foreign++;
		x->now.foreign_new += t->run_new;
		x->now.foreign_old += t->run_old;
		window_host_alarm(w, x);
	}
	t->run = 0;
}

/* A segment by another path than usual. */
static inline void trace_away(struct window_state *w, struct window_trace *t,
			      const struct airnet_header *h, int is_again, int is_old)
{
	uint64_t path = trace_path(h);

	if (t->run && (t->odd != path || w->now_ns - t->run_ns > TRACE_EXCURSION_NS ||
		       t->run == TRACE_EXCURSION)) {
		trace_settle(w, t, h, t->odd);
		t->run = 0;
	}
	if (t->usual == path)
		return;
	if (!t->run) {
		t->odd = path;
		t->run_ns = w->now_ns;
		t->run_new = t->run_old = 0;
	}
	t->run++;
	t->run_new += !is_again;
	t->run_old += (uint8_t)is_old;
}

/* A segment with payload that is not plainly the next one of its usual sender. */
static __attribute__((noinline)) void window_trace_odd(struct window_state *w,
						       struct window_trace *t,
						       const struct airnet_header *h)
{
	uint32_t behind = t->next - h->sequence - h->payload_bytes;
	int is_again = (h->stream_flags & AIRNET_STREAM_RETRANSMIT) != 0;
	int is_taken = is_again && h->stream_flags & AIRNET_STREAM_TAKEN;
	int is_conflict = (h->stream_flags & AIRNET_STREAM_CONFLICT) != 0;
	int is_replay = is_taken && (int32_t)behind >= TRACE_BEHIND;
	uint64_t path = trace_path(h);
	struct window_host *x = NULL;

	if (!t->usual)
		trace_settle(w, t, h, path);
	if (path == t->usual && t->run)
		trace_back(w, t, h);
	else if (path != t->usual)
		trace_away(w, t, h, is_again, is_taken);
	if (is_conflict || is_replay)
		x = window_client(w, h);
	if (!x)
		return;
	x->now.conflicts += (uint32_t)is_conflict;
	x->now.replays += (uint32_t)is_replay;
	window_host_alarm(w, x);
}

/* What a plain segment has none of. */
#define TRACE_ODD \
	(AIRNET_STREAM_TWICE | AIRNET_STREAM_RETRANSMIT | AIRNET_STREAM_CONFLICT | \
	 AIRNET_STREAM_OUT_OF_ORDER)

/* A segment with payload. Plain ones by the usual path are nearly all. */
static inline void window_trace(struct window_state *w, struct window_session *s,
				const struct airnet_header *h)
{
	struct window_trace *t = &s->traces[h->direction & 1];

	if (__builtin_expect(trace_path(h) != t->usual ||
				     t->run | (h->stream_flags & TRACE_ODD),
			     0)) {
		if (h->stream_flags & AIRNET_STREAM_TWICE)
			return;
		if (trace_path(h) != t->usual || t->run ||
		    h->stream_flags &
			    (AIRNET_STREAM_RETRANSMIT | AIRNET_STREAM_CONFLICT))
			window_trace_odd(w, t, h);
		if (h->stream_flags &
		    (AIRNET_STREAM_RETRANSMIT | AIRNET_STREAM_OUT_OF_ORDER))
			return;
	}
	t->next = h->sequence + h->payload_bytes;
}

#endif
