/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who sends a gateway what is no message.
 *
 * Who logs on says so in his first segment, or in two. What is counted here is segments
 * of a connection whose handshake both ends have completed, so that its address is not
 * forged, to a port where sessions are held, and before the first message that could be
 * read, be it the gateway's, which then understands what we do not. A connection that
 * says one is forgotten. Of a stranger, who never held a session, each is told.
 *
 * And who holds a session, and then sends what is no message: segment after segment, up
 * to a gateway, none of which ends one that is sound. No long message is of so many.
 */
#ifndef AIRNET_WINDOW_UNREAD_H
#define AIRNET_WINDOW_UNREAD_H

#include "window_edge.h"

/* The row of the client that a frame of a session belongs to. */
static inline struct window_host *window_client(struct window_state *w,
						const struct airnet_header *h)
{
	const uint8_t *address =
		h->direction == AIRNET_DIRECTION_UP ? h->source : h->target;
	struct window_host *x =
		window_host_get(w, address, window_hash(w->seed, address));

	if (x) {
		window_host_touch(w, x);
		x->port = h->direction == AIRNET_DIRECTION_UP ? h->target_port
							      : h->source_port;
	}
	return x;
}

/* Nothing new, or behind a hole: nobody can read that yet. */
#define WINDOW_UNREAD_NOT \
	(AIRNET_STREAM_RETRANSMIT | AIRNET_STREAM_TWICE | AIRNET_STREAM_OUT_OF_ORDER)
/* The mirror has lost something: it may have been the message. */
#define WINDOW_UNREAD_OVER \
	(AIRNET_STREAM_CLOSED | AIRNET_STREAM_GAP | AIRNET_STREAM_LOST | \
	 AIRNET_STREAM_UNSEEN)

/* One more segment, the `count`th of its connection. */
static inline void window_unread_more(struct window_state *w, struct window_host *x,
				      uint32_t count)
{
	struct window_deeds *y = window_host_touch(w, x);

	y->unread = count > y->unread ? count : y->unread;
	window_host_alarm(w, x);
}

/* Whether this is news. */
static inline int window_is_unread(const struct airnet_header *h)
{
	return h->payload_bytes && !(h->stream_flags & WINDOW_UNREAD_NOT);
}

/* Segments without a message that are worth a word: of a session; and of a connection
 * whose host the site lists, or that holds another. No Logon is so long. */
#define WINDOW_MUTE_MIN 64
#define WINDOW_UNREAD_MIN 16

/* Whether so many segments of a connection are worth a word. */
static inline int window_is_worth(struct window_state *w, const struct airnet_header *h,
				  uint32_t count)
{
	return count >= WINDOW_UNREAD_MIN ||
	       !window_is_familiar(window_known_at(w, h->source, 0));
}

/* Something up a session in which both ends have spoken, and no message ends in it. */
static __attribute__((noinline)) void window_mute(struct window_state *w,
						  struct window_session *s,
						  const struct airnet_header *h)
{
	struct window_host *x;

	if (h->stream_flags & WINDOW_UNREAD_OVER)
		s->mute = 0;
	else if (s->heard == 3 && !(h->stream_flags & WINDOW_UNREAD_NOT))
		s->mute++;
	else
		return;
	if (s->mute < WINDOW_MUTE_MIN)
		return;
	x = window_client(w, h);
	if (x)
		window_unread_more(w, x, s->mute);
}

/* A session's frame, of so many messages: one that is sound is enough. */
static inline void window_uttered(struct window_state *w, struct window_session *s,
				  const struct airnet_header *h,
				  const struct airnet_message *messages, uint32_t count)
{
	uint32_t broken = 0;

	if (h->direction != AIRNET_DIRECTION_UP)
		return;
	while (broken < count && messages[broken].malformed)
		broken++;
	if (broken < count)
		s->mute = 0;
	else if (__builtin_expect(h->payload_bytes, 0))
		window_mute(w, s, h);
}

/* A connection is over, has said something, or nobody knows what it said. */
static inline void window_unread_over(struct window_state *w, struct window_session *s)
{
	struct window_host *x = &w->hosts[s->unread_host];

	if (s->unread_generation && x->generation == s->unread_generation)
		x->unread_held--;
	s->unread = s->unread_generation = 0;
	s->agreed = 0;
}

/* Whether nobody will know what a connection said. Of whom nobody acts upon, what comes
 * after a hole is counted anew. */
static inline int window_is_undone(struct window_state *w,
				   const struct airnet_header *h)
{
	const uint8_t *client =
		h->direction == AIRNET_DIRECTION_UP ? h->source : h->target;

	return h->stream_flags & AIRNET_STREAM_CLOSED ||
	       (h->stream_flags & WINDOW_UNREAD_OVER &&
		!window_is_familiar(window_known_at(w, client, 0)));
}

/* A frame of a connection that is a session's as far as can be seen. */
static __attribute__((noinline)) void window_unread_frame(struct window_state *w,
							  struct window_session *s,
							  const struct window_venue *v,
							  const struct airnet_header *h)
{
	struct window_host *x;

	if (s->heard || s->closed || window_is_undone(w, h)) {
		window_unread_over(w, s);
		return;
	}
	if (h->stream_flags & WINDOW_UNREAD_OVER) {
		s->unread = 0;
		return;
	}
	if (h->direction != AIRNET_DIRECTION_UP || !v->used || !window_is_unread(h))
		return;
	if (!window_is_worth(w, h, ++s->unread))
		return;
	x = window_client(w, h);
	if (!x)
		return;
	if (s->unread_generation != x->generation) {
		if (!x->unread_held++)
			x->unread_ns = w->now_ns;
		s->unread_host = (uint32_t)(x - w->hosts);
		s->unread_generation = x->generation;
	}
	window_unread_more(w, x, s->unread);
}

/* A caller's frame of no session. */
static inline void window_unread_stray(struct window_state *w, struct window_edge *e,
				       struct window_host *x,
				       const struct airnet_header *h)
{
	const struct window_venue *v;

	if (window_is_syn(h))
		e->unread = 0;
	if (!(h->stream_flags & AIRNET_STREAM_AGREED) || !window_is_unread(h))
		return;
	v = window_venue_find(w, h->target, h->target_port,
			      window_venue_hash(w, h->target, h->target_port));
	if (!v || !v->used)
		return;
	if (!window_is_worth(w, h, ++e->unread))
		return;
	x->port = h->target_port;
	window_unread_more(w, x, e->unread);
}

#endif
