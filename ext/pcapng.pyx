"""Frame rows -> pcapng, whole blocks at a time.

One interface a link type, times in ns (if_tsresol 9), one write(2) a batch. Cost: the
frame's bytes are copied once and 32 B are written beside them.
Source: draft-ietf-opsawg-pcapng-03.
"""

cimport cython
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from abi cimport AIRNET_LINK_ETHERNET, airnet_frame
from blocks cimport (
    PCAPNG_ENHANCED,
    PCAPNG_IF_TSRESOL,
    PCAPNG_INTERFACE,
    PCAPNG_ORDER,
    PCAPNG_SECTION,
    PCAPNG_STATISTICS,
    PCAP_FRAME_MAX,
    pcap_write_all,
)

import os

cdef enum:
    LINKS_MAX = 16

cdef inline size_t _put(uint8_t *at, uint32_t value) noexcept nogil:
    memcpy(at, &value, 4)
    return 4


cdef size_t _option(
    uint8_t *at, uint16_t code, const uint8_t *value, uint16_t size
) noexcept nogil:
    memset(at, 0, 4 + ((size + 3) & ~3))
    memcpy(at, &code, 2)
    memcpy(at + 2, &size, 2)
    memcpy(at + 4, value, size)
    return 4 + ((size + 3) & ~3)


@cython.final
cdef class Writer:
    """Appends pcapng blocks to a descriptor, in ns; frees its buffer.

    One interface a link type, described when the first frame of it comes (Ethernet
    at once). Only whole blocks are written, so that a reader sees whole frames up to
    the last flush.
    """

    cdef int fd
    cdef uint8_t *bytes
    cdef size_t used
    cdef uint64_t flushed  # file length at the last whole block
    cdef uint64_t last_ns
    cdef object name
    cdef int link_count
    cdef uint16_t links[LINKS_MAX]

    def __cinit__(self, int fd, bytes name not None):
        if len(name) > 255:
            raise ValueError("name must be 255 bytes or less")
        self.fd = fd
        self.name = name
        self.bytes = <uint8_t *>malloc(2 * PCAP_FRAME_MAX)
        if self.bytes == NULL:
            raise MemoryError
        self._section()
        self._describe(AIRNET_LINK_ETHERNET)

    def __dealloc__(self):
        free(self.bytes)

    cdef int _section(self) except -1:
        cdef size_t at = 8
        at += _put(self.bytes + at, PCAPNG_ORDER)
        at += _put(self.bytes + at, 1)  # version 1.0
        at += _put(self.bytes + at, 0xFFFFFFFF)  # section length: not known
        at += _put(self.bytes + at, 0xFFFFFFFF)
        at += _option(self.bytes + at, 4, b"airnet", 6)  # shb_userappl
        at += _put(self.bytes + at, 0)
        self._close_block(PCAPNG_SECTION, self.bytes, at)
        return 0

    cdef int _describe(self, uint16_t link) except -1:
        """Append an interface description of that link type."""
        cdef uint8_t *block = self.bytes + self.used
        cdef uint8_t resolution = 9
        cdef size_t at = 8
        cdef bytes name = self.name
        at += _put(block + at, link)
        at += _put(block + at, 0)  # no snap length
        at += _option(block + at, 2, name, <uint16_t>len(name))  # if_name
        at += _option(block + at, PCAPNG_IF_TSRESOL, &resolution, 1)
        at += _put(block + at, 0)
        self._close_block(PCAPNG_INTERFACE, block, at)
        self.links[self.link_count] = link
        self.link_count += 1
        return 0

    cdef void _close_block(
        self, uint32_t kind, uint8_t *block, size_t at
    ) noexcept nogil:
        cdef uint32_t length = <uint32_t>at + 4
        _put(block, kind)
        _put(block + 4, length)
        _put(block + at, length)
        self.used += length

    def write(
        self, const airnet_frame[::1] rows not None, int count,
        const uint8_t[::1] buffer not None,
    ):
        """Append rows[:count]; flushes once at the end. OSError when it cannot."""
        cdef int i, status = 0
        if not 0 <= count <= rows.shape[0]:
            raise ValueError("count must be 0..len(rows)")
        for i in range(count):
            if (
                rows[i].offset > <uint64_t>buffer.shape[0]
                or rows[i].captured_bytes > <uint64_t>buffer.shape[0] - rows[i].offset
                or rows[i].captured_bytes > PCAP_FRAME_MAX
            ):
                raise ValueError("a row points outside the buffer")
            if self._link_index(rows[i].link) < 0:
                if self.link_count == LINKS_MAX:
                    raise ValueError(f"more than {LINKS_MAX} link types")
                self._describe(rows[i].link)
        if count:
            with nogil:
                status = self._append(&rows[0], count, &buffer[0])
        if status == 0:
            status = self._flush()
        if status < 0:
            raise OSError(-status, os.strerror(-status))

    cdef int _link_index(self, uint16_t link) noexcept nogil:
        cdef int i
        for i in range(self.link_count):
            if self.links[i] == link:
                return i
        return -1

    cdef int _append(
        self, const airnet_frame *rows, int count, const uint8_t *buffer
    ) noexcept nogil:
        cdef int i, status
        cdef uint8_t *block
        cdef uint32_t size, padded
        for i in range(count):
            size = rows[i].captured_bytes
            padded = (size + 3) & ~<uint32_t>3
            if self.used + padded + 64 > 2 * PCAP_FRAME_MAX:
                status = self._flush()
                if status < 0:
                    return status
            block = self.bytes + self.used
            _put(block + 8, self._link_index(rows[i].link))
            _put(block + 12, <uint32_t>(rows[i].time_ns >> 32))
            _put(block + 16, <uint32_t>rows[i].time_ns)
            _put(block + 20, size)
            _put(block + 24, rows[i].wire_bytes)
            memcpy(block + 28, buffer + rows[i].offset, size)
            memset(block + 28 + size, 0, padded - size)
            self.last_ns = rows[i].time_ns
            self._close_block(PCAPNG_ENHANCED, block, 28 + padded)
        return 0

    cdef int _flush(self) noexcept nogil:
        cdef size_t done = 0
        cdef int status = pcap_write_all(self.fd, self.bytes, self.used, &done)
        if status == 0:
            self.flushed += self.used
        self.used = 0
        return status

    @property
    def whole_bytes(self):
        """File length up to which only whole blocks were written."""
        return self.flushed

    def statistics(self, uint64_t seen, uint64_t lost, uint64_t delivered):
        """Append an interface statistics block. OSError when it cannot.

        isb_ifrecv is what the mirror showed, isb_ifdrop what was lost,
        isb_usrdeliv what was given to us (pcapng draft, section 4.6).
        """
        cdef uint8_t *block = self.bytes + self.used
        cdef size_t at = 8
        cdef int status
        at += _put(block + at, 0)
        at += _put(block + at, <uint32_t>(self.last_ns >> 32))
        at += _put(block + at, <uint32_t>self.last_ns)
        at += _option(block + at, 4, <uint8_t *>&seen, 8)
        at += _option(block + at, 5, <uint8_t *>&lost, 8)
        at += _option(block + at, 8, <uint8_t *>&delivered, 8)
        at += _put(block + at, 0)
        self._close_block(PCAPNG_STATISTICS, block, at)
        status = self._flush()
        if status < 0:
            raise OSError(-status, os.strerror(-status))
