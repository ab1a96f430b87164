"""Frames -> Header rows, Message rows and the session table: decode's inner loop.

Shapes: FRAME[n] and uint8[b] in; HEADER[n], MESSAGE[lanes * MESSAGES_MAX] and
SESSION[SESSIONS_MAX] out, all the caller's. The state machine is ext/decode.h and what
it includes, the lanes that run it are ext/lanes.h; their memory is taken once. Cost,
measured on one core 2026-11: 230 ns a 220 B message and its frame, 68 ns a spoofed SYN;
bench/decode.py guards it.
"""

cimport cython
from cython cimport view
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport strerror

from abi cimport (
    AIRNET_FRAME_REASONS,
    AIRNET_MALFORMED_REASONS,
    AIRNET_MESSAGES_MAX,
    AIRNET_SESSIONS_MAX,
    airnet_frame,
    airnet_header,
    airnet_message,
    airnet_session,
)
from cursor cimport cursor, cursor_over


cdef extern from "lanes.h" nogil:
    enum:
        SHARDS
        TYPE_SLOTS
        FLOW_GATEWAYS_MAX
    struct type_count:
        uint32_t type
        uint32_t is_used
        uint64_t count[2]
    struct stream_counts:
        uint64_t bytes_skipped
        uint64_t partials_dropped
        uint64_t gaps
        uint64_t gap_bytes
        uint64_t capture_losses
        uint64_t capture_loss_bytes
        uint64_t network_losses
        uint64_t network_loss_bytes
        uint64_t application_gaps
        uint64_t application_gap_messages
        uint64_t retransmits
        uint64_t out_of_order
        uint64_t conflicts
        uint64_t keep_alives
        uint64_t after_close
        uint64_t out_of_window
        uint64_t syn_data
        uint64_t syn_data_bytes
        uint64_t syn_data_evicted
        uint64_t syn_acks_wrong
        uint64_t syns_on_sessions
        uint64_t resets_ignored
        uint64_t resets_with_data
        uint64_t bad_checksums
        uint64_t urgent
        uint64_t sessions_full
        uint64_t sessions_reclaimed
        uint64_t sessions_evicted
        uint64_t handshakes_evicted
        uint64_t midstream_full
        uint64_t carry_full
        uint64_t held_full
        uint64_t rows_full
        uint64_t types_full
    struct stream:
        uint64_t malformed[AIRNET_MALFORMED_REASONS]
        type_count types[TYPE_SLOTS]
        stream_counts counts
    struct packet_counts:
        uint64_t tunnels
        uint64_t datagrams
        uint64_t fragments_repeated
        uint64_t fragments_bad
        uint64_t fragment_conflicts
        uint64_t datagrams_rejected
        uint64_t datagrams_expired
        uint64_t datagrams_evicted
        uint64_t stamps
        uint64_t stamps_missing
        uint64_t clock_foreign
        uint64_t clock_moves
    struct packets_state "packets":
        packet_counts counts
        uint8_t trailer
        uint8_t clock
    struct gateways_state "gateways":
        pass
    struct decoder:
        airnet_message *rows
        uint32_t row_count
        uint32_t session_number
        uint64_t frames[AIRNET_FRAME_REASONS]
        packets_state packets
        gateways_state gateways
        stream shards[SHARDS]
    void decode_begin(decoder *d, airnet_session *sessions) noexcept
    int gateways_add(
        gateways_state *g, const uint8_t *address, uint16_t port
    ) noexcept
    void decode_finish(decoder *d) noexcept
    struct lanes:
        uint32_t count
        uint32_t read
        uint32_t taken
        const airnet_frame *frames
    struct lanes_answer:
        uint32_t first
        uint32_t last
        uint32_t row_count
    int lanes_begin(
        lanes *l, decoder *d, uint32_t count, const int *cpus
    ) noexcept
    void lanes_end(lanes *l) noexcept
    bint lanes_have_rest(const lanes *l) noexcept
    lanes_answer lanes_decode(
        lanes *l,
        const airnet_frame *frames,
        uint32_t n,
        cursor buffer,
        airnet_header *headers,
    ) noexcept

GATEWAYS_MAX = FLOW_GATEWAYS_MAX
LANES_MAX = SHARDS
SESSIONS_MAX = AIRNET_SESSIONS_MAX
#: For Step: who works on this state must have been built from the same headers.
LAYOUT = (
    sizeof(decoder), sizeof(stream), sizeof(airnet_frame), sizeof(airnet_header),
    sizeof(airnet_message), sizeof(airnet_session),
)


def header_rows(Py_ssize_t count):
    """Return HEADER[count], all zero: memory that numpy need not be loaded for."""
    cdef airnet_header *rows = <airnet_header *>calloc(count, sizeof(airnet_header))
    if rows == NULL:
        raise MemoryError("header rows")
    cdef view.array held = <airnet_header[:count]>rows
    held.callback_free_data = free
    return memoryview(held)


def message_rows(Py_ssize_t count):
    """Return MESSAGE[count], all zero."""
    cdef airnet_message *rows = <airnet_message *>calloc(count, sizeof(airnet_message))
    if rows == NULL:
        raise MemoryError("message rows")
    cdef view.array held = <airnet_message[:count]>rows
    held.callback_free_data = free
    return memoryview(held)


def session_rows(Py_ssize_t count):
    """Return SESSION[count], all zero."""
    cdef airnet_session *rows = <airnet_session *>calloc(count, sizeof(airnet_session))
    if rows == NULL:
        raise MemoryError("session rows")
    cdef view.array held = <airnet_session[:count]>rows
    held.callback_free_data = free
    return memoryview(held)


@cython.final
cdef class Stream:
    """TCP reassembly, FIX framing and the session table; see the stub."""

    cdef decoder *state  # ours: taken in __cinit__, freed in __dealloc__
    cdef lanes *run  # ours too; its threads end before it does
    cdef uint32_t regions  # of the message array: one a lane
    cdef airnet_session[::1] sessions  # the caller's; held so that it outlives us

    def __cinit__(self, airnet_session[::1] sessions not None, tuple cpus=(-1,)):
        cdef int[SHARDS] each
        cdef int i, error
        if sessions.shape[0] != AIRNET_SESSIONS_MAX:
            raise ValueError("sessions must be SESSION[SESSIONS_MAX]")
        if not 1 <= len(cpus) <= SHARDS:
            raise ValueError(f"cpus must be 1 to {SHARDS}, one a lane")
        for i in range(<int>len(cpus)):
            each[i] = cpus[i]
        self.state = <decoder *>calloc(1, sizeof(decoder))
        self.run = <lanes *>calloc(1, sizeof(lanes))
        if self.state == NULL or self.run == NULL:
            raise MemoryError
        self.sessions = sessions
        self.regions = <uint32_t>len(cpus)
        decode_begin(self.state, &sessions[0])
        error = lanes_begin(self.run, self.state, self.regions, each)
        if error:
            raise OSError(error, strerror(error).decode())

    def __dealloc__(self):
        if self.run != NULL:
            with nogil:
                lanes_end(self.run)
        free(self.run)
        free(self.state)

    def close(self):
        """End the threads; what comes after is decoded on the calling thread."""
        with nogil:
            lanes_end(self.run)

    @property
    def place(self):
        """Where the state is: for Step alone."""
        return <size_t>self.state

    def add_gateway(self, bytes address not None, uint16_t port):
        """Make a gateway known; False when there are too many."""
        if len(address) != 16:
            raise ValueError("address must be 16 bytes")
        return gateways_add(&self.state.gateways, address, port) == 0

    def decode(
        self,
        const airnet_frame[::1] frames not None,
        const uint8_t[::1] buffer not None,
        airnet_header[::1] headers not None,
        airnet_message[::1] messages not None,
    ):
        """Decode a batch; return which headers to read, and how many messages."""
        cdef uint32_t n = <uint32_t>frames.shape[0], left
        cdef lanes_answer answer
        cdef cursor data
        cdef uint8_t nothing = 0
        if headers.shape[0] < n:
            raise ValueError("headers must be as long as frames")
        if messages.shape[0] != self.regions * AIRNET_MESSAGES_MAX:
            raise ValueError("messages must be MESSAGE[lanes * MESSAGES_MAX]")
        if n == 0:
            return 0, 0, 0
        if lanes_have_rest(self.run):
            left = self.run.read - self.run.taken
            if n < left or &frames[0] != self.run.frames + self.run.taken:
                raise ValueError("the rest of the last batch must come first")
        data = cursor_over(&nothing, 0)
        if buffer.shape[0]:
            data = cursor_over(&buffer[0], buffer.shape[0])
        self.state.rows = &messages[0]
        with nogil:
            answer = lanes_decode(self.run, &frames[0], n, data, &headers[0])
        return answer.first, answer.last, answer.row_count

    def finish(self):
        """Give up what is still waited for; the capture is over."""
        with nogil:
            decode_finish(self.state)

    def read_trailers(self, uint8_t trailer):
        """Take time from what the mirroring device wrote: AIRNET_TRAILER_*."""
        self.state.packets.trailer = trailer

    @property
    def clock(self):
        """Which clock the rows are of, AIRNET_CLOCK_*; 255 before the first."""
        return self.state.packets.clock

    @property
    def session_count(self):
        """How many sessions have appeared; their rows may be others' by now."""
        return self.state.session_number

    def frames(self):
        """Return frames by reason, AIRNET_FRAME_* in order."""
        return [self.state.frames[i] for i in range(AIRNET_FRAME_REASONS)]

    def malformed(self):
        """Return malformed messages by reason, AIRNET_MALFORMED_* in order."""
        return [
            sum([self.state.shards[shard].malformed[i] for shard in range(SHARDS)])
            for i in range(AIRNET_MALFORMED_REASONS)
        ]

    def messages(self):
        """Return (MsgType as in the row, up, down) of each type seen."""
        cdef type_count *one
        found = {}
        for shard in range(SHARDS):
            for i in range(TYPE_SLOTS):
                one = &self.state.shards[shard].types[i]
                if one.is_used:
                    up, down = found.get(one.type, (0, 0))
                    found[one.type] = up + one.count[0], down + one.count[1]
        return [(kind, up, down) for kind, (up, down) in found.items()]

    def counts(self):
        """Return what happened in headers and streams, other than rows, by name."""
        found = dict(self.state.packets.counts)
        for shard in range(SHARDS):
            for name, count in self.state.shards[shard].counts.items():
                found[name] = found.get(name, 0) + count
        return found
