"""Rules of sessions that honest ones break, if rarely: told, and acted upon with help.

Where both models agree with such a rule, policy acts upon it (`agreed_min`): each is
wrong on other days. What both kinds of rules ask for alike is here as well.
"""

from airnet.domain.verdict import Cause
from airnet.score.rule import ANY, Rule

#: A session that rises alone: above its own past, old and recent, not with the market.
ALONE = (
    ("rate_1s", 3000, ANY),
    ("relative_1s", 5000, ANY),
    ("peak_ratio", 3000, ANY),
    ("market_1s", 0, 1500),
    ("relative_symbol", 5000, ANY),
    ("relative_first", 5000, ANY),
    ("ratio_fast", 5000, ANY),
    ("streak_ms", 500, 4000),
    ("history_ms", 5000, ANY),
    ("active_sessions", 3, ANY),
    ("elevated_share", 0, 150),
    ("others_rejected", 0, 100),
)

#: What the others do says nothing: the market is calm, now and over a second.
CALM = (
    ("market_fast", 0, 1800),
    ("market_1s", 0, 1500),
    ("elevated_share", 0, 200),
)

#: The same few messages again and again, hardly any of them cancels, by one alone. Of
#: one that withdraws all it has, and sends nothing new, only how fast says so.
LOOP = (
    ("loop_share", 700, ANY),
    ("cancels_per_new", 0, 500),
    ("rate_cancel_fast", 0, 1000),
    ("relative_fast", 6000, ANY),
    *CALM,
)

#: A session that has a past at all: of one that begins, everything rises.
PAST = (("history_ms", 3000, ANY),)

#: A loop, and hardly any of it withdrawals: who takes back what is left of a large
#: order, and places it anew, sends like orders as well.
SENT = (("cancels_per_new", 0, 500), ("loop_share", 600, ANY))

#: Nobody else moves at all.
STILL = (("market_fast", 0, 1300), ("market_1s", 0, 1200), ("elevated_share", 0, 120))

#: Filled as often as sent, in one symbol after the other, on both sides, by one alone;
#: where others are refused, it is an opening.
SPREAD = (
    ("fills_per_new", 900, ANY),
    ("replaces_per_new", 0, 100),
    ("side_run", 0, 12),
    ("same_side_share", 250, 750),
    ("market_1s", 0, 1500),
    ("elevated_share", 0, 250),
    ("others_rejected", 0, 50),
)

#: Refused nearly every time, faster than ever, while the others are not.
REFUSED = (
    ("reject_share", 450, ANY),
    ("rate_16", 400, ANY),
    ("relative_fast", 4000, ANY),
    ("relative_1s", 3000, ANY),
    ("others_rejected", 0, 20),
    ("market_1s", 0, 1500),
)

#: What is told, and acted upon where both models agree: honest sessions did it, if
#: rarely, and no model was as much as 0.7 sure that they were at fault.
TOLD = (
    # Half of the last messages are the ones some places before. Honest bursts of like
    # orders reached three quarters of this; an iceberg broke it: no model seconds it.
    Rule(
        name="session.likely_loop_per_second",
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
            *CALM,
        ),
        is_told=True,
    ),
    # A new order and its cancel, over and over. Who answers a quick market, or goes
    # live with a new strategy, does so too, and rarely so alike.
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
            ("entropy", 0, 2500),
            ("relative_fast", 5000, ANY),
            ("relative_1s", 3000, ANY),
            ("relative_first", 3000, ANY),
            ("streak_ms", 100, ANY),
            *PAST,
            *CALM,
        ),
        is_told=True,
    ),
    # 48 orders in a row on one side, 90 a second and hardly any withdrawn, six times
    # its own past for 0.15 s. A large order sent in pieces, over one name or many, is
    # as one-sided; where it is not taken, it is withdrawn and sent anew. Who makes up
    # for an outage sent 60 a second, and both models were sure of it. Nor who buys a
    # list: of its orders each is new (entropy 4 bits, of 16), and in another name.
    *(
        Rule(
            name=name,
            cause=Cause.ALGO_FAULT,
            unit="orders",
            feature="side_run",
            limit=47,
            needs=(
                ("rate_fast", 900, ANY),
                ("relative_fast", 6000, ANY),
                ("relative_1s", 4000, ANY),
                ("relative_first", 4000, ANY),
                ("peak_ratio", 2000, ANY),
                ("streak_ms", 150, ANY),
                ("cancels_per_new", 0, 250),
                ("replaces_per_new", 0, 250),
                alike,
                *STILL,
            ),
            is_told=True,
        )
        for name, alike in (
            ("session.one_sided_orders", ("entropy", 0, 3900)),
            ("session.one_sided_orders_of_a_name", ("same_symbol_share", 300, ANY)),
        )
    ),
    # Half as many in several names, some of them alike: honest orders that are as
    # one-sided are pieces of one, in one name, or of a list, each another.
    Rule(
        name="session.one_sided_orders_of_names",
        cause=Cause.ALGO_FAULT,
        unit="orders",
        feature="side_run",
        limit=23,
        needs=(
            ("rate_fast", 800, ANY),
            ("relative_fast", 6000, ANY),
            ("relative_1s", 2500, ANY),
            ("relative_first", 2500, ANY),
            ("peak_ratio", 2000, ANY),
            ("streak_ms", 75, ANY),
            ("cancels_per_new", 0, 250),
            ("replaces_per_new", 0, 250),
            ("same_symbol_share", 0, 700),
            ("entropy", 0, 3900),
            *PAST,
            *STILL,
        ),
        is_told=True,
    ),
    # The same in volleys, of which each ends before it is a streak.
    Rule(
        name="session.one_sided_orders_at_length",
        cause=Cause.ALGO_FAULT,
        unit="orders",
        feature="side_run",
        limit=55,
        needs=(
            ("rate_1s", 650, ANY),
            ("relative_1s", 7000, ANY),
            ("relative_first", 7000, ANY),
            ("relative_symbol", 6000, ANY),
            ("cancels_per_new", 0, 250),
            ("replaces_per_new", 0, 250),
            ("entropy", 0, 3900),
            *STILL,
        ),
        is_told=True,
    ),
    # Two dozen orders in a row on one side, most of them withdrawn within 25 ms, hardly
    # any filled, while the others are calm: stuffing. Makers quote both sides.
    Rule(
        name="session.one_sided_orders_withdrawn",
        cause=Cause.ALGO_FAULT,
        unit="orders",
        feature="side_run",
        limit=23,
        needs=(
            ("cancels_per_new", 400, 1500),
            ("cancel_age_us", 0, 25_000),
            ("fills_per_new", 0, 100),
            ("rate_fast", 600, ANY),
            ("relative_fast", 6000, ANY),
            ("relative_1s", 2500, ANY),
            ("relative_first", 2500, ANY),
            ("streak_ms", 50, ANY),
            *PAST,
            *CALM,
        ),
        is_told=True,
    ),
    # Fifteen times its own past for half a second, on either side, hardly any of it
    # filled and hardly any withdrawn: makers refresh all their quotes as fast, but a
    # bid and an offer by turns.
    Rule(
        name="session.order_rate_over_own_baseline",
        cause=Cause.ALGO_FAULT,
        unit="1/1000",
        feature="ratio_1s",
        limit=15_000,
        needs=(
            *ALONE,
            ("fills_per_new", 0, 20),
            ("cancels_per_new", 0, 200),
            ("same_side_share", 250, ANY),
        ),
        is_told=True,
    ),
    # Filled in many symbols, at 200 orders a second and three times its own past:
    # arbitrage is like it.
    Rule(
        name="session.filled_in_many_symbols",
        cause=Cause.ALGO_FAULT,
        unit="1/1000",
        feature="relative_1s",
        limit=3000,
        needs=(
            *SPREAD,
            ("relative_fast", 6000, ANY),
            ("relative_first", 2500, ANY),
            ("rate_new_fast", 2000, ANY),
            ("cancels_per_new", 0, 150),
            ("same_symbol_share", 0, 150),
            ("gap_deviation", 0, 1200),
        ),
        is_told=True,
    ),
    # The same slower, for 1.5 s without a rest, twelve times its own past.
    Rule(
        name="session.filled_at_length",
        cause=Cause.ALGO_FAULT,
        unit="1/1000",
        feature="relative_1s",
        limit=12_000,
        needs=(
            *SPREAD,
            ("relative_first", 8000, ANY),
            ("rate_1s", 600, ANY),
            ("streak_ms", 1500, ANY),
            ("same_symbol_share", 0, 250),
        ),
        is_told=True,
    ),
    # The same order fifteen times, in a loop of a few messages, 40 a second: of a
    # session that has no past to compare with, or has done nothing else. Who works a
    # large order does so too, and no model knows better: it is told, and no more.
    Rule(
        name="session.one_order_without_a_past",
        cause=Cause.ALGO_FAULT,
        unit="orders",
        feature="repeat_run",
        limit=15,
        needs=(
            ("loop_share", 700, ANY),
            ("entropy", 0, 1500),
            ("rate_1s", 400, ANY),
            ("elevated_share", 0, 200),
        ),
        is_told=True,
    ),
    # An order a thousand times as large as those before: a zero too many, or three.
    # Sizes have long tails; honest ones reached 253 times in the twin, and more where a
    # session was ten times as fast as ever, at the open: this is of sizes alone.
    Rule(
        name="session.quantity_over_usual",
        cause=Cause.ALGO_FAULT,
        unit="times",
        feature="quantity_ratio",
        limit=1000,
        divisor=1000,
        needs=(("messages", 100, ANY), ("relative_1s", 0, 5000)),
        is_told=True,
    ),
    # New orders are refused a dozen times in two slots, whatever they say, for a third
    # of a second: quotes all placed anew may be refused so, and are out sooner.
    Rule(
        name="session.orders_refused_in_a_row",
        cause=Cause.ALGO_FAULT,
        unit="refusals in 0.2 s",
        feature="rejects",
        limit=11,
        needs=(
            *REFUSED,
            *PAST,
            ("streak_ms", 300, ANY),
            ("rate_new_fast", 300, ANY),
            ("cancels_per_new", 0, 100),
        ),
        is_told=True,
    ),
    # One order replaced 48 times by one of two others, with hardly anything else said,
    # by a session that has done so from the beginning. A quoter of one name on a timer
    # is like it.
    Rule(
        name="session.replaces_without_a_past",
        cause=Cause.ALGO_FAULT,
        unit="replaces",
        feature="replace_run",
        limit=48,
        needs=(
            ("loop_share", 850, ANY),
            ("rate_16", 500, ANY),
            ("entropy", 0, 1300),
            ("elevated_share", 0, 200),
        ),
        is_told=True,
    ),
    # The same order two dozen times at 60 a second while all others hurry too, and
    # still half as fast again as they: who slices a large order has no such haste.
    Rule(
        name="session.one_order_among_many",
        cause=Cause.ALGO_FAULT,
        unit="orders/s",
        feature="identical_rate",
        limit=60,
        divisor=10,
        needs=(
            ("repeat_run", 24, ANY),
            ("loop_share", 700, ANY),
            ("entropy", 0, 1000),
            ("relative_1s", 1500, ANY),
            ("relative_first", 1500, ANY),
        ),
        is_told=True,
    ),
    # Of a session that has a past, a dozen times and little else between. Who begins
    # with a large order in like pieces has none; who goes on with one is hardly twice
    # as fast as before.
    Rule(
        name="session.one_order_out_of_nothing",
        cause=Cause.ALGO_FAULT,
        unit="orders/s",
        feature="identical_rate",
        limit=60,
        divisor=10,
        needs=(
            ("repeat_run", 12, ANY),
            ("loop_share", 400, ANY),
            ("entropy", 0, 2000),
            ("relative_1s", 2500, ANY),
            ("relative_first", 1500, ANY),
            *PAST,
        ),
        is_told=True,
    ),
)

#: What says nothing by itself, of any one window: decide counts how many orders it goes
#: on for (airnet.decide.spree, whose ALL_FILLED has the same bounds), and a model that
#: finds a window normal gives no Verdict of it.
COUNTED = (
    Rule(
        name="session.filled_name_after_name",
        cause=Cause.NORMAL,
        unit="messages/s",
        feature="rate_1s",
        limit=8,
        divisor=10,
        needs=(
            ("fills_per_new", 900, ANY),
            ("order_to_trade", 0, 300),
            ("unfilled_run", 0, 3),
            ("cancels_per_new", 0, 100),
            ("replaces_per_new", 0, 50),
            ("rate_quote_fast", 0, 0),
            ("same_symbol_share", 0, 250),
            ("side_run", 0, 8),
            ("entropy", 3700, ANY),
            ("loop_share", 0, 100),
            ("elevated_share", 0, 250),
            ("gap_deviation", 0, 1000),
        ),
    ),
)
