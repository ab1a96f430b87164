"""AF_XDP rings and AF_PACKET batches -> Frame rows.

`Rings` reads the AF_XDP sockets of one interface through descriptors that somebody
opened and bound; the memory frames lie in belongs to the caller (a mapping of what is
registered as UMEM) and must outlive it. `Batch` receives from an AF_PACKET socket.
Neither makes an object a frame, closes a descriptor or needs a privilege. Cost: 32 B
written and one descriptor of 16 B read a row; the frame's own bytes are not touched,
but for the 16 B of metadata in front of it, unless it came in pieces.
"""

cimport cython
from libc.errno cimport EBADF
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from abi cimport airnet_frame

import os

import numpy as np


cdef extern from "xskpoll.h" nogil:
    enum:
        XSK_FRAME_BYTES
        XSK_QUEUES_MAX

    struct xdp_statistics:
        uint64_t rx_dropped
        uint64_t rx_invalid_descs
        uint64_t rx_ring_full
        uint64_t rx_fill_ring_empty_descs

    struct xsk:
        int fd
        uint32_t queue
        uint64_t base
        uint8_t *memory
        uint64_t side_base
        uint8_t *side
        uint32_t side_bytes
        uint32_t ring_frames
        uint64_t *free_list
        uint64_t *held
        uint64_t delivered
        uint64_t too_long
        uint64_t wakeups
        int is_busy

    int xsk_open(xsk *socket) noexcept
    void xsk_close(xsk *socket) noexcept
    uint64_t xsk_packets(const xsk *socket) noexcept
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


def memory_bytes(int queues, uint64_t ring_frames, uint64_t side_bytes):
    """Return how long the memory of so many queues is."""
    return queues * (2 * ring_frames * XSK_FRAME_BYTES + side_bytes)


def frame_layout():
    """Return an empty array of the C row, for the tests that compare layouts."""
    cdef airnet_frame row
    return np.asarray(<airnet_frame[:1]>&row)[:0].dtype


@cython.final
cdef class Rings:
    """The AF_XDP sockets of one interface. close() or collection unmaps the rings."""

    cdef xsk *sockets
    cdef int count
    cdef int64_t epoch_ns
    cdef uint8_t[::1] memory  # keeps the mapping alive as long as rows point into it

    def __cinit__(
        self, list descriptors not None, uint32_t ring_frames,
        uint8_t[::1] memory not None, uint32_t side_bytes, int64_t epoch_ns,
    ):
        """Map the rings of bound sockets, one a queue, from queue 0.

        `memory`: each queue's 2 * ring_frames frames, then each queue's `side_bytes`
        to join packets in. Raises OSError with the errno of what the kernel refused.
        """
        cdef int i, status = 0, count = <int>len(descriptors)
        cdef uint64_t each = <uint64_t>2 * ring_frames * XSK_FRAME_BYTES
        if not 1 <= count <= XSK_QUEUES_MAX:
            raise ValueError(f"descriptors must be 1..{XSK_QUEUES_MAX}")
        if ring_frames == 0 or ring_frames & (ring_frames - 1):
            raise ValueError("ring_frames must be a power of two")
        if <uint64_t>memory.shape[0] != count * (each + side_bytes):
            raise ValueError("memory must be memory_bytes() long")
        self.memory = memory
        self.epoch_ns = epoch_ns
        self.sockets = <xsk *>calloc(count, sizeof(xsk))
        if self.sockets == NULL:
            raise MemoryError
        self.count = count
        for i in range(count):
            self.sockets[i].fd = -1
        for i in range(count):
            self.sockets[i].fd = descriptors[i]
            self.sockets[i].queue = i
            self.sockets[i].ring_frames = ring_frames
            self.sockets[i].base = i * each
            self.sockets[i].memory = &memory[0] + i * each
            self.sockets[i].side_bytes = side_bytes
            self.sockets[i].side_base = count * each + <uint64_t>i * side_bytes
            self.sockets[i].side = &memory[0] + self.sockets[i].side_base
            self.sockets[i].free_list = <uint64_t *>calloc(2 * ring_frames, 8)
            self.sockets[i].held = <uint64_t *>calloc(2 * ring_frames, 8)
            if self.sockets[i].free_list == NULL or self.sockets[i].held == NULL:
                raise MemoryError
            status = xsk_open(&self.sockets[i])
            if status < 0:
                raise OSError(-status, os.strerror(-status))

    def __dealloc__(self):
        cdef int i
        if self.sockets == NULL:
            return
        for i in range(self.count):
            xsk_close(&self.sockets[i])
            free(self.sockets[i].free_list)
            free(self.sockets[i].held)
        free(self.sockets)

    @property
    def place(self):
        """Where the sockets are, of what size, how many, the epoch: for Step alone."""
        return <size_t>self.sockets, sizeof(xsk), self.count, self.epoch_ns

    def busy(self):
        """Drive the driver from poll() instead of waiting for its interrupts."""
        cdef int i
        for i in range(self.count):
            self.sockets[i].is_busy = 1

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
        """Return counts summed over the queues, by name; see XDP_STATISTICS.

        Those we count come before the kernel's, so that a frame arriving meanwhile is
        in none of them.
        """
        cdef xdp_statistics counts
        cdef uint64_t delivered = 0, in_ring = 0, dropped = 0, full = 0
        cdef uint64_t too_long = 0, invalid = 0, starved = 0, wakeups = 0
        cdef int i
        for i in range(self.count):
            if self.sockets[i].fd < 0:
                continue
            delivered += self.sockets[i].delivered
            too_long += self.sockets[i].too_long
            wakeups += self.sockets[i].wakeups
            in_ring += xsk_packets(&self.sockets[i])
            xsk_statistics(&self.sockets[i], &counts)
            dropped += counts.rx_dropped
            invalid += counts.rx_invalid_descs
            full += counts.rx_ring_full
            starved += counts.rx_fill_ring_empty_descs
        return {
            "delivered": delivered, "in_ring": in_ring, "too_long": too_long,
            "rx_dropped": dropped, "ring_full": full, "invalid_frames": invalid,
            "fill_empty": starved, "wakeups": wakeups,
        }

    def close(self):
        """Unmap every ring; closing twice is harmless."""
        cdef int i
        for i in range(self.count):
            xsk_close(&self.sockets[i])


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
