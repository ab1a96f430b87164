"""Rules of market data: told, never contained.

Where the mirror loses frames of sessions it loses market data too, and the fault is the
mirror's.
"""

from airnet.domain.verdict import Cause
from airnet.score.rule import ANY, Rule

FEED_RULES = (
    # Messages that nobody sent again, nor another channel, for a fifth of a second; the
    # mirror has shown all there was. Later than 0.6 s it is no news.
    Rule(
        name="feed.missing_messages",
        cause=Cause.FEED_FAULT,
        unit="messages",
        feature="missing",
        limit=0,
        needs=(
            ("missing_ms", 200, 600),
            ("mirror_clean_ms", 10_000, ANY),
            ("history_ms", 1000, ANY),
        ),
    ),
    # So many that a mirror which loses a little now and then has not lost them.
    Rule(
        name="feed.missing_run",
        cause=Cause.FEED_FAULT,
        unit="messages",
        feature="missing",
        limit=50,
        needs=(
            ("missing_ms", 200, 600),
            ("mirror_doubt_rate_1s", 0, 15),
            ("history_ms", 1000, ANY),
        ),
    ),
    # Orders are answered and the book should have moved 20 times: no word of it, for
    # five times as long as it was ever silent.
    Rule(
        name="feed.stale_us",
        cause=Cause.FEED_FAULT,
        unit="us",
        feature="told_silence_us",
        limit=250_000,
        needs=(
            ("told_silence_ratio", 5000, ANY),
            ("reports_since", 20, ANY),
            ("expected_since", 20, ANY),
            ("mirror_doubt_rate_1s", 0, 15),
            ("history_ms", 1000, ANY),
        ),
    ),
)
