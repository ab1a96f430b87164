/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all agents share: tickets (an order as its trader knows it), the messages that
 * make, change and end one, and what is heard of it. Failing agents use the same.
 */
#ifndef AIRNET_TRADER_H
#define AIRNET_TRADER_H

/* An order somebody wants. */
struct wish {
	an_s64 price;
	an_u32 quantity;
	an_u32 place;
	an_u16 symbol;
	an_u8 side;
	an_u8 use;
	char order_type;
	char in_force;
	an_u8 pad[2];
};

static inline int trader_may_speak(const struct market *m, an_u32 agent)
{
	const struct agent *a = &m->agents[agent];

	return a->is_active && m->accounts[a->row->line].is_up;
}

/* Does a fault take the place of what the agent would do now? */
static inline int trader_is_suppressed(struct agent *a)
{
	return a->suppressed > 0 && chance_is(&a->chance, a->suppressed);
}

/* How much busier than on average an agent is in a symbol now. */
static inline double trader_busy(const struct market *m, const struct agent *a,
				 an_u32 symbol)
{
	double activity = m->symbols[symbol].activity;

	if (a->row->news == 1)
		return activity;
	return activity > 0 ? world_exp(a->row->news * world_log(activity)) : 0;
}

static inline an_s64 trader_reaction(struct agent *a)
{
	if (a->row->reaction_ns <= 0)
		return 1;
	return 1 + (an_s64)chance_lognormal(&a->chance, (double)a->row->reaction_ns,
					    a->row->reaction_sigma);
}

/* The next multiple of the agent's period, and its phase: with everybody else's. */
static inline an_s64 trader_period(struct agent *a, an_s64 now_ns)
{
	const struct agent_row *row = a->row;

	return (now_ns / row->period_ns + 1) * row->period_ns + row->phase_ns +
	       trader_reaction(a);
}

/* Whole lots, a power law above the agent's typical size (Gopikrishnan et al. 2000:
 * exponent about 1.5), at most 100 times it. */
static inline an_u32 trader_size(const struct world *w, struct agent *a, an_u32 symbol)
{
	const struct symbol_row *row = value_row(w, symbol);
	double least = a->row->size * a->size * row->size;
	double drawn = row->size_alpha > 0
			       ? chance_pareto(&a->chance, 0.4, row->size_alpha)
			       : 1;
	double lots = least * (drawn > 100 ? 100 : drawn) / row->lot;

	return row->lot * (lots < 1 ? 1 : (an_u32)(lots > 1e6 ? 1e6 : lots));
}

/* The best price of a side; `fallback` when it is empty. */
static inline an_s64 trader_best(const struct symbol *s, int side, an_s64 fallback)
{
	an_u32 tick = s->book.ladders[side].best;

	return tick == BOOK_NONE ? fallback : book_price(&s->book, tick);
}

/* A price on the grid: bids are rounded down, asks up. */
static inline an_s64 trader_round(const struct symbol *s, int side, double price)
{
	double ticks = (price - (double)s->book.base) / s->book.tick;
	an_s64 whole = (an_s64)ticks;

	if (side == BOOK_SELL && (double)whole < ticks)
		whole++;
	if (whole < 0)
		whole = 0;
	if (whole >= s->book.levels)
		whole = s->book.levels - 1;
	return s->book.base + whole * s->book.tick;
}

/* ---- tickets ---- */

static inline void ticket_link(struct market *m, an_u32 slot)
{
	struct ticket *t = &m->tickets[slot];
	struct agent *a = &m->agents[t->agent];

	t->previous = MARKET_NONE;
	t->next = a->first;
	if (a->first != MARKET_NONE)
		m->tickets[a->first].previous = slot;
	a->first = slot;
	a->held++;
}

/* The trader is done with it. The slot is free when the venue is done too. */
static inline void ticket_end(struct market *m, an_u32 slot)
{
	struct ticket *t = &m->tickets[slot];
	struct agent *a = &m->agents[t->agent];

	if (t->previous == MARKET_NONE)
		a->first = t->next;
	else
		m->tickets[t->previous].next = t->next;
	if (t->next != MARKET_NONE)
		m->tickets[t->next].previous = t->previous;
	a->held--;
	t->state = TICKET_NONE;
	if (m->orders[slot].state != VENUE_LIVE)
		venue_release(m, slot);
}

/* ---- messages ---- */

/* What all of an agent's messages say about one order. */
static inline struct app trader_message(const struct market *m, an_u32 slot, char type)
{
	const struct ticket *t = &m->tickets[slot];
	struct app a = {0};

	a.type = type;
	a.order = slot;
	a.symbol = t->symbol;
	a.side = (char)('1' + t->side);
	a.account = t->agent;
	a.quantity = t->quantity;
	a.order_type = '2';
	a.in_force = '0';
	a.reason = REASON_NONE;
	return a;
}

/* Send a new order; its slot, or MARKET_NONE when it could not be sent. */
static inline an_u32 trader_new(struct world *w, an_u32 agent, const struct wish *wish,
				an_s64 now_ns)
{
	struct market *m = &w->market;
	struct account *c = &m->accounts[m->agents[agent].row->line];
	an_u32 slot = pool_take(&m->pool);
	struct app a;

	if (slot == MARKET_NONE) {
		m->no_slot++;
		return MARKET_NONE;
	}
	m->orders[slot].state = VENUE_UNKNOWN;
	m->tickets[slot] = (struct ticket){.born = c->ids + 1,
					   .id = c->ids + 1,
					   .price = wish->price,
					   .number = ++m->tickets_given,
					   .quantity = wish->quantity,
					   .agent = agent,
					   .place = wish->place,
					   .symbol = wish->symbol,
					   .side = wish->side,
					   .state = TICKET_PENDING,
					   .use = wish->use};
	a = trader_message(m, slot, 'D');
	a.id = ++c->ids;
	a.price = wish->order_type == '1' ? 0 : wish->price;
	a.order_type = wish->order_type;
	a.in_force = wish->in_force;
	a.flags = m->is_failing || m->agents[agent].is_fat ? APP_IS_FAULT : 0;
	if (line_say(w, m->agents[agent].row->line, AIRNET_DIRECTION_UP, &a, now_ns)) {
		m->tickets[slot].state = TICKET_NONE;
		pool_give(&m->pool, slot);
		c->unanswered += !(a.flags & APP_IS_FAULT);
		m->unheard++;
		return MARKET_NONE;
	}
	ticket_link(m, slot);
	m->agents[agent].sent++;
	return slot;
}

/* Change an order's price and total quantity (35=G); quantity 0: cancel it (35=F). */
static inline int trader_change(struct world *w, an_u32 slot, an_s64 price,
				an_u32 quantity, an_s64 now_ns)
{
	struct market *m = &w->market;
	struct ticket *t = &m->tickets[slot];
	struct agent *agent = &m->agents[t->agent];
	struct account *c = &m->accounts[agent->row->line];
	struct app a = trader_message(m, slot, quantity ? 'G' : 'F');

	a.original = t->id;
	a.id = c->ids + 1;
	a.price = quantity ? price : 0;
	a.quantity = quantity ? quantity : t->quantity;
	a.flags = m->is_failing || t->use == TICKET_FAULT ? APP_IS_FAULT : 0;
	if (line_say(w, agent->row->line, AIRNET_DIRECTION_UP, &a, now_ns)) {
		c->unanswered += !(a.flags & APP_IS_FAULT);
		m->unheard++;
		return -1;
	}
	c->ids++;
	t->state = quantity ? TICKET_CHANGING : TICKET_CANCELLING;
	if (quantity)
		t->id = a.id;
	agent->sent++;
	return 0;
}

static inline void trader_cancel(struct world *w, an_u32 slot, an_s64 now_ns)
{
	an_u8 state = w->market.tickets[slot].state;

	if (state != TICKET_NONE && state != TICKET_CANCELLING)
		trader_change(w, slot, 0, 0, now_ns);
}

/* Cancel everything an agent has, order by order. */
static inline void trader_cancel_each(struct world *w, an_u32 agent, an_s64 now_ns)
{
	struct market *m = &w->market;
	an_u32 slot = m->agents[agent].first;

	while (slot != MARKET_NONE) {
		an_u32 next = m->tickets[slot].next;

		trader_cancel(w, slot, now_ns);
		slot = next;
	}
}

/* Look at a ticket again in a while. */
static inline void trader_remind(struct world *w, an_u32 slot, double wait_ns,
				 an_s64 now_ns)
{
	agenda_add(&w->agenda, now_ns + 1 + (an_s64)wait_ns, TICKET_DUE, slot,
		   w->market.tickets[slot].number);
}

/* ---- fleeting orders ---- */

#define FLEETING_SIGMA 1.5 /* of the lognormal of their lives; ours */

/* An order at the touch, or a tick inside it, that is withdrawn at once: to see who
 * trades, or who follows (Hasbrouck and Saar 2009). */
static inline void trader_probe(struct world *w, an_u32 agent, an_u32 symbol,
				an_s64 now_ns)
{
	struct agent *a = &w->market.agents[agent];
	const struct symbol *s = &w->market.symbols[symbol];
	int side = (int)chance_below(&a->chance, 2);
	an_s64 in = chance_is(&a->chance, 0.5) ? s->book.tick : 0;
	an_s64 other = trader_best(s, !side, 0);
	struct wish wish = {.symbol = (an_u16)symbol,
			    .side = (an_u8)side,
			    .use = TICKET_REST,
			    .order_type = '2',
			    .in_force = '0'};
	an_u32 slot;

	wish.price = trader_best(s, side, 0) + (side == BOOK_BUY ? in : -in);
	if (s->phase != PHASE_OPEN || !trader_best(s, side, 0) || !other ||
	    (side == BOOK_BUY ? wish.price >= other : wish.price <= other))
		return;
	wish.quantity = value_row(w, symbol)->lot;
	slot = trader_new(w, agent, &wish, now_ns);
	if (slot != MARKET_NONE)
		trader_remind(w, slot,
			      chance_lognormal(&a->chance, (double)a->row->fleeting_ns,
					       FLEETING_SIGMA),
			      now_ns);
}

/* Does a look make one? */
static inline int trader_is_probing(struct agent *a)
{
	return a->row->fleeting_share > 0 &&
	       chance_is(&a->chance, a->row->fleeting_share);
}

#endif
