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

#: What the others do says nothing: the market is calm, now and over a second.
_CALM = (
    ("market_fast", 0, 1800),
    ("market_1s", 0, 1500),
    ("elevated_share", 0, 200),
)

SESSION_RULES = (
    # Reused ClOrdIDs are refused by every venue (FIX 4.4, field 11: unique); four in
    # two slots is a program that does not know what it has sent. Cancels that bear
    # their order's number do not count, nor does what is marked as sent again.
    Rule(
        name="session.duplicate_clordid",
        cause=Cause.ALGO_FAULT,
        unit="orders in 0.2 s",
        feature="duplicates",
        limit=3,
    ),
    # The same order a dozen times in a row, 40 a second, four times what the session
    # ever sent while the others did not, elevated for 0.15 s at least. Who slices a
    # large order sends like pieces, but not at once, and not for so long. Where all
    # orders of a session always are alike (generated markets are so), it is but a rate.
    Rule(
        name="session.orders_alike_per_second",
        cause=Cause.ALGO_FAULT,
        unit="orders/s",
        feature="identical_rate",
        limit=40,
        divisor=10,
        needs=(
            ("repeat_run", 12, ANY),
            ("relative_fast", 4000, ANY),
            ("relative_1s", 3000, ANY),
            ("relative_first", 2500, ANY),
            ("streak_ms", 150, ANY),
        ),
    ),
    # The last 24 messages are mostly the one some places before: a price up and down,
    # an order sent again and again. Where cancels are part of it, quoting looks alike;
    # and a reload of parameters, the longest honest burst of the kind in both twins, is
    # over after 96 ms. In news and auctions many do so at once.
    Rule(
        name="session.loop_messages_per_second",
        cause=Cause.ALGO_FAULT,
        unit="messages/s",
        feature="rate_16",
        limit=40,
        divisor=10,
        needs=(
            ("loop_share", 550, ANY),
            ("cancels_per_new", 0, 500),
            ("relative_fast", 4000, ANY),
            ("relative_1s", 3000, ANY),
            ("relative_first", 2500, ANY),
            ("streak_ms", 100, ANY),
            *_CALM,
        ),
    ),
    # Half of them, for longer and further above its own past.
    Rule(
        name="session.loop_alone_per_second",
        cause=Cause.ALGO_FAULT,
        unit="messages/s",
        feature="rate_16",
        limit=40,
        divisor=10,
        needs=(
            ("loop_share", 450, ANY),
            ("cancels_per_new", 0, 500),
            ("relative_fast", 5000, ANY),
            ("relative_1s", 4000, ANY),
            ("relative_first", 3000, ANY),
            ("streak_ms", 150, ANY),
            *_CALM,
        ),
    ),
    # A new order and its cancel, over and over. Who answers a quick market, or goes
    # live with a new strategy, does so too: not for half a second, and rarely so alike.
    Rule(
        name="session.orders_and_cancels_in_a_loop",
        cause=Cause.ALGO_FAULT,
        unit="messages/s",
        feature="rate_16",
        limit=40,
        divisor=10,
        needs=(
            ("loop_share", 550, ANY),
            ("cancels_per_new", 500, 1500),
            ("relative_fast", 5000, ANY),
            ("relative_1s", 5000, ANY),
            ("relative_first", 3000, ANY),
            ("streak_ms", 500, ANY),
            *_CALM,
        ),
    ),
    # As many refusals as reports (a report that refuses counts as both), a dozen in two
    # slots, of messages that resemble each other, at 40 a second, and the gateway takes
    # what others send: it asks again and again for what cannot be had. Not who
    # always does, as who cancels what is gone: three times its own past.
    Rule(
        name="session.refusals_in_a_row",
        cause=Cause.ALGO_FAULT,
        unit="refusals in 0.2 s",
        feature="rejects",
        limit=11,
        needs=(
            ("reject_share", 450, ANY),
            ("rate_16", 400, ANY),
            ("entropy", 0, 3200),
            ("relative_fast", 4000, ANY),
            ("relative_1s", 3000, ANY),
            ("streak_ms", 100, ANY),
            ("others_rejected", 0, 50),
            ("market_1s", 0, 1500),
        ),
    ),
    # 600 new orders a second, nearly all it sends and filled, on whichever side: sixty
    # times its own past in a tenth of a second and twenty times over a second, while
    # the others have not moved yet. Knight's, in 2012. Who flattens at the end of a
    # day, follows a leader or quotes anew reaches 73 times, for 76 ms (in the twin).
    Rule(
        name="session.filled_far_above_baseline",
        cause=Cause.ALGO_FAULT,
        unit="1/1000",
        feature="relative_fast",
        limit=60_000,
        needs=(
            ("rate_new_fast", 6000, ANY),
            ("relative_1s", 20_000, ANY),
            ("relative_first", 9000, ANY),
            ("peak_ratio", 30_000, ANY),
            ("fills_per_new", 800, ANY),
            ("cancels_per_new", 0, 300),
            ("replaces_per_new", 0, 300),
            ("streak_ms", 120, ANY),
            ("elevated_share", 0, 150),
            ("market_1s", 0, 1500),
        ),
    ),
    # 48 orders in a row on one side, 50 a second, filled or not, six times its own past
    # and four times its first seconds for 0.3 s, while nobody else moves. A large order
    # sent in pieces is over by then or slower; Knight's program was neither.
    Rule(
        name="session.one_sided_orders",
        cause=Cause.ALGO_FAULT,
        unit="orders",
        feature="side_run",
        limit=47,
        needs=(
            ("rate_fast", 500, ANY),
            ("relative_fast", 6000, ANY),
            ("relative_1s", 4000, ANY),
            ("relative_first", 4000, ANY),
            ("peak_ratio", 2000, ANY),
            ("streak_ms", 300, ANY),
            ("market_fast", 0, 1300),
            ("market_1s", 0, 1200),
            ("elevated_share", 0, 120),
        ),
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
    # Fifteen such requests, and numbers that are missing as often: one end skips them,
    # the other asks, again and again. After a failure each end asks once. The line is
    # out of order, not the algorithm: it is told, and nobody is contained for it.
    Rule(
        name="session.gaps_asked_for_per_second",
        cause=Cause.VENUE_FAULT,
        unit="0.1 requests/s",
        feature="resend_rate",
        limit=14,
        needs=(("gap_rate", 12, ANY),),
    ),
    # The same without a past to compare with: nobody wants one order 257 times in a row
    # at 400 a second. A large order sent in like pieces made 181 at 288 a second, in
    # the twin's wildest markets.
    Rule(
        name="session.identical_orders_in_a_row",
        cause=Cause.ALGO_FAULT,
        unit="orders/s",
        feature="identical_rate",
        limit=400,
        divisor=10,
        needs=(("repeat_run", 256, ANY),),
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
        needs=(
            ("repeat_run", 32, ANY),
            ("relative_fast", 2000, ANY),
            ("relative_1s", 2000, ANY),
        ),
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
        needs=(*_ALONE, ("fills_per_new", 0, 20)),
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
