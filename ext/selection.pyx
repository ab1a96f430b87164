"""Frame rows -> those of order traffic, by the rule that tap.bpf.c applies live.

The rule is bpf/select.h and bpf/summary.h, the same text in the kernel and here.
`Selector` owns its tables and frees them; rows are moved together in place and their
bytes are read, never written. Cost: the headers' cache line a frame.
"""

cimport cython
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from abi cimport AIRNET_LINK_ETHERNET, airnet_frame

import numpy as np


cdef extern from "summary.h" nogil:
    enum:
        SELECT_ALL
        SELECT_ORDER
        SELECT_SLOTS
        SELECT_PROBES
        SKETCH_KINDS
        SKETCH_ROWS
        SKETCH_COLUMNS

    struct airnet_select:
        uint64_t seed
        uint32_t mode
        uint64_t ports[1024]
        uint64_t addresses[4096][2]

    struct airnet_summary:
        pass

    struct airnet_sketch:
        uint64_t totals[8]
        uint64_t cells[3][4][1024]

    struct select_fields:
        uint64_t source[2]

    void select_read(
        select_fields *fields, const uint8_t *at, const uint8_t *end
    ) noexcept
    int select_wants(const airnet_select *select, const select_fields *fields) noexcept
    uint64_t select_mix(uint64_t first, uint64_t second, uint64_t seed) noexcept
    void summary_add(
        airnet_summary *summary, const select_fields *fields, uint64_t size
    ) noexcept
    void sketch_add(
        airnet_sketch *sketch, const airnet_select *select, const select_fields *fields
    ) noexcept
    uint32_t sketch_column(uint64_t digest, int row) noexcept


MODE_ALL, MODE_ORDER = SELECT_ALL, SELECT_ORDER
#: Sizes in u64 words, of one table, one CPU's summary and one CPU's sketch.
TABLE_WORDS = sizeof(airnet_select) // 8
SUMMARY_WORDS = sizeof(airnet_summary) // 8
SKETCH_WORDS = sizeof(airnet_sketch) // 8


cdef struct tables:
    airnet_select select
    airnet_summary summary
    airnet_sketch sketch


cdef int watch(airnet_select *select, const uint8_t *address) noexcept nogil:
    """Add one address of 16 bytes; -1 when its places are taken."""
    cdef uint64_t words[2]
    cdef uint64_t slot
    cdef uint64_t *found
    cdef int i
    memcpy(words, address, 16)
    slot = select_mix(words[0], words[1], 0)
    for i in range(SELECT_PROBES):
        found = select.addresses[(slot + i) & (SELECT_SLOTS - 1)]
        if (found[0] == 0 and found[1] == 0) or (
            found[0] == words[0] and found[1] == words[1]
        ):
            memcpy(found, words, 16)
            return 0
    return -1


cdef int sift(
    tables *state, airnet_frame *rows, int count, const uint8_t *memory
) noexcept nogil:
    """Move wanted rows together; return how many there are."""
    cdef int i, kept = 0
    cdef select_fields fields
    cdef const uint8_t *at
    for i in range(count):
        if rows[i].link == AIRNET_LINK_ETHERNET:
            memset(&fields, 0, sizeof(fields))
            at = memory + rows[i].offset
            select_read(&fields, at, at + rows[i].captured_bytes)
            sketch_add(&state.sketch, &state.select, &fields)
            if not select_wants(&state.select, &fields):
                summary_add(&state.summary, &fields, rows[i].wire_bytes)
                continue
        if kept != i:
            rows[kept] = rows[i]
        kept += 1
    return kept


@cython.final
cdef class Selector:
    """What is watched, and what was seen of the rest. Freed with the object."""

    cdef tables *state

    def __cinit__(
        self, int mode, list addresses not None, list ports not None, uint64_t seed=0
    ):
        """Watch addresses (16 bytes each) and TCP ports; `seed` is the sketch's.

        Raises ValueError when the table cannot hold so many addresses.
        """
        cdef const uint8_t[::1] address
        cdef uint16_t port
        self.state = <tables *>calloc(1, sizeof(tables))
        if self.state == NULL:
            raise MemoryError
        self.state.select.mode = mode
        self.state.select.seed = seed
        for address in addresses:
            if address.shape[0] != 16 or bytes(address) == bytes(16):
                raise ValueError("an address is 16 bytes and not all of them 0")
            if watch(&self.state.select, &address[0]) < 0:
                raise ValueError("too many addresses to watch")
        for port in ports:
            self.state.select.ports[port >> 6] |= <uint64_t>1 << (port & 63)

    def __dealloc__(self):
        free(self.state)

    def table(self):
        """Return the u64 words that tap.bpf.c's map `selection` holds."""
        return self._copy(&self.state.select, sizeof(airnet_select))

    def summary(self):
        """Return the u64 words of the summary, rows of key, frames, bytes, 0."""
        return self._copy(&self.state.summary, sizeof(airnet_summary))

    def sketch(self):
        """Return the u64 words of the sketch."""
        return self._copy(&self.state.sketch, sizeof(airnet_sketch))

    cdef object _copy(self, const void *start, size_t size):
        words = np.empty(size // 8, np.uint64)
        cdef uint64_t[::1] view = words
        memcpy(&view[0], start, size)
        return words

    def select_batch(
        self, airnet_frame[::1] rows not None, int count,
        const uint8_t[::1] buffer not None,
    ):
        """Keep the wanted ones of rows[:count], in order; return how many.

        The others are summarised. Every row must lie in `buffer`.
        """
        cdef int i, kept
        if not 0 <= count <= rows.shape[0]:
            raise ValueError("count must be 0..len(rows)")
        if count == 0:
            return 0
        for i in range(count):
            if rows[i].offset + rows[i].captured_bytes > <uint64_t>buffer.shape[0]:
                raise ValueError(f"row {i} is outside the buffer")
        with nogil:
            kept = sift(self.state, &rows[0], count, &buffer[0])
        return kept


def estimate(const uint64_t[::1] sketch not None, const uint8_t[::1] address not None,
             uint64_t seed):
    """Return (SYN, UDP, ICMP) frames to an address: never too few, seldom many more."""
    cdef uint64_t words[2]
    cdef uint64_t digest, least, found
    cdef int kind, row
    cdef size_t at
    if sketch.shape[0] != sizeof(airnet_sketch) // 8 or address.shape[0] != 16:
        raise ValueError("sketch must be SKETCH_WORDS long, address 16 bytes")
    memcpy(words, &address[0], 16)
    digest = select_mix(words[0], words[1], seed)
    result = []
    for kind in range(SKETCH_KINDS):
        least = <uint64_t>-1
        for row in range(SKETCH_ROWS):
            at = 8 + (kind * SKETCH_ROWS + row) * <size_t>SKETCH_COLUMNS
            found = sketch[at + sketch_column(digest, row)]
            least = min(least, found)
        result.append(least)
    return tuple(result)
