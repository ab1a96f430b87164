"""FIX 4.4 as each house writes it: order of tags, stamps, identifiers, decimals."""

import time

import numpy as np

from strangers.loop import SECOND

SOH = b"\x01"
Body = dict[int, str]

#: Message types (FIX 4.4 volume 3 and 4, appendix A of volume 1).
LOGON, HEARTBEAT, TEST, LOGOUT, REJECT = "A", "0", "1", "5", "3"
NEW, CANCEL, REPLACE, REPORT, REFUSAL = "D", "F", "G", "8", "9"


def digits(rng: np.random.Generator, low: int, high: int) -> int:
    """Return a whole number in [low, high)."""
    return int(rng.integers(low, high))


class Dialect:
    """How one house writes FIX 4.4."""

    def __init__(self, rng: np.random.Generator) -> None:
        order = ["49", "56", "34", "52"]
        rng.shuffle(order)
        self._order = [int(tag) for tag in order]
        self._fraction = int(rng.choice([0, 3, 3, 3, 6]))
        self._decimals = int(rng.choice([2, 2, 3, 4]))
        self._strip = bool(rng.random() < 0.3)
        ranks = rng.permutation(1000)
        self._rank = {tag: int(ranks[tag]) for tag in range(1000)}
        if rng.random() < 0.6:
            self._rank |= {11: -3, 37: -4, 17: -2}
        if rng.random() < 0.2:
            self._rank |= {60: 2000, 58: 2001}
        self._sorted: dict[tuple[int, ...], list[int]] = {}
        self._second = (-1, "")
        self._id_form = int(rng.integers(5))
        self._id_lead = "".join(chr(digits(rng, 65, 91)) for _ in range(3))
        self._count = digits(rng, 1, 900000)
        self._salt = digits(rng, 1, 1 << 30) | 1
        self.extra = self._extras(rng)

    @staticmethod
    def _extras(rng: np.random.Generator) -> Body:
        choice = {
            1: f"ACC{digits(rng, 10, 9999)}",
            21: "1",
            100: str(rng.choice(["XNAS", "XLON", "XETR", "BATE"])),
            47: str(rng.choice(["A", "P"])),
            22: "4",
            207: "XPAR",
            15: str(rng.choice(["USD", "EUR", "GBP"])),
            167: "CS",
            528: str(rng.choice(["A", "P"])),
            9702: str(digits(rng, 1, 5)),
        }
        keep = {tag: text for tag, text in choice.items() if rng.random() < 0.4}
        return keep | ({21: "1"} if rng.random() < 0.5 else {})

    def _place(self, tag: int) -> int:
        return self._rank.get(tag, 1000 + tag)

    def stamp(self, t_ns: int) -> str:
        """Return UTCTimestamp (FIX 4.4 volume 1)."""
        second, rest = divmod(t_ns, SECOND)
        if self._second[0] != second:
            text = time.strftime("%Y%m%d-%H:%M:%S", time.gmtime(second))
            self._second = (second, text)
        if not self._fraction:
            return self._second[1]
        part = f"{rest:09d}"[: self._fraction]
        return f"{self._second[1]}.{part}"

    def price(self, cents: int) -> str:
        """Return a price given in hundredths."""
        text = f"{cents / 100:.{self._decimals}f}"
        return text.rstrip("0").rstrip(".") if self._strip else text

    def fresh(self, t_ns: int) -> str:
        """Return an identifier not used before."""
        self._count += 1
        one = self._count
        mixed = one * self._salt & 0xFFFFFFFFFF
        return (
            f"{one}",
            f"{self._id_lead}{one:08d}",
            f"{mixed:010x}-{one:x}",
            f"{self._id_lead}-{t_ns // SECOND % 86400}-{one}",
            f"{one:x}".upper().zfill(12),
        )[self._id_form]

    def encode(self, kind: str, head: Body, body: Body) -> bytes:
        """Return one message; `head` has 49, 56, 34, 52 and what else a header has."""
        keys = tuple(body)
        tags = self._sorted.get(keys)
        if tags is None:
            tags = self._sorted[keys] = sorted(keys, key=self._place)
        parts = [f"35={kind}"]
        parts += [f"{tag}={head[tag]}" for tag in self._order]
        parts += [f"{tag}={text}" for tag, text in head.items() if tag not in BASIC]
        parts += [f"{tag}={body[tag]}" for tag in tags]
        inner = "\x01".join(parts).encode() + SOH
        whole = b"8=FIX.4.4\x019=%d\x01" % len(inner) + inner
        return whole + b"10=%03d\x01" % (sum(whole) & 255)


BASIC = frozenset({49, 56, 34, 52})
