"""Astray: windows far above a session's past of what nobody honest does for long.

Each was asked of 1,500 honest captures' sessions before it was put here, of generators
of twelve hands, and of kept days: how near they came stands beside it, if they came at
all (docs/adr/0099). Counted like airnet.domain.risen: milliseconds that such windows
cover, less half of what they do not. Units are those of airnet.domain.columns.
"""

from airnet.domain.shape import ANY, Shape

#: Who has a past that it can be held against.
_KNOWN = ("history_ms", 5000, ANY)
#: Five times that past, or three times, and not much less when it began.
_ABOVE = (("relative_1s", 5000, ANY), ("relative_first", 4000, ANY), _KNOWN)
_THRICE = (("relative_1s", 3000, ANY), ("relative_first", 2400, ANY), _KNOWN)
#: In a crash everybody is at several times his past.
_NO_RUSH = ("market_1s", 0, 4999)

ASTRAY = (
    # One name, one way, by a clock, whether it is filled or not: forty a second and
    # more. Who works a large order by a clock keeps to a plan from the beginning.
    # Nobody honest showed a window of it.
    Shape(
        "session.one_way_by_a_clock",
        (
            *_ABOVE,
            ("gap_deviation", 0, 150),
            ("same_symbol_share", 900, ANY),
            ("same_side_share", 900, ANY),
            ("cancels_per_new", 0, 250),
            ("replaces_per_new", 0, 100),
            ("rate_1s", 400, ANY),
            _NO_RUSH,
        ),
        told=200,
        limit=400,
    ),
    # Layers: new orders on one side, dozens in a row, withdrawn within 60 ms, and
    # hardly one filled. A quote on the side that is left stands for longer. In single-
    # name news a session came to a tenth of a second.
    Shape(
        "session.layered_above_its_past",
        (
            *_ABOVE,
            ("same_side_share", 950, ANY),
            ("same_symbol_share", 700, ANY),
            ("side_run", 24, ANY),
            ("cancels_per_new", 400, 1600),
            ("cancel_age_us", 0, 60_000),
            ("fills_per_new", 0, 100),
            ("replaces_per_new", 0, 100),
            ("rate_1s", 600, ANY),
            ("market_1s", 0, 2499),
        ),
        told=200,
        limit=600,
    ),
    # Told alone: orders of one name that differ, on one side, and hardly one filled,
    # whenever they are withdrawn, as layers are that stand for a tenth of a second.
    Shape(
        "session.one_side_of_a_book",
        (
            *_ABOVE,
            ("same_side_share", 700, ANY),
            ("same_symbol_share", 850, ANY),
            ("fills_per_new", 0, 250),
            ("replaces_per_new", 0, 300),
            ("entropy", 3500, ANY),
            ("loop_share", 0, 150),
            ("rate_1s", 300, ANY),
            ("market_1s", 0, 2499),
        ),
        told=300,
        limit=0,
    ),
    # Each withdrawn within 3 ms, two hundred a second, on whatever side of whatever
    # name, while the others rest. Who tries out a new line does so before he has
    # traded. At an opening somebody came to 0.15 s of it, after the rush was over.
    Shape(
        "session.withdrawn_at_once_above_its_past",
        (
            *_ABOVE,
            ("cancels_per_new", 850, 1200),
            ("cancel_age_us", 0, 3000),
            ("fills_per_new", 0, 60),
            ("replaces_per_new", 0, 100),
            ("rate_1s", 2000, ANY),
            ("peak_ratio", 3000, ANY),
            ("market_1s", 0, 1999),
            ("elevated_share", 0, 249),
            ("market_share", 150, ANY),
        ),
        told=250,
        limit=500,
    ),
    # Bought and sold again in one name, a hundred a second, all of it filled and some
    # of it alike: two that answer each other, at twice their past already. What is
    # rolled from one month into the next came to a tenth of a second at sixty; makers
    # that are hit move their quotes.
    Shape(
        "session.both_ways_in_one_name",
        (
            ("relative_1s", 2000, ANY),
            ("same_symbol_share", 800, ANY),
            ("same_side_share", 0, 850),
            ("drift_share", 0, 775),
            ("fills_per_new", 1000, ANY),
            ("replaces_per_new", 0, 500),
            ("repeat_share", 400, ANY),
            ("rate_1s", 1000, ANY),
            _KNOWN,
        ),
        told=300,
        limit=1000,
    ),
    # One order moved, dozens of times, at gaps more even than chance: not the price is
    # followed. At an opening, and of sixteen moves, 0.2 s; pegs have gaps of chance.
    Shape(
        "session.moved_evenly_above_its_past",
        (
            *_THRICE,
            ("replace_run", 24, ANY),
            ("gap_deviation", 0, 400),
            ("cancels_per_new", 0, 100),
            ("rate_1s", 400, ANY),
        ),
        told=200,
        limit=600,
    ),
    # The same steps again and again, at prices that are new, mostly on one side, and a
    # third withdrawn: layers that are stacked and pulled. Honest sessions: 0.05 s.
    Shape(
        "session.stacked_in_a_loop",
        (
            *_THRICE,
            ("loop_share", 240, ANY),
            ("new_price_share", 800, ANY),
            ("same_side_share", 560, ANY),
            ("cancels_per_new", 300, ANY),
            ("rate_1s", 500, ANY),
        ),
        told=200,
        limit=800,
    ),
)

__all__ = ["ASTRAY"]
