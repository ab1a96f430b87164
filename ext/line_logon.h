/* SPDX-License-Identifier: Apache-2.0 */
/* Logging on: numbers that fit, are too high, too low, or begin anew. */
#ifndef AIRNET_LINE_LOGON_H
#define AIRNET_LINE_LOGON_H

#include "line_connect.h"

/* The client says Logon. */
static inline void line_logon(struct world *w, an_u32 line, an_s64 now_ns)
{
	struct line *l = &w->lines.line[line];
	const struct line_row *row = world_line(w, line);
	struct line_side *s = &l->sides[AIRNET_DIRECTION_UP];
	struct note *n;
	struct app a;

	if (l->phase != LINE_OPENED || !s->is_alive)
		return;
	l->resets = (row->flags & LINE_RESET_NUMBERS) || s->number == 0;
	if (l->resets) {
		s->number = 1;
		s->floor = s->said;
	} else if (l->low_number) {
		s->number = s->number > l->low_number ? s->number - l->low_number : 1;
		l->low_number = 0;
	}
	memset(&a, 0, sizeof(a));
	a.type = 'A';
	a.quantity = row->heartbeat_ms / 1000;
	a.reason = 0xffff;
	n = line_put(w, line, AIRNET_DIRECTION_UP, &a, 0);
	if (n)
		n->flags = l->resets ? NOTE_RESETS : 0;
	line_later(w, line, LINE_EVENT_PATIENCE, 0, now_ns + LINE_PATIENCE_NS);
}

/* The gateway has a Logon before it. */
static inline void line_hear_logon(struct world *w, an_u32 line, const struct note *n,
				   an_s64 now_ns)
{
	struct line *l = &w->lines.line[line];
	struct line_side *s = &l->sides[AIRNET_DIRECTION_DOWN];
	double answer_ns = world_line(w, line)->logon_ns;

	if (now_ns < l->block_until_ns && l->block_form == LINE_BLOCK_LOGOUT) {
		session_leave(w, line, AIRNET_DIRECTION_DOWN, 2);
		s->expected += n->number == s->expected;
		return;
	}
	if (n->flags & NOTE_RESETS) {
		s->number = s->expected = 1;
		s->floor = s->said;
	}
	if (n->number < s->expected) {
		session_leave(w, line, AIRNET_DIRECTION_DOWN, 1);
		return;
	}
	l->logon_number = n->number > s->expected ? n->number : 0;
	if (!l->logon_number)
		s->expected++;
	answer_ns = chance_lognormal(&l->chance, answer_ns, 0.5) * l->logon_factor;
	line_later(w, line, LINE_EVENT_WELCOME, 1, now_ns + 1000 + (an_s64)answer_ns);
}

/* The gateway answers the Logon. */
static inline void line_welcome(struct world *w, an_u32 line, an_s64 now_ns)
{
	struct line *l = &w->lines.line[line];
	struct line_side *s = &l->sides[AIRNET_DIRECTION_DOWN];
	struct note *n;
	struct app a;

	if (l->phase != LINE_OPENED || !s->is_alive)
		return;
	memset(&a, 0, sizeof(a));
	a.type = 'A';
	a.quantity = world_line(w, line)->heartbeat_ms / 1000;
	a.reason = 0xffff;
	n = line_put(w, line, AIRNET_DIRECTION_DOWN, &a, 0);
	if (n)
		n->flags = l->resets ? NOTE_RESETS : 0;
	s->is_in = 1;
	w->lines.counts.logons++;
	line_pass(w, line, AIRNET_DIRECTION_DOWN, now_ns);
	if (l->logon_number)
		session_gap(w, line, AIRNET_DIRECTION_DOWN, l->logon_number);
	line_later(w, line, LINE_EVENT_BEAT, AIRNET_DIRECTION_DOWN, now_ns + 1000000);
	venue_state(w, line, LINE_IS_LOGGED_ON, now_ns);
}

/* The client is welcome. */
static inline void line_hear_welcome(struct world *w, an_u32 line, const struct note *n,
				     an_s64 now_ns)
{
	struct line *l = &w->lines.line[line];
	struct line_side *s = &l->sides[AIRNET_DIRECTION_UP];

	if (l->phase != LINE_OPENED)
		return;
	l->phase = LINE_LOGGED_ON;
	l->retry_ns = 0;
	s->is_in = 1;
	if (n->flags & NOTE_RESETS)
		s->expected = 1;
	session_number(w, line, AIRNET_DIRECTION_UP, n);
	line_later(w, line, LINE_EVENT_BEAT, AIRNET_DIRECTION_UP, now_ns + 1000000);
	trader_state(w, line, LINE_IS_LOGGED_ON, now_ns);
}

static inline void session_logon(struct world *w, an_u32 line, int from,
				 const struct note *n, an_s64 now_ns)
{
	if (from == AIRNET_DIRECTION_UP)
		line_hear_logon(w, line, n, now_ns);
	else
		line_hear_welcome(w, line, n, now_ns);
}

#endif
