/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Those who take: takers, whose orders excite further orders (a Hawkes process of two
 * exponential kernels in its branching form, so it is exact without thinning), and
 * arbitrageurs, who race each other to quotes that lag behind.
 */
#ifndef AIRNET_TRADER_TAKER_H
#define AIRNET_TRADER_TAKER_H

#define CHILDREN_MAX 64

/* Poisson, mean below 1 or so (Knuth's product). */
static inline an_u32 chance_poisson(struct chance *c, double mean)
{
	double least, product = 1;
	an_u32 count = 0;

	if (mean <= 0)
		return 0;
	least = world_exp(-mean);
	while ((product *= chance_unit(c)) > least && count < CHILDREN_MAX)
		count++;
	return count;
}

/* Which symbol of its own an agent trades: by their weights. */
static inline an_u32 taker_symbol(const struct world *w, struct agent *a)
{
	double sum = 0, at;

	if (a->row->symbols == 1)
		return a->row->symbol;
	for (an_u32 i = 0; i < a->row->symbols; i++)
		sum += value_row(w, a->row->symbol + i)->activity *
		       w->market.symbols[a->row->symbol + i].activity;
	at = chance_unit(&a->chance) * sum;
	for (an_u32 i = 0; i + 1 < a->row->symbols; i++) {
		at -= value_row(w, a->row->symbol + i)->activity *
		      w->market.symbols[a->row->symbol + i].activity;
		if (at < 0)
			return a->row->symbol + i;
	}
	return a->row->symbol + a->row->symbols - 1;
}

/* Who does what an order excites. */
static inline an_u32 taker_heir(struct market *m, an_u32 agent, an_u32 *symbol)
{
	struct agent *a = &m->agents[agent];
	double draw = chance_unit(&a->chance);
	const struct symbol *s;

	if (draw < a->row->self_share)
		return agent;
	if (draw > a->row->self_share + a->row->symbol_share)
		*symbol = chance_below(&a->chance, m->symbol_count);
	s = &m->symbols[*symbol];
	if (!s->taker_count)
		return agent;
	return m->taker_of[s->takers + chance_below(&a->chance, s->taker_count)];
}

static inline void taker_excite(struct world *w, an_u32 agent, an_u32 symbol, int side,
				an_s64 now_ns)
{
	struct market *m = &w->market;
	struct agent *a = &m->agents[agent];

	for (int kernel = 0; kernel < 2; kernel++) {
		double n = kernel ? a->row->n2 : a->row->n1;
		double beta = kernel ? a->row->beta2 : a->row->beta1;
		an_u32 children = beta > 0 ? chance_poisson(&a->chance, n) : 0;

		for (an_u32 i = 0; i < children; i++) {
			an_u32 where = symbol, who = taker_heir(m, agent, &where);
			int its = chance_is(&a->chance, a->row->memory)
					  ? side
					  : (int)chance_below(&a->chance, 2);
			double wait = chance_exponential(&a->chance) / beta;

			if (who == agent && where != symbol)
				where = symbol;
			agenda_add(&w->agenda,
				   now_ns + 1 + (an_s64)(wait * WORLD_SECOND_NS),
				   TAKER_CHILD, who, (an_u64)where << 1 | (an_u64)its);
		}
	}
}

/* An order that rests at the touch or a little behind it, for a while. */
static inline void taker_rest(struct world *w, an_u32 agent, struct wish *wish,
			      an_s64 now_ns)
{
	struct agent *a = &w->market.agents[agent];
	const struct symbol *s = &w->market.symbols[wish->symbol];
	an_s64 behind =
		chance_below(&a->chance, 3) ? (an_s64)chance_below(&a->chance, 4) : -1;
	an_u32 slot;

	wish->price =
		trader_best(s, wish->side, trader_round(s, wish->side, value_shown(s)));
	behind *= s->book.tick;
	wish->price += wish->side == BOOK_BUY ? -behind : behind;
	wish->use = TICKET_REST;
	slot = trader_new(w, agent, wish, now_ns);
	if (slot != MARKET_NONE && a->row->patience_ns > 0)
		trader_remind(
			w, slot,
			chance_lognormal(&a->chance, (double)a->row->patience_ns, 2.5),
			now_ns);
}

/* One order of a taker. */
static inline void taker_trade(struct world *w, an_u32 agent, an_u32 symbol, int side,
			       an_s64 now_ns)
{
	struct market *m = &w->market;
	struct agent *a = &m->agents[agent];
	const struct symbol *s = &m->symbols[symbol];
	struct wish wish = {.symbol = (an_u16)symbol,
			    .side = (an_u8)side,
			    .use = TICKET_LOOSE,
			    .order_type = '2',
			    .in_force = '3'};

	if (!trader_may_speak(m, agent) || s->phase == PHASE_HALT)
		return;
	taker_excite(w, agent, symbol, side, now_ns);
	if (trader_is_suppressed(a))
		return;
	wish.quantity = trader_size(w, a, symbol);
	if (s->phase == PHASE_CALL || chance_is(&a->chance, a->row->rest_share)) {
		wish.in_force = '0';
		taker_rest(w, agent, &wish, now_ns);
		return;
	}
	wish.price = trader_best(s, !side, trader_round(s, side, value_shown(s)));
	if (chance_is(&a->chance, a->row->market_share))
		wish.order_type = '1';
	else if (chance_is(&a->chance, a->row->fill_share))
		wish.in_force = '4';
	trader_new(w, agent, &wish, now_ns);
}

/* An immigrant: nobody's child. value: 1 = trades, 0 = draws the next time only. */
static inline void taker_own(struct world *w, const struct event *e)
{
	struct market *m = &w->market;
	struct agent *a = &m->agents[e->who];
	an_u32 symbol = taker_symbol(w, a);
	const struct symbol *s = &m->symbols[symbol];
	an_s64 next = e->time_ns;
	int is_it = 1, side;

	if (a->row->period_ns > 0)
		next = trader_period(a, next);
	else
		next += value_wait(&a->chance, a->row->rate * trader_busy(m, a, symbol),
				   &is_it);
	agenda_add(&w->agenda, next, TAKER_OWN, e->who, (an_u64)is_it);
	if (!e->value)
		return;
	side = chance_is(&a->chance, 0.5 + 0.5 * s->tilt) ? BOOK_BUY : BOOK_SELL;
	taker_trade(w, e->who, symbol, side, e->time_ns);
}

/* ---- arbitrage ---- */

/* Something moved that this symbol's makers do not see yet: the race is on. */
static inline void arbitrage_notice(struct world *w, an_u32 symbol, an_s64 now_ns)
{
	struct market *m = &w->market;
	const struct symbol *s = &m->symbols[symbol];
	double off = s->value - s->seen;

	off = off < 0 ? -off : off;
	for (an_u32 i = 0; i < s->racer_count; i++) {
		an_u32 agent = m->racer_of[s->racers + i];
		struct agent *a = &m->agents[agent];

		if (off >= a->row->threshold_ticks * s->book.tick)
			agenda_add(&w->agenda, now_ns + trader_reaction(a),
				   ARBITRAGE_LOOK, agent, symbol);
	}
}

/* What a symbol is worth to somebody who holds some of it already: at its limit an
 * arbitrageur gives two edges away to get rid of it. */
static inline double arbitrage_value(const struct world *w, const struct agent *a,
				     an_u32 symbol, double edge)
{
	const struct market *m = &w->market;
	const struct symbol *s = &m->symbols[symbol];
	double limit = (double)a->row->position * value_row(w, symbol)->size;
	double held =
		(double)m->holdings[(size_t)a->row->line * m->symbol_count + symbol]
			.all;

	if (limit <= 0)
		return s->value + s->transient;
	held = held > limit ? limit : held < -limit ? -limit : held;
	return s->value + s->transient - 3 * edge * held / limit;
}

/* Take what is on offer on the wrong side of the value. */
static inline void arbitrage_look(struct world *w, an_u32 agent, an_u32 symbol,
				  an_s64 now_ns)
{
	struct market *m = &w->market;
	struct agent *a = &m->agents[agent];
	const struct symbol *s = &m->symbols[symbol];
	double edge = a->row->threshold_ticks * s->book.tick;
	double value = arbitrage_value(w, a, symbol, edge);
	an_s64 ask = trader_best(s, BOOK_SELL, 0), bid = trader_best(s, BOOK_BUY, 0);
	struct wish wish = {.symbol = (an_u16)symbol,
			    .use = TICKET_LOOSE,
			    .order_type = '2',
			    .in_force = '3'};

	if (!trader_may_speak(m, agent) || s->phase != PHASE_OPEN ||
	    trader_is_suppressed(a))
		return;
	if (ask && value - (double)ask >= edge) {
		wish.side = BOOK_BUY;
		wish.price = ask;
	} else if (bid && (double)bid - value >= edge) {
		wish.side = BOOK_SELL;
		wish.price = bid;
	} else {
		return;
	}
	wish.quantity = trader_size(w, a, symbol);
	trader_new(w, agent, &wish, now_ns);
}

/* An arbitrageur also looks without being prompted. value: as of takers, above the
 * lowest bit. */
static inline void arbitrage_routine(struct world *w, const struct event *e)
{
	struct market *m = &w->market;
	struct agent *a = &m->agents[e->who];
	an_u32 symbol = a->row->symbol + chance_below(&a->chance, a->row->symbols);
	int is_it;
	an_s64 wait = value_wait(&a->chance, a->row->rate * trader_busy(m, a, symbol),
				 &is_it);

	agenda_add(&w->agenda, e->time_ns + wait, TAKER_OWN, e->who, (an_u64)is_it);
	if (!e->value)
		return;
	arbitrage_look(w, e->who, symbol, e->time_ns);
	if (trader_may_speak(m, e->who) && !trader_is_suppressed(a) &&
	    trader_is_probing(a))
		trader_probe(w, e->who, symbol, e->time_ns);
}

#endif
