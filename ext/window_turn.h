/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who buys and sells the same again and again, and pays for it each time: each new
 * order in a name is on the other side of the one before, of its quantity, at a price
 * at which that one would be undone at a loss, and something was filled between.
 *
 * Who quotes earns what he pays here; who takes lists, or one side, never turns; who
 * takes what comes turns now and then, in other quantities. So turns are counted, and
 * what is none takes four of them. Who takes sides by chance turns half of the time: by
 * a second count what is none takes half a turn, and each second two, and a quarter of
 * the new orders that are usual of the session: who hedges others so does at that pace.
 *
 * What is sent within a millisecond is one decision: the legs of a basket are turned
 * together.
 */
#ifndef AIRNET_WINDOW_TURN_H
#define AIRNET_WINDOW_TURN_H

#include "window_named.h"

#define WINDOW_TURN_NS 1000000000ull /* an order so old is not turned */
#define WINDOW_TURN_TAKEN 4 /* by an order that turns nothing */
#define WINDOW_TURNS_SHOWN 8 /* of so many there are rows */
#define WINDOW_TURN_APART_NS 1000000ull
#define WINDOW_UNDONE 1000 /* for a turn, in thousandths of it */
#define WINDOW_UNDONE_TAKEN 500 /* by an order that is none */
#define WINDOW_UNDONE_LEAK_NS 500000ull /* for each thousandth that time takes */
#define WINDOW_UNDONE_USUAL 400 /* microseconds for each order of a usual 0.1 s */
#define WINDOW_UNDONE_NS (1ull << 40) /* silence longer than this takes no more */
#define WINDOW_UNDONE_MAX 1000000000u

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

/* What is left of a count of thousandths, less some. */
static inline uint32_t window_undone_less(uint32_t undone, uint64_t taken)
{
	return taken < undone ? undone - (uint32_t)taken : 0;
}

/* What time takes of a session's count: less of who seldom trades. */
static inline uint64_t window_undone_leak(const struct window_session *s, uint64_t ns)
{
	uint64_t spent_ns = ns < WINDOW_UNDONE_NS ? ns : WINDOW_UNDONE_NS;

	return ns / WINDOW_UNDONE_LEAK_NS +
	       ((spent_ns / 1000 * s->base_new) >> 16) / WINDOW_UNDONE_USUAL;
}

/* An order in a name that had one a moment ago: whether enough have turned. */
static inline int window_turn_count(struct window_session *s, uint64_t now_ns,
				    int is_turn)
{
	if (s->turn_ns && now_ns - s->turn_ns < WINDOW_TURN_APART_NS)
		return 0;
	if (s->undone)
		s->undone = window_undone_less(
			s->undone, window_undone_leak(s, now_ns - s->turn_ns));
	s->turn_ns = now_ns;
	if (__builtin_expect(!is_turn, 1)) {
		s->turns -= s->turns < WINDOW_TURN_TAKEN ? s->turns : WINDOW_TURN_TAKEN;
		s->undone = window_undone_less(s->undone, WINDOW_UNDONE_TAKEN);
		return 0;
	}
	if (!s->undone)
		s->undone_ns = now_ns;
	s->turns++;
	s->undone += s->undone < WINDOW_UNDONE_MAX ? WINDOW_UNDONE : 0;
	return s->turns >= WINDOW_TURNS_SHOWN ||
	       s->undone >= WINDOW_TURNS_SHOWN * WINDOW_UNDONE;
}

/* A new order: whether enough have turned, with this one. */
static inline int window_turn(struct window_state *w, struct window_session *s,
			      struct window_name *n, const struct airnet_message *m)
{
	int is_buy = window_is_buy(m->side), is_shown = 0;

	if (w->now_ns - n->order_ns <= WINDOW_TURN_NS)
		is_shown =
			window_turn_count(s, w->now_ns, window_turn_is(n, m, is_buy));
	n->order_ns = w->now_ns;
	n->price = m->price;
	n->quantity = m->quantity;
	n->is_buy = (uint8_t)is_buy;
	n->is_filled = 0;
	return is_shown;
}

#endif
