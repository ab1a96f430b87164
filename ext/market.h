/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The market of a world: traders, gateways, books, values. What others may call is
 * declared in ext/twin.h; venue_load, venue_delayed and venue_move (ext/venue.h) too.
 */
#ifndef AIRNET_MARKET_H
#define AIRNET_MARKET_H

#include "market_value.h"
#include "market_news.h"
#include "venue.h"
#include "venue_trade.h"
#include "venue_order.h"
#include "venue_many.h"
#include "trader.h"
#include "trader_maker.h"
#include "trader_taker.h"
#include "trader_execution.h"
#include "trader_hear.h"
#include "algofault.h"
#include "algofault_run.h"
#include "market_begin.h"

/* ---- life ---- */

static inline void market_add(struct world *w, an_s64 time_ns, an_u32 kind, an_u32 who,
			      an_u64 value)
{
	agenda_add(&w->agenda, time_ns < w->start_ns ? w->start_ns : time_ns, kind, who,
		   value);
}

/* A call phase or halt from `from` to `to`, of one symbol or of all. */
static inline void market_pause(struct world *w, an_u32 symbol, int phase, an_s64 from,
				an_s64 to)
{
	for (an_u32 i = 0; i < w->market.symbol_count; i++) {
		if (symbol != AIRNET_NONE && symbol != i)
			continue;
		if (to <= w->start_ns)
			continue;
		market_add(w, from, MARKET_PHASE, i, (an_u64)phase << 1 | 1);
		market_add(w, to, MARKET_PHASE, i, (an_u64)phase << 1);
	}
}

static inline void market_schedule(struct world *w)
{
	struct market *m = &w->market;
	const struct news_row *news = news_rows(w);
	const struct venue_row *v = &m->venue;

	for (an_u32 i = 0; i < m->symbol_count; i++)
		if (value_row(w, i)->move_rate > 0)
			market_add(w, 0, MARKET_MOVE, i, 0);
	if (v->factor_volatility > 0)
		market_add(w, 0, MARKET_FACTOR, 0, 0);
	if (v->call_ns > 0 && v->close_ns > v->open_ns) {
		market_pause(w, AIRNET_NONE, PHASE_CALL, v->open_ns,
			     v->open_ns + v->call_ns);
		market_pause(w, AIRNET_NONE, PHASE_CALL, v->close_ns - v->call_ns,
			     v->close_ns);
	}
	if (v->close_ns > w->start_ns)
		market_add(w, v->close_ns + 1, MARKET_CLOSE, 0, 0);
	for (an_u32 i = 0; i < m->news_count; i++)
		if (news[i].kind == NEWS_CALL || news[i].kind == NEWS_HALT)
			market_pause(
				w, news[i].symbol,
				news[i].kind == NEWS_CALL ? PHASE_CALL : PHASE_HALT,
				news[i].start_ns, news[i].start_ns + news[i].hold_ns);
	for (an_u32 i = 0; i < m->agent_count; i++) {
		market_add(w, m->agents[i].row->start_ns, AGENT_START, i, 0);
		if (m->agents[i].row->end_ns > 0)
			market_add(w, m->agents[i].row->end_ns, AGENT_STOP, i, 0);
	}
	for (an_u32 i = 0; i < m->fault_count; i++) {
		m->faults[i].chance = chance_of(w->seed, CHANCE_FAULT, i);
		market_add(w, fault_row_of(w, i)->onset_ns, FAULT_BEGIN, i, 0);
		if (fault_row_of(w, i)->offset_ns > 0)
			market_add(w, fault_row_of(w, i)->offset_ns, FAULT_OVER, i, 0);
	}
}

static inline int market_begin(struct world *w, const char **why)
{
	struct market *m = &w->market;

	market_count(w);
	*why = market_objection(w);
	if (*why)
		return -1;
	*why = "memory is short";
	if (market_memory(w))
		return -1;
	m->value_chance = chance_of(w->seed, CHANCE_VALUE, 0);
	m->venue_chance = chance_of(w->seed, CHANCE_VENUE, 0);
	for (an_u32 i = 0; i < m->symbol_count; i++) {
		struct symbol *s = &m->symbols[i];

		s->value = s->seen = (double)value_row(w, i)->price;
		s->last_price = value_row(w, i)->price;
		s->activity = s->volatility = 1;
		s->phase = PHASE_OPEN;
	}
	market_agents(w);
	value_pulse(w, w->start_ns);
	market_schedule(w);
	return 0;
}

/* ---- events ---- */

static inline void agent_start(struct world *w, an_u32 agent, an_s64 now_ns)
{
	struct market *m = &w->market;
	struct agent *a = &m->agents[agent];

	a->is_active = 1;
	switch (a->row->kind) {
	case AGENT_MAKER:
		for (an_u32 i = 0; i < a->row->symbols; i++) {
			an_u64 spread = chance_below(&a->chance, 200000000);

			agenda_add(&w->agenda, now_ns + (an_s64)spread, DESK_ROUTINE,
				   a->desks + i, 0);
			desk_wake(w, a->desks + i, now_ns + (an_s64)spread);
		}
		break;
	case AGENT_EXECUTION:
		agenda_add(&w->agenda, now_ns, PARENT_OWN, agent, 0);
		break;
	case AGENT_TAKER:
	case AGENT_ARBITRAGE:
		agenda_add(&w->agenda, now_ns, TAKER_OWN, agent, 0);
		break;
	}
}

static inline void agent_stop(struct world *w, an_u32 agent, an_s64 now_ns)
{
	if (trader_may_speak(&w->market, agent))
		trader_cancel_each(w, agent, now_ns);
	w->market.agents[agent].is_active = 0;
}

static inline void agent_event(struct world *w, const struct event *e)
{
	switch (e->kind) {
	case DESK_LOOK:
		desk_look(w, e->who, e->time_ns);
		break;
	case DESK_ROUTINE:
		desk_routine(w, e);
		break;
	case TAKER_OWN:
		if (w->market.agents[e->who].row->kind == AGENT_ARBITRAGE)
			arbitrage_routine(w, e);
		else
			taker_own(w, e);
		break;
	case TAKER_CHILD:
		taker_trade(w, e->who, (an_u32)(e->value >> 1), (int)(e->value & 1),
			    e->time_ns);
		break;
	case TICKET_DUE:
		ticket_due(w, e);
		break;
	case PARENT_OWN:
		parent_own(w, e);
		break;
	case PARENT_SLICE:
		parent_slice(w, e->who, (an_u32)e->value, e->time_ns);
		break;
	case ARBITRAGE_LOOK:
		arbitrage_look(w, e->who, (an_u32)e->value, e->time_ns);
		break;
	case AGENT_START:
		agent_start(w, e->who, e->time_ns);
		break;
	case AGENT_STOP:
		agent_stop(w, e->who, e->time_ns);
		break;
	}
}

/* The makers of a symbol see now what its leader did before; or it takes part in a
 * common move. */
static inline void value_show(struct world *w, const struct event *e)
{
	double moved;

	memcpy(&moved, &e->value, sizeof(moved));
	if (e->kind == MARKET_STEP) {
		value_led(w, e->who, moved, e->time_ns);
		return;
	}
	w->market.symbols[e->who].seen += moved;
	desks_notice(w, e->who, e->time_ns);
}

/* Expire what rests, a burst a microsecond. */
static inline void market_close(struct world *w, const struct event *e)
{
	an_u32 line = venue_close(w, e->who, e->time_ns);

	if (line < w->market.line_count)
		market_add(w, e->time_ns + 1000, MARKET_CLOSE, line, 0);
}

static inline void market_event(struct world *w, const struct event *e)
{
	switch (e->kind) {
	case VENUE_SERVE:
		venue_serve(w, e->who, e->time_ns);
		break;
	case MARKET_PULSE:
		value_pulse(w, e->time_ns);
		break;
	case MARKET_MOVE:
		value_event(w, e);
		break;
	case MARKET_FACTOR:
		value_factor(w, e);
		break;
	case MARKET_SHOW:
	case MARKET_STEP:
		value_show(w, e);
		break;
	case MARKET_PHASE:
		venue_phase(w, e->who, (int)(e->value >> 1), e->value & 1 ? 1 : -1,
			    e->time_ns);
		break;
	case MARKET_CLOSE:
		market_close(w, e);
		break;
	case FAULT_BEGIN:
		fault_begin(w, e->who, e->time_ns);
		break;
	case FAULT_STEP:
		fault_step(w, e->who, e->value, e->time_ns);
		break;
	case FAULT_OVER:
		fault_over(w, e->who, e->time_ns);
		break;
	default:
		agent_event(w, e);
	}
}

#include "market_sums.h"

#endif
