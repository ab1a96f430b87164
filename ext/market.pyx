"""The twin's market by itself: traders, gateways and books on lines without wire.

For calibration, for tests of conservation and for the bench of the kernel; the whole
world is airnet._ext.twin. Same rows, same seed, same market. Cost: bench/market.py.
"""

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memmove

import numpy as np


cdef extern from "direct.h" nogil:
    enum:
        FIGURES_MAX
        ROWS_LINE

    struct direct_row:
        int64_t time_ns
        uint64_t order
        int64_t price
        uint32_t line
        uint32_t quantity
        uint16_t symbol
        uint8_t direction
        uint8_t type
        uint8_t executed
        uint8_t is_fault
        uint8_t side
        uint8_t status

    struct agenda:
        uint64_t done
        uint64_t refused

    struct world_rows:
        const void *at
        uint32_t count

    struct direct:
        direct_row *rows
        uint64_t messages
        uint64_t lost
        uint32_t limit
        uint32_t count

    struct world:
        agenda agenda
        int64_t now_ns
        int64_t start_ns
        int64_t end_ns
        uint64_t seed
        world_rows rows[6]
        direct direct

    struct figure:
        const char *name
        int64_t value

    int direct_begin(world *w, const char **why) noexcept
    void direct_end(world *w) noexcept
    int direct_run(world *w, int64_t until_ns) noexcept
    void direct_state(world *w, uint32_t line, int state) noexcept
    uint32_t market_figures(const world *w, figure *out) noexcept
    uint32_t market_conserved(const world *w, figure *out) noexcept
    uint32_t market_harm(const world *w, uint32_t line, figure *out) noexcept
    void venue_throttle(
        world *w, uint32_t line, uint32_t per_second, uint32_t burst, int64_t until_ns
    ) noexcept
    void venue_cancel_all(world *w, uint32_t line, int64_t now_ns) noexcept
    void venue_disable(world *w, uint32_t line, int64_t now_ns) noexcept
    void venue_enable(world *w, uint32_t line, int64_t now_ns) noexcept


TABLES = ("venue", "symbol", "agent", "news", "fault")


def layout():
    """Return the dtype of ROW."""
    cdef direct_row row
    return np.asarray(<direct_row[:1]>&row)[:0].dtype


ROW = layout()


cdef dict named(figure *found, uint32_t count):
    return {found[i].name.decode(): found[i].value for i in range(count)}


@cython.final
cdef class Market:
    """One market; see the stub."""

    cdef world *state
    cdef list held
    cdef uint32_t lines
    cdef uint32_t taken  # rows returned by the last run
    cdef readonly object rows

    def __cinit__(
        self, uint64_t seed, int64_t start_ns, uint32_t lines, uint32_t room, **tables
    ):
        """Build it; `room` rows of messages are kept a run, 0 = none."""
        cdef const char *why = NULL
        cdef direct_row[::1] rows
        if not 0 < lines <= 4096 or start_ns < 0 or 0 < room < 8192:
            raise ValueError("lines must be 1..4096, room 0 or from 8192")
        self.state = <world *>calloc(1, sizeof(world))
        if self.state == NULL:
            raise MemoryError("market")
        self.lines = lines
        self.held = []
        self.state.seed = seed
        self.state.start_ns = start_ns
        self.state.end_ns = 1 << 62
        self.state.rows[<int>ROWS_LINE].count = lines
        for name, table in tables.items():
            self.take(name, table)
        self.rows = np.zeros(room, ROW)
        if room:
            rows = self.rows
            self.state.direct.rows = &rows[0]
            self.state.direct.limit = room
        if direct_begin(self.state, &why):
            raise ValueError(f"the market cannot be built: {why.decode()}")

    def __dealloc__(self):
        if self.state != NULL:
            direct_end(self.state)
        free(self.state)

    cdef int take(self, str name, object table) except -1:
        """Keep a table's rows."""
        cdef const uint8_t[::1] view
        cdef int index = TABLES.index(name)
        if len(table):
            raw = np.frombuffer(np.ascontiguousarray(table).tobytes(), np.uint8)
            self.held.append(raw)
            view = raw
            self.state.rows[index].at = <const void *>&view[0]
        self.state.rows[index].count = <uint32_t>len(table)
        return 0

    def run(self, int64_t until_ns):
        """Handle the events before until_ns.

        Returns how many of `rows` were written, and whether it came to the end:
        False when the rows are full first.
        """
        cdef int is_full
        # What was said since the last run (a lost line, a cancel) comes first.
        self.state.direct.count -= self.taken
        if self.state.direct.count:
            memmove(
                self.state.direct.rows, self.state.direct.rows + self.taken,
                self.state.direct.count * sizeof(direct_row),
            )
        with nogil:
            is_full = direct_run(self.state, until_ns)
        if self.state.agenda.refused or self.state.direct.lost:
            raise OverflowError("the market has more events than it was built for")
        self.taken = self.state.direct.count
        return self.taken, not is_full

    cdef int check(self, uint32_t line) except -1:
        if line >= self.lines:
            raise ValueError(f"no line {line}")
        return 0

    def lose(self, uint32_t line):
        """Cut a line: what is under way is lost."""
        self.check(line)
        direct_state(self.state, line, 0)

    def restore(self, uint32_t line):
        """Log a line on again."""
        self.check(line)
        direct_state(self.state, line, 1)

    def throttle(
        self, uint32_t line, uint32_t per_second, uint32_t burst, int64_t until_ns
    ):
        """Let the gateway refuse a line's new orders above a rate."""
        self.check(line)
        venue_throttle(self.state, line, per_second, burst, until_ns)

    def cancel_all(self, uint32_t line):
        """Let the gateway cancel every order of a line."""
        self.check(line)
        venue_cancel_all(self.state, line, self.state.now_ns)

    def disable(self, uint32_t line):
        """Let the gateway refuse a line everything but cancels."""
        self.check(line)
        venue_disable(self.state, line, self.state.now_ns)

    def enable(self, uint32_t line):
        """Undo disable."""
        self.check(line)
        venue_enable(self.state, line, self.state.now_ns)

    @property
    def now_ns(self):
        """Virtual time."""
        return self.state.now_ns

    @property
    def events(self):
        """How many events were handled."""
        return self.state.agenda.done

    @property
    def messages(self):
        """How many messages were said, both ways."""
        return self.state.direct.messages

    def harm(self):
        """Return what each line did so far, a dictionary a line."""
        cdef figure[FIGURES_MAX] found
        cdef uint32_t line
        return [
            named(found, market_harm(self.state, line, found))
            for line in range(self.lines)
        ]

    def conserved(self):
        """Return the sums that must be zero."""
        cdef figure[FIGURES_MAX] found
        return named(found, market_conserved(self.state, found))

    def counters(self):
        """Return what was counted, by name."""
        cdef figure[FIGURES_MAX] found
        return named(found, market_figures(self.state, found))
