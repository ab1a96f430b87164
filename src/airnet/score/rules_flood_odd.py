"""Rules of floods that need no past: no sound floor has them, however it began.

A flood may be there when the capture begins, so that nobody knows what is usual, or be
of packets that no service of a gateway is asked with. What is rare enough for that is
asked for twice, in windows of ten packets.
"""

from airnet.domain.verdict import Cause
from airnet.score.rule import ANY, Rule

#: A gateway: three sessions have been held there. Nothing goes back to who sends.
AT_GATEWAY = (("packets", 10, ANY), ("known", 3, ANY))
UNANSWERED = (*AT_GATEWAY, ("reply_share", 0, 100))

#: Handshakes of those who trade, which none of this window's answers.
OF_CLIENTS = (
    ("packets", 10, ANY),
    ("history_ms", 1000, ANY),
    ("known_share", 501, ANY),
    ("half_open_rate", 600, ANY),
    ("half_open_share", 950, ANY),
    ("busiest_port_share", 800, ANY),
    ("over_baseline", 20_000, ANY),
    ("packets_per_source", 2000, ANY),
)
#: Few of those who trade are all there is, far above what is usual.
OF_FEW_CLIENTS = (
    *AT_GATEWAY,
    ("history_ms", 1000, ANY),
    ("known_share", 800, ANY),
    ("sources", 1, 4),
    ("over_baseline", 20_000, ANY),
)
LASTING = (("rate_1s", 150, ANY), ("streak_ms", 50, ANY))
#: Nothing but segments of no connection, and none of them a SYN.
SEGMENTS = (
    *UNANSWERED,
    ("history_ms", 1000, ANY),
    ("over_baseline", 10_000, ANY),
    ("syn_rate", 0, 20),
    ("completed_rate", 0, 0),
    ("udp_rate", 0, 20),
    ("icmp_rate", 0, 20),
    ("fragment_rate", 0, 20),
)
#: The same under the addresses of those who trade, who go on.
SEGMENTS_OF_CLIENTS = (
    *SEGMENTS,
    ("known_share", 501, ANY),
    ("packets_per_source", 2000, ANY),
    ("session_rate", 1, ANY),
)
#: Datagrams of strangers that nobody answers, where hardly anything came before.
DATAGRAMS = (
    *UNANSWERED,
    ("history_ms", 1000, ANY),
    ("over_baseline", 20_000, ANY),
    ("baseline", 0, 3),
    ("known_share", 0, 100),
)
#: Segments of strangers that RST answers, and no handshake among them.
REFUSED_SEGMENTS = (
    *AT_GATEWAY,
    ("history_ms", 1000, ANY),
    ("over_baseline", 20_000, ANY),
    ("known_share", 0, 100),
    ("syn_rate", 0, 20),
    ("completed_rate", 0, 0),
)
#: Handshakes of strangers who take each back (RST) as soon as it is answered, which is
#: what the kernel of a host does whose SYNs another program made.
GIVEN_UP = (
    *AT_GATEWAY,
    ("history_ms", 1000, ANY),
    ("over_baseline", 20_000, ANY),
    ("known_share", 0, 250),
    ("busiest_port_share", 800, ANY),
    ("half_open_share", 950, ANY),
    ("reset_rate", 600, ANY),
)
#: Handshakes of strangers that a port refuses, faster than anybody asks again.
REFUSED = (
    *AT_GATEWAY,
    ("history_ms", 1000, ANY),
    ("over_baseline", 20_000, ANY),
    ("known_share", 0, 250),
    ("busiest_port_share", 800, ANY),
    ("syn_rate", 600, ANY),
)

ODD_RULES = (
    # Echo requests, or their answers, that nobody answers, of anybody: who looks
    # whether a host lives sends one a second.
    Rule(
        name="gateway.echoes_per_second",
        cause=Cause.FLOOD,
        unit="packets/s",
        feature="icmp_rate",
        limit=500,
        needs=UNANSWERED,
    ),
    # Segments of strangers that belong to no connection, of whatever flags, to which
    # nothing goes back, ten times what is usual: who connects sends a SYN and is
    # answered, and a host that is there answers what it does not know by RST (RFC 9293
    # section 3.10.7.1). Sessions that are held show that the mirror sees both ways.
    Rule(
        name="gateway.unanswered_segments_per_second",
        cause=Cause.FLOOD,
        unit="segments/s",
        feature="stray_tcp_rate",
        limit=200,
        needs=(*SEGMENTS, ("known_share", 0, 100)),
    ),
    # Datagrams, each from an address never seen before: a feed has one sender, and a
    # resolver is asked by those who trade.
    Rule(
        name="gateway.datagrams_of_many_per_second",
        cause=Cause.FLOOD,
        unit="packets/s",
        feature="udp_rate",
        limit=400,
        needs=(
            *UNANSWERED,
            ("known_share", 0, 100),
            ("fresh_share", 900, ANY),
            ("packets_per_source", 0, 1300),
        ),
    ),
    # Fragments of which nothing becomes whole (RFC 791 section 3.2): what orders are
    # taken with fits into a frame.
    Rule(
        name="gateway.fragments_per_second",
        cause=Cause.FLOOD,
        unit="packets/s",
        feature="fragment_rate",
        limit=500,
        needs=(
            *UNANSWERED,
            ("known_share", 0, 250),
            ("udp_rate", 0, 20),
            ("icmp_rate", 0, 20),
        ),
    ),
    # The same where datagrams become whole: as many as of datagrams, and for as long as
    # it takes to know what is usual.
    Rule(
        name="gateway.fragmented_datagrams_per_second",
        cause=Cause.FLOOD,
        unit="packets/s",
        feature="fragment_rate",
        limit=1500,
        needs=(
            *UNANSWERED,
            ("known_share", 0, 250),
            ("history_ms", 1000, ANY),
            ("over_baseline", 20_000, ANY),
        ),
    ),
    # Handshakes under the addresses of those who trade, none answered, three times as
    # many as a floor of this size would try at once, again and again, while it trades
    # on. Who is not answered waits a second (RFC 6298 section 2).
    *(
        Rule(
            name=name,
            cause=Cause.FLOOD,
            unit="handshakes",
            feature="half_open",
            limit=limit,
            needs=(
                *OF_CLIENTS,
                ("known", 3, known),
                *LASTING,
                ("session_rate", 1, ANY),
            ),
        )
        for name, limit, known in (
            ("gateway.unanswered_of_clients", 160, 48),
            ("gateway.unanswered_of_many_clients", 512, ANY),
        )
    ),
)

#: What is acted upon as well, and takes too long for the fast lane (ADR 0051).
ODD_LATE_RULES = (
    # Connections completed under the addresses of one or a few hosts that trade, two
    # hundred a second for a fifth of a second, and no Logon: a client in a loop, if it
    # is one, has long had its answer. Nobody is named, and who holds a session passes.
    Rule(
        name="gateway.connections_of_clients_at_length",
        cause=Cause.FLOOD,
        unit="handshakes/s",
        feature="completed_rate",
        limit=200,
        needs=(
            *OF_FEW_CLIENTS,
            ("logon_rate", 0, 0),
            ("half_open_share", 0, 700),
            ("busiest_port_share", 500, ANY),
            ("rate_1s", 400, ANY),
            ("streak_ms", 200, ANY),
            ("session_rate", 1, ANY),
        ),
    ),
    # SYNs and segments of no connection at once, hundreds of either a second, under the
    # addresses of a few hosts that trade, and hardly anything goes back to them: what
    # was lost of a connection, or comes back, is one of the two, or answered.
    Rule(
        name="gateway.odd_segments_of_clients",
        cause=Cause.FLOOD,
        unit="segments/s",
        feature="stray_tcp_rate",
        limit=600,
        needs=(
            *OF_FEW_CLIENTS,
            ("syn_rate", 600, ANY),
            ("reply_share", 0, 250),
            ("rate_1s", 300, ANY),
            ("streak_ms", 50, ANY),
        ),
    ),
    # Segments to which nothing goes back under the addresses of those who trade: nobody
    # is named, and who holds a session passes.
    Rule(
        name="gateway.unanswered_segments_of_clients",
        cause=Cause.FLOOD,
        unit="segments/s",
        feature="stray_tcp_rate",
        limit=200,
        needs=(*SEGMENTS_OF_CLIENTS, *LASTING),
    ),
    # Strangers' segments, each answered by RST, for longer than what a gateway that was
    # away tells those who had been there before.
    Rule(
        name="gateway.refused_segments_per_second",
        cause=Cause.FLOOD,
        unit="segments/s",
        feature="refused_rate",
        limit=300,
        needs=(
            *REFUSED_SEGMENTS,
            ("stray_tcp_rate", 300, ANY),
            ("streak_ms", 20, ANY),
        ),
    ),
    # Datagrams of strangers that go on for a second, unanswered, where hardly any came
    # before: a feed of so many has its own address (RFC 5771), and is no gateway's.
    Rule(
        name="gateway.lasting_datagrams",
        cause=Cause.FLOOD,
        unit="packets/s",
        feature="rate_1s",
        limit=400,
        needs=(*DATAGRAMS, ("udp_rate", 400, ANY)),
    ),
    # Handshakes given up, two dozen and more, which do not stop: who looks whether a
    # port is open has seen it by then.
    Rule(
        name="gateway.handshakes_given_up_per_second",
        cause=Cause.FLOOD,
        unit="handshakes/s",
        feature="half_open_rate",
        limit=600,
        needs=(*GIVEN_UP, ("streak_ms", 40, ANY)),
    ),
    # Handshakes that one port refuses, and which go on: a firm's programs that start
    # before theirs is served are two dozen, and wait before they ask again.
    Rule(
        name="gateway.refused_handshakes_per_second",
        cause=Cause.FLOOD,
        unit="handshakes/s",
        feature="refused_rate",
        limit=800,
        needs=(*REFUSED, ("streak_ms", 40, ANY)),
    ),
)

ODD_TOLD_RULES = (
    # The first that is seen of it.
    Rule(
        name="gateway.several_unanswered_of_clients",
        cause=Cause.FLOOD,
        unit="handshakes",
        feature="half_open",
        limit=31,
        needs=(*OF_CLIENTS, ("known", 3, ANY), ("streak_ms", 10, ANY)),
    ),
    Rule(
        name="gateway.several_unanswered_segments",
        cause=Cause.FLOOD,
        unit="segments/s",
        feature="stray_tcp_rate",
        limit=200,
        needs=(*SEGMENTS, ("known_share", 0, 100), ("streak_ms", 5, ANY)),
    ),
    # Ten that are answered by RST, in time for no second question.
    Rule(
        name="gateway.several_refused_segments",
        cause=Cause.FLOOD,
        unit="segments/s",
        feature="refused_rate",
        limit=200,
        needs=(*REFUSED_SEGMENTS, ("stray_tcp_rate", 200, ANY), ("streak_ms", 5, ANY)),
    ),
    # Handshakes given up for longer than a balancer's dozen checks at one go take.
    Rule(
        name="gateway.several_handshakes_given_up",
        cause=Cause.FLOOD,
        unit="handshakes/s",
        feature="half_open_rate",
        limit=600,
        needs=(*GIVEN_UP, ("streak_ms", 4, ANY)),
    ),
    Rule(
        name="gateway.several_unanswered_segments_of_clients",
        cause=Cause.FLOOD,
        unit="segments/s",
        feature="stray_tcp_rate",
        limit=200,
        needs=(*SEGMENTS_OF_CLIENTS, ("streak_ms", 10, ANY)),
    ),
    # Datagrams of strangers, of few senders, too, where hardly any came before and none
    # is answered: a feed that begins is told, once.
    Rule(
        name="gateway.several_datagrams_of_strangers",
        cause=Cause.FLOOD,
        unit="packets/s",
        feature="udp_rate",
        limit=400,
        needs=(*DATAGRAMS, ("streak_ms", 5, ANY)),
    ),
    # One or two hosts that trade connect again and again, and do not log on: a client
    # in a loop, or who uses its address. It may be let in at last: it is told only.
    Rule(
        name="gateway.connections_of_clients_without_logon",
        cause=Cause.FLOOD,
        unit="handshakes/s",
        feature="completed_rate",
        limit=60,
        needs=(
            ("packets", 10, ANY),
            ("known", 3, ANY),
            ("history_ms", 1000, ANY),
            ("known_share", 800, ANY),
            ("sources", 1, 2),
            ("logon_rate", 0, 0),
            ("half_open_share", 0, 500),
            ("busiest_port_share", 800, ANY),
            ("over_baseline", 8000, ANY),
            ("rate_1s", 200, ANY),
            ("streak_ms", 50, ANY),
            ("session_rate", 1, ANY),
        ),
    ),
    Rule(
        name="gateway.several_refused_handshakes",
        cause=Cause.FLOOD,
        unit="handshakes/s",
        feature="refused_rate",
        limit=600,
        needs=(*REFUSED, ("streak_ms", 10, ANY)),
    ),
)
