"""Rules of sessions: loops, which need no history, and rates that rise alone.

What an honest session does was looked for in every benign scenario of both twins; the
limits that this moved say so.
"""

from airnet.domain.verdict import Cause
from airnet.score.rule import ANY, Rule
from airnet.score.rules_session_told import (
    ALONE,
    CALM,
    LOOP,
    PAST,
    REFUSED,
    SENT,
    SPREAD,
    STILL,
    TOLD,
)

#: A burst is over in a tenth of a second: who hedges his fills, lot by lot, was six
#: times his past in one. Who minds what rests of an iceberg has bursts for as long.
LASTED = (
    ("streak_ms", 100, ANY),
    ("history_ms", 5000, ANY),
    ("cancels_per_new", 0, 50),
    ("replaces_per_new", 0, 50),
)

#: What is filled is a loop only where it lasts, and is of one name, or of two one way:
#: the legs of an arbitrage are as like, as often, and for as long as one is to be had.
NO_LEGS = (
    ("session.loop_out_of_nothing", (("fills_per_new", 0, 600),)),
    ("session.loop_of_one_name", (("same_symbol_share", 400, ANY), *LASTED)),
    (
        "session.loop_one_way",
        (("same_side_share", 900, ANY), ("entropy", 0, 1200), *LASTED),
    ),
)

#: What is acted upon. How near honest days come to it: docs/adr/0049.
_ACTED = (
    # Reused ClOrdIDs are refused by every venue (FIX 4.4, field 11: unique); four in
    # two slots is a program that does not know what it has sent. Cancels that bear
    # their order's number do not count, nor does what is marked as sent again. What no
    # venue refuses was seen twice, and as a session begins much is refused.
    Rule(
        name="session.duplicate_clordid",
        cause=Cause.ALGO_FAULT,
        unit="orders in 0.2 s",
        feature="duplicates",
        limit=3,
        needs=(("rejects", 2, ANY), ("history_ms", 1000, ANY)),
    ),
    # One used ClOrdID within two slots is too few to tell; beside it is enough that
    # four times within ten seconds an order was refused that had been refused before.
    Rule(
        name="session.duplicate_clordid_refused",
        cause=Cause.ALGO_FAULT,
        unit="orders in 0.2 s",
        feature="duplicates",
        limit=0,
        needs=(
            ("rejects", 1, ANY),
            ("retries", 4, ANY),
            ("entropy", 0, 2500),
            ("others_rejected", 0, 20),
        ),
    ),
    # The same order a dozen times in a row, 40 a second, four times what the session
    # ever sent while the others did not, elevated for 0.15 s at least, and hardly
    # anything else: nothing is moved, and of two dozen nearly all are alike. Who slices
    # a large order sends like pieces, but not at once, and not for so long; or 15 of
    # them in 6 ms, and minds what rests. Where all orders are alike (generated markets
    # are so), it is but a rate; where others are refused, too, all try again.
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
            ("others_rejected", 0, 200),
            ("replaces_per_new", 0, 50),
            *SENT,
            ("loop_share", 800, ANY),
        ),
    ),
    # Seven in ten of the last 24 messages are the one some places before: a price up
    # and down, an order sent again and again. Where cancels are part of it, quoting
    # looks alike. The likest honest row of the twin had half of these rates.
    Rule(
        name="session.loop_messages_per_second",
        cause=Cause.ALGO_FAULT,
        unit="messages/s",
        feature="rate_16",
        limit=60,
        divisor=10,
        needs=(
            *LOOP,
            ("fills_per_new", 0, 600),
            ("relative_1s", 4000, ANY),
            ("relative_first", 3500, ANY),
            ("streak_ms", 100, ANY),
        ),
    ),
    # The same of a session that has a past. Who is six times as fast as then for so
    # many messages need not be so for a while: the likest honest row, a large order's,
    # had two thirds of it, however long it lasted.
    *(
        Rule(
            name=name,
            cause=Cause.ALGO_FAULT,
            unit="messages/s",
            feature="rate_16",
            limit=60,
            divisor=10,
            needs=(
                *LOOP,
                *no_legs,
                ("relative_1s", 2000, ANY),
                ("relative_first", 2000, ANY),
                *PAST,
            ),
        )
        for name, no_legs in NO_LEGS
    ),
    # One order of two dozen alike again and again, with or without cancels between, at
    # 25 messages a second for as long as it takes to be six times its own past: what
    # rides below the limits above.
    Rule(
        name="session.orders_alike_at_length",
        cause=Cause.ALGO_FAULT,
        unit="orders",
        feature="repeat_run",
        limit=23,
        needs=(
            ("loop_share", 700, ANY),
            ("rate_1s", 250, ANY),
            ("relative_fast", 2000, ANY),
            ("relative_1s", 6000, ANY),
            ("relative_first", 5000, ANY),
            *PAST,
            *CALM,
        ),
    ),
    # As many refusals as reports (a report that refuses counts as both), a dozen in two
    # slots, of messages of which half are the one some places before, at 40 a second,
    # and the gateway takes what others send: it asks again and again for what cannot be
    # had. Not who always does: three times its own past. Nor who asks for every cancel
    # twice while a lost segment holds up the answers.
    Rule(
        name="session.refusals_in_a_row",
        cause=Cause.ALGO_FAULT,
        unit="refusals in 0.2 s",
        feature="rejects",
        limit=11,
        needs=(
            *REFUSED,
            ("streak_ms", 500, ANY),
            ("entropy", 0, 3200),
            ("loop_share", 500, ANY),
        ),
    ),
    # 450 orders a second on both sides of many symbols, hardly two in a row in one,
    # all filled and none withdrawn, at even gaps: eight times its own past over a
    # second and fifteen times now, alone. Knight's, in 2012. Who flattens at the end of
    # a day, or follows a leader, works off what it has in volleys, name by name; who
    # took a basket sent 36 within a tenth of a second.
    Rule(
        name="session.filled_in_all_symbols",
        cause=Cause.ALGO_FAULT,
        unit="1/1000",
        feature="relative_1s",
        limit=8000,
        needs=(
            *SPREAD,
            ("relative_fast", 15_000, ANY),
            ("relative_first", 7000, ANY),
            ("rate_new_fast", 4500, ANY),
            ("cancels_per_new", 0, 100),
            ("same_symbol_share", 0, 120),
            ("gap_deviation", 0, 1000),
        ),
        is_told=True,
    ),
    # The same of a session whose past was less quiet, while nobody else moves at all:
    # a hundred in a second, and no basket of a few dozen.
    Rule(
        name="session.filled_while_others_rest",
        cause=Cause.ALGO_FAULT,
        unit="1/1000",
        feature="relative_1s",
        limit=5000,
        needs=(
            *SPREAD,
            *STILL,
            ("relative_fast", 12_000, ANY),
            ("relative_first", 4500, ANY),
            ("rate_new_fast", 2500, ANY),
            ("rate_1s", 1000, ANY),
            ("cancels_per_new", 0, 100),
            ("same_symbol_share", 0, 120),
            ("gap_deviation", 0, 800),
        ),
        is_told=True,
    ),
    # And slower, where nothing is withdrawn or replaced and no symbol comes twice in a
    # row, at seven times the most it ever did: an arbitrage that had sent in volleys
    # before had nearly five.
    Rule(
        name="session.filled_evenly",
        cause=Cause.ALGO_FAULT,
        unit="1/1000",
        feature="relative_1s",
        limit=3000,
        needs=(
            *SPREAD,
            *STILL,
            ("relative_fast", 8000, ANY),
            ("relative_first", 2500, ANY),
            ("peak_ratio", 7000, ANY),
            ("rate_new_fast", 1200, ANY),
            ("cancels_per_new", 0, 30),
            ("replaces_per_new", 0, 20),
            ("same_symbol_share", 0, 80),
            ("gap_deviation", 0, 800),
            ("others_rejected", 0, 20),
        ),
        is_told=True,
    ),
    # One order replaced 48 times, each within 0.2 s of the one before, at 50 messages a
    # second at least, and back to a state it was in: two rules undo each other. Honest
    # quoting follows a price; a maker that leans moves bid and offer in volleys.
    Rule(
        name="session.replaces_of_one_order",
        cause=Cause.ALGO_FAULT,
        unit="replaces",
        feature="replace_run",
        limit=48,
        needs=(
            ("loop_share", 400, ANY),
            ("gap_deviation", 0, 799),
            ("rate_16", 500, ANY),
            ("relative_1s", 3000, ANY),
            ("relative_first", 2500, ANY),
            *CALM,
        ),
    ),
    # Twenty, in a loop of few messages, of a session that did not before.
    Rule(
        name="session.replaces_in_a_loop",
        cause=Cause.ALGO_FAULT,
        unit="replaces",
        feature="replace_run",
        limit=19,
        needs=(
            ("loop_share", 600, ANY),
            ("entropy", 0, 2000),
            ("rate_16", 500, ANY),
            ("relative_1s", 2000, ANY),
            ("relative_first", 2000, ANY),
            *PAST,
            *CALM,
        ),
    ),
    # Twice as many as 48, by nothing but one of two others, while all are calm: of a
    # session that has done so from the beginning.
    Rule(
        name="session.replaces_of_one_order_at_length",
        cause=Cause.ALGO_FAULT,
        unit="replaces",
        feature="replace_run",
        limit=96,
        needs=(
            ("loop_share", 950, ANY),
            ("entropy", 0, 1050),
            ("rate_16", 500, ANY),
            *CALM,
        ),
    ),
    # Fifteen times within some ten seconds an order was refused that had been refused
    # before, the same comes again and again, and the gateway takes the others' orders:
    # limits and halts are no fault of one. It is of like orders in one name: clients'
    # differ; after an opening who was refused was so in all.
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
            ("entropy", 0, 3000),
            ("repeat_share", 430, ANY),
            ("same_symbol_share", 500, ANY),
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
    # at 600 a second. A large order in like pieces made 435 at 430, and 333 at 495.
    Rule(
        name="session.identical_orders_in_a_row",
        cause=Cause.ALGO_FAULT,
        unit="orders/s",
        feature="identical_rate",
        limit=600,
        divisor=10,
        needs=(("repeat_run", 256, ANY),),
    ),
    # A person cannot, and an algorithm should not, want the same order 100 times a
    # second; 32 in a row, while above its own past and the market. A large order in
    # like pieces was 2.3 times its own past; in a crash all try again what is refused.
    Rule(
        name="session.identical_orders_per_second",
        cause=Cause.ALGO_FAULT,
        unit="orders/s",
        feature="identical_rate",
        limit=100,
        divisor=10,
        needs=(
            ("repeat_run", 32, ANY),
            ("relative_fast", 4000, ANY),
            ("relative_1s", 3000, ANY),
            ("others_rejected", 0, 200),
            *SENT,
        ),
    ),
    # Fifteen times its own past for half a second, each order withdrawn within 5 ms
    # and hardly any filled: stuffing. Who refreshes quotes sends a bid and an offer by
    # turns, more than it withdraws in one volley, and lets them stand. Who races to
    # prices at an open probes so too, in one name after the other; and so does who asks
    # prices in news: eight others at least rise with him, within the second.
    Rule(
        name="session.withdrawn_over_own_baseline",
        cause=Cause.ALGO_FAULT,
        unit="1/1000",
        feature="ratio_1s",
        limit=15_000,
        needs=(
            *ALONE,
            ("fills_per_new", 0, 50),
            ("cancels_per_new", 900, 1200),
            ("cancel_age_us", 0, 5_000),
            ("same_side_share", 400, ANY),
            ("same_symbol_share", 300, ANY),
            ("elevated_1s", 0, 4),
        ),
    ),
    # Fifteen times its own past for a second, five times its first seconds, 300 orders
    # a second at least and three times the most it ever did, for half a second, while
    # the others stay calm, in its symbols too, and all of it on one side: 129 in a row,
    # some of them alike: in a list of names, none is. Nor have six others risen within
    # the second: who begins a large order at the bell is as one-sided, for seconds.
    Rule(
        name="session.one_sided_rate_over_own_baseline",
        cause=Cause.ALGO_FAULT,
        unit="1/1000",
        feature="ratio_1s",
        limit=15_000,
        needs=(
            *ALONE,
            ("side_run", 128, ANY),
            ("entropy", 0, 3900),
            ("elevated_1s", 0, 6),
        ),
        is_told=True,
    ),
)

SESSION_RULES = _ACTED + TOLD
