/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A market without wire: struct world with no more than the market asks for, and lines
 * that carry messages by themselves, in order, each with a latency of its own. What
 * the mirror would see of the orders is written as rows, for the moments of the flow.
 * The same market on real lines is ext/twin.h.
 */
#ifndef AIRNET_DIRECT_H
#define AIRNET_DIRECT_H

#include "market_rows.h"
#include "market_state.h"
#include "world.h"

enum {
	ROWS_VENUE,
	ROWS_SYMBOL,
	ROWS_AGENT,
	ROWS_NEWS,
	ROWS_FAULT,
	ROWS_LINE,
	WORLD_TABLES
};

#define LINE_IS_DOWN 0
#define LINE_IS_LOGGED_ON 1
#define DIRECT_FLIGHT (1u << 17) /* messages under way at once */
#define DIRECT_SPACE_NS 900 /* between two messages of one burst */

struct world_rows {
	const void *at;
	an_u32 count;
	an_u32 pad;
};

/* One message as the mirror would see it. */
struct direct_row {
	an_s64 time_ns;
	an_u64 order; /* the trader's number of it; of nobody's order the ClOrdID */
	an_s64 price; /* ordered; of a trade, traded */
	an_u32 line;
	an_u32 quantity; /* ordered; of a trade, traded */
	an_u16 symbol;
	an_u8 direction;
	an_u8 type; /* MsgType */
	an_u8 executed; /* ExecType, 0 upwards */
	an_u8 is_fault;
	an_u8 side;
	an_u8 status; /* OrdStatus */
};

struct direct_line {
	struct chance chance;
	an_s64 last_ns[2]; /* arrival of the last message each way */
	double latency_ns;
	an_u32 is_up;
	an_u32 pad;
};

struct flight {
	struct app a;
	an_u32 line;
	an_u32 next;
};

struct direct {
	struct direct_line *lines;
	struct flight *flights;
	struct direct_row *rows;
	an_u64 messages;
	an_u64 lost;
	an_u32 limit; /* of rows; 0: none are wanted */
	an_u32 count;
	an_u32 free;
	an_u32 fresh;
};

struct world {
	struct agenda agenda;
	an_s64 now_ns;
	an_s64 start_ns;
	an_s64 end_ns;
	an_u64 seed;
	struct world_rows rows[WORLD_TABLES];
	struct market market;
	struct direct direct;
};

struct figure {
	const char *name;
	an_s64 value;
};
#define FIGURES_MAX 64

static inline int line_say(struct world *w, an_u32 line, int direction,
			   const struct app *a, an_s64 now_ns);
static inline void feed_say(struct world *w, const struct book_update *u, an_s64 now_ns)
{
}

static inline an_s64 line_waiting(const struct world *w, an_u32 line, an_u32 *count)
{
	return 0;
}

#include "market.h"

static inline void direct_note(struct world *w, an_u32 line, int direction,
			       const struct app *a, an_s64 seen_ns)
{
	struct direct *d = &w->direct;
	const struct ticket *t;
	struct direct_row *row;

	d->messages++;
	if (d->count == d->limit)
		return;
	row = &d->rows[d->count++];
	memset(row, 0, sizeof(*row));
	row->time_ns = seen_ns;
	row->line = line;
	row->symbol = a->symbol;
	row->direction = (an_u8)direction;
	row->type = (an_u8)a->type;
	row->executed = direction ? (an_u8)a->executed : 0;
	row->quantity = direction ? a->last : a->quantity;
	row->side = (an_u8)a->side;
	row->price = a->executed == 'F' ? a->last_price : a->price;
	row->is_fault = a->flags & APP_IS_FAULT;
	row->status = (an_u8)a->status;
	row->order = a->id;
	if (a->order >= w->market.pool.limit)
		return;
	t = &w->market.tickets[a->order];
	row->order = t->number;
}

static inline int line_say(struct world *w, an_u32 line, int direction,
			   const struct app *a, an_s64 now_ns)
{
	struct direct *d = &w->direct;
	struct direct_line *l = &d->lines[line];
	an_s64 wait = (an_s64)chance_lognormal(&l->chance, l->latency_ns, 0.1);
	an_s64 at = now_ns + wait, seen;
	an_u32 slot = d->free;

	if (!l->is_up)
		return -1;
	if (at <= l->last_ns[direction])
		at = l->last_ns[direction] + DIRECT_SPACE_NS;
	l->last_ns[direction] = at;
	seen = direction == AIRNET_DIRECTION_UP ? at : now_ns;
	direct_note(w, line, direction, a, seen);
	if (slot != MARKET_NONE)
		d->free = d->flights[slot].next;
	else if (d->fresh < DIRECT_FLIGHT)
		slot = d->fresh++;
	else {
		d->lost++;
		return -1;
	}
	d->flights[slot].a = *a;
	d->flights[slot].line = line;
	agenda_add(&w->agenda, at, DIRECT_ARRIVES, slot, (an_u64)direction);
	return 0;
}

static inline void direct_arrive(struct world *w, const struct event *e)
{
	struct direct *d = &w->direct;
	struct flight *f = &d->flights[e->who];

	if (d->lines[f->line].is_up) {
		if (e->value == AIRNET_DIRECTION_UP)
			venue_hear(w, f->line, &f->a, e->time_ns);
		else
			trader_hear(w, f->line, &f->a, e->time_ns);
	}
	f->next = d->free;
	d->free = e->who;
}

/* A line is lost, or back. */
static inline void direct_state(struct world *w, an_u32 line, int state)
{
	w->direct.lines[line].is_up = state == LINE_IS_LOGGED_ON;
	venue_state(w, line, state, w->now_ns);
	trader_state(w, line, state, w->now_ns);
}

static inline int direct_begin(struct world *w, const char **why)
{
	struct direct *d = &w->direct;
	an_u32 lines = w->rows[ROWS_LINE].count;

	*why = "memory is short";
	w->now_ns = w->start_ns;
	d->lines = calloc(lines + 1, sizeof(*d->lines));
	d->flights = calloc(DIRECT_FLIGHT, sizeof(*d->flights));
	d->free = MARKET_NONE;
	if (!d->lines || !d->flights || agenda_open(&w->agenda, w->start_ns, 1u << 20))
		return -1;
	if (market_begin(w, why))
		return -1;
	for (an_u32 i = 0; i < lines; i++) {
		d->lines[i].chance = chance_of(w->seed, CHANCE_DIRECT, i);
		d->lines[i].latency_ns =
			chance_lognormal(&d->lines[i].chance, 25000, 0.8);
		direct_state(w, i, LINE_IS_LOGGED_ON);
	}
	return 0;
}

static inline void direct_end(struct world *w)
{
	market_end(w);
	agenda_close(&w->agenda);
	free(w->direct.lines);
	free(w->direct.flights);
}

/* Handle every event before until_ns, or until the rows are full: 1 then. */
static inline int direct_run(struct world *w, an_s64 until_ns)
{
	struct agenda *a = &w->agenda;

	while (agenda_has(a, until_ns)) {
		struct event e;

		if (w->direct.limit && w->direct.limit - w->direct.count < 4096)
			return 1;
		e = agenda_take(a);
		w->now_ns = e.time_ns;
		if (e.kind == DIRECT_ARRIVES)
			direct_arrive(w, &e);
		else
			market_event(w, &e);
	}
	w->now_ns = until_ns;
	return 0;
}

#endif
