"""Beyond: windows of sessions beyond their own busiest second, for the others.

Counted by airnet.decide.beyond, whatever it is that the session sends, in thousandths
of what it sent in the busiest second of its past. Units are those of
airnet.domain.columns. docs/adr/0100 has how near honest sessions came.
"""

from airnet.domain.shape import ANY, Shape

#: Half as many again as ever, of who sends five a second at least and has a past.
_RISEN = (
    ("peak_ratio", 1500, ANY),
    ("baseline", 50, ANY),
    ("history_ms", 10_000, ANY),
)

BEYOND = (
    # A thousand a second, where neither the market nor a quarter of the others have
    # risen. Who catches up with a plan sent 660.
    Shape(
        "session.far_beyond_its_peak",
        (
            ("rate_1s", 10_000, ANY),
            *_RISEN,
            ("market_1s", 0, 1999),
            ("elevated_share", 0, 249),
        ),
        told=8000,
        limit=15_000,
    ),
    # Or two thousand, whatever the others do: they send less than he, and he has risen
    # eight times as far as they. What trades moves them.
    Shape(
        "session.far_beyond_all_others",
        (
            ("rate_1s", 20_000, ANY),
            *_RISEN,
            ("market_share", 500, ANY),
            ("relative_1s", 8000, ANY),
        ),
        told=8000,
        limit=15_000,
    ),
)

__all__ = ["BEYOND"]
