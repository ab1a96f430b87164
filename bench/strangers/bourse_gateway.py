"""A bourse's gateway: its queue, what it accepts, what it reports."""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from strangers import bourse_fix as fix
from strangers.bourse_market import Instrument, Market, Order, Report, Terms
from strangers.bourse_ticket import Ticket
from strangers.bourse_wire import Host, Mirror
from strangers.exchange_dice import Dice

if TYPE_CHECKING:
    from strangers.bourse_link import Link
    from strangers.bourse_tcp import Conn

SOH = "\x01"
#: What a report may call the market, in the four letters of ISO 10383.
MICS = ("", "", "XVTX", "ALPHA"[:4])
#: The greatest quantity that a gateway accepts.
MOST = 10**7


@dataclasses.dataclass(frozen=True)
class Dialect:
    """How a venue's gateways write an ExecutionReport."""

    says_replaced: bool
    #: Which of three forms of OrderID.
    form: int
    says_account: bool
    mic: str
    is_reversed: bool

    @classmethod
    def draw(cls, r: Dice) -> "Dialect":
        """Return some venue's."""
        says_replaced, form = r.random() < 0.5, r.randrange(3)
        says_account, mic = r.random() < 0.5, r.choice(MICS)
        return cls(says_replaced, form, says_account, mic, r.random() < 0.2)


@dataclasses.dataclass(frozen=True)
class Conduct:
    """What a gateway is called, and how it writes and how soon (ns) it answers."""

    port: int
    comp: str
    layout: int
    is_us: bool
    dialect: Dialect
    latency: float
    sigma: float = 0.4
    service: float = 0.0


class Gateway:
    """One gateway: all its sessions share its queue."""

    def __init__(
        self, mirror: Mirror, host: Host, market: Market, conduct: Conduct
    ) -> None:
        r = mirror.rng
        self.mirror, self.clock = mirror, mirror.clock
        self.host, self.market, self.conduct = host, market, conduct
        self.port, self.comp = conduct.port, conduct.comp
        self.addr = f"{host.ip}:{conduct.port}"
        self._free = 0.0
        self._oid = r.randrange(10**5, 10**8)
        self._exec = r.randrange(10**5, 10**8)
        #: Until when a fault has it stand still, and the ns a fault adds.
        self.stalled_till = 0.0
        self.more: Callable[[], float] | None = None
        #: How many ticks from the middle a price may be.
        self.collar: Callable[[], int] | None = None
        self.is_down = False
        self.links: list[Link] = []

    @property
    def is_frozen(self) -> bool:
        """Return whether it says nothing now."""
        return self.clock.now < self.stalled_till or self.is_down

    def stamp(self) -> str:
        """Return the time now as it writes it."""
        return fix.stamp(self.mirror.day_ns, is_us=self.conduct.is_us)

    # -- what it is told ---------------------------------------------------------

    def take(self, link: "Link", told: tuple[Any, ...]) -> None:
        """Queue what a session says."""
        if self.is_down:
            return
        r, own = self.mirror.rng, self.conduct
        start = max(self.clock.now, self._free, self.stalled_till)
        self._free = start + int(own.service * (0.6 + r.expovariate(2.5)))
        done = self._free + int(own.latency * r.lognormvariate(0, own.sigma))
        if self.more:
            done += int(self.more())
        done = max(done, link.done_at + 900)
        link.done_at = done
        self.clock.at(done, self._do, link, told, link.conn)

    def _do(self, link: "Link", told: tuple[Any, ...], conn: "Conn") -> None:
        if self.is_down or link.conn is not conn:
            return
        kind = told[0]
        if kind == "A":
            self._welcome(link, is_reset=told[1])
        elif kind == "1":
            link.tell("0", f"112={told[1]}\x01")
        elif kind == "5":
            if not link.was_kicked:
                link.tell("5", "", ("5",))
            link.was_kicked = link.is_on = False
        elif kind == "D":
            self._enter(link, *told[1:])
        elif kind == "G":
            self._replace(link, told[1], told[2:4], told[4:])
        elif kind == "F":
            self._cancel(link, *told[1:])
        elif kind == "2":
            link.tell("4", f"43=Y\x01123=Y\x0136={link.gateway_seq + 2}\x01")
        elif kind == "q":
            self._cancel_all(link, told[1])

    def _welcome(self, link: "Link", *, is_reset: bool) -> None:
        link.is_on, link.is_leaving = True, False
        reset = "141=Y\x01" if is_reset else ""
        link.tell("A", f"98=0\x01108={link.manner.beat_s}\x01{reset}", ("A",))
        if not is_reset and link.missed:
            first = max(1, link.client_seq - link.missed)
            link.missed = 0
            link.tell("2", f"7={first}\x0116=0\x01", ("2",))

    def _enter(self, link: "Link", ticket: Ticket, clid: str, terms: Terms) -> None:
        self._oid += self.mirror.rng.choice((1, 1, 1, 2, 3))
        o = Order(link, ticket, clid, self._oid, *terms)
        why = self._refusal(o)
        if why:
            o.is_live = False
            self.report(o, Report("8", "8", text=why[1], code=why[0]))
            return
        link.orders[clid] = o
        self.report(o, Report("0", "0"))
        self.market.execute(o)

    def _refusal(self, o: Order) -> tuple[int, str] | None:
        off = abs(o.price - o.inst.mid)
        if not o.inst.is_listed:
            return 1, "Unknown symbol"
        if o.clid in o.link.orders:
            return 6, "Duplicate ClOrdID"
        if o.qty <= 0 or o.qty > MOST:
            return 13, "Incorrect quantity"
        if self.collar and o.kind == "2" and off > self.collar():
            return 99, "Price outside collar"
        if o.kind == "2" and off > max(200, 0.25 * o.inst.mid):
            return 99, "Price exceeds static band"
        if o.link.is_locked:
            return 0, "Trading not permitted"
        return None

    def _replace(
        self, link: "Link", ticket: Ticket, ids: tuple[str, str], want: tuple[int, int]
    ) -> None:
        (clid, orig), (price, qty) = ids, want
        o = link.orders.get(orig)
        if o is None or not o.is_live:
            self._refuse(link, ticket, ids, o, "2")
            return
        o.inst.resting[o.side].pop(o.oid, None)
        o.price, o.qty, o.clid = price, max(qty, o.filled + 1), clid
        link.orders[clid] = o
        link.orders.pop(orig, None)
        status = "1" if o.filled else "0"
        if self.conduct.dialect.says_replaced:
            status = "5"
        self.report(o, Report("5", status, orig=orig))
        self.market.execute(o)

    def _cancel(self, link: "Link", ticket: Ticket, clid: str, orig: str) -> None:
        o = link.orders.get(orig)
        if o is None or not o.is_live:
            self._refuse(link, ticket, (clid, orig), o, "1")
            return
        o.leave()
        link.orders.pop(orig, None)
        o.clid = clid
        self.report(o, Report("4", "4", orig=orig))

    def _cancel_all(self, link: "Link", clid: str) -> None:
        count = 0
        for o in list(link.orders.values()):
            if o.is_live:
                count += 1
                o.leave()
                self.report(o, Report("4", "4"))
        ids = f"37=MC{self._exec}\x0111={clid}\x01"
        link.tell("r", f"{ids}530=7\x01531=7\x01533={count}\x01")

    # -- what it says ------------------------------------------------------------

    def _refuse(
        self,
        link: "Link",
        ticket: Ticket,
        ids: tuple[str, str],
        o: Order | None,
        request: str,
    ) -> None:
        """Refuse to cancel (1) or replace (2) an order."""
        clid, orig = ids
        oid, status, why, text = "NONE", "8", 1, "Unknown order"
        if o is not None:
            oid, why, text = self._named(o.oid), 0, "Too late"
            status = "2" if o.filled >= o.qty else "4"
        body = f"37={oid}\x0111={clid}\x0141={orig}\x0139={status}\x01"
        body += f"434={request}\x01102={why}\x0158={text}\x01"
        link.tell("9", body, ("er", ticket, "9", 0, 0, request))

    def _named(self, oid: int) -> str:
        form = self.conduct.dialect.form
        return (f"{oid:012d}", f"X{oid:X}", f"{self.comp[:2]}{oid}")[form]

    def report(self, o: Order, one: Report) -> None:
        """Report on an order to its session, and a fill to those that copy it."""
        self._exec += 1
        fields = self._fields(o, one)
        if self.conduct.dialect.is_reversed:
            fields = fields[:2] + fields[2:][::-1]
        body = SOH.join(fields) + SOH
        told = ("er", o.ticket, one.kind, one.size, one.price, o.clid)
        o.link.tell("8", body, told)
        if one.kind == "F":
            for copy in o.link.copies:
                copy.tell("8", body + "797=Y\x01")

    def _fields(self, o: Order, one: Report) -> list[str]:
        way, inst, kind = self.conduct.dialect, o.inst, one.kind
        account = o.link.manner.firm.account if way.says_account else ""
        mean = inst.price(o.value / o.filled) if o.filled else "0"
        oid = self._named(o.oid) if kind != "8" or way.form else "NONE"
        fields = [f"37={oid}", f"11={o.clid}"]
        fields += [f"41={one.orig}"] if one.orig else []
        exec_id = f"{self._exec:08d}" if way.form else f"E{self._exec:x}"
        fields += [f"17={exec_id}", f"150={kind}", f"39={one.status}"]
        fields += [f"1={account}"] if account else []
        fields += [f"55={inst.symbol}", f"54={_side(o)}", f"38={o.qty}"]
        fields += _priced(o, inst)
        if kind == "F":
            fields += [f"32={one.size}", f"31={inst.price(one.price)}"]
        left = 0 if one.status in "48C" else o.left
        fields += [f"151={left}", f"14={o.filled}", f"6={mean}", f"60={self.stamp()}"]
        fields += [] if one.code is None else [f"103={one.code}"]
        fields += [f"58={one.text}"] if one.text else []
        fields += [f"30={way.mic}"] if way.mic else []
        return fields


def _side(o: Order) -> str:
    return "1" if o.side > 0 else "2"


def _priced(o: Order, inst: Instrument) -> list[str]:
    return ["40=2", f"44={inst.price(o.price)}"] if o.kind == "2" else ["40=1"]
