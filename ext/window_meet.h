/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a session's orders are to others' and to its gateway: orders that meet those of
 * one session again and again; that it sends on while each is refused.
 *
 * Two orders meet when one follows the other in its symbol within 20 ms, on the other
 * side, of its quantity, and at its price or through it. Who takes what somebody quotes
 * does so now and then; who trades with himself does so with one, and with nobody else.
 */
#ifndef AIRNET_WINDOW_MEET_H
#define AIRNET_WINDOW_MEET_H

#include "window_turn.h"

#define WINDOW_MEET_NS 20000000ull
#define WINDOW_MET 1000 /* for orders that meet, of each of both */
#define WINDOW_MET_TAKEN 250 /* by an order that meets none */
#define WINDOW_MET_LEAK_NS 1000000ull /* for each thousandth that time takes */
#define WINDOW_MET_MAX 1000000u
#define WINDOW_MET_SHOWN 8000 /* of so many there are rows */
#define WINDOW_REFUSED_SHOWN 24

/* Whether an order meets the one before it in its symbol. One without a price meets
 * any. */
static inline int window_meets(const struct window_price *p,
			       const struct airnet_message *m, uint64_t now_ns)
{
	int is_buy = window_is_buy(m->side);

	if (!p->meet_ns || now_ns - p->meet_ns > WINDOW_MEET_NS ||
	    p->meet_is_buy == is_buy || p->meet_quantity != m->quantity)
		return 0;
	if (m->price <= 0 || p->meet_price <= 0)
		return 1;
	return is_buy ? m->price >= p->meet_price : m->price <= p->meet_price;
}

/* An order of a session met one of another's: the same as before? */
static inline void window_met_with(struct window_session *s, uint32_t other)
{
	if (!s->met)
		s->met_with = other;
	if (s->met_with != other)
		s->met = window_undone_less(s->met, WINDOW_MET);
	else if (s->met < WINDOW_MET_MAX)
		s->met += WINDOW_MET;
}

/* What time, and an order that meets none, take. */
static inline void window_met_less(struct window_session *s, uint64_t now_ns,
				   uint32_t taken)
{
	if (s->met)
		s->met = window_undone_less(
			s->met, (now_ns - s->met_ns) / WINDOW_MET_LEAK_NS + taken);
	s->met_ns = now_ns;
}

/* A new order in a symbol: whether enough of its session's have met one other's. */
static inline int window_meet(struct window_state *w, struct window_session *s,
			      struct window_price *p, const struct airnet_message *m)
{
	uint32_t own = (uint32_t)(s - w->sessions);

	if (__builtin_expect(!window_meets(p, m, w->now_ns), 1)) {
		window_met_less(s, w->now_ns, WINDOW_MET_TAKEN);
		p->meet_ns = w->now_ns;
		p->meet_price = m->price;
		p->meet_quantity = m->quantity;
		p->meet_session = own;
		p->meet_is_buy = (uint8_t)window_is_buy(m->side);
		return s->met >= WINDOW_MET_SHOWN;
	}
	p->meet_ns = 0;
	window_met_less(s, w->now_ns, 0);
	window_met_with(s, p->meet_session);
	if (p->meet_session != own) {
		window_met_less(&w->sessions[p->meet_session], w->now_ns, 0);
		window_met_with(&w->sessions[p->meet_session], own);
	}
	return s->met >= WINDOW_MET_SHOWN;
}

/* A new order; whether there is a row of it. */
static inline int window_met(struct window_state *w, struct window_session *s,
			     struct window_price *p, const struct airnet_message *m)
{
	return window_meet(w, s, p, m) | (s->refused_run >= WINDOW_REFUSED_SHOWN);
}

/* The gateway refused an order, or did not. */
static inline void window_answered(struct window_session *s, int is_refused)
{
	s->refused_run = is_refused ? s->refused_run + 1 : 0;
}

#endif
