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

#: A large order worked in one name, after an outage say: pieces on one side, each of
#: them filled and none withdrawn, and few of one size, at less than nine times the
#: usual. Both models were sure of it for a second. A fault that is filled has no such
#: patience, or another name for each order.
_WORKED = (
    ("same_symbol_share", 950, None),
    ("same_side_share", 950, None),
    ("fills_per_new", 900, None),
    ("cancels_per_new", None, 50),
    ("replaces_per_new", None, 50),
    ("repeat_run", None, 3),
    ("loop_share", None, 600),
    ("relative_fast", None, 9000),
)

#: Several large orders worked at once: nothing repeats, and the session has been near
#: half as fast before. Both models were sure of it for a second, at four to six times
#: its past, in days of thirty sessions.
_SEVERAL = (
    ("peak_ratio", 500, 2500),
    ("repeat_run", None, 3),
    ("loop_share", None, 400),
    ("rejects", None, 2),
)

#: A session's last second over its last ten, thousandths, from where on it is news. Of
#: a rate that rises fivefold it is above 2,000 from 0.5 s on, for four seconds.
_NEWS = 1500

#: The value of a feature of a window by name; None where it has none.
Feature = Callable[[str], int | None]


def is_honest(feature: Feature) -> bool:
    """Return whether a session's window is what honest sessions do, whoever doubts."""
    if any(_is_below(feature(name), least) for name, least in _RISEN):
        return True
    return is_refresh(feature) or is_worked(feature) or _is_within(feature, _SEVERAL)


def is_risen(feature: Feature) -> bool:
    """Return whether a session is seen to be faster than ever; unseen, it is not."""
    values = [(feature(name), least) for name, least in _RISEN]
    return all(value is not None and value >= least for value, least in values)


def is_worked(feature: Feature) -> bool:
    """Return whether a session's window is of a large order that it sends in pieces."""
    return _is_within(feature, _WORKED)


def is_refresh(feature: Feature) -> bool:
    """Return whether a session's window is of a maker that refreshes its quotes."""
    return _is_within(feature, _REFRESH)


def is_settled(feature: Feature) -> bool:
    """Return whether a session has been about as fast for ten seconds as it is now.

    What it learned of itself leaves out a burst: through an opening, and after it, a
    session may stand at twenty times its past. A fault, told or not, is news.
    """
    now, before = feature("rate_1s"), feature("rate_10s")
    return now is not None and before is not None and now * 1000 < before * _NEWS


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
