"""score.rule: one row at a time says what a column at a time says, to the last bit."""

import numpy as np
from hypothesis import given, strategies as st

from airnet.domain.verdict import Cause
from airnet.score.rule import FEW, Fired, Rule, fired

NAMES = tuple(f"f{n}" for n in range(8))
COLUMNS = {name: place for place, name in enumerate(NAMES)}
#: With what float32 cannot hold, and neighbours of bounds.
VALUES = st.one_of(
    st.sampled_from([0.0, 1.0, 2.0, 3.0, 16_777_216.0, 16_777_218.0, float("nan")]),
    st.floats(width=32, min_value=0, max_value=2**40),
)
BOUNDS = st.one_of(st.integers(0, 3), st.integers(16_777_214, 16_777_220))
RULES = st.lists(
    st.builds(
        Rule,
        name=st.sampled_from(["a", "b", "c"]),
        cause=st.just(Cause.FLOOD),
        unit=st.just("1"),
        feature=st.sampled_from(NAMES),
        limit=BOUNDS,
        divisor=st.sampled_from([1, 3, 1000]),
        needs=st.lists(
            st.tuples(st.sampled_from(NAMES), BOUNDS, BOUNDS), max_size=2
        ).map(tuple),
    ),
    max_size=6,
).map(tuple)


def slow(rules: tuple[Rule, ...], rows: np.ndarray) -> dict[int, Fired]:
    """Say it as the rule's own words do."""
    out = {}
    for place, row in enumerate(rows):
        for rule in rules:
            value = row[COLUMNS[rule.feature]]
            needed = all(
                np.float32(least) <= row[COLUMNS[name]] <= np.float32(most)
                for name, least, most in rule.needs
            )
            if value > np.float32(rule.limit * rule.divisor) and needed:
                out[place] = Fired(rule=rule, measured=int(value) // rule.divisor)
                break
    return out


@given(
    rules=RULES,
    rows=st.lists(st.lists(VALUES, min_size=8, max_size=8), min_size=1, max_size=12),
)
def test_few_and_many_say_the_same(
    rules: tuple[Rule, ...], rows: list[list[float]]
) -> None:
    table = np.array(rows, np.float32)
    wanted = slow(rules, table)

    assert fired(rules, COLUMNS, table) == wanted
    parts = {
        start + place: fact
        for start in range(0, len(table), FEW)
        for place, fact in fired(rules, COLUMNS, table[start : start + FEW]).items()
    }
    assert parts == wanted
    wide = np.vstack([table, np.zeros((FEW + 1, 8), np.float32)])
    many = fired(rules, COLUMNS, wide)
    assert {place: many[place] for place in many if place < len(table)} == wanted
