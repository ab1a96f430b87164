"""Window rows from Header and Message rows: the inner loop of features.

In: HEADER[n] and the MESSAGE[m] they point at, in capture order. Out: WINDOW[k] keys
and float32[k, 64] integer columns, in the order windows close. One pass, no
allocation after construction, no clock: time is the largest frame time so far. The C
half lies in window.h (layout), window_session.h and window_order.h (FIX sessions),
window_flood.h and window_packet.h (addresses), window_answer.h and window_health.h
(venues), window_edge.h, window_trace.h and window_host_row.h (hosts), window_step.h
(the order of events).
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

cimport cython
from cython cimport view

from abi cimport (
    AIRNET_SESSIONS_MAX,
    airnet_header,
    airnet_message,
    airnet_window,
)


cdef extern from "window_step.h" nogil:
    enum:
        WINDOW_ROWS
        WINDOW_COLUMNS
        WINDOW_TARGETS
        WINDOW_SOURCES
        WINDOW_KNOWN
        S_COLUMNS
        F_COLUMNS
        V_COLUMNS
        H_COLUMNS
        WINDOW_HOSTS
        WINDOW_EDGES
        WINDOW_COMPS
        WINDOW_VENUES
        M_COLUMNS
        Q_COLUMNS
        O_COLUMNS
        WINDOW_BANDS
    const char *window_session_names[]
    const char *window_flood_names[]
    const char *window_venue_names[]
    const char *window_mirror_names[]
    const char *window_feed_names[]
    const char *window_far_names[]
    const char *window_host_names[]

    struct window_session:
        uint64_t accepted_ns

    struct window_source:
        uint8_t address[16]

    struct window_target:
        pass

    struct window_known:
        uint8_t address[16]
        uint8_t registered

    struct window_venue:
        pass

    struct window_mirror:
        pass

    struct window_witness:
        pass

    struct window_feeds:
        pass

    struct window_host:
        pass

    struct window_edge:
        pass

    struct window_comp:
        pass

    struct window_price:
        pass

    struct window_estimates:
        pass

    struct window_counters:
        uint64_t time_backwards
        uint64_t targets_full
        uint64_t sources_full
        uint64_t known_full
        uint64_t sources_evicted
        uint64_t targets_evicted
        uint64_t multicast
        uint64_t windows
        uint64_t venues_full
        uint64_t venues_evicted
        uint64_t feeds_full
        uint64_t hosts_full
        uint64_t hosts_evicted
        uint64_t hosts_skipped
        uint64_t edges_evicted
        uint64_t symbols_evicted

    struct window_state:
        window_session *sessions
        window_target *targets
        window_source *sources
        window_known *known
        window_venue *venues
        window_mirror *mirror
        window_witness *witnesses
        window_feeds *feeds
        window_host *hosts
        window_edge *edges
        window_comp *comps
        window_price *prices
        uint64_t *price_tags
        uint64_t *target_tags
        uint64_t *source_tags
        uint64_t *source_last_ns
        uint64_t *host_tags
        uint64_t *edge_tags
        uint32_t *active_sessions
        uint32_t *active_targets
        uint32_t *active_hosts
        uint32_t row_count
        uint64_t now_ns
        window_estimates estimates
        uint64_t *seed
        airnet_window *windows
        float *rows
        window_counters counters

    void window_estimates_begin(window_estimates *tables) noexcept nogil
    void window_seed(
        uint64_t *seed, uint64_t time_ns, uint64_t attempt) noexcept nogil
    int window_gateway_add(window_state *w, const uint8_t *address) noexcept nogil
    int window_venue_add(
        window_state *w, const uint8_t *address, uint16_t port) noexcept nogil
    void window_network_add(window_state *w, const uint8_t *address) noexcept nogil
    window_known *window_known_at(
        window_state *w, const uint8_t *address, int create) noexcept nogil
    long window_update(
        window_state *w, const airnet_header *headers, long count,
        const airnet_message *messages, long message_count) noexcept nogil

    uint64_t window_spoke_ns(
        const window_state *w, const uint8_t *source, const uint8_t *target
    )


ROWS = int(WINDOW_ROWS)
COLUMNS = int(WINDOW_COLUMNS)
#: For Step: who works on this state must have been built from the same headers.
LAYOUT = (
    sizeof(window_state), sizeof(window_session), sizeof(window_target),
    sizeof(window_source), sizeof(window_known), sizeof(window_venue),
    sizeof(airnet_window), ROWS, COLUMNS, S_COLUMNS, F_COLUMNS, V_COLUMNS,
    H_COLUMNS,
    sizeof(window_mirror), sizeof(window_witness), sizeof(window_feeds),
    M_COLUMNS, Q_COLUMNS, O_COLUMNS, sizeof(window_price),
)


cdef uint64_t source_last(window_state *w, const uint8_t *address) noexcept nogil:
    """Return when any target last had a flood-like packet from `address`."""
    cdef uint64_t last = 0
    cdef uint32_t i
    cdef int j
    cdef bint same
    for i in range(<uint32_t>WINDOW_SOURCES):
        if w.source_tags[i] == 0 or w.source_last_ns[i] <= last:
            continue
        same = True
        for j in range(16):
            same = same and w.sources[i].address[j] == address[j]
        if same:
            last = w.source_last_ns[i]
    return last


def window_rows():
    """Return WINDOW[ROWS], all zero: memory that numpy need not be loaded for."""
    cdef airnet_window *rows = <airnet_window *>calloc(ROWS, sizeof(airnet_window))
    if rows == NULL:
        raise MemoryError("window rows")
    cdef view.array held = <airnet_window[:ROWS]>rows
    held.callback_free_data = free
    return memoryview(held)


def feature_rows():
    """Return float32[ROWS, COLUMNS], all zero."""
    cdef float *rows = <float *>calloc(ROWS * COLUMNS, sizeof(float))
    if rows == NULL:
        raise MemoryError("feature rows")
    cdef view.array held = <float[:ROWS, :COLUMNS]>rows
    held.callback_free_data = free
    return memoryview(held)


@cython.final
cdef class WindowTable:
    """What features remembers of sessions, targets and sources. Fixed memory."""

    cdef window_state *state
    cdef airnet_window[::1] windows  # the caller's, held while this lives
    cdef float[:, ::1] rows

    def __cinit__(
        self,
        airnet_window[::1] windows not None,
        float[:, ::1] rows not None,
    ):
        if windows.shape[0] != ROWS or rows.shape[0] != ROWS:
            raise ValueError(f"windows, rows: {ROWS} rows expected")
        if rows.shape[1] != COLUMNS:
            raise ValueError(f"rows: {COLUMNS} columns expected")
        self.state = <window_state *>calloc(1, sizeof(window_state))
        if self.state == NULL:
            raise MemoryError("window table")
        cdef window_state *w = self.state
        w.sessions = <window_session *>calloc(
            AIRNET_SESSIONS_MAX, sizeof(window_session))
        w.targets = <window_target *>calloc(WINDOW_TARGETS, sizeof(window_target))
        w.sources = <window_source *>calloc(WINDOW_SOURCES, sizeof(window_source))
        w.known = <window_known *>calloc(WINDOW_KNOWN, sizeof(window_known))
        w.venues = <window_venue *>calloc(WINDOW_VENUES + 1, sizeof(window_venue))
        w.mirror = <window_mirror *>calloc(1, sizeof(window_mirror))
        w.witnesses = <window_witness *>calloc(
            AIRNET_SESSIONS_MAX, sizeof(window_witness))
        w.feeds = <window_feeds *>calloc(1, sizeof(window_feeds))
        w.target_tags = <uint64_t *>calloc(WINDOW_TARGETS, sizeof(uint64_t))
        w.source_tags = <uint64_t *>calloc(WINDOW_SOURCES, sizeof(uint64_t))
        w.source_last_ns = <uint64_t *>calloc(WINDOW_SOURCES, sizeof(uint64_t))
        w.active_sessions = <uint32_t *>calloc(AIRNET_SESSIONS_MAX, sizeof(uint32_t))
        w.active_targets = <uint32_t *>calloc(WINDOW_TARGETS, sizeof(uint32_t))
        w.active_hosts = <uint32_t *>calloc(WINDOW_HOSTS, sizeof(uint32_t))
        w.hosts = <window_host *>calloc(WINDOW_HOSTS, sizeof(window_host))
        w.edges = <window_edge *>calloc(WINDOW_EDGES, sizeof(window_edge))
        w.comps = <window_comp *>calloc(WINDOW_COMPS, sizeof(window_comp))
        w.prices = <window_price *>calloc(WINDOW_BANDS, sizeof(window_price))
        w.price_tags = <uint64_t *>calloc(WINDOW_BANDS, sizeof(uint64_t))
        w.host_tags = <uint64_t *>calloc(WINDOW_HOSTS, sizeof(uint64_t))
        w.edge_tags = <uint64_t *>calloc(WINDOW_EDGES, sizeof(uint64_t))
        if (
            w.sessions == NULL or w.targets == NULL or w.sources == NULL
            or w.known == NULL or w.venues == NULL or w.target_tags == NULL
            or w.source_tags == NULL or w.source_last_ns == NULL
            or w.mirror == NULL or w.witnesses == NULL or w.feeds == NULL
            or w.active_sessions == NULL or w.active_targets == NULL
            or w.active_hosts == NULL or w.hosts == NULL or w.edges == NULL
            or w.prices == NULL or w.price_tags == NULL
            or w.comps == NULL or w.host_tags == NULL or w.edge_tags == NULL
        ):
            raise MemoryError("window table")
        self.windows = windows
        self.rows = rows
        w.windows = &windows[0]
        w.rows = &rows[0, 0]
        window_estimates_begin(&w.estimates)
        window_seed(w.seed, 0, 0)

    def __dealloc__(self):
        # The state and its tables are ours; windows and rows are the caller's.
        if self.state == NULL:
            return
        free(self.state.sessions)
        free(self.state.targets)
        free(self.state.sources)
        free(self.state.known)
        free(self.state.venues)
        free(self.state.mirror)
        free(self.state.witnesses)
        free(self.state.feeds)
        free(self.state.target_tags)
        free(self.state.source_tags)
        free(self.state.source_last_ns)
        free(self.state.active_sessions)
        free(self.state.active_targets)
        free(self.state.active_hosts)
        free(self.state.hosts)
        free(self.state.edges)
        free(self.state.comps)
        free(self.state.prices)
        free(self.state.price_tags)
        free(self.state.host_tags)
        free(self.state.edge_tags)
        free(self.state)

    @property
    def place(self):
        """Where the state is: for Step alone."""
        return <size_t>self.state

    def add_gateway(self, bytes address not None, uint16_t port):
        """Watch this 16-byte address, and this port of it; False when a set is full."""
        if len(address) != 16:
            raise ValueError("address: 16 bytes expected")
        cdef const uint8_t *place = <const uint8_t *>(<char *>address)
        window_network_add(self.state, place)
        return (
            window_gateway_add(self.state, place) != 0
            and window_venue_add(self.state, place, port) != 0
        )

    def add_host(self, bytes address not None):
        """Take this 16-byte address as one of the site's own; False when full."""
        if len(address) != 16:
            raise ValueError("address: 16 bytes expected")
        cdef window_known *host = window_known_at(
            self.state, <const uint8_t *>(<char *>address), 1)
        if host == NULL:
            return False
        host.registered = 1
        window_network_add(self.state, host.address)
        return True

    def update(
        self,
        const airnet_header[::1] headers not None,
        const airnet_message[::1] messages not None,
    ):
        """Take HEADER[n] with their MESSAGE[m]; return how many headers were taken."""
        cdef const airnet_header *first = NULL
        cdef const airnet_message *message = NULL
        cdef long count = headers.shape[0]
        cdef long message_count = messages.shape[0]
        cdef long taken
        if count:
            first = &headers[0]
        if message_count:
            message = &messages[0]
        self.state.row_count = 0
        with nogil:
            taken = window_update(self.state, first, count, message, message_count)
        return taken

    @property
    def count(self):
        """How many windows the last update closed: the first rows of the buffers."""
        return self.state.row_count

    @property
    def now_ns(self):
        """The largest frame time so far, 0 before the first."""
        return self.state.now_ns

    def accepted_ns(self, uint32_t session):
        """When the gateway last acknowledged a new order of this session, or 0."""
        if session >= AIRNET_SESSIONS_MAX:
            return 0
        return self.state.sessions[session].accepted_ns

    def source_last_ns(self, bytes address not None):
        """When this 16-byte address last sent a flood-like packet, or 0."""
        if len(address) != 16:
            raise ValueError("address: 16 bytes expected")
        return source_last(self.state, <const uint8_t *>(<char *>address))

    def spoke_ns(self, bytes source not None, bytes target not None):
        """When one 16-byte address last spoke to another, sessions apart; or 0."""
        if len(source) != 16 or len(target) != 16:
            raise ValueError("address: 16 bytes expected")
        return window_spoke_ns(
            self.state, <const uint8_t *>(<char *>source),
            <const uint8_t *>(<char *>target),
        )

    def counters(self):
        """What was bounded: name -> count."""
        cdef window_counters *c = &self.state.counters
        return {
            "time_backwards": c.time_backwards,
            "targets_full": c.targets_full,
            "targets_evicted": c.targets_evicted,
            "sources_full": c.sources_full,
            "sources_evicted": c.sources_evicted,
            "known_full": c.known_full,
            "multicast": c.multicast,
            "windows": c.windows,
            "venues_full": c.venues_full,
            "venues_evicted": c.venues_evicted,
            "feeds_full": c.feeds_full,
            "hosts_full": c.hosts_full,
            "hosts_evicted": c.hosts_evicted,
            "hosts_skipped": c.hosts_skipped,
            "edges_evicted": c.edges_evicted,
            "symbols_evicted": c.symbols_evicted,
        }


def session_columns():
    """Return the names of a session row's columns, in order."""
    return tuple(window_session_names[i].decode() for i in range(S_COLUMNS))


def flood_columns():
    """Return the names of a gateway or source row's columns, in order."""
    return tuple(window_flood_names[i].decode() for i in range(F_COLUMNS))


def venue_columns():
    """Return the names of a venue row's columns, in order."""
    return tuple(window_venue_names[i].decode() for i in range(V_COLUMNS))


def sensor_columns():
    """Return the names of a sensor row's columns, in order."""
    return tuple(window_mirror_names[i].decode() for i in range(M_COLUMNS))


def feed_columns():
    """Return the names of a feed row's columns, in order."""
    return tuple(window_feed_names[i].decode() for i in range(Q_COLUMNS))


def order_columns():
    """Return the names of the columns of an order that is far off, in order."""
    return tuple(window_far_names[i].decode() for i in range(O_COLUMNS))


def host_columns():
    """Return the names of a host row's columns, in order."""
    return tuple(window_host_names[i].decode() for i in range(H_COLUMNS))


def window_dtype():
    """Return the dtype of the C struct a WINDOW row is."""
    import numpy as np

    cdef airnet_window[1] one
    return np.asarray(<airnet_window[:1]>one).dtype
