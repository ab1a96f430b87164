"""Frame rows through shared memory, from the process that receives to ours.

`Reader` is the reading side of a relay, `Writer` the writing side; both view memory
that the caller maps (SHARED_BYTES and a power of two) and descriptors that the caller
owns. Neither makes an object a frame. Cost: reading writes 40 B a row and reads the
24 B in front of the frame; writing copies the frame once. ext/relay.h has the layout.
"""

cimport cython
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from abi cimport airnet_frame
from relays cimport (
    RELAY_COUNTS,
    RELAY_DATA_BYTES_MIN,
    RELAY_ENDED,
    RELAY_FAILED,
    RELAY_FRAME_BYTES_MAX,
    RELAY_RUNNING,
    RELAY_SHARED_BYTES,
    RELAY_STARTING,
    RELAY_TEXT_BYTES,
    relay as relay_side,
    relay_map,
    relay_poll,
    relay_publish,
    relay_write,
)

SHARED_BYTES = RELAY_SHARED_BYTES
DATA_BYTES_MIN = RELAY_DATA_BYTES_MIN
FRAME_BYTES_MAX = RELAY_FRAME_BYTES_MAX
STARTING = RELAY_STARTING
RUNNING = RELAY_RUNNING
ENDED = RELAY_ENDED
FAILED = RELAY_FAILED
#: The order of enum relay_count.
COUNTS = (
    "received", "missed", "errors", "no_buffer", "socket_seen", "socket_full",
    "taken", "written", "full", "oversize",
)


cdef int _map(relay_side *side, uint8_t[::1] memory) except -1:
    cdef Py_ssize_t size = memory.shape[0] - RELAY_SHARED_BYTES
    if size < <Py_ssize_t>RELAY_DATA_BYTES_MIN or size & (size - 1):
        raise ValueError("memory must be SHARED_BYTES and a power of two")
    relay_map(side, &memory[0], memory.shape[0])
    return 0


@cython.final
cdef class Reader:
    """The reading side: rows whose offsets point behind the memory's first page.

    `wake` is an eventfd, not blocking; `peer` becomes readable when the writer's
    process ends (a pidfd). Rows stay valid until the next poll.
    """

    cdef relay_side side
    cdef uint8_t[::1] memory

    def __cinit__(self, uint8_t[::1] memory not None, int wake, int peer):
        _map(&self.side, memory)
        self.memory = memory
        self.side.wake_fd = wake
        self.side.peer_fd = peer

    def poll(self, airnet_frame[::1] rows not None, int wait_ms):
        """Fill rows; return how many, -EPIPE or -EBADMSG.

        -EPIPE: the writer is gone and everything was read; -EBADMSG: the memory
        holds what no writer wrote.
        """
        cdef int status
        cdef int limit = <int>rows.shape[0]
        if limit == 0:
            raise ValueError("rows must not be empty")
        with nogil:
            status = relay_poll(&self.side, &rows[0], limit, wait_ms)
        return status

    def counts(self):
        """Return what the writer counts, COUNTS in order."""
        cdef int i
        return tuple(self.side.shared.counts[i] for i in range(RELAY_COUNTS))

    @property
    def delivered(self):
        """How many rows poll has filled."""
        return self.side.delivered

    @property
    def state(self):
        """STARTING, RUNNING, ENDED or FAILED, as the writer last said."""
        return self.side.shared.state

    @property
    def text(self):
        """Why the writer failed."""
        cdef const char *text = self.side.shared.text
        return (<bytes>text[:RELAY_TEXT_BYTES]).partition(b"\0")[0]

    def ask(self):
        """Ask the writer for fresh counts; `is_answered` tells when they are."""
        self.side.shared.asked += 1

    @property
    def is_answered(self):
        """Whether the counts are as fresh as the last `ask`."""
        return self.side.shared.answered == self.side.shared.asked


@cython.final
cdef class Writer:
    """The writing side, a frame at a time: what dpdk_loop.h does in C."""

    cdef relay_side side
    cdef uint8_t[::1] memory

    def __cinit__(self, uint8_t[::1] memory not None, int wake):
        _map(&self.side, memory)
        self.memory = memory
        self.side.wake_fd = wake

    def write(self, const uint8_t[::1] data not None, uint64_t time_ns, int queue):
        """Copy one frame in; False when it was left out, and counted."""
        cdef airnet_frame row
        cdef uint8_t *to
        cdef size_t size = data.shape[0]
        row.time_ns = time_ns
        row.captured_bytes = row.wire_bytes = <uint32_t>size
        row.queue = <uint16_t>queue
        row.clock = 0
        to = relay_write(&self.side, &row)
        if to == NULL:
            return False
        if size:
            memcpy(to, &data[0], size)
        return True

    def publish(self):
        """Show what was written to the reader; wake it if it waits."""
        relay_publish(&self.side)

    def tell(self, uint32_t state, bytes text=b""):
        """Set the state that the reader sees, and why it failed."""
        cdef size_t size = min(len(text), RELAY_TEXT_BYTES)
        cdef const char *source = text
        memcpy(self.side.shared.text, source, size)
        self.side.shared.state = state
