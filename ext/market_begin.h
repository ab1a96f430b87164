/* SPDX-License-Identifier: Apache-2.0 */
/* A market is built from its rows: memory, indexes, first events. */
#ifndef AIRNET_MARKET_BEGIN_H
#define AIRNET_MARKET_BEGIN_H

#define MARKET_ORDERS_DEFAULT (1u << 17)
#define MARKET_QUEUE_DEFAULT 16384u

static inline const struct agent_row *agent_rows(const struct world *w)
{
	return w->rows[ROWS_AGENT].at;
}

/* Rows that contradict each other; NULL when there are none. */
static inline const char *market_objection(const struct world *w)
{
	const struct market *m = &w->market;

	for (an_u32 i = 0; i < m->symbol_count; i++) {
		const struct symbol_row *s = value_row(w, i);

		if (s->levels < BOOK_LEVELS_MIN || s->levels > BOOK_LEVELS_MAX ||
		    (s->levels & (s->levels - 1)))
			return "symbol: levels must be a power of two, 64..65536";
		if (!s->tick)
			return "symbol: tick must be 1 or more";
		if (s->leader != AIRNET_NONE && s->leader >= m->symbol_count)
			return "symbol: no such leader";
	}
	for (an_u32 i = 0; i < m->agent_count; i++) {
		const struct agent_row *a = &agent_rows(w)[i];

		if (a->gateway >= m->gateway_count || a->line >= m->line_count)
			return "agent: no such gateway or line";
		if (a->kind != AGENT_DROP_COPY &&
		    (!a->symbols || (an_u64)a->symbol + a->symbols > m->symbol_count))
			return "agent: no such symbols";
		if (a->levels > MAKER_LEVELS_MAX ||
		    (a->kind == AGENT_MAKER && !a->levels))
			return "agent: levels must be 1..16";
		if (a->n1 + a->n2 >= 1)
			return "agent: n1 + n2 must be below 1";
	}
	for (an_u32 i = 0; i < m->fault_count; i++) {
		const struct fault_row *f =
			(const struct fault_row *)w->rows[ROWS_FAULT].at + i;

		if (f->agent >= m->agent_count ||
		    (f->symbol != AIRNET_NONE && f->symbol >= m->symbol_count))
			return "fault: no such agent or symbol";
	}
	return NULL;
}

static inline void market_count(struct world *w)
{
	struct market *m = &w->market;

	if (w->rows[ROWS_VENUE].count)
		m->venue = *(const struct venue_row *)w->rows[ROWS_VENUE].at;
	m->symbol_count = w->rows[ROWS_SYMBOL].count;
	m->agent_count = w->rows[ROWS_AGENT].count;
	m->fault_count = w->rows[ROWS_FAULT].count;
	m->news_count = w->rows[ROWS_NEWS].count;
	m->line_count = w->rows[ROWS_LINE].count;
	m->gateway_count = m->venue.gateways ? m->venue.gateways : 1;
	m->queue_limit =
		m->venue.queue_limit ? m->venue.queue_limit : MARKET_QUEUE_DEFAULT;
	for (an_u32 i = 0; i < m->agent_count; i++)
		if (agent_rows(w)[i].kind == AGENT_MAKER)
			m->desk_count += agent_rows(w)[i].symbols;
}

/* Memory, all of it zero. 0, or -1. */
static inline int market_memory(struct world *w)
{
	struct market *m = &w->market;
	an_u32 orders = m->venue.orders ? m->venue.orders : MARKET_ORDERS_DEFAULT;
	size_t pairs = (size_t)m->agent_count * m->symbol_count + 1;
	int is_short;

	m->symbols = calloc(m->symbol_count + 1, sizeof(*m->symbols));
	m->orders = zeros_take(orders, sizeof(*m->orders));
	m->ids = calloc(VENUE_MARKS, sizeof(*m->ids));
	m->tickets = zeros_take(orders, sizeof(*m->tickets));
	m->gateways = calloc(m->gateway_count, sizeof(*m->gateways));
	m->accounts = calloc(m->line_count + 1, sizeof(*m->accounts));
	m->holdings = calloc((size_t)m->line_count * m->symbol_count + 1,
			     sizeof(*m->holdings));
	m->agents = calloc(m->agent_count + 1, sizeof(*m->agents));
	m->desks = calloc(m->desk_count + 1, sizeof(*m->desks));
	m->faults = calloc(m->fault_count + 1, sizeof(*m->faults));
	m->news = calloc(m->news_count + 1, sizeof(*m->news));
	m->desk_of = calloc(pairs, sizeof(*m->desk_of));
	m->taker_of = calloc(pairs, sizeof(*m->taker_of));
	m->racer_of = calloc(pairs, sizeof(*m->racer_of));
	is_short = !m->symbols || !m->orders || !m->ids || !m->tickets ||
		   !m->gateways || !m->accounts || !m->holdings || !m->agents ||
		   !m->desks || !m->faults || !m->news || !m->desk_of || !m->taker_of ||
		   !m->racer_of || pool_open(&m->pool, orders);
	for (an_u32 i = 0; !is_short && i < m->gateway_count; i++) {
		m->gateways[i].queue = zeros_take(m->queue_limit, sizeof(struct app));
		m->gateways[i].lines = calloc(m->queue_limit, sizeof(an_u32));
		m->gateways[i].slow = 1;
		is_short |= !m->gateways[i].queue || !m->gateways[i].lines;
	}
	for (an_u32 i = 0; !is_short && i < m->symbol_count; i++) {
		const struct symbol_row *row = value_row(w, i);
		an_s64 half = (an_s64)(row->levels / 2) * row->tick;
		an_s64 base = row->price - half;

		is_short |= book_open(&m->symbols[i].book,
				      base < row->tick ? row->tick : base, row->tick,
				      row->levels);
	}
	return is_short ? -1 : 0;
}

static inline void market_end(struct world *w)
{
	struct market *m = &w->market;

	for (an_u32 i = 0; m->symbols && i < m->symbol_count; i++)
		book_close(&m->symbols[i].book);
	for (an_u32 i = 0; m->gateways && i < m->gateway_count; i++) {
		zeros_give(m->gateways[i].queue);
		free(m->gateways[i].lines);
	}
	free(m->symbols);
	zeros_give(m->orders);
	free(m->ids);
	zeros_give(m->tickets);
	free(m->gateways);
	free(m->accounts);
	free(m->holdings);
	free(m->agents);
	free(m->desks);
	free(m->faults);
	free(m->news);
	free(m->desk_of);
	free(m->taker_of);
	free(m->racer_of);
	pool_close(&m->pool);
	memset(m, 0, sizeof(*m));
}

/* Who trades a symbol: desks, takers, racers, one after the other. */
static inline void market_index(struct world *w, an_u32 symbol, an_u32 at[3])
{
	struct market *m = &w->market;
	struct symbol *s = &m->symbols[symbol];

	s->desks = at[0];
	s->takers = at[1];
	s->racers = at[2];
	for (an_u32 i = 0; i < m->agent_count; i++) {
		const struct agent_row *row = m->agents[i].row;

		if (row->kind == AGENT_DROP_COPY || symbol < row->symbol ||
		    symbol >= row->symbol + row->symbols)
			continue;
		if (row->kind == AGENT_MAKER)
			m->desk_of[at[0]++] = m->agents[i].desks + symbol - row->symbol;
		else if (row->kind == AGENT_TAKER)
			m->taker_of[at[1]++] = i;
		else if (row->kind == AGENT_ARBITRAGE)
			m->racer_of[at[2]++] = i;
	}
	s->desk_count = at[0] - s->desks;
	s->taker_count = at[1] - s->takers;
	s->racer_count = at[2] - s->racers;
}

static inline void market_desk(struct world *w, an_u32 agent, an_u32 desk,
			       an_u32 symbol)
{
	struct agent *a = &w->market.agents[agent];
	struct desk *d = &w->market.desks[desk];

	d->agent = agent;
	d->symbol = symbol;
	d->centre = (double)value_row(w, symbol)->price;
	d->threshold = a->row->threshold_ticks * value_row(w, symbol)->tick;
	d->opinion = (chance_unit(&a->chance) - 0.5) * value_row(w, symbol)->tick;
	memset(d->slots, 0xff, sizeof(d->slots));
}

static inline void market_agents(struct world *w)
{
	struct market *m = &w->market;
	an_u32 desks = 0, at[3] = {0};

	for (an_u32 i = 0; i < m->line_count; i++) {
		m->accounts[i].first = MARKET_NONE;
		m->accounts[i].drop = MARKET_NONE;
	}
	for (an_u32 i = 0; i < m->agent_count; i++) {
		struct agent *a = &m->agents[i];

		a->row = &agent_rows(w)[i];
		a->chance = chance_of(w->seed, CHANCE_AGENT, i);
		a->first = MARKET_NONE;
		a->size = 1;
		a->desks = desks;
		m->accounts[a->row->line].gateway = a->row->gateway;
		m->accounts[a->row->line].cancels_on_loss = a->row->cancels_on_loss;
		for (an_u32 k = 0; a->row->kind == AGENT_MAKER && k < a->row->symbols;
		     k++)
			market_desk(w, i, desks++, a->row->symbol + k);
	}
	for (an_u32 i = 0; i < m->agent_count; i++)
		for (an_u32 k = 0; k < m->agent_count; k++)
			if (m->agents[k].row->kind == AGENT_DROP_COPY &&
			    m->agents[k].row->firm == m->agents[i].row->firm &&
			    m->agents[i].row->line != m->agents[k].row->line)
				m->accounts[m->agents[i].row->line].drop =
					m->agents[k].row->line;
	for (an_u32 i = 0; i < m->symbol_count; i++)
		market_index(w, i, at);
}

#endif
