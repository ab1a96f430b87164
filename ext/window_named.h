/* SPDX-License-Identifier: Apache-2.0 */
/* Where what is known of a symbol is kept: rows of a table of sets, and which of them
 * are a session's own. */
#ifndef AIRNET_WINDOW_NAMED_H
#define AIRNET_WINDOW_NAMED_H

#include "window.h"

/* What orders and fills of one symbol were like; prices and quantities times 1e8. An
 * order is held against the first line, and learned from in it. */
struct window_price {
	int64_t far_high, far_low, far_size; /* beyond which an order is far off */
	int64_t largest; /* order */
	int64_t before; /* the price of the order before */
	uint64_t step; /* the least by which two in a row differed, 0 = unknown */
	uint64_t used_ns, orders;
	uint64_t fills, fill_ns;
	int64_t high, low; /* of the fills of both batches */
	int64_t high_now, low_now, high_before, low_before;
	uint32_t batch;
	uint32_t far, far_session; /* turns of sessions whose orders were far off */
	uint64_t meet_ns; /* the last new order that met none, 0 = there is none */
	int64_t meet_price, meet_quantity;
	uint32_t meet_session;
	uint8_t meet_is_buy;
};

static inline uint32_t window_price_set(uint64_t symbol_key)
{
	return (uint32_t)(symbol_key * WINDOW_GOLDEN >> 40) % WINDOW_BAND_SETS;
}

/* Sorts what gives way: what nobody traded first, then what was seen longest ago. */
static inline uint64_t window_price_age(const struct window_price *p)
{
	return (uint64_t)(p->fills != 0) << 63 | p->used_ns >> 1;
}

static __attribute__((noinline)) struct window_price *
window_price_make(struct window_state *w, uint64_t symbol_key, uint32_t base)
{
	uint32_t chosen = base;

	for (uint32_t i = base; i < base + WINDOW_BAND_WAYS; i++) {
		if (!w->price_tags[i]) {
			chosen = i;
			break;
		}
		if (window_price_age(&w->prices[i]) <
		    window_price_age(&w->prices[chosen]))
			chosen = i;
	}
	w->counters.symbols_evicted += w->price_tags[chosen] != 0;
	w->price_tags[chosen] = symbol_key;
	memset(&w->prices[chosen], 0, sizeof w->prices[chosen]);
	w->prices[chosen].low = w->prices[chosen].low_before = INT64_MAX;
	w->prices[chosen].far_high = w->prices[chosen].far_size = INT64_MAX;
	return &w->prices[chosen];
}

/* Where the row of a symbol is that the session did not have last in this group. */
static __attribute__((noinline)) void
window_name_find(struct window_state *w, struct window_name *n, uint64_t symbol_key)
{
	uint32_t base = window_price_set(symbol_key) * WINDOW_BAND_WAYS, i = base;

	while (i < base + WINDOW_BAND_WAYS && w->price_tags[i] != symbol_key)
		i++;
	if (i == base + WINDOW_BAND_WAYS)
		i = (uint32_t)(window_price_make(w, symbol_key, base) - w->prices);
	if (n->key != symbol_key)
		memset(n, 0, sizeof *n);
	n->key = symbol_key;
	n->row = i;
}

static inline uint32_t window_name_group(uint64_t symbol_key)
{
	return (uint32_t)(symbol_key * WINDOW_GOLDEN >> 58);
}

/* What a session did in a symbol, which has a key. Its own symbols are at hand. */
static inline struct window_name *
window_name_get(struct window_state *w, struct window_session *s, uint64_t symbol_key)
{
	struct window_name *n = &s->names[window_name_group(symbol_key)];

	if (__builtin_expect(
		    n->key != symbol_key || w->price_tags[n->row] != symbol_key, 0))
		window_name_find(w, n, symbol_key);
	w->prices[n->row].used_ns = w->now_ns;
	return n;
}

#endif
