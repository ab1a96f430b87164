"""FIX as each counterparty writes it: version, tag order, optional tags, formats.

Source: FIX 4.2 and 4.4 specifications, FIXT 1.1; required fields of every message are
present in every dialect, the rest varies from session to session.
"""

import itertools
from collections.abc import Callable, Iterator
from zlib import adler32

import msgspec
import numpy as np

VERSIONS = {"FIX.4.2": b"FIX.4.2", "FIX.4.4": b"FIX.4.4", "FIXT.1.1": b"FIXT.1.1"}
VERSION_SHARES = (("FIX.4.4", 0.7), ("FIX.4.2", 0.2), ("FIXT.1.1", 0.1))
HEARTBEATS_S = (5, 10, 10, 30, 30)

#: Body fields of each MsgType: tags in specification order; those in brackets are
#: optional and present by dialect.
BODIES = {
    "A": "98 108 [141] [789]",
    "5": "[58]",
    "0": "112",
    "1": "112!",
    "3": "45! 371 372 373 58",
    "j": "45! 372! 380! 58",
    "D": "11! [1] [18] 21! [110] [111] 55! [48] [22] 54! 60! 38! 40! 44! [15] 59! [47]",
    "F": "41! 11! [1] 55! 54! 60! 38!",
    "G": "41! 11! [1] 21! 55! 54! 60! 38! 40! 44! [15] 59!",
    "q": "11! 530! [55] 60!",
    "r": "11! 37! 530! 531!",
    "8": "37! 11! 41 17! 150! 39! [1] 55! 54! 38! [40] 44! [59] 32! 31! 151! 14! 6! "
    "60! 103 58",
    "9": "37! 11! 41! 39! 434! 102! 58",
}

CONSTANTS = {
    "98": b"0",
    "1": b"ACC%d",
    "18": b"G",
    "21": b"1",
    "110": b"0",
    "111": b"0",
    "22": b"4",
    "15": b"EUR",
    "47": b"P",
}


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """One counterparty's way of writing FIX."""

    version: str
    header: tuple[str, ...]
    optional: frozenset[str]
    shuffles: tuple[int, ...]
    time_digits: int
    price_style: str
    id_style: str
    heartbeat_s: int
    account: int
    takes_seconds: bool


def draw(rng: np.random.Generator, version: str = "") -> Dialect:
    """Return a dialect drawn with `rng`; of a given version, when one is named."""
    names = [name for name, _ in VERSION_SHARES]
    shares = [share for _, share in VERSION_SHARES]
    version = version or str(rng.choice(names, p=shares))
    header = ["34", "49", "52", "56"]
    if rng.random() < 0.5:
        rng.shuffle(header)
    elif rng.random() < 0.5:
        header = ["49", "56", "34", "52"]
    if rng.random() < 0.2:
        header += ["50", "57"]
    optional = {"141", "1", "15", "40", "59", "58", "55"}
    optional -= {tag for tag in sorted(optional) if rng.random() < 0.4}
    optional |= {
        tag
        for tag in ("18", "110", "111", "48", "22", "47", "789")
        if rng.random() < 0.2
    }
    return Dialect(
        version=version,
        header=tuple(header),
        optional=frozenset(optional),
        shuffles=tuple(int(x) for x in rng.integers(0, 1 << 31, 4)),
        time_digits=int(rng.choice([3, 3, 3, 0, 6])),
        price_style=str(rng.choice(["fixed2", "fixed4", "short"])),
        id_style=str(rng.choice(["plain", "dated", "base36", "hex", "firm"])),
        heartbeat_s=int(rng.choice(HEARTBEATS_S)),
        account=int(rng.integers(1, 900)),
        takes_seconds=bool(rng.random() < 0.1),
    )


def lab() -> Dialect:
    """Return the dialect QuickFIX writes with default settings: sorted body tags."""
    return Dialect(
        version="FIX.4.4",
        header=("34", "49", "52", "56"),
        optional=frozenset({"141"}),
        shuffles=(0, 0, 0, 0),
        time_digits=3,
        price_style="short",
        id_style="plain",
        heartbeat_s=5,
        account=1,
        takes_seconds=False,
    )


def _price_fixed2(cents: int) -> bytes:
    return b"%d.%02d" % divmod(cents, 100)


def _price_fixed4(cents: int) -> bytes:
    return b"%d.%02d00" % divmod(cents, 100)


def _price_short(cents: int) -> bytes:
    whole, part = divmod(cents, 100)
    if part == 0:
        return b"%d" % whole
    if part % 10 == 0:
        return b"%d.%d" % (whole, part // 10)
    return b"%d.%02d" % (whole, part)


PRICES: dict[str, Callable[[int], bytes]] = {
    "fixed2": _price_fixed2,
    "fixed4": _price_fixed4,
    "short": _price_short,
}

_BASE36 = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def base36(number: int) -> bytes:
    """Return a number in base 36."""
    digits = bytearray()
    while number:
        number, digit = divmod(number, 36)
        digits.append(_BASE36[digit])
    return bytes(reversed(digits)) or b"0"


def order_ids(style: str, comp: bytes, first: int) -> Iterator[bytes]:
    """Return an endless row of ClOrdIDs in one of the styles firms use."""
    for number in itertools.count(first):
        if style == "dated":
            yield b"20261121-%08d" % number
        elif style == "base36":
            yield base36(number * 2_654_435_761 % (1 << 40)).rjust(8, b"0")
        elif style == "hex":
            mixed = number * 0x9E3779B97F4A7C15 % (1 << 64)
            yield b"%016x" % mixed
        elif style == "firm":
            yield b"%s.%d" % (comp, number)
        else:
            yield b"%d" % number


def civil(days: int) -> tuple[int, int, int]:
    """Return year, month and day of a count of days since 1970-01-01.

    Source: H. Hinnant, chrono-Compatible Low-Level Date Algorithms, civil_from_days.
    """
    days += 719_468
    era, day_of_era = divmod(days, 146_097)
    year_of_era = (
        day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096
    ) // 365
    day_of_year = day_of_era - (
        365 * year_of_era + year_of_era // 4 - year_of_era // 100
    )
    month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    return year_of_era + era * 400 + (month <= 2), month, day


class Stamper:
    """Writes UTC timestamps; keeps the second's text, which rarely changes."""

    def __init__(self, digits: int) -> None:
        self._digits = digits
        self._second = -1
        self._text = b""

    def text(self, time_ns: int) -> bytes:
        """Return `YYYYMMDD-HH:MM:SS[.sss[sss]]`."""
        second, rest = divmod(time_ns, 1_000_000_000)
        if second != self._second:
            self._second = second
            days, clock = divmod(second, 86_400)
            hour, clock = divmod(clock, 3600)
            year, month, day = civil(days)
            self._text = b"%04d%02d%02d-%02d:%02d:%02d" % (
                year,
                month,
                day,
                hour,
                *divmod(clock, 60),
            )
        if self._digits == 3:
            return b"%s.%03d" % (self._text, rest // 1_000_000)
        if self._digits == 6:
            return b"%s.%06d" % (self._text, rest // 1000)
        return self._text


class Writer:
    """Writes one side's messages: numbers them, stamps them, sums them.

    Args:
        dialect: how.
        sender: its CompID (49).
        target: the other's CompID (56).
    """

    def __init__(self, dialect: Dialect, sender: bytes, target: bytes) -> None:
        self.sequence = 0
        self._dialect = dialect
        self._begin = b"8=" + VERSIONS[dialect.version] + b"\x019="
        self._names = {b"49": sender, b"56": target, b"50": b"DESK1", b"57": b"G1"}
        self._stamper = Stamper(3 if dialect.takes_seconds else dialect.time_digits)
        self._templates: dict[tuple[str, tuple[bytes, ...]], bytes] = {}

    def _template(self, kind: str, given: tuple[bytes, ...]) -> bytes:
        """Return the format of one MsgType with the tags `given`."""
        fields = [b"35=%s\x01" % kind.encode()]
        for tag in self._dialect.header:
            name = tag.encode()
            if name in self._names:
                fields.append(b"%s=%s\x01" % (name, self._names[name]))
            else:
                fields.append(b"%s=%%(%s)s\x01" % (name, name))
        body = []
        for word in BODIES[kind].split():
            tag = word.strip("[]!")
            name = tag.encode()
            if word[0] == "[" and tag not in self._dialect.optional:
                continue
            if name in given:
                body.append(b"%s=%%(%s)s\x01" % (name, name))
            elif tag in CONSTANTS:
                value = CONSTANTS[tag]
                value = value % self._dialect.account if b"%" in value else value
                body.append(b"%s=%s\x01" % (name, value))
        rng = np.random.Generator(np.random.Philox(self._dialect.shuffles[0]))
        if self._dialect.shuffles[0] % 3 == 1:
            rng.shuffle(body)
        elif self._dialect.shuffles[0] == 0:
            body.sort(key=lambda field: int(field.split(b"=")[0]))
        if self._dialect.version == "FIX.4.2" and kind == "8":
            body.append(b"20=0\x01")
        if self._dialect.version == "FIXT.1.1" and kind == "A":
            body.append(b"1137=9\x01")
        return b"".join(fields + body)

    def write(self, kind: str, time_ns: int, values: dict[bytes, bytes]) -> bytes:
        """Return the next message of type `kind`."""
        given = tuple(values)
        template = self._templates.get((kind, given))
        if template is None:
            template = self._template(kind, given)
            self._templates[kind, given] = template
        self.sequence += 1
        values[b"34"] = b"%d" % self.sequence
        stamp = self._stamper.text(time_ns)
        values[b"52"] = stamp
        if b"60" in values:
            values[b"60"] = stamp
        body = template % values
        message = b"%s%d\x01%s" % (self._begin, len(body), body)
        # adler32's low half is 1 + the bytes' sum modulo 65521: below 512 bytes of
        # seven bits the sum itself.
        total = (adler32(message) & 0xFFFF) - 1 if len(message) < 512 else sum(message)
        return b"%s10=%03d\x01" % (message, total & 255)
