"""The digital twin's world: one deterministic kernel in ext/twin.h, driven in steps.

Memory is taken once; what comes out of a run lies in the same rows until the next.
Cost: bench/twin.py prints it.
"""

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

import numpy as np

from airnet._ext import stream as stream_kernel

from abi cimport airnet_frame, airnet_header, airnet_message, airnet_session


cdef extern from "twin.h" nogil:
    enum:
        FIGURES_MAX
        WORLD_TABLES
        WORLD_WIRE
        WORLD_ROWS
        WORLD_BLIND
        WORLD_REACHED
        WORLD_FULL
        WORLD_VOID
    struct chance:
        uint64_t key
        uint64_t count
    struct agenda:
        uint64_t done
        uint64_t refused
        uint32_t count
    struct world_rows:
        void *at
        uint32_t count
    struct world_output:
        airnet_header *headers
        airnet_message *messages
        uint32_t header_limit
        uint32_t header_count
        uint32_t message_limit
        uint32_t message_count
    struct sensor_counts:
        uint64_t passed
        uint64_t passed_bytes
        uint64_t written
        uint64_t lost
        uint64_t missing
        uint64_t twice
        uint64_t late
        uint64_t overrun
    struct sensor_state "sensor":
        uint32_t count
        sensor_counts counts
    struct world:
        agenda agenda
        int64_t now_ns
        int64_t start_ns
        int64_t end_ns
        uint64_t seed
        int mode
        world_rows *rows
        world_output out
        sensor_state sensor
    struct figure:
        const char *name
        int64_t value

    chance chance_of(uint64_t seed, uint64_t role, uint64_t number) noexcept
    uint64_t chance_u64(chance *c) noexcept
    double chance_unit(chance *c) noexcept
    double chance_normal(chance *c) noexcept
    double chance_exponential(chance *c) noexcept
    struct shard "stream":
        pass
    struct decoder:
        airnet_message *rows
        uint32_t row_count
    void world_attach(
        world *w, decoder *d, airnet_header *headers, uint32_t header_count,
        airnet_message *messages, uint32_t message_count
    ) noexcept
    void world_empty(world *w) noexcept
    size_t world_row_bytes(int table) noexcept
    int world_begin(world *w, const char **why) noexcept
    void world_end(world *w) noexcept
    int world_run(world *w, int64_t until_ns) noexcept
    struct coast_batch:
        pass
    void world_coast(void *of, int64_t until_ns, coast_batch *batch) noexcept
    enum:
        WIRE_TYPE_COUNT
        WIRE_NAME_BYTES
    const char *WIRE_TYPES
    const uint64_t *world_truth(const world *w) noexcept
    const uint8_t *world_name(const world *w, uint32_t symbol) noexcept
    uint32_t market_figures(const world *w, figure *out) noexcept
    uint32_t line_figures(const world *w, figure *out) noexcept
    uint32_t strike_figures(const world *w, figure *out) noexcept
    void sensor_output(
        sensor_state *s, airnet_frame *frames, uint32_t *marks, uint32_t limit,
        uint8_t *buffer, uint64_t bytes
    ) noexcept
    uint32_t market_conserved(const world *w, figure *out) noexcept
    uint32_t market_harm(const world *w, uint32_t line, figure *out) noexcept
    uint32_t market_book(const world *w, uint32_t symbol, figure *out) noexcept
    void venue_throttle(
        world *w, uint32_t line, uint32_t per_second, uint32_t burst, int64_t until_ns
    ) noexcept
    void venue_cancel_all(world *w, uint32_t line, int64_t now_ns) noexcept
    void venue_disable(world *w, uint32_t line, int64_t now_ns) noexcept
    void venue_enable(world *w, uint32_t line, int64_t now_ns) noexcept
    void line_block(
        world *w, uint32_t line, int form, int directions, int64_t until_ns
    ) noexcept
    void line_delay(
        world *w, uint32_t line, int64_t extra_ns, int64_t until_ns
    ) noexcept
    struct strike_ban:
        int64_t until_ns
        uint8_t *address
        uint8_t *target
        uint16_t bits
        uint16_t port
    struct switch_limit_state "switch_limit":
        int64_t until_ns
        uint32_t known_count
        uint32_t per_second
        uint32_t burst
        uint16_t port
        uint8_t *gateway
    void switch_drop(world *w, const strike_ban *wanted) noexcept
    int switch_limit(
        world *w, const switch_limit_state *wanted, const uint8_t *known
    ) noexcept
    enum:
        SWITCH_KNOWN_MAX

TABLES = (
    "venue", "symbol", "agent", "news", "fault", "host", "line", "dialect", "feed",
    "murmur", "trouble", "strike", "sensor",
)
WIRE, ROWS, BLIND = WORLD_WIRE, WORLD_ROWS, WORLD_BLIND
TYPES = WIRE_TYPES.decode()
REACHED, FULL, VOID = WORLD_REACHED, WORLD_FULL, WORLD_VOID
DROP, RESET, LOGOUT = 1, 2, 3
cdef enum:
    THROTTLE, BLOCK, DELAY, CANCEL, DISABLE, RELEASE
FRAMES_LIMIT = 4096
BYTES_LIMIT = 8 << 20
HEADERS_MIN, MESSAGES_MIN = 2048, 16384


def draws(uint64_t seed, uint64_t role, uint64_t number):
    """Return the first draw of each kind from a stream, one after the other."""
    cdef chance c = chance_of(seed, role, number)
    first = chance_u64(&c)
    unit = chance_unit(&c)
    normal = chance_normal(&c)
    return first, unit, normal, chance_exponential(&c)


cdef object airnet_frame_dtype():
    """Return FRAME, as the compiler lays it out."""
    cdef airnet_frame[1] one
    return np.asarray(<airnet_frame[:1]>one).dtype


cdef dict named(figure *found, uint32_t count):
    return {found[i].name.decode(): found[i].value for i in range(count)}


@cython.final
cdef class World:
    """One world; see the stub."""

    cdef world *state
    cdef object owners  # of what rows are written into
    cdef list orders  # asked for since the last run
    cdef list held  # the tables' bytes, which state points to
    cdef uint32_t lines
    cdef readonly object frames
    cdef readonly object marks
    cdef readonly object buffer
    cdef readonly int ended

    def __cinit__(
        self, uint64_t seed, int64_t start_ns, int64_t end_ns, int mode=WIRE, **rows
    ):
        cdef const char *why = NULL
        cdef airnet_frame[::1] frames
        cdef uint8_t[::1] buffer
        cdef uint32_t[::1] marks
        if mode not in (WIRE, ROWS, BLIND):
            raise ValueError("mode must be WIRE, ROWS or BLIND")
        if not 0 <= start_ns < end_ns:
            raise ValueError("start_ns must be before end_ns")
        self.state = <world *>calloc(1, sizeof(world))
        if self.state == NULL:
            raise MemoryError("world")
        self.held, self.orders = [], []
        self.state.seed = seed
        self.state.start_ns = start_ns
        self.state.end_ns = end_ns
        self.state.mode = mode
        for name, table in rows.items():
            self.take(name, table)
        self.frames = np.zeros(FRAMES_LIMIT, airnet_frame_dtype())
        self.marks = np.zeros(FRAMES_LIMIT, np.uint32)
        self.buffer = np.zeros(BYTES_LIMIT, np.uint8)
        frames, marks, buffer = self.frames, self.marks, self.buffer
        if world_begin(self.state, &why):
            raise ValueError(f"the world cannot be built: {why.decode()}")
        sensor_output(
            &self.state.sensor, &frames[0], &marks[0], FRAMES_LIMIT, &buffer[0],
            BYTES_LIMIT,
        )

    def __dealloc__(self):
        # The collector may have let go of our arrays before us: only free what is ours.
        if self.state != NULL:
            world_end(self.state)
        free(self.state)

    cdef int take(self, str name, object table) except -1:
        """Keep a table's rows."""
        cdef const uint8_t[::1] view
        cdef size_t expected
        if name not in TABLES:
            raise ValueError(f"no table {name}: {', '.join(TABLES)}")
        index = TABLES.index(name)
        expected = world_row_bytes(index)
        if table.dtype.itemsize != expected:
            raise ValueError(f"{name} must have rows of {expected} bytes")
        if len(table):
            raw = np.frombuffer(np.ascontiguousarray(table).tobytes(), np.uint8)
            self.held.append(raw)
            view = raw
            self.state.rows[<int>index].at = <void *>&view[0]
        self.state.rows[<int>index].count = <uint32_t>len(table)
        if name == "line":
            self.lines = <uint32_t>len(table)
        return 0

    def run(self, int64_t until_ns):
        """Handle the events before until_ns; return how many frames came out."""
        cdef int status
        if self.state.mode == WORLD_ROWS and self.owners is None:
            raise ValueError("a world in mode ROWS must be attached to a decoder")
        world_empty(self.state)
        self.obey()
        with nogil:
            status = world_run(self.state, until_ns)
        self.ended = status
        if self.state.mode == WORLD_ROWS:
            return self.state.out.header_count
        return self.state.sensor.count

    def attach(
        self, stream not None, airnet_header[::1] headers not None,
        airnet_message[::1] messages not None,
    ):
        """Write the rows of `stream`, a Stream, in mode ROWS."""
        cdef size_t place = stream.place
        layout = (
            sizeof(decoder), sizeof(shard), sizeof(airnet_frame),
            sizeof(airnet_header), sizeof(airnet_message), sizeof(airnet_session),
        )
        if self.state.mode != WORLD_ROWS:
            raise ValueError("mode must be ROWS")
        if stream_kernel.LAYOUT != layout:
            raise ImportError(
                "airnet._ext.stream and airnet._ext.twin were built from different "
                "sources: build both again (python setup.py build_ext --inplace)"
            )
        if headers.shape[0] < HEADERS_MIN or messages.shape[0] < MESSAGES_MIN:
            raise ValueError(
                f"headers must be at least {HEADERS_MIN}, messages {MESSAGES_MIN}"
            )
        self.owners = stream, headers, messages
        world_attach(
            self.state, <decoder *>place, &headers[0], <uint32_t>headers.shape[0],
            &messages[0], <uint32_t>messages.shape[0],
        )

    @property
    def engine(self):
        """Where a Step finds what runs this world; None: `run` must be called next.

        It has been asked to do something, or it writes no rows.
        """
        if self.state.mode != WORLD_ROWS or self.owners is None or self.orders:
            return None
        return <size_t>self.state, <size_t>&world_coast, sizeof(coast_batch)

    @property
    def message_count(self):
        """How many messages the last run wrote, in mode ROWS."""
        return self.state.out.message_count

    @property
    def wire_bytes(self):
        """Bytes that have passed the switch since the start."""
        return self.state.sensor.counts.passed_bytes

    @property
    def now_ns(self):
        """Virtual time: of the last event, or what was run until."""
        return self.state.now_ns

    @property
    def events(self):
        """How many events were handled."""
        return self.state.agenda.done

    def throttle(
        self, uint32_t line, uint32_t per_second, uint32_t burst, int64_t until_ns
    ):
        """Let the gateway refuse a line's new orders above a rate."""
        self.later(THROTTLE, line, per_second, burst, until_ns)

    def block(self, uint32_t line, int form, int directions, int64_t until_ns):
        """Isolate a line: DROP, RESET or LOGOUT; directions 1 up, 2 down, 3 both."""
        if form not in (DROP, RESET, LOGOUT) or directions not in (1, 2, 3):
            raise ValueError("form must be DROP, RESET or LOGOUT; directions 1..3")
        self.later(BLOCK, line, form, directions, until_ns)

    def delay(self, uint32_t line, int64_t extra_ns, int64_t until_ns):
        """Let a line take another path, which is longer."""
        self.later(DELAY, line, extra_ns, 0, until_ns)

    def drop_source(
        self, bytes address not None, int bits, uint16_t port, int64_t until_ns,
        bytes target not None=bytes(16),
    ):
        """Let nothing more of a source's prefix through, to a port or (0) to any."""
        cdef strike_ban wanted
        if len(address) != 16 or len(target) != 16 or not 0 <= bits <= 128:
            raise ValueError("addresses must be 16 bytes, bits 0..128")
        memset(&wanted, 0, sizeof(wanted))
        wanted.until_ns, wanted.bits, wanted.port = until_ns, <uint16_t>bits, port
        memcpy(wanted.address, <const uint8_t *>address, 16)
        memcpy(wanted.target, <const uint8_t *>target, 16)
        switch_drop(self.state, &wanted)

    def limit_strangers(
        self, bytes gateway not None, uint16_t port, bytes known not None,
        uint32_t per_second, uint32_t burst, int64_t until_ns,
    ):
        """Police what hosts that are not known send to a gateway."""
        cdef switch_limit_state wanted
        if len(gateway) != 16 or len(known) % 16:
            raise ValueError("addresses must be 16 bytes each")
        if len(known) > 16 * SWITCH_KNOWN_MAX or not per_second or not burst:
            raise ValueError(f"known: at most {SWITCH_KNOWN_MAX}; a rate, and a burst")
        memset(&wanted, 0, sizeof(wanted))
        wanted.until_ns, wanted.port = until_ns, port
        wanted.per_second, wanted.burst = per_second, burst
        wanted.known_count = <uint32_t>(len(known) // 16)
        memcpy(wanted.gateway, <const uint8_t *>gateway, 16)
        if switch_limit(self.state, &wanted, known):
            raise MemoryError("no room for one more limit")

    def cancel_all(self, uint32_t line):
        """Let the gateway cancel every order of a line."""
        self.later(CANCEL, line, 0, 0, 0)

    def disable(self, uint32_t line):
        """Let the gateway refuse a line everything."""
        self.later(DISABLE, line, 0, 0, 0)

    def release(self, uint32_t line):
        """Undo block, throttle, delay and disable of a line."""
        self.later(RELEASE, line, 0, 0, 0)

    cdef int later(
        self, int what, uint32_t line, int64_t a, int64_t b, int64_t until_ns
    ) except -1:
        """Do something to a line when the next run begins: its frames are that run's.

        What the last run put out may still be read.
        """
        if line >= self.lines:
            raise ValueError(f"no line {line}")
        self.orders.append((what, line, a, b, until_ns))
        return 0

    cdef int obey(self) except -1:
        """Do what was asked for since the last run."""
        cdef world *w = self.state
        cdef uint32_t line
        cdef int64_t a, b, until_ns
        for what, line, a, b, until_ns in self.orders:
            if what == THROTTLE:
                venue_throttle(w, line, <uint32_t>a, <uint32_t>b, until_ns)
            elif what == BLOCK:
                line_block(w, line, <int>a, <int>b, until_ns)
            elif what == DELAY:
                line_delay(w, line, a, until_ns)
            elif what == CANCEL:
                venue_cancel_all(w, line, w.now_ns)
            elif what == DISABLE:
                venue_disable(w, line, w.now_ns)
            else:
                line_block(w, line, 0, 3, w.now_ns)
                line_delay(w, line, 0, w.now_ns)
                venue_throttle(w, line, 0, 0, w.now_ns)
                venue_enable(w, line, w.now_ns)
        self.orders.clear()
        return 0

    def harm(self):
        """Return what each line did so far, a dictionary a line."""
        cdef figure[FIGURES_MAX] found
        cdef uint32_t line
        return [
            named(found, market_harm(self.state, line, found))
            for line in range(self.lines)
        ]

    def books(self):
        """Return how dear each symbol was to trade, and how much of it was."""
        cdef figure[FIGURES_MAX] found
        cdef list books = []
        cdef uint32_t count = 1, symbol = 0
        while count:
            count = market_book(self.state, symbol, found)
            if count:
                books.append(named(found, count))
            symbol += 1
        return books

    def conserved(self):
        """Return the sums that must be zero."""
        cdef figure[FIGURES_MAX] found
        return named(found, market_conserved(self.state, found))

    def truth(self):
        """Return messages past the mirror: by line, direction, place in TYPES."""
        counts = np.zeros((self.lines, 2, WIRE_TYPE_COUNT), np.uint64)
        cdef uint64_t[::1] flat = counts.reshape(-1)
        cdef const uint64_t *truth = world_truth(self.state)
        for i in range(flat.shape[0]):
            flat[i] = truth[i]
        return counts

    def name(self, uint16_t symbol):
        """Return a symbol's name on the wire."""
        cdef const uint8_t *name = world_name(self.state, symbol)
        if name == NULL:
            raise ValueError(f"no symbol {symbol}")
        return name[:name[WIRE_NAME_BYTES - 1]].decode()

    def counters(self):
        """Return what was counted, by name."""
        cdef figure[FIGURES_MAX] found
        counted = {
            "events": self.state.agenda.done,
            "waiting": self.state.agenda.count,
            "events_refused": self.state.agenda.refused,
        }
        counted |= named(found, market_figures(self.state, found))
        counted |= named(found, line_figures(self.state, found))
        counted |= named(found, strike_figures(self.state, found))
        for name, value in dict(self.state.sensor.counts).items():
            counted[f"mirror_{name}"] = value
        return counted
