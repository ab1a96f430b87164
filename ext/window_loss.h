/* SPDX-License-Identifier: Apache-2.0 */
/* What the line of one session loses: spells in which segments are late or sent again,
 * against what this session has always lost. A machine that is gone loses nothing: the
 * other end must have been heard between two spells. */
#ifndef AIRNET_WINDOW_LOSS_H
#define AIRNET_WINDOW_LOSS_H

#include "window_trace.h"

#define LOSS_EPOCH_NS 5000000000ull
#define LOSS_SPELL_NS 100000000ull /* what is odd so soon after is of the same spell */
#define LOSS_SPELLS 3 /* fewer are bad luck */

/* This epoch and the last are now; all before is what is usual. */
static inline void window_loss_roll(struct window_session *s, uint64_t epoch)
{
	if (s->loss_epoch == epoch)
		return;
	s->loss_old += s->loss_before;
	s->loss_before = s->loss_now;
	if (s->loss_epoch + 1 != epoch) {
		s->loss_old += s->loss_before;
		s->loss_before = 0;
	}
	s->loss_now = 0;
	s->loss_epoch = epoch;
}

/* Some spells, of this epoch and the last: how many times as many as is usual? */
static inline void window_loss_tell(struct window_state *w, struct window_session *s,
				    const struct airnet_header *h)
{
	struct window_host *x = window_client(w, h);
	uint64_t since_ns = (s->loss_epoch - 1) * LOSS_EPOCH_NS;
	uint64_t past_us = 0, span_us = (w->now_ns - since_ns) / 1000, usual = 0;
	uint32_t spells = s->loss_now + s->loss_before;
	struct window_deeds *y;

	if (!x)
		return;
	if (since_ns > s->loss_first_ns)
		past_us = (since_ns - s->loss_first_ns) / 1000;
	if (past_us)
		usual = s->loss_old * span_us / past_us;
	y = window_host_touch(w, x);
	if (w->lossy_epoch != x->epoch)
		w->lossy_hosts = 0;
	w->lossy_epoch = x->epoch;
	w->lossy_hosts += !y->loss;
	y->loss = spells > y->loss ? spells : y->loss;
	x->loss_ratio = (uint32_t)(spells * 1000ull / (usual + 1));
	x->loss_past_ms = (uint32_t)(past_us / 1000);
	window_host_alarm(w, x);
}

/* A segment is late, or sent again. */
static __attribute__((noinline)) void window_loss_odd(struct window_state *w,
						      struct window_session *s,
						      const struct airnet_header *h)
{
	int way = h->direction & 1, other = 2 >> way;
	uint64_t last_ns = s->loss_ns[way];

	s->loss_ns[way] = w->now_ns;
	if (!(s->loss_heard & other) ||
	    (last_ns && w->now_ns - last_ns < LOSS_SPELL_NS))
		return;
	s->loss_heard &= (uint8_t)~other;
	window_loss_roll(s, w->now_ns / LOSS_EPOCH_NS);
	s->loss_now++;
	if (s->loss_now + s->loss_before >= LOSS_SPELLS)
		window_loss_tell(w, s, h);
}

/* A frame of a session. What the mirror shows twice was sent once. */
static inline void window_loss(struct window_state *w, struct window_session *s,
			       const struct airnet_header *h)
{
	if (!s->loss_first_ns)
		s->loss_first_ns = w->now_ns;
	if (__builtin_expect(h->stream_flags & AIRNET_STREAM_TWICE, 0))
		return;
	s->loss_heard |= (uint8_t)(1 << (h->direction & 1));
	if (__builtin_expect(h->stream_flags & (AIRNET_STREAM_RETRANSMIT |
						AIRNET_STREAM_OUT_OF_ORDER),
			     0))
		window_loss_odd(w, s, h);
}

#endif
