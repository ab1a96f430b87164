"""Message: one decoded application message as a fixed-width row.

Made by decode, read by features. Malformed, with its reason, is a kind of Message.
Prices and quantities are integers, value times `SCALE`; keys are 64-bit hashes.
"""

from airnet.arrays import late_dtypes

TYPE_CHECKING = False  # as in airnet.front
if TYPE_CHECKING:
    from typing import Any

    import numpy as np

    MESSAGE: np.dtype[np.void]

MESSAGES_MAX = 16384
#: Layouts of orders that are told apart: 1..LAYOUTS, 0 of anything else.
LAYOUTS = 128
FIX_BYTES_MAX = 65536
SCALE = 100_000_000
UP, DOWN = 0, 1
DIRECTIONS = ("up", "down")

_FIELDS: "dict[str, list[Any]]" = {
    "MESSAGE": [
        ("time_ns", "<u8"),
        ("frame_count", "<u8"),
        ("sequence", "<u8"),
        ("order_key", "<u8"),
        ("original_key", "<u8"),
        ("symbol_key", "<u8"),
        ("price", "<i8"),
        ("quantity", "<i8"),
        ("sending_ns", "<u8"),
        ("session", "<u4"),
        ("bytes", "<u4"),
        ("type", "<u4"),
        ("flags", "u1"),
        ("layout", "u1"),
        ("kind", "u1"),
        ("direction", "u1"),
        ("malformed", "u1"),
        ("side", "u1"),
        ("exec_type", "u1"),
        ("order_status", "u1"),
        ("comp_key", "<u4"),
    ],
}

#: Names of `Message.kind`, AIRNET_KIND_* in order.
KINDS = (
    "other",
    "new",
    "cancel",
    "replace",
    "quote",
    "report",
    "cancel_reject",
    "reject",
    "logon",
    "logout",
    "heartbeat",
    "test_request",
    "resend_request",
    "sequence_reset",
    "market_data",
)
KIND = {name: number for number, name in enumerate(KINDS)}

#: Names of `Message.malformed`, AIRNET_MALFORMED_* in order; 0 is well formed.
MALFORMED_REASONS = (
    "no",
    "garbage",
    "body_length",
    "checksum",
    "too_long",
    "field",
    "type",
    "duplicate",
    "value",
)

FLAG_POSS_DUP = 0x01
FLAG_POSS_RESEND = 0x02
FLAG_HAS_PRICE = 0x04
FLAG_HAS_QUANTITY = 0x08
FLAG_SPLIT = 0x10
FLAG_LIMIT = 0x20

__getattr__ = late_dtypes(globals(), _FIELDS)
