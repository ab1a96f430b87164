"""Single rows of a batch, without a numpy call for each: what score looks at closely.

Arrays in, Python's own numbers or int64 arrays out; nothing is kept but `Turns`, which
owns eight bytes a subject, and `Habits`, 24
bytes a session. Cost: 0.1 us a call, and a nanosecond or two a column.
"""

cimport cython
cimport numpy as np
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy

from abi cimport (
    AIRNET_SESSIONS_MAX,
    AIRNET_WINDOW_FEED,
    AIRNET_WINDOW_SESSION,
    airnet_session,
    airnet_window,
)


cdef extern from "rows.h" nogil:
    enum:
        ROWS_COLUMNS
        ROWS_EDGES
        ROWS_BINS

    const double ROWS_WHOLE

    void rows_place(
        const double *table, uint32_t columns, const float *row, double lead,
        int64_t *out,
    ) noexcept
    void rows_count(int64_t *counts, uint32_t columns, const int64_t *bins) noexcept


np.import_array()

COLUMNS, EDGES, BINS = ROWS_COLUMNS, ROWS_EDGES, ROWS_BINS
#: Subjects that Turns takes: more than any table of them has.
SUBJECTS = 1 << 20
LOWEST = -1 << 63


cdef const uint8_t *item(np.ndarray array, size_t size, Py_ssize_t place) except NULL:
    """Return where a row of a table begins."""
    if (
        np.PyArray_NDIM(array) != 1
        or <size_t>np.PyArray_ITEMSIZE(array) != size
        or not np.PyArray_ISCARRAY_RO(array)
    ):
        raise ValueError(f"rows must be {size} bytes each, contiguous")
    if not 0 <= place < np.PyArray_DIM(array, 0):
        raise ValueError(f"there is no row {place}")
    return <const uint8_t *>np.PyArray_DATA(array) + place * <Py_ssize_t>size


cdef const float *features_of(np.ndarray rows) except NULL:
    """Return where float32[k, 64] rows begin."""
    if (
        np.PyArray_NDIM(rows) != 2
        or np.PyArray_TYPE(rows) != np.NPY_FLOAT32
        or np.PyArray_DIM(rows, 1) != ROWS_COLUMNS
        or not np.PyArray_ISCARRAY_RO(rows)
    ):
        raise ValueError("rows must be float32[k, 64], contiguous")
    return <const float *>np.PyArray_DATA(rows)


def integers(np.ndarray rows not None, Py_ssize_t place, int columns):
    """Return a row's first columns as integers, None for NaN: a tuple."""
    cdef const float *row = features_of(rows)
    cdef tuple out
    cdef object value
    cdef int i
    if not 0 <= place < np.PyArray_DIM(rows, 0) or not 0 <= columns <= ROWS_COLUMNS:
        raise ValueError(f"there is no row {place}, or it has no {columns} columns")
    row += place * ROWS_COLUMNS
    out = PyTuple_New(columns)
    for i in range(columns):
        if row[i] != row[i]:
            value = None
        elif -ROWS_WHOLE < row[i] < ROWS_WHOLE:
            value = <int64_t>row[i]
        else:
            value = LOWEST  # no feature is so large; numpy says the same
        Py_INCREF(value)
        PyTuple_SET_ITEM(out, i, value)
    return out


def window(np.ndarray windows not None, Py_ssize_t place):
    """Return the fields of a WINDOW in order, without its address."""
    cdef const airnet_window *one
    one = <const airnet_window *>item(windows, sizeof(airnet_window), place)
    return (
        one.open_ns, one.close_ns, one.frame_count, one.first_ns, one.accepted_ns,
        one.subject, one.port, one.kind, one.known,
    )


def identity(np.ndarray sessions not None, Py_ssize_t place):
    """Return the bytes of a SESSION from its client's address on: what names it."""
    cdef const airnet_session *one
    cdef const uint8_t *first
    one = <const airnet_session *>item(sessions, sizeof(airnet_session), place)
    first = <const uint8_t *>&one.client[0]
    return PyBytes_FromStringAndSize(
        <const char *>first, <const uint8_t *>(one + 1) - first
    )


def places(
    np.ndarray table not None, np.ndarray rows not None, np.ndarray leads not None
):
    """Return the bins of float32[k, 64] rows' first columns, and of their leads.

    `table` is float64[columns + 1, EDGES]; the answer int64[k, columns + 1].
    """
    cdef const float *row = features_of(rows)
    cdef const double *edges = <const double *>np.PyArray_DATA(table)
    cdef const double *lead = <const double *>np.PyArray_DATA(leads)
    cdef np.npy_intp[2] shape
    cdef np.npy_intp i
    cdef np.ndarray made
    cdef int64_t *out
    shape[0], shape[1] = np.PyArray_DIM(rows, 0), 0
    if (
        np.PyArray_NDIM(table) == 2
        and np.PyArray_TYPE(table) == np.NPY_FLOAT64
        and np.PyArray_DIM(table, 1) == ROWS_EDGES
        and np.PyArray_ISCARRAY_RO(table)
    ):
        shape[1] = np.PyArray_DIM(table, 0)
    if not 1 <= shape[1] <= ROWS_COLUMNS + 1:
        raise ValueError(f"table must be float64[1..65, {ROWS_EDGES}]")
    if (
        np.PyArray_NDIM(leads) != 1
        or np.PyArray_TYPE(leads) != np.NPY_FLOAT64
        or np.PyArray_DIM(leads, 0) != shape[0]
        or not np.PyArray_ISCARRAY_RO(leads)
    ):
        raise ValueError("leads must be float64[k]")
    made = np.PyArray_SimpleNew(2, shape, np.NPY_INT64)
    out = <int64_t *>np.PyArray_DATA(made)
    for i in range(shape[0]):
        rows_place(
            edges, <uint32_t>(shape[1] - 1), row + i * ROWS_COLUMNS, lead[i],
            out + i * shape[1],
        )
    return made


def count(np.ndarray counts not None, np.ndarray bins not None, Py_ssize_t place):
    """Add one to int64[columns, BINS] for each of the bins of a row of `places`."""
    cdef np.npy_intp columns, i
    cdef const int64_t *mine
    for array in (counts, bins):
        if (
            np.PyArray_NDIM(array) != 2
            or np.PyArray_TYPE(array) != np.NPY_INT64
            or not np.PyArray_ISCARRAY(array)
        ):
            raise ValueError("counts and bins must be int64, contiguous")
    columns = np.PyArray_DIM(counts, 0)
    if (
        np.PyArray_DIM(counts, 1) != ROWS_BINS
        or np.PyArray_DIM(bins, 1) != columns
        or not 0 <= place < np.PyArray_DIM(bins, 0)
    ):
        raise ValueError("counts and bins must be of as many columns; a row of bins")
    mine = <const int64_t *>np.PyArray_DATA(bins) + place * columns
    for i in range(columns):
        if not 0 <= mine[i] < ROWS_BINS:
            raise ValueError(f"there is no bin {mine[i]}")
    rows_count(<int64_t *>np.PyArray_DATA(counts), <uint32_t>columns, mine)


@cython.final
cdef class Turns:
    """Lets one window of a kind through for each subject and turn of capture time."""

    cdef int64_t *seen  # by subject, its last turn; -1: none
    cdef size_t size
    cdef uint64_t turn_ns
    cdef uint8_t kind

    def __cinit__(self, uint8_t kind, uint64_t turn_ns):
        if turn_ns == 0:
            raise ValueError("turn_ns must be above 0")
        self.kind, self.turn_ns = kind, turn_ns

    def __dealloc__(self):
        free(self.seen)

    cdef int grow(self, uint32_t subject) except -1:
        """Make room for a subject."""
        cdef size_t wanted = 2 * <size_t>subject + 64
        cdef int64_t *made
        if subject >= SUBJECTS:
            raise ValueError(f"subject {subject}: must be below {SUBJECTS}")
        made = <int64_t *>realloc(self.seen, wanted * sizeof(int64_t))
        if made == NULL:
            raise MemoryError("turns")
        self.seen = made
        while self.size < wanted:
            self.seen[self.size] = -1
            self.size += 1
        return 0

    def choose(self, np.ndarray windows not None):
        """Return the places of the windows whose turn it is."""
        cdef const airnet_window *one
        cdef Py_ssize_t i, total = np.PyArray_SIZE(windows)
        cdef int64_t turn
        cdef list out = []
        if total == 0:
            return out
        one = <const airnet_window *>item(windows, sizeof(airnet_window), 0)
        for i in range(total):
            if one[i].kind != self.kind:
                continue
            if one[i].subject >= self.size:
                self.grow(one[i].subject)
            turn = <int64_t>(one[i].open_ns // self.turn_ns)
            if self.seen[one[i].subject] != turn:
                self.seen[one[i].subject] = turn
                out.append(i)
        return out


cdef struct habit:
    uint64_t layouts[2]
    uint32_t number  # of the session that has the row
    uint32_t version


@cython.final
cdef class Habits:
    """Lets windows of sessions through that show what their session did not before.

    That is a layout of its orders, the version its Logon named, or that there is such
    a session. And the first window of each channel of market data.
    """

    cdef habit *known
    cdef uint8_t feeds[4096]  # by number; of later ones every window goes through

    def __cinit__(self):
        self.known = <habit *>calloc(AIRNET_SESSIONS_MAX, sizeof(habit))
        if self.known == NULL:
            raise MemoryError("habits")

    def __dealloc__(self):
        free(self.known)

    def choose(self, np.ndarray windows not None, np.ndarray sessions not None):
        """Return the places of those windows, in order."""
        cdef const airnet_window *one
        cdef const airnet_session *table
        cdef Py_ssize_t i, total = np.PyArray_SIZE(windows)
        cdef uint64_t layouts[2]
        cdef habit *known
        cdef list out = []
        if total == 0:
            return out
        one = <const airnet_window *>item(windows, sizeof(airnet_window), 0)
        table = <const airnet_session *>item(sessions, sizeof(airnet_session), 0)
        for i in range(total):
            if one[i].kind == AIRNET_WINDOW_FEED:
                if one[i].subject >= sizeof(self.feeds):
                    out.append(i)
                elif not self.feeds[one[i].subject]:
                    self.feeds[one[i].subject] = 1
                    out.append(i)
            if one[i].kind != AIRNET_WINDOW_SESSION:
                continue
            if one[i].subject >= <size_t>min(
                AIRNET_SESSIONS_MAX, np.PyArray_DIM(sessions, 0)
            ):
                raise ValueError(f"there is no session {one[i].subject}")
            known = &self.known[one[i].subject]
            memcpy(layouts, one[i].address, sizeof(layouts))
            if (
                known.number == table[one[i].subject].number
                and known.version == one[i].port
                and not layouts[0] & ~known.layouts[0]
                and not layouts[1] & ~known.layouts[1]
            ):
                continue
            if known.number != table[one[i].subject].number:
                known.layouts[0] = known.layouts[1] = 0
            known.number = table[one[i].subject].number
            known.version = one[i].port
            known.layouts[0] |= layouts[0]
            known.layouts[1] |= layouts[1]
            out.append(i)
        return out
