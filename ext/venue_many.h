/* SPDX-License-Identifier: Apache-2.0 */
/* What meets many orders: auctions, mass cancels, lost lines, the close. */
#ifndef AIRNET_VENUE_MANY_H
#define AIRNET_VENUE_MANY_H

/* ---- the call phase ---- */

/* The tick at which most would trade; BOOK_NONE when bids and asks do not overlap. */
static inline an_u32 venue_equilibrium(const struct book *b)
{
	const struct ladder *bids = &b->ladders[BOOK_BUY];
	const struct ladder *asks = &b->ladders[BOOK_SELL];
	an_u64 demand = 0, supply = 0, most = 0;
	an_u32 found = BOOK_NONE;

	if (bids->best == BOOK_NONE || asks->best == BOOK_NONE ||
	    bids->best < asks->best)
		return BOOK_NONE;
	for (an_u32 tick = asks->best; tick <= bids->best; tick++)
		demand += bids->levels[tick].quantity;
	for (an_u32 tick = asks->best; tick <= bids->best; tick++) {
		an_u64 both;

		supply += asks->levels[tick].quantity;
		both = supply < demand ? supply : demand;
		if (both > most) {
			most = both;
			found = tick;
		}
		demand -= bids->levels[tick].quantity;
	}
	return found;
}

/* Take `quantity` off the first order of a level. */
static inline void venue_take_first(struct world *w, struct book *b, an_u32 slot,
				    an_u32 quantity)
{
	struct order *orders = w->market.pool.orders;

	if (quantity < orders[slot].leaves)
		book_reduce(b, orders, slot, orders[slot].leaves - quantity);
	else
		book_remove(b, orders, slot);
}

/* The auction: everything that crosses trades at one price. */
static inline void venue_uncross(struct world *w, an_u32 symbol, an_s64 now_ns)
{
	struct market *m = &w->market;
	struct symbol *s = &m->symbols[symbol];
	struct ladder *bids = &s->book.ladders[BOOK_BUY];
	struct ladder *asks = &s->book.ladders[BOOK_SELL];
	an_u32 tick = venue_equilibrium(&s->book);
	an_s64 price = book_price(&s->book, tick);

	if (tick == BOOK_NONE)
		return;
	s->last_price = price;
	while (bids->best != BOOK_NONE && asks->best != BOOK_NONE &&
	       bids->best >= tick && asks->best <= tick) {
		an_u32 bid = bids->levels[bids->best].head;
		an_u32 ask = asks->levels[asks->best].head;
		an_u32 bought = m->pool.orders[bid].leaves;
		an_u32 sold = m->pool.orders[ask].leaves;
		an_u32 quantity = bought < sold ? bought : sold;

		venue_update(w, UPDATE_TRADE, bid, quantity, now_ns);
		venue_update(w, UPDATE_REDUCE, ask, quantity, now_ns);
		venue_take_first(w, &s->book, bid, quantity);
		venue_take_first(w, &s->book, ask, quantity);
		venue_execute(w, bid, price, quantity, now_ns);
		venue_execute(w, ask, price, quantity, now_ns);
	}
}

/* A call or a halt of a symbol begins (+1) or is over (-1); they may overlap, and the
 * last one's end opens the book again. */
static inline void venue_phase(struct world *w, an_u32 symbol, int phase, int change,
			       an_s64 now_ns)
{
	struct symbol *s = &w->market.symbols[symbol];
	struct book_update u = {0, s->last_price, 0, (an_u16)symbol, UPDATE_STATE, 0};

	s->phases += (an_u32)change;
	s->phase = s->phases ? (an_u32)phase : PHASE_OPEN;
	if (s->phase == PHASE_OPEN)
		venue_uncross(w, symbol, now_ns);
	u.quantity = s->phase;
	feed_say(w, &u, now_ns);
}

/* Orders that expire in one event: more would not fit where frames are put. */
#define VENUE_CLOSE_STEP 64

/* The day is over: what still rests expires, from `line` on; returns the line at which
 * to go on, line_count when nothing is left. */
static inline an_u32 venue_close(struct world *w, an_u32 line, an_s64 now_ns)
{
	struct market *m = &w->market;
	an_u32 left = VENUE_CLOSE_STEP;

	while (line < m->line_count && left)
		if (m->accounts[line].first == MARKET_NONE) {
			line++;
		} else {
			venue_withdraw(w, m->accounts[line].first, VENUE_EXPIRED, NULL,
				       now_ns);
			left--;
		}
	return line;
}

/* ---- many at once ---- */

static inline void venue_cancel_all(struct world *w, an_u32 line, an_s64 now_ns)
{
	struct account *c = &w->market.accounts[line];

	if (line >= w->market.line_count)
		return;
	while (c->first != MARKET_NONE)
		venue_withdraw(w, c->first, VENUE_CANCELLED, NULL, now_ns);
}

/* Order Mass Cancel Request (35=q): every order ends, then the report (35=r). */
static inline void venue_mass_cancel(struct world *w, an_u32 line, const struct app *a,
				     an_s64 now_ns)
{
	struct app report = *a;

	venue_cancel_all(w, line, now_ns);
	report.type = 'r';
	report.exchange = ++w->market.exchange_ids;
	venue_say(w, line, &report, now_ns);
}

static inline void venue_disable(struct world *w, an_u32 line, an_s64 now_ns)
{
	if (line < w->market.line_count)
		w->market.accounts[line].is_disabled = 1;
}

static inline void venue_enable(struct world *w, an_u32 line, an_s64 now_ns)
{
	if (line < w->market.line_count)
		w->market.accounts[line].is_disabled = 0;
}

/* A line is logged on or lost, as the gateway sees it. */
static inline void venue_state(struct world *w, an_u32 line, int state, an_s64 now_ns)
{
	if (line < w->market.line_count && state == LINE_IS_DOWN &&
	    w->market.accounts[line].cancels_on_loss)
		venue_cancel_all(w, line, now_ns);
}

/* Count what a line asked for, and apart what it asked for while failing. */
static inline void venue_tally(struct tally *t, const struct app *a)
{
	t->orders += a->type == 'D';
	t->replaces += a->type == 'G';
	t->cancels += a->type == 'F' || a->type == 'q';
	if (a->type == 'D' && a->price > 0)
		t->notional += (an_u64)a->price * a->quantity;
}

static inline void venue_count(struct market *m, an_u32 line, const struct app *a)
{
	venue_tally(&m->accounts[line].all, a);
	if (a->flags & APP_IS_FAULT)
		venue_tally(&m->accounts[line].fault, a);
}

/* A message has been served: it reaches its book. */
static inline void venue_take(struct world *w, an_u32 line, const struct app *a,
			      an_s64 now_ns)
{
	venue_count(&w->market, line, a);
	switch (a->type) {
	case 'D':
		venue_new(w, line, a, now_ns);
		break;
	case 'G':
		venue_replace(w, line, a, now_ns);
		break;
	case 'F':
		venue_cancel(w, line, a, now_ns);
		break;
	case 'q':
		venue_mass_cancel(w, line, a, now_ns);
		break;
	}
}

#endif
