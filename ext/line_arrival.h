/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that reach the gateway: through its host's stack, behind strangers. */
#ifndef AIRNET_LINE_ARRIVAL_H
#define AIRNET_LINE_ARRIVAL_H

#include "line_stream.h"

static inline void session_receive(struct world *w, an_u32 line, int from,
				   const struct note *n, an_s64 now_ns);

static inline struct note *line_note(struct line_side *s, an_u32 position)
{
	return &s->notes[position % LINE_NOTES];
}

/* Is a message one that somebody waits for an answer to? */
static inline int line_is_order(const struct app *a)
{
	return (a->type == 'D' || a->type == 'F' || a->type == 'G' || a->type == 'q') &&
	       !(a->flags & APP_IS_FAULT);
}

/* A message has arrived at the gateway: it is read at once, or when the host's stack
 * has been through what was there before. 0 = later. */
static inline int line_reaches(struct world *w, an_u32 line, struct note *n,
			       an_s64 now_ns)
{
	struct line *l = &w->lines.line[line];
	struct line_side *s = &l->sides[AIRNET_DIRECTION_UP];
	an_s64 ready_ns = now_ns + intake_delay(w, l->gateway, now_ns);

	if (ready_ns - n->due_ns >= VENUE_PROMISE_NS && line_is_order(&n->app))
		venue_delayed(w, line, &n->app, ready_ns - n->due_ns);
	if (ready_ns == now_ns && s->heard + 1 == s->flown) {
		s->heard++;
		return 1;
	}
	n->due_ns = ready_ns;
	line_later(w, line, LINE_EVENT_TAKEN, AIRNET_DIRECTION_UP, ready_ns);
	return 0;
}

#endif
