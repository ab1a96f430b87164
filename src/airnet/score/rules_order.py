"""Hard rules of single orders: a size that is wrong, and one that undoes the last.

Exchanges have the same limits before the order book: price collars and bands of 5, 10
and 20 % (the LULD plan, section V; FIX has no field for them), and maximum sizes. Here
sizes are said, and nothing is done: the order is at the venue, which may refuse it.

A symbol in which other sessions' orders are as far off, too, is one of several units (a
future and its options under one name), or has none that holds: nothing is said.

Who trades with one other session again and again may be trading with himself; and who
sends on whatever is refused does not listen. Both are told.

Who buys what he has just sold, dearer, and sells it again, cheaper, pays for it each
time. Honest sessions do so now and then, by chance; docs/adr/0083 has how often.
"""

from airnet.domain.verdict import Cause
from airnet.score.rule import ANY, Rule

#: A minute ago it was traded so; several steps of its prices off: 10 % of a penny stock
#: may be one.
TRADED = (("last_fill_ms", 0, 60_000), ("price_steps", 8, ANY))
#: Twice somebody else's is no habit, in the last thousand orders or two.
ALONE = ("far_elsewhere", 0, 2)
#: So many orders have sizes of their own.
MANY = ("orders_seen", 64, ANY)

#: Such orders in a row: all benign captures and days showed seven at most. And as many
#: more than half of the others, and two a second: of those benign captures, six.
TURNS, TURNS_TOLD = 24, 12
#: Who has a past, in which that was nothing. Of who begins so it takes twice as many to
#: be told of, and none is acted upon: a desk of one lot takes both sides by turns.
BEFORE = (("undone_after_ms", 3000, ANY),)

ORDER_RULES = (
    Rule(
        name="order.turned_at_a_loss_at_length",
        cause=Cause.ALGO_FAULT,
        unit="orders that undo the last",
        feature="turns",
        limit=TURNS - 1,
        needs=BEFORE,
    ),
    Rule(
        name="order.undone_at_length",
        cause=Cause.ALGO_FAULT,
        unit="1/1000",
        feature="undone",
        limit=TURNS * 1000 - 1,
        needs=BEFORE,
    ),
    Rule(
        name="order.undone_from_the_start",
        cause=Cause.ALGO_FAULT,
        unit="1/1000",
        feature="undone",
        limit=2 * TURNS * 1000 - 1,
    ),
    Rule(
        name="order.turned_at_a_loss",
        cause=Cause.ALGO_FAULT,
        unit="orders that undo the last",
        feature="turns",
        limit=TURNS_TOLD - 1,
    ),
    Rule(
        name="order.undone",
        cause=Cause.ALGO_FAULT,
        unit="1/1000",
        feature="undone",
        limit=TURNS_TOLD * 1000 - 1,
    ),
    # Honest sizes have heavy tails: after 313 orders one had 420 times the largest.
    Rule(
        name="order.quantity_over_largest",
        cause=Cause.ALGO_FAULT,
        unit="times the largest",
        feature="quantity_over_largest",
        limit=999,
        divisor=1000,
        needs=(MANY, ALONE),
    ),
    # A twentieth of that, if the price is as far through every fill lately. A price
    # alone says little: where few trade, honest orders were at twice the last fill.
    Rule(
        name="order.price_and_quantity",
        cause=Cause.ALGO_FAULT,
        unit="1/1000 through the trades",
        feature="price_through",
        limit=49,
        needs=(*TRADED, ("quantity_over_largest", 50_000, ANY), MANY, ALONE),
    ),
    # Forty times the largest, of a session for which it is 200 of its own: of 4,500
    # honest episodes of a hundred sessions 27 had one.
    Rule(
        name="order.quantity_over_own",
        cause=Cause.ALGO_FAULT,
        unit="times its own",
        feature="quantity_over_own",
        limit=199,
        divisor=1000,
        needs=(
            ("quantity_over_largest", 40_000, ANY),
            ("orders_seen", 32, ANY),
            ALONE,
        ),
    ),
    # Six times the last fill, or more: of the same episodes the farthest was at four.
    Rule(
        name="order.price_over_trades",
        cause=Cause.ALGO_FAULT,
        unit="1/1000 through the trades",
        feature="price_through",
        limit=4999,
        needs=(*TRADED, ("fills_seen", 4, ANY), ALONE),
    ),
    # Sixteen more than others: who takes what others quote, and whom they take, came to
    # eight and ten, in 238 honest captures, and one to sixty: all that a maker of one
    # desk sold to was an arbitrageur's. A person has to ask whose they are.
    Rule(
        name="order.met_by_one_session",
        cause=Cause.ALGO_FAULT,
        unit="1/1000",
        feature="met",
        limit=15_999,
        is_told=True,
    ),
    # Where names were halted, or a book was sent anew that was stale, honest sessions
    # came to 37. What is refused to others as well is the gateway's affair. It is told,
    # however long it lasts: a limit would delay cancels of what was taken before.
    Rule(
        name="order.sent_on_while_refused",
        cause=Cause.ALGO_FAULT,
        unit="refusals in a row",
        feature="refused_run",
        limit=47,
        needs=(("others_rejected", 0, 100),),
        is_told=True,
    ),
)
