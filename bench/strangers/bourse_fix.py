"""FIX 4.4 as the firms and gateways of a bourse write it."""

import functools
import time
from typing import NamedTuple

SECOND = 1_000_000_000
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SOH = "\x01"


def in_36(number: int, width: int) -> str:
    """Return a number in the digits 0 to Z, at least `width` of them."""
    out = ""
    while number or len(out) < width:
        out = DIGITS[number % 36] + out
        number //= 36
    return out


@functools.lru_cache(200)
def _second(seconds: int) -> str:
    return time.strftime("%Y%m%d-%H:%M:%S", time.gmtime(seconds))


def stamp(day_ns: int, *, is_us: bool) -> str:
    """Return a time (ns since 1970) as UTCTimestamp, in ms or in us."""
    seconds, rest = divmod(day_ns, SECOND)
    fraction = f"{rest // 1000:06d}" if is_us else f"{rest // 1_000_000:03d}"
    return f"{_second(seconds)}.{fraction}"


class Header(NamedTuple):
    """What the header of a message says, and in which layout (0 to 3)."""

    kind: str
    seq: int
    sender: str
    target: str
    sent: str
    layout: int
    extra: str = ""


def message(head: Header, body: str) -> bytes:
    """Return a whole message, with its length and checksum."""
    kind, sender, target = f"35={head.kind}", f"49={head.sender}", f"56={head.target}"
    seq, sent = f"34={head.seq}", f"52={head.sent}"
    if head.layout == 0:
        fields = [kind, sender, target, seq, sent]
    elif head.layout == 1:
        fields = [kind, seq, sender, sent, target]
    elif head.layout == 2:
        fields = [kind, f"34={head.seq:06d}", sent, sender, target]
    else:
        fields = [kind, sender, seq, head.extra + sent, target]
    whole = SOH.join(fields) + SOH + (head.extra if head.layout != 3 else "") + body
    out = f"8=FIX.4.4\x019={len(whole)}\x01{whole}".encode("latin1")
    return out + b"10=%03d\x01" % (sum(out) & 255)
