/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One book driven by an array of operations: for the bench and for the tests that
 * hold the book against another.
 */
#ifndef AIRNET_BATCH_H
#define AIRNET_BATCH_H

#include "book.h"

#define BATCH_LIMIT 1
#define BATCH_MARKET 2
#define BATCH_IOC 3
#define BATCH_FOK 4
#define BATCH_CANCEL 5
#define BATCH_REPLACE 6

/* What became of an operation. */
#define BATCH_RESTS 1
#define BATCH_DONE 2 /* filled, killed or cancelled: it is in no book */
#define BATCH_REFUSED 3 /* no such order, price off the ladder, quantity 0 */
#define BATCH_FULL 4 /* no slot or no room for trades: the batch stops here */

#define BATCH_AHEAD 16

struct batch_row {
	an_s64 price;
	an_u32 number; /* the caller's, of the order: below `numbers` */
	an_u32 quantity;
	an_u8 kind;
	an_u8 side;
	an_u8 outcome; /* written */
	an_u8 pad[5];
	an_u32 bid; /* written: best tick after the operation, BOOK_NONE = none */
	an_u32 ask;
};

struct batch_trade {
	an_s64 price;
	an_u32 taker; /* numbers */
	an_u32 maker;
	an_u32 quantity;
	an_u32 row;
};

struct batch {
	struct book book;
	struct pool pool;
	an_u32 *slots; /* of a number */
	an_u32 *owners; /* the number of a slot */
	struct batch_trade *trades;
	an_u32 numbers;
	an_u32 traded; /* trades written since the last reset */
	an_u32 room; /* for trades */
	an_u32 row;
};

static inline void batch_close(struct batch *b)
{
	book_close(&b->book);
	pool_close(&b->pool);
	free(b->slots);
	free(b->owners);
	memset(b, 0, sizeof(*b));
}

static inline int batch_open(struct batch *b, an_u32 numbers, an_u32 orders)
{
	b->slots = malloc(numbers * sizeof(*b->slots));
	b->owners = calloc(orders, sizeof(*b->owners));
	b->numbers = numbers;
	if (!b->slots || !b->owners || pool_open(&b->pool, orders) < 0)
		return -1;
	memset(b->slots, 0xff, numbers * sizeof(*b->slots));
	return 0;
}

/* Match, and say what is left; the room for trades was looked at by the caller. */
static inline an_u32 batch_match(struct batch *b, an_u32 number, int side, an_u32 limit,
				 an_u32 quantity)
{
	struct fill fill;

	while (quantity &&
	       book_hit(&b->book, b->pool.orders, side, limit, quantity, &fill)) {
		struct batch_trade *t = &b->trades[b->traded++];

		t->price = book_price(&b->book, fill.tick);
		t->taker = number;
		t->maker = b->owners[fill.slot];
		t->quantity = fill.quantity;
		t->row = b->row;
		quantity -= fill.quantity;
		if (!fill.leaves) {
			b->slots[t->maker] = BOOK_NONE;
			pool_give(&b->pool, fill.slot);
		}
	}
	return quantity;
}

static inline an_u8 batch_rest(struct batch *b, an_u32 number, int side, an_u32 tick,
			       an_u32 quantity)
{
	an_u32 slot = pool_take(&b->pool);
	struct order *o = &b->pool.orders[slot];

	if (slot == BOOK_NONE)
		return BATCH_FULL;
	o->tick = tick;
	o->side = (an_u8)side;
	o->leaves = quantity;
	b->slots[number] = slot;
	b->owners[slot] = number;
	book_rest(&b->book, b->pool.orders, slot);
	return BATCH_RESTS;
}

static inline an_u8 batch_new(struct batch *b, const struct batch_row *row)
{
	int is_market = row->kind == BATCH_MARKET, side = row->side & 1;
	an_u32 tick =
		is_market ? book_any(&b->book, side) : book_tick(&b->book, row->price);
	an_u32 left;

	if (!row->quantity || tick == BOOK_NONE || b->slots[row->number] != BOOK_NONE)
		return BATCH_REFUSED;
	if (row->kind == BATCH_FOK &&
	    book_available(&b->book, side, tick, row->quantity) < row->quantity)
		return BATCH_DONE;
	left = batch_match(b, row->number, side, tick, row->quantity);
	if (left && row->kind == BATCH_LIMIT)
		return batch_rest(b, row->number, side, tick, left);
	return BATCH_DONE;
}

/* Take a resting order off. */
static inline void batch_drop(struct batch *b, an_u32 number, an_u32 slot)
{
	book_remove(&b->book, b->pool.orders, slot);
	pool_give(&b->pool, slot);
	b->slots[number] = BOOK_NONE;
}

/* Cancel or replace an order that rests. */
static inline an_u8 batch_change(struct batch *b, const struct batch_row *row)
{
	an_u32 slot = b->slots[row->number], tick, left;
	struct order *orders = b->pool.orders;
	int side;

	if (row->kind == BATCH_CANCEL) {
		batch_drop(b, row->number, slot);
		return BATCH_DONE;
	}
	tick = book_tick(&b->book, row->price);
	if (tick == BOOK_NONE || !row->quantity)
		return BATCH_REFUSED;
	if (tick == orders[slot].tick && row->quantity < orders[slot].leaves) {
		book_reduce(&b->book, orders, slot, row->quantity);
		return BATCH_RESTS;
	}
	side = orders[slot].side;
	batch_drop(b, row->number, slot);
	left = batch_match(b, row->number, side, tick, row->quantity);
	return left ? batch_rest(b, row->number, side, tick, left) : BATCH_DONE;
}

/* Run rows; returns how many were run. It stops where trades might not have room. */
static inline an_u32 batch_run(struct batch *b, struct batch_row *rows, an_u32 count)
{
	for (an_u32 i = 0; i < count; i++) {
		struct batch_row *row = &rows[i];
		int is_new = row->kind >= BATCH_LIMIT && row->kind <= BATCH_FOK;
		int is_known = row->kind >= BATCH_LIMIT && row->kind <= BATCH_REPLACE;

		/* Rows ahead name orders that are far apart in memory. */
		if (i + BATCH_AHEAD < count) {
			an_u32 next = rows[i + BATCH_AHEAD].number;

			if (next < b->numbers)
				__builtin_prefetch(&b->slots[next]);
		}
		/* One trade for each resting order at most, and the row's own. */
		if (b->room - b->traded <= b->pool.live || row->number >= b->numbers)
			return i;
		b->row = i;
		/* One branch for all that changes nothing: it is the least predictable
		 * one, and most changes come too late. */
		if ((is_known ^ 1) |
		    ((is_new ^ 1) & (b->slots[row->number] == BOOK_NONE)))
			row->outcome = BATCH_REFUSED;
		else if (is_new)
			row->outcome = batch_new(b, row);
		else
			row->outcome = batch_change(b, row);
		if (row->outcome == BATCH_FULL)
			return i;
		row->bid = b->book.ladders[BOOK_BUY].best;
		row->ask = b->book.ladders[BOOK_SELL].best;
	}
	return count;
}

#endif
