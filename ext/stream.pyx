"""Frames -> Header rows, Message rows and the session table: decode's inner loop.

Shapes: FRAME[n] and uint8[b] in; HEADER[n], MESSAGE[MESSAGES_MAX] and
SESSION[SESSIONS_MAX] out, all the caller's. The state machine is ext/decode.h and what
it includes; its memory is one block, taken once. Cost, measured on one core 2026-11:
230 ns a 220 B message and its frame, 68 ns a spoofed SYN; bench/decode.py guards it.
"""

cimport cython
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

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


cdef extern from "decode.h" nogil:
    enum:
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
        uint64_t retransmits
        uint64_t out_of_order
        uint64_t conflicts
        uint64_t keep_alives
        uint64_t after_close
        uint64_t out_of_window
        uint64_t syn_data
        uint64_t resets_ignored
        uint64_t sessions_full
        uint64_t midstream_full
        uint64_t carry_full
        uint64_t held_full
        uint64_t rows_full
        uint64_t types_full
    struct stream:
        airnet_session *sessions
        airnet_message *rows
        uint32_t row_count
        uint32_t session_count
        uint64_t frames[AIRNET_FRAME_REASONS]
        uint64_t malformed[AIRNET_MALFORMED_REASONS]
        type_count types[TYPE_SLOTS]
        stream_counts counts
    struct packet_counts:
        uint64_t datagrams
    struct packets:
        packet_counts counts
    void packets_begin(packets *p) noexcept
    void flow_begin(stream *s) noexcept
    int flow_add_gateway(stream *s, const uint8_t *address, uint16_t port) noexcept
    uint32_t decode_batch(
        stream *s,
        packets *p,
        const airnet_frame *frames,
        uint32_t n,
        cursor buffer,
        airnet_header *headers,
    ) noexcept

GATEWAYS_MAX = FLOW_GATEWAYS_MAX


@cython.final
cdef class Stream:
    """TCP reassembly, FIX framing and the session table; see the stub."""

    cdef stream *state  # ours: taken in __cinit__, freed in __dealloc__
    cdef packets *packets  # ours too
    cdef airnet_session[::1] sessions  # the caller's; held so that it outlives us

    def __cinit__(self, airnet_session[::1] sessions not None):
        if sessions.shape[0] != AIRNET_SESSIONS_MAX:
            raise ValueError("sessions must be SESSION[SESSIONS_MAX]")
        self.state = <stream *>calloc(1, sizeof(stream))
        self.packets = <packets *>calloc(1, sizeof(packets))
        if self.state == NULL or self.packets == NULL:
            raise MemoryError
        flow_begin(self.state)
        packets_begin(self.packets)
        self.sessions = sessions
        self.state.sessions = &sessions[0]

    def __dealloc__(self):
        free(self.state)
        free(self.packets)

    def add_gateway(self, bytes address not None, uint16_t port):
        """Make a gateway known; False when there are too many."""
        if len(address) != 16:
            raise ValueError("address must be 16 bytes")
        return flow_add_gateway(self.state, address, port) == 0

    def decode(
        self,
        const airnet_frame[::1] frames not None,
        const uint8_t[::1] buffer not None,
        airnet_header[::1] headers not None,
        airnet_message[::1] messages not None,
    ):
        """Decode a batch; return how many frames were taken, and how many messages."""
        cdef uint32_t n = <uint32_t>frames.shape[0], taken
        cdef cursor data
        cdef uint8_t nothing = 0
        if headers.shape[0] < n:
            raise ValueError("headers must be as long as frames")
        if messages.shape[0] != AIRNET_MESSAGES_MAX:
            raise ValueError("messages must be MESSAGE[MESSAGES_MAX]")
        if n == 0:
            return 0, 0
        data = cursor_over(&nothing, 0)
        if buffer.shape[0]:
            data = cursor_over(&buffer[0], buffer.shape[0])
        self.state.rows = &messages[0]
        with nogil:
            taken = decode_batch(
                self.state, self.packets, &frames[0], n, data, &headers[0]
            )
        return taken, self.state.row_count

    @property
    def session_count(self):
        """How many session rows there are."""
        return self.state.session_count

    def frames(self):
        """Return frames by reason, AIRNET_FRAME_* in order."""
        return [self.state.frames[i] for i in range(AIRNET_FRAME_REASONS)]

    def malformed(self):
        """Return malformed messages by reason, AIRNET_MALFORMED_* in order."""
        return [self.state.malformed[i] for i in range(AIRNET_MALFORMED_REASONS)]

    def messages(self):
        """Return (MsgType as in the row, up, down) of each type seen."""
        return [
            (
                self.state.types[i].type,
                self.state.types[i].count[0],
                self.state.types[i].count[1],
            )
            for i in range(TYPE_SLOTS)
            if self.state.types[i].is_used
        ]

    def counts(self):
        """Return what happened in headers and streams, other than rows, by name."""
        return {**self.packets.counts, **self.state.counts}
