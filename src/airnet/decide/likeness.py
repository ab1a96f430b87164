"""Likeness: what honest sessions do that a model may take for a faulty algorithm.

A second, independent look before an opinion counts: it is about what a model knows too,
and forgets where training had little of it. Both were learned from days of the twin on
which a model was sure, for seconds, and wrong. Hard rules ask for as much themselves.
"""

from collections.abc import Callable, Iterable

#: A fault is a change: above its own past, now, over a second, and its first seconds. A
#: large order worked at twice the usual rate is none, however odd its content.
_RISEN = (
    ("relative_fast", 3000),
    ("relative_1s", 3000),
    ("relative_first", 2500),
)

#: A maker that refreshes all it quotes, again and again: volleys of quotes withdrawn
#: and placed anew on both sides, none like the other, that had stood for a while.
_REFRESH = (
    ("cancels_per_new", 250, None),
    ("cancel_age_us", 30_000, None),
    ("entropy", 3700, None),
    ("new_price_share", 800, None),
    ("side_run", None, 12),
    ("repeat_run", None, 2),
    ("loop_share", None, 200),
    ("rejects", None, 2),
)

#: The value of a feature of a window by name; None where it has none.
Feature = Callable[[str], int | None]


def is_honest(feature: Feature) -> bool:
    """Return whether a session's window is what honest sessions do, whoever doubts."""
    if any(_is_below(feature(name), least) for name, least in _RISEN):
        return True
    return is_refresh(feature)


def is_refresh(feature: Feature) -> bool:
    """Return whether a session's window is of a maker that refreshes its quotes."""
    return _is_within(feature, _REFRESH)


def _is_below(value: int | None, least: int) -> bool:
    return value is not None and value < least


def _is_within(
    feature: Feature, bounds: Iterable[tuple[str, int | None, int | None]]
) -> bool:
    for name, least, most in bounds:
        value = feature(name)
        if value is None:
            return False
        if least is not None and value < least:
            return False
        if most is not None and value > most:
            return False
    return True
