"""The columns of a feed window: one channel of market data, by group, port and sender.

Sequence numbers are MoldUDP64's (Nasdaq, MoldUDP64 1.00), or found: four bytes that
rise by one, or by what the header counts, in 29 of 32 packets. Where what rises by one
jumps by what a byte beside it counts, that is a count, too, whether the number is the
first message's or the last's. "Lately" is the last second, as an exponential mean. A
channel tells something when it carries messages; heartbeats are packets only. Channels
that carry the same numbers are a pair.
"""

from airnet.domain.column import COUNT, MILLI, RATE, features
from airnet.domain.window import FeatureSchema

_FEED = (
    ("window_us", "us", "length of this window"),
    ("packets", COUNT, "datagrams"),
    ("messages", COUNT, "messages in them, as their headers count"),
    ("packet_rate_1s", RATE, "datagrams, lately"),
    ("packet_baseline", RATE, "their mean over up to 30 s"),
    ("message_rate_1s", RATE, "messages, lately"),
    ("message_baseline", RATE, "their mean over up to 30 s"),
    ("message_ratio", MILLI, "message_rate_1s over the baseline, prior 3 a second"),
    ("bytes_rate", "kB/s", "payload"),
    ("mirror_doubt_rate_1s", RATE, "bytes of TCP the mirror lost or has not shown"),
    ("mirror_clean_ms", "ms", "since the last of those"),
    ("has_numbers", COUNT, "1: its packets have sequence numbers"),
    ("gaps", COUNT, "jumps of the number"),
    ("lost", COUNT, "messages jumped over"),
    ("missing", COUNT, "messages of the open gap that never came, by its pair neither"),
    ("missing_ms", "ms", "how long that gap has been open, 10 s at most"),
    ("duplicates", COUNT, "packets with messages that had come"),
    ("late", COUNT, "messages that filled a gap"),
    ("resets", COUNT, "times the number began anew"),
    ("covered", COUNT, "messages missing here that its pair had"),
    ("silence_us", "us", "since its last packet"),
    ("longest_us", "us", "longest silence so far, halved in 35 s"),
    ("silence_ratio", MILLI, "silence_us over longest_us, prior 1 ms"),
    ("told_silence_us", "us", "since its last message"),
    ("told_longest_us", "us", "longest such silence so far, halved in 35 s"),
    ("told_silence_ratio", MILLI, "the one over the other, prior 1 ms"),
    (
        "reports_since",
        COUNT,
        "execution reports of all sessions since its last message",
    ),
    ("expected_since", COUNT, "messages that usually come with so many reports"),
    ("arrival_worst_us", "us", "longest time before a packet"),
    ("paired", COUNT, "1: another channel carries the same numbers"),
    ("lag_last_us", "us", "how far behind its pair the last packet was"),
    ("lag_mean_us", "us", "mean of those in this window"),
    ("lag_worst_us", "us", "longest of them"),
    ("history_ms", "ms", "time since its first packet"),
)

_FEED_MISSING = frozenset(
    {
        "gaps",
        "lost",
        "missing",
        "missing_ms",
        "duplicates",
        "late",
        "resets",
        "covered",
        "told_silence_us",
        "told_longest_us",
        "told_silence_ratio",
        "reports_since",
        "expected_since",
        "lag_last_us",
        "lag_mean_us",
        "lag_worst_us",
    }
)

FEED_SCHEMA = FeatureSchema(
    name="feed", version=1, features=features(_FEED, _FEED_MISSING)
)
