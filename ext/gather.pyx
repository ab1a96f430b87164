"""Windows as they close, one after the other, for who judges them later.

A `Gather` is told of windows by a Step, in C, and copies them with their features; and
with each session's name, whenever a window shows that it has another one. Memory grows
as it must: this is for what is watched in virtual time, never for a live capture. Cost:
30 ns a window, and about 2 us where there is no room left.
"""

cimport cython
from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcmp, memcpy

import numpy as np

from abi cimport (
    AIRNET_SESSIONS_MAX,
    AIRNET_WINDOW_ORDER,
    AIRNET_WINDOW_SESSION,
    airnet_session,
    airnet_window,
)


cdef enum:
    COLUMNS = 64
    FIRST = 1024


cdef struct gather:
    const airnet_session *table
    airnet_session *known  # by row of the table, as it was when last noted
    airnet_window *windows
    float *rows
    uint32_t *batches  # how many windows there were after each
    airnet_session *names
    uint32_t *subjects
    uint32_t *since
    uint32_t count
    uint32_t limit
    uint32_t batch_count
    uint32_t batch_limit
    uint32_t name_count
    uint32_t name_limit
    uint32_t table_count
    int is_void  # there was no room, or a session of which there is no row


cdef int larger(void **at, size_t size, uint32_t count) noexcept nogil:
    """Give an array room for so many items; 0 when there is none."""
    cdef void *made = realloc(at[0], size * count)
    if made == NULL:
        return 0
    at[0] = made
    return 1


cdef uint32_t grown(uint32_t limit, uint32_t wanted) noexcept nogil:
    """Return how much room there shall be."""
    limit = FIRST if limit == 0 else limit
    while limit < wanted:
        limit *= 2
    return limit


cdef int note(gather *g, uint32_t subject, uint32_t at) noexcept nogil:
    """Note who has a row of the table, if it is somebody else; 0: no room."""
    cdef const airnet_session *now = &g.table[subject]
    cdef airnet_session *old = &g.known[subject]
    cdef size_t named = <const uint8_t *>(now + 1) - <const uint8_t *>&now.client[0]
    cdef uint32_t limit
    if memcmp(&now.client[0], &old.client[0], named) == 0:
        return 1
    if g.name_count == g.name_limit:
        limit = grown(g.name_limit, g.name_count + 1)
        if not (
            larger(<void **>&g.names, sizeof(airnet_session), limit)
            and larger(<void **>&g.subjects, sizeof(uint32_t), limit)
            and larger(<void **>&g.since, sizeof(uint32_t), limit)
        ):
            return 0
        g.name_limit = limit
    old[0] = now[0]
    g.names[g.name_count] = now[0]
    g.subjects[g.name_count] = subject
    g.since[g.name_count] = at
    g.name_count += 1
    return 1


cdef int room(gather *g, uint32_t more) noexcept nogil:
    """Have room for more windows, and one more batch; 0: there is none."""
    cdef uint32_t limit
    if g.count + more > g.limit:
        limit = grown(g.limit, g.count + more)
        if not (
            larger(<void **>&g.windows, sizeof(airnet_window), limit)
            and larger(<void **>&g.rows, COLUMNS * sizeof(float), limit)
        ):
            return 0
        g.limit = limit
    if g.batch_count == g.batch_limit:
        limit = grown(g.batch_limit, g.batch_count + 1)
        if not larger(<void **>&g.batches, sizeof(uint32_t), limit):
            return 0
        g.batch_limit = limit
    return 1


cdef void told(
    void *place, const airnet_window *windows, const float *rows, uint32_t count
) noexcept nogil:
    """Take windows that closed together."""
    cdef gather *g = <gather *>place
    cdef uint32_t i
    if g.is_void or not room(g, count):
        g.is_void = 1
        return
    for i in range(count):
        if (
            windows[i].kind != AIRNET_WINDOW_SESSION
            and windows[i].kind != AIRNET_WINDOW_ORDER
        ):
            continue
        if windows[i].subject >= g.table_count or not note(
            g, windows[i].subject, g.count + i
        ):
            g.is_void = 1
            return
    memcpy(&g.windows[g.count], windows, count * sizeof(airnet_window))
    memcpy(
        &g.rows[<size_t>g.count * COLUMNS], rows, count * COLUMNS * sizeof(float)
    )
    g.count += count
    g.batches[g.batch_count] = g.count
    g.batch_count += 1


@cython.final
cdef class Gather:
    """Copies windows as they close; see the stub."""

    cdef gather *state
    cdef object table  # the owner of what state reads

    def __cinit__(self, const airnet_session[::1] sessions not None):
        if not 0 < sessions.shape[0] <= AIRNET_SESSIONS_MAX:
            raise ValueError(f"sessions must be SESSION[1..{AIRNET_SESSIONS_MAX}]")
        self.state = <gather *>calloc(1, sizeof(gather))
        if self.state == NULL:
            raise MemoryError("gather")
        self.state.known = <airnet_session *>calloc(
            sessions.shape[0], sizeof(airnet_session)
        )
        if self.state.known == NULL:
            raise MemoryError("gather")
        self.table = sessions
        self.state.table = &sessions[0]
        self.state.table_count = <uint32_t>sessions.shape[0]

    def __dealloc__(self):
        if self.state == NULL:
            return
        free(self.state.known)
        free(self.state.windows)
        free(self.state.rows)
        free(self.state.batches)
        free(self.state.names)
        free(self.state.subjects)
        free(self.state.since)
        free(self.state)

    @property
    def place(self):
        """Where a Step finds whom to tell, and how."""
        return <size_t>self.state, <size_t>&told

    def take(self, const airnet_window[::1] windows, const float[:, ::1] rows):
        """Take windows that closed together, as a Step would tell of them."""
        if rows.shape[1] != COLUMNS or rows.shape[0] != windows.shape[0]:
            raise ValueError("rows must be float32[k, 64], one for each window")
        if windows.shape[0]:
            told(
                self.state, &windows[0], &rows[0, 0], <uint32_t>windows.shape[0]
            )

    def gathered(self):
        """Return copies of what there is so far; see the stub."""
        cdef gather *g = self.state
        if g.is_void:
            raise MemoryError("windows that closed could not be kept")
        made = np.zeros((g.count, COLUMNS), np.float32)
        cdef float[:, ::1] rows = made
        batches = np.zeros(g.batch_count, np.uint32)
        subjects = np.zeros(g.name_count, np.uint32)
        since = np.zeros(g.name_count, np.uint32)
        cdef uint32_t[::1] ends = batches, who = subjects, at = since
        raw = bytearray(g.count * sizeof(airnet_window))
        named = bytearray(g.name_count * sizeof(airnet_session))
        cdef uint8_t[::1] window_bytes = raw, name_bytes = named
        if g.count:
            memcpy(&rows[0, 0], g.rows, g.count * COLUMNS * sizeof(float))
            memcpy(&window_bytes[0], g.windows, g.count * sizeof(airnet_window))
            memcpy(&ends[0], g.batches, g.batch_count * sizeof(uint32_t))
        if g.name_count:
            memcpy(&name_bytes[0], g.names, g.name_count * sizeof(airnet_session))
            memcpy(&who[0], g.subjects, g.name_count * sizeof(uint32_t))
            memcpy(&at[0], g.since, g.name_count * sizeof(uint32_t))
        return raw, made, batches, named, subjects, since
