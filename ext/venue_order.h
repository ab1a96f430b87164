/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of an order at the venue: taken or rejected, matched, resting, replaced,
 * and one end: filled, cancelled or expired. Every change is told to its line and,
 * of what rests, to the feed.
 */
#ifndef AIRNET_VENUE_ORDER_H
#define AIRNET_VENUE_ORDER_H

/* Trade what can be traded, then rest, or end what may not rest. */
static inline void venue_settle(struct world *w, an_u32 slot, int is_rest,
				char in_force, an_s64 now_ns)
{
	struct market *m = &w->market;
	struct order *o = &m->pool.orders[slot];
	struct symbol *s = &m->symbols[o->book];
	an_u64 wanted = o->leaves;

	if (s->phase == PHASE_OPEN &&
	    (in_force != '4' ||
	     book_available(&s->book, o->side, o->tick, wanted) >= wanted))
		venue_match(w, slot, o->tick, now_ns);
	if (m->orders[slot].state != VENUE_LIVE)
		return;
	if (is_rest) {
		book_rest(&s->book, m->pool.orders, slot);
		venue_update(w, UPDATE_ADD, slot, o->leaves, now_ns);
		return;
	}
	venue_tell_end(w, slot, '4', NULL, now_ns);
	venue_finish(m, slot, VENUE_CANCELLED);
}

/* ---- new ---- */

/* Why an order cannot be taken; 0 when it can. */
static inline int venue_objection(const struct market *m, const struct app *a,
				  an_u32 *tick)
{
	const struct symbol *s;
	int side = a->side == '1' ? BOOK_BUY : BOOK_SELL;

	if (a->symbol >= m->symbol_count || (a->side != '1' && a->side != '2'))
		return REJECT_SYMBOL;
	s = &m->symbols[a->symbol];
	if (s->phase == PHASE_HALT)
		return REJECT_CLOSED;
	if (s->phase == PHASE_CALL && (a->order_type == '1' || a->in_force != '0'))
		return REJECT_CLOSED;
	if (!a->quantity || a->quantity > 1u << 30)
		return REJECT_QUANTITY;
	*tick = a->order_type == '1' ? book_any(&s->book, side)
				     : book_tick(&s->book, a->price);
	return *tick == BOOK_NONE ? REJECT_BAND : 0;
}

/* Is a price farther from the value than the band allows? */
static inline int venue_is_off_band(const struct world *w, const struct app *a)
{
	const struct symbol_row *row = value_row(w, a->symbol);
	double away = (double)a->price - w->market.symbols[a->symbol].value;

	if (!row->band_ticks || a->order_type == '1')
		return 0;
	away = away < 0 ? -away : away;
	return away > (double)row->band_ticks * row->tick;
}

/* The slot an order goes to: its ticket's, or a fresh one when nobody here sent it. */
static inline an_u32 venue_slot(struct market *m, const struct app *a)
{
	an_u32 slot = a->order;

	if (slot < m->pool.limit && m->tickets[slot].state != TICKET_NONE &&
	    m->tickets[slot].id == a->id && m->orders[slot].state == VENUE_UNKNOWN)
		return slot;
	return pool_take(&m->pool);
}

/* Is the id one this line's order has or had? Only the slot it came with is looked
 * at: a trader that repeats an id sends it with the slot of the first. */
static inline int venue_knows(const struct market *m, const struct app *a)
{
	return a->order < m->pool.limit && m->orders[a->order].id == a->id &&
	       m->orders[a->order].state != VENUE_UNKNOWN;
}

static inline void venue_new(struct world *w, an_u32 line, const struct app *a,
			     an_s64 now_ns)
{
	struct market *m = &w->market;
	an_u32 tick = 0, slot;
	int why = venue_objection(m, a, &tick), is_rest = a->in_force == '0';
	struct venue_order *v;
	struct order *o;
	struct app report;

	if (!why && venue_is_off_band(w, a))
		why = REJECT_BAND;
	if (!why && venue_knows(m, a))
		why = REJECT_DUPLICATE;
	slot = why ? MARKET_NONE : venue_slot(m, a);
	if (slot == MARKET_NONE) {
		venue_refuse(w, line, a, why ? why : REJECT_LIMIT, now_ns);
		return;
	}
	m->received++;
	v = &m->orders[slot];
	o = &m->pool.orders[slot];
	*v = (struct venue_order){.id = a->id,
				  .exchange = ++m->exchange_ids,
				  .line = line,
				  .account = a->account,
				  .quantity = a->quantity,
				  .state = VENUE_LIVE,
				  .is_fault = (a->flags & APP_IS_FAULT) != 0};
	o->book = a->symbol;
	o->side = a->side == '1' ? BOOK_BUY : BOOK_SELL;
	o->tick = tick;
	o->leaves = a->quantity;
	venue_link(m, slot);
	report = venue_report(m, slot, '0');
	report.order_type = a->order_type;
	report.in_force = a->in_force;
	report.price = a->price;
	venue_say(w, line, &report, now_ns);
	venue_settle(w, slot, is_rest && a->order_type == '2', a->in_force, now_ns);
}

/* ---- change ---- */

/* The live order a change means: by the slot it brings, else by its id. */
static inline an_u32 venue_find(const struct market *m, an_u32 line,
				const struct app *a)
{
	an_u32 slot = a->order;

	if (slot < m->pool.limit && m->orders[slot].line == line &&
	    m->orders[slot].id == a->original)
		return slot;
	if (!*venue_mark(m, line, a->original))
		return MARKET_NONE;
	slot = m->accounts[line].first;
	while (slot != MARKET_NONE && m->orders[slot].id != a->original)
		slot = m->orders[slot].next;
	return slot;
}

/* Take a live order off its book, and end it so. */
static inline void venue_withdraw(struct world *w, an_u32 slot, int state,
				  const struct app *asked, an_s64 now_ns)
{
	struct market *m = &w->market;
	struct order *o = &m->pool.orders[slot];

	venue_update(w, UPDATE_DELETE, slot, o->leaves, now_ns);
	book_remove(&m->symbols[o->book].book, m->pool.orders, slot);
	venue_tell_end(w, slot, state == VENUE_EXPIRED ? 'C' : '4', asked, now_ns);
	venue_finish(m, slot, state);
}

static inline void venue_cancel(struct world *w, an_u32 line, const struct app *a,
				an_s64 now_ns)
{
	struct market *m = &w->market;
	an_u32 slot = venue_find(m, line, a);

	if (slot == MARKET_NONE)
		venue_refuse(w, line, a, CANCEL_UNKNOWN, now_ns);
	else if (m->orders[slot].state != VENUE_LIVE)
		venue_refuse(w, line, a, CANCEL_TOO_LATE, now_ns);
	else
		venue_withdraw(w, slot, VENUE_CANCELLED, a, now_ns);
}

/* Change a resting order, which `a` may: a smaller quantity at the same price keeps
 * its place, everything else goes to the end of its queue or trades. */
static inline void venue_amend(struct world *w, an_u32 slot, an_u32 tick,
			       const struct app *a, an_s64 now_ns)
{
	struct market *m = &w->market;
	struct order *o = &m->pool.orders[slot];
	struct venue_order *v = &m->orders[slot];
	struct book *b = &m->symbols[o->book].book;
	an_u32 leaves = a->quantity - v->filled;
	int keeps = tick == o->tick && leaves < o->leaves;
	struct app report;

	venue_update(w, keeps ? UPDATE_REDUCE : UPDATE_DELETE, slot,
		     keeps ? o->leaves - leaves : o->leaves, now_ns);
	if (keeps)
		book_reduce(b, m->pool.orders, slot, leaves);
	else
		book_remove(b, m->pool.orders, slot);
	venue_unnamed(m, v);
	v->id = a->id;
	venue_named(m, v);
	v->quantity = a->quantity;
	o->leaves = leaves;
	o->tick = tick;
	if (a->flags & APP_IS_FAULT)
		v->is_fault = 1;
	report = venue_report(m, slot, '5');
	report.original = a->original;
	venue_say(w, v->line, &report, now_ns);
	if (!keeps)
		venue_settle(w, slot, 1, '0', now_ns);
}

static inline void venue_replace(struct world *w, an_u32 line, const struct app *a,
				 an_s64 now_ns)
{
	struct market *m = &w->market;
	an_u32 slot = venue_find(m, line, a), tick = 0;
	struct app checked = *a;

	if (slot == MARKET_NONE) {
		venue_refuse(w, line, a, CANCEL_UNKNOWN, now_ns);
		return;
	}
	if (m->orders[slot].state != VENUE_LIVE ||
	    a->quantity <= m->orders[slot].filled) {
		venue_refuse(w, line, a, CANCEL_TOO_LATE, now_ns);
		return;
	}
	checked.symbol = m->pool.orders[slot].book;
	checked.side = (char)('1' + m->pool.orders[slot].side);
	if (venue_objection(m, &checked, &tick) || venue_is_off_band(w, &checked))
		venue_refuse(w, line, a, CANCEL_OTHER, now_ns);
	else
		venue_amend(w, slot, tick, a, now_ns);
}

#endif
