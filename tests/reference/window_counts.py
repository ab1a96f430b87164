"""What a session's slot counts, for the slow twin."""

ORDERS = ("new", "cancel", "replace", "quote")
COUNTED = (
    *ORDERS,
    "report",
    "fill",
    "reject",
    "resend",
    "poss_dup",
    "gap",
    "duplicate",
    "repeat",
    "identical",
    "same_side",
    "same_symbol",
    "new_price",
    "up",
    "acks",
    "ack_us",
    "sent",
    "volume",
    "bought",
    "sold",
    "retry",
    "answer",
    "refused",
    "aged",
    "age_us",
)


def slot_counts() -> dict[str, int]:
    return dict.fromkeys(COUNTED, 0)


def orders_of(counts: dict[str, int]) -> int:
    return sum(counts[kind] for kind in ORDERS)
