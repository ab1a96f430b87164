"""Frame: one mirrored packet as captured, and Header, what its headers say.

Made by capture (Frame) and decode (Header). Rows, not objects: see `bpf/airnet.h`,
whose structs these dtypes repeat field by field (tests/tidy holds them equal).
"""

from airnet.arrays import late_dtypes

TYPE_CHECKING = False  # as in airnet.front
if TYPE_CHECKING:
    from typing import Any

    import numpy as np

    FRAME: np.dtype[np.void]
    HEADER: np.dtype[np.void]

CLOCK_FILE, CLOCK_KERNEL, CLOCK_USER, CLOCK_NIC, CLOCK_TRAILER = range(5)
#: Names of the clocks, AIRNET_CLOCK_* in order.
CLOCKS = ("file", "kernel", "user", "nic", "trailer")
#: What a capture port's device writes into frames, AIRNET_TRAILER_* in order.
TRAILERS = ("none", "metamako", "exablaze", "erspan")
LINK_ETHERNET, LINK_RAW, LINK_SLL, LINK_SLL2 = 1, 101, 113, 276
FRAMES_MAX = 4096
NONE = 0xFFFFFFFF

_FIELDS: "dict[str, list[Any]]" = {
    "FRAME": [
        ("time_ns", "<u8"),
        ("offset", "<u8"),
        ("captured_bytes", "<u4"),
        ("wire_bytes", "<u4"),
        ("queue", "<u2"),
        ("link", "<u2"),
        ("clock", "u1"),
        ("pad", "u1", (3,)),
    ],
    "HEADER": [
        ("time_ns", "<u8"),
        ("frame_count", "<u8"),
        ("source", "u1", (16,)),
        ("target", "u1", (16,)),
        ("source_port", "<u2"),
        ("target_port", "<u2"),
        ("payload_bytes", "<u4"),
        ("session", "<u4"),
        ("message_index", "<u4"),
        ("message_count", "<u2"),
        ("stream_flags", "<u2"),
        ("protocol", "u1"),
        ("tcp_flags", "u1"),
        ("direction", "u1"),
        ("reason", "u1"),
        ("feed_sequence", "<u8"),
        ("lost_bytes", "<u4"),
        ("feed_messages", "<u2"),
        ("feed", "u1"),
        ("ttl", "u1"),
        ("sequence", "<u4"),
        ("link_source", "<u4"),
        ("name_key", "<u4"),
        ("domain_key", "<u4"),
        ("tcp_words", "u1"),
        ("name_bytes", "u1"),
        ("name_letters", "u1"),
        ("code", "u1"),
        ("pad", "u1", (4,)),
    ],
}

#: Names of `Header.reason`, AIRNET_FRAME_* in order; 0 is not a reason.
FRAME_REASONS = (
    "ok",
    "short",
    "not_ip",
    "bad_ip",
    "fragment",
    "bad_tcp",
    "bad_udp",
    "link",
    "depth",
)

STREAM_RETRANSMIT = 0x0001
STREAM_OUT_OF_ORDER = 0x0002
STREAM_GAP = 0x0004
STREAM_CONFLICT = 0x0008
STREAM_MIDSTREAM = 0x0010
STREAM_OPENED = 0x0020
STREAM_CLOSED = 0x0040
STREAM_DATAGRAM = 0x0080
STREAM_TWICE = 0x0100
STREAM_UNSEEN = 0x0200
STREAM_LOST = 0x0400
STREAM_TAKEN = 0x0800
STREAM_AGREED = 0x1000

#: What `Header.feed` says a multicast datagram begins with.
FEED_RAW, FEED_MOLD = 1, 2

__getattr__ = late_dtypes(globals(), _FIELDS)
