"""Single rows of a batch as the slow reference has them; what a screen says, too."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray

from airnet._ext import rows as fast
from airnet._ext.trees import (
    EXCUSED,
    FACT,
    KERNELS,
    LIMIT,
    RULE,
    SUSPECT,
    Screen,
    Trees,
)
from airnet.domain.session import SESSION
from airnet.domain.window import WINDOW
from tests.reference import opinion as slow_opinion, rows as slow
from tests.reference.trees import arrays

FLOATS = st.floats(width=32)
SEEDS = st.integers(0, 2**32)
TURN_NS = 1000


def drawn(seed: int) -> np.random.Generator:
    """Return what draws."""
    return np.random.Generator(np.random.PCG64(seed))


def rows_of(seed: int, count: int) -> NDArray[np.float32]:
    """Rows of whole numbers, halves, infinities and what is missing."""
    rng = drawn(seed)
    odd = np.array([np.nan, np.inf, -np.inf, -0.0, 2.0**63, 1e-45, 0.5, 2.0**24])
    rows = rng.integers(-50, 5000, (count, 64)).astype(np.float32)
    chosen = rng.random((count, 64)) < 0.2
    rows[chosen] = rng.choice(odd, int(chosen.sum()))
    return rows


@given(SEEDS, st.integers(0, 64))
def test_integers_are_those_of_the_reference(seed: int, columns: int) -> None:
    """Missing is None, whatever else there is."""
    rows = rows_of(seed, 3)
    for place in range(3):
        wanted = slow.integers(rows, place, columns)
        assert fast.integers(rows, place, columns) == wanted


@given(SEEDS)
def test_fields_are_those_of_the_tables(seed: int) -> None:
    """A WINDOW without its address; a SESSION from its client's on."""
    rng = drawn(seed)
    windows = np.frombuffer(rng.bytes(5 * WINDOW.itemsize), WINDOW)
    sessions = np.frombuffer(rng.bytes(5 * SESSION.itemsize), SESSION)
    fields = SESSION.fields
    assert fields is not None
    for place in range(5):
        assert fast.window(windows, place) == slow.window(windows, place)
        named = sessions[place].tobytes()[fields["client"][1] :]
        assert fast.identity(sessions, place) == named


@given(SEEDS, st.integers(1, 65), st.integers(0, 9))
def test_values_fall_into_the_bins_of_the_reference(
    seed: int, columns: int, edge_count: int
) -> None:
    """At, beside and beyond edges; counted, each bin once."""
    rng = drawn(seed)
    rows = rows_of(seed, 4)
    edges = [
        np.unique(rng.integers(-50, 5000, edge_count)).tolist() for _ in range(columns)
    ]
    for column, own in enumerate(edges[:-1]):
        if own:
            rows[1, column] = own[0]
            rows[2, column] = np.nextafter(np.float32(own[-1]), np.float32(np.inf))
    leads = np.array([np.nan, -np.inf, 3.0, edges[-1][0] if edges[-1] else 0.0])
    table = np.full((columns, fast.EDGES), np.inf)
    for row, own in zip(table, edges, strict=True):
        row[: len(own)] = own

    found = fast.places(table, rows, leads)
    wanted = slow.places(edges, rows, leads)
    assert found.tolist() == wanted

    counts = np.zeros((columns, fast.BINS), np.int64)
    for place in (0, 2, 2):
        fast.count(counts, found, place)
    for column in range(columns):
        tally = [0] * fast.BINS
        for place in (0, 2, 2):
            tally[wanted[place][column]] += 1
        assert counts[column].tolist() == tally


@given(SEEDS, st.lists(st.integers(1, 30), max_size=4))
def test_turns_are_those_of_the_reference_at_any_batch_size(
    seed: int, cuts: list[int]
) -> None:
    """Subjects come and come back, others' kinds between them."""
    rng = drawn(seed)
    windows = np.zeros(40, WINDOW)
    windows["kind"] = rng.choice([1, 1, 2], 40)
    windows["subject"] = rng.choice([0, 1, 7, 70_000], 40)
    windows["open_ns"] = np.sort(rng.integers(0, 5 * TURN_NS, 40))
    ours, theirs = fast.Turns(1, TURN_NS), slow.Turns(1, TURN_NS)

    found: list[int] = []
    bounds = [0, *sorted(cuts), 40]
    for start, end in pairwise(bounds):
        found += [start + place for place in ours.choose(windows[start:end])]
    assert found == theirs.choose(windows)


def test_rows_that_are_not_there_are_refused() -> None:
    """Nothing is read beyond a table, nor counted into bins that it lacks."""
    rows, windows = np.zeros((2, 64), np.float32), np.zeros(2, WINDOW)
    table, leads = np.zeros((65, 9)), np.zeros(2)
    bins = np.full((1, 3), 11)
    windows["subject"][1] = fast.SUBJECTS
    windows["kind"] = 1
    for wrong in (
        lambda: fast.integers(rows, 2, 3),
        lambda: fast.integers(rows, -1, 3),
        lambda: fast.integers(rows, 0, 65),
        lambda: fast.integers(rows[:, ::2], 0, 3),
        lambda: fast.window(windows, 2),
        lambda: fast.window(rows[0], 0),
        lambda: fast.identity(windows, 0),
        lambda: fast.places(np.zeros((66, 9)), rows, leads),
        lambda: fast.places(np.zeros((3, 8)), rows, leads),
        lambda: fast.places(table, rows, leads[:1]),
        lambda: fast.places(table, rows, leads.astype(np.float32)),
        lambda: fast.count(np.zeros((3, 11), np.int64), bins, 0),
        lambda: fast.count(np.zeros((2, 11), np.int64), bins, 0),
        lambda: fast.count(np.zeros((3, 11), np.int64), bins % 11, 1),
        lambda: fast.Turns(1, 0),
        lambda: fast.Turns(1, 5).choose(windows),
    ):
        with pytest.raises(ValueError, match=r"."):
            wrong()


def ensemble(seed: int, classes: int) -> tuple[NDArray[np.float32], Trees]:
    """A leaf a class: every row has these margins."""
    weights = drawn(seed).integers(-600, 600, classes) / 256
    leaves = [(place, float(weight)) for place, weight in enumerate(weights)]
    return weights.astype(np.float32), Trees(*arrays(leaves), classes, KERNELS[0])


@given(
    SEEDS,
    st.integers(2, 9),
    st.floats(0.25, 4),
    st.sampled_from([0, 200_000, 900_000]),
    st.booleans(),
)
def test_a_screen_says_what_the_reference_says(
    seed: int, classes: int, temperature: float, lead_ppm: int, has_ready: bool
) -> None:
    """Of whatever is suspect, no rule speaks of, and nothing excuses."""
    rng = drawn(seed)
    rows = rows_of(seed, 12)
    rows[:, 20:24] = rng.integers(0, 3, (12, 4))
    ready = tuple((20 + place, 1.0) for place in range(4)) if has_ready else ()
    columns = tuple(rng.integers(0, 64, classes).tolist())
    voice = (temperature, columns, lead_ppm, ready)
    margins, trees = ensemble(seed, classes)
    rules = np.array([(1, FACT, 0, 1), (1, EXCUSED, 1, 1)], RULE)
    limits = np.array([(30, 4000, np.inf), (31, 4000, np.inf)], LIMIT)
    slack = float(rng.choice([-9, 0, 1]))
    screen = Screen(
        (trees,) * 3, (slack,) * 3, rules, limits, 3, (), (voice, voice, voice)
    )
    windows = np.zeros(12, WINDOW)
    windows["kind"] = rng.choice([1, 2, 7], 12)
    marks = np.zeros(12, np.uint8)

    found = screen.look(windows, rows, marks)
    assert found == np.count_nonzero(marks)
    assert screen.marked == int(np.bitwise_or.reduce(marks))
    wanted = []
    for place, row in enumerate(rows.tolist()):
        kind = int(windows["kind"][place])
        is_suspect = margins[0] - margins[1:].max() < slack and kind != 7
        is_ruled = kind == 1 and (row[30] >= 4000 or row[31] >= 4000)
        assert bool(marks[place] & SUSPECT) <= is_suspect
        if is_suspect and not is_ruled:
            said = slow_opinion.said(margins.tolist(), row, voice)
            if said is not None:
                wanted.append((place, kind, *said))
    assert screen.opinions() == wanted


def test_voices_that_fit_no_model_are_refused() -> None:
    """As many columns as classes, all of them there; heat above 0; four limits."""
    _, trees = ensemble(1, 2)
    none, limits = np.zeros(0, RULE), np.zeros(0, LIMIT)
    for voice in (
        (0.0, (1, 2), 5, ()),
        (float("nan"), (1, 2), 5, ()),
        (1.0, (1,), 5, ()),
        (1.0, (1, 64), 5, ()),
        (1.0, (1, 2), 5, ((1, 0.0),)),
        (1.0, (1, 2), 5, ((1, 0.0), (2, 0.0), (-1, 0.0), (3, 0.0))),
    ):
        with pytest.raises(ValueError, match=r"."):
            Screen((trees,) * 3, (0.0,) * 3, none, limits, 2, (), (voice,) * 3)
