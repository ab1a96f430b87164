"""Excuses: what a rule of these says is no flood, whatever the model thinks.

A host that has traded and is refused, or not answered, tries again: all of them at
once, as fast as their software lets them, when a gateway fails. Limiting strangers
would not touch them, and a false shield is put up when the venue is weakest.
"""

from airnet.domain.verdict import Cause
from airnet.score.rule import ANY, Rule

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
    # Nearly all are answered, let in and turned away: the gateway is there and takes
    # nobody, or a line breaks off again and again.
    Rule(
        name="gateway.known_hosts_turned_away",
        cause=Cause.NORMAL,
        unit="1/1000",
        feature="known_share",
        limit=900,
        needs=(
            ("half_open_share", 0, 400),
            ("reply_share", 400, ANY),
            ("syn_rate", 50, ANY),
            ("rate_1s", 0, 3000),
        ),
    ),
    # The capture begins, or the gateway does: everybody who trades there comes at once,
    # and is a stranger yet.
    Rule(
        name="gateway.begins",
        cause=Cause.NORMAL,
        unit="sessions",
        feature="known",
        limit=0,
        needs=(("history_ms", 0, 500), ("rate_1s", 0, 3000)),
    ),
    # A volley of a few handshakes, answered, hardly one of which stays open: who asks
    # whether the port is served gives them up (RST). As a flood it would be none yet.
    Rule(
        name="gateway.few_open",
        cause=Cause.NORMAL,
        unit="1/1000",
        feature="reply_share",
        limit=400,
        needs=(
            ("half_open", 0, 16),
            ("syn_rate", 50, ANY),
            ("rate_1s", 0, 100),
            ("unspoken", 0, 8),
        ),
    ),
    # Connections end one after another, answered, and none is open: who asked whether
    # the port is served hangs up. A host that is flooded with segments of none answers
    # each by RST (RFC 9293 section 3.10.7.1), or not at all.
    Rule(
        name="gateway.hanging_up",
        cause=Cause.NORMAL,
        unit="1/1000",
        feature="reply_share",
        limit=400,
        needs=(
            ("half_open", 0, 4),
            ("syn_rate", 0, 50),
            ("reset_rate", 0, 0),
            ("refused_rate", 0, 0),
            ("udp_rate", 0, 0),
            ("icmp_rate", 0, 0),
            ("rate", 0, 1500),
            ("rate_1s", 0, 150),
        ),
    ),
    # A few handshakes end (RST), and none is open or begun: who asked whether the port
    # is served has seen it, and its volley is over.
    Rule(
        name="gateway.given_up",
        cause=Cause.NORMAL,
        unit="segments/s",
        feature="reset_rate",
        limit=0,
        needs=(
            ("half_open", 0, 0),
            ("packets", 0, 16),
            ("syn_rate", 0, 0),
            ("sources", 1, 2),
            ("refused_rate", 0, 0),
            ("udp_rate", 0, 0),
            ("icmp_rate", 0, 0),
            ("rate", 0, 500),
            ("rate_1s", 0, 100),
        ),
    ),
    # One or two connect in volleys, not for the first time, are let in and hang up: it
    # is once more what it was. How often is what other rules count.
    Rule(
        name="gateway.volleys",
        cause=Cause.NORMAL,
        unit="1/1000",
        feature="reply_share",
        limit=400,
        needs=(
            ("pulses", 2000, ANY),
            ("sources", 1, 2),
            ("half_open", 0, 4),
            ("unspoken", 0, 16),
            ("reset_rate", 0, 0),
            ("refused_rate", 0, 0),
            ("udp_rate", 0, 0),
            ("icmp_rate", 0, 0),
            ("rate_1s", 0, 250),
        ),
    ),
    # Handshakes that were open are completed in a volley, none is left open, and Logons
    # come of it: a firm's floor has started in one moment, from far away.
    Rule(
        name="gateway.getting_through",
        cause=Cause.NORMAL,
        unit="Logons/s",
        feature="logon_rate",
        limit=20,
        needs=(
            ("half_open", 0, 4),
            ("syn_rate", 0, 250),
            ("reset_rate", 0, 0),
            ("udp_rate", 0, 0),
            ("icmp_rate", 0, 0),
            ("logons_10s", 0, 170),
            ("rate_1s", 0, 75),
        ),
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
