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
LASTING = (("rate_1s", 150, ANY), ("streak_ms", 50, ANY))

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
)
