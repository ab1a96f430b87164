/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Algorithms that fail: a program on top of an agent's healthy behaviour, through the
 * same tickets, the same line and the same account. How strong a fault is follows the
 * agent's own message rate until its onset, so that an excess of 1.1 is hard to see
 * on anybody. The incidents behind the kinds: Knight 2012 (SEC 34-70694), Goldman
 * 2013 (options at a constant price), Everbright 2013 (a retry burst).
 */
#ifndef AIRNET_ALGOFAULT_H
#define AIRNET_ALGOFAULT_H

static inline const struct fault_row *fault_row_of(const struct world *w, an_u32 fault)
{
	return (const struct fault_row *)w->rows[ROWS_FAULT].at + fault;
}

static inline an_u32 fault_symbol(struct world *w, an_u32 fault)
{
	const struct fault_row *row = fault_row_of(w, fault);
	const struct agent *a = &w->market.agents[row->agent];
	struct fault *f = &w->market.faults[fault];

	if (row->symbol != AIRNET_NONE)
		return row->symbol;
	return a->row->symbol + chance_below(&f->chance, a->row->symbols);
}

/* An order of the fault in a symbol: `away` ticks behind the touch, or, negative, at
 * the other side's touch: it trades. */
static inline struct wish fault_wish(struct world *w, an_u32 fault, an_u32 symbol,
				     int side, int away)
{
	struct market *m = &w->market;
	struct agent *a = &m->agents[fault_row_of(w, fault)->agent];
	const struct symbol *s = &m->symbols[symbol];
	struct wish wish = {.symbol = (an_u16)symbol,
			    .side = (an_u8)side,
			    .use = TICKET_FAULT,
			    .order_type = '2',
			    .in_force = '0'};
	double middle = value_shown(s);

	wish.quantity = trader_size(w, a, symbol);
	wish.price =
		trader_best(s, away < 0 ? !side : side, trader_round(s, side, middle));
	if (away > 0)
		wish.price = trader_round(s, side,
					  (double)wish.price +
						  (side == BOOK_BUY ? -1.0 : 1.0) *
							  away * (double)s->book.tick);
	return wish;
}

/* ---- the programs: one act each ---- */

static inline void fault_runaway(struct world *w, an_u32 fault, an_s64 now_ns)
{
	struct fault *f = &w->market.faults[fault];
	struct wish wish = fault_wish(w, fault, f->symbol, (int)f->side, -1);

	if (!f->price) {
		f->price = wish.price;
		f->quantity = wish.quantity;
	}
	wish.price = f->price;
	wish.quantity = f->quantity;
	trader_new(w, fault_row_of(w, fault)->agent, &wish, now_ns);
}

static inline void fault_stuff(struct world *w, an_u32 fault, an_s64 now_ns)
{
	const struct fault_row *row = fault_row_of(w, fault);
	struct fault *f = &w->market.faults[fault];
	int away = 4 + (int)chance_below(&f->chance, 16);
	struct wish wish = fault_wish(w, fault, fault_symbol(w, fault),
				      (int)chance_below(&f->chance, 2), away);
	an_u32 slot = trader_new(w, row->agent, &wish, now_ns);
	an_s64 lifetime = row->lifetime_ns > 0 ? row->lifetime_ns : 1000000;

	if (slot != MARKET_NONE)
		trader_remind(w, slot,
			      (double)lifetime * (0.7 + 0.6 * chance_unit(&f->chance)),
			      now_ns);
}

/* Children of a parent that is filled: one side a symbol, and never flat. */
static inline void fault_knight(struct world *w, an_u32 fault, an_s64 now_ns)
{
	const struct fault_row *row = fault_row_of(w, fault);
	an_u32 symbol = fault_symbol(w, fault);
	int side = row->side ? row->side == '2'
			     : (int)(chance_mix(w->seed + fault * 977 + symbol) & 1);
	struct wish wish = fault_wish(w, fault, symbol, side, -1);

	wish.in_force = '3';
	trader_new(w, row->agent, &wish, now_ns);
}

/* A price that no venue takes, again and again. */
static inline void fault_reject(struct world *w, an_u32 fault, an_s64 now_ns)
{
	struct fault *f = &w->market.faults[fault];
	an_u32 symbol = f->symbol;
	const struct symbol *s = &w->market.symbols[symbol];
	struct wish wish = fault_wish(w, fault, symbol, (int)f->side, 0);

	wish.price = book_price(&s->book, s->book.levels) + 100 * s->book.tick;
	trader_new(w, fault_row_of(w, fault)->agent, &wish, now_ns);
}

/* The order that a loop works on; a fresh one far from the touch when it is gone.
 * MARKET_NONE: it has just been sent, or could not be. */
static inline an_u32 fault_anchor(struct world *w, an_u32 fault, an_s64 now_ns)
{
	struct market *m = &w->market;
	struct fault *f = &m->faults[fault];
	an_u32 agent = fault_row_of(w, fault)->agent;
	struct wish wish;

	if (f->slot != MARKET_NONE && m->tickets[f->slot].state != TICKET_NONE &&
	    m->tickets[f->slot].number == f->number)
		return f->slot;
	wish = fault_wish(w, fault, f->symbol, (int)f->side, 12);
	f->slot = trader_new(w, agent, &wish, now_ns);
	if (f->slot != MARKET_NONE)
		f->number = m->tickets[f->slot].number;
	return MARKET_NONE;
}

static inline void fault_duplicate(struct world *w, an_u32 fault, an_s64 now_ns)
{
	struct market *m = &w->market;
	an_u32 agent = fault_row_of(w, fault)->agent;
	an_u32 slot = fault_anchor(w, fault, now_ns);
	struct app a;

	if (slot == MARKET_NONE)
		return;
	a = trader_message(m, slot, 'D');
	a.id = m->tickets[slot].id;
	a.price = m->tickets[slot].price;
	a.flags = APP_IS_FAULT;
	if (line_say(w, m->agents[agent].row->line, AIRNET_DIRECTION_UP, &a, now_ns))
		m->unheard++;
	m->agents[agent].sent++;
}

/* One order's price, up and down. */
static inline void fault_replace(struct world *w, an_u32 fault, an_s64 now_ns)
{
	struct market *m = &w->market;
	struct fault *f = &m->faults[fault];
	an_u32 slot = fault_anchor(w, fault, now_ns);
	const struct ticket *t;
	an_s64 step = m->symbols[f->symbol].book.tick;

	if (slot == MARKET_NONE)
		return;
	t = &m->tickets[slot];
	if (t->state != TICKET_LIVE && t->state != TICKET_CHANGING)
		return;
	f->sent++;
	trader_change(w, slot, t->price + (f->sent & 1 ? step : -step), t->quantity,
		      now_ns);
}

/* What a maker does anyway, more often. */
static inline void fault_hide(struct world *w, an_u32 fault, an_s64 now_ns)
{
	struct market *m = &w->market;
	an_u32 agent = fault_row_of(w, fault)->agent;
	const struct agent *a = &m->agents[agent];
	struct fault *f = &m->faults[fault];

	if (a->row->kind == AGENT_MAKER)
		desk_touch(w, a->desks + chance_below(&f->chance, a->row->symbols),
			   now_ns);
	else
		fault_stuff(w, fault, now_ns);
}

/* The same price in every symbol, whatever it is worth there. */
static inline void fault_constant(struct world *w, an_u32 fault, an_s64 now_ns)
{
	const struct fault_row *row = fault_row_of(w, fault);
	an_u32 symbol = fault_symbol(w, fault);
	int side = row->side == '1' ? BOOK_BUY : BOOK_SELL;
	struct wish wish = fault_wish(w, fault, symbol, side, -1);

	wish.price = row->price;
	trader_new(w, row->agent, &wish, now_ns);
}

/* Big orders at any price, again at once when one has not filled. */
static inline void fault_retry(struct world *w, an_u32 fault, an_s64 now_ns)
{
	const struct fault_row *row = fault_row_of(w, fault);
	struct fault *f = &w->market.faults[fault];
	int side = row->side ? row->side == '2' : (int)f->side;
	struct wish wish = fault_wish(w, fault, fault_symbol(w, fault), side, -1);

	wish.quantity =
		(an_u32)(wish.quantity * (row->notional > 0 ? row->notional : 5));
	wish.in_force = '3';
	trader_new(w, row->agent, &wish, now_ns);
}

#endif
