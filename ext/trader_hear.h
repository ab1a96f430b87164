/* SPDX-License-Identifier: Apache-2.0 */
/* What traders do about what they hear: reports, refusals, lines that come or go. */
#ifndef AIRNET_TRADER_HEAR_H
#define AIRNET_TRADER_HEAR_H

/* A quote has ended: its level is empty; a fill makes the desk look again. */
static inline void desk_lost(struct world *w, const struct ticket *t, an_u32 slot,
			     an_s64 now_ns)
{
	struct market *m = &w->market;
	an_u32 desk = t->place >> 5, side = t->place >> 4 & 1, level = t->place & 15;

	if (m->desks[desk].slots[side][level] != slot)
		return;
	m->desks[desk].slots[side][level] = MARKET_NONE;
	if (t->state != TICKET_CANCELLING &&
	    m->accounts[m->agents[t->agent].row->line].is_up)
		desk_wake(w, desk, now_ns);
}

static inline void trader_finished(struct world *w, an_u32 slot, an_s64 now_ns)
{
	struct ticket *t = &w->market.tickets[slot];

	if (t->use == TICKET_QUOTE)
		desk_lost(w, t, slot, now_ns);
	ticket_end(&w->market, slot);
}

/* A maker's position in the symbol of one of its tickets. */
static inline void trader_filled(struct market *m, struct ticket *t, an_u32 quantity)
{
	const struct agent *a = &m->agents[t->agent];
	an_s64 shares = t->side == BOOK_BUY ? quantity : -(an_s64)quantity;

	t->filled += quantity;
	if (a->row->kind == AGENT_MAKER && t->symbol >= a->row->symbol)
		m->desks[a->desks + t->symbol - a->row->symbol].position += shares;
}

static inline void trader_reported(struct world *w, an_u32 slot, const struct app *a,
				   an_s64 now_ns)
{
	struct market *m = &w->market;
	struct ticket *t = &m->tickets[slot];

	switch (a->executed) {
	case '0':
		if (t->state == TICKET_PENDING)
			t->state = TICKET_LIVE;
		break;
	case '5':
		t->price = a->price;
		t->quantity = a->quantity;
		if (t->state == TICKET_CHANGING && a->id == t->id)
			t->state = TICKET_LIVE;
		break;
	case 'F':
		trader_filled(m, t, a->last);
		if (a->status == '2')
			trader_finished(w, slot, now_ns);
		break;
	case '8':
		if (t->use == TICKET_QUOTE)
			m->desks[t->place >> 5].shy_until_ns = now_ns + DESK_SHY_NS;
		if (t->state == TICKET_PENDING)
			trader_finished(w, slot, now_ns);
		break;
	case '4':
	case 'C':
		trader_finished(w, slot, now_ns);
		break;
	}
}

/* A change was refused. Where the order is over, its report says so. */
static inline void trader_refused(struct world *w, an_u32 slot, const struct app *a,
				  an_s64 now_ns)
{
	struct ticket *t = &w->market.tickets[slot];

	if (a->reason == CANCEL_UNKNOWN &&
	    w->market.orders[slot].state == VENUE_UNKNOWN)
		trader_finished(w, slot, now_ns);
	else if (t->state == TICKET_CHANGING || t->state == TICKET_CANCELLING)
		t->state = TICKET_LIVE;
}

/* A message from the venue has reached the trader. */
static inline void trader_hear(struct world *w, an_u32 line, const struct app *a,
			       an_s64 now_ns)
{
	struct market *m = &w->market;
	an_u32 slot = a->order;
	const struct ticket *t;
	an_u64 named;

	if (line >= m->line_count || slot >= m->pool.limit)
		return;
	t = &m->tickets[slot];
	if (t->state == TICKET_NONE || m->agents[t->agent].row->line != line)
		return;
	/* An id of this ticket, and not of the one that had the slot before. */
	named = a->original ? a->original : a->id;
	if (named < t->born || named > t->id)
		return;
	if (a->type == '8')
		trader_reported(w, slot, a, now_ns);
	else if (a->type == '9')
		trader_refused(w, slot, a, now_ns);
}

/* Forget everything one had: the line is gone, and what becomes of the orders is the
 * venue's business. */
static inline void trader_abandon(struct market *m, an_u32 agent)
{
	struct agent *a = &m->agents[agent];

	while (a->first != MARKET_NONE) {
		const struct ticket *t = &m->tickets[a->first];

		if (t->state != TICKET_LIVE && t->use != TICKET_FAULT)
			m->accounts[a->row->line].unanswered++;
		ticket_end(m, a->first);
	}
	if (a->row->kind != AGENT_MAKER)
		return;
	for (an_u32 i = 0; i < a->row->symbols; i++)
		memset(m->desks[a->desks + i].slots, 0xff,
		       sizeof(m->desks[a->desks + i].slots));
}

/* Ask the venue to cancel everything of a line (35=q). */
static inline void trader_mass_cancel(struct world *w, an_u32 agent, an_s64 now_ns)
{
	struct market *m = &w->market;
	an_u32 line = m->agents[agent].row->line;
	struct app a = {.type = 'q',
			.id = ++m->accounts[line].ids,
			.order = MARKET_NONE,
			.account = agent,
			.symbol = (an_u16)m->agents[agent].row->symbol,
			.reason = REASON_NONE};

	if (line_say(w, line, AIRNET_DIRECTION_UP, &a, now_ns))
		m->unheard++;
	m->agents[agent].sent++;
}

/* A line is logged on or lost, as the trader sees it. */
static inline void trader_state(struct world *w, an_u32 line, int state, an_s64 now_ns)
{
	struct market *m = &w->market;
	int is_asked = 0;

	if (line >= m->line_count)
		return;
	m->accounts[line].is_up = state == LINE_IS_LOGGED_ON;
	for (an_u32 i = 0; i < m->agent_count; i++) {
		struct agent *a = &m->agents[i];

		if (a->row->line != line || a->row->kind == AGENT_DROP_COPY)
			continue;
		trader_abandon(m, i);
		if (state != LINE_IS_LOGGED_ON)
			continue;
		if (!is_asked && m->accounts[line].live)
			trader_mass_cancel(w, i, now_ns);
		is_asked = 1;
		if (a->row->kind == AGENT_MAKER)
			maker_resume(w, i, now_ns);
	}
}

#endif
