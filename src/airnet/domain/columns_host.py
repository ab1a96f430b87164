"""The columns of host windows: what a machine does to others, and others in its name.

A host is told of when it calls somebody outside sessions, logs on, or when something
odd happens in a session of its. Counts without another word are of the present ten
seconds of capture time and the ten before. What is seen within the first two seconds
was there before we looked, and is nobody's news. An edge is one caller, one callee, one
service (port and protocol); its services are strange when nobody was ever served there.
An unknown peer is called by one host alone, holds no session and is not listed.
Distinct things are counted linearly in 64 bits (Whang and others 1990): exact for few.
A spell is over when nothing was odd for 0.1 s and the other end has spoken.
Sources: RFC 9293 (TCP), RFC 792 and RFC 4443 (unreachable), RFC 1035 (DNS), RFC 791
(TTL); FIX 4.4 volume 2 (a CompID logs on once). Addresses can be forged: `met` says
that a gateway answered this host's Logon by FIX, so that its address cannot be.
"""

from airnet.domain.column import COUNT, MILLI, features
from airnet.domain.window import FeatureSchema

_HOST = (
    ("window_us", "us", "length of this window"),
    (
        "contacts",
        COUNT,
        "calls in this window: connections, and what comes after a pause",
    ),
    ("edges_new", COUNT, "new edges"),
    ("targets_new", COUNT, "distinct callees of those"),
    ("ports_new", COUNT, "distinct ports of those"),
    ("odd_targets", COUNT, "new TCP edges inside, to a port that nobody else calls"),
    ("strange_failures", COUNT, "new edges to strange services that failed"),
    ("refused", COUNT, "edges answered by RST first"),
    ("silent", COUNT, "edges whose SYN had no answer in 1 s, while others' had"),
    ("unreachable", COUNT, "edges answered by ICMP unreachable"),
    # Above those, 32 for each Logon let in of a host that nobody knew under a name that
    # nobody had, 7 at most; and 256 for each order of one connection in which nobody
    # has logged on, 255 at most (ADR 0098). Kept days show nothing of it.
    ("half_open", COUNT, "calls that wait for an answer, at most 16"),
    ("queries", COUNT, "questions of DNS"),
    ("name_bytes", "B", "mean length of their names, last two labels apart"),
    (
        "long_names",
        COUNT,
        "distinct names of 24 bytes and 12 letters or more under its busiest domain",
    ),
    ("no_name_share", MILLI, "answers of DNS that there is no such name"),
    ("beat_contacts", COUNT, "calls of the unknown peer called most, ever"),
    ("beat_period_ms", "ms", "mean time between them"),
    ("beat_deviation", MILLI, "its coefficient of variation"),
    ("beat_outside", COUNT, "1: that peer lives in no network where anybody trades"),
    ("carry_bytes", "B", "payload to the unknown peer that was sent most, ever"),
    ("carry_share", MILLI, "that among its payload both ways"),
    ("carry_outside", COUNT, "1: as beat_outside, of that peer"),
    ("logons", COUNT, "Logon(A)"),
    (
        "logons_refused",
        COUNT,
        "Logon(A) answered otherwise, or by hanging up, its own CompIDs apart",
    ),
    ("refused_hosts", COUNT, "hosts refused like this in the present ten seconds"),
    ("logon_gap_ms", "ms", "time between its Logons, exponential mean of 4"),
    ("comps", COUNT, "distinct CompIDs in its Logons"),
    ("venue_sessions", COUNT, "sessions at the gateway that refused last"),
    ("claims", COUNT, "Logons under a CompID that another host's session has"),
    ("contested", COUNT, "messages of that session after them, three each"),
    (
        "displaced",
        COUNT,
        "Logons let in under a CompID that a host elsewhere had, which is gone",
    ),
    ("foreign", COUNT, "spells of another path in its sessions, the usual one in use"),
    ("foreign_new", COUNT, "segments in them with something new"),
    ("foreign_old", COUNT, "segments in them sent again that were acknowledged"),
    ("conflicts", COUNT, "segments in its sessions that say otherwise of bytes sent"),
    ("replays", COUNT, "segments acknowledged, and 1024 bytes back, sent again"),
    ("lawful", COUNT, "1: it holds, or held, a session whose CompID nobody contests"),
    ("registered", COUNT, "1: the site file lists this address"),
    ("member", COUNT, "1: either of these, or it lives where somebody trades"),
    # 2: and let it in under a CompID that another host's session has (ADR 0087). Days
    # that were kept know their columns by these words, so they stay as they are.
    ("met", COUNT, "1: a gateway answered its Logon by a message"),
    ("quiet_ms", "ms", "time since the last thing that a rule may rest on"),
    ("history_ms", "ms", "time since the host was first told of"),
    (
        "moved",
        COUNT,
        "Logons let in under a CompID that a host next door had, which is gone",
    ),
    ("moves", COUNT, "Logons like this of any host, in this hour and the last"),
    (
        "ousted",
        COUNT,
        "sessions ended by both ends within 1 s of its Logon under their CompID",
    ),
    (
        "shells",
        COUNT,
        "new talks with a remote shell, desktop or file service of another that trades",
    ),
    ("beat_global", COUNT, "1: the peer called most has an Internet address, by TCP"),
    (
        "loss_spells",
        COUNT,
        "spells of segments late or sent again, most of its sessions, 5 s to 10 s",
    ),
    ("loss_ratio", MILLI, "those against what the last such session lost before"),
    ("loss_past_ms", "ms", "how long that was"),
    ("lossy_hosts", COUNT, "hosts like this in the present ten seconds"),
    (
        "unread_run",
        COUNT,
        "most segments of one connection to a gateway before any message was read",
    ),
    ("unread_held", COUNT, "open connections of which that is so"),
    ("unread_ms", "ms", "time since there have been any of those"),
    (
        "venues_outside",
        COUNT,
        "Logons let in at an address of no network of ours that nobody else trades at",
    ),
    ("venues_inside", COUNT, "the same at one of a network of ours"),
    (
        "own_calls",
        COUNT,
        "odd targets and strange failures called by the path of its own sessions",
    ),
    (
        "peer_is",
        COUNT,
        "1: its last peer is called most, +2: told most, +4: lets it in, +16: Internet",
    ),
    *(
        (f"peer_{n}", COUNT, f"its address: bytes {3 * n} to {3 * n + 2}")
        for n in range(5)
    ),
    ("peer_5", COUNT, "its address: the last byte"),
)

#: Nothing was seen of them where nothing was asked, or nobody called.
_MISSING = frozenset(
    {
        "name_bytes",
        "no_name_share",
        "beat_period_ms",
        "beat_deviation",
        "carry_share",
        "quiet_ms",
        "logon_gap_ms",
    }
)

HOST_SCHEMA = FeatureSchema(name="host", version=1, features=features(_HOST, _MISSING))
