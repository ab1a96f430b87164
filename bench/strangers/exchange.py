"""An exchange: gateways, firms, and what passes between them in one capture."""

import functools
import math
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

from strangers import exchange_murmur as murmur, exchange_wire as wire
from strangers.exchange_mirror import CAP
from strangers.exchange_session import Session
from strangers.exchange_tcp import Conn, Gateway, Line
from strangers.exchange_traders import ACTS
from strangers.exchange_venue import Symbol, Venue
from strangers.exchange_wire import MS, US, S

_FIRMS = (
    "ARGON BRAMBL CORVID DUNLIN EIDER FULMAR GANNET HARRIR INGOT JACKDW KITTYW LINNET "
    "MERLIN NIGHTJ OSPREY PETREL QUARTZ RAVENS SHRIKE TERNCO UMBRA VIREO WIGEON XENON "
    "YAFFLE ZINC"
)
FIRMS = _FIRMS.split()
#: Kinds of agents, and how many in a hundred sessions are of each.
AGENTS = ("Maker", "Taker", "Slicer", "Clocked", "Basket", "Human", "Silent")
SHARES = (28, 22, 18, 8, 8, 12, 4)
#: The least and greatest pace of each, actions a second.
PACES: dict[str, tuple[float, float]]
PACES = {"Maker": (3, 45), "Taker": (0.6, 18), "Slicer": (0.3, 5)}
PACES |= {"Basket": (0.05, 0.2), "Human": (0.03, 0.4)}


class Exchange(Venue):
    """One capture: who is there, what happens, and what of it is an incident."""

    def __init__(
        self, name: str, seed: int, *, joined: bool | None = None, dur_ns: int = 0
    ) -> None:
        super().__init__(name, seed, dur_ns)
        is_joined = self.rng.random() < 0.25
        self.joined = is_joined if joined is None else joined
        #: How active the market is at a time, by plan.
        self.profile: Callable[[int], float] = lambda _: 1.0
        self.activity = 1.0
        self._noise = 0.0
        self.incidents: list[dict[str, Any]] = []
        self.sessions: list[Session] = []
        self.lines: dict[str, Line] = {}
        self.firm_of: dict[str, str] = {}
        self._open_gateways()
        self._list_symbols()
        self._settle()
        self.hosts = list(self.lines)
        self.mgmt = self.net()
        self.at(0, self._tick)

    def net(self) -> str:
        """Return the first three bytes of some network of firms."""
        return f"10.{self.rng.randrange(1, 250)}.{self.rng.randrange(1, 250)}"

    # -- who is there ------------------------------------------------------------

    def _open_gateways(self) -> None:
        r = self.rng
        a, b = r.randrange(10, 250), r.randrange(1, 250)
        count = r.choice([1, 2, 2])
        port = r.choice([9876, 9823, 11001, 5201, 4400, 7070, 10201])
        self.gwnet = f"10.{a}.{b}"
        own = [f"{self.gwnet}.{11 + at * r.randint(1, 3)}" for at in range(count)]
        self.local |= set(own)
        self.gws = [Gateway(self, ip, port) for ip in own]

    def _list_symbols(self) -> None:
        r = self.rng
        count = r.randint(14, 40)
        names: set[str] = set()
        while len(names) < count:
            letters = range(r.choice([3, 4, 4]))
            names.add("".join(r.choice("ABCDEFGHIKLMNOPRSTUVXYZ") for _ in letters))
        for rank, name in enumerate(r.sample(sorted(names), count), 1):
            price = round(r.between_logs(8, 400), 2)
            self.syms.append(Symbol(name, price, 1 / rank**0.9))

    def _settle(self) -> None:
        r = self.rng
        wanted, firms = r.randint(25, 36), FIRMS.copy()
        r.shuffle(firms)
        while len(self.sessions) < wanted:
            firm, net = firms.pop(), self.net()
            if net == self.gwnet:
                continue
            is_near = r.random() < 0.8
            low, high, unit = (12, 400, US) if is_near else (0.8, 9, MS)
            rtt = int(r.between_logs(low, high) * unit)
            count = 0
            for rank in range(r.choice([1, 1, 2, 2, 3])):
                host = f"{net}.{r.randrange(10, 30) + 30 * rank}"
                self.lines[host] = Line(self, int(rtt * r.uniform(0.9, 1.2)))
                count = self._employ(firm, host, count, wanted)
                if len(self.sessions) >= wanted:
                    break

    def _employ(self, firm: str, host: str, count: int, wanted: int) -> int:
        """Add a machine's sessions; return how many its firm has."""
        r = self.rng
        for _ in range(r.choice([1, 1, 1, 2, 3])):
            count += 1
            comp = self._comp(firm, count)
            agent = r.choices(AGENTS, SHARES)[0]
            trade = agent, self._paces()[agent]
            gw = r.choice(self.gws)
            self.sessions.append(Session(self, comp, host, gw, self.lines[host], trade))
            self.firm_of[comp] = firm
            if len(self.sessions) >= wanted:
                break
        return count

    def _comp(self, firm: str, count: int) -> str:
        if self.form == "%s_%s":
            return f"{firm}_{'ABCDEFGHIJ'[count]}{self.rng.randrange(10)}"
        return self.form % (firm, count)

    def _paces(self) -> dict[str, float]:
        r, paces = self.rng, {"Silent": 0.01}
        for agent in AGENTS[:-1]:
            if agent == "Clocked":
                paces[agent] = r.choice([1, 2, 4, 5, 10])
            else:
                paces[agent] = r.between_logs(*PACES[agent])
        return paces

    def by(self, *agents: str, least: float = 0.0) -> list[Session]:
        """Return sessions of such agents and pace, or else of such agents, or any."""
        own = [s for s in self.sessions if s.agent in agents]
        fit = [s for s in own if least <= s.rate]
        busy = [s for s in self.sessions if s.agent not in ("Silent", "Human")]
        return fit or own or busy

    # -- how they act --------------------------------------------------------------

    def _tick(self) -> None:
        r = self.rng
        self._noise = 0.93 * self._noise + r.gauss(0, 0.09)
        self.activity = math.exp(self._noise) * self.profile(self.now)
        for sym in self.syms:
            step = r.gauss(0, 1.2e-4) * math.sqrt(self.activity)
            sym.mid = max(1.0, sym.mid * (1 + step))
        self.at(self.now + 100 * MS, self._tick)

    def start_sessions(self, within_s: float = 1.3) -> None:
        """Have all log on in the first seconds, or be there already."""
        r = self.rng
        for s in self.sessions:
            if self.joined and r.random() < 0.95:
                self.at(r.randrange(1000), s.join)
            else:
                self.at(int((r.random() ** 1.3) * within_s * S) + 5 * MS, s.start)

    def run_agent(self, one: Session) -> None:
        """Have a session trade as it does, on its connection."""
        if one.running is not None and one.running is one.conn:
            return
        one.running = one.conn
        if one.agent != "Silent" and one.conn is not None:
            self._loop(one, one.conn)

    def _loop(self, s: Session, conn: Conn) -> None:
        if not s.on or conn is not s.conn or conn.closed:
            return
        again = functools.partial(self._loop, s, conn)
        if s.paused:
            self.at(self.now + 50 * MS, again)
        elif s.agent == "Clocked":
            ACTS[s.agent](s)
            beat = int(S / (s.rate * s.boost) * self.rng.uniform(0.98, 1.02))
            self.at(self.now + beat, again)
        else:
            rate = s.rate * s.boost * self.activity**s.beta
            gap = self.rng.expovariate(rate)
            if gap > 0.4:
                self.at(self.now + 400 * MS, again)
            else:
                self.at(self.now + int(gap * S), self._act, s, conn)

    def _act(self, s: Session, conn: Conn) -> None:
        if s.on and conn is s.conn and not s.paused:
            ACTS[s.agent](s)
        self._loop(s, conn)

    # -- what is told of it ----------------------------------------------------------

    def incident(
        self,
        cause: str,
        span: tuple[int, int],
        sessions: Iterable[str] = (),
        hosts: Iterable[str] = (),
        harm: dict[str, list[int]] | None = None,
        **more: Any,
    ) -> None:
        """Note an incident: what, from when till when, whose, and each harmful time."""
        one = {"class": cause, "onset_ns": span[0], "due_ns": span[0]}
        one |= {"end_ns": span[1], "sessions": list(sessions), "hosts": list(hosts)}
        one |= {"victims": [], "gateway": "", "harm": harm or {}}
        self.incidents.append(one | more)

    def _told(self, incident: dict[str, Any], limit: int) -> dict[str, Any]:
        """Return an incident in times of the day, with the harm that was seen."""
        one = incident | {"harm": {}}
        for key, times in incident["harm"].items():
            one["harm"][key] = sorted(int(t) for t in times if t <= limit)
        seen = [times for times in one["harm"].values() if times]
        if seen:
            one["onset_ns"] = one["due_ns"] = min(times[0] for times in seen)
            one["end_ns"] = max(times[-1] for times in seen)
        for key in ("onset_ns", "due_ns", "end_ns"):
            one[key] = int(min(one[key], limit)) + self.base
        shifted = {
            key: [t + self.base for t in times] for key, times in one["harm"].items()
        }
        return one | {"harm": shifted}

    def _listed(self, sessions: Collection[Session]) -> list[dict[str, Any]]:
        return [
            {
                "comp": s.comp,
                "host": s.host,
                "gateway": s.gw.addr,
                "agent": s.agent,
                "rate": round(s.rate, 2),
            }
            for s in sessions
        ]

    def finish(self, path: Path) -> dict[str, Any]:
        """Play the capture and write it; return its labels."""
        listed = self._listed(self.sessions)
        murmur.begin(self, self.gws, (self.gwnet, self.mgmt), self.hosts)
        self.run()
        seen = [one for one in self.frames if 0 <= one[0] <= self.dur]
        seen.sort(key=lambda one: one[0])
        seen = seen[:CAP]
        wire.save(path, seen, self.base)
        limit = seen[-1][0]
        return {
            "family": self.name,
            "seed": self.seed,
            "start_ns": seen[0][0] + self.base,
            "end_ns": limit + self.base,
            "hard": self.hard,
            "frames": len(seen),
            "gateways": [gw.addr for gw in self.gws],
            "endpoints": self.endpoints,
            "sessions": listed,
            "incidents": [self._told(one, limit) for one in self.incidents],
        }
