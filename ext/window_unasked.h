/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders of who never asked to be let in.
 *
 * A session begins by a Logon (FIX 4.4 volume 2), and a gateway answers nothing that
 * comes before. Who sends sound orders in a connection of his own, seen from its
 * handshake, has no session to send them in. What the mirror has lost, or what we do
 * not read, may have been the Logon: such a connection says nothing for good.
 */
#ifndef AIRNET_WINDOW_UNASKED_H
#define AIRNET_WINDOW_UNASKED_H

#include "window_unread.h"

#define UNASKED_OTHERS 2 /* sessions that live at the gateway beside it */

/* Whether a message may have been the Logon, or is the gateway's. */
static inline int window_has_asked(const struct airnet_message *m)
{
	return m->malformed || m->kind == AIRNET_KIND_LOGON ||
	       m->kind == AIRNET_KIND_LOGOUT || m->direction != AIRNET_DIRECTION_UP;
}

/* A frame of a session in which nobody has logged on, nor the gateway spoken. */
static __attribute__((noinline)) void
window_unasked(struct window_state *w, struct window_session *s,
	       const struct window_venue *v, const struct airnet_header *h,
	       const struct airnet_message *messages, uint32_t count)
{
	struct window_deeds *y;
	struct window_host *x;
	uint32_t orders = 0;
	int is_over = s->closed || h->stream_flags & WINDOW_UNREAD_OVER ||
		      (h->direction != AIRNET_DIRECTION_UP && h->payload_bytes);

	for (uint32_t i = 0; i < count; i++) {
		is_over |= window_has_asked(&messages[i]);
		orders += messages[i].kind == AIRNET_KIND_NEW ||
			  messages[i].kind == AIRNET_KIND_CANCEL ||
			  messages[i].kind == AIRNET_KIND_REPLACE ||
			  messages[i].kind == AIRNET_KIND_QUOTE;
	}
	s->begun = !is_over;
	if (is_over || !orders)
		return;
	s->unasked += orders;
	if (!v->used || v->sessions < UNASKED_OTHERS ||
	    window_is_familiar(window_known_at(w, h->source, 0)))
		return;
	x = window_client(w, h);
	if (!x)
		return;
	y = window_host_touch(w, x);
	y->unasked = s->unasked > y->unasked ? s->unasked : y->unasked;
	window_host_alarm(w, x);
}

/* A session's frame, of so many messages: whether they say something, and may. */
static inline void window_said(struct window_state *w, struct window_session *s,
			       const struct window_venue *v,
			       const struct airnet_header *h,
			       const struct airnet_message *messages, uint32_t count)
{
	window_uttered(w, s, h, messages, count);
	if (__builtin_expect(s->begun, 0))
		window_unasked(w, s, v, h, messages, count);
}

#endif
