"""The columns of an order window: one order whose price or size is far off.

There is a row only of an order that is more than 1/32 through what its symbol (of that
name) was traded at lately, of at least 8 fills; or of more than 32 times the largest
quantity that anybody ordered there before, of at least 32 orders; or of one that turns,
if 8 have; or of a session whose orders meet another's, if 8 more do than do not, or are
refused, 24 in a row; and of a session at most one in a tick of 10 ms. Of what a session
orders within a millisecond, where it did within a second, only the first turns, or does
not. Traded lately is what lies between the highest and the lowest of the last 16 to 32
fills that any session was told of. Only a limit order has a price that is judged: a
stop waits for one. What is there before the order counts, never the order itself.
"""

from airnet.domain.column import COUNT, MILLI, features
from airnet.domain.window import FeatureSchema

_ORDER = (
    (
        "price_through",
        MILLI,
        "how far a buy is above the highest fill lately, or a sell below the lowest",
    ),
    (
        "price_steps",
        COUNT,
        "that in the least step between two orders' prices in a row in the symbol",
    ),
    (
        "quantity_over_largest",
        MILLI,
        "quantity over the largest ordered in the symbol (it grows 32 times at most)",
    ),
    (
        "quantity_over_own",
        MILLI,
        "quantity over the session's own mean of 64 orders, each at most four of it",
    ),
    ("last_fill_ms", "ms", "time since the last fill in the symbol"),
    ("fills_seen", COUNT, "fills in the symbol that sessions were told of"),
    ("orders_seen", COUNT, "orders and replaces in the symbol"),
    (
        "far_elsewhere",
        COUNT,
        "turns of other sessions with orders as far off, halved at each 1024 orders",
    ),
    ("run", COUNT, "orders of this session in a row that are as far off"),
    ("left_out", COUNT, "such orders of this session since its last row, without one"),
    (
        "turns",
        COUNT,
        "orders that undo its last there within a second, at a loss, less 4 of others",
    ),
    # And less a quarter of the new orders that are usual of the session (ADR 0091).
    (
        "undone",
        MILLI,
        "such orders, less half of the others there, less two a second",
    ),
    ("undone_after_ms", "ms", "from its first order until that was last nothing"),
    (
        "met",
        MILLI,
        "orders that meet one other session's, less a quarter of those that meet none",
    ),
    ("refused_run", COUNT, "orders refused since one was accepted"),
    ("others_rejected", MILLI, "rejects among its gateway's answers to others, 1 s"),
)
_MISSING = frozenset(
    {
        "price_through",
        "price_steps",
        "quantity_over_largest",
        "quantity_over_own",
        "last_fill_ms",
    }
)

ORDER_SCHEMA = FeatureSchema(
    name="order", version=1, features=features(_ORDER, _MISSING)
)
