/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is it the session, or what it trades? Order messages by group of symbols, of
 * everybody and of each session: the difference is what others send in the same
 * symbols. A group is a hash's value, so that all of it is exact, of few symbols or
 * many.
 */
#ifndef AIRNET_WINDOW_SYMBOL_H
#define AIRNET_WINDOW_SYMBOL_H

#include "window.h"

static inline uint32_t window_symbol_group(uint64_t symbol_key)
{
	return (uint32_t)(symbol_key * 0x9e3779b97f4a7c15ull >> 59);
}

/* 0.9^slots, Q16, of at least one: how much of a memory of one second is left. */
static inline uint64_t window_fade(uint64_t slots)
{
	static const uint16_t left[] = {
		58982, 53084, 47775, 42998, 38698, 34828, 31345, 28211,
		25389, 22850, 20565, 18509, 16658, 14992, 13493, 12143,
		10929, 9836,  8852,  7967,  7170,  6453,  5808,	 5227,
		4704,  4234,  3810,  3429,  3086,  2778,  2500,	 2250,
	};

	return slots <= sizeof left / sizeof *left ? left[slots - 1] : 0;
}

/* Fold the slots that are over into a group's memories. */
static inline void window_symbol_roll(struct window_symbol *y, uint64_t slot)
{
	uint64_t gap = slot - y->slot, count = (uint64_t)y->current << 16, n;

	if (!gap)
		return;
	if (y->slot) {
		n = y->slots + 1 < WINDOW_BASE_SLOTS ? y->slots + 1 : WINDOW_BASE_SLOTS;
		y->fast = (y->fast * 9 + count) / 10;
		y->base = (y->base * (n - 1) + count) / n;
		y->slots = (uint32_t)n;
	}
	if (y->slot && gap > 1) {
		y->fast = y->fast * window_fade(gap - 1) >> 16;
		n += gap - 1;
		if (n <= WINDOW_BASE_SLOTS)
			y->base = y->base * y->slots / n;
		else
			y->base = gap < WINDOW_BASE_SLOTS
					  ? y->base * (WINDOW_BASE_SLOTS - gap) /
						    WINDOW_BASE_SLOTS
					  : 0;
		y->slots = n < WINDOW_BASE_SLOTS ? (uint32_t)n : WINDOW_BASE_SLOTS;
	}
	y->slot = slot;
	y->current = 0;
}

/* An order message of this session. */
static inline void window_symbol_order(struct window_state *w, struct window_session *s,
				       uint64_t symbol_key)
{
	uint32_t group = window_symbol_group(symbol_key);

	s->symbol = (uint8_t)group;
	window_symbol_roll(&w->symbols[group], w->slot);
	window_symbol_roll(&s->symbols[group], w->slot);
	w->symbols[group].current++;
	s->symbols[group].current++;
}

/* What the others send in the symbols of this session's last order, over 1 s, against
 * what they usually do. */
static inline uint64_t window_symbol_others(struct window_state *w,
					    struct window_session *s)
{
	struct window_symbol *all = &w->symbols[s->symbol];
	struct window_symbol *own = &s->symbols[s->symbol];
	uint64_t fast, base, mine, mine_base;

	window_symbol_roll(all, w->slot);
	window_symbol_roll(own, w->slot);
	fast = all->fast + ((uint64_t)all->current << 16) / 10;
	mine = own->fast + ((uint64_t)own->current << 16) / 10;
	base = all->base;
	mine_base = own->base;
	return window_ratio(fast > mine ? fast - mine : 0,
			    base > mine_base ? base - mine_base : 0, WINDOW_SLOW_PRIOR);
}

#endif
