"""One FIX tag=value message, read the slow way from FIX 4.4 volumes 1, 2, 4 and 6."""

import datetime
import re
from dataclasses import dataclass, field

SOH = b"\x01"
BODY_MAX = 65536
VERSIONS = {b"FIX.4.%d" % n: 40 + n for n in range(5)} | {b"FIXT.1.1": 50}
(NO, GARBAGE, BODY_LENGTH, CHECKSUM, TOO_LONG, FIELD, TYPE, DUPLICATE, VALUE) = range(9)
MORE = -1
DATA = {n: n + 1 for n in (90, 95, 212, *range(348, 365, 2), 445, 618, 621)} | {93: 89}
HEADER = {8, 9, 10, 35, 34, 43, 49, 52, 56, 97}
ORDER = {11, 38, 31, 32, 39, 40, 41, 44, 54, 55, 150}
#: Tags by slot, from slot 1 on, as ext/fixtags.h has them.
SLOTS = (8, 9, 35, 49, 56, 34, 52, 43, 97, 11, 41, 55, 54, 38, 32, 44, 39, 150)
SLOTS += (37, 17, 40, 59, 31, 14, 151, 60)
KINDS = (
    ("D", "E", "AB"),
    ("F", "q"),
    ("G", "AC"),
    ("S", "i"),
    ("8",),
    ("9",),
    ("3", "j"),
    ("A",),
    ("5",),
    ("0",),
    ("1",),
    ("2",),
    ("4",),
    ("V", "W", "X", "Y"),
)
KIND = {name.encode(): n for n, names in enumerate(KINDS, 1) for name in names}
FIELDS = {
    "sequence": 0,
    "order_key": 0,
    "original_key": 0,
    "symbol_key": 0,
    "price": 0,
    "quantity": 0,
    "sending_ns": 0,
    "bytes": 0,
    "type": 0,
    "flags": 0,
    "layout": 0,
    "kind": 0,
    "malformed": 0,
    "side": 0,
    "exec_type": 0,
    "order_status": 0,
    "comp_key": 0,
}


@dataclass
class Reading:
    """A message's row, its CompIDs, and what was wrong on the way."""

    row: dict[str, int] = field(default_factory=lambda: dict(FIELDS))
    sender: bytes | None = None
    target: bytes | None = None
    wrong: set[int] = field(default_factory=set)


def head(data: bytes) -> tuple[int, int, int, int]:
    """Return reason (0, MORE or a malformed one), head size, body size, version."""
    if data[:5] != b"8=FIX"[: len(data)]:
        return GARBAGE, 0, 0, 0
    if len(data) < 6:
        return MORE, 0, 0, 0
    name, soh, rest = data[2:].partition(SOH)
    if len(name) > 16:
        return GARBAGE, 0, 0, 0
    if not soh:
        return MORE, 0, 0, 0
    if rest[:2] != b"9="[: len(rest)]:
        return BODY_LENGTH, 0, 0, 0
    digits = re.match(rb"[0-9]*", rest[2:])[0]
    behind = rest[2 + len(digits) :]
    if len(digits) > 7:
        return TOO_LONG, 0, 0, 0
    if not behind:
        return MORE, 0, 0, 0
    if behind[:1] != SOH or not digits:
        return BODY_LENGTH, 0, 0, 0
    size = len(data) - len(behind) + 1
    if int(digits) > BODY_MAX:
        return TOO_LONG, 0, 0, 0
    return NO, size, int(digits), VERSIONS.get(name, 0)


def is_framed(message: bytes) -> bool:
    """Return whether a whole message ends as one must."""
    return re.search(rb"\x0110=[0-9]{3}\x01\Z", message) is not None


def key(identifier: bytes) -> int:
    """Return an identifier's 64-bit key: ext/fixvalue.h says how."""
    mask = (1 << 64) - 1
    state = 0x9E3779B97F4A7C15 * (len(identifier) + 1) & mask
    for at in range(0, len(identifier), 8):
        word = int.from_bytes(identifier[at : at + 8], "little")
        state = (state ^ word) * 0xFF51AFD7ED558CCD & mask
        state ^= state >> 32
    return state or 1


def decimal(value: bytes) -> int | None:
    """Return value * 1e8, decimals cut and size saturated; None for no number."""
    match = re.fullmatch(rb"(-?)([0-9]*)(?:\.([0-9]*))?", value)
    if not match or not (match[2] or match[3]):
        return None
    digits = match[2] + (match[3] or b"")[:8].ljust(8, b"0")
    number = min(int(digits), (1 << 63) - 1)
    return -number if match[1] else number


def time_ns(value: bytes) -> int | None:
    """Return a UTCTimestamp as ns since the epoch; None for none."""
    match = re.fullmatch(
        rb"(\d{8})-(\d\d):(\d\d):(\d\d)(?:\.(\d{1,12}))?", value, re.ASCII
    )
    if not match:
        return None
    try:
        date = datetime.date.fromisoformat(match[1].decode())
    except ValueError:
        return None
    hour, minute, second = (int(match[n]) for n in (2, 3, 4))
    if not 1970 <= date.year <= 2299 or hour > 23 or minute > 59 or second > 60:
        return None
    days = (date - datetime.date(1970, 1, 1)).days
    fraction = int((match[5] or b"0").ljust(9, b"0")[:9])
    return (days * 86400 + hour * 3600 + minute * 60 + second) * 10**9 + fraction


def places(body: bytes) -> list[tuple[int, int, int]]:
    """Split a body: tag, start and end of each value; tag 0 for no tag=value."""
    found: list[tuple[int, int, int]] = []
    at = data_tag = size = 0
    while at < len(body):
        match = re.compile(rb"([1-9][0-9]{0,8})=").match(body, at)
        expected, data_tag = data_tag, 0
        start = match.end() if match else at
        tag = int(match[1]) if match else 0
        end = body.find(SOH, start)
        if match and tag == expected and body[start + size : start + size + 1] == SOH:
            end = start + size
        if start == end:
            tag = 0
        found.append((tag, start, end))
        value = body[start:end]
        at = end + 1
        if tag in DATA and re.fullmatch(rb"[0-9]{1,18}", value):
            data_tag, size = DATA[tag], int(value)
    return found


def layout(body: bytes, kind: int, message_type: int) -> int:
    """Return 1..128 by which tags an order has, in which order; 0 of anything else.

    A tag whose hash was there adds nothing, so that groups may repeat. MsgType, which
    is first, counts by its value.
    """
    mask, seen, state = (1 << 64) - 1, set(), 0
    tags = [tag for tag, _, _ in places(body)]
    for tag in tags[1:]:
        number = int.from_bytes(b"%d=" % tag, "little") * 0xFF51AFD7ED558CCD & mask
        if number >> 54 not in seen:
            seen.add(number >> 54)
            state = (state << 5 & mask | state >> 59) ^ number
    state = (state ^ state >> 32) & 0xFFFFFFFF | 1
    if any(tag in DATA or tag > 999_999 for tag in tags):
        state = 0
    if kind not in range(1, 5):
        return 0
    whole = (message_type << 32 ^ state) * 0xFF51AFD7ED558CCD & mask
    return 1 + ((whole ^ whole >> 32) * 0x9E3779B97F4A7C15 & mask) // (1 << 57)


def fields(body: bytes) -> list[tuple[int, bytes]]:
    """Split a body; tag 0 stands for a field that is not tag=value."""
    return [(tag, body[start:end]) for tag, start, end in places(body)]


def read(message: bytes, head_size: int) -> Reading:
    """Read a framed message."""
    reading = Reading()
    row = reading.row
    parts = fields(message[head_size:-7])
    if any(tag == 0 for tag, _ in parts):
        reading.wrong.add(FIELD)
    if parts and parts[0][0] == 35:
        row["type"] = int.from_bytes(parts[0][1][:4], "little")
        row["kind"] = KIND.get(parts[0][1][:4].rstrip(b"\0"), 0)
        parts = parts[1:]
    else:
        reading.wrong.add(TYPE)
    is_order = row["type"] in set(b"DFG8")
    ignored = {38, 44, 40} if row["type"] == ord("8") else {32, 31}
    seen = {8, 9, 10, 35}
    for tag, value in parts:
        if tag not in HEADER | ORDER or tag in ignored:
            continue
        if tag not in seen:
            seen.add(tag)
            take(reading, tag, value)
        elif tag in HEADER or (is_order and tag != 40):
            reading.wrong.add(DUPLICATE)
    row["bytes"] = len(message)
    if sum(message[:-7]) % 256 != int(message[-4:-1]):
        reading.wrong.add(CHECKSUM)
    order = (CHECKSUM, TYPE, FIELD, DUPLICATE, VALUE)
    row["malformed"] = next((one for one in order if one in reading.wrong), NO)
    if row["kind"] == KIND[b"A"]:
        named = re.search(rb"\x011604=([^\x01]+)\x01", message[head_size - 1 : -7])
        row["original_key"] = key(named[1]) if named else 0
    if not row["malformed"]:
        row["layout"] = layout(message[head_size:-7], row["kind"], row["type"])
    return reading


def spans(message: bytes, head_size: int) -> list[tuple[int, int]]:
    """Return offset and size of the first value of each slot of a framed message."""
    found: dict[int, tuple[int, int]] = {}
    for at, text in ((0, message[:head_size]), (head_size, message[head_size:-7])):
        for tag, start, end in places(text):
            found.setdefault(tag, (at + start, end - start))
    return [(0, 0), *(found.get(tag, (0, 0)) for tag in SLOTS)]


def take(reading: Reading, tag: int, value: bytes) -> None:
    """Take the first occurrence of a tag we read."""
    row = reading.row
    names = {11: "order_key", 41: "original_key", 55: "symbol_key"}
    chars = {54: "side", 39: "order_status", 150: "exec_type"}
    flags = {43: 1, 97: 2}
    amounts = {
        44: ("price", 4),
        31: ("price", 4),
        38: ("quantity", 8),
        32: ("quantity", 8),
    }
    is_good = True
    if tag == 49:
        reading.sender = value
    elif tag == 56:
        reading.target = value
    elif tag in names:
        row[names[tag]] = key(value)
    elif tag in chars:
        is_good = len(value) == 1
        row[chars[tag]] = value[0] if is_good else 0
    elif tag == 40:
        row["flags"] |= 0x20 if value == b"2" else 0
    elif tag in flags:
        is_good = value in (b"Y", b"N")
        row["flags"] |= flags[tag] if value == b"Y" else 0
    elif tag in amounts:
        name, flag = amounts[tag]
        number = decimal(value)
        is_good = number is not None
        row[name] = number or 0
        row["flags"] |= flag if is_good else 0
    elif tag == 52:
        moment = time_ns(value)
        is_good = moment is not None
        row["sending_ns"] = moment or 0
    elif tag == 34:
        is_good = re.fullmatch(rb"[0-9]{1,18}", value) is not None
        row["sequence"] = int(value) if is_good else 0
    if not is_good:
        reading.wrong.add(VALUE)
