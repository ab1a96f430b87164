"""Rules of who comes to a gateway and sends what begins no session.

Order entry is no public service. Who comes for the first time logs on with his first
segment, or with two; a monitor says nothing, and a scanner asks each port one thing in
a connection and waits for the answer. So these need no rate and no past: what is
counted is of connections whose handshake both ends have completed, so that nobody's
address is forged, of hosts that never held a session, where others hold one. Who holds
one has it to lose, and is only told of.
"""

from airnet.domain.verdict import Cause
from airnet.score.rule import ANY, Rule

#: Neither listed nor ever let in; something of it is new.
STRANGER = (("quiet_ms", 0, 1000), ("lawful", 0, 0), ("registered", 0, 0))


def _segments(name: str, limit: int) -> Rule:
    """Return a rule of segments of one connection."""
    return Rule(
        name=name,
        cause=Cause.FLOOD,
        unit="segments",
        feature="unread_run",
        limit=limit,
        needs=STRANGER,
    )


def _connections(name: str, limit: int, ms: int) -> Rule:
    """Return a rule of connections that are open at once, the first for `ms`."""
    return Rule(
        name=name,
        cause=Cause.FLOOD,
        unit="connections",
        feature="unread_held",
        limit=limit,
        needs=(*STRANGER, ("unread_ms", ms, ANY)),
    )


STRANGER_RULES = (
    # Sixteen segments, and not one message: no Logon is so long.
    _segments("host.segments_without_message", 15),
    # Twelve connections that have begun to say something and do not go on, one of them
    # for longer than the other half of a Logon takes (a delayed acknowledgement and a
    # round trip): two dozen programs of a firm may start in one moment.
    _connections("host.connections_without_message", 11, 250),
)

STRANGER_TOLD_RULES = (
    # The first that is seen of the same.
    _segments("host.several_segments_without_message", 2),
    _connections("host.several_connections_without_message", 2, 50),
)

HELD_TOLD_RULES = (
    # Who holds a session, and opens another connection in which sixteen segments are no
    # message; or sends 64 in his session (window_unread.h counts them from there) of
    # which none ends a sound one: of the longest that are sent to a gateway, a list of
    # a thousand orders, that is five.
    Rule(
        name="host.segments_without_end",
        cause=Cause.FLOOD,
        unit="segments",
        feature="unread_run",
        limit=15,
        needs=(("quiet_ms", 0, 1000), ("lawful", 1, 1)),
    ),
)

#: Of `half_open` in host windows (airnet.domain.columns_host): a Logon by which nobody
#: knew the host, and an order of a connection without a Logon.
NEWCOMER, UNASKED = 32, 256


def _orders(name: str, limit: int) -> Rule:
    """Return a rule of orders of a stranger that never asked to be let in."""
    return Rule(
        name=name,
        cause=Cause.COMPROMISE,
        unit="orders",
        feature="half_open",
        limit=limit,
        divisor=UNASKED,
        needs=(("half_open", (limit + 1) * UNASKED, ANY), *STRANGER),
    )


UNASKED_RULES = (
    # Sixteen sound orders from the first message on, seen since the handshake, and no
    # Logon; the gateway says nothing to them, while two others live there.
    _orders("host.orders_without_logon", 15),
)

ENTRY_TOLD_RULES = (
    # The first that is seen of the same.
    _orders("host.several_orders_without_logon", 2),
    # A host that no list has is let in for the first time, alone, while the day is on,
    # under a name that nobody had: a firm's first day, or nobody's.
    Rule(
        name="host.newcomer_let_in",
        cause=Cause.COMPROMISE,
        unit="Logons",
        feature="half_open",
        limit=0,
        divisor=NEWCOMER,
        needs=(
            ("half_open", NEWCOMER, UNASKED - 1),
            ("quiet_ms", 0, 1000),
            ("registered", 0, 0),
        ),
    ),
)
