"""Errands: what a session sends because others asked, or a desk has to be done.

Models take it for a fault, with certainty and for seconds, as the session that is asked
has done next to nothing before: no past of one order a second says what its clients may
want. So an opinion of it is said, and never acted upon; the rules that count what
repeats are (docs/adr/0099).
"""

from airnet.decide.likeness import Feature, is_within

#: Quotes and nothing else (FIX 35=S, i): whoever asked for them has them answered. At
#: 690 a second both models were sure of it for two seconds.
_ANSWERED = (
    ("rate_quote_fast", 100, None),
    ("rate_new_fast", None, 50),
    ("rate_cancel_fast", None, 50),
    ("rate_replace_fast", None, 50),
)

#: Orders of both sides in several names, nearly all filled and most at no new price, by
#: no clock: clients' orders at market, or plans that catch up, of few sizes, so that
#: some come again. At the bell 230 a second of it were contained after 0.4 s. What runs
#: away in all names has a side for each, or a clock.
_CLIENTS = (
    ("fills_per_new", 850, None),
    ("same_symbol_share", None, 500),
    ("new_price_share", None, 450),
    ("cancels_per_new", None, 50),
    ("replaces_per_new", None, 50),
    ("reject_share", None, 50),
    ("gap_deviation", 100, None),
)

#: Nothing comes again, all is filled, none withdrawn, at gaps as of chance: a position
#: that has to be closed, in two names or three, in pieces that differ.
_CLOSED_OUT = (
    ("entropy", 3600, None),
    ("loop_share", None, 150),
    ("repeat_run", None, 3),
    ("fills_per_new", 850, None),
    ("cancels_per_new", None, 100),
    ("replaces_per_new", None, 50),
    ("rejects", None, 2),
    ("gap_deviation", 400, None),
)

#: Nothing comes again, and much of it is refused: orders beyond a price limit, whoever
#: they are of. Refused by the hundred a second they are one program's.
_TURNED_AWAY = (
    ("entropy", 3300, None),
    ("loop_share", None, 150),
    ("repeat_share", None, 300),
    ("reject_share", 100, None),
    ("rate_1s", None, 2000),
)

#: Volleys of orders that differ, hardly one of which the session withdraws before it
#: has stood: schedules that are due at the same moment, each second.
_DUE = (
    ("gap_deviation", 1400, None),
    ("entropy", 2500, None),
    ("loop_share", None, 300),
    ("repeat_run", None, 3),
    ("replaces_per_new", None, 50),
    ("rejects", None, 2),
)
_TAKEN_BACK, _AT_ONCE_US = 300, 20_000


#: Prices that are asked on both sides of many names, hardly one of which is filled, and
#: none withdrawn by who asks: they are good for a moment only (FIX 59=3). Whoever is
#: better than the book asks so by the hundred a second.
_ASKED = (
    ("same_symbol_share", None, 400),
    ("same_side_share", 250, 750),
    ("cancels_per_new", None, 100),
    ("replaces_per_new", None, 50),
    ("entropy", 2600, None),
    ("loop_share", None, 300),
    ("repeat_run", None, 3),
    ("rejects", None, 2),
)

#: Quotes moved together, to another price each time, and hit as often as new ones are
#: sent: a maker in a name that is in a frenzy, at twenty times its past and for as long
#: as that lasts, or pegs that follow one. Loops move one order, each as soon as the
#: last is accepted, or between few prices, and nobody trades with them.
_REQUOTED = (
    ("rate_replace_fast", 100, None),
    ("fills_per_new", 900, None),
    ("entropy", 2400, None),
    ("loop_share", None, 450),
    ("repeat_run", None, 3),
    ("gap_deviation", 500, None),
    ("rejects", None, 2),
)
#: Of so many messages so many are replaces.
_MOVED, _OF = 4, 5

#: Volleys of quotes on both sides by turns, each at another price than any before it,
#: and as many withdrawn as are sent, after they have stood: a strategy that goes live,
#: at eighty times what its session did before. Layers are one-sided, and who stuffs
#: withdraws at once.
_LIVE = (
    ("gap_deviation", 1200, None),
    ("new_price_share", 800, None),
    ("same_side_share", None, 650),
    ("cancels_per_new", 250, 1300),
    ("cancel_age_us", 25_000, None),
    ("replaces_per_new", None, 50),
    ("repeat_share", None, 200),
    ("entropy", 2600, None),
    ("loop_share", None, 450),
    ("rejects", None, 2),
)

#: One name, one way, at gaps as of chance: a large order.
_LARGE = (
    ("same_symbol_share", 700, None),
    ("same_side_share", 850, None),
    ("cancels_per_new", None, 150),
    ("replaces_per_new", None, 150),
    ("rejects", None, 2),
    ("gap_deviation", 300, None),
)
#: All of it filled, at 120 a second and less: pieces of an iceberg, each sent when one
#: before is filled, or of a position that is closed. Of more airnet.domain.insistence
#: counts the orders.
_ICEBERG = (*_LARGE, ("fills_per_new", 850, None), ("rate_1s", None, 1200))


def is_answers(feature: Feature) -> bool:
    """Return whether a session's window is of quotes that somebody asked for."""
    return is_within(feature, _ANSWERED)


def is_clients(feature: Feature) -> bool:
    """Return whether a session's window is of clients' orders at market."""
    return is_within(feature, _CLIENTS)


def is_closed_out(feature: Feature) -> bool:
    """Return whether a session's window is of positions that are closed."""
    return is_within(feature, _CLOSED_OUT)


def is_turned_away(feature: Feature) -> bool:
    """Return whether a session's window is of different orders that are refused."""
    return is_within(feature, _TURNED_AWAY)


def is_asking(feature: Feature) -> bool:
    """Return whether a session's window is of prices that are asked of many names."""
    return is_within(feature, _ASKED)


def is_requoted(feature: Feature) -> bool:
    """Return whether a session's window is of a maker that moves, and is hit."""
    moved, sent = feature("rate_replace_fast"), feature("rate_fast")
    if moved is None or sent is None or moved * _OF < sent * _MOVED:
        return False
    return is_within(feature, _REQUOTED)


def is_live(feature: Feature) -> bool:
    """Return whether a session's window is of quotes in volleys that stand a while."""
    return is_within(feature, _LIVE)


def is_large(feature: Feature) -> bool:
    """Return whether a session's window is of one large order in pieces."""
    return is_within(feature, _LARGE)


def is_iceberg(feature: Feature) -> bool:
    """Return whether those pieces are taken as they are sent."""
    return is_within(feature, _ICEBERG)


def is_due(feature: Feature) -> bool:
    """Return whether a session's window is of different orders due at one moment."""
    return not is_taken_back(feature) and is_within(feature, _DUE)


def is_taken_back(feature: Feature) -> bool:
    """Return whether a third of what a session sends is withdrawn at once."""
    age_us = feature("cancel_age_us")
    is_back = (feature("cancels_per_new") or 0) > _TAKEN_BACK
    return is_back and age_us is not None and age_us < _AT_ONCE_US


#: What no opinion is acted upon of, be it of one model, or of both for a while.
ERRANDS = (
    is_answers,
    is_clients,
    is_closed_out,
    is_due,
    is_iceberg,
    is_live,
    is_requoted,
    is_turned_away,
)


def is_errand(feature: Feature) -> bool:
    """Return whether a session does what it is asked to, or what is due."""
    return any(looks_so(feature) for looks_so in ERRANDS)


__all__ = [
    "ERRANDS",
    "is_answers",
    "is_asking",
    "is_clients",
    "is_closed_out",
    "is_due",
    "is_errand",
    "is_iceberg",
    "is_large",
    "is_live",
    "is_requoted",
    "is_taken_back",
    "is_turned_away",
]
