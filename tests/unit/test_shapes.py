"""Shapes: what a window shows is what its bounds say, one by one."""

from hypothesis import given, strategies as st

from airnet.decide.shapes import Shapes
from airnet.domain.columns import SESSION_SCHEMA
from airnet.domain.insistence import LASTING, SHAPES
from airnet.domain.shape import Shape

NAMES = {name: place for place, name in enumerate(SESSION_SCHEMA.names)}
ALL = (*SHAPES, *LASTING)
ASKED = {name for shape in ALL for name, _, _ in shape.bounds}


def shown(values: dict[str, int]) -> list[Shape]:
    """Return what bounds say of values, slowly."""
    return [
        shape
        for shape in ALL
        if all(
            name in values and least <= values[name] <= most
            for name, least, most in shape.bounds
        )
    ]


@st.composite
def windows(draw: st.DrawFn) -> dict[str, int]:
    """Return features within a shape, some of them just outside, or unknown."""
    shape = draw(st.sampled_from(ALL))
    values = {name: draw(st.integers(0, 9000)) for name in sorted(ASKED)}
    for name, least, most in shape.bounds:
        values[name] = draw(st.sampled_from((least, most)))
    for name in draw(st.lists(st.sampled_from(sorted(ASKED)), max_size=2)):
        values[name] += draw(st.sampled_from((-1, 1)))
    for name in draw(st.lists(st.sampled_from(sorted(ASKED)), max_size=1)):
        del values[name]
    return values


@given(windows())
def test_a_window_shows_what_its_bounds_say(values: dict[str, int]) -> None:
    row = tuple(values.get(name) for name in NAMES)

    assert Shapes(ALL, NAMES).of(row) == shown(values)


def test_each_shape_is_shown_by_its_own_bounds() -> None:
    shapes = Shapes(ALL, NAMES)
    for shape in ALL:
        values = {name: least for name, least, _ in shape.bounds}

        assert shape in shapes.of(tuple(values.get(name) for name in NAMES))


def test_columns_that_are_not_there_show_nothing() -> None:
    fewer = {name: place for name, place in NAMES.items() if name != "relative_1s"}
    row = tuple(9000 for _ in NAMES)

    assert Shapes(ALL, fewer).of(row) == []
    assert Shapes(ALL, NAMES).of(row[:-1]) == []
    assert Shapes((), NAMES).of(row) == []
