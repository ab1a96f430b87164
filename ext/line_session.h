/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The FIX session of a line: numbers, heartbeats, resends. Source: FIX 4.4 volume 2,
 * session protocol; FIXT 1.1 says the same.
 *
 * A message whose number is too high is taken and what is missing before it asked for,
 * as engines with a queue do; `expected` .. `gap_until` - 1 are then missing.
 */
#ifndef AIRNET_LINE_SESSION_H
#define AIRNET_LINE_SESSION_H

#include "line_notes.h"

#define LINE_THINK_NS 25000 /* an engine's time for a session message */

static inline void line_drop(struct world *w, an_u32 line, int side, an_s64 now_ns);
static inline void line_fin(struct world *w, an_u32 line, int side, an_s64 after_ns);
static inline void session_logon(struct world *w, an_u32 line, int from,
				 const struct note *n, an_s64 now_ns);

/* A session message of a type; NULL when there is no room. */
static inline struct note *session_say(struct world *w, an_u32 line, int side,
				       char type, an_u64 id, an_u64 original)
{
	struct line *l = &w->lines.line[line];
	an_s64 think_ns = LINE_THINK_NS / 2 + chance_below(&l->chance, LINE_THINK_NS);
	struct note *n;
	struct app a;

	memset(&a, 0, sizeof(a));
	a.type = type;
	a.id = id;
	a.original = original;
	a.reason = 0xffff;
	n = line_put(w, line, side, &a, think_ns);
	if (n && side == AIRNET_DIRECTION_DOWN)
		line_flush_after(w, line, think_ns);
	return n;
}

/* Say again, under an old number: the number that the next new message has stays. */
static inline struct note *session_say_again(struct world *w, an_u32 line, int side,
					     const struct app *a, an_u64 number)
{
	struct line_side *s = &w->lines.line[line].sides[side];
	struct note *n = line_put(w, line, side, a, LINE_THINK_NS);

	if (!n)
		return NULL;
	s->number--;
	n->number = number;
	n->flags = NOTE_AGAIN;
	n->reference = (an_u64)n->said_ns;
	if (side == AIRNET_DIRECTION_DOWN)
		line_flush_after(w, line, LINE_THINK_NS);
	return n;
}

/* Fill numbers [from, to) with a SequenceReset-GapFill. */
static inline void session_fill(struct world *w, an_u32 line, int side, an_u64 from,
				an_u64 to)
{
	struct app a;

	memset(&a, 0, sizeof(a));
	a.type = '4';
	a.original = to;
	a.reason = 0xffff;
	w->lines.counts.gap_fills++;
	session_say_again(w, line, side, &a, from);
}

/* The position of a side's own message of a number; 0 = no longer known. */
static inline int session_find(struct line_side *s, an_u64 number, an_u32 *position)
{
	for (an_u32 i = s->said; i != s->floor && s->said - i < LINE_NOTES - 1; i--) {
		const struct note *n = line_note(s, i - 1);

		if (n->number == number && !(n->flags & NOTE_AGAIN)) {
			*position = i - 1;
			return 1;
		}
	}
	return 0;
}

/* Answer a ResendRequest: the gateway brings back reports, everything else is filled:
 * an old order is not meant any more, a session message never is (FIX 4.4 vol. 2). */
static inline void session_resend(struct world *w, an_u32 line, int side, an_u64 from,
				  an_u64 to)
{
	struct line_side *s = &w->lines.line[line].sides[side];
	int fills_all = side == AIRNET_DIRECTION_UP ||
			(world_line(w, line)->flags & LINE_NO_RESEND);
	an_u64 filled = from, end = to && to < s->number ? to + 1 : s->number;
	an_u32 position;

	for (an_u64 number = from; number < end && !fills_all; number++) {
		struct note *n;
		struct app a;
		an_s64 said_ns;

		if (end - number > LINE_RESENDS_MAX ||
		    !session_find(s, number, &position))
			continue;
		if (line_note(s, position)->app.type != '8')
			continue;
		a = line_note(s, position)->app;
		said_ns = line_note(s, position)->said_ns;
		a.flags |= APP_POSS_DUP;
		if (filled < number)
			session_fill(w, line, side, filled, number);
		n = session_say_again(w, line, side, &a, number);
		if (!n)
			return;
		n->reference = (an_u64)said_ns;
		filled = number + 1;
		w->lines.counts.resent++;
	}
	if (filled < end)
		session_fill(w, line, side, filled, end);
}

/* Ask for what is missing before `number`, unless that is done. */
static inline void session_gap(struct world *w, an_u32 line, int side, an_u64 number)
{
	struct line *l = &w->lines.line[line];
	struct line_side *s = &l->sides[side];

	if (l->phase == LINE_LEAVING)
		return; /* the next Logon will tell of it */
	s->resume = number + 1;
	if (s->gap_until)
		return;
	s->gap_until = number;
	w->lines.counts.resend_requests++;
	session_say(w, line, side, '2', s->expected, number - 1);
}

/* Does the gap end at what is expected now? */
static inline void session_close_gap(struct line_side *s)
{
	if (!s->gap_until || s->expected < s->gap_until)
		return;
	s->expected = s->resume > s->expected ? s->resume : s->expected;
	s->gap_until = 0;
}

/* Take a message's number; is the message to be read? */
static inline int session_number(struct world *w, an_u32 line, int side,
				 const struct note *n)
{
	struct line_side *s = &w->lines.line[line].sides[side];
	int is_reset = n->app.type == '4' && (n->flags & NOTE_RESETS);

	if (is_reset || n->number == s->expected) {
		s->expected = n->app.type == '4' ? n->app.original : n->number + 1;
		session_close_gap(s);
		return 1;
	}
	if (n->number < s->expected || (n->flags & NOTE_AGAIN))
		return 0; /* heard before: a duplicate */
	if (s->gap_until && n->number == s->resume) {
		s->resume++;
		return 1;
	}
	session_gap(w, line, side, n->number);
	return 1;
}

/* Hand an application message to who listens on `side`. */
static inline void session_deliver(struct world *w, an_u32 line, int side,
				   const struct app *a, an_s64 now_ns)
{
	if (side == AIRNET_DIRECTION_DOWN)
		venue_hear(w, line, a, now_ns);
	else
		trader_hear(w, line, a, now_ns);
}

/* A side says Logout, and closes once it is answered. */
static inline void session_leave(struct world *w, an_u32 line, int side, an_u16 reason)
{
	struct line *l = &w->lines.line[line];
	struct note *n = session_say(w, line, side, '5', 0, 0);

	if (n)
		n->app.reason = reason;
	l->phase = LINE_LEAVING;
	l->leaver = (an_u8)side;
}

/* A Logout has come: answer it, or be content that ours was answered. */
static inline void session_logout(struct world *w, an_u32 line, int side,
				  const struct note *n)
{
	struct line *l = &w->lines.line[line];

	w->lines.counts.logouts++;
	if (n->app.reason == 1) /* an operator sets the number right */
		l->sides[side].number = l->sides[!side].expected;
	if (l->phase == LINE_LEAVING && l->leaver == side) {
		line_fin(w, line, side, LINE_THINK_NS);
		return;
	}
	l->phase = LINE_LEAVING;
	l->leaver = (an_u8)!side;
	session_say(w, line, side, '5', 0, 0);
}

/* A message of `from` has come to the other side. */
static inline void session_receive(struct world *w, an_u32 line, int from,
				   const struct note *n, an_s64 now_ns)
{
	struct line *l = &w->lines.line[line];
	int side = !from;
	struct line_side *s = &l->sides[side];
	struct app a = n->app;

	s->heard_ns = now_ns;
	s->tested_ns = 0;
	if (a.type == 'A') {
		session_logon(w, line, from, n, now_ns);
		return;
	}
	if (!session_number(w, line, side, n))
		return;
	switch (a.type) {
	case '0':
	case '4':
		break;
	case '1':
		session_say(w, line, side, '0', a.id, 0);
		break;
	case '2':
		session_resend(w, line, side, a.id, a.original);
		break;
	case '5':
		session_logout(w, line, side, n);
		break;
	default:
		session_deliver(w, line, side, &a, now_ns);
	}
}

/* Is it time for a Heartbeat, a TestRequest, or to give up? */
static inline void session_beat(struct world *w, an_u32 line, int side, an_s64 now_ns)
{
	struct line *l = &w->lines.line[line];
	struct line_side *s = &l->sides[side];
	an_s64 beat_ns = (an_s64)world_line(w, line)->heartbeat_ms * 1000000;
	an_s64 patience_ns = beat_ns + beat_ns / 5, next_ns;

	if (!s->is_alive || !beat_ns)
		return;
	if (s->tested_ns && now_ns - s->tested_ns >= patience_ns) {
		w->lines.counts.timeouts++;
		line_drop(w, line, side, now_ns);
		return;
	}
	if (now_ns - s->said_ns >= beat_ns)
		session_say(w, line, side, '0', 0, 0);
	if (!s->tested_ns && now_ns - s->heard_ns >= patience_ns) {
		s->tested_ns = now_ns;
		session_say(w, line, side, '1', ++l->tests, 0);
	}
	next_ns = (s->tested_ns ? s->tested_ns : s->heard_ns) + patience_ns;
	if (s->said_ns + beat_ns < next_ns)
		next_ns = s->said_ns + beat_ns;
	if (next_ns <= now_ns)
		next_ns = now_ns + 1000000;
	line_later(w, line, LINE_EVENT_BEAT, side, next_ns);
}

#endif
