/* SPDX-License-Identifier: Apache-2.0 */
/* The end of what is remembered of a session, and its row's next one. */
#ifndef AIRNET_WINDOW_RENEW_H
#define AIRNET_WINDOW_RENEW_H

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

/* The row is a new session's; it may have been another's. */
static inline void window_renew(struct window_state *w, struct window_session *s)
{
	uint8_t listed = s->listed;

	window_release(w, s);
	memset(s, 0, sizeof *s);
	s->listed = listed;
	s->open_ns = listed ? w->now_ns : 0;
}

#endif
