"""AF_XDP rings and AF_PACKET batches -> Frame rows.

`Rings` owns the AF_XDP sockets of one interface; the memory frames lie in belongs to
the caller (a page-aligned mapping), is registered as UMEM and must outlive it.
`Batch` receives from an AF_PACKET socket that the caller opened. Neither makes an
object a frame. Cost: 32 B written and one descriptor of 16 B read a row; the frame's
own bytes are not touched, but for the 16 B of metadata in front of it.
"""

cimport cython
from libc.errno cimport EBADF
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from abi cimport airnet_frame

import os

import numpy as np


cdef extern from "xsk.h" nogil:
    enum:
        XSK_FRAME_BYTES
        XSK_QUEUES_MAX

    struct xdp_statistics:
        uint64_t rx_dropped
        uint64_t rx_ring_full

    struct xsk:
        int fd
        uint32_t queue
        uint64_t base
        uint8_t *memory
        uint32_t ring_frames
        uint64_t *free_list
        uint64_t *held
        uint64_t delivered

    int xsk_open(xsk *socket) noexcept
    int xsk_bind(xsk *socket, uint32_t interface_index) noexcept
    void xsk_close(xsk *socket) noexcept
    uint32_t xsk_waiting(const xsk *socket) noexcept
    int xsk_statistics(const xsk *socket, xdp_statistics *counts) noexcept
    int xsk_poll(
        xsk *sockets, int count, airnet_frame *rows, int limit, int wait_ms,
        int64_t epoch_ns,
    ) noexcept


cdef extern from "mmsg.h" nogil:
    enum:
        MMSG_FRAMES_MAX
        MMSG_FRAME_BYTES

    struct mmsg:
        int fd
        int link
        uint8_t *memory

    mmsg *mmsg_new() noexcept
    int mmsg_poll(mmsg *batch, airnet_frame *rows, int limit, int wait_ms) noexcept


FRAME_BYTES = XSK_FRAME_BYTES
QUEUES_MAX = XSK_QUEUES_MAX
BATCH_FRAMES_MAX = MMSG_FRAMES_MAX
BATCH_BYTES = MMSG_FRAMES_MAX * MMSG_FRAME_BYTES


def frame_layout():
    """Return an empty array of the C row, for the tests that compare layouts."""
    cdef airnet_frame row
    return np.asarray(<airnet_frame[:1]>&row)[:0].dtype


@cython.final
cdef class Rings:
    """The AF_XDP sockets of one interface. close() or collection frees them."""

    cdef xsk *sockets
    cdef int count
    cdef int64_t epoch_ns
    cdef uint8_t[::1] memory  # keeps the mapping alive as long as the kernel uses it

    def __cinit__(
        self, int queues, uint32_t ring_frames, uint8_t[::1] memory not None,
        int64_t epoch_ns,
    ):
        cdef int i
        cdef uint64_t each = <uint64_t>2 * ring_frames * XSK_FRAME_BYTES
        if not 1 <= queues <= XSK_QUEUES_MAX:
            raise ValueError(f"queues must be 1..{XSK_QUEUES_MAX}")
        if ring_frames == 0 or ring_frames & (ring_frames - 1):
            raise ValueError("ring_frames must be a power of two")
        if <uint64_t>memory.shape[0] != queues * each:
            raise ValueError("memory must be queues * 2 * ring_frames * FRAME_BYTES")
        self.memory = memory
        self.epoch_ns = epoch_ns
        self.sockets = <xsk *>calloc(queues, sizeof(xsk))
        if self.sockets == NULL:
            raise MemoryError
        self.count = queues
        for i in range(queues):
            self.sockets[i].fd = -1
        for i in range(queues):
            self.sockets[i].queue = i
            self.sockets[i].ring_frames = ring_frames
            self.sockets[i].base = i * each
            self.sockets[i].memory = &memory[0] + i * each
            self.sockets[i].free_list = <uint64_t *>calloc(2 * ring_frames, 8)
            self.sockets[i].held = <uint64_t *>calloc(2 * ring_frames, 8)
            if self.sockets[i].free_list == NULL or self.sockets[i].held == NULL:
                raise MemoryError

    def __dealloc__(self):
        cdef int i
        if self.sockets == NULL:
            return
        for i in range(self.count):
            xsk_close(&self.sockets[i])
            free(self.sockets[i].free_list)
            free(self.sockets[i].held)
        free(self.sockets)

    def open(self, int queue):
        """Make one queue's socket, UMEM and rings; return its descriptor.

        Raises OSError with the errno of what the kernel refused.
        """
        self._check(queue, False)
        cdef int status
        with nogil:
            status = xsk_open(&self.sockets[queue])
        if status < 0:
            xsk_close(&self.sockets[queue])
            raise OSError(-status, os.strerror(-status))
        return self.sockets[queue].fd

    def bind(self, int queue, uint32_t interface_index):
        """Bind one queue's socket; OSError EBUSY while an earlier one is freed."""
        self._check(queue, True)
        cdef int status
        with nogil:
            status = xsk_bind(&self.sockets[queue], interface_index)
        if status < 0:
            raise OSError(-status, os.strerror(-status))

    def poll(self, airnet_frame[::1] rows not None, int wait_ms):
        """Fill rows, oldest frame first; return how many, or a negative errno.

        The frames of the previous call go back to the kernel first.
        """
        cdef int status
        cdef int limit = <int>min(rows.shape[0], 1 << 20)
        if limit == 0:
            raise ValueError("rows must not be empty")
        if self.sockets[0].fd < 0:
            return -EBADF
        with nogil:
            status = xsk_poll(
                self.sockets, self.count, &rows[0], limit, wait_ms, self.epoch_ns
            )
        return status

    def statistics(self):
        """Return (delivered, in_ring, rx_dropped, ring_full), summed over queues.

        Read in this order, so that a frame arriving meanwhile is in none of them.
        """
        cdef xdp_statistics counts
        cdef uint64_t delivered = 0, in_ring = 0, dropped = 0, full = 0
        cdef int i
        for i in range(self.count):
            if self.sockets[i].fd < 0:
                continue
            delivered += self.sockets[i].delivered
            in_ring += xsk_waiting(&self.sockets[i])
            xsk_statistics(&self.sockets[i], &counts)
            dropped += counts.rx_dropped
            full += counts.rx_ring_full
        return delivered, in_ring, dropped, full

    def close(self):
        """Close every socket; closing twice is harmless."""
        cdef int i
        for i in range(self.count):
            xsk_close(&self.sockets[i])

    cdef int _check(self, int queue, bint is_open) except -1:
        if not 0 <= queue < self.count:
            raise IndexError(f"queue {queue} of {self.count}")
        if is_open != (self.sockets[queue].fd >= 0):
            raise ValueError(f"queue {queue} is not {'open' if is_open else 'closed'}")
        return 0


@cython.final
cdef class Batch:
    """Receives batches from an AF_PACKET socket into `memory`; frees its headers."""

    cdef mmsg *batch
    cdef uint8_t[::1] memory

    def __cinit__(self, int fd, int link, uint8_t[::1] memory not None):
        if memory.shape[0] != MMSG_FRAMES_MAX * MMSG_FRAME_BYTES:
            raise ValueError("memory must be BATCH_BYTES long")
        self.memory = memory
        self.batch = mmsg_new()
        if self.batch == NULL:
            raise MemoryError
        self.batch.fd = fd
        self.batch.link = link
        self.batch.memory = &memory[0]

    def __dealloc__(self):
        free(self.batch)

    def poll(self, airnet_frame[::1] rows not None, int wait_ms):
        """Fill rows; return how many, or a negative errno."""
        cdef int status
        cdef int limit = <int>min(rows.shape[0], MMSG_FRAMES_MAX)
        if limit == 0:
            raise ValueError("rows must not be empty")
        with nogil:
            status = mmsg_poll(self.batch, &rows[0], limit, wait_ms)
        return status
