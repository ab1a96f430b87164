/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Market makers: some levels of bids and asks about what they see a symbol's value to
 * be. A level is re-quoted when its price is wrong by more than its threshold; the
 * thresholds grow with depth, so that deep levels live long. Desks also touch up a
 * quote now and then, freely or in step with the clock.
 */
#ifndef AIRNET_TRADER_MAKER_H
#define AIRNET_TRADER_MAKER_H

/* How long a desk offers nothing new after a refusal: to ask again at once would be a
 * loop as fast as the line. */
#define DESK_SHY_NS WORLD_SECOND_NS

static inline void desk_wake(struct world *w, an_u32 desk, an_s64 now_ns)
{
	struct market *m = &w->market;
	struct desk *d = &m->desks[desk];

	if (d->is_woken)
		return;
	d->is_woken = 1;
	agenda_add(&w->agenda, now_ns + trader_reaction(&m->agents[d->agent]),
		   DESK_LOOK, desk, 0);
}

/* A symbol's value moved: desks whose quotes are now wrong will look. */
static inline void desks_notice(struct world *w, an_u32 symbol, an_s64 now_ns)
{
	struct market *m = &w->market;
	const struct symbol *s = &m->symbols[symbol];
	double shown = value_shown(s);

	for (an_u32 i = 0; i < s->desk_count; i++) {
		an_u32 desk = m->desk_of[s->desks + i];
		const struct desk *d = &m->desks[desk];
		double off = shown - d->centre;

		off = off < 0 ? -off : off;
		if (!d->is_woken && off >= d->threshold)
			desk_wake(w, desk, now_ns);
	}
	arbitrage_notice(w, symbol, now_ns);
}

/* May a desk add on that side, with what it holds? */
static inline int desk_has_room(const struct world *w, const struct desk *d, int side)
{
	const struct agent *a = &w->market.agents[d->agent];
	double limit = (double)a->row->position * value_row(w, d->symbol)->size;

	if (limit <= 0)
		return 1;
	return side == BOOK_BUY ? (double)d->position < limit
				: (double)d->position > -limit;
}

/* Where a desk wants a level. It does not cross the other side. */
static inline an_s64 desk_price(const struct world *w, const struct desk *d, int side,
				int level)
{
	const struct symbol *s = &w->market.symbols[d->symbol];
	const struct agent_row *row = w->market.agents[d->agent].row;
	double tick = s->book.tick, centre = d->centre + d->opinion;
	double limit = (double)row->position * value_row(w, d->symbol)->size;
	double away = (row->spread_ticks + row->step_ticks * level) * tick;
	an_s64 price, other;

	if (limit > 0)
		centre -= (double)d->position / limit * row->skew_ticks * tick;
	price = trader_round(s, side, side == BOOK_BUY ? centre - away : centre + away);
	if (s->phase != PHASE_OPEN)
		return price;
	other = trader_best(s, !side, 0);
	if (side == BOOK_BUY && other && price >= other)
		price = other - s->book.tick;
	if (side == BOOK_SELL && other && price <= other)
		price = other + s->book.tick;
	return price;
}

static inline void desk_open(struct world *w, an_u32 desk, int side, int level,
			     an_s64 price, an_s64 now_ns)
{
	struct market *m = &w->market;
	struct desk *d = &m->desks[desk];
	struct wish wish = {.price = price,
			    .symbol = (an_u16)d->symbol,
			    .side = (an_u8)side,
			    .use = TICKET_QUOTE,
			    .order_type = '2',
			    .in_force = '0'};

	if (!desk_has_room(w, d, side) || now_ns < d->shy_until_ns)
		return;
	wish.quantity = trader_size(w, &m->agents[d->agent], d->symbol);
	wish.place = desk << 5 | (an_u32)side << 4 | (an_u32)level;
	d->slots[side][level] = trader_new(w, d->agent, &wish, now_ns);
}

/* Move a live quote to `price`: one message or two. */
static inline void desk_move(struct world *w, an_u32 desk, int side, int level,
			     an_s64 price, an_s64 now_ns)
{
	struct market *m = &w->market;
	struct desk *d = &m->desks[desk];
	struct agent *a = &m->agents[d->agent];
	an_u32 slot = d->slots[side][level];
	struct ticket *t = &m->tickets[slot];

	if (!desk_has_room(w, d, side)) {
		trader_cancel(w, slot, now_ns);
		return;
	}
	if (chance_is(&a->chance, a->row->replace_share)) {
		an_u32 fresh = t->filled + trader_size(w, a, d->symbol);

		trader_change(w, slot, price, fresh, now_ns);
		return;
	}
	t->use = TICKET_LOOSE;
	trader_cancel(w, slot, now_ns);
	d->slots[side][level] = MARKET_NONE;
	desk_open(w, desk, side, level, price, now_ns);
}

/* Put one level right, or leave it: it is near enough, or a change is on its way. */
static inline void desk_quote(struct world *w, an_u32 desk, int side, int level,
			      double threshold, an_s64 now_ns)
{
	struct market *m = &w->market;
	struct desk *d = &m->desks[desk];
	an_u32 slot = d->slots[side][level];
	an_s64 price = desk_price(w, d, side, level);
	double off;

	if (slot == MARKET_NONE) {
		desk_open(w, desk, side, level, price, now_ns);
		return;
	}
	if (m->tickets[slot].state != TICKET_LIVE)
		return;
	off = (double)(m->tickets[slot].price - price);
	off = off < 0 ? -off : off;
	if (off > threshold)
		desk_move(w, desk, side, level, price, now_ns);
}

/* Have the tickets of all levels fetched at once: each is far away. */
static inline void desk_fetch(const struct market *m, const struct desk *d,
			      an_u32 levels)
{
	for (an_u32 level = 0; level < levels; level++)
		for (int side = 0; side < 2; side++)
			if (d->slots[side][level] != MARKET_NONE)
				__builtin_prefetch(&m->tickets[d->slots[side][level]]);
}

static inline void desk_look(struct world *w, an_u32 desk, an_s64 now_ns)
{
	struct market *m = &w->market;
	struct desk *d = &m->desks[desk];
	struct agent *a = &m->agents[d->agent];
	const struct symbol *s = &m->symbols[d->symbol];
	double threshold = d->threshold;

	d->is_woken = 0;
	if (!trader_may_speak(m, d->agent) || trader_is_suppressed(a) ||
	    s->phase == PHASE_HALT)
		return;
	if (!a->is_stale)
		d->centre = value_shown(s);
	desk_fetch(m, d, a->row->levels);
	for (int level = 0; level < a->row->levels; level++) {
		desk_quote(w, desk, BOOK_BUY, level, threshold, now_ns);
		desk_quote(w, desk, BOOK_SELL, level, threshold, now_ns);
		threshold *= a->row->threshold_growth;
	}
}

/* Re-quote one level wherever its price is: a touch-up, the nearer the more often. */
static inline void desk_touch(struct world *w, an_u32 desk, an_s64 now_ns)
{
	struct market *m = &w->market;
	struct desk *d = &m->desks[desk];
	struct agent *a = &m->agents[d->agent];
	an_u32 one = chance_below(&a->chance, a->row->levels);
	an_u32 two = chance_below(&a->chance, a->row->levels);
	int side = (int)chance_below(&a->chance, 2),
	    level = (int)(one < two ? one : two);

	if (!trader_may_speak(m, d->agent) || trader_is_suppressed(a) ||
	    m->symbols[d->symbol].phase == PHASE_HALT)
		return;
	desk_quote(w, desk, side, level, -1, now_ns);
	if (trader_is_probing(a) && desk_has_room(w, d, BOOK_BUY) &&
	    desk_has_room(w, d, BOOK_SELL))
		trader_probe(w, d->agent, d->symbol, now_ns);
}

/* A desk's own rhythm. value: 1 = act, 0 = only draw the next time. */
static inline void desk_routine(struct world *w, const struct event *e)
{
	struct market *m = &w->market;
	struct desk *d = &m->desks[e->who];
	struct agent *a = &m->agents[d->agent];
	double busy = trader_busy(m, a, d->symbol);
	an_s64 next;
	int is_it = 1;

	if (a->row->period_ns > 0)
		next = trader_period(a, e->time_ns);
	else
		next = e->time_ns + value_wait(&a->chance, a->row->rate * busy, &is_it);
	if (a->row->rate > 0 || a->row->period_ns > 0)
		agenda_add(&w->agenda, next, DESK_ROUTINE, e->who, (an_u64)is_it);
	if (!e->value)
		return;
	desk_touch(w, e->who, e->time_ns);
	if (!d->is_woken)
		desk_look(w, e->who, e->time_ns);
}

/* All of a maker's desks look, spread over some reactions: after a logon. */
static inline void maker_resume(struct world *w, an_u32 agent, an_s64 now_ns)
{
	const struct agent *a = &w->market.agents[agent];

	for (an_u32 i = 0; i < a->row->symbols; i++)
		desk_wake(w, a->desks + i, now_ns);
}

#endif
