/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Execution algorithms: a parent order is cut into slices in step with the clock; a
 * slice rests at the touch, chases the price while its patience lasts, then crosses.
 */
#ifndef AIRNET_TRADER_EXECUTION_H
#define AIRNET_TRADER_EXECUTION_H

static inline an_s64 slice_next(struct agent *a, an_s64 now_ns)
{
	const struct agent_row *row = a->row;

	if (row->period_ns > 0)
		return trader_period(a, now_ns);
	return now_ns + 1 +
	       (an_s64)(chance_exponential(&a->chance) * (double)row->horizon_ns /
			(row->slices ? row->slices : 1));
}

/* Start a parent where there is room for one. */
static inline void parent_begin(struct world *w, an_u32 agent, an_s64 now_ns)
{
	struct agent *a = &w->market.agents[agent];
	an_u32 symbol = taker_symbol(w, a);
	const struct symbol *s = &w->market.symbols[symbol];

	for (an_u32 i = 0; i < PARENTS_MAX; i++) {
		struct parent *p = &a->parents[i];

		if (p->is_used)
			continue;
		p->is_used = 1;
		p->symbol = symbol;
		p->left = a->row->slices;
		p->side = chance_is(&a->chance, 0.5 + 0.5 * s->tilt) ? BOOK_BUY
								     : BOOK_SELL;
		p->quantity = trader_size(w, a, symbol) / (p->left ? p->left : 1);
		p->quantity -= p->quantity % value_row(w, symbol)->lot;
		if (!p->quantity)
			p->quantity = value_row(w, symbol)->lot;
		agenda_add(&w->agenda, slice_next(a, now_ns), PARENT_SLICE, agent, i);
		return;
	}
}

static inline void parent_own(struct world *w, const struct event *e)
{
	struct market *m = &w->market;
	struct agent *a = &m->agents[e->who];
	int is_it;
	an_s64 wait = value_wait(
		&a->chance, a->row->rate * trader_busy(m, a, a->row->symbol), &is_it);

	agenda_add(&w->agenda, e->time_ns + wait, PARENT_OWN, e->who, (an_u64)is_it);
	if (e->value && trader_may_speak(m, e->who))
		parent_begin(w, e->who, e->time_ns);
}

/* Send the next slice. */
static inline void parent_slice(struct world *w, an_u32 agent, an_u32 parent,
				an_s64 now_ns)
{
	struct market *m = &w->market;
	struct agent *a = &m->agents[agent];
	struct parent *p = &a->parents[parent];
	const struct symbol *s = &m->symbols[p->symbol];
	struct wish wish = {.symbol = (an_u16)p->symbol,
			    .side = p->side,
			    .use = TICKET_CHILD,
			    .place = parent,
			    .quantity = p->quantity,
			    .order_type = '2',
			    .in_force = '0'};
	an_u32 slot;

	if (!p->left || !a->is_active) {
		p->is_used = 0;
		return;
	}
	agenda_add(&w->agenda, slice_next(a, now_ns), PARENT_SLICE, agent, parent);
	if (!trader_may_speak(m, agent) || s->phase == PHASE_HALT ||
	    trader_is_suppressed(a))
		return;
	p->left--;
	wish.quantity = (an_u32)(wish.quantity * a->size);
	wish.price = trader_best(s, p->side, trader_round(s, p->side, value_shown(s)));
	slot = trader_new(w, agent, &wish, now_ns);
	if (slot != MARKET_NONE)
		trader_remind(w, slot,
			      chance_exponential(&a->chance) *
				      (double)a->row->patience_ns,
			      now_ns);
}

/* A slice has waited: chase the touch, or cross when it has chased enough. */
static inline void child_due(struct world *w, an_u32 slot, an_s64 now_ns)
{
	struct market *m = &w->market;
	struct ticket *t = &m->tickets[slot];
	struct agent *a = &m->agents[t->agent];
	const struct symbol *s = &m->symbols[t->symbol];
	int is_last = t->steps >= a->row->chases;
	an_s64 price = trader_best(s, is_last ? !t->side : t->side, t->price);

	if (t->steps > a->row->chases) {
		trader_cancel(w, slot, now_ns);
		return;
	}
	trader_remind(w, slot,
		      chance_exponential(&a->chance) * (double)a->row->patience_ns,
		      now_ns);
	if (t->state != TICKET_LIVE || s->phase == PHASE_HALT)
		return;
	t->steps++;
	if (price == t->price)
		return;
	if (chance_is(&a->chance, a->row->replace_share))
		trader_change(w, slot, price, t->quantity, now_ns);
	else
		trader_cancel(w, slot, now_ns);
}

/* A ticket's reminder. */
static inline void ticket_due(struct world *w, const struct event *e)
{
	struct market *m = &w->market;
	struct ticket *t = &m->tickets[e->who];

	if (t->state == TICKET_NONE || t->number != e->value ||
	    !trader_may_speak(m, t->agent))
		return;
	if (t->use == TICKET_CHILD)
		child_due(w, e->who, e->time_ns);
	else
		trader_cancel(w, e->who, e->time_ns);
}

#endif
