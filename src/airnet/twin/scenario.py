"""Scenario: what happens in an episode, and what must be made of it, as data.

A scenario file is a function of a `World`, which it populates and disturbs with
nothing but the world's own seeded streams, plus an `Expectation`.
"""

from collections.abc import Callable
from typing import Protocol

import msgspec
import numpy as np

from airnet.config import Firm, Gateway, SessionKind, Site, SiteSession
from airnet.domain.decision import Action, Tier
from airnet.domain.verdict import Cause
from airnet.twin.dialect import Dialect, draw
from airnet.twin.flow import Impairment
from airnet.twin.line import Connection, Manner, Truth
from airnet.twin.market import SECOND_NS, Burst, Market, Pace, stream
from airnet.twin.trader import MESSAGES, Terms
from airnet.twin.venue import Odds
from airnet.twin.wire import Frame, Host

#: 2026-11-16 08:00 UTC; an episode starts within the five days and ten hours after.
EPOCH_S = 1_794_816_000
KINDS: tuple[SessionKind, ...] = ("market_maker", "taker", "execution", "arbitrage")
KIND_SHARES = (0.35, 0.25, 0.25, 0.15)
#: Median order messages a second, by kind, and the spread (sigma, lognormal).
RATES = {
    "market_maker": (35.0, 0.8),
    "taker": (5.0, 0.7),
    "execution": (4.0, 0.6),
    "arbitrage": (20.0, 0.9),
}
RATE_MIN, RATE_MAX = 0.2, 250.0


class Params(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller may fix; 0 and "" mean: draw it from the scenario's range.

    `rate` is the mean order messages a second of a session; `excess` how many times
    its own rate a failing algorithm adds, or a burst multiplies; `flood_pps` the
    packets a second of a flood; `background` scales what is not trading;
    `midstream` the share of sessions that began before the capture; `impairment`
    the share of segments sent twice or late.
    """

    duration_s: float = 20.0
    sessions: int = 12
    symbols: int = 16
    rate: float = 0.0
    excess: float = 0.0
    onset_s: float = 0.0
    incident_s: float = 0.0
    flood_pps: float = 0.0
    version: str = ""
    background: float = 1.0
    midstream: float = 0.0
    impairment: float = 0.0
    split: float = 0.004


def randomised(seed: int, duration_s: float = 20.0) -> Params:
    """Return parameters drawn from the ranges models are trained on."""
    rng = stream(seed, "params")
    return Params(
        duration_s=duration_s,
        sessions=int(rng.integers(3, 31)),
        symbols=int(rng.integers(4, 60)),
        background=float(rng.choice([0.2, 1.0, 2.0])),
        midstream=float(rng.choice([0.0, 0.0, 0.5, 1.0])),
        impairment=float(rng.choice([0.0, 0.0, 0.001, 0.005])),
        split=float(rng.choice([0.0, 0.004, 0.02])),
    )


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, from when to when, who did it, and what may be done about it.

    `sessions` are the culprits, client "ip:port" and CompID. `tier_max` is the
    furthest an answer may reach; `action` the one that helps most.
    """

    cause: Cause
    onset_ns: int
    offset_ns: int
    sessions: tuple[tuple[str, str], ...] = ()
    hosts: tuple[str, ...] = ()
    action: Action = Action.OBSERVE
    tier_max: Tier = Tier.OBSERVE
    about: str = ""


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """What must come of a scenario: the Cause, the action, and how soon.

    `within_ms` is from the label's onset; 0 means that nothing may be contained.
    """

    cause: Cause = Cause.NORMAL
    action: Action = Action.OBSERVE
    tier_max: Tier = Tier.OBSERVE
    within_ms: int = 0


class Fault(msgspec.Struct, kw_only=True):
    """What a session's algorithm does besides its work, at these epoch times."""

    times: np.ndarray[tuple[int], np.dtype[np.int64]]
    terms: Terms


class SessionPlan(msgspec.Struct, kw_only=True):
    """One FIX session of a firm, as the episode will play it."""

    name: str
    firm: str
    host: Host
    gateway: int
    comp: str
    kind: SessionKind
    symbols: tuple[int, ...]
    pace: Pace
    dialect: Dialect
    manner: Manner
    odds: Odds
    turn_ns: tuple[int, int]
    connections: list[Connection]
    period_ns: int = 0
    is_known: bool = True
    faults: list[Fault] = msgspec.field(default_factory=list)

    @property
    def rate(self) -> float:
        """Return its order messages a second."""
        return self.pace.rate * MESSAGES[self.kind]

    def name_at(self, time_ns: int) -> tuple[str, str]:
        """Return client `ip:port` and CompID of the connection in use at a time."""
        ports = [c.client_port for c in self.connections if c.open_ns <= time_ns]
        return f"{self.host.ip}:{ports[-1]}", self.comp


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """An order gateway."""

    host: Host
    port: int
    comp: str


class Disturbance(Protocol):
    """Traffic that is no session of the firms: an attack, a scan, a stray logon."""

    def __call__(self, world: "World", frames: list[Frame], truth: Truth, /) -> None:
        """Append frames in any order and count the messages in them."""
        ...


Mirror = Callable[["World", list[Frame]], list[Frame]]


class World:
    """An episode in the making. Times are ns since the epoch."""

    def __init__(self, scenario: str, seed: int, params: Params) -> None:
        self.scenario, self.seed, self.params = scenario, seed, params
        self.rng = stream(seed, "world", scenario)
        self.duration_ns = int(params.duration_s * SECOND_NS)
        day, clock = self.rng.integers(0, 5), self.rng.integers(0, 36_000_000_000)
        self.start_ns = (EPOCH_S + int(day) * 86_400) * SECOND_NS + int(clock) * 1000
        self.end_ns = self.start_ns + self.duration_ns
        self.market = Market(seed, params.symbols, self.duration_ns)
        self.impairment = Impairment(
            split=params.split,
            retransmit=params.impairment / 2,
            reorder=params.impairment / 2,
        )
        self.net = f"10.{self.rng.integers(1, 250)}"
        self.padded = bool(self.rng.random() < 0.7)
        vlan = int(self.rng.integers(1, 4000))
        tagged = self.rng.random() < 0.15
        self.tag = b"\x81\x00" + vlan.to_bytes(2, "big") if tagged else b""
        self._taken: set[str] = set()
        self.servers: list[Server] = []
        self.sessions: list[SessionPlan] = []
        self.hosts: list[Host] = []
        self.labels: list[Label] = []
        self.disturbances: list[Disturbance] = []
        self.mirrors: list[Mirror] = []

    # ---- who is there ----

    def new_host(self, ip: str = "") -> Host:
        """Return a new machine with header trivia like everyone else's."""
        rng = self.rng
        while not ip or ip in self._taken:
            third = int(rng.integers(1, 40))
            ip = f"{self.net}.{third}.{rng.integers(2, 254)}"
        self._taken.add(ip)
        return Host(
            ip=ip,
            mac=b"\x02" + rng.bytes(5),
            ttl=int(rng.choice([64, 64, 64, 63, 62, 128, 127])),
            has_stamps=bool(rng.random() < 0.8),
            is_padded=self.padded,
            tag=self.tag,
        )

    def stranger(self) -> Host:
        """Return a machine no firm has: from inside the network, or outside it."""
        if self.rng.random() < 0.6:
            return self.new_host()
        octets = self.rng.integers(2, 250, 4)
        return self.new_host(".".join(str(octet) for octet in octets))

    def new_port(self) -> int:
        """Return an ephemeral port (Linux's default range)."""
        return int(self.rng.integers(32_768, 60_999))

    def populate(self) -> None:
        """Fill the world with gateways, firms and sessions as the parameters say."""
        rng = self.rng
        style = rng.integers(0, 3)
        for number in range(1 + (self.params.sessions > 20)):
            comp = ("VENUE", "XGATE", "EXCH")[style] + (str(number) if number else "")
            port = int(rng.choice([9878, 5001, 9100, 4100, 30_001, 15_500]))
            self.servers.append(Server(host=self.new_host(), port=port, comp=comp))
        latency_ns = int(np.exp(rng.uniform(np.log(60e3), np.log(3e6))))
        self.manner = Manner(
            latency_ns=latency_ns,
            spread=float(rng.uniform(0.2, 0.8)),
            coalesce_ns=int(rng.choice([0, 0, 20_000, 100_000])),
        )
        firms = max(1, self.params.sessions // int(rng.integers(1, 4)))
        for number in range(self.params.sessions):
            place = 0 if number == 0 else rng.choice(len(KINDS), p=KIND_SHARES)
            self.add_session(f"FIRM{number % firms + 1:02d}", KINDS[int(place)])

    def add_session(
        self, firm: str, kind: SessionKind, rate: float = 0.0
    ) -> SessionPlan:
        """Add one session of a firm, drawn like all others."""
        number = len(self.sessions)
        rng = stream(self.seed, "plan", number, self.scenario)
        host = self._host_of(firm, rng)
        rate = rate or self._rate_of(kind, rng)
        midstream = rng.random() < self.params.midstream
        early_s = 2.0 if midstream else -float(rng.uniform(0.01, 0.5))
        connection = Connection(
            open_ns=self.start_ns - int(early_s * SECOND_NS),
            close_ns=self.end_ns,
            client_port=int(rng.integers(32_768, 60_999)),
        )
        is_periodic = kind == "execution" and rng.random() < 0.5
        plan = SessionPlan(
            name=f"session{number}",
            firm=firm,
            host=host,
            gateway=int(rng.integers(len(self.servers))),
            comp=f"{firm}{('A', '_MM', '-')[number % 3]}{number}",
            kind=kind,
            symbols=self._symbols_of(rng),
            pace=_pace(rng, max(rate, RATE_MIN) / MESSAGES[kind]),
            dialect=draw(rng, self.params.version),
            manner=msgspec.structs.replace(
                self.manner, batches=bool(rng.random() < 0.7)
            ),
            odds=Odds(
                reject=float(rng.uniform(0.0, 0.01)),
                fill=float(rng.uniform(0.01, 0.12)),
                immediate_fill=float(rng.uniform(0.3, 0.9)),
            ),
            turn_ns=(int(rng.uniform(2e4, 4e5)), int(rng.uniform(1e4, 8e4))),
            connections=[connection],
            period_ns=int(rng.choice([250_000_000, SECOND_NS])) if is_periodic else 0,
        )
        self.sessions.append(plan)
        return plan

    def _host_of(self, firm: str, rng: np.random.Generator) -> Host:
        """Return a host for a firm's next session: one it has, or a new one."""
        own = [plan.host for plan in self.sessions if plan.firm == firm]
        if own and rng.random() < 0.5:
            return own[int(rng.integers(len(own)))]
        host = self.new_host()
        self.hosts.append(host)
        return host

    def _rate_of(self, kind: str, rng: np.random.Generator) -> float:
        """Return order messages a second for a session of a kind."""
        if self.params.rate:
            return self.params.rate * float(rng.lognormal(0.0, 0.2))
        median, spread = RATES[kind]
        return float(np.clip(rng.lognormal(np.log(median), spread), RATE_MIN, RATE_MAX))

    def _symbols_of(self, rng: np.random.Generator) -> tuple[int, ...]:
        """Return what a session trades: popular symbols more often."""
        count = int(rng.integers(1, min(12, self.params.symbols) + 1))
        chosen = rng.choice(
            self.params.symbols, count, replace=False, p=self.market.weights
        )
        return tuple(sorted(int(symbol) for symbol in chosen))

    # ---- what happens ----

    def span(self, shortest_s: float, longest_s: float) -> tuple[int, int]:
        """Return onset and offset of the disturbance, by parameters or drawn."""
        duration = self.params.duration_s
        onset = self.params.onset_s or self.rng.uniform(0.3, 0.55) * duration
        length = self.params.incident_s or self.rng.uniform(shortest_s, longest_s)
        onset_ns = self.start_ns + int(onset * SECOND_NS)
        return onset_ns, min(onset_ns + int(length * SECOND_NS), self.end_ns)

    def excess(self, least: float, most: float) -> float:
        """Return how strong the disturbance is, by parameters or log-uniform."""
        if self.params.excess:
            return self.params.excess
        return float(np.exp(self.rng.uniform(np.log(least), np.log(most))))

    def pick(self, *kinds: str) -> SessionPlan:
        """Return one session, of one of the kinds where there is such a one."""
        fitting = [plan for plan in self.sessions if plan.kind in kinds]
        among = fitting or self.sessions
        return among[int(self.rng.integers(len(among)))]

    def burst(self, burst: Burst, cause: Cause, about: str) -> None:
        """Make the market busier, and label it."""
        self.market.bursts.append(burst)
        self.labels.append(
            Label(
                cause=cause,
                onset_ns=self.start_ns + burst.onset_ns,
                offset_ns=min(self.start_ns + burst.offset_ns, self.end_ns),
                about=about,
            )
        )

    def site(self) -> Site:
        """Return the network as its engineers know it."""
        firms = []
        known = [plan for plan in self.sessions if plan.is_known]
        for name in sorted({plan.firm for plan in known}):
            own = [plan for plan in known if plan.firm == name]
            hosts = tuple(sorted({plan.host.ip for plan in own}))
            sessions = tuple(
                SiteSession(
                    host=plan.host.ip,
                    comp_id=plan.comp,
                    kind=plan.kind,
                )
                for plan in own
            )
            firms.append(Firm(name=name, hosts=hosts, sessions=sessions))
        gateways = tuple(
            Gateway(ip=server.host.ip, port=server.port, comp_id=server.comp)
            for server in self.servers
        )
        return Site(gateways=gateways, firms=tuple(firms))


def _pace(rng: np.random.Generator, rate: float) -> Pace:
    """Return how a session's activity clusters, around `rate` a second."""
    return Pace(
        rate=rate,
        response=float(rng.uniform(0.6, 1.2)),
        fast=float(rng.uniform(0.3, 0.55)),
        slow=float(rng.uniform(0.1, 0.3)),
        fast_ns=int(rng.uniform(1e6, 20e6)),
        slow_ns=int(rng.uniform(100e6, 800e6)),
        drift=float(rng.uniform(0.1, 0.45)),
    )
