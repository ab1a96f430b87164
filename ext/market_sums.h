/* SPDX-License-Identifier: Apache-2.0 */
/* What a market comes to: counts, what each line did, what must be zero. */
#ifndef AIRNET_MARKET_SUMS_H
#define AIRNET_MARKET_SUMS_H

#define FIGURE(label, number) \
	do { \
		out[count].name = label; \
		out[count++].value = (an_s64)(number); \
	} while (0)

static inline an_u32 market_figures(const struct world *w, struct figure *out)
{
	const struct market *m = &w->market;
	an_u64 served = 0, overrun = 0, most = 0;
	an_u32 count = 0;

	for (an_u32 i = 0; i < m->gateway_count; i++) {
		served += m->gateways[i].served;
		overrun += m->gateways[i].overrun;
		most = m->gateways[i].most > most ? m->gateways[i].most : most;
	}
	FIGURE("market_served", served);
	FIGURE("market_overrun", overrun);
	FIGURE("market_queued_most", most);
	FIGURE("market_orders", m->received);
	FIGURE("market_filled", m->states[VENUE_FILLED]);
	FIGURE("market_cancelled", m->states[VENUE_CANCELLED]);
	FIGURE("market_expired", m->states[VENUE_EXPIRED]);
	FIGURE("market_rejected", m->states[VENUE_REJECTED]);
	FIGURE("market_too_late", m->too_late);
	FIGURE("market_executions", m->executions);
	FIGURE("market_updates", m->updates);
	FIGURE("market_slots", m->pool.live);
	FIGURE("market_no_slot", m->no_slot);
	FIGURE("market_unheard", m->unheard);
	return count;
}

/* What a share is worth: what it last traded at. */
static inline an_s64 market_mark(const struct market *m, an_u32 symbol)
{
	return m->symbols[symbol].last_price;
}

/* What a line did: everything, and (fault_) while an algorithm on it failed. Money
 * in cents, positions at the last price. `given` is what was paid above the value of
 * what was bought, or taken below that of what was sold: it is lost whatever the
 * price does next. */
static inline an_u32 market_harm(const struct world *w, an_u32 line, struct figure *out)
{
	const struct market *m = &w->market;
	const struct account *c = &m->accounts[line];
	an_s64 worth = 0, fault_worth = 0, exposed = 0, fault_exposed = 0, late_ns;
	an_u32 count = 0, waiting = 0;

	if (line >= m->line_count)
		return 0;
	late_ns = line_waiting(w, line, &waiting);
	for (an_u32 i = 0; i < m->symbol_count; i++) {
		const struct holding *h =
			&m->holdings[(size_t)line * m->symbol_count + i];
		an_s64 all = h->all * market_mark(m, i);
		an_s64 fault = h->fault * market_mark(m, i);

		worth += all;
		fault_worth += fault;
		exposed += all < 0 ? -all : all;
		fault_exposed += fault < 0 ? -fault : fault;
	}
	FIGURE("orders", c->all.orders);
	FIGURE("replaces", c->all.replaces);
	FIGURE("cancels", c->all.cancels);
	FIGURE("trades", c->all.trades);
	FIGURE("rejects", c->all.rejects);
	FIGURE("throttled", c->throttled);
	FIGURE("contained", c->all.contained);
	FIGURE("fault_contained", c->fault.contained);
	FIGURE("late", c->late + waiting);
	FIGURE("late_ns", c->late_ns + late_ns);
	FIGURE("unanswered", c->unanswered);
	FIGURE("live", c->live);
	FIGURE("notional", c->all.notional);
	FIGURE("traded", c->all.traded);
	FIGURE("position", exposed);
	FIGURE("profit", c->all.cash + worth);
	FIGURE("given", c->all.given);
	FIGURE("fault_orders", c->fault.orders);
	FIGURE("fault_replaces", c->fault.replaces);
	FIGURE("fault_cancels", c->fault.cancels);
	FIGURE("fault_trades", c->fault.trades);
	FIGURE("fault_rejects", c->fault.rejects);
	FIGURE("fault_notional", c->fault.notional);
	FIGURE("fault_traded", c->fault.traded);
	FIGURE("fault_position", fault_exposed);
	FIGURE("fault_profit", c->fault.cash + fault_worth);
	FIGURE("fault_given", c->fault.given);
	return count;
}

/* How dear a symbol was to trade, and how much of it was. */
static inline an_u32 market_book(const struct world *w, an_u32 symbol,
				 struct figure *out)
{
	const struct symbol *s = &w->market.symbols[symbol];
	an_u32 count = 0;

	if (symbol >= w->market.symbol_count)
		return 0;
	FIGURE("width", s->width);
	FIGURE("widths", s->widths);
	FIGURE("taken", s->taken);
	FIGURE("last_price", s->last_price);
	return count;
}

/* All of them are zero, or the market is wrong. */
static inline an_u32 market_conserved(const struct world *w, struct figure *out)
{
	const struct market *m = &w->market;
	an_s64 cash = 0, given = 0, profit = 0, shares = 0, live = 0, resting = 0;
	an_u64 ended = 0;
	an_u32 count = 0;

	for (an_u32 line = 0; line < m->line_count; line++) {
		cash += m->accounts[line].all.cash;
		given += m->accounts[line].all.given;
		live += m->accounts[line].live;
	}
	profit = cash;
	for (an_u32 i = 0; i < m->symbol_count; i++) {
		const struct book *b = &m->symbols[i].book;
		an_s64 net = 0;

		for (an_u32 line = 0; line < m->line_count; line++)
			net += m->holdings[(size_t)line * m->symbol_count + i].all;
		profit += net * market_mark(m, i);
		shares += net < 0 ? -net : net;
		resting += b->ladders[0].orders + b->ladders[1].orders;
	}
	for (int state = VENUE_FILLED; state < VENUE_STATES; state++)
		ended += m->states[state];
	FIGURE("cash", cash);
	FIGURE("profit", profit);
	FIGURE("given", given);
	FIGURE("shares", shares);
	FIGURE("orders", (an_s64)(m->received - ended) - live);
	FIGURE("resting", live - resting);
	return count;
}

#undef FIGURE

#endif
