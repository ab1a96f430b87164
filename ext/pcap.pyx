"""Bytes of pcap and pcapng files -> Frame rows.

`Reader` parses what its caller read into one reusable buffer; rows point into that
buffer. Foreign bytes never raise: a record that cannot be read is counted under one
of REASONS. The work is in pcap.h and pcapng.h.
Source: draft-ietf-opsawg-pcap-05, draft-ietf-opsawg-pcapng-03.
"""

cimport cython
from cython cimport view
from libc.stdint cimport uint8_t, uint16_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memmove

from abi cimport airnet_frame
from blocks cimport (
    PCAP_FRAME_MAX,
    pcap_begin,
    pcap_next,
    pcap_reader,
    pcapng_begin,
)

#: A record whose length cannot be; a block that cannot be; a frame of an interface
#: that was not described. After the first of a pcap file and any bad block the rest
#: of the file is left: nothing says where the next record begins.
REASONS = ("bad_record", "bad_block", "unknown_interface")
FRAME_BYTES_MAX = PCAP_FRAME_MAX
BUFFER_BYTES_MIN = 2 * PCAP_FRAME_MAX


def frame_rows(Py_ssize_t count):
    """Return FRAME[count], all zero: memory that numpy need not be loaded for."""
    cdef airnet_frame *rows = <airnet_frame *>calloc(count, sizeof(airnet_frame))
    if rows == NULL:
        raise MemoryError("frame rows")
    cdef view.array held = <airnet_frame[:count]>rows
    held.callback_free_data = free
    return memoryview(held)


def wire_bytes(const airnet_frame[::1] rows not None, int count):
    """Return the bytes that rows[:count] had on the wire."""
    cdef uint64_t total = 0
    cdef int i
    if not 0 <= count <= rows.shape[0]:
        raise ValueError("count must be 0..len(rows)")
    for i in range(count):
        total += rows[i].wire_bytes
    return total


def frame_time(const airnet_frame[::1] rows not None, int index):
    """Return when rows[index] was captured, ns since the epoch."""
    if not 0 <= index < rows.shape[0]:
        raise ValueError("index must be 0..len(rows) - 1")
    return rows[index].time_ns


def take_until(
    airnet_frame[::1] out not None, const airnet_frame[::1] rows not None, int start,
    int stop, uint64_t time_ns,
):
    """Copy what of rows[start:stop] comes before the first one after time_ns.

    Returns how many, at most as many as `out` has.
    """
    cdef int i = start
    if not 0 <= start <= stop <= rows.shape[0]:
        raise ValueError("start, stop must lie in rows")
    while i < stop and i - start < out.shape[0] and rows[i].time_ns <= time_ns:
        out[i - start] = rows[i]
        i += 1
    return i - start


@cython.final
cdef class Reader:
    """The state of reading one file after another through one buffer.

    The caller appends file bytes behind `end` (`room`, `added`), calls parse() until
    it returns 0, then compact()s and appends again.
    """

    cdef uint8_t[::1] buffer
    cdef pcap_reader state
    cdef object given  # what parse last filled: taking a buffer of structs is slow
    cdef airnet_frame[::1] rows

    def __cinit__(self, uint8_t[::1] buffer not None):
        if buffer.shape[0] < 2 * PCAP_FRAME_MAX:
            raise ValueError("buffer must be BUFFER_BYTES_MIN or longer")
        self.buffer = buffer
        self.state.bytes = &buffer[0]
        self.state.is_stopped = True

    def begin_pcap(self, bint is_swapped, int link, bint is_ns):
        """Start a pcap file whose 24 bytes of header the caller has read."""
        pcap_begin(&self.state, is_swapped, <uint16_t>link, is_ns)

    def begin_pcapng(self):
        """Start a pcapng file; its section header is parsed here."""
        pcapng_begin(&self.state)

    @property
    def room(self):
        """Where in the buffer the next file bytes go: everything from this index."""
        return self.state.end

    @property
    def stopped(self):
        """Whether the rest of the file cannot be read."""
        return bool(self.state.is_stopped)

    @property
    def is_cut(self):
        """Whether bytes are left that are no whole record."""
        return self.state.end > self.state.start or self.state.skip > 0

    def added(self, size_t count):
        """Say that `count` bytes were put behind `room`."""
        if count > <size_t>self.buffer.shape[0] - self.state.end:
            raise ValueError("more bytes than the buffer has room for")
        self.state.end += count

    def compact(self):
        """Move the unread rest to the front; earlier rows are invalid from here."""
        cdef size_t rest = self.state.end - self.state.start
        memmove(&self.buffer[0], &self.buffer[0] + self.state.start, rest)
        self.state.start = 0
        self.state.end = rest

    @property
    def is_held(self):
        """Whether parse ended before statistics, not for want of bytes or rows."""
        return bool(self.state.is_held)

    def mark(self):
        """Return (lost, seen) of statistics read since the last call, or None.

        They lie in front of the rows that parse filled last.
        """
        if not self.state.is_marked:
            return None
        told = self.state.lost, self.state.seen
        self.state.lost = self.state.seen = 0
        self.state.is_marked = 0
        return told

    def counts(self):
        """Return (delivered, {reason: count})."""
        return self.state.delivered, {
            name: self.state.reasons[i] for i, name in enumerate(REASONS)
        }

    def parse(self, rows not None):
        """Fill rows from the buffer; 0 means more file bytes are needed, or the end."""
        cdef int filled
        cdef int limit
        if rows is not self.given:
            self.rows = rows
            self.given = rows
        limit = <int>min(self.rows.shape[0], 1 << 20)
        if limit == 0:
            raise ValueError("rows must not be empty")
        with nogil:
            filled = pcap_next(&self.state, &self.rows[0], limit)
        return filled
