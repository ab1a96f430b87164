/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A limit order book: price-time priority on a ladder of ticks.
 *
 * Orders live in a pool that all books of a market share (ext/ladder.h); nothing is
 * allocated after construction. A book knows neither owners nor time: the venue
 * (ext/venue.h) does.
 *
 * Bids and asks have ladders of their own: in a call phase they overlap.
 */
#ifndef AIRNET_BOOK_H
#define AIRNET_BOOK_H

#include "ladder.h"

#define BOOK_BUY 0 /* the index of a side: FIX 54 less '1' */
#define BOOK_SELL 1

struct book {
	struct ladder ladders[2];
	an_s64 base; /* price of tick 0, cents */
	an_u32 tick; /* cents */
	an_u32 levels;
};

/* Is level a better than b, for the owner of the other side to trade with? */
static inline int book_better(int side, an_u32 a, an_u32 b)
{
	return (b == BOOK_NONE) | (((a > b) ^ side) & (a != b));
}

/* May an order of `side` at `limit` trade with the opposite level `tick`? */
static inline int book_crosses(int side, an_u32 limit, an_u32 tick)
{
	return ((tick < limit) ^ side) | (tick == limit);
}

static inline void book_close(struct book *b)
{
	for (int side = 0; side < 2; side++) {
		free(b->ladders[side].levels);
		free(b->ladders[side].words);
	}
	memset(b, 0, sizeof(*b));
}

/* `levels`: a power of two, BOOK_LEVELS_MIN..BOOK_LEVELS_MAX. 0, or -1: no memory. */
static inline int book_open(struct book *b, an_s64 base, an_u32 tick, an_u32 levels)
{
	memset(b, 0, sizeof(*b));
	b->base = base;
	b->tick = tick;
	b->levels = levels;
	for (int side = 0; side < 2; side++) {
		struct ladder *l = &b->ladders[side];

		l->levels = calloc(levels, sizeof(*l->levels));
		l->words = calloc(levels / 64, sizeof(*l->words));
		l->best = BOOK_NONE;
		if (!l->levels || !l->words) {
			book_close(b);
			return -1;
		}
	}
	return 0;
}

/* The tick of a price, BOOK_NONE when it is off the ladder or between two ticks. */
static inline an_u32 book_tick(const struct book *b, an_s64 price)
{
	an_s64 offset = price - b->base;

	if (offset < 0 || offset % b->tick || offset / b->tick >= b->levels)
		return BOOK_NONE;
	return (an_u32)(offset / b->tick);
}

static inline an_s64 book_price(const struct book *b, an_u32 tick)
{
	return b->base + (an_s64)tick * b->tick;
}

/* Append the order in `slot` to its level; tick, side, leaves and book are set. */
static inline void book_rest(struct book *b, struct order *orders, an_u32 slot)
{
	struct order *o = &orders[slot];
	struct ladder *l = &b->ladders[o->side];
	struct level *at = &l->levels[o->tick];

	o->next = BOOK_NONE;
	o->state = ORDER_RESTING;
	l->quantity += o->leaves;
	l->orders++;
	if (!at->quantity) {
		at->head = at->tail = slot;
		o->previous = BOOK_NONE;
		ladder_mark(l, o->tick);
		l->best = book_better(o->side, o->tick, l->best) ? o->tick : l->best;
	} else {
		o->previous = at->tail;
		orders[at->tail].next = slot;
		at->tail = slot;
	}
	at->quantity += o->leaves;
}

/* Take the order in `slot` off its level; it keeps its leaves. */
static inline void book_remove(struct book *b, struct order *orders, an_u32 slot)
{
	struct order *o = &orders[slot];
	struct ladder *l = &b->ladders[o->side];
	struct level *at = &l->levels[o->tick];
	an_u32 *before, *after;

	/* Which of two places is written is a choice of address, not of a branch: no
	 * processor could guess it. */
	before = o->previous == BOOK_NONE ? &at->head : &orders[o->previous].next;
	after = o->next == BOOK_NONE ? &at->tail : &orders[o->next].previous;
	*before = o->next;
	*after = o->previous;
	at->quantity -= o->leaves;
	l->quantity -= o->leaves;
	l->orders--;
	o->state = ORDER_TAKEN;
	if (at->head != BOOK_NONE)
		return;
	at->quantity = 0;
	ladder_clear(l, o->tick);
	if (l->best == o->tick)
		l->best = o->side == BOOK_BUY ? ladder_below(l, o->tick)
					      : ladder_above(l, o->tick);
}

/* Make a resting order smaller: it keeps its place. 0 < leaves < its leaves. */
static inline void book_reduce(struct book *b, struct order *orders, an_u32 slot,
			       an_u32 leaves)
{
	struct order *o = &orders[slot];
	struct ladder *l = &b->ladders[o->side];
	an_u32 less = o->leaves - leaves;

	o->leaves = leaves;
	l->levels[o->tick].quantity -= less;
	l->quantity -= less;
}

/* What of `wanted` an order of `side` at `limit` could trade at once (fill or kill). */
static inline an_u64 book_available(const struct book *b, int side, an_u32 limit,
				    an_u64 wanted)
{
	const struct ladder *l = &b->ladders[!side];
	an_u32 tick = l->best;
	an_u64 found = 0;

	while (tick != BOOK_NONE && book_crosses(side, limit, tick) && found < wanted) {
		found += l->levels[tick].quantity;
		if (side == BOOK_BUY)
			tick = tick + 1 < b->levels ? ladder_above(l, tick + 1)
						    : BOOK_NONE;
		else
			tick = tick ? ladder_below(l, tick - 1) : BOOK_NONE;
	}
	return found;
}

struct fill {
	an_u32 slot; /* the resting order */
	an_u32 quantity;
	an_u32 tick;
	an_u32 leaves; /* of the resting order; 0: it left the book, not the pool */
};

/* One trade of an incoming order with the first resting one; 0 when there is none. */
static inline int book_hit(struct book *b, struct order *orders, int side, an_u32 limit,
			   an_u32 quantity, struct fill *fill)
{
	struct ladder *l = &b->ladders[!side];
	an_u32 tick = l->best, slot;

	if (tick == BOOK_NONE || !book_crosses(side, limit, tick))
		return 0;
	slot = l->levels[tick].head;
	fill->slot = slot;
	fill->tick = tick;
	if (quantity < orders[slot].leaves) {
		fill->quantity = quantity;
		fill->leaves = orders[slot].leaves - quantity;
		book_reduce(b, orders, slot, fill->leaves);
		return 1;
	}
	fill->quantity = orders[slot].leaves;
	fill->leaves = 0;
	book_remove(b, orders, slot);
	return 1;
}

/* The limit of an order that takes any price. */
static inline an_u32 book_any(const struct book *b, int side)
{
	return side == BOOK_BUY ? b->levels - 1 : 0;
}

#endif
