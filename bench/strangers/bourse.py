"""A bourse: its gateways, firms and sessions, and what passes between them."""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

from strangers import bourse_murmur as murmur
from strangers.bourse_desk import Desk
from strangers.bourse_desks import KINDS
from strangers.bourse_firms import ROOTS, Firm, found, network
from strangers.bourse_gateway import Conduct, Dialect, Gateway
from strangers.bourse_ground import STREAM, Offices
from strangers.bourse_link import Link, Manner
from strangers.bourse_market import Instrument, Market, Tape
from strangers.bourse_wire import Habits
from strangers.exchange_dice import Dice
from strangers.loop import MS, SECOND, US

PORTS = (9001, 5001, 15001, 30010, 12345, 6210, 14040, 9880, 21000, 8500)
COMPS = ("XVTX", "OEGW", "MATCH", "EXCH", "TRDX", "FIXGW")
FUTURES = ("FES", "FBU", "CLX", "NGZ", "ESX", "GCQ", "ZNA", "SIX", "HOX", "FDA")
#: Tick and decimals of a price.
TICKS = ((0.01, 2), (0.01, 2), (0.005, 3), (0.05, 2), (0.25, 2), (0.5, 1), (1, 0))
#: What the CompID of each kind of session has in it.
WORDS = {
    "Maker": ("MM", "QT", "LP"),
    "Taker": ("TK", "SIG", "AL"),
    "Scalper": ("SC", "HF"),
    "Slicer": ("TW", "VW", "EX"),
    "Iceberg": ("IB", "EX"),
    "Human": ("DESK", "VOICE", "UI"),
    "Program": ("PT", "BSK"),
    "Pairs": ("SA", "PR", "ARB"),
    "Hedger": ("HG", "DH"),
    "Clocked": ("CK", "SYS"),
    "Auction": ("AU", "CL"),
    "Idle": ("DMA", "BKP"),
    "Health": ("HC", "MON"),
    "DropCopy": ("DC", "DROP"),
}
#: How many of each kind there are: at least, and fewer than.
MIX = {
    "Maker": (4, 9),
    "Taker": (3, 6),
    "Scalper": (0, 4),
    "Slicer": (2, 5),
    "Iceberg": (0, 3),
    "Human": (2, 5),
    "Program": (1, 3),
    "Pairs": (1, 4),
    "Hedger": (1, 4),
    "Clocked": (1, 4),
    "Auction": (0, 3),
    "Idle": (1, 3),
    "Health": (0, 2),
    "DropCopy": (1, 3),
}
MORE = ("Maker", "Taker", "Human", "Slicer", "Pairs", "Clocked", "Hedger")
#: There is one of each of these at least.
_NEEDED = "Maker Taker Slicer Hedger Pairs Human Idle Program Clocked"
NEEDED = _NEEDED.split()
#: Sessions that enter no orders.
QUIET = ("Idle", "Health", "DropCopy")


class Newcomer(NamedTuple):
    """A session that joins later: whose, where, as whom, for what, when (ns)."""

    firm: Firm
    gw: Gateway
    comp: str
    insts: list[Instrument]
    joins_at: int


class Bourse(Offices):
    """One capture: who is there, what happens, and what of it is an incident."""

    def __init__(
        self,
        name: str,
        seed: int,
        *,
        is_night: bool = False,
        is_closing: bool = False,
        busy: float = 1.0,
        gateways: int = 0,
    ) -> None:
        super().__init__(name, seed, is_night=is_night)
        self.is_closing = is_closing
        self.desks: list[Desk] = []
        self.links: list[Link] = []
        self.market = Market(self.mirror, self._instruments())
        self._open_gateways(gateways)
        self._settle()
        self._publish()
        self._separator = ""
        kinds = self._found_firms()
        self.pace = self.rng.lognormvariate(0.5, 0.5) * busy
        for kind in kinds:
            self.add(kind)
        self._copy_drops()
        murmur.begin(self)

    # -- who is there ------------------------------------------------------------

    def _instruments(self) -> list[Instrument]:
        r = self.rng
        count = r.randrange(14, 46)
        style = r.choice(("eq", "eq", "fut", "num"))
        made: dict[str, Instrument] = {}
        while len(made) < count:
            symbol = self._symbol(style)
            if symbol not in made:
                made[symbol] = self._instrument(symbol, style)
        return list(made.values())

    def _symbol(self, style: str) -> str:
        r = self.rng
        if style == "eq":
            letters = range(r.choice((3, 3, 4)))
            return "".join(r.choice("ABCDEFGHIKLMNOPRSTUVWX") for _ in letters)
        if style == "num":
            return str(r.randrange(1, 3999))
        return r.choice(FUTURES) + r.choice("HMUZ") + str(r.randrange(6, 9))

    def _instrument(self, symbol: str, style: str) -> Instrument:
        r = self.rng
        tick, decimals = r.choice(TICKS)
        mid, heat = int(10 ** r.uniform(2.9, 4.5)), r.lognormvariate(1.5, 0.8)
        spread = r.choice((1, 1, 2, 2, 3, 4))
        depth = max(2, int(r.lognormvariate(2.2, 0.8)))
        lot = r.choice((1, 1, 10, 100, 100)) if style != "fut" else 1
        secid = "".join(r.choice("0123456789") for _ in range(9))
        sizes = mid, spread, depth, lot
        ids = min(heat, 25), secid, r.choice("48")
        return Instrument(symbol, tick, decimals, *sizes, *ids)

    def _open_gateways(self, wanted: int) -> None:
        r = self.rng
        self.gateway_net = r.choice(
            (
                f"172.{r.randrange(16, 32)}.{r.randrange(256)}.",
                f"10.{r.randrange(200, 255)}.{r.randrange(256)}.",
                f"100.{r.randrange(64, 128)}.{r.randrange(256)}.",
                f"192.168.{r.randrange(100, 250)}.",
            )
        )
        self.port = r.choice(PORTS)
        count = wanted or r.choice((1, 2, 2, 3))
        self._first = r.randrange(4, 60)
        comp = r.choice(COMPS)
        latency, is_us = r.lognormvariate(4.5, 0.5) * US, r.random() < 0.6
        dialect = Dialect.draw(r)
        is_one, layout = r.random() < 0.5, r.randrange(4)
        like = Conduct(self.port, comp, layout, is_us, dialect, latency)
        self.gws: list[Gateway] = []
        for rank in range(count):
            own = comp if is_one else f"{comp}{rank + 1}"
            like = dataclasses.replace(like, comp=own)
            self.gws.append(self.gateway(rank, self._first, like))

    def gateway(self, rank: int, first: int, like: Conduct) -> Gateway:
        """Return a gateway like another, so far from the first by its address."""
        r = self.rng
        last = first + rank * r.choice((1, 2, 10)) if rank else first
        delay = r.uniform(1200, 3500), 300
        habits = Habits(acks=r.choice(("quick", "delay", "delay")), is_gateway=True)
        ip = f"{self.gateway_net}{min(last, 254)}"
        host = self.host(ip, None, delay, habits)
        conduct = dataclasses.replace(
            like,
            port=self.port + (rank if r.random() < 0.2 else 0),
            latency=like.latency * r.uniform(0.85, 1.2),
            sigma=r.uniform(0.15, 0.45),
            service=r.lognormvariate(9.0, 0.4),
        )
        host.open = {conduct.port, 22}
        return Gateway(self.mirror, host, self.market, conduct)

    def _publish(self) -> None:
        """Have the market's quotes be told."""
        ip = f"{self.gateway_net}{self._first + 100}"
        host = self.host(ip, self.mac(), (3000, 500))
        total = sum(inst.heat for inst in self.market.insts)
        self.market.tape = Tape(self.mirror, host)
        self.market.tape.begin(min(1, self.rng.uniform(30, 160) / total))

    def _found_firms(self) -> list[str]:
        """Have firms be there; return the kinds of their sessions."""
        r = self.rng
        count = r.randrange(4, 10)
        roots = r.sample(ROOTS, count)
        self._separator = r.choice(("", "_", "-", ".", "/"))
        wanted = r.randrange(25, 37)
        for root in roots:
            firm = found(r, root, network(r), self.mac())
            for _ in range(r.randrange(2, 6)):
                firm.hosts.append(self.trading_host(firm))
            self.firms.append(firm)
        mix = {kind: r.randrange(*span) for kind, span in MIX.items()}
        kinds = [kind for kind, many in mix.items() for _ in range(many)]
        while len(kinds) < wanted:
            kinds.append(r.choice(MORE))
        r.shuffle(kinds)
        return NEEDED + kinds[: wanted - len(NEEDED)]

    def _copy_drops(self) -> None:
        """Have sessions that copy fills be told of those of their firm."""
        for link in self.links:
            if link.desk is None:
                for other in link.manner.firm.links:
                    if other.desk:
                        other.copies.append(link)

    def add(self, kind: str, pace: float = 0.0, late: Newcomer | None = None) -> Desk:
        """Have a session join, of some firm unless late; return the newest desk."""
        r = self.rng
        firm = late.firm if late else r.choice(self.firms)
        gw = late.gw if late else r.choice(self.gws)
        firm.count += 1
        comp = late.comp if late else self._comp(firm, kind)
        host = r.choice(firm.hosts)
        extra = ""
        if firm.says_sub:
            extra = f"50={r.choice(('trd1', 'eq', 'algo', 'op7'))}\x01"
        beat = 30 if kind == "Health" else firm.beat_s
        manner = Manner(firm, beat, firm.head_layout, firm.is_us, extra)
        link = Link(self.mirror, comp, host, gw, manner)
        link.agent = kind
        text = f"{STREAM}|{self.stem}|{self.seed}|{comp}|{len(self.links)}"
        link.own_rng = Dice(text)
        if kind != "DropCopy":
            insts = late.insts if late else None
            self.desks.append(self._employ(link, insts, pace or self.pace))
        self.links.append(link)
        firm.links.append(link)
        gw.links.append(link)
        self._join(link, late)
        return self.desks[-1]

    def _comp(self, firm: Firm, kind: str) -> str:
        width = 1 + (len(firm.root) > 3)
        word = self.rng.choice(WORDS[kind])
        return f"{firm.root}{self._separator}{word}{firm.count:0{width}d}"

    def _employ(self, link: Link, insts: list[Instrument] | None, pace: float) -> Desk:
        r, every = self.rng, self.market.insts
        counts = {"Maker": r.choice((1, 2, 3, 5, 8)), "Hedger": 1, "Pairs": 2}
        counts |= {"Slicer": 6, "Iceberg": 5}
        count = counts.get(link.agent, r.randrange(2, 12))
        own = insts or r.sample(every, min(count, len(every)))
        pace *= r.lognormvariate(0, 0.3)
        return KINDS[link.agent](self, link, link.own_rng, own, pace)

    def _join(self, link: Link, late: Newcomer | None) -> None:
        r = self.rng
        if late is None and self.is_joined:
            self.clock.after(1, link.join)
            if link.desk:
                self.clock.after(10, link.desk.start)
            return
        t = late.joins_at if late else int(r.uniform(0.1, 4.5) * SECOND)
        link.does_reset = r.random() < 0.6
        if not link.does_reset:
            link.client_seq = r.randrange(5, 400)
            link.gateway_seq = r.randrange(5, 900)
        self.clock.at(t, link.connect)

    def some(self, *agents: str, count: int = 1) -> list[Desk]:
        """Return desks of such kinds, or else of any that trade."""
        found = [desk for desk in self.desks if desk.link.agent in agents]
        if len(found) < count:
            found = [desk for desk in self.desks if desk.link.agent not in QUIET]
        return self.rng.sample(found, count)

    # -- what is told of it --------------------------------------------------------

    def finish(self, path: Path) -> dict[str, Any]:
        """Play the capture and write it; return its labels."""
        self.clock.run(self.dur + 50 * MS + 1)
        self.mirror.save(path)
        start, frames = self.mirror.start_ns, self.mirror.frames
        last = start + frames[-1][0]
        span = (self.dur + self.warm) / SECOND
        return {
            "family": self.name,
            "seed": self.seed,
            "start_ns": start + frames[0][0],
            "end_ns": last,
            "hard": self.hard,
            "frames": len(frames),
            "gateways": [gw.addr for gw in self.gws],
            "endpoints": self._seen_endpoints(),
            "sessions": [
                {
                    "comp": link.comp,
                    "host": link.host.ip,
                    "gateway": link.gw.addr,
                    "agent": link.agent,
                    "rate": round(link.count / span, 2),
                }
                for link in self.links
            ],
            "incidents": [self._told(one, last) for one in self.incidents],
        }
