"""FIX 4.4 of a street: each firm's way of writing it."""

import time

from strangers.street_dice import Dice

SECOND = 1_000_000_000


def stamp(t_ns: int, digits: int) -> str:
    """Return a UTCTimestamp with so many digits after the second."""
    seconds, rest = divmod(t_ns, SECOND)
    text = time.strftime("%Y%m%d-%H:%M:%S", time.gmtime(seconds))
    return f"{text}.{rest // 10 ** (9 - digits):0{digits}d}" if digits else text


def frame(kind: str, head: str, body: str = "") -> bytes:
    """Return a message with its length and checksum; `|` stands for SOH."""
    inner = f"35={kind}|{head}|{body + '|' if body else ''}".replace("|", "\x01")
    raw = b"8=FIX.4.4\x019=%d\x01" % len(inner) + inner.encode("latin-1")
    return raw + b"10=%03d\x01" % (sum(raw) & 255)


class Order:
    """An order, as both sides know it."""

    def __init__(self, number: str, symbol: str, side: str, price: float) -> None:
        self.id, self.symbol, self.side, self.price = number, symbol, side, price
        self.quantity, self.tif, self.kind = 100, "0", "2"
        self.origin = self.number = ""
        self.filled = 0
        self.is_live = False


class Dialect:
    """How one firm's engine writes."""

    def __init__(self, dice: Dice, comp: str) -> None:
        prefixes = (comp[:3], "ORD", "A", "X-", comp[-2:], "CL")
        accounts = ("", f"|1={comp[:4]}{dice.between(100, 999)}")
        self.digits = dice.choice((3, 3, 3, 6, 0))
        self.ids = dice.choice(("number", "prefix", "hex", "day", "long"))
        self.prefix = dice.choice(prefixes)
        self.account = dice.choice(accounts)
        self.handling = dice.choice(("|21=1", "|21=1", "|21=2", ""))
        self.has_code = dice.chance(0.3)
        tail = dice.choice(("", "|15=USD", "|15=EUR"))
        self.tail = tail + dice.choice(("", "|47=P", "|528=P", "|528=A"))
        self.trader = dice.choice(("", "", f"|50=TRD{dice.between(1, 9)}"))
        self.places = dice.choice((2, 2, 3, 4))
        self.style = dice.below(3)
        self.count = dice.between(1, 900_000)
        self.base = dice.below(1 << 40)

    def next_id(self) -> str:
        """Return a ClOrdID that was not used before."""
        self.count += 1
        if self.ids == "number":
            return str(100_000 + self.count)
        if self.ids == "prefix":
            return f"{self.prefix}{self.count:07d}"
        if self.ids == "hex":
            return f"{(self.base + self.count * 2654435761) & (1 << 48) - 1:012x}"
        if self.ids == "day":
            return f"20260310-{self.count:06d}"
        return f"{self.prefix}.{self.base:x}.{self.count}"

    def order(self, one: Order, t_ns: int) -> str:
        """Return the body of a NewOrderSingle."""
        now = stamp(t_ns, self.digits)
        price = f"|44={one.price:.{self.places}f}" if one.kind != "1" else ""
        code = f"|48={one.symbol}.X|22=8" if self.has_code else ""
        size = f"|38={one.quantity}|40={one.kind}{price}"
        name = f"|55={one.symbol}{code}|54={one.side}"
        end = self.tail
        if self.style == 0:
            text = f"{self.account}{self.handling}{name}|60={now}{size}|59={one.tif}"
            return f"11={one.id}{text}{end}"
        if self.style == 1:
            text = f"{self.account}{size}{name}|59={one.tif}|60={now}{self.handling}"
            return f"11={one.id}{text}{end}"
        first = f"{self.account[1:]}|" if self.account else ""
        text = f"{self.handling}{name}{size}|59={one.tif}|60={now}"
        return f"{first}11={one.id}{text}{end}"

    def cancel(self, one: Order, t_ns: int) -> str:
        """Return the body of an OrderCancelRequest."""
        name = f"|55={one.symbol}|54={one.side}|38={one.quantity}"
        return f"41={one.origin}|11={one.id}{name}|60={stamp(t_ns, self.digits)}"

    def replace(self, one: Order, t_ns: int) -> str:
        """Return the body of an OrderCancelReplaceRequest."""
        now = stamp(t_ns, self.digits)
        size = f"|38={one.quantity}|40={one.kind}|44={one.price:.{self.places}f}"
        name = f"|55={one.symbol}|54={one.side}|60={now}"
        head = f"41={one.origin}|11={one.id}{self.account}{self.handling}"
        return f"{head}{name}{size}|59={one.tif}"
