"""Patience: what honest sessions do for long, whatever models make of it.

Large orders in pieces, lists, legs, prices that are asked, makers that are hit, and
whatever never comes again: airnet.decide.belief counts for how many messages they go
on, and no time; of quotes that are refreshed, or stand for a while, nothing at all.
"""

from airnet.decide import errands, likeness
from airnet.decide.likeness import Feature, is_within

#: Of one name or two, nearly all of it filled, none like the other: a maker whom the
#: others hit, at fifty times its past and for 0.6 s, with both models sure of it.
_HIT = (
    ("same_symbol_share", 700, None),
    ("fills_per_new", 700, None),
    ("entropy", 3500, None),
    ("loop_share", None, 150),
    ("rejects", None, 2),
)

#: Nothing comes again, and nothing is refused: a list of three hundred names, a book
#: that is entered anew, at fifty a second and for seconds, of all of which both models
#: were sure. (What comes and goes at once is another matter.)
_VARIED = (
    ("entropy", 3600, None),
    ("loop_share", None, 150),
    ("repeat_run", None, 3),
    ("rejects", None, 2),
)

#: On both sides, withdrawn after a tenth of a second or later, and seldom filled:
#: makers follow a large order that moves what they quote, at nine times their past, for
#: as long as it does. What is stuffed, or layered, is one-sided, or gone sooner.
_QUOTES = (
    ("same_side_share", 300, 700),
    ("cancels_per_new", 100, None),
    ("fills_per_new", None, 600),
)
_STOOD_US = 100_000

#: Each in another name than the one before, all of it filled, and in volleys: legs of
#: what is bought here and sold there, for as long as prices are apart. What runs away
#: in all names does so one after the other.
_LEGS = (
    ("fills_per_new", 900, None),
    ("same_symbol_share", None, 250),
    ("cancels_per_new", None, 50),
    ("replaces_per_new", None, 50),
    ("gap_deviation", 900, None),
)


def is_hit(feature: Feature) -> bool:
    """Return whether a session's window is of a maker whom the others hit."""
    return is_within(feature, _HIT)


def is_quotes(feature: Feature) -> bool:
    """Return whether a session's window is of quotes that stand for a while.

    Or for so long that nobody remembers when they came.
    """
    age_us = feature("cancel_age_us")
    return (age_us is None or age_us >= _STOOD_US) and is_within(feature, _QUOTES)


def is_legs(feature: Feature) -> bool:
    """Return whether a session's window is of legs that are taken together."""
    return is_within(feature, _LEGS)


def is_varied(feature: Feature) -> bool:
    """Return whether nothing of a window comes again, or is soon withdrawn."""
    return not errands.is_taken_back(feature) and is_within(feature, _VARIED)


#: What has no end: makers quote for as long as there is a market.
QUOTING = (likeness.is_refresh, likeness.is_standing, is_quotes, errands.is_answers)
#: What is honest by what it is, for long, whatever models make of it.
PATIENT = (
    likeness.is_worked,
    likeness.is_paced,
    likeness.is_pieces,
    likeness.is_probing,
    is_hit,
    is_legs,
    is_varied,
    errands.is_asking,
    errands.is_clients,
    errands.is_due,
    errands.is_iceberg,
    errands.is_live,
    errands.is_requoted,
    errands.is_turned_away,
)

__all__ = [
    "PATIENT",
    "QUOTING",
    "is_hit",
    "is_legs",
    "is_quotes",
    "is_varied",
]
