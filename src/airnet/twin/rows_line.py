"""Rows of hosts, lines and background: numpy's side of ext/line_rows.h.

Times are ns since the epoch; a host, a line or a dialect is the index of its row.
"""

import enum

import numpy as np

NONE = 0xFFFFFFFF
NEVER_NS = (1 << 63) - 1


class HostFlag(enum.IntFlag):
    """Habits of a host's kernel, HOST_* of the header."""

    STAMPS = 1
    PADDED = 2
    SACK = 4
    COOKIES = 8


class Identify(enum.IntEnum):
    """How a host fills the IPv4 identification field."""

    COUNTS = 0
    ZERO = 1
    SCATTERS = 2


class Price(enum.IntEnum):
    """How a dialect writes prices."""

    FIXED2 = 0
    FIXED4 = 1
    SHORT = 2


class OrderId(enum.IntEnum):
    """How a dialect writes ClOrdIDs."""

    PLAIN = 0
    DATED = 1
    BASE36 = 2
    HEX = 3
    FIRM = 4


class TagOrder(enum.IntEnum):
    """How a dialect orders a body's tags."""

    BY_PAGE = 0
    BY_NUMBER = 1
    SHUFFLED = 2


class Ending(enum.IntEnum):
    """What becomes of a line's connection when its time is over."""

    STAYS = 0
    LOGS_OUT = 1
    RESETS = 2
    FALLS_SILENT = 3


class LineFlag(enum.IntFlag):
    """Habits of a session, LINE_* of the header."""

    RESET_NUMBERS = 1
    BATCHES = 2
    NEVER_RETURNS = 4
    DROP_COPY = 8
    NO_RESEND = 16


class Trouble(enum.IntEnum):
    """What goes wrong with a line, TROUBLE_* of the header."""

    RESEND_LOOP = 1
    PING_PONG = 2
    DELAY = 3
    CUT = 4
    SILENCE = 5
    LOSS = 6
    LATE_LOGON = 7
    LOW_NUMBER = 8
    LOGOUT = 9
    MOVE = 10


class Murmur(enum.IntEnum):
    """Background traffic between two hosts, MURMUR_* of the header."""

    NTP = 1
    PTP = 2
    ICMP = 3
    SNMP = 4
    DNS = 5
    SSH = 6


HOST = np.dtype(
    [
        ("address", "u1", (16,)),
        ("mac", "u1", (6,)),
        ("vlan", "<u2"),
        ("reach_ns", "<u4"),
        ("window_bytes", "<u4"),
        ("stamp_start", "<u4"),
        ("mss_bytes", "<u2"),
        ("identification", "<u2"),
        ("port_first", "<u2"),
        ("port_count", "<u2"),
        ("ttl", "u1"),
        ("window_shift", "u1"),
        ("flags", "u1"),
        ("identify", "u1"),
        ("is_gateway", "u1"),
        ("pad", "u1", (3,)),
        ("packet_ns", "<u4"),
        ("queue_packets", "<u4"),
        ("syn_backlog", "<u4"),
        ("syn_wait_ms", "<u4"),
        ("logon_ns", "<u4"),
    ]
)

DIALECT = np.dtype(
    [
        ("shuffle", "<u8"),
        ("optional", "<u4"),
        ("account", "<u4"),
        ("custom", "<u2"),
        ("version", "u1"),
        ("order", "u1"),
        ("header", "u1", (6,)),
        ("time_digits", "u1"),
        ("price", "u1"),
        ("id", "u1"),
        ("pad", "u1", (11,)),
    ]
)

LINE = np.dtype(
    [
        ("open_ns", "<i8"),
        ("close_ns", "<i8"),
        ("split", "<f8"),
        ("loss", "<f8"),
        ("up_sigma", "<f8"),
        ("down_sigma", "<f8"),
        ("client", "<u4"),
        ("gateway", "<u4"),
        ("dialect", "<u4"),
        ("up_ns", "<u4"),
        ("down_ns", "<u4"),
        ("coalesce_ns", "<u4"),
        ("heartbeat_ms", "<u4"),
        ("logon_ns", "<u4"),
        ("retry_first_ms", "<u4"),
        ("retry_last_ms", "<u4"),
        ("number_up", "<u4"),
        ("number_down", "<u4"),
        ("client_port", "<u2"),
        ("gateway_port", "<u2"),
        ("ending", "u1"),
        ("flags", "u1"),
        ("pad", "u1", (2,)),
        ("client_comp", "u1", (16,)),
        ("gateway_comp", "u1", (16,)),
    ]
)

TROUBLE = np.dtype(
    [
        ("onset_ns", "<i8"),
        ("offset_ns", "<i8"),
        ("amount", "<f8"),
        ("kind", "<u4"),
        ("line", "<u4"),
        ("lines", "<u4"),
        ("incident", "<u4"),
    ]
)

FEED = np.dtype(
    [
        ("gap_ns", "<i8"),
        ("stale_ns", "<i8"),
        ("stale_until_ns", "<i8"),
        ("number", "<u8"),
        ("host", "<u4"),
        ("b_delay_ns", "<u4"),
        ("gather_ns", "<u4"),
        ("heartbeat_ms", "<u4"),
        ("gap_packets", "<u4"),
        ("symbol", "<u2"),
        ("symbols", "<u2"),
        ("port_a", "<u2"),
        ("port_b", "<u2"),
        ("group_a", "u1", (16,)),
        ("group_b", "u1", (16,)),
        ("session", "u1", (10,)),
        ("messages_max", "u1"),
        ("pad", "u1"),
    ]
)

MURMUR = np.dtype(
    [
        ("rate", "<f8"),
        ("jitter", "<f8"),
        ("kind", "<u4"),
        ("a", "<u4"),
        ("b", "<u4"),
        ("pad", "<u4"),
    ]
)
