"""Ongoing: orders far above a session's past that an honest desk sends for a moment.

Volleys, an iceberg, a list, a position that is closed: each ends. So what is counted is
messages, as in airnet.domain.insistence, and how near honest sessions came stands
beside it (docs/adr/0099). Units are those of airnet.domain.columns.
"""

from airnet.domain.shape import ANY, Shape

#: Five times a past that it can be held against, and four times when it began.
_ABOVE = (
    ("relative_1s", 5000, ANY),
    ("relative_first", 4000, ANY),
    ("history_ms", 5000, ANY),
)

ONGOING = (
    # The same few orders in volleys, a hundred a second together, far above its past:
    # what a hedger or a script does for a moment goes on and on. What takes legs came
    # to 62 messages of it, orders for hundreds of accounts to some 190.
    Shape(
        "session.alike_in_volleys",
        (
            ("loop_share", 700, ANY),
            ("entropy", 0, 2000),
            ("gap_deviation", 1200, ANY),
            ("rate_1s", 1000, ANY),
            *_ABOVE,
        ),
        told=64,
        limit=500,
    ),
    # One order on and on, filled, at gaps as of chance: an iceberg ends. The longest
    # had four hundred pieces.
    Shape(
        "session.pieces_without_end",
        (
            ("loop_share", 700, ANY),
            ("entropy", 0, 1000),
            ("same_symbol_share", 700, ANY),
            ("fills_per_new", 850, ANY),
            ("gap_deviation", 200, 1200),
            *_ABOVE,
        ),
        told=128,
        limit=512,
    ),
    # Or slower, one order sixty-four times in a row, and not all of it filled: orders
    # for accounts are.
    Shape(
        "session.one_order_in_volleys",
        (
            ("repeat_run", 64, ANY),
            ("loop_share", 700, ANY),
            ("gap_deviation", 1200, ANY),
            ("fills_per_new", 0, 849),
            ("rate_1s", 400, ANY),
            *_ABOVE,
        ),
        told=32,
        limit=128,
    ),
    # Told alone: a thousand new orders in a row on one side, two hundred a second, far
    # above its past, not in volleys, and not all filled. A large order of a closing
    # auction came to 143 more.
    Shape(
        "session.one_way_far_above_its_past",
        (
            ("side_run", 1000, ANY),
            ("fills_per_new", 0, 800),
            ("gap_deviation", 0, 1000),
            ("rate_1s", 2000, ANY),
            ("relative_1s", 8000, ANY),
            ("relative_first", 5000, ANY),
            ("market_1s", 0, 2499),
            ("history_ms", 5000, ANY),
        ),
        told=16,
        limit=0,
    ),
)

__all__ = ["ONGOING"]
