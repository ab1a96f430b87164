"""A street: firms, gateways and what passes between them in one capture."""

import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from strangers import street_desks as desks, street_wire as wire
from strangers.loop import Loop
from strangers.street_client import Client
from strangers.street_desks import Desk
from strangers.street_dice import Dice
from strangers.street_tcp import Host
from strangers.street_venue import MS, SECOND, US, Gate, Market

_SYMBOLS = (
    "AAPL MSFT NVDA TSLA AMZN GOOG META AMD INTC NFLX ORCL CSCO QCOM AVGO TXN MU IBM "
    "JPM BAC GS MS C WFC XOM CVX PFE MRK JNJ KO PEP MCD NKE DIS BA CAT GE"
)
_FIRMS = (
    "ALPHA BRKR7 CITDL DELTA1 EQFLOW FARO GRAHAM HUDSN IMCX JUMPR KESTREL LIQD MERID "
    "NORTH OPTIV PRISM QUANTA RIVER SUSQ TOWR UNIT5 VIRT WOLVR XRX YIELD ZEPH"
)
SYMBOLS, FIRMS = _SYMBOLS.split(), _FIRMS.split()
#: Kind of desk, and its least and greatest pace, actions a second.
MIX: tuple[tuple[type[Desk], float, float], ...] = (
    (desks.Maker, 20, 140),
    (desks.Maker, 6, 50),
    (desks.Taker, 2, 25),
    (desks.Worker, 1, 12),
    (desks.Basket, 2, 15),
    (desks.Human, 0.2, 1.5),
    (desks.Human, 0.2, 2),
    (desks.Clocked, 2, 10),
    (desks.Worker, 3, 20),
    (desks.Taker, 8, 60),
)
DAY = 1_773_100_800


class Street(Loop):
    """One capture: who is there, what happens, and what of it is an incident."""

    def __init__(self, name: str, seed: int) -> None:
        dice = self.dice = Dice(name, seed)
        start = DAY + 86_400 * dice.below(4) + dice.between(8 * 3600, 16 * 3600)
        self.start = start * SECOND + dice.below(SECOND)
        super().__init__(self.start)
        self.name, self.seed = name, seed
        self.hard = dice.random()
        self.length = int(dice.uniform(22, 36) * SECOND)
        self.frames: list[tuple[int, bytes]] = []
        self.incidents: list[dict[str, Any]] = []
        self.endpoints: dict[str, str] = {}
        self.skew_ns = 0
        self.activity = 1.0
        self.warp: Callable[[int], int] = int
        self.vlan = dice.choice((0, 0, 0, 100, 2041))
        self.near_ns = dice.choice((2, 5, 12)) * US
        self.unit_ns = dice.choice((1, 1, 1, 1, 1000))
        self.symbols = dice.sample(SYMBOLS, dice.between(6, 24))
        self.market = Market(self, self.symbols)
        self.nets = dice.sample(range(1, 250), 40)
        self.gates: list[Gate] = []
        self.clients: list[Client] = []
        self._open_gates()
        self._settle()
        self._murmur()

    # -- time ------------------------------------------------------------------

    def at_share(self, share: float) -> int:
        """Return the time at a share of the capture."""
        return self.start + int(self.length * share)

    def tap_ns(self) -> int:
        """Return the time from the tap to a gateway."""
        return int(self.near_ns * self.dice.uniform(1, 1.2))

    def put(self, t_ns: int, frame: bytes) -> None:
        """Have the tap see a frame."""
        self.frames.append((t_ns, frame))

    def pick(self, easy: float, hard: float) -> float:
        """Return how much of something there is, by how hard this seed is."""
        return easy * (hard / easy) ** self.hard * self.dice.uniform(0.85, 1.15)

    # -- who is there ------------------------------------------------------------

    def _open_gates(self) -> None:
        dice = self.dice
        comp = dice.choice(("XCHG", "VENUE1", "MATCH", "EXCH-GW", "LSEX"))
        is_one = dice.chance(0.5)
        net = f"10.{self.nets[0]}.{dice.between(1, 200)}"
        port = dice.choice((9878, 5001, 7001, 30100, 4199, 9000))
        self.feeder = Host(self, f"{net}.200", 5 * US, "linux")
        self.group = Host(self, "239.12.7.1", 0, "linux")
        self.group.nic.mac = b"\x01\x00\x5e\x0c\x07\x01"
        for number in range(dice.choice((1, 2, 2, 3, 4))):
            kind = dice.choice(("linux", "bypass"))
            host = Host(self, f"{net}.{10 + number}", self.near_ns, kind)
            name = comp if is_one else f"{comp}{number + 1}"
            own = port + number if dice.chance(0.3) else port
            self.gates.append(Gate(self, host, own, name))
            self.gates[-1].market = self.market

    def host(self, address: str) -> Host:
        """Return a new machine of some firm."""
        dice = self.dice
        kind = dice.choice(("linux", "linux", "linux", "bypass", "windows", "bsd"))
        is_far = dice.chance(0.3)
        delay = dice.uniform(0.3, 9) * MS if is_far else dice.uniform(8, 90) * US
        mtu = dice.choice((1500, 1500, 1500, 9000, 1400))
        made = Host(self, address, int(delay), kind, mtu)
        made.jitter = dice.choice((0.01, 0.05, 0.15))
        return made

    def tool(self, address: str) -> Host:
        """Return a machine of those who run the network."""
        return Host(self, f"10.{self.nets[33]}.{address}", 70 * US, "linux")

    def _settle(self) -> None:
        dice = self.dice
        wanted, scale = dice.between(26, 35), dice.choice((0.2, 0.4, 0.7))
        style = dice.below(3)
        names = dice.sample(FIRMS, len(FIRMS))
        for number, firm in enumerate(names):
            if len(self.clients) >= wanted:
                break
            net = f"10.{self.nets[1 + number]}.{dice.below(255)}"
            for k in range(dice.choice((1, 1, 2, 3, 4))):
                host = self.host(f"{net}.{20 + k * (dice.between(1, 4) + 1)}")
                for m in range(dice.choice((1, 1, 1, 2))):
                    styles = (f"_{k}{m}", f"{10 * k + m + 1:02d}", f".{'ABCD'[k]}{m}")
                    self._employ(firm + styles[style], host, scale)
        for one in self.clients:
            if one.desk.is_silent:
                one.gate.copies.append(one.gate.known[one.comp])

    def _employ(self, comp: str, host: Host, scale: float) -> None:
        dice = self.dice
        beat_s = dice.choice((10, 20, 30, 30, 30, 60))
        one = Client(self, comp, host, dice.choice(self.gates), beat_s)
        kind, low, high = dice.choice(MIX)
        if dice.chance(0.04):
            kind = desks.Silent
        rate = low * (high / low) ** dice.random() * scale
        desk = kind(self, one, rate, dice.sample(self.symbols, dice.between(1, 12)))
        self.clients.append(one)
        one.adopt()
        desk.kick()

    def active(
        self, low: float = 0, high: float = 1e9, kind: type[Desk] = Desk
    ) -> Client:
        """Return a client of such a pace that was not returned before, if any is."""
        own = [one for one in self.clients if not one.desk.is_silent]
        own = [one for one in own if not one.desk.is_used] or own
        own = [one for one in own if isinstance(one.desk, kind)] or own
        fit = [one for one in own if low <= one.desk.rate <= high]
        if fit:
            one = self.dice.choice(fit)
        else:
            one = min(own, key=lambda each: abs(each.desk.rate - low))
        one.desk.is_used = True
        return one

    def shift(self, activity: float) -> None:
        """Have the whole market act so much more from now on."""
        self.activity = activity
        for one in self.clients:
            if one.is_up:
                one.desk.kick()

    # -- what else passes by -------------------------------------------------------

    def _murmur(self) -> None:
        dice = self.dice
        if dice.chance(0.6):
            clock = self.tool("0.5")
            for host in dict.fromkeys(one.host for one in self.clients):
                if dice.chance(0.5):
                    every = dice.choice((8, 16, 32))
                    self.after(
                        dice.random() * 16 * SECOND, self._ntp, host, clock, every
                    )
        if dice.chance(0.5):
            session = b"%010d" % dice.below(10**6)
            rate = dice.choice((40, 120, 300))
            self.after(dice.random() * SECOND, self._feed, rate, session, 1000)
        if dice.chance(0.6):
            every = dice.choice((1, 5, 10))
            self.after(
                dice.random() * 5 * SECOND, self._ping, self.tool("0.9"), every, 1
            )

    def _ntp(self, host: Host, clock: Host, every: int) -> None:
        for source, target, head in ((host, clock, 0x23), (clock, host, 0x24)):
            body = bytes([head, 2, 6, 0xEC]) + self.dice.octets(44)
            late = 90 * US if source is clock else 0
            frame = wire.udp(source.nic, target.nic, (123, 123), body)
            self.put(self.now + late, frame)
        self.after(every * SECOND, self._ntp, host, clock, every)

    def _ping(self, watch: Host, every: int, number: int) -> None:
        rest = struct.pack("!HH", 77, number) + b"x" * 48
        for gate in self.gates:
            self.put(self.now, wire.icmp(watch.nic, gate.host.nic, (8, 0), rest))
            back = wire.icmp(gate.host.nic, watch.nic, (0, 0), rest)
            self.put(self.now + 50 * US, back)
        self.after(every * SECOND, self._ping, watch, every, number + 1)

    def _feed(self, rate: float, session: bytes, number: int) -> None:
        dice, parts = self.dice, []
        for _ in range(dice.between(1, 5)):
            symbol = dice.choice(self.symbols)
            head = struct.pack("!HcHH", 36, b"A", 1, 0)
            side = dice.choice((b"B", b"S"))
            price = int(self.market.middle[symbol] * 10_000)
            when = (self.now % (86_400 * SECOND)).to_bytes(6, "big")
            name = symbol.ljust(8).encode()
            body = struct.pack("!QcI8sI", number, side, 100, name, price)
            parts.append(head + when + body)
        body = session + struct.pack("!QH", number, len(parts)) + b"".join(parts)
        nics = self.feeder.nic, self.group.nic
        self.put(self.now, wire.udp(*nics, (26400, 26400), body))
        wait = dice.wait(1 / (rate * self.activity)) * SECOND
        self.after(wait, self._feed, rate, session, number + len(parts))

    # -- what of it is told ----------------------------------------------------------

    def incident(
        self,
        cause: str,
        span: tuple[float, float],
        sessions: Iterable[str] = (),
        hosts: Iterable[str] = (),
        **more: Any,
    ) -> dict[str, Any]:
        """Note an incident; `more` may name victims and a gateway."""
        made = {"class": cause, "sessions": list(sessions), "hosts": list(hosts)}
        made |= {"onset_ns": int(span[0]), "due_ns": int(span[0])}
        made |= {"end_ns": int(span[1]), "harm": {}, "victims": [], "gateway": ""}
        made |= more
        self.incidents.append(made)
        return made

    def hurt(self, incident: dict[str, Any], who: str, t_ns: int) -> None:
        """Note one thing that did harm, when the tap saw it."""
        if t_ns and t_ns < self.start + self.length:
            incident["harm"].setdefault(who, []).append(int(t_ns))

    def finish(self, path: Path) -> dict[str, Any]:
        """Run, write the capture, return its labels."""
        end = self.start + self.length
        self.run(end)
        for one in self.incidents:
            times = [t_ns for own in one["harm"].values() for t_ns in own]
            if times:
                one["onset_ns"] = one["due_ns"] = min(times)
                one["end_ns"] = max(one["end_ns"], max(times) + 1)
            one["end_ns"] = min(one["end_ns"], end)
        kept = [one for one in self.frames if self.start <= one[0] < end]
        frames = [(self.warp(t_ns), frame) for t_ns, frame in kept]
        wire.save(path, frames, self.unit_ns)
        sessions = [
            {"comp": one.comp, "host": one.host.address, "gateway": one.gate.name}
            for one in self.clients
        ]
        return {
            "family": self.name,
            "seed": self.seed,
            "start_ns": self.start,
            "end_ns": end,
            "hard": round(self.hard, 3),
            "gateways": [one.name for one in self.gates],
            "endpoints": self.endpoints,
            "sessions": sessions,
            "incidents": self.incidents,
        }
