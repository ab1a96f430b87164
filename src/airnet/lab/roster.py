"""Who trades in the lab: six FIX 4.4 sessions of three firms, and their algorithms.

Each firm has a quoter with symbols of its own, and a taker who trades in the other
firms' symbols.
"""

import msgspec

from airnet.lab.network import FIRMS

VENUE_COMP = "VENUE"
#: Order messages a second in quiet trading: quoter and taker of each firm.
PACES = {"alpha": (14.0, 11.0), "beta": (17.0, 12.0), "gamma": (13.0, 15.0)}


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A session's algorithm: which, in what symbols, how many messages a second."""

    comp_id: str
    kind: str
    symbols: tuple[str, ...]
    per_second: float


def quoted(firm: str) -> tuple[str, ...]:
    """Return the symbols a firm quotes."""
    return tuple(f"{firm[:3].upper()}{number}" for number in (1, 2))


def plans(firm: str) -> list[Plan]:
    """Return the sessions of a firm."""
    quoter, taker = PACES[firm]
    others = tuple(s for other in FIRMS if other != firm for s in quoted(other))
    return [
        Plan(
            comp_id=f"{firm.upper()}MM",
            kind="quoter",
            symbols=quoted(firm),
            per_second=quoter,
        ),
        Plan(
            comp_id=f"{firm.upper()}TK",
            kind="taker",
            symbols=others,
            per_second=taker,
        ),
    ]
