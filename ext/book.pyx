"""A limit order book driven by arrays: airnet.twin's matching engine by itself.

One book, price-time priority, of orders the caller numbers. Every operation is a row
of `OPERATION`: what to do, and, written by run(), what became of it and the best
prices after it. Trades are rows of `TRADE`. Cost: about 20 ns an operation; no object
is made and nothing is allocated by run().
"""

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint32_t

import numpy as np


cdef extern from "batch.h" nogil:
    enum:
        BATCH_LIMIT
        BATCH_MARKET
        BATCH_IOC
        BATCH_FOK
        BATCH_CANCEL
        BATCH_REPLACE
        BATCH_RESTS
        BATCH_DONE
        BATCH_REFUSED
        BATCH_FULL
        BOOK_LEVELS_MIN
        BOOK_LEVELS_MAX
        BOOK_NONE

    struct batch_row:
        int64_t price
        uint32_t number
        uint32_t quantity
        uint8_t kind
        uint8_t side
        uint8_t outcome
        uint8_t pad[5]
        uint32_t bid
        uint32_t ask

    struct batch_trade:
        int64_t price
        uint32_t taker
        uint32_t maker
        uint32_t quantity
        uint32_t row

    struct ladder:
        uint32_t orders

    struct book:
        ladder ladders[2]

    struct batch:
        book book
        batch_trade *trades
        uint32_t traded
        uint32_t room

    int batch_open(batch *b, uint32_t numbers, uint32_t orders) noexcept
    int book_open(book *b, int64_t base, uint32_t tick, uint32_t levels) noexcept
    uint32_t batch_run(batch *b, batch_row *rows, uint32_t count) noexcept
    void batch_close(batch *b) noexcept


LIMIT, MARKET, IOC = BATCH_LIMIT, BATCH_MARKET, BATCH_IOC
FOK, CANCEL, REPLACE = BATCH_FOK, BATCH_CANCEL, BATCH_REPLACE
RESTS, DONE, REFUSED, FULL = BATCH_RESTS, BATCH_DONE, BATCH_REFUSED, BATCH_FULL
NONE = <uint32_t>BOOK_NONE


def layouts():
    """Return the dtypes of OPERATION and TRADE."""
    cdef batch_row row
    cdef batch_trade trade
    return (
        np.asarray(<batch_row[:1]>&row)[:0].dtype,
        np.asarray(<batch_trade[:1]>&trade)[:0].dtype,
    )


OPERATION, TRADE = layouts()


@cython.final
cdef class Book:
    """One limit order book."""

    cdef batch inside
    cdef batch_trade[::1] trades
    cdef int64_t base
    cdef uint32_t tick

    def __cinit__(
        self, int64_t base, uint32_t tick, uint32_t levels, uint32_t numbers,
        uint32_t orders,
    ):
        """Make an empty book of `levels` ticks from the price `base` upwards.

        `numbers` is one more than the highest number of an order, `orders` how many
        may rest at once. Raises MemoryError where they do not fit.
        """
        if tick == 0 or levels & (levels - 1) != 0:
            raise ValueError("tick must be positive, levels a power of two")
        if not BOOK_LEVELS_MIN <= levels <= BOOK_LEVELS_MAX:
            raise ValueError(f"levels must be {BOOK_LEVELS_MIN}..{BOOK_LEVELS_MAX}")
        if numbers == 0 or orders == 0:
            raise ValueError("numbers and orders must be positive")
        self.base = base
        self.tick = tick
        if batch_open(&self.inside, numbers, orders) < 0:
            raise MemoryError
        if book_open(&self.inside.book, base, tick, levels) < 0:
            raise MemoryError

    def __dealloc__(self):
        batch_close(&self.inside)

    def run(self, batch_row[::1] rows not None, batch_trade[::1] trades not None):
        """Run operations in order; return how many were run and how many trades made.

        Fewer than given are run when an order finds no free slot or when the rest of
        `trades` could not hold what the next operation might trade (one trade a
        resting order, at most).
        """
        cdef uint32_t done, count = <uint32_t>rows.shape[0]
        self.inside.traded = 0
        self.inside.room = <uint32_t>trades.shape[0]
        if count == 0 or self.inside.room == 0:
            return 0, 0
        self.inside.trades = &trades[0]
        with nogil:
            done = batch_run(&self.inside, &rows[0], count)
        return done, self.inside.traded

    @property
    def resting(self):
        """How many bids and asks rest."""
        return (
            self.inside.book.ladders[0].orders, self.inside.book.ladders[1].orders
        )

    def price(self, uint32_t tick):
        """Return the price of a best tick; None for NONE."""
        if tick == BOOK_NONE:
            return None
        return self.base + <int64_t>tick * self.tick
