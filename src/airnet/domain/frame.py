"""Frame: one mirrored packet as captured, and Header, what its headers say.

Made by capture (Frame) and decode (Header). Rows, not objects: see `bpf/airnet.h`,
whose structs these dtypes repeat field by field (tests/tidy holds them equal).
"""

import numpy as np

CLOCK_FILE, CLOCK_KERNEL, CLOCK_USER, CLOCK_NIC = range(4)
LINK_ETHERNET, LINK_RAW, LINK_SLL, LINK_SLL2 = 1, 101, 113, 276
FRAMES_MAX = 4096
NONE = 0xFFFFFFFF

FRAME = np.dtype(
    [
        ("time_ns", "<u8"),
        ("offset", "<u8"),
        ("captured_bytes", "<u4"),
        ("wire_bytes", "<u4"),
        ("queue", "<u2"),
        ("link", "<u2"),
        ("clock", "u1"),
        ("pad", "u1", (3,)),
    ]
)

HEADER = np.dtype(
    [
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
    ]
)

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
