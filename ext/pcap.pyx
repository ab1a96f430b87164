"""Bytes of pcap and pcapng files -> Frame rows.

`Reader` parses what its caller read into one reusable buffer; rows point into that
buffer. Foreign bytes never raise: a record that cannot be read is counted under one
of REASONS. Cost: one pass over the
record headers (16 B of pcap, 28 B of pcapng read and 32 B written a row); the frame's
own bytes are not touched.
Source: draft-ietf-opsawg-pcap-05, draft-ietf-opsawg-pcapng-03.
"""

cimport cython
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memmove, memset

from abi cimport AIRNET_CLOCK_FILE, airnet_frame
from blocks cimport (
    PCAPNG_ENHANCED,
    PCAPNG_IF_TSOFFSET,
    PCAPNG_IF_TSRESOL,
    PCAPNG_INTERFACE,
    PCAPNG_ORDER,
    PCAPNG_ORDER_SWAPPED,
    PCAPNG_PACKET,
    PCAPNG_SECTION,
    PCAPNG_SIMPLE,
    PCAP_FRAME_MAX,
    PCAP_RECORD_BYTES,
    pcap_interface,
    pcap_s64,
    pcap_time_ns,
    pcap_u16,
    pcap_u32,
)


cdef enum:
    # Of one section; frames of further ones are counted as unknown_interface.
    INTERFACE_MAX = 1024

cdef enum:
    BAD_RECORD
    BAD_BLOCK
    UNKNOWN_INTERFACE
    REASON_COUNT

#: A record whose length cannot be; a block that cannot be; a frame of an interface
#: that was not described. After the first of a pcap file and any bad block the rest
#: of the file is left: nothing says where the next record begins.
REASONS = ("bad_record", "bad_block", "unknown_interface")
FRAME_BYTES_MAX = PCAP_FRAME_MAX
BUFFER_BYTES_MIN = 2 * PCAP_FRAME_MAX


@cython.final
cdef class Reader:
    """The state of reading one file after another through one buffer.

    The caller appends file bytes behind `end` (`room`, `added`), calls parse() until
    it returns 0, then compact()s and appends again.
    """

    cdef uint8_t[::1] buffer
    cdef const uint8_t *bytes
    cdef size_t start, end
    cdef uint64_t skip  # bytes of a block we do not read, still to come
    cdef bint is_pcapng, is_swapped, is_stopped
    cdef uint32_t tick_ns
    cdef uint16_t link
    cdef uint64_t last_ns
    cdef uint64_t delivered
    cdef uint64_t reasons[REASON_COUNT]
    cdef int interface_count
    cdef pcap_interface interfaces[INTERFACE_MAX]

    def __cinit__(self, uint8_t[::1] buffer not None):
        if buffer.shape[0] < 2 * PCAP_FRAME_MAX:
            raise ValueError("buffer must be BUFFER_BYTES_MIN or longer")
        self.buffer = buffer
        self.bytes = &buffer[0]
        self.is_stopped = True

    def begin_pcap(self, bint is_swapped, int link, bint is_ns):
        """Start a pcap file whose 24 bytes of header the caller has read."""
        self._begin(False)
        self.is_swapped = is_swapped
        self.link = <uint16_t>link
        self.tick_ns = 1 if is_ns else 1000

    def begin_pcapng(self):
        """Start a pcapng file; its section header is parsed here."""
        self._begin(True)

    cdef int _begin(self, bint is_pcapng) except -1:
        self.start = self.end = 0
        self.skip = 0
        self.is_pcapng = is_pcapng
        self.is_swapped = False
        self.is_stopped = False
        self.interface_count = 0
        return 0

    @property
    def room(self):
        """Where in the buffer the next file bytes go: everything from this index."""
        return self.end

    @property
    def stopped(self):
        """Whether the rest of the file cannot be read."""
        return self.is_stopped

    @property
    def is_cut(self):
        """Whether bytes are left that are no whole record."""
        return self.end > self.start or self.skip > 0

    def added(self, size_t count):
        """Say that `count` bytes were put behind `room`."""
        if count > <size_t>self.buffer.shape[0] - self.end:
            raise ValueError("more bytes than the buffer has room for")
        self.end += count

    def compact(self):
        """Move the unread rest to the front; earlier rows are invalid from here."""
        cdef size_t rest = self.end - self.start
        memmove(&self.buffer[0], &self.buffer[0] + self.start, rest)
        self.start = 0
        self.end = rest

    def counts(self):
        """Return (delivered, {reason: count})."""
        return self.delivered, {
            name: self.reasons[i] for i, name in enumerate(REASONS)
        }

    def parse(self, airnet_frame[::1] rows not None):
        """Fill rows from the buffer; 0 means more file bytes are needed, or the end."""
        cdef int filled
        cdef int limit = <int>min(rows.shape[0], 1 << 20)
        if limit == 0:
            raise ValueError("rows must not be empty")
        if self.is_stopped:
            return 0
        with nogil:
            if self.is_pcapng:
                filled = self._parse_blocks(&rows[0], limit)
            else:
                filled = self._parse_records(&rows[0], limit)
        self.delivered += filled
        return filled

    cdef void _stop(self, int reason) noexcept nogil:
        self.reasons[reason] += 1
        self.is_stopped = True
        self.start = self.end
        self.skip = 0

    cdef void _row(
        self, airnet_frame *row, size_t offset, uint32_t captured, uint32_t wire,
        uint16_t link,
    ) noexcept nogil:
        memset(row, 0, sizeof(airnet_frame))
        row.time_ns = self.last_ns
        row.offset = offset
        row.captured_bytes = captured
        row.wire_bytes = wire
        row.link = link
        row.clock = AIRNET_CLOCK_FILE

    cdef int _parse_records(self, airnet_frame *rows, int limit) noexcept nogil:
        cdef int filled = 0
        cdef const uint8_t *record
        cdef uint32_t captured
        while filled < limit and self.end - self.start >= PCAP_RECORD_BYTES:
            record = self.bytes + self.start
            captured = pcap_u32(record + 8, self.is_swapped)
            if captured > PCAP_FRAME_MAX:
                self._stop(BAD_RECORD)
                break
            if self.end - self.start - PCAP_RECORD_BYTES < captured:
                break
            self.last_ns = (
                <uint64_t>pcap_u32(record, self.is_swapped) * 1000000000
                + <uint64_t>pcap_u32(record + 4, self.is_swapped) * self.tick_ns
            )
            self._row(
                &rows[filled], self.start + PCAP_RECORD_BYTES, captured,
                pcap_u32(record + 12, self.is_swapped), self.link,
            )
            self.start += PCAP_RECORD_BYTES + captured
            filled += 1
        return filled

    cdef int _parse_blocks(self, airnet_frame *rows, int limit) noexcept nogil:
        cdef int filled = 0
        cdef uint32_t length
        cdef size_t ready
        while filled < limit and not self.is_stopped:
            if self.skip:
                ready = min(self.skip, self.end - self.start)
                self.start += ready
                self.skip -= ready
            ready = self.end - self.start
            if ready < 12:
                break
            length = self._block_bytes()
            if length == 0:
                self._stop(BAD_BLOCK)
                break
            if length > PCAP_FRAME_MAX:
                self.skip = length
                continue
            if ready < length:
                break
            if self._trailer(length) != length:
                self._stop(BAD_BLOCK)
                break
            filled += self._block(&rows[filled], length)
            if not self.is_stopped:
                self.start += length
        return filled

    cdef uint32_t _trailer(self, uint32_t length) noexcept nogil:
        return pcap_u32(self.bytes + self.start + length - 4, self.is_swapped)

    cdef uint32_t _block_bytes(self) noexcept nogil:
        """Return the length of the block at start, or 0 when it cannot be.

        A section header also sets the byte order. Blocks of kinds we do not read may
        be of any length: they are skipped.
        """
        cdef const uint8_t *block = self.bytes + self.start
        cdef uint32_t kind = pcap_u32(block, self.is_swapped)
        cdef uint32_t order, length
        if kind == PCAPNG_SECTION:
            order = pcap_u32(block + 8, 0)
            if order != PCAPNG_ORDER and order != PCAPNG_ORDER_SWAPPED:
                return 0
            self.is_swapped = order == PCAPNG_ORDER_SWAPPED
        length = pcap_u32(block + 4, self.is_swapped)
        if length < 12 or length & 3:
            return 0
        if length > PCAP_FRAME_MAX and (
            kind == PCAPNG_SECTION or kind == PCAPNG_INTERFACE or kind == PCAPNG_PACKET
            or kind == PCAPNG_SIMPLE or kind == PCAPNG_ENHANCED
        ):
            return 0
        return length

    cdef int _block(self, airnet_frame *row, uint32_t length) noexcept nogil:
        """Read one whole block; return 1 when it became a row."""
        cdef const uint8_t *block = self.bytes + self.start
        cdef uint32_t kind = pcap_u32(block, self.is_swapped)
        if kind == PCAPNG_ENHANCED or kind == PCAPNG_PACKET:
            return self._packet(row, block, length, kind == PCAPNG_PACKET)
        if kind == PCAPNG_SIMPLE:
            return self._simple_packet(row, block, length)
        if kind == PCAPNG_INTERFACE:
            if length < 20:
                self._stop(BAD_BLOCK)
            else:
                self._interface(block, length)
        elif kind == PCAPNG_SECTION:
            if length < 28 or pcap_u16(block + 12, self.is_swapped) != 1:
                self._stop(BAD_BLOCK)
            self.interface_count = 0
        return 0

    cdef int _packet(
        self, airnet_frame *row, const uint8_t *block, uint32_t length, bint is_old
    ) noexcept nogil:
        cdef uint32_t number, captured
        cdef uint64_t ticks
        cdef pcap_interface *interface
        if length < 32:
            self.reasons[BAD_RECORD] += 1
            return 0
        if is_old:
            number = pcap_u16(block + 8, self.is_swapped)
        else:
            number = pcap_u32(block + 8, self.is_swapped)
        captured = pcap_u32(block + 20, self.is_swapped)
        if captured > length - 32:
            self.reasons[BAD_RECORD] += 1
            return 0
        if number >= <uint32_t>self.interface_count:
            self.reasons[UNKNOWN_INTERFACE] += 1
            return 0
        interface = &self.interfaces[number]
        ticks = <uint64_t>pcap_u32(block + 12, self.is_swapped) << 32
        ticks |= pcap_u32(block + 16, self.is_swapped)
        self.last_ns = pcap_time_ns(ticks, interface.resolution, interface.offset_s)
        self._row(
            row, self.start + 28, captured, pcap_u32(block + 24, self.is_swapped),
            interface.link,
        )
        return 1

    cdef int _simple_packet(
        self, airnet_frame *row, const uint8_t *block, uint32_t length
    ) noexcept nogil:
        """It has no time: it gets that of the frame before it."""
        cdef uint32_t wire, captured, snap
        if length < 16:
            self.reasons[BAD_RECORD] += 1
            return 0
        if self.interface_count == 0:
            self.reasons[UNKNOWN_INTERFACE] += 1
            return 0
        wire = captured = pcap_u32(block + 8, self.is_swapped)
        snap = self.interfaces[0].snap_bytes
        if snap and captured > snap:
            captured = snap
        if captured > length - 16:
            self.reasons[BAD_RECORD] += 1
            return 0
        self._row(row, self.start + 12, captured, wire, self.interfaces[0].link)
        return 1

    cdef void _interface(self, const uint8_t *block, uint32_t length) noexcept nogil:
        cdef pcap_interface *interface
        cdef uint32_t at = 16
        cdef uint16_t code, size
        if self.interface_count == INTERFACE_MAX:
            return
        interface = &self.interfaces[self.interface_count]
        self.interface_count += 1
        interface.link = pcap_u16(block + 8, self.is_swapped)
        interface.snap_bytes = pcap_u32(block + 12, self.is_swapped)
        interface.resolution = 6
        interface.offset_s = 0
        while at + 8 <= length:
            code = pcap_u16(block + at, self.is_swapped)
            size = pcap_u16(block + at + 2, self.is_swapped)
            if code == 0 or at + 4 + size > length - 4:
                break
            if code == PCAPNG_IF_TSRESOL and size == 1:
                interface.resolution = block[at + 4]
            elif code == PCAPNG_IF_TSOFFSET and size == 8:
                interface.offset_s = pcap_s64(block + at + 4, self.is_swapped)
            at += 4 + ((size + 3) & ~3)
