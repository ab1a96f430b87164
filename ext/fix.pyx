"""One FIX message's bytes -> one Message row: the scanner of ext/fixmessage.h alone.

Shapes: uint8[n] in, MESSAGE[1] out. decode uses the same scanner inside its stream
kernel; this module is how it is tested and timed by itself. Cost: one pass over the
fields and one over the bytes for the checksum.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from abi cimport airnet_message
from cursor cimport cursor, cursor_over


cdef extern from "fixmessage.h" nogil:
    struct fix_head_s "fix_head":
        uint32_t head_bytes
        uint32_t body_bytes
        uint8_t version
    struct fix_names:
        cursor sender
        cursor target
    int FIX_MORE
    int AIRNET_MALFORMED_BODY_LENGTH
    int fix_head_of "fix_head"(cursor bytes, fix_head_s *head) noexcept
    uint32_t fix_total(const fix_head_s *head) noexcept
    int fix_is_framed(const uint8_t *bytes, const fix_head_s *head) noexcept
    void fix_read(
        const uint8_t *bytes,
        const fix_head_s *head,
        airnet_message *row,
        fix_names *names,
    ) noexcept
    uint64_t fix_key(cursor value) noexcept


cdef int read_one(const uint8_t *bytes, size_t n, airnet_message *row) noexcept nogil:
    cdef fix_head_s head
    cdef fix_names names
    cdef int reason = fix_head_of(cursor_over(bytes, n), &head)
    memset(row, 0, sizeof(airnet_message))
    if reason == FIX_MORE or (reason == 0 and n < fix_total(&head)):
        return 0
    if reason:
        return -reason
    if not fix_is_framed(bytes, &head):
        return -AIRNET_MALFORMED_BODY_LENGTH
    fix_read(bytes, &head, row, &names)
    return <int>fix_total(&head)


def read(const uint8_t[::1] data not None, airnet_message[::1] row not None):
    """Read the message at the start of `data` into `row[0]`; see the stub."""
    cdef size_t n = data.shape[0]
    cdef int result
    if row.shape[0] != 1:
        raise ValueError("row must be MESSAGE[1]")
    if n == 0:
        return 0
    with nogil:
        result = read_one(&data[0], n, &row[0])
    return result


def key(bytes identifier not None):
    """Return the 64-bit key of an identifier's bytes; see the stub."""
    cdef const uint8_t *at = identifier
    return fix_key(cursor_over(at, len(identifier)))
