/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders of a price or a size that nobody has in their symbol: far through what it was
 * traded at lately, or many times the largest that anybody sent.
 *
 * What was traded lately is a band: the highest and lowest of the last 16 to 32 fills
 * that anybody was told of. One odd print widens it, so that for a while less is told;
 * it never makes everybody's next order far off. The largest order grows at most 32
 * times at once, so that one wrong size does not hide the next.
 */
#ifndef AIRNET_WINDOW_PRICE_H
#define AIRNET_WINDOW_PRICE_H

#include "window_columns_mirror.h"
#include "window_conduct.h"
#include "window_meet.h"

#define WINDOW_PRICE_BATCH 16 /* fills that have a band of their own */
#define WINDOW_PRICE_TRADES 8 /* fills of a symbol before a price is far off */
#define WINDOW_PRICE_ORDERS 32 /* orders of a symbol before a size is */
#define WINDOW_FAR_SHIFT 5 /* far off: by more than 1/32, or more than 32 times */
#define WINDOW_FAR_ORDERS 1024 /* of a symbol: half of what was far off is forgotten */

/* Somebody was told of a fill. */
static inline void window_price_fill(struct window_state *w, struct window_session *s,
				     const struct airnet_message *m)
{
	struct window_name *n;
	struct window_price *p;
	int64_t far;

	if (!m->symbol_key || m->price <= 0 || m->quantity <= 0 ||
	    m->flags & (AIRNET_MESSAGE_POSS_DUP | AIRNET_MESSAGE_POSS_RESEND))
		return;
	n = window_name_get(w, s, m->symbol_key);
	n->is_filled = 1;
	p = &w->prices[n->row];
	if (p->batch == WINDOW_PRICE_BATCH) {
		p->high_before = p->high_now;
		p->low_before = p->low_now;
		p->batch = 0;
	}
	if (!p->batch)
		p->high_now = p->low_now = m->price;
	p->batch++;
	p->high_now = m->price > p->high_now ? m->price : p->high_now;
	p->low_now = m->price < p->low_now ? m->price : p->low_now;
	p->high = p->high_now > p->high_before ? p->high_now : p->high_before;
	p->low = p->low_now < p->low_before ? p->low_now : p->low_before;
	p->fill_ns = w->now_ns;
	if (++p->fills < WINDOW_PRICE_TRADES)
		return;
	far = p->high >> WINDOW_FAR_SHIFT;
	p->far_high = p->high < INT64_MAX - far ? p->high + far : INT64_MAX;
	p->far_low = p->low - (p->low >> WINDOW_FAR_SHIFT);
}

/* Whether an order has a price that it may be filled at as soon as it comes, and there
 * is something to hold that against. One that waits for a trigger has its own. */
static inline int window_price_is_known(const struct window_price *p,
					const struct airnet_message *m)
{
	return m->flags & AIRNET_MESSAGE_LIMIT && m->price > 0 &&
	       p->fills >= WINDOW_PRICE_TRADES;
}

/* What an order is held against. Sides: FIX 4.4 volume 6, field 54. */
static inline int64_t window_price_bound(const struct window_price *p,
					 const struct airnet_message *m)
{
	return window_is_buy(m->side) ? p->high : p->low;
}

/* By how much it is through that, 0 for what is not. */
static inline int64_t window_price_through(const struct window_price *p,
					   const struct airnet_message *m)
{
	int64_t through =
		window_is_buy(m->side) ? m->price - p->high : p->low - m->price;

	return through > 0 ? through : 0;
}

/* Whether its size is, or its price. */
static inline int window_price_is_far(const struct window_price *p,
				      const struct airnet_message *m)
{
	if (m->quantity > p->far_size)
		return 1;
	if (!(m->flags & AIRNET_MESSAGE_LIMIT) || m->price <= 0)
		return 0;
	return window_is_buy(m->side) ? m->price > p->far_high : m->price < p->far_low;
}

/* part / whole in thousandths, of numbers of up to 63 bits. */
static inline uint64_t window_price_share(int64_t part, int64_t whole)
{
	if (part > INT64_MAX / 1000)
		return (uint64_t)part / ((uint64_t)whole / 1000 + 1);
	return (uint64_t)part * 1000 / (uint64_t)whole;
}

static inline void window_price_columns(const struct window_state *w,
					const struct window_session *s,
					const struct window_price *p,
					const struct airnet_message *m, float *row)
{
	int is_known = window_price_is_known(p, m);
	int64_t through = is_known ? window_price_through(p, m) : 0;
	int64_t bound = is_known ? window_price_bound(p, m) : 1;
	int is_sized =
		p->orders >= WINDOW_PRICE_ORDERS && p->largest > 0 && m->quantity > 0;
	uint64_t quantity = m->quantity > 0 ? (uint64_t)m->quantity : 0;
	uint32_t elsewhere =
		p->far - (p->far && p->far_session == (uint32_t)(s - w->sessions));

	window_put_unless(row, O_price_through, window_price_share(through, bound),
			  !is_known);
	window_put_unless(row, O_price_steps,
			  p->step ? (uint64_t)through / (uint64_t)p->step : 0,
			  !is_known || !p->step);
	window_put_unless(row, O_quantity_over_largest,
			  is_sized ? window_price_share(m->quantity, p->largest) : 0,
			  !is_sized);
	window_put_unless(row, O_quantity_over_own,
			  quantity / 1000000 * 1000 / (s->size_mean + 1),
			  s->sizes < WINDOW_SIZES_MIN);
	window_put_unless(row, O_last_fill_ms, (w->now_ns - p->fill_ns) / 1000000,
			  !p->fills);
	window_put(row, O_fills_seen, p->fills);
	window_put(row, O_orders_seen, p->orders);
	window_put(row, O_far_elsewhere, elsewhere);
	window_put(row, O_run, s->far_run);
	window_put(row, O_left_out, s->far_left);
	window_put(row, O_turns, s->turns);
	window_put(row, O_undone, s->undone);
	window_put(row, O_undone_after_ms,
		   s->undone ? (s->undone_ns - s->first_order_ns) / 1000000 : 0);
	window_put(row, O_met, s->met);
	window_put(row, O_refused_run, s->refused_run);
	window_put(row, O_others_rejected, window_others_rejected(w, s));
}

/* An order to be seen: a row, unless its session had one in this tick. */
static __attribute__((noinline)) void window_price_row(struct window_state *w,
						       struct window_session *s,
						       const struct window_price *p,
						       const struct airnet_message *m)
{
	struct airnet_window *key = &w->windows[w->row_count];
	float *row = &w->rows[(size_t)w->row_count * WINDOW_COLUMNS];

	if (s->far_tick_ns == w->next_ns) {
		s->far_left++;
		return;
	}
	memset(row, 0, WINDOW_COLUMNS * sizeof *row);
	memset(key, 0, sizeof *key);
	window_price_columns(w, s, p, m, row);
	key->open_ns = key->first_ns = w->now_ns;
	key->close_ns = w->frame_ns;
	key->frame_count = w->frame_count;
	key->accepted_ns = s->accepted_ns;
	key->subject = (uint32_t)(s - w->sessions);
	key->kind = AIRNET_WINDOW_ORDER;
	w->row_count++;
	w->counters.windows++;
	s->far_tick_ns = w->next_ns;
	s->far_left = 0;
}

/* An order that is far off. */
static __attribute__((noinline)) void window_price_far(struct window_state *w,
						       struct window_session *s,
						       struct window_price *p,
						       const struct airnet_message *m)
{
	uint32_t session = (uint32_t)(s - w->sessions);

	s->far_run++;
	window_price_row(w, s, p, m);
	p->far += !p->far || p->far_session != session;
	p->far_session = session;
}

/* From so many orders on a size is far that is more than 32 times the largest. */
static __attribute__((noinline)) void window_price_size(struct window_price *p,
							int64_t quantity)
{
	if (quantity > p->largest)
		p->largest = p->largest && quantity >> WINDOW_FAR_SHIFT > p->largest
				     ? p->largest << WINDOW_FAR_SHIFT
				     : quantity;
	if (p->orders < WINDOW_PRICE_ORDERS || !p->largest)
		return;
	p->far_size = p->largest < INT64_MAX >> WINDOW_FAR_SHIFT
			      ? ((p->largest + 1) << WINDOW_FAR_SHIFT) - 1
			      : INT64_MAX;
}

/* What the next order of the symbol is held against. */
static inline void window_price_learn(struct window_price *p,
				      const struct airnet_message *m)
{
	uint64_t apart;

	p->orders++;
	if (__builtin_expect(p->orders % WINDOW_FAR_ORDERS == 0, 0))
		p->far /= 2;
	if (__builtin_expect(
		    m->quantity > p->largest || p->orders == WINDOW_PRICE_ORDERS, 0))
		window_price_size(p, m->quantity);
	if (m->price <= 0)
		return;
	apart = (uint64_t)(m->price > p->before ? m->price - p->before
						: p->before - m->price);
	/* Less than the least, where 0 is more than any. */
	if (__builtin_expect(apart - 1 < p->step - 1, 0) && p->before)
		p->step = apart;
	p->before = m->price;
}

/* A new order, or what one is replaced by. Not of lists, nor of several legs: their
 * prices are others'. */
static inline void window_price_order(struct window_state *w, struct window_session *s,
				      const struct airnet_message *m)
{
	struct window_name *n;
	struct window_price *p;
	int is_shown;

	if (!m->symbol_key || (m->type != 'D' && m->type != 'G'))
		return;
	n = window_name_get(w, s, m->symbol_key);
	p = &w->prices[n->row];
	is_shown = m->type == 'D' && (window_turn(w, s, n, m) | window_met(w, s, p, m));
	if (__builtin_expect(window_price_is_far(p, m), 0)) {
		window_price_far(w, s, p, m);
	} else {
		s->far_run = 0;
		if (__builtin_expect(is_shown, 0))
			window_price_row(w, s, p, m);
	}
	window_price_learn(p, m);
}

#endif
