"""Rules of sessions that rise while everybody does: a loop hides in a frenzy.

What a session does is held against the market (`relative_1s`), so that a busy day is
nobody's fault. A runaway among many is as fast as they are busy: what tells it is that
it says one thing, and never did.
"""

from airnet.domain.verdict import Cause
from airnet.score.rule import ANY, Rule

FRENZY_RULES = (
    # The same order two dozen times and hardly anything else, each filled, 60 a second:
    # eight times its own past over a second and six times the most it ever did, where
    # all others rose, too, and still two and a half times as much as they. Who slices a
    # large order was 2.3 times as fast as before, against the others.
    Rule(
        name="session.one_order_in_a_frenzy",
        cause=Cause.ALGO_FAULT,
        unit="orders/s",
        feature="identical_rate",
        limit=60,
        divisor=10,
        needs=(
            ("market_1s", 1500, ANY),
            ("repeat_run", 24, ANY),
            ("loop_share", 900, ANY),
            ("fills_per_new", 900, ANY),
            ("cancels_per_new", 0, 100),
            ("ratio_1s", 8000, ANY),
            ("peak_ratio", 6000, ANY),
            ("relative_1s", 2500, ANY),
            ("relative_first", 2500, ANY),
            ("history_ms", 3000, ANY),
        ),
    ),
    # The same order again and again, 256 in a row on one side of one name, hardly any
    # filled at once, a hundred a second: three times its past, against the others,
    # however they hurry, and not refused as they are. Pieces of a large order are
    # filled, and a maker that sent 485 of them withdrew each.
    Rule(
        name="session.one_order_one_way_in_a_frenzy",
        cause=Cause.ALGO_FAULT,
        unit="orders in a row",
        feature="side_run",
        limit=255,
        needs=(
            ("repeat_share", 800, ANY),
            ("same_symbol_share", 900, ANY),
            ("rate_new_fast", 1000, ANY),
            ("rate_1s", 1200, ANY),
            ("relative_1s", 3000, ANY),
            ("relative_first", 3000, ANY),
            ("fills_per_new", 0, 600),
            ("cancels_per_new", 0, 350),
            ("others_rejected", 0, 200),
            ("history_ms", 5000, ANY),
        ),
    ),
    # 400 orders moved a second and nothing else, for a second: twenty times its past,
    # as the others' haste has it, twenty times its fastest second, and as much as all
    # others together. A dozen loops at once have no rhythm that shows, and no order is
    # moved twice in a row. Who renews quotes sends more, and is through in a fifth of a
    # second. As a market opens makers were at 27 times their past for seconds, refused,
    # and many: of them none sends as much as all.
    Rule(
        name="session.moved_in_a_frenzy",
        cause=Cause.ALGO_FAULT,
        unit="replaces/s",
        feature="rate_replace_fast",
        limit=400,
        divisor=10,
        needs=(
            ("rate_new_fast", 0, 1000),
            ("rate_cancel_fast", 0, 500),
            ("rate_quote_fast", 0, 0),
            ("rate_1s", 4000, ANY),
            ("relative_1s", 20_000, ANY),
            ("relative_first", 20_000, ANY),
            ("relative_symbol", 8000, ANY),
            ("peak_ratio", 20_000, ANY),
            ("market_share", 1000, ANY),
            ("others_rejected", 0, 200),
            ("streak_ms", 1000, ANY),
            ("history_ms", 5000, ANY),
        ),
    ),
)
