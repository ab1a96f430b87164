"""Margins of feature rows by tree ensembles, and which windows need a second look.

Shapes: NODE[n] and WEIGHT[m] of a model in; then float32[k, 64] rows in and float32[k,
classes] margins out, the same bits as ONNX defines, by AVX-512 or by a portable walk.
`Trees` owns its layouts and frees them; `Screen` keeps the Trees it was given. Cost:
the nodes of the ensemble a row, whatever the row is.
"""

cimport cython
cimport numpy as np
from libc.math cimport isfinite
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from abi cimport airnet_window

import numpy


cdef extern from "screen.h" nogil:
    enum:
        TREES_COLUMNS
        TREES_LEAVES
        TREES_CLASSES
        SCREEN_KINDS
        SCREEN_MODELS
        SCREEN_SUSPECT
        SCREEN_FACT
        SCREEN_EXCUSED
        SCREEN_SHADOW
        OPINION_READY

    struct opinion:
        uint32_t place
        uint32_t kind
        uint32_t cause
        uint32_t abstains
        uint32_t probability_ppm
        int measured

    struct opinion_voice:
        double temperature
        uint32_t *columns
        int lead_ppm
        uint32_t has_ready
        uint32_t *ready_column
        float *ready_least
        uint32_t rate_column
        float rate_least

    struct trees:
        uint32_t tree_count
        uint32_t classes
        uint32_t is_wide

    struct screen_limit:
        uint32_t column
        float least
        float most

    struct screen_rule:
        uint32_t kind
        uint32_t mark
        uint32_t first
        uint32_t count

    struct screen:
        const trees *trees[SCREEN_KINDS]
        float slack[SCREEN_KINDS]
        uint64_t filled[SCREEN_KINDS]
        float fill[SCREEN_KINDS]
        opinion_voice voices[SCREEN_KINDS]
        const screen_rule *rules
        const screen_limit *limits
        uint32_t rule_count
        uint32_t shadow_every
        uint64_t seen
        uint64_t heard
        opinion *opinions
        uint32_t spoken
        uint32_t marked

    int trees_has_wide() noexcept
    void trees_score(const trees *t, const float *row, float *out) noexcept
    uint32_t screen_look(
        screen *s,
        const airnet_window *windows,
        const float *rows,
        uint32_t count,
        uint8_t *marks,
    ) noexcept


cdef extern from "trees_build.h" nogil:
    enum trees_reason:
        TREES_REASONS

    struct trees_node:
        uint32_t tree
        uint32_t node
        uint32_t column
        uint32_t yes
        uint32_t no
        uint32_t is_leaf
        float threshold

    struct trees_weight:
        uint32_t tree
        uint32_t node
        uint32_t target
        float value

    struct trees_input:
        const trees_node *nodes
        const trees_weight *weights
        uint32_t node_count
        uint32_t weight_count
        uint32_t classes

    trees_reason trees_build(
        trees *t, const trees_input *given, uint32_t *where
    ) noexcept
    void trees_free(trees *t) noexcept


cdef extern from "shapley.h" nogil:
    enum:
        SHAPLEY_REFERENCES

    struct shapley:
        uint32_t references

    trees_reason shapley_build(
        shapley *s,
        const trees_input *given,
        const float *references,
        uint32_t count,
        uint32_t *where,
    ) noexcept
    void shapley_explain(
        const shapley *s, const float *row, const double *coefficients, double *out
    ) noexcept
    void shapley_free(shapley *s) noexcept


np.import_array()

COLUMNS, LEAVES, CLASSES = TREES_COLUMNS, TREES_LEAVES, TREES_CLASSES
REFERENCES = SHAPLEY_REFERENCES
SUSPECT, FACT, EXCUSED, SHADOW = (
    SCREEN_SUSPECT, SCREEN_FACT, SCREEN_EXCUSED, SCREEN_SHADOW
)
#: What this processor can score with, the slowest first.
KERNELS = ("portable", "avx512")[: 1 + trees_has_wide()]
NODE = numpy.dtype(
    [(name, "<u4") for name in ("tree", "node", "column", "yes", "no", "is_leaf")]
    + [("threshold", "<f4")]
)
WEIGHT = numpy.dtype(
    [("tree", "<u4"), ("node", "<u4"), ("target", "<u4"), ("value", "<f4")]
)
LIMIT = numpy.dtype([("column", "<u4"), ("least", "<f4"), ("most", "<f4")])
RULE = numpy.dtype([(name, "<u4") for name in ("kind", "mark", "first", "count")])
#: By trees_reason.
REASONS = (
    "",
    f"no trees, too many, or not 1 to {TREES_CLASSES} classes",
    "its nodes are not in order",
    "its branches form no tree whose children come behind their parents",
    f"a column is {TREES_COLUMNS} or above",
    f"it has more than {TREES_LEAVES} leaves",
    "its weights are not one a leaf, in the order of the leaves",
    "its weights are of several classes, or of none",
    "a threshold or a weight is not a number",
    "its sums would not be exact",
    "no memory",
)
assert len(REASONS) == TREES_REASONS


cdef const float *rows_of(np.ndarray rows) except NULL:
    """Return where float32[k, 64] rows begin."""
    if (
        np.PyArray_NDIM(rows) != 2
        or np.PyArray_TYPE(rows) != np.NPY_FLOAT32
        or np.PyArray_DIM(rows, 1) != TREES_COLUMNS
        or not np.PyArray_ISCARRAY_RO(rows)
    ):
        raise ValueError("rows must be float32[k, 64], contiguous")
    return <const float *>np.PyArray_DATA(rows)


cdef trees_input input_of(
    const trees_node[::1] nodes, const trees_weight[::1] weights, uint32_t classes
) except *:
    """Return what the C half takes, pointing into the arrays."""
    cdef trees_input given
    memset(&given, 0, sizeof(given))
    if max(nodes.shape[0], weights.shape[0]) >= <Py_ssize_t>1 << 31:
        raise ValueError(REASONS[1])
    given.node_count = <uint32_t>nodes.shape[0]
    given.weight_count = <uint32_t>weights.shape[0]
    given.classes = classes
    if given.node_count:
        given.nodes = &nodes[0]
    if given.weight_count:
        given.weights = &weights[0]
    return given


@cython.final
cdef class Trees:
    """An ensemble, laid out for scoring. Freed with the object."""

    cdef trees state

    def __cinit__(
        self, const trees_node[::1] nodes not None,
        const trees_weight[::1] weights not None, uint32_t classes, str kernel not None
    ):
        """Lay out NODE[n] and WEIGHT[m]; `kernel` is one of KERNELS.

        Raises ValueError, with the reason, when the ensemble is none of ours.
        """
        cdef trees_input given = input_of(nodes, weights, classes)
        cdef trees_reason reason
        cdef uint32_t where = 0
        if kernel not in KERNELS:
            raise ValueError(f"this processor has no {kernel}")
        memset(&self.state, 0, sizeof(self.state))
        with nogil:
            reason = trees_build(&self.state, &given, &where)
        if reason:
            raise ValueError(f"tree {where}: {REASONS[<int>reason]}")
        self.state.is_wide = kernel == "avx512"

    def __dealloc__(self):
        trees_free(&self.state)

    @property
    def kernel(self):
        """Which of KERNELS scores."""
        return "avx512" if self.state.is_wide else "portable"

    @property
    def count(self):
        """How many trees there are."""
        return self.state.tree_count

    def score(self, np.ndarray rows not None):
        """Return the margins, float32[k, classes], of float32[k, 64] rows."""
        cdef const float *row = rows_of(rows)
        cdef np.npy_intp i
        cdef np.npy_intp[2] shape
        cdef np.ndarray made
        cdef float *out
        shape[0], shape[1] = np.PyArray_DIM(rows, 0), self.state.classes
        made = np.PyArray_SimpleNew(2, shape, np.NPY_FLOAT32)
        out = <float *>np.PyArray_DATA(made)
        for i in range(shape[0]):
            trees_score(
                &self.state, row + i * TREES_COLUMNS, out + i * self.state.classes
            )
        return made


cdef int hear(
    opinion_voice *voice, uint32_t classes, double temperature, tuple columns,
    int lead_ppm, tuple ready,
) except -1:
    """Take one of a Screen's voices; see there."""
    cdef Py_ssize_t i
    if not (isfinite(temperature) and temperature > 0):
        raise ValueError("a temperature must be above 0")
    if len(columns) != classes or len(ready) not in (0, OPINION_READY + 1):
        raise ValueError("a column for each class; four limits, or none")
    for column in (*columns, *(column for column, _ in ready)):
        if not 0 <= column < TREES_COLUMNS:
            raise ValueError(f"a voice has a column that is not there: {column}")
    voice.temperature, voice.lead_ppm = temperature, lead_ppm
    for i in range(len(columns)):
        voice.columns[i] = columns[i]
    voice.has_ready = len(ready) > 0
    if voice.has_ready:
        for i in range(OPINION_READY):
            voice.ready_column[i], voice.ready_least[i] = ready[i]
        voice.rate_column, voice.rate_least = ready[OPINION_READY]
    return 0


@cython.final
cdef class Screen:
    """Marks the windows that are not surely normal, and says what their models say.

    Keeps the Trees it was given.
    """

    cdef screen state
    cdef opinion *room
    cdef uint32_t limit
    cdef tuple kept
    cdef const screen_rule[::1] rules
    cdef const screen_limit[::1] limits

    def __cinit__(
        self, tuple models not None, tuple slacks not None,
        const screen_rule[::1] rules not None, const screen_limit[::1] limits not None,
        uint32_t shadow_every, tuple fills not None=(), tuple voices not None=(),
    ):
        """Take Trees and slack of window kinds 1 to 3, RULE[n] and their LIMIT[m].

        `fills` has for each a bit a column, in which its model is given a number for
        NaN, and the number. Every `shadow_every`-th window is marked SHADOW. `voices`
        has for each a temperature, the column that stands for each class, by how much
        the likeliest must lead (ppm), and () or four (column, least): three that must
        hold for the model to be heard, and a rate below which nothing is said before.
        Raises ValueError when these do not fit together.
        """
        cdef int i
        cdef Trees model
        memset(&self.state, 0, sizeof(self.state))
        if len(models) != SCREEN_MODELS or len(slacks) != len(models):
            raise ValueError("a model and a slack for each of three kinds of window")
        if shadow_every == 0:
            raise ValueError("shadow_every must be above 0")
        for i in range(SCREEN_MODELS):
            model = models[i]
            if model.state.classes < 2 or not isfinite(<double>slacks[i]):
                raise ValueError("two classes at least, and a slack that is a number")
            self.state.trees[i + 1] = &model.state
            self.state.slack[i + 1] = slacks[i]
            if fills and fills[i][0]:
                self.state.filled[i + 1] = fills[i][0]
                self.state.fill[i + 1] = fills[i][1]
            if voices:
                heat, columns, lead_ppm, ready = voices[i]
                hear(
                    self.state.voices + i + 1, model.state.classes, heat, columns,
                    lead_ppm, ready,
                )
        for i in range(rules.shape[0]):
            if rules[i].first + <uint64_t>rules[i].count > <size_t>limits.shape[0]:
                raise ValueError(f"rule {i} has limits that are not there")
        for i in range(limits.shape[0]):
            if limits[i].column >= TREES_COLUMNS:
                raise ValueError(f"limit {i} has a column that is not there")
        self.kept, self.rules, self.limits = models, rules, limits
        self.state.rule_count = <uint32_t>rules.shape[0]
        if rules.shape[0] and limits.shape[0]:
            self.state.rules, self.state.limits = &rules[0], &limits[0]
        else:
            self.state.rule_count = 0
        self.state.shadow_every = shadow_every

    def __dealloc__(self):
        free(self.room)

    @property
    def place(self):
        """Where its state is, and of how many bytes: for ext/reflex.pyx."""
        return <size_t>&self.state, sizeof(self.state)

    @property
    def marked(self):
        """Every mark that some window of the last look has."""
        return self.state.marked

    def opinions(self):
        """Return what models said of the last look's windows that no rule speaks of.

        A list of (place, kind, class, whether it abstains, ppm, measured), by place.
        """
        cdef uint32_t i
        cdef opinion *one
        cdef list out = []
        for i in range(self.state.spoken):
            one = self.room + i
            out.append((
                one.place, one.kind, one.cause, one.abstains, one.probability_ppm,
                one.measured,
            ))
        return out

    @property
    def heard(self):
        """How many windows were looked at that speak for themselves: no source's."""
        return self.state.heard

    def look(
        self, np.ndarray windows not None, np.ndarray rows not None,
        uint8_t[::1] marks not None,
    ):
        """Write marks of WINDOW[k] with float32[k, 64] rows; return how many are set.

        A window that an excuse keeps from being suspect is not marked.
        """
        cdef const float *row = rows_of(rows)
        cdef np.npy_intp count = np.PyArray_DIM(rows, 0)
        if (
            np.PyArray_NDIM(windows) != 1
            or np.PyArray_ITEMSIZE(windows) != sizeof(airnet_window)
            or not np.PyArray_ISCARRAY_RO(windows)
            or np.PyArray_DIM(windows, 0) != count
            or marks.shape[0] < count
        ):
            raise ValueError("a WINDOW and a mark for each row")
        self.state.spoken = self.state.marked = 0
        if count == 0:
            return 0
        if count > self.limit:
            free(self.room)
            self.limit = 0
            self.state.opinions = self.room = <opinion *>calloc(
                2 * <size_t>count, sizeof(opinion)
            )
            if self.room == NULL:
                raise MemoryError("opinions")
            self.limit = 2 * <uint32_t>count
        return screen_look(
            &self.state, <const airnet_window *>np.PyArray_DATA(windows), row,
            <uint32_t>count, &marks[0]
        )


@cython.final
cdef class Shapley:
    """What each feature adds to an ensemble's margin, against reference rows.

    Freed with the object; the references are not needed after construction.
    """

    cdef shapley state
    cdef uint32_t classes

    def __cinit__(
        self, const trees_node[::1] nodes not None,
        const trees_weight[::1] weights not None, uint32_t classes,
        np.ndarray references not None,
    ):
        """Take an ensemble as Trees does, and 1 to REFERENCES float32[k, 64] rows.

        Raises ValueError, with the reason, when the ensemble is none of ours.
        """
        cdef trees_input given = input_of(nodes, weights, classes)
        cdef const float *row = rows_of(references)
        cdef np.npy_intp count = np.PyArray_DIM(references, 0)
        cdef trees_reason reason
        cdef uint32_t where = 0
        memset(&self.state, 0, sizeof(self.state))
        if not 0 < count <= SHAPLEY_REFERENCES:
            raise ValueError(f"1 to {SHAPLEY_REFERENCES} references")
        self.classes = classes
        with nogil:
            reason = shapley_build(&self.state, &given, row, <uint32_t>count, &where)
        if reason:
            raise ValueError(f"tree {where}: {REASONS[<int>reason]}")

    def __dealloc__(self):
        shapley_free(&self.state)

    def explain(
        self, np.ndarray row not None, const double[::1] coefficients not None
    ):
        """Return float64[64]: the values for float32[1, 64], exact, by column.

        They are of the sum of the margins, each times its coefficient, and add up to
        that of the row less the mean of that of the references.
        """
        cdef const float *given = rows_of(row)
        cdef np.npy_intp shape = TREES_COLUMNS
        cdef np.ndarray made
        if np.PyArray_DIM(row, 0) != 1 or coefficients.shape[0] != self.classes:
            raise ValueError("one row, and a coefficient for each class")
        made = np.PyArray_SimpleNew(1, &shape, np.NPY_FLOAT64)
        shapley_explain(
            &self.state, given, &coefficients[0], <double *>np.PyArray_DATA(made)
        )
        return made
