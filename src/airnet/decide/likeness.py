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

#: A large order worked in one name, after an outage say: pieces on one side, few of one
#: size and none refused, at less than nine times the usual. Both models were sure of it
#: for a second, whether the pieces were filled or, where few would have them, hardly
#: any. A fault has no such patience, or another name for each order.
_WORKED = (
    ("same_symbol_share", 950, None),
    ("same_side_share", 950, None),
    ("cancels_per_new", None, 250),
    ("replaces_per_new", None, 50),
    ("repeat_run", None, 3),
    ("loop_share", None, 600),
    ("rejects", None, 2),
    ("relative_fast", None, 9000),
)

#: Or in a few names, at prices that it holds to. What runs away takes new ones.
_PARTED = (
    ("new_price_share", None, 300),
    ("same_side_share", 850, None),
    *_WORKED[2:],
)
#: Or several of them, on either side, where less of it is alike.
_BOTH_WAYS = (
    ("new_price_share", None, 300),
    ("loop_share", None, 499),
    *_WORKED[2:],
)

#: Prices that a desk mostly knows, asked again and again in one name or two, each order
#: withdrawn within milliseconds where it is not filled: what it asks is not the same
#: often enough to be a loop. Both models were sure of it, in news and of a large order.
_PROBED = (
    ("same_symbol_share", 400, None),
    ("new_price_share", None, 500),
    ("cancels_per_new", 500, 1500),
    ("cancel_age_us", None, 10_000),
    ("entropy", 1600, None),
    ("loop_share", None, 790),
    ("rejects", None, 2),
)

#: A list of names worked at once, on one side or both: each order is another, most are
#: filled, few are withdrawn, and no clock sends them. How fast is for the desk to say:
#: baskets of a hundred orders and more came at 80 to 480 a second, at up to 35 times
#: all that the session had done. An algorithm that has lost its way says again what it
#: said, or takes it back, or is refused; where it does none of these, only that it
#: never ends tells it from a basket (airnet.decide.spree).
_BASKET = (
    ("entropy", 3000, None),
    ("loop_share", None, 150),
    ("repeat_run", None, 3),
    ("same_symbol_share", None, 400),
    ("cancels_per_new", None, 300),
    ("replaces_per_new", None, 100),
    ("fills_per_new", 300, None),
    ("reject_share", None, 50),
    ("gap_deviation", 400, None),
)

#: The same list at a pace: who works it may have it sent evenly. For an opinion that a
#: clock sends it is what it is; it makes no rule that is only told a fact.
_PACED = tuple(bound for bound in _BASKET if bound[0] != "gap_deviation")

#: Part of large orders rests in the book at prices that they hold to, and is moved, or
#: taken back to be taken from the other side: all on one side, and mostly filled.
#: Algorithms told to be done sooner did so at 150 and 360 a second, and for a thousand.
#: Who only takes is none, nor who has most of it back.
_MINDED = (
    ("same_side_share", 950, None),
    ("fills_per_new", 500, None),
    ("cancels_per_new", 50, 700),
    ("replaces_per_new", 50, 500),
    ("new_price_share", None, 300),
    ("repeat_run", None, 3),
    ("loop_share", None, 499),
    ("rejects", None, 2),
    ("relative_fast", None, 9000),
)

#: Like pieces of one side that are all taken, while what rests of it is moved: an
#: iceberg sent fifteen in 6 ms. Of like orders that are filled no model is a second
#: witness; where nothing is moved, the rules that count them say.
_PIECES = (
    ("same_side_share", 900, None),
    ("fills_per_new", 800, None),
    ("drift_share", 900, None),
    ("replaces_per_new", 50, None),
    ("rejects", None, 2),
)

#: Quotes in name after name at prices that a maker mostly knows, one withdrawn for each
#: that is new after it has stood for a tenth of a second: a large order that moves the
#: market has one quote at twelve times its past for ten seconds, and hardly be filled.
_QUOTED = (
    ("same_symbol_share", None, 400),
    ("new_price_share", None, 650),
    ("cancels_per_new", 250, None),
    ("replaces_per_new", None, 50),
    ("fills_per_new", None, 100),
    ("loop_share", None, 350),
    ("repeat_run", None, 3),
    ("rejects", None, 2),
)
_STOOD_US = 100_000

#: One withdrawn for each two that are new, or more: a maker renews one quote on one
#: side of one name, two hundred times, while a large order moves it.
_STANDING = (
    ("rate_new_fast", 500, None),
    ("cancels_per_new", 500, None),
    ("fills_per_new", None, 100),
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

#: What a fault does, whoever doubts it; an opinion of anything else is said and never
#: acted upon. All that it sends is filled, in name after name: of one name, that is a
#: maker whom the others hit, at up to fifty times its past;
_TAKEN = (("fills_per_new", 900, None), ("same_symbol_share", None, 700))
#: or it is withdrawn at once, in one name, at prices that are new and not filled;
_STUFFED = (
    ("cancels_per_new", 850, None),
    ("cancel_age_us", None, 20_000),
    ("fills_per_new", None, 50),
    ("same_symbol_share", 600, None),
    ("new_price_share", 700, None),
)
#: or the same few messages come again and again, as many of them new orders,
_REPEATED = (("loop_share", 500, None), ("fills_per_new", None, 100))
#: or fewer: what is there is moved, or withdrawn and placed anew. Who withdraws more
#: than that takes back what was left of large orders.
_MOVED = (
    ("entropy", None, 2600),
    ("fills_per_new", None, 100),
    ("cancels_per_new", 850, 1500),
)
_REPLACED = (
    ("entropy", None, 2600),
    ("fills_per_new", None, 100),
    ("rate_new_fast", None, 0),
)
#: Or orders without end in one name, hardly one of them withdrawn and half of them not
#: filled, faster than a large order is worked, and at new prices: one that began at the
#: bell was as fast for five seconds, at prices that it held to.
_POURED = (
    ("same_symbol_share", 950, None),
    ("new_price_share", 300, None),
    ("fills_per_new", None, 500),
    ("cancels_per_new", None, 100),
    ("replaces_per_new", None, 100),
    ("relative_fast", 9000, None),
)
_FAULTS = (_TAKEN, _STUFFED, _REPEATED, _MOVED, _REPLACED, _POURED)

#: Of a younger session, of five names that were alone at the bell, an opinion is no
#: more than that; nor is it of what has been so for longer, through an opening: a
#: baseline that leaves out what is above it does not end that.
_YOUNG_MS = 5000
_LASTED_MS = 5000
#: Of one that has not been seen for ten seconds both models together say no more than
#: one, as in airnet.decide.excess: at the bell a quiet maker is six times its past.
_NEW_MS = 10_000
#: Nor of whom the others in the same symbols hurry with.
_OWN = 1500
#: And no rule that is only told, where they hurry more: a large order draws them.
_FOLLOWED = 1000

#: What is not twice the most that a session ever did, is what it does.
_MOST = 2000
#: What is not six times its past must be refused, or a loop outright.
_SLIGHT = (
    ("relative_fast", None, 5999),
    ("loop_share", None, 699),
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
    if is_refresh(feature) or is_worked(feature) or is_basket(feature):
        return True
    return is_within(feature, _SEVERAL)


def is_risen(feature: Feature) -> bool:
    """Return whether a session is seen to be faster than ever; unseen, it is not."""
    values = [(feature(name), least) for name, least in _RISEN]
    return all(value is not None and value >= least for value, least in values)


def is_worked(feature: Feature) -> bool:
    """Return whether a session's window is of large orders that it sends in pieces."""
    worked = (_WORKED, _PARTED, _BOTH_WAYS, _MINDED)
    return any(is_within(feature, one) for one in worked)


def is_basket(feature: Feature) -> bool:
    """Return whether a session's window is of a list of names worked at once."""
    return is_within(feature, _BASKET)


def is_paced(feature: Feature) -> bool:
    """Return whether a session's window is of a list of names, at whatever pace."""
    return is_within(feature, _PACED)


def is_pieces(feature: Feature) -> bool:
    """Return whether a session's window is of like pieces that are taken at once."""
    return is_within(feature, _PIECES)


def is_vague(feature: Feature) -> bool:
    """Return whether a model's doubt of a session is no more than that.

    It does nothing that a fault does; or has just begun, or goes on for long; or is
    hardly faster than it was, and not filled; or its symbols hurry as it does; or it
    asks prices. Where none of it is known, nothing is vague.
    """
    if _is_below(feature("history_ms"), _YOUNG_MS) or is_probing(feature):
        return True
    if is_settled(feature) or is_lasting(feature):
        return True
    if is_slight(feature) and not is_within(feature, _TAKEN):
        return True
    return _is_below(feature("relative_symbol"), _OWN) or is_none(feature)


def is_none(feature: Feature) -> bool:
    """Return whether a session does nothing of what faults do."""
    if feature("fills_per_new") is None:
        return False
    return not any(is_within(feature, bounds) for bounds in _FAULTS)


def is_new(feature: Feature) -> bool:
    """Return whether a session has no past that anything could be held against.

    One that began with a large order in 26 like pieces was 28 times as fast as what it
    had done for a tenth of a second; both models were 0.96 sure.
    """
    return _is_below(feature("history_ms"), _NEW_MS)


def is_lasting(feature: Feature) -> bool:
    """Return whether a session has been above its past for longer than a burst is."""
    streak = feature("streak_ms")
    return streak is not None and streak > _LASTED_MS


def is_usual(feature: Feature) -> bool:
    """Return whether a session is not even twice as fast as it has ever been."""
    return _is_below(feature("peak_ratio"), _MOST)


def is_probing(feature: Feature) -> bool:
    """Return whether a session's window is of a desk that asks prices it knows."""
    return is_within(feature, _PROBED)


def is_slight(feature: Feature) -> bool:
    """Return whether a session is hardly faster than it was, no loop, and taken."""
    return is_within(feature, _SLIGHT)


def is_followed(feature: Feature) -> bool:
    """Return whether the others in its symbols hurry more than a session does."""
    return _is_below(feature("relative_symbol"), _FOLLOWED)


def is_stuffing(feature: Feature) -> bool:
    """Return whether a session withdraws at once what it sends in one name."""
    return is_within(feature, _STUFFED)


def is_refresh(feature: Feature) -> bool:
    """Return whether a session's window is of a maker that refreshes its quotes."""
    return is_within(feature, _REFRESH)


def is_quoting(feature: Feature) -> bool:
    """Return whether a session's window is of a maker that quotes many names for long.

    What it withdraws has stood for so long that nobody remembers when it came, or for
    a tenth of a second.
    """
    age_us = feature("cancel_age_us")
    if age_us is not None and age_us < _STOOD_US:
        return False
    return is_within(feature, _QUOTED)


def is_standing(feature: Feature) -> bool:
    """Return whether what a session withdraws has stood, and hardly any is filled."""
    age_us = feature("cancel_age_us")
    return (age_us is None or age_us >= _STOOD_US) and is_within(feature, _STANDING)


def is_settled(feature: Feature) -> bool:
    """Return whether a session has been about as fast for ten seconds as it is now.

    What it learned of itself leaves out a burst: through an opening, and after it, a
    session may stand at twenty times its past. A fault, told or not, is news.
    """
    now, before = feature("rate_1s"), feature("rate_10s")
    return now is not None and before is not None and now * 1000 < before * _NEWS


#: What keeps both models from being believed of a rule that is only told.
HONEST = (
    is_new,
    is_settled,
    is_lasting,
    is_usual,
    is_slight,
    is_followed,
    is_refresh,
    is_worked,
    is_paced,
    is_pieces,
    is_probing,
    is_standing,
)


def _is_below(value: int | None, least: int) -> bool:
    return value is not None and value < least


def is_within(
    feature: Feature, bounds: Iterable[tuple[str, int | None, int | None]]
) -> bool:
    """Return whether a window is within all bounds; what is not known is in none."""
    for name, least, most in bounds:
        value = feature(name)
        if value is None:
            return False
        if least is not None and value < least:
            return False
        if most is not None and value > most:
            return False
    return True
