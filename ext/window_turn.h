/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who buys and sells the same again and again, and pays for it each time: each new
 * order in a name is on the other side of the one before, of its quantity, at a price
 * at which that one would be undone at a loss, and something was filled between.
 *
 * Who quotes earns what he pays here; who takes lists, or one side, never turns; who
 * takes what comes turns now and then, in other quantities. So turns are counted, and
 * what is none takes four of them.
 */
#ifndef AIRNET_WINDOW_TURN_H
#define AIRNET_WINDOW_TURN_H

#include "window_named.h"

#define WINDOW_TURN_NS 1000000000ull /* an order so old is not turned */
#define WINDOW_TURN_TAKEN 4 /* by an order that turns nothing */
#define WINDOW_TURNS_SHOWN 8 /* of so many there are rows */

static inline int window_is_buy(uint8_t side)
{
	return side == '1' || side == '3';
}

/* Whether an order undoes the one before at a loss; one without a price takes any. */
static inline int window_turn_is(const struct window_name *n,
				 const struct airnet_message *m, int is_buy)
{
	if (n->is_buy == is_buy || !n->is_filled || n->quantity != m->quantity)
		return 0;
	if (!m->price || !n->price)
		return 1;
	return is_buy ? m->price > n->price : m->price < n->price;
}

/* A new order: whether enough have turned, with this one. */
static inline int window_turn(struct window_state *w, struct window_session *s,
			      struct window_name *n, const struct airnet_message *m)
{
	int is_buy = window_is_buy(m->side), is_shown = 0;

	if (w->now_ns - n->order_ns <= WINDOW_TURN_NS) {
		if (__builtin_expect(window_turn_is(n, m, is_buy), 0))
			is_shown = ++s->turns >= WINDOW_TURNS_SHOWN;
		else
			s->turns -= s->turns < WINDOW_TURN_TAKEN ? s->turns
								 : WINDOW_TURN_TAKEN;
	}
	n->order_ns = w->now_ns;
	n->price = m->price;
	n->quantity = m->quantity;
	n->is_buy = (uint8_t)is_buy;
	n->is_filled = 0;
	return is_shown;
}

#endif
