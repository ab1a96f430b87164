"""Hard rules: facts with units that must not depend on a model.

Limits are ours; each says why. Kinds of windows that no model speaks of have their
rules in modules of their own (rules_host and so on), collected here.
"""

from airnet.domain.verdict import Cause
from airnet.domain.window import (
    WINDOW_FEED,
    WINDOW_GATEWAY,
    WINDOW_HOST,
    WINDOW_SENSOR,
    WINDOW_SESSION,
    WINDOW_SOURCE,
    WINDOW_VENUE,
)
from airnet.score.rule import ANY, Rule
from airnet.score.rules_feed import FEED_RULES
from airnet.score.rules_host import HOST_RULES
from airnet.score.rules_sensor import SENSOR_RULES
from airnet.score.rules_session import SESSION_RULES

GATEWAY_RULES = (
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
    # So many handshakes open that no trading floor has them, whoever they seem to come
    # from: a flood may bear the firms' own addresses to have them cut off.
    Rule(
        name="gateway.half_open",
        cause=Cause.FLOOD,
        unit="handshakes",
        feature="half_open",
        limit=512,
        needs=(
            ("half_open_rate", 500, ANY),
            ("half_open_share", 800, ANY),
            ("busiest_port_share", 500, ANY),
            ("session_rate", 1, ANY),
        ),
    ),
    # Segments of connections that do not exist, each from an address never seen before:
    # who reconnects sends a SYN first, and more than one packet.
    Rule(
        name="gateway.stray_segments_per_second",
        cause=Cause.FLOOD,
        unit="segments/s",
        feature="stray_tcp_rate",
        limit=1000,
        needs=(
            ("packets", 32, ANY),
            ("known", 3, ANY),
            ("syn_rate", 0, 200),
            ("fresh_share", 800, ANY),
            ("packets_per_source", 0, 1300),
            ("known_share", 0, 500),
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
    # Datagrams that hardly any answer goes back to, where orders are taken over TCP.
    Rule(
        name="gateway.datagrams_per_second",
        cause=Cause.FLOOD,
        unit="packets/s",
        feature="udp_rate",
        limit=1500,
        needs=(
            ("packets", 16, ANY),
            ("known", 3, ANY),
            ("over_baseline", 20_000, ANY),
            ("reply_share", 0, 200),
        ),
    ),
    # Connections held open by strangers on which the gateway never spoke as to a
    # client. All sessions of a floor that wait for its Logon are fewer, and known.
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
            ("packets", 50, ANY),
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
            ("packets", 50, ANY),
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

VENUE_RULES = (
    # Eight messages, twenty times as long as it usually takes and a quarter of a second
    # without one answer to anybody. A venue must see as much of itself within 5 s
    # (Regulation (EU) 2017/584, Article 12(3)).
    Rule(
        name="venue.silence_us",
        cause=Cause.VENUE_FAULT,
        unit="us",
        feature="silence_us",
        limit=250_000,
        needs=(("unanswered", 8, ANY), ("silence_ratio", 20_000, ANY)),
    ),
    # The quickest of 16 orders takes 0.1 ms more than the quickest always did, in three
    # batches in a row and for half a second: the path or the gateway is slower. A queue
    # alone would do the same while everybody sends, so not then.
    Rule(
        name="venue.ack_rise_us",
        cause=Cause.VENUE_FAULT,
        unit="us",
        feature="ack_rise_us",
        limit=100,
        needs=(
            ("ack_risen_batches", 3, ANY),
            ("ack_risen_ms", 500, ANY),
            ("ack_deviation", 6000, ANY),
            ("load_ratio", 0, 3000),
        ),
    ),
    # Fifty refused a second, more than half of all answers, to three sessions at least
    # and to most of those answered, where refusing is not usual: not one bad program.
    Rule(
        name="venue.rejects_per_second",
        cause=Cause.VENUE_FAULT,
        unit="rejects/s",
        feature="reject_rate_1s",
        limit=50,
        divisor=10,
        needs=(
            ("reject_share_1s", 500, ANY),
            ("sessions_rejected", 3, ANY),
            ("rejected_share", 500, ANY),
            ("reject_baseline", 0, 250),
        ),
    ),
    # The last Logons were answered after a second: of 4 the mean, so that one slow one
    # is none. FIX gives no time; sessions are usually up within milliseconds.
    Rule(
        name="venue.logon_us",
        cause=Cause.VENUE_FAULT,
        unit="us",
        feature="logon_recent_us",
        limit=1_000_000,
        needs=(("logons_answered", 1, ANY),),
    ),
    # Ten times as long as usual, and a tenth of a second.
    Rule(
        name="venue.logon_ratio",
        cause=Cause.VENUE_FAULT,
        unit="1/1000",
        feature="logon_ratio",
        limit=10_000,
        needs=(("logon_recent_us", 100_000, ANY), ("logons_answered", 1, ANY)),
    ),
    # Two clients wait, and twenty times as long as is usual nobody has been answered.
    Rule(
        name="venue.logons_wait_ratio",
        cause=Cause.VENUE_FAULT,
        unit="1/1000",
        feature="logon_wait_ratio",
        limit=20_000,
        needs=(("logon_wait_us", 300_000, ANY), ("logons_waiting", 2, ANY)),
    ),
    # A quarter of all answers comes very late, three a second, where one in twenty did:
    # the others may be as quick as ever. Not while everybody sends: that is a queue;
    # nor while the mirror hides when they came.
    Rule(
        name="venue.late_ack_share",
        cause=Cause.VENUE_FAULT,
        unit="1/1000",
        feature="late_ack_share_1s",
        limit=250,
        needs=(
            ("late_ack_rate_1s", 25, ANY),
            ("late_ack_baseline", 0, 50),
            ("mirror_doubt_rate_1s", 0, 10),
            ("load_ratio", 0, 3000),
            ("history_ms", 2000, ANY),
        ),
    ),
    # Three segments in a hundred lost or late, of three sessions at least, and nothing
    # that the mirror hides: the network between loses them.
    Rule(
        name="venue.odd_segments_share",
        cause=Cause.VENUE_FAULT,
        unit="1/1000",
        feature="odd_share_1s",
        limit=30,
        needs=(
            ("odd_rate_1s", 30, ANY),
            ("odd_sessions", 3, ANY),
            ("odd_baseline", 0, 10),
            ("mirror_doubt_rate_1s", 0, 10),
            ("history_ms", 2000, ANY),
        ),
    ),
    # Three clients wait and nobody's Logon has been answered for two seconds.
    Rule(
        name="venue.logon_wait_us",
        cause=Cause.VENUE_FAULT,
        unit="us",
        feature="logon_wait_us",
        limit=2_000_000,
        needs=(("logons_waiting", 3, ANY),),
    ),
)

# What a rule of these says is no flood, whatever the model thinks. A host that has
# traded and is refused, or not answered, tries again: all of them at once, as fast as
# their software lets them, when a gateway fails. Limiting strangers would not touch
# them, and a false shield is put up when the venue is weakest.
EXCUSES = (
    # Every handshake is answered: completed or refused.
    Rule(
        name="gateway.known_hosts_answered",
        cause=Cause.NORMAL,
        unit="1/1000",
        feature="known_share",
        limit=500,
        needs=(("half_open_share", 0, 200), ("stray_rate", 0, 500)),
    ),
    # None is answered and no session is alive: the gateway is gone.
    Rule(
        name="gateway.known_hosts_unanswered",
        cause=Cause.NORMAL,
        unit="1/1000",
        feature="known_share",
        limit=500,
        needs=(
            ("syn_ack_rate", 0, 0),
            ("reply_share", 0, 0),
            ("session_rate", 0, 100),
            ("stray_rate", 0, 500),
            ("rate_1s", 0, 5000),
        ),
    ),
)

RULES = {
    WINDOW_SESSION: SESSION_RULES,
    WINDOW_GATEWAY: GATEWAY_RULES,
    WINDOW_SOURCE: SOURCE_RULES,
    WINDOW_VENUE: VENUE_RULES,
    WINDOW_FEED: FEED_RULES,
    WINDOW_SENSOR: SENSOR_RULES,
    WINDOW_HOST: HOST_RULES,
}
