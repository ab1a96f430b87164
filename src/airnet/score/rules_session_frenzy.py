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
)
