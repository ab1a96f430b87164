"""Make FIX messages to race on: a mix as on an order line, and what defeats a table.

Always the same bytes: numbers come from a generator with a fixed seed.
"""

import re

import numpy as np

SEED = 20261121
MIX = (
    ("order", 30),
    ("cancel", 15),
    ("replace", 10),
    ("report", 35),
    ("market", 4),
    ("heartbeat", 4),
    ("admin", 2),
)
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
HEADER = 5  # fields that stay in front: MsgType and what identifies the message
Fields = list[tuple[int, str]]


class Talk:
    """Both sides of an order session, field by field."""

    def __init__(self, seed: int = SEED) -> None:
        self._number = np.random.default_rng(seed)
        self._sequence = 100_000

    def roll(self, low: int, high: int) -> int:
        """Return a number from low to high - 1."""
        return int(self._number.integers(low, high))

    def pick(self, text: str) -> str:
        """Return one of the words of `text`."""
        words = text.split()
        return words[self.roll(0, len(words))]

    def time(self) -> str:
        """Return a timestamp of the day."""
        second = self._sequence % 60
        return f"20261121-09:{30 + second // 2}:{second:02}.{self.roll(0, 1000):03}"

    def header(self, kind: str) -> Fields:
        """Return a message's first fields."""
        self._sequence += 1
        return [
            (35, kind),
            (49, "MEMBER01"),
            (56, "EXCHANGE"),
            (34, str(self._sequence)),
            (52, self.time()),
        ]

    def order_id(self) -> str:
        """Return an identifier of an order."""
        return self.word(10, 21)

    def word(self, low: int, high: int) -> str:
        """Return letters and digits, from low to high - 1 of them."""
        size = self.roll(low, high)
        return "".join(LETTERS[self.roll(0, len(LETTERS))] for _ in range(size))

    def account(self) -> str:
        """Return an account."""
        return self.word(4, 12)

    def price(self) -> str:
        """Return a price."""
        return f"{self.roll(1, 900)}.{self.roll(0, 100):02}"

    def order(self) -> Fields:
        """NewOrderSingle, 22 fields with head and trailer."""
        return [
            *self.header("D"),
            (57, "ORDERS"),
            (11, self.order_id()),
            (1, self.account()),
            (21, "1"),
            (55, self.pick("ACME GLOBEX INITECH UMBRELLA HOOLI")),
            (48, f"DE{self.roll(10**9, 10**10)}"),
            (22, "4"),
            (54, self.pick("1 2")),
            (60, self.time()),
            (38, str(self.roll(1, 50) * 100)),
            (40, "2"),
            (44, self.price()),
            (59, self.pick("0 3")),
            (47, "A"),
        ]

    def cancel(self) -> Fields:
        """OrderCancelRequest."""
        return [
            *self.header("F"),
            (41, self.order_id()),
            (11, self.order_id()),
            (1, self.account()),
            (55, self.pick("ACME GLOBEX INITECH UMBRELLA HOOLI")),
            (54, self.pick("1 2")),
            (60, self.time()),
            (38, str(self.roll(1, 50) * 100)),
        ]

    def replace(self) -> Fields:
        """OrderCancelReplaceRequest."""
        changed = self.order()
        changed[0] = (35, "G")
        return [*changed[:6], (41, self.order_id()), *changed[6:]]

    def report(self) -> Fields:
        """ExecutionReport, 35 fields with head and trailer."""
        return [
            *self.header("8"),
            (57, "ORDERS"),
            (37, self.word(8, 19)),
            (11, self.order_id()),
            (17, self.word(6, 16)),
            (20, "0"),
            (150, self.pick("0 1 2 4 5")),
            (39, self.pick("0 1 2 4 5")),
            (1, self.account()),
            (55, self.pick("ACME GLOBEX INITECH UMBRELLA HOOLI")),
            (48, f"DE{self.roll(10**9, 10**10)}"),
            (22, "4"),
            (54, self.pick("1 2")),
            (38, str(self.roll(1, 50) * 100)),
            (40, "2"),
            (44, self.price()),
            (59, "0"),
            (32, str(self.roll(1, 9) * 10)),
            (31, self.price()),
            (30, "XFRA"),
            (151, str(self.roll(0, 5000))),
            (14, str(self.roll(0, 5000))),
            (6, self.price()),
            (60, self.time()),
            (75, "20261121"),
            (64, "20261125"),
            (12, "0.35"),
            (13, "3"),
            (15, "EUR"),
            (76, "CLEARER7"),
            (47, "A"),
            (58, self.word(5, 24)),
        ]

    def market(self) -> Fields:
        """MarketDataIncrementalRefresh of sixteen entries, 118 fields in all."""
        found = [*self.header("X"), (262, f"REQ{self.roll(1000, 9999)}")]
        found += [(57, "PRICES"), (268, "18")]
        for entry in range(18):
            found += [
                (279, self.pick("0 1 2")),
                (269, self.pick("0 1")),
                (278, f"E{entry}{self.roll(100, 999)}"),
                (55, self.pick("ACME GLOBEX INITECH")),
                (270, self.price()),
                (271, str(self.roll(1, 99) * 100)),
            ]
        return found

    def heartbeat(self) -> Fields:
        """Heartbeat."""
        return self.header("0")

    def admin(self) -> Fields:
        """TestRequest or ResendRequest."""
        if self.roll(0, 2):
            return [*self.header("1"), (112, f"TEST{self.roll(1000, 9999)}")]
        return [*self.header("2"), (7, str(self.roll(1, 9999))), (16, "0")]


def seal(fields: Fields) -> bytes:
    """Return a message of these fields."""
    body = "".join(f"{tag}={value}\1" for tag, value in fields).encode()
    text = b"8=FIX.4.2\1" + f"9={len(body)}\1".encode() + body
    return text + f"10={sum(text) % 256:03}\1".encode()


def mixed(count: int) -> list[Fields]:
    """Return messages in the proportions of MIX."""
    talk = Talk()
    kinds = [name for name, share in MIX for _ in range(share)]
    return [getattr(talk, kinds[talk.roll(0, 100)])() for _ in range(count)]


def mix(count: int) -> list[bytes]:
    """Return messages in the proportions of MIX, sealed."""
    return [seal(fields) for fields in mixed(count)]


def shuffled(count: int, seed: int) -> list[bytes]:
    """Return the mix with every message's fields in an order of its own."""
    order = np.random.default_rng(seed)
    found = []
    for fields in mixed(count):
        rest = fields[HEADER:]
        places = order.permutation(len(rest))
        found.append(seal(fields[:HEADER] + [rest[place] for place in places]))
    return found


def near(count: int) -> list[bytes]:
    """Return messages whose layouts differ where the table does not look at first.

    The second and third field change places at random: what is known of a layout
    fits up to them, and no entry stays right for long.
    """
    talk = Talk(SEED + 1)
    found = []
    for fields in mixed(count):
        swapped = list(fields)
        for place in (1, 2, 3):
            other = talk.roll(1, 4)
            swapped[place], swapped[other] = swapped[other], swapped[place]
        found.append(seal(swapped))
    return found


def all_corpora() -> dict[str, list[bytes]]:
    """Return the corpora that stay in a second-level cache, by name."""
    talk = Talk()
    distinct = shuffled(1200, SEED)
    return {
        "mix": mix(1200),
        "heartbeat": [seal(talk.heartbeat()) for _ in range(4000)],
        "shuffled": distinct,
        "pairs": [one for one in distinct[:600] for _ in range(2)],
        "near": near(1200),
    }


def mean_size(corpus: bytes) -> float:
    """Return the bytes a message of a corpus."""
    return len(corpus) / len(re.findall(rb"(?:^|\x01)8=FIX", corpus))
