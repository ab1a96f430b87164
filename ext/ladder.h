/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a limit order book is made of: a pool of orders, ladders of levels. A level is a
 * queue of orders; a bitmap of two layers finds the next level that has orders in a few
 * instructions wherever it is. An order is named by its slot in the pool.
 */
#ifndef AIRNET_LADDER_H
#define AIRNET_LADDER_H

#include <stdlib.h>
#include <string.h>

#include "airnet.h"
#include "zeros.h"

#define BOOK_NONE 0xffffffffu
#define BOOK_LEVELS_MIN 64u
#define BOOK_LEVELS_MAX 65536u
#define BOOK_WORDS_MAX (BOOK_LEVELS_MAX / 64)

/* Where an order is. */
#define ORDER_FREE 0
#define ORDER_TAKEN 1 /* a slot of the pool, in no book */
#define ORDER_RESTING 2

struct order {
	an_u32 tick;
	an_u32 leaves;
	an_u32 previous; /* in its level's queue */
	an_u32 next; /* also: the next free slot of the pool */
	an_u16 book;
	an_u8 side;
	an_u8 state;
};

struct pool {
	struct order *orders;
	an_u32 limit;
	an_u32 free;
	an_u32 fresh; /* slots below were used before */
	an_u32 live;
};

struct level {
	an_u64 quantity;
	an_u32 head;
	an_u32 tail;
};

struct ladder {
	struct level *levels;
	an_u64 *words; /* a bit a level that has orders */
	an_u64 summary[BOOK_WORDS_MAX / 64]; /* a bit a word that has bits */
	an_u64 quantity;
	an_u32 orders;
	an_u32 best; /* BOOK_NONE: empty */
	an_u32 flip; /* a level's rank is its tick ^ flip: the best has the lowest */
	an_u32 pad;
};

/* ---- the pool ---- */

static inline int pool_open(struct pool *p, an_u32 limit)
{
	memset(p, 0, sizeof(*p));
	p->orders = zeros_take(limit, sizeof(*p->orders));
	p->limit = limit;
	p->free = BOOK_NONE;
	return p->orders ? 0 : -1;
}

static inline void pool_close(struct pool *p)
{
	zeros_give(p->orders);
	p->orders = NULL;
}

/* A slot, or BOOK_NONE when all are taken. */
static inline an_u32 pool_take(struct pool *p)
{
	an_u32 slot = p->free;

	if (slot != BOOK_NONE) {
		p->free = p->orders[slot].next;
	} else {
		if (p->fresh == p->limit)
			return BOOK_NONE;
		slot = p->fresh++;
	}
	p->orders[slot].state = ORDER_TAKEN;
	p->live++;
	return slot;
}

static inline void pool_give(struct pool *p, an_u32 slot)
{
	p->orders[slot].state = ORDER_FREE;
	p->orders[slot].next = p->free;
	p->free = slot;
	p->live--;
}

/* ---- the ladder ---- */

/* The level with orders of the lowest rank from `rank` on; its tick. */
static inline an_u32 ladder_from(const struct ladder *l, an_u32 rank)
{
	an_u32 word = rank >> 6, group = word >> 6;
	an_u64 bits = l->words[word] & (~0ull << (rank & 63));

	if (bits)
		return (word << 6 | (an_u32)__builtin_ctzll(bits)) ^ l->flip;
	bits = (word & 63) == 63 ? 0 : l->summary[group] & (~0ull << ((word & 63) + 1));
	while (!bits && ++group < BOOK_WORDS_MAX / 64)
		bits = l->summary[group];
	if (!bits)
		return BOOK_NONE;
	word = group << 6 | (an_u32)__builtin_ctzll(bits);
	return (word << 6 | (an_u32)__builtin_ctzll(l->words[word])) ^ l->flip;
}

/* A level has orders. No branch depends on whether it had some. */
static inline void ladder_mark(struct ladder *l, an_u32 tick)
{
	an_u32 rank = tick ^ l->flip;

	l->words[rank >> 6] |= 1ull << (rank & 63);
	l->summary[rank >> 12] |= 1ull << (rank >> 6 & 63);
	/* BOOK_NONE is behind every rank, flipped or not. */
	l->best = rank < (l->best ^ l->flip) ? tick : l->best;
}

/* A level has lost an order, its last one if `is_empty`. */
static inline void ladder_clear(struct ladder *l, an_u32 tick, int is_empty)
{
	an_u32 rank = tick ^ l->flip, first = (l->best ^ l->flip) >> 6;
	an_u64 *word = &l->words[rank >> 6];

	*word &= ~((an_u64)is_empty << (rank & 63));
	if (*word) {
		l->best = (first << 6 | (an_u32)__builtin_ctzll(l->words[first])) ^
			  l->flip;
		return;
	}
	l->summary[rank >> 12] &= ~(1ull << (rank >> 6 & 63));
	l->best = ladder_from(l, first << 6);
}

#endif
