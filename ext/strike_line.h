/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks on a live session: forged orders in its stream, its own segments again, its
 * connection cut each time it is back. The line makes the bytes.
 */
#ifndef AIRNET_STRIKE_LINE_H
#define AIRNET_STRIKE_LINE_H

#include "strike_shot.h"

static inline void line_reset(struct world *w, an_u32 line, an_s64 now_ns);

#define STRIKE_EVENT_FORGE (WORLD_STRIKE | 5) /* value: the shot's number */

/* A forger waits until the session itself speaks, and goes on where it stops: at most
 * this long after its last message, looking again after that long. */
#define STRIKE_BEHIND_NS 400000

static inline void strike_inject(struct world *w, an_u32 row, an_u64 number)
{
	struct chance c = chance_of(w->seed, WORLD_STRIKE + 1 + row, number);

	agenda_add(&w->agenda,
		   w->now_ns + 1000 + (an_s64)(chance_unit(&c) * STRIKE_BEHIND_NS),
		   STRIKE_EVENT_FORGE, row, number);
}

/* An order that the session might have sent: of one of its symbols, near its value. */
static inline void strike_order(const struct world *w, struct chance *c, an_u64 number,
				struct app *a)
{
	const struct symbol_row *symbols = w->rows[ROWS_SYMBOL].at;
	an_u32 symbol = chance_below(c, w->rows[ROWS_SYMBOL].count);
	const struct symbol_row *s = &symbols[symbol];
	an_s64 away = (an_s64)chance_below(c, 9) - 4;

	memset(a, 0, sizeof(*a));
	a->id = 0x400000 + number;
	a->type = 'D';
	a->symbol = (an_u16)symbol;
	a->side = chance_is(c, 0.5) ? '1' : '2';
	a->order_type = '2';
	a->in_force = '0';
	a->price = s->price + away * s->tick;
	a->quantity = s->size * (1 + chance_below(c, 4));
	a->reason = 0xffff;
	a->flags = APP_IS_FORGED;
}

static inline void strike_forge(struct world *w, an_u32 row, an_u64 number)
{
	const struct strike_row *r = strike_at(w, row);
	const struct line_side *s = &w->lines.line[r->line].sides[0];
	struct chance c = chance_of(w->seed, WORLD_STRIKE + 1 + row, ~number);
	struct app a;

	if (!line_is_logged_on(w, r->line) || !w->rows[ROWS_SYMBOL].count ||
	    w->now_ns >= r->offset_ns)
		return;
	if (w->now_ns - s->said_ns > STRIKE_BEHIND_NS) {
		agenda_add(&w->agenda, w->now_ns + STRIKE_BEHIND_NS, STRIKE_EVENT_FORGE,
			   row, number);
		return;
	}
	strike_order(w, &c, number, &a);
	w->sensor.mark = r->incident;
	line_inject(w, r->line, AIRNET_DIRECTION_UP, r->source, &a, w->now_ns);
	w->sensor.mark = 0;
	w->strikes.counts.forged++;
}

static inline void strike_replay(struct world *w, an_u32 row)
{
	const struct strike_row *r = strike_at(w, row);

	if (!line_is_logged_on(w, r->line))
		return;
	w->sensor.mark = r->incident;
	line_repeat(w, r->line, AIRNET_DIRECTION_UP, r->source, w->now_ns);
	w->sensor.mark = 0;
	w->strikes.counts.repeated++;
}

/* Both ends get a RST that neither sent; the client comes back by itself. */
static inline void strike_flap(struct world *w, an_u32 row)
{
	const struct strike_row *r = strike_at(w, row);

	for (an_u32 i = 0; i < r->lines; i++) {
		if (!line_is_logged_on(w, r->line + i))
			continue;
		w->sensor.mark = r->incident;
		line_reset(w, r->line + i, w->now_ns);
		w->sensor.mark = 0;
		w->strikes.counts.cuts++;
	}
}

#endif
