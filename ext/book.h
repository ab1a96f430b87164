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
	an_u64 inverse; /* of the tick, 0 = too large a one */
	an_u32 tick; /* cents */
	an_u32 levels;
};

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
	b->inverse = tick && tick <= 1u << 24 ? UINT64_MAX / tick : 0;
	b->levels = levels;
	for (int side = 0; side < 2; side++) {
		struct ladder *l = &b->ladders[side];

		l->levels = calloc(levels, sizeof(*l->levels));
		l->words = calloc(levels / 64, sizeof(*l->words));
		l->best = BOOK_NONE;
		l->flip = side == BOOK_BUY ? levels - 1 : 0;
		if (!l->levels || !l->words) {
			book_close(b);
			return -1;
		}
	}
	return 0;
}

/* The tick of a price, BOOK_NONE when it is off the ladder or between two ticks. The
 * quotient is a product where a tick is at most 2^24: exact, as (offset + 1) * tick is
 * at most 2^64 (A. D. Robison, "N-Bit Unsigned Division Via N-Bit Multiply-Add",
 * ARITH 2005). */
static inline an_u32 book_tick(const struct book *b, an_s64 price)
{
	an_u64 offset = (an_u64)price - (an_u64)b->base, tick;

	if (offset >= (an_u64)b->levels * b->tick)
		return BOOK_NONE;
	tick = b->inverse
		       ? (an_u64)(((unsigned __int128)(offset + 1) * b->inverse) >> 64)
		       : offset / b->tick;
	return offset == tick * b->tick ? (an_u32)tick : BOOK_NONE;
}

static inline an_s64 book_price(const struct book *b, an_u32 tick)
{
	return b->base + (an_s64)tick * b->tick;
}

/* One of two places, without a branch: no processor could guess which. */
static inline an_u32 *book_place(int is_first, an_u32 *first, an_u32 *second)
{
	return (an_u32 *)((uintptr_t)second ^ (((uintptr_t)first ^ (uintptr_t)second) &
					       -(uintptr_t)is_first));
}

/* Append the order in `slot` to its level; tick, side, leaves and book are set. */
static inline void book_rest(struct book *b, struct order *orders, an_u32 slot)
{
	struct order *o = &orders[slot];
	struct ladder *l = &b->ladders[o->side];
	struct level *at = &l->levels[o->tick];
	an_u32 *last;

	o->next = BOOK_NONE;
	o->state = ORDER_RESTING;
	o->previous = at->tail | -(an_u32)!at->quantity;
	/* An address is chosen, and no branch taken: no processor could guess it. */
	last = book_place(!at->quantity, &at->head, &orders[at->tail].next);
	*last = at->tail = slot;
	at->quantity += o->leaves;
	l->quantity += o->leaves;
	l->orders++;
	ladder_mark(l, o->tick);
}

/* Take the order in `slot` off its level; it keeps its leaves. */
static inline void book_remove(struct book *b, struct order *orders, an_u32 slot)
{
	struct order *o = &orders[slot];
	struct ladder *l = &b->ladders[o->side];
	struct level *at = &l->levels[o->tick];
	an_u32 *before, *after;

	before = book_place(o->previous == BOOK_NONE, &at->head,
			    &orders[o->previous].next);
	after = book_place(o->next == BOOK_NONE, &at->tail, &orders[o->next].previous);
	*before = o->next;
	*after = o->previous;
	at->quantity -= o->leaves;
	l->quantity -= o->leaves;
	l->orders--;
	o->state = ORDER_TAKEN;
	ladder_clear(l, o->tick, at->head == BOOK_NONE);
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
		an_u32 rank = (tick ^ l->flip) + 1;

		found += l->levels[tick].quantity;
		tick = rank < b->levels ? ladder_from(l, rank) : BOOK_NONE;
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
