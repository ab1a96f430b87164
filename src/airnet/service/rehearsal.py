"""Rehearsal: the fast lane's own work on a flood that never was, every few ms.

Floods are rare. Code and data that nobody used for seconds are in no cache when one
comes, and the same work takes several times as long (ADR 0038). So a lane that has
a guard, and nothing else to do, scores a made-up flood, decides and writes a rule that
has already ended, with a judge, arms and an actuator of its own: nothing that
remembers, and nothing in force, is touched. One part at a time, for no frame is looked
at meanwhile.
"""

import contextlib
from collections.abc import Callable
from itertools import count

import msgspec
import numpy as np
from numpy.typing import NDArray

from airnet._ext.reflex import Arms
from airnet.act.guard import GuardActuator
from airnet.act.intentlog import IntentLog
from airnet.act.reflex import Reflex
from airnet.act.shot import SLOT_BYTES, Arm, Order, Shot
from airnet.clock import Clock
from airnet.config import Gateway, Site
from airnet.decide import Judge
from airnet.decide.enough import FLOODS_AT_ONCE
from airnet.decide.foresight import Foresight
from airnet.decide.policy import Causes, Contain, Policy
from airnet.domain.address import address_bytes
from airnet.domain.decision import Action, Mode
from airnet.domain.session import SESSION
from airnet.domain.window import WINDOW, WINDOW_GATEWAY, WINDOW_SOURCE
from airnet.errors import ActuationError
from airnet.features.schema import SCHEMAS
from airnet.kernel.guard import KernelGuard
from airnet.score import OnnxScorer
from airnet.score.looks import Looks
from airnet.score.rule import Rule
from airnet.score.rules import GATEWAY_RULES, SOURCE_RULES

#: TEST-NET-1, of which nobody sends. Source: RFC 5737.
STRANGER, VENUE = "192.0.2.1", Gateway(ip="192.0.2.2", port=1)
#: Two made-up floods are so far apart that none remembers the other.
APART_NS = 1_000_000_000_000
#: What contains the first window of a flood.
CONTAIN = Contain(
    action="drop_sources",
    mode=Mode.ENFORCE,
    dwell_windows=1,
    ttl_ms=1,
    tier_max=2,
    at_once=FLOODS_AT_ONCE,
)
POLICY, SITE = Policy(cause=Causes(flood=CONTAIN)), Site(gateways=(VENUE,))
#: As many as capture time has room for.
ROUNDS = 1_000_000
#: The first window of a flood of SYNs by one stranger, as both kinds have it.
BEGUN = {
    "window_us": 1000,
    "span_us": 1000,
    "packets": 11,
    "packets_per_source": 11_000,
    "rate": 11_000,
    "syn_rate": 11_000,
    "half_open_rate": 11_000,
    "half_open_share": 1000,
    "half_open": 11,
    "empty_share": 1000,
    "fresh_share": 1000,
    "same_bytes_share": 900,
    "sources": 1,
    "top_share": 1000,
    "ports": 1,
    "busiest_port_share": 1000,
    "source_port_share": 90,
    "over_baseline": 1_000_000,
    "pulses": 1000,
}
#: What is foreseen of that gateway: a drop that has ended when it begins.
FORESEEN = Arm(
    gateway=address_bytes(VENUE.ip),
    when=(0, ROUNDS * APART_NS + APART_NS, 0),
    rules=((1 << len(GATEWAY_RULES)) - 1, 0),
    bounds=(0, 0, 8, 8),
    sources=(),
    limit=None,
    drop=Order(0, 0, 0, 0, bytes(1024)),
)
#: With arms, the interpreter goes through all of it so much less often.
WHOLE_EVERY = 4
#: A made-up flood is never the one that onnxruntime looks at as well.
NEVER = 1 << 30


class Rehearsal:
    """Goes through the motions, and counts how often it came to a rule.

    Args:
        scorer: whose models it uses; its counters stay as they are.
        kernel: the guard's tables. What is written there has ended.
        clock: of the commands.
    """

    def __init__(self, scorer: OnnxScorer, kernel: KernelGuard, clock: Clock) -> None:
        self._scorer = OnnxScorer(scorer.session_model, scorer.flood_model, NEVER)
        actuator = GuardActuator(kernel, clock)
        self._actuator = actuator
        self._intents = IntentLog(np.zeros(1 << 16, np.uint8))
        self._reflex = Reflex(actuator, self._intents)
        self._kernel = kernel
        self._windows, self._rows = flood()
        self._first = begun()
        self._sessions = np.zeros(1, SESSION)
        self._rounds, self._turns = count(1), count()
        self._drifts, self._looks = self._scorer.drifts(()), Looks()
        self._judge = self._forget()
        self._arms: Arms | None = None
        self.rules = 0

    def load(self, arms: Arms, frozen: bytes) -> None:
        """Go through what is done in C as well, by arms that nobody else has.

        `frozen` is the path of the file that freezes.
        """
        tables = self._kernel.descriptors
        scratch = np.zeros(SLOT_BYTES, np.uint8), np.zeros(1, np.uint64)
        arms.load(tables["sources"], tables["gateways"], *scratch, frozen)
        self._arms = arms

    def parts(self) -> list[Callable[[], None]]:
        """Return what to go through now, in the order of a flood's windows.

        Where arms do what is to be done, the interpreter's way is gone through less
        often.
        """
        is_whole = self._arms is None or next(self._turns) % WHOLE_EVERY == 0
        return [*self.begun(), self.fire, *([self.go] if is_whole else [])]

    def begun(self) -> list[Callable[[], None]]:
        """Return what to go through when a flood may have begun; each takes a moment.

        It is what has to be over when its second window closes: the first one, of which
        only models have an opinion, and what is then foreseen.
        """
        return [self.hear, self.look_ahead, self.drift]

    def hear(self) -> None:
        """Score the first window, and judge it."""
        self._at(self._first[0])
        verdicts = self._scorer.score(*self._first, self._sessions)
        self._looks.of(*self._first, self._sessions, verdicts)
        for verdict in verdicts:
            self._judge.judge(verdict)

    def look_ahead(self) -> None:
        """Ask what would be ordered if a rule broke in the next one."""
        at_ns = int(self._first[0]["close_ns"][0])
        self._foresight.of(VENUE.ip, VENUE.port, at_ns, Action.DROP_SOURCES)

    def drift(self) -> None:
        """Look for drift in it."""
        for drifts in self._drifts:
            drifts.look(*self._first, self._sessions)

    def fire(self) -> None:
        """Find in C that what was foreseen holds, and write a rule that has ended."""
        if self._arms is None:
            return
        self._arms.gateways_left = 1 << 62
        self._arms.arm(FORESEEN)
        self._arms.fire(self._windows, self._rows)
        shot = self._arms.shot
        if shot is not None:
            with contextlib.suppress(ActuationError):  # it has ended anyhow
                self._actuator.withdraw(Shot(*shot))
            self._arms.forget()

    def go(self) -> None:
        """Score, decide, write, and take back."""
        self._at(self._windows)
        verdicts = self._scorer.score(self._windows, self._rows, self._sessions)
        for verdict in verdicts:
            for decision in self._judge.judge(verdict):
                ended = msgspec.structs.replace(decision, until_ns=decision.t_ns)
                standing = self._reflex.act(ended, verdict)
                if standing is not None:
                    self.rules += 1
                    self._intents.settle(1)
                    with contextlib.suppress(ActuationError):  # it has ended anyhow
                        self._actuator.release(standing)

    def _forget(self) -> Judge:
        """Return a judge who remembers nothing; he is the one who foresees from now."""
        found = judge()
        self._foresight = Foresight(found, POLICY, SITE, APART_NS // 2)
        return found

    def _at(self, windows: NDArray[np.void]) -> None:
        """Give windows a time of their own, far from all others."""
        number = next(self._rounds)
        if number % ROUNDS == 0:
            self._judge = self._forget()
        at_ns = number % ROUNDS * APART_NS + 1
        windows["open_ns"] = windows["first_ns"] = at_ns
        windows["close_ns"] = at_ns + 1_000_000


def flood() -> tuple[NDArray[np.void], NDArray[np.float32]]:
    """Return windows of a gateway and of the one stranger who floods it."""
    windows = np.zeros(2, WINDOW)
    rows = np.zeros((2, 64), np.float32)
    kinds = (WINDOW_GATEWAY, GATEWAY_RULES[0]), (WINDOW_SOURCE, SOURCE_RULES[0])
    for place, (kind, rule) in enumerate(kinds):
        names = SCHEMAS[kind].names
        windows[place]["kind"] = kind
        windows[place]["port"] = VENUE.port
        for name, value in broken(rule).items():
            rows[place, names.index(name)] = value
    windows[0]["address"] = np.frombuffer(address_bytes(VENUE.ip), np.uint8)
    windows[1]["address"] = np.frombuffer(address_bytes(STRANGER), np.uint8)
    windows["frame_count"] = 16
    rows[1, SCHEMAS[WINDOW_SOURCE].names.index("top_share")] = 1000
    return windows, rows


def begun() -> tuple[NDArray[np.void], NDArray[np.float32]]:
    """Return the windows before: ten handshakes, too few for any hard rule."""
    windows, rows = flood()
    rows[:] = 0
    for place, kind in enumerate((WINDOW_GATEWAY, WINDOW_SOURCE)):
        for name, value in BEGUN.items():
            rows[place, SCHEMAS[kind].names.index(name)] = value
    names = SCHEMAS[WINDOW_GATEWAY].names
    for name, value in (("history_ms", 1 << 23), ("known", 4), ("registered", 1)):
        rows[0, names.index(name)] = value
    names = SCHEMAS[WINDOW_SOURCE].names
    rows[1, names.index("history_ms")] = rows[1, names.index("is_source")] = 1
    return windows, rows


def broken(rule: Rule) -> dict[str, int]:
    """Return features that break a rule, each as low as its conditions let it be."""
    needed: dict[str, int] = {}
    for name, least, _ in rule.needs:
        needed[name] = max(least, needed.get(name, 0))
    needed[rule.feature] = max(
        rule.limit * rule.divisor + 1, needed.get(rule.feature, 0)
    )
    return needed


def judge() -> Judge:
    """Return a judge that contains the first window of a flood, and forgets."""
    columns = {
        kind: {name: column for column, name in enumerate(schema.names)}
        for kind, schema in SCHEMAS.items()
    }
    return Judge(POLICY, SITE, columns)
