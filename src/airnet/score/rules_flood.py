"""Rules of floods: what arrives at a gateway outside sessions.

Limits are ours; each says why. A rule whose name ends in `at_once` is so far beyond
what a trading floor does that policy acts on one window of it (`at_once`).
"""

from airnet.domain.verdict import Cause
from airnet.score.rule import ANY, Rule

#: A gateway: three sessions have been held there, and its second is over. Strangers'
#: packets, and twenty times as many as it is used to.
AT_GATEWAY = (
    ("packets", 10, ANY),
    ("known", 3, ANY),
    ("history_ms", 1000, ANY),
    ("over_baseline", 20_000, ANY),
)
OF_STRANGERS = (*AT_GATEWAY, ("known_share", 0, 250))

#: Handshakes, and nothing beside them: when a day begins and everybody logs on, a
#: backup or a feed that passes by is most of what comes from strangers.
HANDSHAKES = (("empty_share", 900, ANY), ("reply_share", 250, 750))

#: Nearly all of them open, at one port, and nobody gives up.
OPEN = (
    ("half_open_share", 950, ANY),
    ("reset_rate", 0, 100),
    ("busiest_port_share", 800, ANY),
)
HALF_OPEN = (*OF_STRANGERS, *OPEN)

FAST_RULES = (
    # Handshakes of strangers of which in this window none was completed. 20 are open,
    # each from another: a firm that nobody knows may start a dozen machines in one
    # moment, and from far away; or they come faster than a machine starts programs; or
    # 30 of few: on one machine a firm may start two dozen programs at once.
    *(
        Rule(
            name=name,
            cause=Cause.FLOOD,
            unit="handshakes/s",
            feature="half_open_rate",
            limit=limit,
            needs=(*HALF_OPEN, ("half_open", open_, ANY), *apart),
        )
        for name, limit, open_, apart in (
            ("gateway.half_open_at_once", 800, 20, (("packets_per_source", 0, 1400),)),
            ("gateway.half_open_fast_at_once", 2000, 20, ()),
            ("gateway.half_open_of_few_at_once", 800, 30, ()),
        )
    ),
    # Segments of no connection, each from an address never seen before, unanswered: who
    # reconnects sends a SYN first, and more than one packet.
    Rule(
        name="gateway.stray_segments_at_once",
        cause=Cause.FLOOD,
        unit="segments/s",
        feature="stray_tcp_rate",
        limit=800,
        needs=(
            *OF_STRANGERS,
            ("syn_rate", 0, 100),
            ("fresh_share", 900, ANY),
            ("packets_per_source", 0, 1300),
        ),
    ),
    # Answers of services that answer more than they are asked (TA14-017A), which nobody
    # here had asked.
    Rule(
        name="gateway.reflected_answers_at_once",
        cause=Cause.FLOOD,
        unit="packets/s",
        feature="udp_rate",
        limit=800,
        needs=(
            *OF_STRANGERS,
            ("reflector_share", 900, ANY),
            ("reply_share", 0, 100),
        ),
    ),
    # Echo requests by the hundred, none answered. Who looks whether a host lives sends
    # one a second.
    Rule(
        name="gateway.echoes_at_once",
        cause=Cause.FLOOD,
        unit="packets/s",
        feature="icmp_rate",
        limit=800,
        needs=(*OF_STRANGERS, ("reply_share", 0, 100)),
    ),
    # 64 handshakes open and 1000 more a second, four in five never completed, mostly
    # one port: no reconnect storm of the size of a trading floor does that.
    Rule(
        name="gateway.half_open_per_second",
        cause=Cause.FLOOD,
        unit="handshakes/s",
        feature="half_open_rate",
        limit=1000,
        needs=(
            ("half_open", 64, ANY),
            ("half_open_share", 800, ANY),
            ("busiest_port_share", 500, ANY),
            ("known_share", 0, 500),
        ),
    ),
    # Handshakes by hosts that hold sessions, which go on, five of each host in one
    # window and none completed: no software comes back so often. A flood may bear the
    # firms' own addresses to have them cut off, so this names nobody.
    Rule(
        name="gateway.half_open_of_clients",
        cause=Cause.FLOOD,
        unit="handshakes/s",
        feature="half_open_rate",
        limit=1000,
        needs=(
            *AT_GATEWAY,
            ("half_open", 32, ANY),
            ("half_open_share", 800, ANY),
            ("busiest_port_share", 500, ANY),
            ("known_share", 501, ANY),
            ("packets_per_source", 5000, ANY),
            ("syn_ack_rate", 1, ANY),
            ("session_rate", 1, ANY),
        ),
    ),
    # So many handshakes open that no trading floor has them, whoever they seem to come
    # from.
    Rule(
        name="gateway.half_open",
        cause=Cause.FLOOD,
        unit="handshakes",
        feature="half_open",
        limit=192,
        needs=(
            ("half_open_rate", 1000, ANY),
            ("half_open_share", 800, ANY),
            ("busiest_port_share", 500, ANY),
            ("syn_ack_rate", 1, ANY),
            ("session_rate", 1, ANY),
        ),
    ),
    # Segments of connections that do not exist, more slowly: each from an address
    # never seen before, eight times as many as is usual, and no SYN among them.
    Rule(
        name="gateway.stray_segments_per_second",
        cause=Cause.FLOOD,
        unit="segments/s",
        feature="stray_tcp_rate",
        limit=150,
        needs=(
            ("packets", 10, ANY),
            ("known", 3, ANY),
            ("history_ms", 2000, ANY),
            ("over_baseline", 8000, ANY),
            ("syn_rate", 0, 20),
            ("fresh_share", 900, ANY),
            ("packets_per_source", 0, 1200),
            ("known_share", 0, 250),
        ),
    ),
    # Answers that nobody asked for, of services that answer more than they are asked
    # (TA14-017A), long ones, at an address where orders are taken.
    Rule(
        name="gateway.reflected_answers_per_second",
        cause=Cause.FLOOD,
        unit="packets/s",
        feature="udp_rate",
        limit=200,
        needs=(
            ("packets", 8, ANY),
            ("known", 3, ANY),
            ("reflector_share", 800, ANY),
            ("mean_bytes", 256, ANY),
            ("reply_share", 0, 350),
        ),
    ),
    # Datagrams that hardly any answer goes back to, where orders are taken over TCP. A
    # feed that was there when the capture began is not told from one that begins.
    Rule(
        name="gateway.datagrams_per_second",
        cause=Cause.FLOOD,
        unit="packets/s",
        feature="udp_rate",
        limit=1500,
        needs=(
            ("packets", 10, ANY),
            ("known", 3, ANY),
            ("history_ms", 1000, ANY),
            ("over_baseline", 20_000, ANY),
            ("reply_share", 0, 200),
        ),
    ),
    # Handshakes of strangers that add up: 96 are open, fifty more a second and hardly
    # one completed, while others trade: what creeps is as sure as what bursts once so
    # many stand open. Twenty programs of a new firm that nobody answers try again once
    # a second (RFC 6298 section 2), which is slower.
    Rule(
        name="gateway.half_open_adding_up",
        cause=Cause.FLOOD,
        unit="handshakes",
        feature="half_open",
        limit=95,
        needs=(
            ("packets", 3, ANY),
            ("known", 3, ANY),
            ("history_ms", 2000, ANY),
            ("half_open_rate", 50, ANY),
            ("half_open_share", 950, ANY),
            ("rate_1s", 50, ANY),
            ("over_baseline", 5000, ANY),
            ("busiest_port_share", 800, ANY),
            ("known_share", 0, 100),
            ("reset_rate", 0, 20),
            ("session_rate", 1, ANY),
        ),
    ),
    # Logons of strangers that came before and are strangers still: a firm's host is let
    # in with its first. Few wait for an answer, so they have been refused; ten of them,
    # a hundred a second, and from each host more than one.
    Rule(
        name="gateway.refused_logons_per_second",
        cause=Cause.FLOOD,
        unit="Logons/s",
        feature="logon_rate",
        limit=100,
        needs=(
            *AT_GATEWAY,
            ("known_share", 0, 50),
            ("fresh_share", 0, 250),
            ("packets_per_source", 2500, ANY),
            ("logons_10s", 10, ANY),
            ("rate_1s", 120, ANY),
            ("unspoken", 0, 6),
            ("session_rate", 1, ANY),
            *HANDSHAKES,
        ),
    ),
    # Logons by few strangers that never trade, ten connections each, hundreds a
    # second: a firm's host is let in with its first, and is no stranger then.
    Rule(
        name="gateway.logons_per_second",
        cause=Cause.FLOOD,
        unit="Logons/s",
        feature="logon_rate",
        limit=100,
        needs=(
            *AT_GATEWAY,
            ("known_share", 0, 50),
            ("packets_per_source", 3500, ANY),
            ("logons_10s", 16, ANY),
            ("rate_1s", 120, ANY),
            ("empty_share", 700, ANY),
        ),
    ),
    # The same more slowly, for a second.
    Rule(
        name="gateway.lasting_logons",
        cause=Cause.FLOOD,
        unit="Logons/10s",
        feature="logons_10s",
        limit=30,
        needs=(
            ("known", 3, ANY),
            ("known_share", 0, 50),
            ("packets_per_source", 2500, ANY),
            ("rate_1s", 120, ANY),
            ("half_open_share", 0, 500),
            ("logon_rate", 20, ANY),
            ("empty_share", 700, ANY),
        ),
    ),
    # Connections of few strangers, which are taken and on which nobody logs on, again
    # and again: they hold what clients need. A firm that starts logs on, and is known.
    # Who asks a dozen times at once and hangs up is a monitor: until it does that as
    # often as 400 packets a second are, one volley, and the end of one, is no more than
    # it is.
    *(
        Rule(
            name=name,
            cause=Cause.FLOOD,
            unit="handshakes/s",
            feature="completed_rate",
            limit=20,
            needs=(
                *paced,
                ("known", 3, ANY),
                ("known_share", 0, 100),
                ("half_open_share", 0, 500),
                ("packets_per_source", 2500, ANY),
                ("syn_rate", 20, ANY),
                ("over_baseline", 8000, ANY),
                ("logon_rate", 0, 10),
                ("history_ms", 1000, ANY),
            ),
        )
        for name, paced in (
            (
                "gateway.connections_without_logon",
                (
                    ("packets", 10, 30),
                    ("rate", 0, 1000),
                    ("span_us", 8000, ANY),
                    ("rate_1s", 90, ANY),
                ),
            ),
            (
                "gateway.volleys_without_logon",
                (("packets", 10, ANY), ("rate_1s", 400, ANY)),
            ),
        )
    ),
    # Connections held open by strangers on which the gateway never spoke as to a
    # client. All sessions of a floor that wait for its Logon are fewer, and known; and
    # where the mirror shows but one way, nobody is seen to speak: so SYN-ACKs, too.
    Rule(
        name="gateway.connections_unspoken",
        cause=Cause.FLOOD,
        unit="connections",
        feature="unspoken",
        limit=128,
        needs=(
            ("packets", 2, ANY),
            ("known", 3, ANY),
            ("half_open_share", 0, 500),
            ("known_share", 0, 500),
            ("syn_ack_rate", 1, ANY),
        ),
    ),
    # Packets of no session, unanswered, at an address the site file calls a gateway.
    Rule(
        name="gateway.stray_packets_per_second",
        cause=Cause.FLOOD,
        unit="packets/s",
        feature="stray_rate",
        limit=5000,
        needs=(
            ("packets", 10, ANY),
            ("registered", 1, ANY),
            ("reply_share", 0, 100),
            ("over_baseline", 5000, ANY),
            ("known_share", 0, 500),
        ),
    ),
    # The same where no site file names the gateway, but sessions do: three or more have
    # been held there, and it is four times as far above what it is used to.
    Rule(
        name="gateway.stray_packets_at_venue",
        cause=Cause.FLOOD,
        unit="packets/s",
        feature="stray_rate",
        limit=5000,
        needs=(
            ("packets", 10, ANY),
            ("known", 3, ANY),
            ("reply_share", 0, 100),
            ("over_baseline", 20_000, ANY),
            ("known_share", 0, 500),
        ),
    ),
)

SOURCE_RULES = (
    # One host with 16 handshakes open, 500 more a second, none completed.
    Rule(
        name="source.half_open_per_second",
        cause=Cause.FLOOD,
        unit="handshakes/s",
        feature="half_open_rate",
        limit=500,
        needs=(
            ("half_open", 16, ANY),
            ("half_open_share", 900, ANY),
            ("busiest_port_share", 500, ANY),
            ("known", 0, 0),
        ),
    ),
)
