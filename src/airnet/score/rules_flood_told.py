"""Rules of floods that come slowly: what few facts tell, and what more of them prove.

A flood of a hundred packets a second gives a window of ten packets in 0.1 s, and a
rate of one second in as long. What tells it sooner is who comes: never seen, never let
in, several at once. Policy keeps evidence of the first (`told`) and contains on the
rest, whose limits lie beyond a firm's floor that the venue does not know yet: 24
programs, each of which is refused, and tries again.
"""

from airnet.domain.verdict import Cause
from airnet.score.rule import ANY, Rule

#: A gateway where three sessions have been held, and are; hardly anybody of whom is
#: counted here trades, and nearly all of it goes to one port, over TCP, and is
#: answered. A ping or a datagram may pass by.
OF_STRANGERS = (
    ("known", 3, ANY),
    ("history_ms", 2000, ANY),
    ("session_rate", 1, ANY),
    ("known_share", 0, 150),
    ("busiest_port_share", 800, ANY),
    ("reply_share", 300, ANY),
    ("reset_rate", 0, 40),
    ("udp_rate", 0, 60),
    ("icmp_rate", 0, 60),
)
#: They connect, and nobody logs on.
NOBODY_LOGS_ON = (
    ("logon_rate", 0, 0),
    ("unspoken", 0, 4),
    ("half_open_share", 0, 500),
)
#: For longer than whose software is an order router's takes from its handshake: it does
#: so within a few ms.
NO_LOGON = (*NOBODY_LOGS_ON, ("span_us", 15_000, ANY))


def _of_handshakes(name: str, limit: int, *needs: tuple[str, int, int]) -> Rule:
    """Return a rule of strangers' handshakes, eight times what is usual there."""
    return Rule(
        name=name,
        cause=Cause.FLOOD,
        unit="handshakes/s",
        feature="completed_rate",
        limit=limit,
        needs=(*OF_STRANGERS, *needs, ("over_baseline", 8000, ANY)),
    )


GATEWAY_SLOW_RULES = (
    # Three strangers or more, again and again, sixty packets within a second: as many
    # monitors as that, which ask four times each, send fewer, and some of them hang up.
    _of_handshakes(
        "gateway.strangers_without_logon",
        25,
        *NO_LOGON,
        ("packets", 8, ANY),
        ("sources", 3, ANY),
        ("syn_rate", 25, ANY),
        ("rate_1s", 60, ANY),
    ),
)

GATEWAY_TOLD_RULES = (
    # The first that is seen of the same: three strangers in the same tenth of a second.
    # A house's monitors are one or two.
    _of_handshakes(
        "gateway.several_strangers_without_logon",
        30,
        *NO_LOGON,
        ("packets", 6, ANY),
        ("sources", 3, ANY),
    ),
    # Three, of whom some have said something already that is no FIX: who logs on next
    # says nothing before.
    _of_handshakes(
        "gateway.several_strangers_without_fix",
        30,
        *NOBODY_LOGS_ON,
        ("packets", 6, ANY),
        ("sources", 3, ANY),
        ("empty_share", 0, 850),
        ("mean_bytes", 0, 64),
    ),
    # One or two of them, for longer than a dozen checks in a row take: a balancer asks
    # a dozen times, 5 ms apart at most, and then waits.
    _of_handshakes(
        "gateway.lasting_connections_without_logon",
        40,
        *NO_LOGON,
        ("packets", 8, ANY),
        ("streak_ms", 60, ANY),
    ),
    # Or more of them within a second than a dozen checks are packets: five each.
    _of_handshakes(
        "gateway.many_connections_without_logon",
        40,
        *NO_LOGON,
        ("packets", 8, ANY),
        ("rate_1s", 75, ANY),
    ),
    # Handshakes of hosts that hold sessions, 64 of them open while others trade: a
    # trading floor that comes back is as many, and gives up or is let in.
    Rule(
        name="gateway.many_half_open_of_clients",
        cause=Cause.FLOOD,
        unit="handshakes",
        feature="half_open",
        limit=63,
        needs=(
            ("packets", 10, ANY),
            ("known", 3, ANY),
            ("history_ms", 1000, ANY),
            ("known_share", 501, ANY),
            ("half_open_rate", 1000, ANY),
            ("half_open_share", 800, ANY),
            ("busiest_port_share", 500, ANY),
            ("over_baseline", 20_000, ANY),
            ("streak_ms", 5, ANY),
            ("syn_ack_rate", 1, ANY),
        ),
    ),
)

#: A host that never held a session is refused at a gateway that three hold; something
#: of it is new.
REFUSED = (
    ("quiet_ms", 0, 1000),
    ("lawful", 0, 0),
    ("met", 1, ANY),
    ("venue_sessions", 3, ANY),
)

HOST_FLOOD_RULES = (
    # More CompIDs than a floor runs programs on one host, or on each of two or of more,
    # one after another without a pause: who guesses waits for an answer.
    *(
        Rule(
            name=name,
            cause=Cause.FLOOD,
            unit="Logons",
            feature="logons_refused",
            limit=limit,
            needs=(
                *REFUSED,
                ("refused_hosts", hosts, ANY),
                ("comps", comps, ANY),
                ("logon_gap_ms", 0, gap_ms),
            ),
        )
        for name, hosts, limit, comps, gap_ms in (
            ("host.flood_of_logons", 1, 24, 32, 25),
            ("host.flood_of_logons_of_two", 2, 13, 16, 60),
            ("host.flood_of_logons_of_many", 3, 9, 12, 90),
        )
    ),
    # The same CompID forty times, without a pause: a program in a loop, whoever's.
    Rule(
        name="host.logons_in_a_loop",
        cause=Cause.FLOOD,
        unit="Logons",
        feature="logons_refused",
        limit=40,
        needs=(*REFUSED, ("comps", 1, 3), ("logon_gap_ms", 0, 25)),
    ),
)

HOST_TOLD_RULES = (
    # What is seen of that after a handful: a firm that starts and is refused looks so,
    # too, for as long as it starts.
    *(
        Rule(
            name=name,
            cause=Cause.FLOOD,
            unit="Logons",
            feature="logons_refused",
            limit=limit,
            needs=(*REFUSED, *needs, ("logon_gap_ms", 0, gap_ms)),
        )
        # Of more hosts than this nothing is told one by one: the gateway tells it.
        for name, limit, gap_ms, needs in (
            (
                "host.quick_logons_of_which_one_refused",
                0,
                12,
                (("logons", 6, ANY), ("comps", 5, ANY), ("refused_hosts", 1, 8)),
            ),
            (
                "host.quick_refused_logons",
                1,
                20,
                (("logons", 5, ANY), ("comps", 4, ANY), ("refused_hosts", 1, 8)),
            ),
            (
                "host.quick_refused_logons_of_two",
                1,
                60,
                (("refused_hosts", 2, 8), ("comps", 2, ANY)),
            ),
            ("host.quick_refused_logons_of_many", 1, 60, (("refused_hosts", 3, 8),)),
        )
    ),
    # More hosts than a firm starts at once, refused one after another, each with its
    # first: said of a few of them.
    Rule(
        name="host.first_refused_logons_of_many",
        cause=Cause.FLOOD,
        unit="Logons",
        feature="logons_refused",
        limit=0,
        needs=(*REFUSED, ("refused_hosts", 10, 13), ("logons", 1, 2)),
    ),
)
