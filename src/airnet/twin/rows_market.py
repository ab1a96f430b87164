"""Rows of a twin's market: VENUE, SYMBOL, AGENT, NEWS, FAULT and UPDATE.

The structs of ext/market_rows.h as numpy dtypes, field by field; `MEANING` says what
each field is. Shares ("_share") and probabilities are 0..1. A price is in cents, a
quantity in shares, a rate a second. A symbol is the row in SYMBOL, a line the row in
LINE (airnet.twin.rows_line), an agent the row in AGENT. Zero turns a mechanism off
where nothing else is said.
"""

import numpy as np

NONE = 0xFFFFFFFF

#: AGENT kinds, by their number.
AGENTS = ("none", "maker", "taker", "execution", "arbitrage", "drop_copy")
#: NEWS kinds, by their number.
NEWS_KINDS = (
    "none",
    "market",
    "single",
    "flash",
    "rebalance",
    "call",
    "halt",
    "regime",
    "stall",
    "slow",
)
#: FAULT kinds, by their number.
FAULTS = (
    "none",
    "runaway",
    "stuffing",
    "stuffing_slow",
    "knight",
    "reject_loop",
    "duplicate_loop",
    "replace_loop",
    "hidden",
    "reload",
    "refresh",
    "stale",
    "fat_finger",
    "constant_price",
    "retry_burst",
)
#: UPDATE kinds, by their number: what a book tells the market data feed.
UPDATES = ("none", "add", "reduce", "delete", "trade", "state")

_VENUE = (
    ("open_ns", "<i8", "epoch: the day's shape starts, continuous trading opens"),
    ("close_ns", "<i8", "epoch: the day's shape ends; resting orders expire"),
    ("service_ns", "<i8", "median time a gateway needs for one message"),
    ("call_ns", "<i8", "length of the call phases after open and before close"),
    ("slow_ns", "<i8", "time constant of the slow common factor of activity"),
    ("service_sigma", "<f8", "of the lognormal of the service time"),
    ("slow_sigma", "<f8", "standard deviation of the log of the slow factor"),
    ("day_amplitude", "<f8", "U shape: activity at open and close over noon, less 1"),
    ("factor_volatility", "<f8", "of the common factor, relative, a root second"),
    ("move_share", "<f8", "of value moves that trades cause, not news"),
    ("gateways", "<u4", "number of gateways, at least 1"),
    ("queue_limit", "<u4", "messages a gateway holds; beyond it they are rejected"),
    ("orders", "<u4", "room for orders that live at once, of all accounts"),
    ("spare", "<u4", "0"),
)
_SYMBOL = (
    ("price", "<i8", "cents: value at the start"),
    ("decay_ns", "<i8", "time constant of transient impact"),
    ("volatility", "<f8", "own part, relative, a root second (1e-4: 30 % a year)"),
    ("beta", "<f8", "loading on the common factor"),
    ("move_rate", "<f8", "moves of the value a second at activity 1"),
    ("impact", "<f8", "ticks the value moves for a trade of the typical size"),
    ("transient", "<f8", "ticks it moves for a while"),
    ("size_alpha", "<f8", "Pareto tail exponent of order sizes"),
    ("activity", "<f8", "weight among the symbols a taker chooses from"),
    ("lag_ns", "<i8", "how late this symbol's makers see the leader move"),
    ("tick", "<u4", "cents"),
    ("levels", "<u4", "ticks the ladder holds, a power of two, 64..65536"),
    ("lot", "<u4", "shares: quantities are multiples of it"),
    ("size", "<u4", "shares: typical order"),
    ("leader", "<u4", "symbol whose moves this one follows, NONE = none"),
    ("band_ticks", "<u4", "orders farther than this from the value are rejected"),
)
_AGENT = (
    ("start_ns", "<i8", "epoch: starts, 0 = with the world"),
    ("end_ns", "<i8", "epoch: stops and cancels what it has, 0 = never"),
    ("reaction_ns", "<i8", "median time from a change of the book to its message"),
    ("patience_ns", "<i8", "how long a resting order waits before the next step"),
    ("horizon_ns", "<i8", "execution: length of a parent order"),
    ("period_ns", "<i8", "acts at multiples of it (second boundaries), 0 = freely"),
    ("phase_ns", "<i8", "after the multiple"),
    ("fleeting_ns", "<i8", "maker, arbitrage: median life of a fleeting order"),
    ("reaction_sigma", "<f8", "of the lognormal of the reaction"),
    ("rate", "<f8", "looks a symbol; taker: immigrant orders; execution: parents"),
    ("n1", "<f8", "Hawkes: children of one order in the fast kernel"),
    ("beta1", "<f8", "1/s: decay of the fast kernel"),
    ("n2", "<f8", "children in the slow kernel; n1 + n2 < 1"),
    ("beta2", "<f8", "1/s: decay of the slow kernel"),
    ("self_share", "<f8", "of children that are the same agent's"),
    ("symbol_share", "<f8", "of children that are of the same symbol, anybody's"),
    ("news", "<f8", "exponent: its rate is times activity ** news"),
    ("spread_ticks", "<f8", "maker: first level's distance from the value"),
    ("step_ticks", "<f8", "maker: distance between levels"),
    ("threshold_ticks", "<f8", "error at which a price is re-quoted; arbitrage: edge"),
    ("threshold_growth", "<f8", "maker: the threshold's factor from level to level"),
    ("size", "<f8", "times the symbol's typical size"),
    ("skew_ticks", "<f8", "maker: shift of its quotes at its position limit"),
    ("memory", "<f8", "chance that a child trades in its parent's direction"),
    ("replace_share", "<f8", "of re-quotes sent as 35=G, not as cancel and new"),
    ("rest_share", "<f8", "taker: orders that rest at the touch or behind it"),
    ("market_share", "<f8", "taker: of the rest, market orders; else IOC limits"),
    ("fill_share", "<f8", "taker: of the IOC limits, fill-or-kill"),
    ("fleeting_share", "<f8", "maker, arbitrage: looks that make a fleeting order"),
    ("line", "<u4", "where it speaks"),
    ("symbol", "<u4", "the first it trades"),
    ("symbols", "<u4", "how many, from the first on"),
    ("position", "<u4", "limit, in typical sizes"),
    ("levels", "<u2", "maker: levels a side, 1..16"),
    ("slices", "<u2", "execution: children of a parent"),
    ("chases", "<u2", "execution: replaces of a child before it crosses"),
    ("firm", "<u2", "whose it is; a drop copy hears the reports of its firm"),
    ("kind", "u1", "AGENTS"),
    ("gateway", "u1", "where its line ends, below VENUE's gateways"),
    ("cancels_on_loss", "u1", "1: the venue cancels its orders when its line is lost"),
    ("pad", "u1", 5),
)  # fmt: skip
_NEWS = (
    ("start_ns", "<i8", "epoch"),
    ("rise_ns", "<i8", "linear rise to the full strength"),
    ("hold_ns", "<i8", "at full strength; of call, halt, stall, slow: the length"),
    ("decay_ns", "<i8", "time constant of the decay after that"),
    ("excess", "<f8", "activity is times this at full strength; slow: service time"),
    ("jump", "<f8", "relative move of the value; flash: it comes back over hold_ns"),
    ("volatility", "<f8", "times it at full strength, 0 = unchanged"),
    ("tilt", "<f8", "-1..1: takers' and executions' surplus of buyers"),
    ("symbol", "<u4", "which, NONE = all (stall and slow: not used)"),
    ("gateway", "<u4", "stall and slow: which, NONE = all"),
    ("kind", "u1", "NEWS_KINDS"),
    ("pad", "u1", 7),
)
_FAULT = (
    ("onset_ns", "<i8", "epoch"),
    ("offset_ns", "<i8", "epoch"),
    ("ramp_ns", "<i8", "from nothing to the full excess, linear"),
    ("lifetime_ns", "<i8", "stuffing: from new to cancel"),
    ("price", "<i8", "constant price: cents"),
    ("excess", "<f8", "messages are times this the agent's own rate until onset"),
    ("rate", "<f8", "faulty messages a second, 0 = as `excess` says"),
    ("share", "<f8", "of the agent's healthy flow that the fault takes the place of"),
    ("notional", "<f8", "fat finger: quantities are times this"),
    ("agent", "<u4", "who fails"),
    ("symbol", "<u4", "in which symbol, NONE = all of the agent's"),
    ("burst", "<u4", "messages at a time, 0 = 1"),
    ("kind", "u1", "FAULTS"),
    ("side", "u1", "FIX 54 as ASCII ('1' or '2'), 0 = either"),
    ("pad", "u1", 2),
)
_UPDATE = (
    ("order", "<u8", "the exchange's number of the resting order"),
    ("price", "<i8", "cents"),
    ("quantity", "<u4", "added, taken off or traded; state: 1 open 2 call 3 halt"),
    ("symbol", "<u2", "which"),
    ("kind", "u1", "UPDATES"),
    ("side", "u1", "of the resting order, FIX 54 as ASCII"),
)
_ROWS = {
    "venue": _VENUE,
    "symbol": _SYMBOL,
    "agent": _AGENT,
    "news": _NEWS,
    "fault": _FAULT,
    "update": _UPDATE,
}


def _dtype(row: str) -> np.dtype[np.void]:
    """Return the dtype of a row; a number in the place of a meaning is padding."""
    return np.dtype(
        [
            (name, kind) if isinstance(said, str) else (name, kind, (said,))
            for name, kind, said in _ROWS[row]
        ]
    )


VENUE = _dtype("venue")
SYMBOL = _dtype("symbol")
AGENT = _dtype("agent")
NEWS = _dtype("news")
FAULT = _dtype("fault")
UPDATE = _dtype("update")

#: Row -> field -> what it is, and its unit.
MEANING = {
    row: {name: said for name, _, said in fields if isinstance(said, str)}
    for row, fields in _ROWS.items()
}
