"""Rehearsal: the fast lane's own work on a flood that never was, every few ms.

Floods are rare. Code and data that nobody used for seconds are in no cache when one
comes, and the same work takes several times as long (ADR 0038). So a lane that has
a guard, and nothing else to do, scores a made-up flood, decides and writes a rule that
has already ended, with a judge and an actuator of its own: nothing that remembers, and
nothing in force, is touched.
"""

import contextlib
from itertools import count

import msgspec
import numpy as np
from numpy.typing import NDArray

from airnet.act.guard import GuardActuator
from airnet.act.intentlog import IntentLog
from airnet.act.reflex import Reflex
from airnet.clock import Clock
from airnet.config import Gateway, Site
from airnet.decide import Judge
from airnet.decide.policy import Contain, Policy
from airnet.domain.decision import Mode
from airnet.domain.session import SESSION, address_bytes
from airnet.domain.window import WINDOW, WINDOW_GATEWAY, WINDOW_SOURCE
from airnet.errors import ActuationError
from airnet.features.schema import SCHEMAS
from airnet.kernel.guard import KernelGuard
from airnet.score import OnnxScorer
from airnet.score.rule import Rule
from airnet.score.rules import GATEWAY_RULES, SOURCE_RULES

#: TEST-NET-1, of which nobody sends. Source: RFC 5737.
STRANGER, VENUE = "192.0.2.1", Gateway(ip="192.0.2.2", port=1)
#: Two made-up floods are so far apart that none remembers the other.
APART_NS = 1_000_000_000_000
#: As many as capture time has room for.
ROUNDS = 1_000_000
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
        self._windows, self._rows = flood()
        self._sessions = np.zeros(1, SESSION)
        self._rounds = count(1)
        self._judge = judge()
        self.rules = 0

    def go(self) -> None:
        """Score, decide, write, and take back."""
        number = next(self._rounds)
        if number % ROUNDS == 0:
            self._judge = judge()
        at_ns = number % ROUNDS * APART_NS + 1
        self._windows["open_ns"] = self._windows["first_ns"] = at_ns
        self._windows["close_ns"] = at_ns + 1_000_000
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
    contain = Contain(
        action="drop_sources",
        mode=Mode.ENFORCE,
        dwell_windows=1,
        ttl_ms=1,
        tier_max=2,
    )
    plain = Policy()
    policy = msgspec.structs.replace(
        plain, cause=msgspec.structs.replace(plain.cause, flood=contain)
    )
    columns = {
        kind: {name: column for column, name in enumerate(schema.names)}
        for kind, schema in SCHEMAS.items()
    }
    return Judge(policy, Site(gateways=(VENUE,)), columns)
