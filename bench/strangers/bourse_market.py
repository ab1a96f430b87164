"""The prices of a bourse, and the matching of orders."""

import dataclasses
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from strangers.bourse_clock import Steps
from strangers.bourse_wire import Host, Mirror
from strangers.loop import SECOND, US

if TYPE_CHECKING:
    from strangers.bourse_link import Link
    from strangers.bourse_ticket import Ticket

#: Far from every price, in ticks: the limit of an order without one.
FAR = 10**6
#: Time in force: of an auction's orders, and of orders that never rest.
IN_AUCTION, AT_ONCE = ("2", "7"), ("3", "4")


@dataclasses.dataclass(eq=False, slots=True)
class Instrument:
    """What is traded; prices are in ticks."""

    symbol: str
    tick: float
    decimals: int
    mid: int
    spread: int
    depth: int
    lot: int
    heat: float = 1.0
    secid: str = ""
    source: str = ""
    is_listed: bool = True
    bid: int = 0
    ask: int = 0
    ref: int = 0
    pressure: float = 0.0
    drift: float = 0.0
    #: How much what is traded moves the price.
    impact: float = 1.0
    resting: dict[int, dict[int, "Order"]] = dataclasses.field(
        default_factory=lambda: {1: {}, -1: {}}
    )
    watchers: list[Callable[["Instrument"], None]] = dataclasses.field(
        default_factory=list
    )

    def __post_init__(self) -> None:
        self.ref = self.mid
        self.quote()

    def quote(self) -> None:
        """Put bid and ask around the middle."""
        self.bid = self.mid - self.spread // 2
        self.ask = self.bid + self.spread

    def near(self, side: int) -> int:
        """Return the best price of a buyer's (1) or seller's (-1) own side."""
        return self.bid if side > 0 else self.ask

    def price(self, ticks: float) -> str:
        """Return a price as messages have it."""
        return f"{ticks * self.tick:.{self.decimals}f}"


class Terms(NamedTuple):
    """What an order says: side is 1 or -1, the price in ticks, kind 1 is market."""

    inst: Instrument
    side: int
    price: int
    qty: int
    tif: str = "0"
    kind: str = "2"


@dataclasses.dataclass(eq=False, slots=True)
class Order:
    """An order as its gateway and the market know it."""

    link: "Link"
    ticket: "Ticket"
    clid: str
    oid: int
    inst: Instrument
    side: int
    price: int
    qty: int
    tif: str
    kind: str
    filled: int = 0
    value: int = 0
    is_live: bool = True

    @property
    def left(self) -> int:
        """Return the quantity that is not filled."""
        return self.qty - self.filled

    def leave(self) -> None:
        """Be dead, and out of the book."""
        self.is_live = False
        self.inst.resting[self.side].pop(self.oid, None)


class Report(NamedTuple):
    """An ExecutionReport: ExecType, OrdStatus, what was filled, why, OrigClOrdID."""

    kind: str
    status: str
    size: int = 0
    price: int = 0
    text: str = ""
    code: int | None = None
    orig: str = ""


class Tape:
    """The feed of quotes that all hosts hear."""

    def __init__(self, mirror: Mirror, host: Host) -> None:
        r = mirror.rng
        self.mirror, self.host = mirror, host
        lead = f"233.{r.randrange(10, 250)}.{r.randrange(256)}."
        self.group = f"{lead}{r.randrange(1, 250)}"
        self.port = r.randrange(20000, 40000)
        #: The share of quotes that is told.
        self.share = 1.0
        self._seq = 0
        self._waiting: list[Instrument] = []
        self._is_armed = False

    def begin(self, share: float) -> None:
        """Tell this share of quotes, from some number on."""
        self.share = share
        self._seq = self.mirror.rng.randrange(10**6)

    def tell(self, inst: Instrument) -> None:
        """Tell of a quote, soon, with others."""
        r = self.mirror.rng
        if r.random() > self.share:
            return
        self._waiting.append(inst)
        if not self._is_armed:
            self._is_armed = True
            self.mirror.clock.after(r.uniform(15, 400) * US, self._flush)

    def _flush(self) -> None:
        self._is_armed = False
        told, self._waiting = self._waiting[:20], []
        self._seq += len(told)
        data = struct.pack("<IHHQ", self._seq, len(told), 1, self.mirror.day_ns)
        for inst in told:
            sizes = inst.depth & 0xFFFF, inst.lot & 0xFFFF
            symbol = inst.symbol[:8].encode()
            quote = symbol, inst.bid, inst.ask, *sizes, self._seq
            data += struct.pack("<8siiHHI", *quote)
        self.mirror.cast(self.host, self.group, self.port, data, 8)


class Market:
    """One book for each instrument, behind all gateways."""

    def __init__(self, mirror: Mirror, insts: list[Instrument]) -> None:
        self.clock, self.rng, self.insts = mirror.clock, mirror.rng, insts
        #: How active everybody is at a second of the capture.
        self.activity: Callable[[float], float] = lambda _: 1.0
        #: open, auction, crossing or closed.
        self.phase = "open"
        self.tape: Tape | None = None
        self.auction: list[Order] = []
        for inst in insts:
            wait = self.rng.random() * SECOND / max(0.2, inst.heat)
            self.clock.play(self._live(inst), wait)

    def now_s(self) -> float:
        """Return the time of the capture in seconds."""
        return self.clock.now / SECOND

    def _live(self, inst: Instrument) -> Steps:
        r = self.rng
        while True:
            if self.phase == "open":
                self._walk(inst)
                self.show(inst)
            elif self.tape:
                self.tape.tell(inst)
            pace = max(0.05, inst.heat * self.activity(self.now_s()))
            yield r.expovariate(1) * SECOND / pace

    def _walk(self, inst: Instrument) -> None:
        r, u = self.rng, self.rng.random()
        if u < 0.34 + 0.5 * abs(inst.drift):
            pull = (inst.ref > inst.mid) - (inst.ref < inst.mid)
            is_up = r.random() < 0.5 + inst.drift + 0.04 * pull
            inst.mid += 1 if is_up else -1
        elif u < 0.42:
            inst.spread = max(1, min(inst.spread + r.choice((-1, 1)), 6))
        inst.mid = max(inst.mid, 40)

    def jump(self, inst: Instrument, ticks: int) -> None:
        """Have a price and what it returns to jump."""
        inst.mid = max(40, inst.mid + ticks)
        inst.ref += ticks
        self.show(inst)

    def show(self, inst: Instrument) -> None:
        """Have everybody see a price, and fill what rests at it."""
        inst.quote()
        if self.tape:
            self.tape.tell(inst)
        if self.phase != "open":
            return
        for side in (1, -1):
            if inst.resting[side]:
                self._touch(inst, side)
        for watch in inst.watchers:
            watch(inst)

    def _touch(self, inst: Instrument, side: int) -> None:
        r, near, far = self.rng, inst.near(side), inst.near(-side)
        resting = inst.resting[side].values()
        for o in [one for one in resting if (one.price - near) * side >= 0]:
            if not o.is_live:
                continue
            if (o.price - far) * side >= 0:
                self.fill(o, o.left, o.price)
            elif r.random() < 0.07:
                qty = o.left
                if r.random() < 0.5:
                    qty = max(1, min(qty, inst.lot * r.randrange(1, 4)))
                self.fill(o, qty, o.price)

    def fill(self, o: Order, qty: int, price: int) -> None:
        """Fill an order, as far as it goes."""
        qty = min(qty, o.left)
        if qty <= 0 or not o.is_live:
            return
        o.filled += qty
        o.value += qty * price
        is_done = o.filled >= o.qty
        if is_done:
            o.leave()
        o.link.gw.report(o, Report("F", "2" if is_done else "1", qty, price))

    def execute(self, o: Order) -> None:
        """Match an order with the book and the market; let the rest rest."""
        if self.phase != "open" or o.tif in IN_AUCTION:
            self._collect(o)
            return
        inst, side = o.inst, o.side
        limit = o.price if o.kind == "2" else inst.mid + side * FAR
        self._meet(o, limit)
        self._reach(o, limit)
        inst.pressure *= 0.97
        if not o.is_live:
            return
        if o.tif in AT_ONCE or o.kind == "1":
            o.is_live = False
            o.link.gw.report(o, Report("4", "4"))
        else:
            inst.resting[side][o.oid] = o

    def _collect(self, o: Order) -> None:
        """Keep an order for the auction."""
        inst, side = o.inst, o.side
        if o.tif in AT_ONCE:
            o.is_live = False
            o.link.gw.report(o, Report("4", "4", text="Not allowed in auction"))
            return
        if o.kind == "1":
            o.price = inst.mid + side * FAR
        elif o.tif not in IN_AUCTION:
            inst.resting[side][o.oid] = o
        if o not in self.auction[-400:]:
            self.auction.append(o)

    def _meet(self, o: Order, limit: int) -> None:
        """Fill an order from other sessions' orders."""
        inst, side = o.inst, o.side
        touch = inst.near(-side)
        found = [
            one
            for one in inst.resting[-side].values()
            if (limit - one.price) * side >= 0
            and one.link is not o.link
            and one.tif not in IN_AUCTION
            and (touch - one.price) * side >= 0
        ]
        found.sort(key=lambda one: (one.price * side, one.oid))
        for one in found:
            if not o.is_live:
                break
            qty = min(one.left, o.left)
            self.fill(one, qty, one.price)
            self.fill(o, qty, one.price)

    def _reach(self, o: Order, limit: int) -> None:
        """Fill an order from what others have in the book, level by level."""
        inst, side = o.inst, o.side
        level, levels = inst.near(-side), 0
        while o.is_live and (limit - level) * side >= 0 and levels < 25:
            depth = int(inst.depth * (0.3 + self.rng.expovariate(1)))
            there = max(1, depth) * inst.lot
            qty = min(there, o.left)
            self.fill(o, qty, level)
            push = side * qty / (inst.depth * inst.lot * 4)
            inst.pressure += push * inst.impact
            level += side
            levels += 1
            if qty < there:
                break
        if levels > 1:
            inst.pressure += side * (levels - 1) * 0.6
        if abs(inst.pressure) >= 1:
            ticks = int(inst.pressure)
            inst.pressure -= ticks
            inst.mid = max(40, inst.mid + ticks)
            self.show(inst)

    def uncross(self, share: float) -> None:
        """End the auction: fill this share of what can be filled."""
        r = self.rng
        self.phase = "open"
        orders, self.auction = self.auction, []
        for o in orders:
            if not o.is_live:
                continue
            inst = o.inst
            if (o.price - inst.mid) * o.side >= 0 and r.random() < share:
                self._deal(o, r.choice((1, 1, 1, 2, 3)))
            elif o.tif in IN_AUCTION or o.kind == "1":
                o.leave()
                o.link.gw.report(o, Report("C", "C"))

    def _deal(self, o: Order, parts: int) -> None:
        left = o.qty
        for rank in range(parts):
            qty = left if rank == parts - 1 else max(1, left // 2)
            self.fill(o, qty, o.inst.mid)
            left -= qty
            if left <= 0:
                break
