"""Rules of sessions: loops, which need no history, and rates that rise alone.

What an honest session does was looked for in every benign scenario of both twins; the
limits that this moved say so.
"""

from airnet.domain.verdict import Cause
from airnet.score.rule import ANY, Rule

#: A session that rises alone: above its own past, old and recent, not with the market.
_ALONE = (
    ("rate_1s", 3000, ANY),
    ("relative_1s", 5000, ANY),
    ("peak_ratio", 3000, ANY),
    ("market_1s", 0, 1500),
    ("relative_symbol", 5000, ANY),
    ("relative_first", 5000, ANY),
    ("ratio_fast", 5000, ANY),
    ("streak_ms", 500, ANY),
    ("history_ms", 5000, ANY),
    ("active_sessions", 3, ANY),
    ("elevated_share", 0, 150),
    ("others_rejected", 0, 100),
)

SESSION_RULES = (
    # Reused ClOrdIDs are refused by every venue (FIX 4.4, field 11: unique); a handful
    # in two slots is a program that does not know what it has sent. Cancels that bear
    # their order's number do not count, nor does what is marked as sent again.
    Rule(
        name="session.duplicate_clordid",
        cause=Cause.ALGO_FAULT,
        unit="orders in 0.2 s",
        feature="duplicates",
        limit=4,
    ),
    # One order replaced 48 times, each within 0.2 s of the one before, at 50 messages a
    # second at least, and back to a state it was in: two rules undo each other. Honest
    # quoting follows a price, and in the twin's replaced no order more than six times.
    Rule(
        name="session.replaces_of_one_order",
        cause=Cause.ALGO_FAULT,
        unit="replaces",
        feature="replace_run",
        limit=48,
        needs=(("loop_share", 400, ANY), ("rate_16", 500, ANY)),
    ),
    # Fifteen times within some ten seconds an order was refused that had been refused
    # before, the same few messages come again and again, and the gateway takes the
    # others' orders: limits and halts, which many run into, are no fault of one.
    Rule(
        name="session.refused_again_per_second",
        cause=Cause.ALGO_FAULT,
        unit="0.1 orders/s",
        feature="retries",
        limit=15,
        needs=(
            ("rejects", 1, ANY),
            ("reject_share", 250, ANY),
            ("others_rejected", 0, 20),
            ("entropy", 0, 3500),
            ("market_1s", 0, 1500),
        ),
    ),
    # Twenty requests to send again within some ten seconds, and hardly a number is
    # missing: the ends answer each other's questions with questions.
    Rule(
        name="session.resend_requests_per_second",
        cause=Cause.ALGO_FAULT,
        unit="0.1 requests/s",
        feature="resend_rate",
        limit=20,
        needs=(("gap_rate", 0, 5),),
    ),
    # The same without a past to compare with: nobody wants one order 129 times in a row
    # at 200 a second. In the twin's wildest markets such runs ended at 65, slowly.
    Rule(
        name="session.identical_orders_in_a_row",
        cause=Cause.ALGO_FAULT,
        unit="orders/s",
        feature="identical_rate",
        limit=200,
        divisor=10,
        needs=(("repeat_run", 128, ANY),),
    ),
    # A person cannot, and an algorithm should not, want the same order 100 times a
    # second; 32 in a row, while above its own past and the market.
    Rule(
        name="session.identical_orders_per_second",
        cause=Cause.ALGO_FAULT,
        unit="orders/s",
        feature="identical_rate",
        limit=100,
        divisor=10,
        needs=(("repeat_run", 32, ANY), ("relative_fast", 2000, ANY)),
    ),
    # Fifteen times its own past for a second, five times its first seconds, 300 orders
    # a second at least and three times the most it ever did, for half a second, while
    # the others stay calm, in its symbols too, and hardly any of it is filled. Trading
    # comes in clusters: at a third of this rate the twin's honest sessions broke the
    # limit (measured). A reload of parameters is one burst of a third of a second. At
    # an open honest sessions rise as far, are filled, and others are refused.
    Rule(
        name="session.order_rate_over_own_baseline",
        cause=Cause.ALGO_FAULT,
        unit="1/1000",
        feature="ratio_1s",
        limit=15_000,
        needs=(*_ALONE, ("fills_per_new", 0, 150)),
    ),
    # The same where it is filled, but all of it on one side: 129 in a row.
    Rule(
        name="session.one_sided_rate_over_own_baseline",
        cause=Cause.ALGO_FAULT,
        unit="1/1000",
        feature="ratio_1s",
        limit=15_000,
        needs=(*_ALONE, ("side_run", 128, ANY)),
    ),
)
