"""Rules of floods that come slowly: what few facts tell, and what more of them prove.

A flood of a hundred packets a second gives a window of ten packets in 0.1 s, and a
rate of one second in as long. What tells it sooner is who comes: never seen, never let
in, several at once. Policy keeps evidence of the first (`told`) and contains on the
rest, whose limits lie beyond a firm's floor that the venue does not know yet: 24
programs, each of which is refused, and tries again.
"""

from airnet.domain.verdict import Cause
from airnet.score.rule import ANY, Rule
from airnet.score.rules_flood import HALF_OPEN, OPEN

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


#: Eight times what is usual there, and what no feed or ping adds up to.
UNUSUAL = (*OF_STRANGERS, ("over_baseline", 8000, ANY))
#: They log on, and the gateway, which takes their connections, says nothing yet.
WAITING = (
    *UNUSUAL,
    ("half_open_share", 0, 500),
    ("syn_ack_rate", 1, ANY),
)
#: Four strangers or more in a window, most of them never seen before, half as much
#: again as monitors and firms that come and go make usual there.
NEW_ONES = (
    *OF_STRANGERS,
    *NOBODY_LOGS_ON,
    ("packets", 8, ANY),
    ("sources", 4, ANY),
    ("over_baseline", 3500, ANY),
)


def _of_handshakes(name: str, limit: int, *needs: tuple[str, int, int]) -> Rule:
    """Return a rule of strangers' completed handshakes."""
    return Rule(
        name=name,
        cause=Cause.FLOOD,
        unit="handshakes/s",
        feature="completed_rate",
        limit=limit,
        needs=needs,
    )


GATEWAY_SLOW_RULES = (
    # Three strangers or more, again and again, sixty packets within a second: as many
    # monitors as that, which ask four times each, send fewer, and some of them hang up.
    _of_handshakes(
        "gateway.strangers_without_logon",
        25,
        *UNUSUAL,
        *NO_LOGON,
        ("packets", 8, ANY),
        ("sources", 3, ANY),
        ("syn_rate", 25, ANY),
        ("rate_1s", 60, ANY),
    ),
    # New ones all the time, for a second: a house has no dozens of monitors.
    _of_handshakes(
        "gateway.new_strangers_without_logon",
        30,
        *NEW_ONES,
        ("fresh_share", 700, ANY),
        ("rate_1s", 45, ANY),
    ),
    # Logons of strangers that add up without an answer: half as many again as a firm
    # has programs, while others trade.
    Rule(
        name="gateway.logons_held",
        cause=Cause.FLOOD,
        unit="connections",
        feature="unspoken",
        limit=36,
        needs=(*WAITING, ("logon_rate", 20, ANY)),
    ),
)

GATEWAY_TOLD_RULES = (
    # The first that is seen of the same: three strangers in the same tenth of a second,
    # of whom nobody logs on, or some have said already what is no FIX. A house's
    # monitors are one or two, and who logs on next says nothing before.
    *(
        _of_handshakes(
            name, 30, *UNUSUAL, *silent, ("packets", 6, ANY), ("sources", 3, ANY)
        )
        for name, silent in (
            ("gateway.several_strangers_without_logon", NO_LOGON),
            (
                "gateway.several_strangers_without_fix",
                (*NOBODY_LOGS_ON, ("empty_share", 0, 850), ("mean_bytes", 0, 64)),
            ),
        )
    ),
    # Four, each for the first time, whatever is usual.
    _of_handshakes(
        "gateway.several_new_strangers_without_logon",
        30,
        *NEW_ONES,
        ("fresh_share", 800, ANY),
    ),
    # The same who hang up at once (RST), twice as far above what is usual: of those who
    # look whether a port is open there are one or two.
    _of_handshakes(
        "gateway.several_new_strangers_giving_up",
        60,
        *(need for need in NEW_ONES if need[0] not in ("reset_rate", "over_baseline")),
        ("over_baseline", 8000, ANY),
        ("fresh_share", 800, ANY),
        ("reset_rate", 41, ANY),
    ),
    # Eight handshakes of strangers that the gateway answered and nobody completed, in
    # windows that last: it is no round trip any more. Twelve times as many are acted
    # upon.
    Rule(
        name="gateway.half_open_left_by_strangers",
        cause=Cause.FLOOD,
        unit="handshakes",
        feature="half_open",
        limit=7,
        needs=(
            *(need for need in OF_STRANGERS if need[0] != "reset_rate"),
            ("packets", 2, ANY),
            ("over_baseline", 2000, ANY),
            ("half_open_share", 950, ANY),
            ("half_open_rate", 20, ANY),
            ("completed_rate", 0, 0),
            ("reset_rate", 0, 0),
            ("syn_ack_rate", 1, ANY),
            ("span_us", 50_000, ANY),
        ),
    ),
    # One or two of them, for longer than a balancer asks a dozen times at one go; or
    # more of them within a second than a dozen checks are packets, five each. A monitor
    # that waits between its checks, or for an answer, is told, too.
    *(
        _of_handshakes(name, 40, *UNUSUAL, *NO_LOGON, ("packets", 8, ANY), longer)
        for name, longer in (
            ("gateway.lasting_connections_without_logon", ("streak_ms", 20, ANY)),
            ("gateway.many_connections_without_logon", ("rate_1s", 75, ANY)),
        )
    ),
    # Logons without an answer, four of strangers at once: a gateway answers within
    # milliseconds, and where it does not, its own rules tell of it.
    Rule(
        name="gateway.several_logons_held",
        cause=Cause.FLOOD,
        unit="connections",
        feature="unspoken",
        limit=3,
        needs=(
            *WAITING,
            ("packets", 8, ANY),
            ("logon_rate", 1, ANY),
            ("span_us", 15_000, ANY),
        ),
    ),
    # Handshakes of strangers, not one completed: ten of two or more, a dozen and one of
    # anybody; or twenty where nobody knows yet what is usual. What is acted upon is
    # twice as many. A balancer's dozen checks are given up (RST) in the next moment.
    *(
        Rule(
            name=name,
            cause=Cause.FLOOD,
            unit="handshakes/s",
            feature="half_open_rate",
            limit=limit,
            needs=(*needs, ("half_open", open_, ANY)),
        )
        for name, limit, open_, needs in (
            (
                "gateway.several_half_open_of_strangers",
                600,
                10,
                (*HALF_OPEN, ("sources", 2, ANY)),
            ),
            ("gateway.many_half_open_of_strangers", 600, 13, HALF_OPEN),
            (
                "gateway.half_open_as_it_begins",
                1000,
                20,
                (
                    *OPEN,
                    ("packets", 10, ANY),
                    ("known", 3, ANY),
                    ("over_baseline", 20_000, ANY),
                    ("known_share", 0, 250),
                ),
            ),
        )
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

#: A host that never held a session is refused at a gateway where somebody holds one (a
#: gateway may have a port for each client); something of it is new.
REFUSED = (
    ("quiet_ms", 0, 1000),
    ("lawful", 0, 0),
    ("met", 1, ANY),
    ("venue_sessions", 1, ANY),
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
    # The same of two or more at whatever pace.
    Rule(
        name="host.flood_of_logons_at_length",
        cause=Cause.FLOOD,
        unit="Logons",
        feature="logons_refused",
        limit=24,
        needs=(*REFUSED, ("refused_hosts", 2, ANY), ("comps", 32, ANY)),
    ),
    # The same CompID forty times, without a pause: a program in a loop, whoever's. Of
    # two hosts at once, or of more, fewer are enough, and at a slower pace.
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
                ("comps", 1, 3),
                ("logon_gap_ms", 0, gap_ms),
            ),
        )
        for name, hosts, limit, gap_ms in (
            ("host.logons_in_a_loop", 0, 40, 25),
            ("host.logons_in_a_loop_of_two", 2, 24, 40),
            ("host.logons_in_a_loop_of_many", 3, 15, 50),
        )
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
            # Under the same name: a person's mistake is not repeated so soon. Who uses
            # names that others' sessions have guesses their passwords.
            (
                "host.quick_refused_logons_of_one_name",
                2,
                20,
                (("refused_hosts", 1, 8), ("comps", 1, 3), ("claims", 0, 0)),
            ),
        )
    ),
    # Six times under three CompIDs, as of who guesses; but who guesses is alone.
    Rule(
        name="host.refused_logons_of_several",
        cause=Cause.FLOOD,
        unit="Logons",
        feature="logons_refused",
        limit=5,
        needs=(*REFUSED, ("comps", 3, ANY), ("refused_hosts", 2, 8)),
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

#: What says nothing by itself, of any one window: decide counts connections that are
#: held over windows (airnet.decide.held), and a model that finds a window normal gives
#: no Verdict of it.
GATEWAY_COUNTED = tuple(
    Rule(
        name=name,
        cause=Cause.NORMAL,
        unit="packets/s",
        feature=feature,
        limit=0,
        needs=(("known", 3, ANY),),
    )
    for name, feature in (
        ("gateway.connections_completed", "completed_rate"),
        ("gateway.segments_of_strangers", "stray_tcp_rate"),
    )
)
