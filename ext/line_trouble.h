/* SPDX-License-Identifier: Apache-2.0 */
/* What is done to lines from outside: containment, and what goes wrong with them. */
#ifndef AIRNET_LINE_TROUBLE_H
#define AIRNET_LINE_TROUBLE_H

#include "line_logon.h"

/* Both ends get a RST from `side`'s address, or its own end sends it. */
static inline void line_reset(struct world *w, an_u32 line, an_s64 now_ns)
{
	struct line *l = &w->lines.line[line];

	for (int side = 0; side < 2; side++) {
		if (!l->sides[!side].is_alive)
			continue;
		line_catch_up(&l->sides[side], now_ns);
		line_bare(w, l, side, AIRNET_TCP_RST | AIRNET_TCP_ACK, now_ns);
		w->lines.counts.resets++;
	}
	for (int side = 0; side < 2; side++)
		if (l->sides[side].is_alive)
			line_lost(w, line, side, now_ns);
}

static inline void line_block(struct world *w, an_u32 line, int form, int directions,
			      an_s64 until_ns)
{
	struct line *l = &w->lines.line[line];

	l->block_form = (an_u8)form;
	l->block_directions = (an_u8)directions;
	l->block_until_ns = form == LINE_BLOCK_NONE ? 0 : until_ns;
	if (form == LINE_BLOCK_RESET)
		line_reset(w, line, w->now_ns);
	if (form == LINE_BLOCK_LOGOUT && l->phase == LINE_LOGGED_ON)
		session_leave(w, line, AIRNET_DIRECTION_DOWN, 2);
}

static inline void line_delay(struct world *w, an_u32 line, an_s64 extra_ns,
			      an_s64 until_ns)
{
	w->lines.line[line].extra_ns = extra_ns;
	w->lines.line[line].extra_until_ns = until_ns;
}

/* LINE_RESETS: the client comes back by itself; after the others it stays away. */
static inline void line_close(struct world *w, an_u32 line, int how, an_s64 now_ns)
{
	struct line *l = &w->lines.line[line];

	if (how != LINE_RESETS)
		l->is_wanted = 0;
	if (how == LINE_LOGS_OUT && l->phase == LINE_LOGGED_ON)
		session_leave(w, line, AIRNET_DIRECTION_UP, 3);
	else if (how == LINE_RESETS)
		line_drop(w, line, AIRNET_DIRECTION_UP, now_ns);
	else if (how == LINE_FALLS_SILENT)
		l->is_silent = 1;
}

/* Its row says that the line's day is over. */
static inline void line_finish(struct world *w, an_u32 line, an_s64 now_ns)
{
	w->lines.line[line].is_wanted = 0;
	line_close(w, line, world_line(w, line)->ending, now_ns);
}

static inline void line_open(struct world *w, an_u32 line, an_s64 now_ns)
{
	struct line *l = &w->lines.line[line];

	l->is_wanted = 1;
	if (l->phase == LINE_CLOSED)
		line_later(w, line, LINE_EVENT_CONNECT, 0, now_ns);
}

static inline const struct trouble_row *line_trouble(const struct world *w,
						     an_u32 number)
{
	return (const struct trouble_row *)w->rows[ROWS_TROUBLE].at + number;
}

/* One turn of a trouble that goes on: both ask for what they have, or a side skips a
 * number, which the other asks for. */
static inline void line_trouble_turn(struct world *w, an_u32 number, an_s64 now_ns)
{
	const struct trouble_row *t = line_trouble(w, number);
	an_s64 gap_ns = (an_s64)(1e9 / (t->amount > 0.001 ? t->amount : 0.001));

	if (now_ns >= t->offset_ns)
		return;
	for (an_u32 line = t->line; line < t->line + t->lines; line++) {
		struct line *l = &w->lines.line[line];
		int side = (int)(l->turns++ & 1);

		if (l->phase != LINE_LOGGED_ON || !l->sides[0].is_in ||
		    !l->sides[1].is_in)
			continue;
		if (t->kind == TROUBLE_RESEND_LOOP) {
			for (side = 0; side < 2; side++)
				if (l->sides[side].expected > 1)
					session_say(w, line, side, '2',
						    l->sides[side].expected - 1, 0);
			continue;
		}
		l->sides[side].number += 1 + chance_below(&l->chance, 3);
		session_say(w, line, side, '0', 0, 0);
	}
	gap_ns = gap_ns / 2 + (an_s64)(chance_unit(&w->lines.chance) * (double)gap_ns);
	agenda_add(&w->agenda, now_ns + gap_ns, WORLD_LINE | LINE_EVENT_TROUBLE_TURN,
		   number, 0);
}

/* What a trouble does to one line when it begins; `is_over`: when it ends. */
static inline void line_trouble_at(struct world *w, an_u32 line,
				   const struct trouble_row *t, int is_over)
{
	struct line *l = &w->lines.line[line];

	switch (t->kind) {
	case TROUBLE_DELAY:
		line_delay(w, line, (an_s64)t->amount, is_over ? 0 : t->offset_ns);
		break;
	case TROUBLE_MOVE:
		if (is_over)
			break;
		l->gateway = (an_u32)t->amount;
		line_reset(w, line, w->now_ns);
		break;
	case TROUBLE_CUT:
		if (!is_over)
			line_reset(w, line, w->now_ns);
		break;
	case TROUBLE_SILENCE:
		l->is_silent = !is_over;
		break;
	case TROUBLE_LOSS:
		l->loss = is_over ? world_line(w, line)->loss : t->amount;
		break;
	case TROUBLE_LATE_LOGON:
		l->logon_factor = is_over ? 1 : t->amount;
		break;
	case TROUBLE_LOW_NUMBER:
		if (!is_over)
			l->low_number = (an_u32)t->amount;
		break;
	case TROUBLE_LOGOUT:
		if (!is_over && l->phase == LINE_LOGGED_ON)
			session_leave(w, line, AIRNET_DIRECTION_DOWN, 3);
		break;
	default:
		break;
	}
}

static inline void line_trouble_event(struct world *w, const struct event *e)
{
	const struct trouble_row *t = line_trouble(w, e->who);
	int is_over = (e->kind & 0xfff) == LINE_EVENT_TROUBLE_END;

	if ((e->kind & 0xfff) == LINE_EVENT_TROUBLE_TURN) {
		line_trouble_turn(w, e->who, e->time_ns);
		return;
	}
	if (t->kind == TROUBLE_RESEND_LOOP || t->kind == TROUBLE_PING_PONG) {
		if (!is_over)
			line_trouble_turn(w, e->who, e->time_ns);
		return;
	}
	for (an_u32 line = t->line; line < t->line + t->lines; line++)
		line_trouble_at(w, line, t, is_over);
}

#endif
