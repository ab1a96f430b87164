/* SPDX-License-Identifier: Apache-2.0 */
/* When a fault begins, how fast it goes, when it is over. */
#ifndef AIRNET_ALGOFAULT_RUN_H
#define AIRNET_ALGOFAULT_RUN_H

/* What a maker does at once: everything anew (a benign burst). */
static inline void fault_refresh(struct world *w, an_u32 agent, an_s64 now_ns)
{
	const struct agent *a = &w->market.agents[agent];

	if (a->row->kind != AGENT_MAKER || !trader_may_speak(&w->market, agent))
		return;
	for (an_u32 i = 0; i < a->row->symbols; i++)
		for (int level = 0; level < a->row->levels; level++) {
			desk_quote(w, a->desks + i, BOOK_BUY, level, -1, now_ns);
			desk_quote(w, a->desks + i, BOOK_SELL, level, -1, now_ns);
		}
}

static inline int fault_is_benign(const struct fault_row *row)
{
	return row->kind == FAULT_RELOAD || row->kind == FAULT_REFRESH;
}

/* One act of the fault's program. */
static inline void fault_act(struct world *w, an_u32 fault, an_s64 now_ns)
{
	switch (fault_row_of(w, fault)->kind) {
	case FAULT_RUNAWAY:
		fault_runaway(w, fault, now_ns);
		break;
	case FAULT_STUFFING:
	case FAULT_STUFFING_SLOW:
		fault_stuff(w, fault, now_ns);
		break;
	case FAULT_KNIGHT:
		fault_knight(w, fault, now_ns);
		break;
	case FAULT_REJECT_LOOP:
		fault_reject(w, fault, now_ns);
		break;
	case FAULT_DUPLICATE_LOOP:
		fault_duplicate(w, fault, now_ns);
		break;
	case FAULT_REPLACE_LOOP:
		fault_replace(w, fault, now_ns);
		break;
	case FAULT_HIDDEN:
	case FAULT_STALE:
		fault_hide(w, fault, now_ns);
		break;
	case FAULT_CONSTANT_PRICE:
		fault_constant(w, fault, now_ns);
		break;
	case FAULT_RETRY_BURST:
		fault_retry(w, fault, now_ns);
		break;
	}
}

/* How many messages an act is: a rate counts messages. */
static inline double fault_weight(const struct world *w, const struct fault_row *row)
{
	const struct agent_row *agent = w->market.agents[row->agent].row;

	if (row->kind == FAULT_STUFFING || row->kind == FAULT_STUFFING_SLOW)
		return 2;
	if (row->kind != FAULT_HIDDEN && row->kind != FAULT_STALE)
		return 1;
	return agent->kind == AGENT_MAKER ? 2 - agent->replace_share : 2;
}

/* Acts a second now. */
static inline double fault_rate(const struct world *w, const struct fault_row *row,
				const struct fault *f, an_s64 now_ns)
{
	double ramp = row->ramp_ns > 0
			      ? (double)(now_ns - row->onset_ns) / (double)row->ramp_ns
			      : 1;
	an_u32 burst = row->burst ? row->burst : 1;

	return f->full * (ramp < 1 ? ramp : 1) / (fault_weight(w, row) * burst);
}

static inline void fault_next(struct world *w, an_u32 fault, an_s64 now_ns)
{
	const struct fault_row *row = fault_row_of(w, fault);
	struct fault *f = &w->market.faults[fault];
	double rate = fault_rate(w, row, f, now_ns);
	int is_it;
	an_s64 wait = value_wait(&f->chance, rate, &is_it);

	agenda_add(&w->agenda, now_ns + 1 + wait, FAULT_STEP, fault, (an_u64)is_it);
}

static inline void fault_begin(struct world *w, an_u32 fault, an_s64 now_ns)
{
	struct market *m = &w->market;
	const struct fault_row *row = fault_row_of(w, fault);
	struct fault *f = &m->faults[fault];
	struct agent *a = &m->agents[row->agent];
	an_s64 began = a->row->start_ns > w->start_ns ? a->row->start_ns : w->start_ns;
	double elapsed = (double)(now_ns - began) * 1e-9;

	f->base = elapsed > 0 ? (double)a->sent / elapsed : 0;
	f->base = f->base > 1 ? f->base : 1;
	f->full = row->rate > 0 ? row->rate
				: f->base * (row->excess > 1 ? row->excess - 1 : 0);
	f->is_on = 1;
	f->slot = MARKET_NONE;
	f->side = row->side ? row->side == '2' : chance_below(&f->chance, 2);
	f->symbol = fault_symbol(w, fault);
	if (row->kind == FAULT_RELOAD) {
		trader_cancel_each(w, row->agent, now_ns);
		f->full = 0;
	}
	if (row->kind == FAULT_REFRESH) {
		fault_refresh(w, row->agent, now_ns);
		f->full = 0;
	}
	a->is_stale = row->kind == FAULT_STALE;
	if (row->kind == FAULT_FAT_FINGER) {
		a->size *= row->notional > 0 ? row->notional : 1;
		a->is_fat = 1;
		f->full = 0;
	}
	a->suppressed = fault_is_benign(row) ? 0 : row->share;
	if (fault_is_benign(row))
		agenda_add(
			&w->agenda,
			now_ns + (row->lifetime_ns > 0 ? row->lifetime_ns : 200000000),
			FAULT_STEP, fault, 1);
	else if (f->full > 0)
		fault_next(w, fault, now_ns);
}

/* value: 1 = act, 0 = look at the rate again. */
static inline void fault_step(struct world *w, an_u32 fault, an_u64 is_act,
			      an_s64 now_ns)
{
	struct market *m = &w->market;
	const struct fault_row *row = fault_row_of(w, fault);
	struct fault *f = &m->faults[fault];

	if (!f->is_on)
		return;
	if (row->kind == FAULT_RELOAD) {
		maker_resume(w, row->agent, now_ns);
		return;
	}
	if (row->kind == FAULT_REFRESH) {
		fault_refresh(w, row->agent, now_ns);
		if (row->lifetime_ns > 0)
			agenda_add(&w->agenda, now_ns + row->lifetime_ns, FAULT_STEP,
				   fault, 1);
		return;
	}
	fault_next(w, fault, now_ns);
	if (!is_act || !trader_may_speak(m, row->agent))
		return;
	m->is_failing = 1;
	for (an_u32 i = 0; i < (row->burst ? row->burst : 1); i++)
		fault_act(w, fault, now_ns);
	m->is_failing = 0;
}

static inline void fault_over(struct world *w, an_u32 fault, an_s64 now_ns)
{
	struct market *m = &w->market;
	const struct fault_row *row = fault_row_of(w, fault);
	struct agent *a = &m->agents[row->agent];

	m->faults[fault].is_on = 0;
	a->suppressed = 0;
	a->is_stale = 0;
	a->is_fat = 0;
	a->size = 1;
	if (a->row->kind == AGENT_MAKER && trader_may_speak(m, row->agent))
		maker_resume(w, row->agent, now_ns);
}

#endif
