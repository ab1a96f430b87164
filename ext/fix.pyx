"""One FIX message's bytes -> one Message row: the scanner of ext/fixread.h alone.

Shapes: uint8[n] in, MESSAGE[1] or uint32[SLOTS, 2] out. decode uses the same scanner
inside its stream kernel; this module is how it is tested and timed by itself. Cost:
one pass over the bytes, and a comparison a field where the layout is known.
"""

cimport cython
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from abi cimport airnet_message
from cursor cimport cursor, cursor_over


cdef extern from "fixread.h" nogil:
    enum fix_path:
        FIX_PATH_PORTABLE
        FIX_PATH_SSE2
        FIX_PATH_AVX2
        FIX_PATH_AVX512
    enum:
        FIX_BEGIN_STRING
        FIX_BODY_LENGTH
        FIX_SPANS
        FIX_MORE
        AIRNET_MALFORMED_BODY_LENGTH
    struct fix_head_s "fix_head":
        uint32_t head_bytes
        uint32_t body_bytes
        uint8_t version
    struct fix_names:
        cursor sender
        cursor target
    struct fix_span_s "fix_span":
        uint16_t start
        uint16_t end
    struct fix_reader:
        fix_path path
        uint32_t has_layouts
    int fix_head_of "fix_head"(cursor bytes, fix_head_s *head) noexcept
    uint32_t fix_total(const fix_head_s *head) noexcept
    int fix_is_framed(const uint8_t *bytes, const fix_head_s *head) noexcept
    fix_path fix_path_best() noexcept
    void fix_reader_begin(fix_reader *reader) noexcept
    void fix_read(
        fix_reader *reader,
        const uint8_t *bytes,
        const fix_head_s *head,
        airnet_message *row,
        fix_names *names,
    ) noexcept
    int fix_span_of "fix_span"(
        fix_reader *reader,
        const uint8_t *bytes,
        const fix_head_s *head,
        fix_span_s *spans,
    ) noexcept
    uint64_t fix_key(cursor value) noexcept

NAMES = ("portable", "sse2", "avx2", "avx512")
PATHS = NAMES[: fix_path_best() + 1]
BEST = NAMES[fix_path_best()]
SPANS = FIX_SPANS


cdef int frame(const uint8_t *bytes, size_t n, fix_head_s *head) noexcept nogil:
    """The size of the message at `bytes`, or what `read` returns instead."""
    cdef int reason = fix_head_of(cursor_over(bytes, n), head)
    if reason == FIX_MORE or (reason == 0 and n < fix_total(head)):
        return 0
    if reason:
        return -reason
    if not fix_is_framed(bytes, head):
        return -<int>AIRNET_MALFORMED_BODY_LENGTH
    return <int>fix_total(head)


@cython.final
cdef class Reader:
    """Reads messages by one path, with or without layouts; see the stub."""

    cdef fix_reader *state  # ours: taken in __cinit__, freed in __dealloc__

    def __cinit__(self, str path=BEST, bint has_layouts=True):
        if path not in PATHS:
            raise ValueError("path must be one of PATHS")
        self.state = <fix_reader *>calloc(1, sizeof(fix_reader))
        if self.state == NULL:
            raise MemoryError
        fix_reader_begin(self.state)
        self.state.path = <fix_path><int>PATHS.index(path)
        self.state.has_layouts = has_layouts

    def __dealloc__(self):
        free(self.state)

    def read(self, const uint8_t[::1] data not None, airnet_message[::1] row not None):
        """Read the message at the start of `data` into `row[0]`; see the stub."""
        cdef size_t n = data.shape[0]
        cdef fix_head_s head
        cdef fix_names names
        cdef int result
        if row.shape[0] != 1:
            raise ValueError("row must be MESSAGE[1]")
        if n == 0:
            return 0
        with nogil:
            memset(&row[0], 0, sizeof(airnet_message))
            result = frame(&data[0], n, &head)
            if result > 0:
                fix_read(self.state, &data[0], &head, &row[0], &names)
        return result

    def span(self, const uint8_t[::1] data not None, uint32_t[:, ::1] spans not None):
        """Find the values of the message at the start of `data`; see the stub."""
        cdef size_t n = data.shape[0]
        cdef fix_head_s head
        cdef fix_span_s found[FIX_SPANS]
        cdef int result, slot, start
        if spans.shape[0] != FIX_SPANS or spans.shape[1] != 2:
            raise ValueError("spans must be uint32[SPANS, 2]")
        if n == 0:
            return 0
        with nogil:
            result = frame(&data[0], n, &head)
            if result > 0:
                fix_span_of(self.state, &data[0], &head, found)
        for slot in range(FIX_SPANS if result > 0 else 0):
            # Modulo 2**16, from the body; before it for the first two.
            start = found[slot].start
            if slot == FIX_BEGIN_STRING or slot == FIX_BODY_LENGTH:
                start -= 1 << 16
            spans[slot, 1] = <uint16_t>(found[slot].end - found[slot].start)
            spans[slot, 0] = start + head.head_bytes if spans[slot, 1] else 0
        return result


def key(bytes identifier not None):
    """Return the 64-bit key of an identifier's bytes; see the stub."""
    cdef bytes placed = b"\0" * 8 + identifier + b"\0" * 8  # words go beyond its ends
    cdef const uint8_t *at = placed
    return fix_key(cursor_over(at + 8, len(identifier)))
