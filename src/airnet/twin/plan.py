"""Plan: a whole world as data: every row, every label, what must be made of it.

A Plan is drawn from a seed within a domain (airnet.twin.ranges); a scenario of the
catalogue then disturbs it. Two Plans of one seed and domain differ in nothing but the
disturbance. `rows()` is what `airnet._ext.twin.World` takes.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from airnet.config import Firm, Gateway, SessionKind, Site, SiteSession
from airnet.domain.address import address_bytes, address_text
from airnet.domain.decision import Action, Tier
from airnet.domain.verdict import Cause
from airnet.twin import rows_line, rows_market, rows_strike
from airnet.twin.market import SECOND_NS, stream
from airnet.twin.ranges import Ranges
from airnet.twin.spec import Mark, Spec

DTYPES: Mapping[str, np.dtype[np.void]] = {
    "venue": rows_market.VENUE,
    "symbol": rows_market.SYMBOL,
    "agent": rows_market.AGENT,
    "news": rows_market.NEWS,
    "fault": rows_market.FAULT,
    "host": rows_line.HOST,
    "line": rows_line.LINE,
    "dialect": rows_line.DIALECT,
    "feed": rows_line.FEED,
    "murmur": rows_line.MURMUR,
    "trouble": rows_line.TROUBLE,
    "strike": rows_strike.STRIKE,
    "sensor": rows_strike.SENSOR,
}
NONE = rows_strike.NONE
#: Monday 2026-11-16 14:30 UTC, when New York opens; an episode lies in that week.
MONDAY_S = 1_794_839_400
DAY_NS = 86_400 * SECOND_NS
TRADING_NS = int(6.5 * 3600) * SECOND_NS
KINDS: tuple[SessionKind, ...] = (
    "other",
    "market_maker",
    "taker",
    "execution",
    "arbitrage",
    "drop_copy",
)

Span = tuple[int, int]


class Table:
    """Rows of one dtype in the making; a row is filled by name, the rest is zero."""

    def __init__(self, dtype: np.dtype[np.void]) -> None:
        self.dtype = dtype
        self._rows: list[np.void] = []

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> np.void:
        return self._rows[index]

    def add(self, **values: Any) -> int:
        """Append a row and return its index."""
        row: np.void = np.zeros(1, self.dtype)[0]
        for name, value in values.items():
            row[name] = value
        self._rows.append(row)
        return len(self._rows) - 1

    def array(self) -> NDArray[np.void]:
        """Return the rows as one contiguous array."""
        made = np.zeros(len(self._rows), self.dtype)
        for index, row in enumerate(self._rows):
            made[index] = row
        return made


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller fixes about an episode; 0 and None: as the domain has it.

    `difficulty` goes from 0 (an incident shouts, a benign day is mild) to 1 (an
    incident hides, a benign day looks like one).
    """

    duration_s: float = 0.0
    sessions: int = 0
    symbols: int = 0
    difficulty: float | None = None


class Plan:
    """A world in the making.

    Args:
        scenario: what will happen, a name of the catalogue.
        spec: what must be made of it.
        seed: of everything.
        ranges: the domain it is drawn from.
        size: what the caller fixes.
    """

    def __init__(
        self, scenario: str, spec: Spec, seed: int, ranges: Ranges, size: Size
    ) -> None:
        self.scenario, self.spec = scenario, spec
        self.seed, self.ranges = seed, ranges
        self.rng = stream(seed, "scenario", scenario, ranges.name)
        everyone = stream(seed, "plan", ranges.name)
        self.sessions = size.sessions or whole(everyone, ranges.sessions)
        self.symbols = size.symbols or whole(everyone, ranges.symbols)
        duration_s = size.duration_s or spec.duration_s
        self.duration_ns = int(duration_s * SECOND_NS)
        drawn = self.rng.uniform(*ranges.difficulty)
        self.difficulty = float(drawn if size.difficulty is None else size.difficulty)
        day = int(everyone.integers(5)) * DAY_NS
        into = int(everyone.uniform(0.03, 0.9) * TRADING_NS) // 1000 * 1000
        self.open_ns = MONDAY_S * SECOND_NS + day
        self.start_ns = self.open_ns + into
        self.end_ns = self.start_ns + self.duration_ns
        self.tables = {name: Table(dtype) for name, dtype in DTYPES.items()}
        self.labels: list[Mark] = []
        self.firms: list[str] = []
        self.strangers: set[int] = set()
        self._taken: set[bytes] = set()
        self._agents: dict[int, list[int]] = {}
        self._gateways: list[int] = []

    # ---- rows ----

    def add(self, table: str, **values: Any) -> int:
        """Append a row to a table and return its index."""
        number = self.tables[table].add(**values)
        if table == "agent":
            line = int(self.tables[table][number]["line"])
            self._agents.setdefault(line, []).append(number)
        elif table == "host" and values.get("is_gateway"):
            self._gateways.append(number)
        return number

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        return len(self.tables[table])

    def row(self, table: str, index: int) -> np.void:
        """Return a row, which may be changed."""
        return self.tables[table][index]

    def rows(self) -> dict[str, NDArray[np.void]]:
        """Return every table as an array, by the name World calls it."""
        return {name: table.array() for name, table in self.tables.items()}

    def take(self, address: str) -> bool:
        """Reserve an address; false when somebody has it."""
        key = address_bytes(address)
        is_new = key not in self._taken
        self._taken.add(key)
        return is_new

    # ---- who is who ----

    @property
    def gateways(self) -> list[int]:
        """Return the HOST rows of the gateways."""
        return list(self._gateways)

    def address(self, host: int) -> str:
        """Return a host's address as text."""
        return address_text(self.row("host", host)["address"].tobytes())

    def comp(self, line: int) -> str:
        """Return a line's client CompID."""
        return bytes(self.row("line", line)["client_comp"]).rstrip(b"\0").decode()

    def name_of(self, line: int) -> tuple[str, str]:
        """Return a line's client `ip:port` (of its first connection) and CompID."""
        row = self.row("line", line)
        port = int(row["client_port"])
        return f"{self.address(int(row['client']))}:{port}", self.comp(line)

    def agents_of(self, line: int) -> list[int]:
        """Return the agents that speak on a line."""
        return list(self._agents.get(line, ()))

    def kind_of(self, line: int) -> SessionKind:
        """Return what kind of agent speaks on a line, as a site file says it."""
        agents = self.agents_of(line)
        return KINDS[int(self.row("agent", agents[0])["kind"])] if agents else "other"

    def site(self) -> Site:
        """Return the network as its engineers know it."""
        firms: dict[str, list[SiteSession]] = {}
        for line in range(self.count("line")):
            if line in self.strangers:
                continue
            session = SiteSession(
                host=self.address(int(self.row("line", line)["client"])),
                comp_id=self.comp(line),
                kind=self.kind_of(line),
            )
            firms.setdefault(self.firms[line], []).append(session)
        gateways = {}
        for line in range(self.count("line")):
            row = self.row("line", line)
            address = self.address(int(row["gateway"]))
            comp = bytes(row["gateway_comp"]).rstrip(b"\0").decode()
            port = int(row["gateway_port"])
            gateways[address, port] = Gateway(ip=address, port=port, comp_id=comp)
        return Site(
            gateways=tuple(gateways[key] for key in sorted(gateways)),
            firms=tuple(
                Firm(
                    name=name,
                    hosts=tuple(sorted({session.host for session in own})),
                    sessions=tuple(own),
                )
                for name, own in sorted(firms.items())
            ),
        )

    # ---- when and how hard ----

    def span(self, shortest: float, longest: float) -> Span:
        """Return onset and offset, lasting these shares of the episode."""
        onset = self.start_ns + int(self.rng.uniform(0.35, 0.5) * self.duration_ns)
        length = self.rng.uniform(shortest, longest) * self.duration_ns
        return onset, min(onset + int(length), self.end_ns - self.duration_ns // 20)

    def easy(self, hardest: float, easiest: float) -> float:
        """Return a strength between these, log-spaced along the difficulty."""
        share = min(max(self.difficulty, 0.0), 1.0)
        return float(easiest ** (1.0 - share) * hardest**share)

    def ramp_ns(self, span: Span) -> int:
        """Return how long an incident takes to its full strength."""
        most = 0.5 * (span[1] - span[0])
        return int(min(self.difficulty**2 * 3 * SECOND_NS, most))

    def mark(self, span: Span, about: str, **known: Any) -> int:
        """Note what happens, and return its number, which rows of it carry.

        What `known` (fields of Mark) leaves out is as the Spec has it; sessions and
        hosts are those of the lines.
        """
        spec = self.spec
        lines = known.get("lines", ())
        hosts = {self.address(int(self.row("line", n)["client"])) for n in lines}
        fields: dict[str, Any] = {
            "cause": spec.cause,
            "action": spec.action,
            "tier": spec.tier,
            "tier_max": spec.tier_max,
            "scope": spec.scope,
            "severity": spec.severity,
            "sessions": tuple(self.name_of(line) for line in lines),
            "hosts": tuple(sorted(hosts)),
        }
        number = len(self.labels) + 1
        self.labels.append(
            Mark(
                number=number,
                onset_ns=span[0],
                offset_ns=span[1],
                about=about,
                **(fields | known),
            )
        )
        return number

    def aside(self, span: Span, about: str, cause: Cause, **known: Any) -> int:
        """Note something benign that happens besides what the scenario is about."""
        quiet = {
            "action": Action.OBSERVE,
            "tier": Tier.OBSERVE,
            "tier_max": Tier.OBSERVE,
            "scope": None,
            "severity": "benign",
        }
        return self.mark(span, about, cause=cause, **(quiet | known))


def whole(rng: np.random.Generator, span: tuple[int, int]) -> int:
    """Return an integer of a span, log-uniform."""
    return round(float(np.exp(rng.uniform(np.log(span[0]), np.log(span[1])))))


def within(rng: np.random.Generator, span: tuple[float, float]) -> float:
    """Return a number of a span, log-uniform."""
    return float(np.exp(rng.uniform(np.log(span[0]), np.log(span[1]))))


def mapped(address: str) -> NDArray[np.uint8]:
    """Return an address as rows hold it: 16 bytes, IPv4 mapped."""
    return np.frombuffer(address_bytes(address), np.uint8)
