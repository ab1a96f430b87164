"""Shots of the fast lane, filled and written in one call.

A `Plan` owns the prepared bytes of one containment and knows what stands where; a
`Loan` owns descriptors: whose turn it is to write, and the switches' connections.
Nothing waits: a switch that is full, or another's turn, is told and left to the lane.
The interpreter's lock is kept, because letting it go can cost more than the write.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy


cdef extern from "shot.h" nogil:
    enum:
        SHOT_HOLES_MAX
        SHOT_SWITCHES_MAX
        SHOT_DATA_MAX
        SHOT_COOKIE
        SHOT_SECONDS
        SHOT_XID
        SHOT_SOURCE

    struct shot_hole:
        uint32_t at
        uint32_t kind

    ctypedef struct shot_plan "struct shot":
        uint8_t *bytes
        uint32_t data_bytes
        uint32_t end_bytes
        uint32_t hole_count
        uint32_t address_bytes
        uint32_t seconds_max
        uint64_t mark
        shot_hole holes[256]

    struct shot_order:
        uint64_t decision
        uint32_t slot
        uint32_t xid
        uint32_t seconds

    struct shot_loan:
        uint8_t *halves
        int turn
        uint32_t number
        uint32_t count
        int switches[252]

    int shot_width(const shot_plan *shot, uint32_t kind) noexcept
    void shot_fill(
        const shot_plan *shot, uint8_t *data, const shot_order *order,
        const uint8_t *source,
    ) noexcept
    void shot_end(uint8_t *end, const shot_order *order) noexcept
    int shot_write(const shot_loan *loan, const uint8_t *data, size_t count) noexcept
    int shot_fire(
        shot_plan *shot, const shot_loan *loan, const shot_order *order, int lane
    ) noexcept


cdef extern from "<sys/mman.h>" nogil:
    int PROT_READ, PROT_WRITE, MAP_SHARED
    void *MAP_FAILED
    void *mmap(void *at, size_t count, int prot, int flags, int fd, long start)
    int munmap(void *at, size_t count)


cdef extern from "<unistd.h>" nogil:
    int close(int fd) noexcept


COOKIE, SECONDS, XID, SOURCE = SHOT_COOKIE, SHOT_SECONDS, SHOT_XID, SHOT_SOURCE
SWITCHES_MAX = SHOT_SWITCHES_MAX
#: What firing comes to.
FOR_THE_LANE, FIRED, UNTOLD = 0, 1, 2


@cython.final
cdef class Plan:
    """The bytes of one containment, and what stands where that is told late."""

    cdef shot_plan state

    def __cinit__(
        self, const uint8_t[::1] data not None, const uint8_t[::1] end not None,
        list holes not None, uint64_t mark, uint32_t seconds_max,
        uint32_t address_bytes=0,
    ):
        """Take `holes` of (place in data, COOKIE | SECONDS | XID | SOURCE).

        Raises ValueError where one lies outside, or there are too many.
        """
        cdef shot_plan *s = &self.state
        cdef uint32_t at, kind
        if not 0 < data.shape[0] <= SHOT_DATA_MAX or not 8 <= end.shape[0] <= 64:
            raise ValueError("no message, or too long a one")
        if len(holes) > SHOT_HOLES_MAX or address_bytes > 16:
            raise ValueError("too many places to fill")
        s.data_bytes, s.end_bytes = <uint32_t>data.shape[0], <uint32_t>end.shape[0]
        s.mark, s.seconds_max, s.address_bytes = mark, seconds_max, address_bytes
        for at, kind in holes:
            if kind > SHOT_SOURCE or at + shot_width(s, kind) > s.data_bytes:
                raise ValueError("a place lies outside its message")
            s.holes[s.hole_count].at = at
            s.holes[s.hole_count].kind = kind
            s.hole_count += 1
        s.bytes = <uint8_t *>calloc(1, s.data_bytes + s.end_bytes)
        if s.bytes == NULL:
            raise MemoryError
        memcpy(s.bytes, &data[0], s.data_bytes)
        memcpy(s.bytes + s.data_bytes, &end[0], s.end_bytes)

    def __dealloc__(self):
        free(self.state.bytes)

    def filled(
        self, uint64_t decision, uint32_t seconds, uint32_t xid, sources not None=()
    ):
        """Return the bytes for one decision; of a template, for these sources.

        A source is 16 bytes, an IPv4 address mapped. Raises ValueError otherwise.
        """
        cdef shot_plan *s = &self.state
        cdef shot_order order
        cdef const uint8_t[::1] source
        cdef Py_ssize_t count = max(len(sources), 1)
        cdef uint8_t *into
        order.decision, order.slot, order.xid, order.seconds = decision, 0, xid, seconds
        made = PyBytes_FromStringAndSize(NULL, count * s.data_bytes + s.end_bytes)
        into = <uint8_t *>PyBytes_AS_STRING(made)
        if not sources:
            memcpy(into, s.bytes, s.data_bytes)
            shot_fill(s, into, &order, NULL)
            into += s.data_bytes
        for source in sources:
            if source.shape[0] != 16:
                raise ValueError("a source is 16 bytes")
            memcpy(into, s.bytes, s.data_bytes)
            shot_fill(s, into, &order, &source[0])
            into += s.data_bytes
        memcpy(into, s.bytes + s.data_bytes, s.end_bytes)
        shot_end(into, &order)
        return made


@cython.final
cdef class Loan:
    """The switches' connections, as lent by the lane, which keeps them alive.

    `number` is what the lane calls it; `descriptors` whose turn it is to write, and
    the connections. It owns them, and closes them with `close` or its end.
    """

    cdef shot_loan state

    def __cinit__(self, uint32_t number=0, descriptors=()):
        """Take over the descriptors. Raises OSError where the turn cannot be seen."""
        cdef shot_loan *s = &self.state
        cdef void *seen
        cdef int i
        s.turn, s.number = -1, number
        if not descriptors:
            return
        if len(descriptors) > SHOT_SWITCHES_MAX + 1:
            raise ValueError("too many connections")
        seen = mmap(
            NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, descriptors[0], 0
        )
        if seen == MAP_FAILED:
            raise OSError("whose turn it is cannot be seen")
        s.halves = <uint8_t *>seen
        s.turn = descriptors[0]
        for i in range(1, len(descriptors)):
            s.switches[i - 1] = descriptors[i]
        s.count = <uint32_t>len(descriptors) - 1

    def __dealloc__(self):
        self._let_go()

    cdef void _let_go(self) noexcept:
        cdef shot_loan *s = &self.state
        cdef uint32_t i
        if s.halves != NULL:
            munmap(<void *>s.halves, 1)
            s.halves = NULL
        for i in range(s.count):
            close(s.switches[i])
        if s.turn >= 0:
            close(s.turn)
        s.turn, s.count = -1, 0

    @property
    def number(self):
        return self.state.number

    @property
    def turn(self):
        """Return the descriptor that is locked by whose turn it is; -1 = none."""
        return self.state.turn

    def write(self, const uint8_t[::1] data not None):
        """Write to every switch now; return whether all took all of it.

        The lane's turn, a switch that reads nothing, none there: then it did not, or
        not everywhere, and the lane is the one to do it.
        """
        cdef const uint8_t *start = &data[0] if data.shape[0] else NULL
        return shot_write(&self.state, start, data.shape[0]) == 0

    def fire(
        self, Plan plan not None, uint32_t slot, uint64_t decision, uint32_t seconds,
        uint32_t xid, int lane,
    ):
        """Fill in, write to every switch, tell the lane; FIRED, UNTOLD, FOR_THE_LANE.

        `lane` is the socket of who is told. A template is not fired so: it is about
        nobody.
        """
        cdef shot_order order
        if plan.state.address_bytes and _is_template(&plan.state):
            return FOR_THE_LANE
        order.decision, order.slot, order.xid, order.seconds = (
            decision, slot, xid, seconds
        )
        return shot_fire(&plan.state, &self.state, &order, lane)

    def close(self):
        """Give the connections back."""
        self._let_go()


cdef int _is_template(const shot_plan *plan) noexcept nogil:
    cdef uint32_t i
    for i in range(plan.hole_count):
        if plan.holes[i].kind == SHOT_SOURCE:
            return 1
    return 0
