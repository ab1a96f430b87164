"""AF_XDP rings to feature rows without a call between the stages: live's inner loop.

`Step` works on the state of a Rings, a Stream and a WindowTable, whose rows it
shares; it keeps them, and the buffers, alive. Cost: what the three cost, and about
0.1 us a call. Frames it has taken go back to the kernel with its next poll.
"""

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from abi cimport (
    AIRNET_MESSAGES_MAX,
    airnet_frame,
    airnet_header,
    airnet_message,
    airnet_session,
    airnet_window,
)
from cursor cimport cursor, cursor_over

from airnet._ext import stream as stream_kernel, window as window_kernel


cdef extern from "step.h" nogil:
    struct xsk:
        pass

    enum:
        WINDOW_ROWS
        WINDOW_COLUMNS
        S_COLUMNS
        F_COLUMNS
        V_COLUMNS
        M_COLUMNS
        Q_COLUMNS
        O_COLUMNS
        H_COLUMNS

    struct window_state:
        pass

    struct window_session:
        pass

    struct window_target:
        pass

    struct window_source:
        pass

    struct window_known:
        pass

    struct window_venue:
        pass
    struct window_mirror:
        pass
    struct window_witness:
        pass
    struct window_feeds:
        pass
    struct window_price:
        pass

    struct decoder:
        pass

    struct shard "stream":
        pass

    ctypedef void (*step_told)(
        void *, const airnet_window *, const float *, uint32_t
    ) noexcept nogil

    struct step:
        xsk *sockets
        int socket_count
        int is_idle
        int64_t epoch_ns
        cursor buffer
        decoder *decoder
        window_state *windows
        airnet_message *rows
        airnet_frame *frames
        airnet_header *headers
        uint32_t frame_limit
        uint32_t late_limit
        uint32_t late_count
        uint32_t *late_ns
        uint64_t taken
        uint64_t bytes
        uint64_t now_ns
        step_told told
        void *told_place
        uint64_t spin_ns

    void step_give(step *s, uint32_t count) noexcept
    void step_follow(
        step *s, uint32_t headers, uint32_t messages, uint64_t bytes
    ) noexcept
    int step_poll(step *s, int wait_ms) noexcept
    int step_advance(step *s) noexcept
    int step_spin(step *s, int64_t spin_ns) noexcept
    int step_nap(step *s, int64_t least_ns) noexcept
    uint32_t step_stirs(const step *s) noexcept

    struct coast_batch:
        int ended
        uint32_t headers

    struct coast:
        int64_t now_ns
        int64_t until_ns
        int64_t limit_ns
        int64_t least_ns
        int64_t last_ns
        uint64_t seen
        coast_batch batch

    ctypedef void (*coast_run)(void *, int64_t, coast_batch *) noexcept nogil

    int step_coast(step *s, coast_run run, void *world, coast *c) noexcept


def check_layouts():
    """Refuse to work on memory that others lay out otherwise: a stale build.

    Raises:
        ImportError: one of them was built from other headers.
    """
    windows = (
        sizeof(window_state), sizeof(window_session), sizeof(window_target),
        sizeof(window_source), sizeof(window_known), sizeof(window_venue),
        sizeof(airnet_window), WINDOW_ROWS, WINDOW_COLUMNS,
        S_COLUMNS, F_COLUMNS, V_COLUMNS, H_COLUMNS,
        sizeof(window_mirror), sizeof(window_witness), sizeof(window_feeds),
        M_COLUMNS, Q_COLUMNS, O_COLUMNS, sizeof(window_price),
    )
    streams = (
        sizeof(decoder), sizeof(shard), sizeof(airnet_frame), sizeof(airnet_header),
        sizeof(airnet_message), sizeof(airnet_session),
    )
    for kernel, expected in ((window_kernel, windows), (stream_kernel, streams)):
        if getattr(kernel, "LAYOUT", None) != expected:
            raise ImportError(
                f"{kernel.__name__} and airnet._ext.step were built from different "
                "sources: build both again (python setup.py build_ext --inplace)"
            )


check_layouts()


@cython.final
cdef class Step:
    """The stages left of score, in one call; see the stub."""

    cdef step *state
    cdef tuple owners  # of what state points to
    cdef object told  # likewise

    def __cinit__(
        self, rings, stream not None, table not None,
        const uint8_t[::1] buffer not None, airnet_frame[::1] frames not None,
        airnet_header[::1] headers not None, airnet_message[::1] messages not None,
    ):
        cdef size_t place
        if frames.shape[0] == 0 or headers.shape[0] < frames.shape[0]:
            raise ValueError("frames must not be empty, headers as long as frames")
        if messages.shape[0] < AIRNET_MESSAGES_MAX:
            raise ValueError("messages must be MESSAGE[MESSAGES_MAX]")
        self.state = <step *>calloc(1, sizeof(step))
        if self.state == NULL:
            raise MemoryError
        self.owners = rings, stream, table, buffer, frames, headers, messages
        if rings is not None:
            place, size, self.state.socket_count, self.state.epoch_ns = rings.place
            if size != sizeof(xsk):
                raise ImportError(
                    "airnet._ext.ring and airnet._ext.step were built from different "
                    "sources: build both again"
                )
            self.state.sockets = <xsk *>place
        place = stream.place
        self.state.decoder = <decoder *>place
        self.state.rows = &messages[0]
        place = table.place
        self.state.windows = <window_state *>place
        self.state.buffer = cursor_over(&buffer[0], buffer.shape[0])
        self.state.frames = &frames[0]
        self.state.headers = &headers[0]
        self.state.frame_limit = <uint32_t>frames.shape[0]

    def __dealloc__(self):
        free(self.state)

    def poll(self, int wait_ms):
        """Take a batch; the last one is done with. Frames, or a negative errno."""
        cdef int status
        with nogil:
            status = step_poll(self.state, wait_ms)
        return status

    def give(self, uint32_t count):
        """Say that a batch lies in the frames; the last one is done with."""
        if count > self.state.frame_limit:
            raise ValueError("count must be 0..len(frames)")
        with nogil:
            step_give(self.state, count)

    def follow(self, uint32_t headers, uint32_t messages, uint64_t wire_bytes):
        """Say that a batch's rows lie in headers and messages already."""
        if headers > self.state.frame_limit or messages > AIRNET_MESSAGES_MAX:
            raise ValueError("more rows than there is room for")
        with nogil:
            step_follow(self.state, headers, messages, wire_bytes)

    def advance(self):
        """Go on with the batch; True when windows closed: call again. False: done."""
        cdef int status
        with nogil:
            status = step_advance(self.state)
        return status == 1

    def spin(self, int64_t spin_ns):
        """Take what comes, looking without a pause, until windows close: 1.

        0 when the time is over, or a negative errno. The last batch is done with; when
        windows closed, advance() until it says False before the next call.
        """
        cdef int status
        with nogil:
            status = step_spin(self.state, spin_ns)
        return status

    def nap(self, int64_t least_ns):
        """Sleep what is owed until frames come; True: none are there.

        A Step that looks for frames instead of sleeping owes sleep; less than
        `least_ns` can wait.
        """
        cdef int status = 1
        if self.state.socket_count:
            with nogil:
                status = step_nap(self.state, least_ns)
        return status == 1

    @property
    def stirs(self):
        """The most flood-like packets that an open window of a gateway has."""
        return step_stirs(self.state)

    def coast(
        self, tuple engine not None, int64_t now_ns, int64_t last_ns, int64_t limit_ns,
        int64_t least_ns,
    ):
        """Run a World from now_ns on until windows close in a slice, or the limit.

        `engine` is the World's, whose rows are this Step's; `last_ns` the time of the
        last frame before. Returns whether windows closed (then advance() until it says
        False), how the world ended, frames in all and in the last batch, the time of
        the last, and where the last slice began and ends.
        """
        cdef size_t world, run, size
        cdef coast c
        cdef int status
        world, run, size = engine
        if size != sizeof(coast_batch):
            raise ImportError(
                "airnet._ext.twin and airnet._ext.step were built from different "
                "sources: build both again"
            )
        if now_ns < 0 or least_ns <= 0:
            raise ValueError("now_ns must be at least 0, least_ns above 0")
        memset(&c, 0, sizeof(c))
        c.now_ns = c.until_ns = now_ns
        c.limit_ns, c.least_ns, c.last_ns = limit_ns, least_ns, last_ns
        with nogil:
            status = step_coast(self.state, <coast_run>run, <void *>world, &c)
        return (
            status == 1, c.batch.ended, c.seen, c.batch.headers, c.last_ns, c.now_ns,
            c.until_ns,
        )

    def tell(self, told, uint64_t spin_ns):
        """Have windows told of as soon as they close, in C: `told` is an Arms, or None.

        With `spin_ns`, a poll that may wait looks for frames so long instead of
        sleeping.
        """
        cdef size_t place = 0, call = 0
        if told is not None:
            place, call = told.place
        self.told = told
        self.state.told_place = <void *>place
        self.state.told = <step_told>call
        self.state.spin_ns = spin_ns

    def measure(self, uint32_t[::1] late_ns not None, bint is_idle):
        """Note how long each frame waits for its rows, from now on, in late_ns.

        With `is_idle`, frames are let go unread instead: the wait is capture's own.
        """
        self.owners = (*self.owners[:7], late_ns)
        self.state.late_ns = &late_ns[0] if late_ns.shape[0] else NULL
        self.state.late_limit = <uint32_t>late_ns.shape[0]
        self.state.late_count = 0
        self.state.is_idle = is_idle

    @property
    def measured(self):
        """How many waits were noted."""
        return self.state.late_count

    @property
    def totals(self):
        """Return frames, their bytes on the wire, and the latest frame's time, ns."""
        return self.state.taken, self.state.bytes, self.state.now_ns
