/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An order's slot, its reports and its trades. Every order has one end, once; what is
 * bought is sold, and who pays is paid.
 */
#ifndef AIRNET_VENUE_TRADE_H
#define AIRNET_VENUE_TRADE_H

/* ---- slots: one for both ends, free when both are done with it ---- */

static inline void venue_release(struct market *m, an_u32 slot)
{
	if (m->tickets[slot].state != TICKET_NONE)
		return;
	m->orders[slot].state = VENUE_UNKNOWN;
	m->orders[slot].id = 0;
	pool_give(&m->pool, slot);
}

/* How many live orders have a line and an id, by a digest of both: none, then there is
 * no such order. MANY: nobody counts any more, there may be one. */
#define VENUE_MARKS 65536u
#define VENUE_MANY 255

static inline an_u8 *venue_mark(const struct market *m, an_u32 line, an_u64 id)
{
	return &m->ids[chance_mix(id ^ (an_u64)line << 40) & (VENUE_MARKS - 1)];
}

static inline void venue_named(const struct market *m, const struct venue_order *v)
{
	an_u8 *mark = venue_mark(m, v->line, v->id);

	*mark = (an_u8)(*mark + (*mark != VENUE_MANY));
}

static inline void venue_unnamed(const struct market *m, const struct venue_order *v)
{
	an_u8 *mark = venue_mark(m, v->line, v->id);

	*mark = (an_u8)(*mark - (*mark != VENUE_MANY));
}

static inline void venue_link(struct market *m, an_u32 slot)
{
	struct venue_order *v = &m->orders[slot];
	struct account *c = &m->accounts[v->line];

	venue_named(m, v);
	v->previous = MARKET_NONE;
	v->next = c->first;
	if (c->first != MARKET_NONE)
		m->orders[c->first].previous = slot;
	c->first = slot;
	c->live++;
}

/* The order's one end. */
static inline void venue_finish(struct market *m, an_u32 slot, int state)
{
	struct venue_order *v = &m->orders[slot];
	struct account *c = &m->accounts[v->line];

	venue_unnamed(m, v);
	if (v->previous == MARKET_NONE)
		c->first = v->next;
	else
		m->orders[v->previous].next = v->next;
	if (v->next != MARKET_NONE)
		m->orders[v->next].previous = v->previous;
	c->live--;
	v->state = (an_u8)state;
	m->states[state]++;
	if (m->tickets[slot].state == TICKET_NONE)
		venue_release(m, slot);
}

/* ---- reports ---- */

/* An execution report of the order in `slot`, without what a trade adds. */
static inline struct app venue_report(struct market *m, an_u32 slot, char executed)
{
	const struct venue_order *v = &m->orders[slot];
	const struct order *o = &m->pool.orders[slot];
	struct app a = {0};

	a.type = '8';
	a.id = v->id;
	a.exchange = v->exchange;
	a.execution = ++m->executions;
	a.account = v->account;
	a.order = slot;
	a.symbol = o->book;
	a.side = (char)('1' + o->side);
	a.quantity = v->quantity;
	a.filled = v->filled;
	a.leaves = v->quantity - v->filled;
	a.price = book_price(&m->symbols[o->book].book, o->tick);
	a.order_type = '2';
	a.in_force = '0';
	a.reason = REASON_NONE;
	a.executed = executed;
	a.status = v->filled ? '1' : '0';
	a.flags = v->is_fault ? APP_IS_FAULT : 0;
	return a;
}

/* Tell the line that an order has ended without trading the rest. */
static inline void venue_tell_end(struct world *w, an_u32 slot, char executed,
				  const struct app *asked, an_s64 now_ns)
{
	struct app a = venue_report(&w->market, slot, executed);

	if (asked) {
		a.original = a.id;
		a.id = asked->id;
		a.flags = asked->flags;
	}
	a.status = executed;
	a.leaves = 0;
	venue_say(w, w->market.orders[slot].line, &a, now_ns);
}

/* ---- trades ---- */

static inline void venue_book(struct market *m, an_u32 slot, an_s64 price,
			      an_u32 quantity)
{
	const struct venue_order *v = &m->orders[slot];
	const struct order *o = &m->pool.orders[slot];
	struct account *c = &m->accounts[v->line];
	struct holding *h = &m->holdings[(size_t)v->line * m->symbol_count + o->book];
	an_s64 shares = o->side == BOOK_BUY ? quantity : -(an_s64)quantity;
	an_s64 given = shares * (price - (an_s64)m->symbols[o->book].value);

	c->all.given += given;
	c->all.cash -= shares * price;
	c->all.trades++;
	c->all.traded += (an_u64)price * quantity;
	h->all += shares;
	if (!v->is_fault)
		return;
	c->fault.given += given;
	c->fault.cash -= shares * price;
	c->fault.trades++;
	c->fault.traded += (an_u64)price * quantity;
	h->fault += shares;
}

/* One side of a trade: account, report, and the end of the order when it is filled. */
static inline void venue_execute(struct world *w, an_u32 slot, an_s64 price,
				 an_u32 quantity, an_s64 now_ns)
{
	struct market *m = &w->market;
	struct venue_order *v = &m->orders[slot];
	struct app a;

	v->filled += quantity;
	venue_book(m, slot, price, quantity);
	a = venue_report(m, slot, 'F');
	a.last = quantity;
	a.last_price = price;
	a.status = v->filled == v->quantity ? '2' : '1';
	if (v->filled == v->quantity)
		venue_finish(m, slot, VENUE_FILLED);
	venue_say(w, v->line, &a, now_ns);
}

/* Match the order in `slot`, which is in no book; its leaves are what remains. */
static inline void venue_match(struct world *w, an_u32 slot, an_u32 limit,
			       an_s64 now_ns)
{
	struct market *m = &w->market;
	struct order *o = &m->pool.orders[slot];
	struct symbol *s = &m->symbols[o->book];
	an_u32 traded = 0, side = o->side, symbol = o->book, left = o->leaves;
	an_u32 account = m->orders[slot].account;
	int is_race = account < m->agent_count &&
		      m->agents[account].row->kind == AGENT_ARBITRAGE;
	struct fill fill;

	while (left &&
	       book_hit(&s->book, m->pool.orders, (int)side, limit, left, &fill)) {
		an_s64 price = book_price(&s->book, fill.tick);

		left -= fill.quantity;
		traded += fill.quantity;
		o->leaves = left;
		s->last_price = price;
		s->taken += fill.quantity;
		venue_update(w, UPDATE_TRADE, fill.slot, fill.quantity, now_ns);
		venue_execute(w, slot, price, fill.quantity, now_ns);
		venue_execute(w, fill.slot, price, fill.quantity, now_ns);
	}
	/* Who races to a price that was due anyway tells nobody anything. */
	if (traded && !is_race)
		value_traded(w, symbol, side == BOOK_BUY ? traded : -(double)traded,
			     now_ns);
}

#endif
