"""Rules of strangers, and of who holds a session, that send what is no message.

Order entry is no public service. Who comes for the first time logs on with his first
segment, or with two; a monitor says nothing, and a scanner asks each port one thing in
a connection and waits for the answer. So these need no rate and no past: what is
counted is of connections whose handshake both ends have completed, so that nobody's
address is forged, of hosts that never held a session, where others hold one.
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
    # Who holds a session, and sends 64 segments of which none ends a sound message: of
    # the longest that are sent to a gateway, a list of a thousand orders, that is five.
    Rule(
        name="host.segments_without_end",
        cause=Cause.FLOOD,
        unit="segments",
        feature="unread_run",
        limit=63,
        needs=(("quiet_ms", 0, 1000), ("lawful", 1, 1)),
    ),
)
