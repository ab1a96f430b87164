"""Beyond: windows of sessions beyond their own busiest second, for the others.

Counted by airnet.decide.beyond, which knows what is let be, in thousandths of what the
session sent in the busiest second of its past. Units are those of
airnet.domain.columns. docs/adr/0100 has how near honest sessions came.
"""

from typing import NamedTuple

from airnet.domain.shape import ANY, Shape


class Beyond(NamedTuple):
    """What counts, so many busiest seconds a second of it at most; time takes some."""

    shape: Shape
    pace: int
    taken: int


#: Half as many again as ever, of who sends five a second at least and has a past.
_RISEN = (
    ("peak_ratio", 1500, ANY),
    ("baseline", 50, ANY),
    ("history_ms", 10_000, ANY),
)
#: A thousand a second, where neither the market nor a quarter of the others have risen.
#: Who catches up with a plan sent 660.
_ALONE = (
    ("rate_1s", 10_000, ANY),
    *_RISEN,
    ("market_1s", 0, 1999),
    ("elevated_share", 0, 249),
)

#: As long as nothing about it looks honest: four times its peak, for three seconds at
#: eight times it.
FAR_ALONE = Beyond(
    Shape("session.far_beyond_its_peak", _ALONE, told=6000, limit=12_000),
    pace=10,
    taken=4,
)
#: Or two thousand, whatever the others do: they send less than he, and he has
#: risen eight times as far as they. What trades moves them.
FAR_AHEAD = Beyond(
    Shape(
        "session.far_beyond_all_others",
        (
            ("rate_1s", 20_000, ANY),
            *_RISEN,
            ("market_share", 500, ANY),
            ("relative_1s", 8000, ANY),
        ),
        told=4000,
        limit=8000,
    ),
    pace=4,
    taken=1,
)
#: And, alone, what no honest business comes to but quotes that are refreshed: sixteen
#: times its peak, for two seconds at thirty-two times it.
BEYOND_MEASURE = Beyond(
    Shape("session.beyond_all_measure", _ALONE, told=16_000, limit=32_000),
    pace=40,
    taken=16,
)
BEYOND = (FAR_ALONE, FAR_AHEAD, BEYOND_MEASURE)
SHAPES = tuple(one.shape for one in BEYOND)

__all__ = ["BEYOND", "BEYOND_MEASURE", "FAR_AHEAD", "FAR_ALONE", "SHAPES", "Beyond"]
