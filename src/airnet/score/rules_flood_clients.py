"""Rules of floods under the address of a host that trades, which nobody cuts off.

Its sessions go on, so what is limited is what belongs to no session towards the gateway
(airnet.decide.proposals); nobody is named.
"""

from airnet.domain.verdict import Cause
from airnet.score.rule import ANY, Rule

#: A gateway: three sessions have been held there. Hosts that trade are all there is,
#: far above what is usual.
OF_CLIENTS = (
    ("packets", 10, ANY),
    ("known", 3, ANY),
    ("history_ms", 1000, ANY),
    ("known_share", 800, ANY),
    ("over_baseline", 20_000, ANY),
)
#: Datagrams, each from another port, that nobody answers: data come from one, and who
#: asks is answered.
DATAGRAMS = (
    *OF_CLIENTS,
    ("sources", 1, 4),
    ("reply_share", 0, 100),
    ("source_port_share", 0, 200),
)

CLIENT_LATE_RULES = (
    # For a second, where hardly any came before.
    Rule(
        name="gateway.lasting_datagrams_of_clients",
        cause=Cause.FLOOD,
        unit="packets/s",
        feature="rate_1s",
        limit=500,
        needs=(*DATAGRAMS, ("udp_rate", 400, ANY)),
    ),
    # Two hundred Logons in ten seconds, seventy a second now, of one host or two, where
    # so few sessions ever were that all of them would have to try six times at once:
    # it is refused, and does not wait.
    Rule(
        name="gateway.lasting_logons_of_a_client",
        cause=Cause.FLOOD,
        unit="Logons/10s",
        feature="logons_10s",
        limit=200,
        needs=(
            *OF_CLIENTS,
            ("known", 3, 32),
            ("sources", 1, 2),
            ("busiest_port_share", 950, ANY),
            ("packets_per_source", 8000, ANY),
            ("logon_rate", 30, ANY),
            ("half_open_share", 0, 500),
            ("empty_share", 700, ANY),
            ("rate_1s", 200, ANY),
            ("session_rate", 1, ANY),
        ),
    ),
)

CLIENT_TOLD_RULES = (
    # The first that is seen of the same datagrams.
    Rule(
        name="gateway.several_datagrams_of_clients",
        cause=Cause.FLOOD,
        unit="packets/s",
        feature="udp_rate",
        limit=400,
        needs=(*DATAGRAMS, ("streak_ms", 10, ANY)),
    ),
)
