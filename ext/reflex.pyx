"""Orders foreseen for gateways, compared with windows as they close, and carried out.

Shapes: WINDOW[k] and float32[k, 64] rows, as features leave them; `Arms` copies what
it is given and frees it. It decides nothing: airnet.service.arming says what was
foreseen, and confirms or takes back what was done. Cost: some 50 ns a window of a
gateway, and 5 us where an order holds.
"""

cimport cython
cimport numpy as np
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from abi cimport airnet_window


cdef extern from "reflex_fire.h" nogil:
    enum:
        TREES_COLUMNS
        REFLEX_ARMS
        REFLEX_TARGETS
        REFLEX_PLACES
        REFLEX_SPARED_MAX
        REFLEX_RANGES
        REFLEX_RULES
        REFLEX_TEXT_BYTES
        REFLEX_REASONS
        REFLEX_LIMIT
        REFLEX_DROP

    struct screen:
        pass

    struct screen_limit:
        uint32_t column
        float least
        float most

    struct screen_rule:
        uint32_t kind
        uint32_t mark
        uint32_t first
        uint32_t count

    struct reflex_order:
        uint64_t number
        uint64_t ttl_ns
        uint64_t interval_ns
        uint64_t slack_ns
        const uint8_t *text
        uint32_t text_bytes
        uint32_t text_check

    struct reflex_arm:
        uint8_t gateway[16]
        uint64_t from_ns
        uint64_t until_ns
        uint64_t streak_until_ns
        uint32_t at_once
        uint32_t follows
        uint32_t port
        uint32_t streak_port
        uint32_t few
        uint32_t targets_max
        uint32_t actions
        uint32_t source_count
        uint8_t sources[REFLEX_TARGETS][16]
        reflex_order limit
        reflex_order drop

    struct reflex_shot:
        uint64_t number
        uint64_t close_ns
        uint64_t begun_ns
        uint64_t done_ns
        uint64_t until_ns
        uint64_t ttl_ns
        uint32_t action
        uint32_t rule
        uint32_t place
        uint32_t port
        uint32_t source_count
        uint32_t text_bytes
        uint8_t gateway[16]
        uint8_t sources[REFLEX_TARGETS][16]

    struct reflex_range:
        uint8_t first[16]
        uint8_t last[16]

    struct reflex_terms:
        uint32_t sources
        uint32_t packets
        uint32_t registered
        uint32_t share
        uint32_t known
        uint32_t flood
        uint32_t containable

    struct reflex_left:
        uint64_t close_ns
        uint64_t looked_ns
        uint32_t why

    struct reflex_batch:
        const airnet_window *windows
        const float *rows
        uint32_t count

    struct reflex:
        screen screen
        reflex_terms terms
        const screen_rule *rules
        const screen_limit *limits
        uint32_t rule_count
        uint32_t arm_count
        uint32_t spared_count
        uint32_t range_count
        uint64_t declined[REFLEX_REASONS]
        reflex_left left
        uint64_t gateways_left
        reflex_arm *arms
        uint8_t (*spared)[16]
        reflex_range *ranges

    struct reflex_gun:
        reflex aim
        reflex_shot shot
        reflex_batch batch
        uint8_t *room
        const uint64_t *is_off
        const char *frozen
        uint64_t fired
        uint64_t failed
        uint32_t room_bytes
        int sources_fd
        int gateways_fd
        int is_held
        uint32_t checks[256]

    void reflex_checks(uint32_t *table) noexcept
    uint32_t reflex_check(
        const uint32_t *table, uint32_t check, const uint8_t *bytes, size_t count
    ) noexcept
    uint8_t *reflex_spared_at(const reflex *r, const uint8_t *address) noexcept
    int reflex_look(
        reflex *r, const reflex_batch *b, reflex_shot *shot
    ) noexcept
    void reflex_forget(reflex_gun *g) noexcept
    void reflex_step(
        void *place, const airnet_window *windows, const float *rows, uint32_t count
    ) noexcept


np.import_array()

ARMS, TARGETS, RULES, TEXT_BYTES = (
    REFLEX_ARMS, REFLEX_TARGETS, REFLEX_RULES, REFLEX_TEXT_BYTES
)
RANGES, SPARED_MAX = REFLEX_RANGES, REFLEX_SPARED_MAX
LIMIT, DROP = REFLEX_LIMIT, REFLEX_DROP
SHOT_BYTES = sizeof(reflex_shot)
#: By reflex_why.
WHY = ("unarmed", "too_few", "not_first", "other_port", "unsure", "otherwise", "held")
assert len(WHY) == REFLEX_REASONS


cdef tuple said(const reflex_shot *shot):
    """Return a shot: the fields of airnet.act.shot.Shot, in order."""
    cdef uint32_t i
    return (
        shot.number, shot.close_ns, shot.begun_ns, shot.done_ns, shot.until_ns,
        shot.ttl_ns, shot.action, shot.rule, shot.port,
        (<const char *>&shot.gateway[0])[:16],
        tuple([
            (<const char *>&shot.sources[i][0])[:16] for i in range(shot.source_count)
        ]),
    )


def shot_of(bytes text not None):
    """Return an order's text and the shot in an intent's bytes; None: none is there."""
    cdef reflex_shot shot
    cdef Py_ssize_t size = len(text) - <Py_ssize_t>sizeof(shot)
    if size < 0:
        return None
    memcpy(&shot, <const char *>text + size, sizeof(shot))
    if shot.text_bytes != <uint32_t>size or shot.source_count > REFLEX_TARGETS:
        return None
    return text[:size], said(&shot)


@cython.final
cdef class Arms:
    """What is foreseen, and what is done of it; see the stub."""

    cdef reflex_gun *state
    cdef uint8_t *texts
    cdef tuple owners  # of what state points to

    def __cinit__(
        self, place not None, const screen_rule[::1] rules not None,
        const screen_limit[::1] limits not None, tuple terms not None,
    ):
        cdef size_t address, size
        address, size = place.place
        if size != sizeof(screen):
            raise ImportError(
                "airnet._ext.trees and airnet._ext.reflex were built from different "
                "sources: build both again"
            )
        if not 0 < rules.shape[0] <= REFLEX_RULES or limits.shape[0] == 0:
            raise ValueError(f"1 to {REFLEX_RULES} rules, with their limits")
        for i in range(rules.shape[0]):
            if rules[i].first + <uint64_t>rules[i].count > <size_t>limits.shape[0]:
                raise ValueError(f"rule {i} has limits that are not there")
        for i in range(limits.shape[0]):
            if limits[i].column >= TREES_COLUMNS:
                raise ValueError(f"limit {i} has a column that is not there")
        if max(terms[:5]) >= TREES_COLUMNS or terms[5] >= 32:
            raise ValueError("a term has a column, or a class, that is not there")
        self.state = <reflex_gun *>calloc(1, sizeof(reflex_gun))
        self.texts = <uint8_t *>calloc(2 * REFLEX_ARMS, REFLEX_TEXT_BYTES)
        if self.state == NULL or self.texts == NULL:
            raise MemoryError("arms")
        self.state.aim.arms = <reflex_arm *>calloc(REFLEX_ARMS, sizeof(reflex_arm))
        self.state.aim.ranges = <reflex_range *>calloc(
            REFLEX_RANGES, sizeof(reflex_range)
        )
        self.state.aim.spared = <uint8_t (*)[16]>calloc(REFLEX_PLACES, 16)
        if (
            self.state.aim.arms == NULL or self.state.aim.ranges == NULL
            or self.state.aim.spared == NULL
        ):
            raise MemoryError("arms")
        self.owners = place, rules, limits
        memcpy(&self.state.aim.screen, <const void *>address, sizeof(screen))
        self.state.aim.rules, self.state.aim.limits = &rules[0], &limits[0]
        self.state.aim.rule_count = <uint32_t>rules.shape[0]
        (
            self.state.aim.terms.sources, self.state.aim.terms.packets,
            self.state.aim.terms.registered, self.state.aim.terms.share,
            self.state.aim.terms.known, self.state.aim.terms.flood,
            self.state.aim.terms.containable,
        ) = terms
        reflex_checks(self.state.checks)

    def __dealloc__(self):
        if self.state != NULL:
            free(self.state.aim.arms)
            free(self.state.aim.ranges)
            free(self.state.aim.spared)
        free(self.state)
        free(self.texts)

    @property
    def place(self):
        """Where its state is, and what to call with it: for ext/step.pyx."""
        return <size_t>self.state, <size_t>&reflex_step

    def load(
        self, int sources_fd, int gateways_fd, uint8_t[::1] room not None,
        const uint64_t[::1] control not None, bytes frozen not None,
    ):
        """Carry out from now on what holds: by these tables of the guard.

        `room` is where the intent lies, `control` the guard's switch, `frozen` the
        path of the file that freezes.
        """
        self.owners = (*self.owners[:3], room, control, frozen)
        self.state.sources_fd, self.state.gateways_fd = sources_fd, gateways_fd
        self.state.is_off, self.state.frozen = &control[0], <const char *>frozen
        self.state.room_bytes = <uint32_t>room.shape[0]
        self.state.room = &room[0]

    def hold(self):
        """Carry out nothing more, whatever is foreseen. By any thread, for good."""
        self.state.is_held = 1

    def spare(self, bytes addresses not None):
        """Never name these any more, 16 bytes each; False: there is no room."""
        cdef const uint8_t *one = <const uint8_t *><const char *>addresses
        cdef uint8_t *at
        cdef size_t i
        for i in range(<size_t>len(addresses) // 16):
            at = reflex_spared_at(&self.state.aim, one + 16 * i)
            if memcmp_16(at, one + 16 * i):
                if self.state.aim.spared_count >= REFLEX_SPARED_MAX:
                    return False
                memcpy(at, one + 16 * i, 16)
                self.state.aim.spared_count += 1
        return True

    def spare_ranges(self, bytes ranges not None):
        """Never name anybody from a first to a last address, 32 bytes each."""
        cdef size_t count = <size_t>len(ranges) // 32
        if count > REFLEX_RANGES:
            raise ValueError(f"at most {REFLEX_RANGES} ranges")
        memcpy(self.state.aim.ranges, <const char *>ranges, 32 * count)
        self.state.aim.range_count = <uint32_t>count

    def unspare(self):
        """Forget whom to spare, but for the ranges."""
        memset(self.state.aim.spared, 0, 16 * <size_t>REFLEX_PLACES)
        self.state.aim.spared_count = 0

    cdef int order(self, reflex_order *out, uint8_t *text, given) except -1:
        """Take an order, whose text is kept there."""
        number, ttl_ns, interval_ns, slack_ns, words = given
        cdef bytes kept = words
        if len(kept) > REFLEX_TEXT_BYTES:
            raise ValueError(f"an order's text has at most {REFLEX_TEXT_BYTES} bytes")
        memcpy(text, <const char *>kept, <size_t>len(kept))
        out.number, out.ttl_ns, out.interval_ns = number, ttl_ns, interval_ns
        out.slack_ns, out.text, out.text_bytes = slack_ns, text, <uint32_t>len(kept)
        out.text_check = reflex_check(
            self.state.checks, 0, text, <size_t>len(kept)
        )
        return 0

    cdef int slot(self, const uint8_t *gateway) noexcept:
        """Return where a gateway's arm is, or goes; -1: there is no room."""
        cdef int i, found = -1
        for i in range(<int>self.state.aim.arm_count):
            if not memcmp_16(self.state.aim.arms[i].gateway, gateway):
                return i
            if not self.state.aim.arms[i].until_ns and found < 0:
                found = i
        if found < 0 and self.state.aim.arm_count < REFLEX_ARMS:
            found = <int>self.state.aim.arm_count
        return found

    def arm(self, given not None):
        """Take what is foreseen of a gateway: an Arm; False: there is no room."""
        gateway, when, rules, bounds, sources, limit, drop = given
        cdef bytes address = gateway, named = b"".join(sources)
        cdef reflex_arm *one
        cdef int at
        if len(address) != 16 or len(named) % 16 or len(named) > 16 * REFLEX_TARGETS:
            raise ValueError("addresses have 16 bytes; too many sources")
        at = self.slot(<const uint8_t *><const char *>address)
        if at < 0:
            return False
        one = self.state.aim.arms + at
        memset(one, 0, sizeof(reflex_arm))
        memcpy(one.gateway, <const char *>address, 16)
        one.from_ns, one.until_ns, one.streak_until_ns = when
        one.at_once, one.follows = rules
        one.port, one.streak_port, one.few, one.targets_max = bounds
        one.source_count = <uint32_t>(len(named) // 16)
        memcpy(one.sources, <const char *>named, <size_t>len(named))
        if limit is not None:
            self.order(&one.limit, self.texts + 2 * at * REFLEX_TEXT_BYTES, limit)
            one.actions |= REFLEX_LIMIT
        if drop is not None:
            self.order(&one.drop, self.texts + (2 * at + 1) * REFLEX_TEXT_BYTES, drop)
            one.actions |= REFLEX_DROP
        if <uint32_t>at == self.state.aim.arm_count:
            self.state.aim.arm_count += 1
        return True

    def disarm(self, bytes gateway=b""):
        """Forget what was foreseen of a gateway, or of all."""
        cdef int at
        if not gateway:
            self.state.aim.arm_count = 0
        elif len(gateway) == 16:
            at = self.slot(<const uint8_t *><const char *>gateway)
            if 0 <= at < <int>self.state.aim.arm_count:
                self.state.aim.arms[at].until_ns = 0

    @property
    def count(self):
        """How many gateways something is foreseen of, or was."""
        return self.state.aim.arm_count

    @property
    def gateways_left(self):
        """How many windows of gateways may close until all is in doubt again."""
        return self.state.aim.gateways_left

    @gateways_left.setter
    def gateways_left(self, uint64_t count):
        self.state.aim.gateways_left = count

    @property
    def shot(self):
        """What was done and is not confirmed, as a tuple; None: nothing."""
        return said(&self.state.shot) if self.state.shot.action else None

    def forget(self):
        """Say that the shot is confirmed or taken back: its intent is over."""
        if self.state.room != NULL:
            reflex_forget(self.state)

    @property
    def counts(self):
        """How often it was done, and how often the kernel refused."""
        return self.state.fired, self.state.failed

    @property
    def declined(self):
        """How often nothing was done of a window that broke a rule, by WHY."""
        cdef int i
        return tuple([self.state.aim.declined[i] for i in range(REFLEX_REASONS)])

    @property
    def left(self):
        """The last window left to the judge: its end, when it was looked at, why."""
        cdef reflex_left *left = &self.state.aim.left
        return left.close_ns, left.looked_ns, left.why

    cdef int take(self, np.ndarray windows, np.ndarray rows) except -1:
        """Make the batch one of WINDOW[k] with float32[k, 64] rows."""
        if (
            np.PyArray_NDIM(rows) != 2
            or np.PyArray_TYPE(rows) != np.NPY_FLOAT32
            or np.PyArray_DIM(rows, 1) != TREES_COLUMNS
            or not np.PyArray_ISCARRAY_RO(rows)
            or np.PyArray_NDIM(windows) != 1
            or np.PyArray_ITEMSIZE(windows) != sizeof(airnet_window)
            or not np.PyArray_ISCARRAY_RO(windows)
            or np.PyArray_DIM(windows, 0) != np.PyArray_DIM(rows, 0)
        ):
            raise ValueError("WINDOW[k] and float32[k, 64], contiguous")
        self.state.batch.windows = <const airnet_window *>np.PyArray_DATA(windows)
        self.state.batch.rows = <const float *>np.PyArray_DATA(rows)
        self.state.batch.count = <uint32_t>np.PyArray_DIM(rows, 0)
        return 0

    def aim(self, np.ndarray windows not None, np.ndarray rows not None):
        """Return what would be done of these windows, as a tuple; None: nothing."""
        cdef reflex_shot shot
        cdef int found
        self.take(windows, rows)
        with nogil:
            found = reflex_look(&self.state.aim, &self.state.batch, &shot)
        return said(&shot) if found > 0 else None

    def fire(self, np.ndarray windows not None, np.ndarray rows not None):
        """Do it: what ext/step.h does of each batch."""
        self.take(windows, rows)
        with nogil:
            reflex_step(
                self.state, self.state.batch.windows, self.state.batch.rows,
                self.state.batch.count,
            )


cdef extern from "string.h" nogil:
    int memcmp(const void *left, const void *right, size_t bytes)


cdef inline int memcmp_16(const uint8_t *left, const uint8_t *right) noexcept nogil:
    """Return 0 where two addresses are the same."""
    return memcmp(left, right, 16) != 0
