"""The columns of every kind of Window: name, unit, limit, meaning and source.

In domain because two stages must know them: features makes them, score reads them.
The order is that of WINDOW_SESSION_COLUMNS and so on in ext/window_columns.h; a test
holds them equal. "Recent" is the present 100 ms slot and the one before;
"fast" is the last 100 ms; the baseline is the session's own mean rate over up to 30 s,
not updated while clearly elevated. Ratios carry a prior of 10 messages a second on
both sides, so that quiet sessions do not look wild (additive smoothing). The separators
of the causes are those of docs/safety: own rate against the market's, repetition,
fills against orders, answers against questions. docs/architecture.md says which flood
columns are exact and what the error of the others is; a meaning here is part of the
schema's digest, so models pin its words.
"""

from airnet.domain.column import COUNT, MILLI, PER_S, RATE, features
from airnet.domain.columns_feed import FEED_SCHEMA
from airnet.domain.columns_host import HOST_SCHEMA
from airnet.domain.columns_order import ORDER_SCHEMA
from airnet.domain.columns_sensor import SENSOR_SCHEMA
from airnet.domain.window import (
    WINDOW_FEED,
    WINDOW_GATEWAY,
    WINDOW_HOST,
    WINDOW_ORDER,
    WINDOW_SENSOR,
    WINDOW_SESSION,
    WINDOW_SOURCE,
    WINDOW_VENUE,
    FeatureSchema,
)

_SESSION = (
    ("window_us", "us", "length of this window"),
    ("orders", COUNT, "new, cancel, replace and quote messages, recent"),
    ("rate_fast", RATE, "order messages, fast"),
    ("rate_new_fast", RATE, "new orders, fast"),
    ("rate_cancel_fast", RATE, "cancels, fast"),
    ("rate_replace_fast", RATE, "replaces, fast"),
    ("rate_quote_fast", RATE, "quotes, fast"),
    ("rate_1s", RATE, "order messages, exponential mean of 1 s"),
    ("rate_10s", RATE, "order messages, exponential mean of 10 s"),
    ("rate_new_1s", RATE, "new orders, exponential mean of 1 s"),
    ("baseline", RATE, "the session's own baseline of order messages"),
    ("ratio_fast", MILLI, "rate_fast over baseline"),
    ("ratio_1s", MILLI, "rate_1s over baseline, prior 3 a second"),
    ("ratio_new", MILLI, "rate_new_fast over the baseline of new orders"),
    ("deviation_fast", MILLI, "excess of rate_fast over mean absolute deviation"),
    ("peak_ratio", MILLI, "rate_fast over the largest rate_1s while not elevated"),
    ("market_fast", MILLI, "the others' fast rate over their baselines"),
    ("market_1s", MILLI, "the others' 1 s rate over their baselines"),
    ("relative_fast", MILLI, "ratio_fast over market_fast, taken as 1 when lower"),
    ("relative_1s", MILLI, "ratio_1s over market_1s, likewise"),
    ("relative_new", MILLI, "ratio_new over market_fast, likewise"),
    ("elevated_share", MILLI, "share of the other sessions above twice their baseline"),
    ("active_sessions", COUNT, "sessions with 1 s of history and an order within 2 s"),
    ("market_share", MILLI, "this session's part of all order messages, fast"),
    ("history_ms", "ms", "time since the session's first order message"),
    ("messages", COUNT, "messages from the client so far"),
    ("streak_ms", "ms", "how long its windows have been elevated, 0 = not"),
    ("repeat_share", MILLI, "recent new orders like one of the eight before"),
    ("repeat_run", COUNT, "new orders in a row of same symbol, side, price, quantity"),
    ("identical_rate", RATE, "new orders like the one just before, fast"),
    ("same_side_share", MILLI, "recent new orders on the side of the one before"),
    ("new_price_share", MILLI, "recent new orders at none of the last four prices"),
    ("same_symbol_share", MILLI, "recent new orders in the symbol of the one before"),
    ("duplicates", COUNT, "new orders of a used ClOrdID without PossDup, recent"),
    ("cancels_per_new", MILLI, "cancels over new orders, recent"),
    ("replaces_per_new", MILLI, "replaces over new orders, recent"),
    ("fills_per_new", MILLI, "fills over new orders, 1 s"),
    ("reject_share", MILLI, "rejects among reports and rejects, recent"),
    ("outstanding", COUNT, "new orders without a report yet"),
    ("ack_mean_us", "us", "new orders to their first report, mean, recent"),
    ("ack_ratio", MILLI, "ack_mean_us over its slow mean, prior 50 us"),
    ("gap_rate", RATE, "jumps of MsgSeqNum(34) of either end, mean of 10 s"),
    ("poss_dup_share", MILLI, "client messages with PossDupFlag(43), recent"),
    ("resend_rate", RATE, "ResendRequest(2) of either end, mean of 10 s"),
    ("order_to_trade", MILLI, "by number, 10 s: RTS 9 (EU 2017/566, Article 3)"),
    ("volume_to_trade", MILLI, "the same by volume"),
    ("unfilled_run", COUNT, "new orders since its last fill"),
    ("fill_ratio", MILLI, "fills of 1 s over the session's baseline of fills"),
    ("drift_share", MILLI, "bought less sold, without sign, over both, 10 s"),
    ("quantity_ratio", MILLI, "largest recent quantity over the mean of 64 orders"),
    ("side_run", COUNT, "new orders in a row on the side of the one before"),
    ("replace_run", COUNT, "replaces of one order, each within 0.2 s, recent"),
    ("cancel_age_us", "us", "age of cancelled and replaced orders, mean, recent"),
    ("rejects", COUNT, "rejects, recent"),
    ("retries", RATE, "orders refused like one of the last four, mean of 10 s"),
    ("others_rejected", MILLI, "rejects among its gateway's answers to others, 1 s"),
    ("entropy", MILLI, "bits of kind and content, last 16 order messages"),
    ("loop_share", MILLI, "of the last 24, those like the one 1 to 8 before"),
    ("gap_deviation", MILLI, "mean absolute deviation of 16 gaps over their mean"),
    ("rate_16", RATE, "order messages, the last 16 gaps and 1 ms"),
    ("relative_first", MILLI, "rate_1s over its first 5 s, over the others' likewise"),
    ("symbol_market", MILLI, "others' 1 s rate in its last symbols over baseline"),
    ("relative_symbol", MILLI, "ratio_1s over the larger of both markets"),
    ("elevated_1s", COUNT, "others above twice their baseline within 1 s"),
)

#: Nothing was seen of them: no acknowledgement, no fill, no cancel, too few orders.
_SESSION_MISSING = frozenset(
    {
        "ack_mean_us",
        "ack_ratio",
        "order_to_trade",
        "volume_to_trade",
        "drift_share",
        "quantity_ratio",
        "cancel_age_us",
        "entropy",
        "gap_deviation",
        "rate_16",
    }
)

_FLOOD = (
    ("window_us", "us", "length of this window"),
    ("packets", COUNT, "flood-like packets: SYN, TCP without session, UDP, ICMP, odd"),
    ("rate", PER_S, "flood-like packets"),
    ("syn_rate", PER_S, "SYN without ACK (RFC 9293 section 3.5)"),
    ("syn_ack_rate", PER_S, "SYN-ACK sent back by the target"),
    ("completed_rate", PER_S, "handshakes completed by an ACK of the same source"),
    ("refused_rate", PER_S, "RST sent back by the target"),
    ("half_open_rate", PER_S, "SYN neither completed nor refused in this window"),
    ("half_open_share", MILLI, "those among all SYN"),
    ("stray_tcp_rate", PER_S, "TCP packets of no session, SYN apart"),
    ("reset_rate", PER_S, "RST among them"),
    ("udp_rate", PER_S, "UDP packets that are no reply"),
    ("icmp_rate", PER_S, "ICMP packets that are no reply"),
    ("fragment_rate", PER_S, "later fragments and other protocols"),
    ("stray_rate", PER_S, "flood-like packets, SYN apart"),
    ("reply_share", MILLI, "packets the target sent back over flood-like ones"),
    ("session_rate", PER_S, "packets in known sessions of the target"),
    ("session_share", MILLI, "those among all packets of the target"),
    ("bytes_rate", "kB/s", "payload of flood-like packets"),
    ("mean_bytes", "B", "their mean payload"),
    ("empty_share", MILLI, "those without payload"),
    ("sources", COUNT, "distinct sources, linear counting (Whang and others 1990)"),
    ("top_share", MILLI, "share of the busiest source; a source: its own share"),
    ("known_share", MILLI, "packets from sources that hold a session"),
    ("ports", COUNT, "distinct target ports, linear counting"),
    ("busiest_port_share", MILLI, "packets to the busiest port (a source: majority)"),
    ("reflector_share", MILLI, "UDP from ports of reflecting services (TA14-017A)"),
    ("rate_1s", PER_S, "flood-like packets, mean of 1 s; a source: since first seen"),
    ("baseline", PER_S, "their baseline; a source: its mean before this window"),
    ("over_baseline", MILLI, "rate over baseline, prior 10 a second"),
    ("history_ms", "ms", "time since the target or source was first seen"),
    (
        "known",
        COUNT,
        "sessions a source holds, 1: it traded; a gateway: sessions it has had",
    ),
    ("registered", COUNT, "1: the site file lists this address"),
    ("is_source", COUNT, "1: a source window, 0: a gateway window"),
    ("half_open", COUNT, "handshakes open so far, not only of this window"),
    ("streak_ms", "ms", "how long the heavy windows have lasted"),
    ("span_us", "us", "what its packets are divided by: since the tick of the first"),
    ("live_share", MILLI, "packets from sources that hold a session now"),
    ("fresh_share", MILLI, "packets from sources first seen in this window"),
    ("packets_per_source", MILLI, "packets over sources"),
    ("source_port_share", MILLI, "lead of the commonest source port (majority vote)"),
    ("same_bytes_share", MILLI, "packets as long as the one before"),
    ("rate_10s", PER_S, "flood-like packets, mean of 10 s; a source: since first seen"),
    ("pulses", MILLI, "heavy streaks begun, memory of 10 s; a source: of all time"),
    ("logon_rate", PER_S, "Logon(A) of its clients, this window"),
    ("logons_10s", RATE, "the same, mean of 10 s; a source: their number so far"),
    ("unspoken", COUNT, "open connections of which one end has not spoken FIX"),
)


# An acknowledgement is the first report of a new order; an answer any report or reject.
# The quickest of 16 acknowledgements in a row is the floor: a queue lengthens the mean,
# and a longer path or a slower gateway the floor too. Baselines are means over up to 64
# batches of 16, not updated for a minute after the floor has risen. TCP cannot be seen
# acknowledging without its numbers: what the gateway sends next after data is taken for
# it (RFC 9293 section 3.8.6.3: an acknowledgement is delayed by half a second at most).
_VENUE = (
    ("window_us", "us", "length of this window"),
    ("orders", COUNT, "new, cancel, replace and quote messages"),
    ("new_orders", COUNT, "new orders among them"),
    ("order_rate_1s", RATE, "order messages, exponential mean of 1 s"),
    ("order_baseline", RATE, "their mean over up to 30 s"),
    ("load_ratio", MILLI, "order_rate_1s over order_baseline, prior 3 a second"),
    ("acks", COUNT, "new orders acknowledged"),
    ("ack_last_us", "us", "last new order to its acknowledgement"),
    ("ack_mean_us", "us", "mean of those in this window"),
    ("ack_worst_us", "us", "longest of them"),
    ("ack_baseline_us", "us", "slow baseline of the mean"),
    ("ack_ratio", MILLI, "ack_mean_us over ack_baseline_us, prior 50 us"),
    ("ack_floor_us", "us", "quickest of the last whole batch"),
    ("ack_floor_baseline_us", "us", "slow baseline of the floor"),
    ("ack_rise_us", "us", "floor above its baseline, 0: not above"),
    ("ack_deviation", MILLI, "that over the floor's mean absolute deviation"),
    (
        "ack_risen_batches",
        COUNT,
        "batches in a row whose floor is four deviations and 25 us above its baseline",
    ),
    ("ack_risen_ms", "ms", "since the first acknowledgement of those"),
    ("answers", COUNT, "reports, cancel rejects and rejects"),
    ("rejects", COUNT, "rejects among them, of orders too"),
    ("reject_share", MILLI, "those among answers"),
    ("reject_rate_1s", RATE, "rejects, exponential mean of 1 s"),
    ("reject_share_1s", MILLI, "rejects among answers, exponential means of 1 s"),
    ("reject_baseline", MILLI, "mean reject_share of up to 300 windows"),
    ("sessions_answered", COUNT, "sessions with an answer"),
    ("sessions_rejected", COUNT, "sessions with a reject"),
    ("rejected_share", MILLI, "those among sessions_answered"),
    ("outstanding", COUNT, "new orders without a report yet, of all sessions"),
    ("unanswered", COUNT, "orders, cancels and replaces since its last answer"),
    ("silence_us", "us", "since the first of those, 0: none"),
    ("silence_ratio", MILLI, "silence_us over ack_baseline_us, prior 50 us"),
    ("sessions", COUNT, "sessions now, of which both ends have spoken"),
    ("sessions_active", COUNT, "sessions with a frame"),
    ("sessions_lost", COUNT, "sessions ended by FIN or RST"),
    ("logons", COUNT, "Logon(A) from clients"),
    ("logons_answered", COUNT, "Logon(A) that answer one"),
    ("logons_waiting", COUNT, "sessions whose Logon(A) has no answer yet"),
    ("logon_last_us", "us", "last Logon(A) to its answer"),
    ("logon_mean_us", "us", "mean of those in this window"),
    ("sessions_cut", COUNT, "sessions it ended without a Logout, at once, within 1 s"),
    ("logon_recent_us", "us", "exponential mean of the last 4 answered"),
    ("logon_wait_us", "us", "since the last answer to one, while one waits; 0: none"),
    ("syns", COUNT, "SYN without ACK to this port (RFC 9293 section 3.5)"),
    ("handshakes", COUNT, "SYN-ACK that answers one"),
    ("handshake_last_us", "us", "last SYN to its SYN-ACK"),
    ("cut_share", MILLI, "sessions_cut among those it held before"),
    ("cut_hosts", COUNT, "hosts of those, of 64"),
    (
        "sessions_unheard",
        COUNT,
        "sessions whose client's Heartbeats nobody answers, these 10 s and the last",
    ),
    ("tcp_ack_mean_us", "us", "data from a client to the next frame down, mean"),
    ("unheard_hosts", COUNT, "hosts of sessions_unheard, of 64"),
    ("resend_requests", COUNT, "ResendRequest(2), of either end"),
    ("sequence_gaps", COUNT, "jumps of MsgSeqNum(34), of either end"),
    ("retransmits_down", COUNT, "TCP segments from the gateway with nothing new"),
    ("history_ms", "ms", "time since the venue was first seen"),
    (
        "late_ack_rate_1s",
        RATE,
        "acknowledgements 5 ms later than 8 floors, mean of 1 s",
    ),
    ("late_ack_share_1s", MILLI, "those among all, exponential means of 1 s"),
    ("late_ack_baseline", MILLI, "their mean share of up to 300 windows, not of worse"),
    ("odd_rate_1s", RATE, "TCP segments out of order or sent again, mean of 1 s"),
    ("odd_share_1s", MILLI, "those among frames of sessions, exponential means of 1 s"),
    ("odd_baseline", MILLI, "their mean share of up to 300 windows, not of worse"),
    ("odd_sessions", COUNT, "sessions with any in this second or the last, of 64"),
    ("mirror_doubt_rate_1s", RATE, "bytes of TCP the mirror lost or has not shown"),
    ("logon_ratio", MILLI, "logon_recent_us over what is usual, prior 1 ms"),
    ("logon_wait_ratio", MILLI, "logon_wait_us over what is usual, prior 1 ms"),
)

#: Nothing was seen of them where there was no answer to see.
_VENUE_MISSING = frozenset(
    {
        "ack_last_us",
        "ack_mean_us",
        "ack_worst_us",
        "logon_last_us",
        "logon_mean_us",
        "handshake_last_us",
        "tcp_ack_mean_us",
    }
) | {
    "ack_baseline_us",
    "ack_ratio",
    "ack_floor_us",
    "ack_floor_baseline_us",
    "ack_rise_us",
    "ack_deviation",
    "reject_share",
    "reject_share_1s",
    "reject_baseline",
    "rejected_share",
    "silence_us",
    "silence_ratio",
    "logon_recent_us",
    "logon_wait_us",
    "logon_ratio",
    "logon_wait_ratio",
}


SESSION_SCHEMA = FeatureSchema(
    name="session", version=3, features=features(_SESSION, _SESSION_MISSING)
)
FLOOD_SCHEMA = FeatureSchema(name="flood", version=2, features=features(_FLOOD))
VENUE_SCHEMA = FeatureSchema(
    name="venue", version=2, features=features(_VENUE, _VENUE_MISSING)
)

#: By window kind; gateways and sources share one schema. Kinds that rules alone speak
#: of have theirs in modules of their own (columns_host and so on).
SCHEMAS = {
    WINDOW_SESSION: SESSION_SCHEMA,
    WINDOW_GATEWAY: FLOOD_SCHEMA,
    WINDOW_SOURCE: FLOOD_SCHEMA,
    WINDOW_VENUE: VENUE_SCHEMA,
    WINDOW_FEED: FEED_SCHEMA,
    WINDOW_SENSOR: SENSOR_SCHEMA,
    WINDOW_HOST: HOST_SCHEMA,
    WINDOW_ORDER: ORDER_SCHEMA,
}
