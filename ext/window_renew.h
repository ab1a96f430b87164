/* SPDX-License-Identifier: Apache-2.0 */
/* When a session holds, when it is over, and its row's next one. */
#ifndef AIRNET_WINDOW_RENEW_H
#define AIRNET_WINDOW_RENEW_H

#include "window_answer.h"
#include "window_flood.h"

/* A session is over: its client is known for one fewer. */
static inline void window_release(struct window_state *w, struct window_session *s)
{
	struct window_known *client = NULL;

	if (s->established)
		client = window_known_at(w, s->client, 0);
	if (client) {
		client->sessions--;
		client->traded |= s->accepted_ns != 0;
	}
	s->established = 0;
}

/* Both ends have spoken, or it is over: it is no open connection that says nothing. */
static inline void window_spoken(struct window_state *w, struct window_session *s)
{
	struct window_target *t = &w->targets[s->target];

	if (s->unspoken && t->generation == s->unspoken)
		t->unspoken--;
	s->unspoken = 0;
}

/* The row is a new session's; it may have been another's. */
static inline void window_renew(struct window_state *w, struct window_session *s,
				struct window_target *t)
{
	uint8_t listed = s->listed;

	window_venue_leave(w, s);
	window_release(w, s);
	window_spoken(w, s);
	memset(s, 0, sizeof *s);
	s->listed = listed;
	s->open_ns = listed ? w->now_ns : 0;
	if (!t)
		return;
	s->target = (uint32_t)(t - w->targets);
	s->unspoken = t->generation;
	t->unspoken++;
}

/* A session holds when both ends have spoken: its client is a known source. */
static inline void window_establish(struct window_state *w, struct window_session *s,
				    struct window_venue *v, struct window_target *t,
				    const struct airnet_header *h)
{
	struct window_known *client;

	if (!s->established && s->heard == 3 && !s->closed) {
		memcpy(s->client,
		       h->direction == AIRNET_DIRECTION_UP ? h->source : h->target, 16);
		client = window_known_at(w, s->client, 1);
		s->established = client != NULL;
		if (client) {
			client->sessions++;
			window_venue_join(v);
		}
		if (client && t) {
			t->gateway = 1;
			t->sessions++;
		}
	}
	if (s->unspoken && (s->heard == 3 || h->stream_flags & AIRNET_STREAM_CLOSED))
		window_spoken(w, s);
	if (h->tcp_flags & (AIRNET_TCP_FIN | AIRNET_TCP_RST) && s->established &&
	    !s->unheard.parted && !s->closed)
		window_part(w, s, v, h);
	if (h->stream_flags & AIRNET_STREAM_CLOSED && !s->closed) {
		v->health.sessions_lost += s->established;
		window_venue_leave(w, s);
		s->closed = 1;
		window_release(w, s);
	}
}

#endif
