"""A trading network of one capture: gateways, firms, sessions, a market, labels."""

import dataclasses
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from strangers.arrivals import arrivals
from strangers.gateway import Gateway
from strangers.loop import SECOND, Loop
from strangers.office import office
from strangers.session import Session
from strangers.wire import Host, Tape, save

DAY_NS = 86_400 * SECOND


@dataclasses.dataclass
class Incident:
    """One disturbance: what it is, when, whose fault, which of its traffic harms.

    `harm` holds the times of harmful frames or messages by the key of a culprit: the
    CompID of a session, the address of a host, or `*` for forged sources.
    `sessions` are CompIDs, `hosts` addresses of culprits; `victims` are either;
    `gateway` is `ip:port` if one is hit. From `due_ns` on (the onset, but of what grows
    slowly) it could be told: delays and harm are measured from there.
    """

    cause: str
    onset_ns: int
    end_ns: int = 0
    sessions: list[str] = dataclasses.field(default_factory=list)
    hosts: list[str] = dataclasses.field(default_factory=list)
    victims: list[str] = dataclasses.field(default_factory=list)
    gateway: str = ""
    due_ns: int = 0
    harm: dict[str, list[int]] = dataclasses.field(default_factory=dict)

    def marks(self, key: str) -> list[int]:
        """Return the list in which to note harmful times of a culprit."""
        return self.harm.setdefault(key, [])


class World:
    """What a family of scenarios puts together, runs and saves."""

    def __init__(self, family: str, seed: int) -> None:
        self.family, self.seed = family, seed
        self.rng = rng = np.random.default_rng([seed, zlib.crc32(family.encode())])
        date = int(rng.integers(19_000, 20_400))
        clock = rng.uniform(7 * 3600, 16 * 3600)
        self.start = date * DAY_NS + int(clock * SECOND)
        self.seconds = float(rng.uniform(20, 55))
        self.onset = self.start + int(rng.uniform(6, 15) * SECOND)
        self.loop = Loop(self.start)
        vlan = int(rng.integers(2, 4000)) if rng.random() < 0.15 else 0
        self.tape = Tape(vlan, pad=bool(rng.random() < 0.7))
        self.form = str(rng.choice(["pcap", "nano", "pcapng"]))
        self.midstream = bool(rng.random() < 0.25)
        self.router = bytes([2, *rng.integers(0, 256, 5).tolist()])
        self.routed = bool(rng.random() < 0.5)
        self.net = int(
            rng.choice([10 << 24, 172 << 24 | 16 << 16, 192 << 24 | 168 << 16])
        )
        self.net |= int(rng.integers(0, 16)) << 8
        self._taken: set[int] = set()
        self._comps: set[str] = set()
        self.gateways: list[Gateway] = []
        self.sessions: list[Session] = []
        self.ports: set[tuple[str, int, str]] = set()
        self.incidents: list[Incident] = []
        #: From when on the capture's clock is off, by how many ns.
        self.steps: list[tuple[int, int]] = []
        #: From when to when each frame is mirrored twice.
        self.twice: list[tuple[int, int]] = []
        #: Activity of the whole market: (seconds from the start, level), linear.
        self.market: list[tuple[float, float]] = [(0.0, 1.0)]
        self.prices: dict[str, list[float]] = {}
        self.universe = self._universe()
        self.volatility = float(rng.uniform(0.5, 3))
        self.busy = float(np.exp(rng.uniform(np.log(0.4), np.log(2.5))))

    @property
    def end(self) -> int:
        """Return when the capture ends."""
        return self.start + int(self.seconds * SECOND)

    def second(self, t_ns: int) -> float:
        """Return a time as seconds from the start."""
        return (t_ns - self.start) / SECOND

    def uniform(self, low: float, high: float) -> float:
        """Return a number in [low, high)."""
        return float(self.rng.uniform(low, high))

    def log_uniform(self, low: float, high: float) -> float:
        """Return a number in [low, high), every magnitude as likely."""
        return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))

    def last(self, low: float, high: float) -> int:
        """Return the end of an incident that lasts so many seconds, or to the end."""
        length = self.uniform(low, high)
        self.seconds = max(self.seconds, self.second(self.onset) + length + 3)
        return self.onset + int(length * SECOND)

    # -- who is there -------------------------------------------------------

    def _universe(self) -> list[str]:
        count = int(self.rng.integers(8, 60))
        names = set()
        while len(names) < count:
            size = int(self.rng.integers(1, 5))
            names.add(
                "".join(chr(65 + int(one)) for one in self.rng.integers(26, size=size))
            )
        listed = sorted(names)
        for name in listed:
            self.prices[name] = [self.log_uniform(300, 60000), float(self.start)]
        return listed

    def pick_symbols(self) -> list[str]:
        """Return what one algorithm trades."""
        count = min(len(self.universe), int(self.rng.integers(1, 12)))
        return [
            str(one) for one in self.rng.choice(self.universe, count, replace=False)
        ]

    def cents(self, symbol: str) -> int:
        """Return the price now, after a step of its random walk."""
        price = self.prices[symbol]
        passed = max(0.0, self.loop.now - price[1]) / SECOND
        shock = self.volatility * 3e-4 * np.sqrt(passed) * self.rng.standard_normal()
        price[0] = max(50.0, price[0] * float(np.exp(shock)))
        price[1] = float(self.loop.now)
        return round(price[0])

    def host(self, net: int | None = None) -> Host:
        """Return a host with an address nobody has yet."""
        base = self.net if net is None else net
        while True:
            address = base + int(self.rng.integers(0, 4)) * 256
            address += int(self.rng.integers(2, 250))
            if address not in self._taken:
                break
        self._taken.add(address)
        own = bytes([0, 27, 33, *self.rng.integers(0, 256, 3).tolist()])
        ttl = int(self.rng.choice([64, 64, 128, 255]))
        mac = own
        if self.routed:
            ttl -= int(self.rng.integers(1, 5))
            mac = self.router
        stamps = bool(self.rng.random() < 0.7)
        return Host(
            address, mac, ttl, stamps, *self.rng.integers(32800, 60000, 2).tolist()
        )

    def outside(self) -> Host:
        """Return a host of the public network."""
        while True:
            address = int(self.rng.integers(11 << 24, 223 << 24))
            if address >> 24 not in (10, 127, 172, 192) and address not in self._taken:
                break
        self._taken.add(address)
        return Host(address, self.router, int(self.rng.integers(40, 120)))

    def _comp(self) -> str:
        while True:
            letters = "".join(
                chr(65 + int(one)) for one in self.rng.integers(26, size=4)
            )
            form = int(self.rng.integers(3))
            number = int(self.rng.integers(1, 99))
            name = (f"{letters}{number:02d}", f"{letters}_OE{number}", letters)[form]
            if name not in self._comps:
                self._comps.add(name)
                return name

    def populate(self, count: int = 0, *, spread_s: float = 0.0) -> None:
        """Set up gateways and about thirty sessions, and give them a flow."""
        rng = self.rng
        count = count or int(rng.integers(24, 37))
        for _ in range(int(rng.choice([1, 1, 2, 3]))):
            host = self.host(self.net + (16 << 8))
            host.mac = bytes([0, 28, 115, *rng.integers(0, 256, 3).tolist()])
            port = int(rng.choice([9001, 5001, 4444, 9876, 11000, 7500, 30001]))
            comp = str(rng.choice(["VENUE", "XCHG", "MATCH", "GWY1", "EXEC"]))
            self.gateways.append(Gateway(self.loop, host, port, comp, rng))
        hosts = [self.host() for _ in range(int(rng.integers(count // 2, count + 1)))]
        roles = ["maker", "canceller", "taker", "slicer", "mixed"]
        shares = rng.dirichlet(np.ones(5) * 2)
        for _ in range(count):
            host = hosts[int(rng.integers(len(hosts)))]
            role = str(rng.choice(roles, p=shares))
            self.join(host, role, spread_s)
        office(self)

    def join(self, host: Host, role: str, spread_s: float = 0.0) -> Session:
        """Add a session that logs on early, or did before the capture."""
        rng = self.rng
        gateway = self.gateways[int(rng.integers(len(self.gateways)))]
        session = Session(self, host, gateway, self._comp(), role)
        median = 12.0 if role in ("maker", "canceller") else 3.0
        rate = median * float(np.exp(0.9 * rng.standard_normal()))
        session.rate = float(np.clip(rate, 0.05, 70)) * self.busy
        self.sessions.append(session)
        if spread_s == 0.0 and self.midstream:
            session.adopt()
        else:
            wait = self.uniform(0.01, spread_s or 2.0)
            self.loop.after(wait * SECOND, session.connect)
        return session

    def trade(self, session: Session, sensitivity: float = 1.0) -> None:
        """Give a session its flow, following the market's activity."""
        knots = [(0.0, 1.0), *self.market] if self.market[0][0] else list(self.market)
        levels = [(t, level**sensitivity) for t, level in knots]
        times = arrivals(self.rng, session.rate, self.seconds, levels)
        session.flow(self.start + (times * SECOND).astype(np.int64))

    def trade_all(self) -> None:
        """Give each session a flow; the market moves some more than others."""
        for session in self.sessions:
            self.trade(session, float(self.rng.uniform(0.4, 1.2)))

    def trade_all_but(self, odd: Session) -> None:
        """Give each session but one a flow."""
        for session in self.sessions:
            if session is not odd:
                self.trade(session, float(self.rng.uniform(0.4, 1.2)))

    def incident(self, cause: str, end_ns: int, onset_ns: int = 0) -> Incident:
        """Declare one incident from the onset, unless told otherwise."""
        made = Incident(cause, onset_ns or self.onset, end_ns)
        self.incidents.append(made)
        return made

    def choose(self, low: float = 0.0, high: float = 1e9) -> Session:
        """Return a session whose usual rate lies in the range, if there is one."""
        fit = [one for one in self.sessions if low <= one.rate <= high]
        pool = fit or self.sessions
        return pool[int(self.rng.integers(len(pool)))]

    # -- the result ---------------------------------------------------------

    def labels(self) -> dict[str, Any]:
        """Return what a grader has to know."""
        return {
            "family": self.family,
            "seed": self.seed,
            "start_ns": self.start,
            "end_ns": self.end,
            "midstream": self.midstream,
            "gateways": sorted(f"{g.host.text}:{g.port}" for g in self.gateways),
            "sessions": [
                {
                    "comp": one.comp,
                    "host": one.host.text,
                    "gateway": f"{one.gateway.host.text}:{one.gateway.port}",
                    "role": one.role,
                    "rate": round(one.rate, 2),
                }
                for one in self.sessions
            ],
            "endpoints": sorted(
                [f"{host}:{port}", comp] for host, port, comp in self.ports
            ),
            "incidents": [self._label(one) for one in self.incidents],
        }

    @staticmethod
    def _label(one: Incident) -> dict[str, Any]:
        fields = dataclasses.asdict(one)
        fields["class"] = fields.pop("cause")
        fields["due_ns"] = one.due_ns or one.onset_ns
        fields["harm"] = {key: sorted(times) for key, times in one.harm.items()}
        return fields

    def _shown(self) -> list[tuple[int, bytes]]:
        """Return what the capture file gets: frames in order, stamped by its clock."""
        frames = [one for one in self.tape.sorted() if one[0] < self.end]
        for first, last in self.twice:
            late = int(self.uniform(1, 60) * 1000)
            again = [(t + late, raw) for t, raw in frames if first <= t < last]
            frames = sorted([*frames, *again], key=lambda one: one[0])
        for first, off in self.steps:
            frames = [(t + off * (t >= first), raw) for t, raw in frames]
        return frames

    def finish(self, path: Path) -> dict[str, Any]:
        """Run to the end, write the capture, return its labels."""
        self.loop.run(self.end)
        save(path, self._shown(), self.form)
        return self.labels()
