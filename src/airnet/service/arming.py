"""Arming: keeps what is foreseen of floods true, and settles what was done of it.

Runs in the lane, between batches. One gateway at a time is asked for, so that no frame
waits for more than one; whatever changes what the judge would say disarms first.
"""

from collections.abc import Callable

import numpy as np
import structlog
from numpy.typing import NDArray

from airnet._ext.reflex import RANGES, TARGETS
from airnet.act.gate import Gate
from airnet.act.intents import Order
from airnet.act.reflex import Trigger
from airnet.act.shot import Arm
from airnet.config import Site
from airnet.decide.foresight import Foreseen, Foresight
from airnet.decide.policy import Policy
from airnet.decide.proposals import DATAGRAMS_RULE
from airnet.decide.protection import Protection
from airnet.domain.address import address_bytes, address_text
from airnet.domain.decision import PASSIVE, Action, Decision
from airnet.domain.session import Look
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import WINDOW_GATEWAY
from airnet.pipeline import Brain, Pipeline, trading
from airnet.score import OnnxScorer
from airnet.score.drift import Drifts
from airnet.score.rules import GATEWAY_RULES
from airnet.service.guardpost import GuardPost
from airnet.service.hands import Hands
from airnet.stride import Stride

#: How long what is foreseen holds, by capture time; it is asked for again in half.
SPAN_NS = 500_000_000
#: Between two looks at which gateways there are.
MEET_NS = 1_000_000_000
#: Gateways that are asked for; others take the ordinary way.
GATEWAYS_MAX = 64
#: By name, the bit of each hard rule of gateways.
RULES = {rule.name: 1 << place for place, rule in enumerate(GATEWAY_RULES)}
#: Rules that may be the second to break: of datagrams it counts how many there are.
NEXT = sum(bit for name, bit in RULES.items() if name != DATAGRAMS_RULE)

log = structlog.get_logger()


class Arming:
    """Keeps the arms true to the judge. Not for two threads.

    Args:
        trigger: what is armed.
        brain: whose judge is asked, and whose drift is watched.
        policy: his.
        site: his.
        record: what becomes of what was taken back.
        closed: why nothing may leave now, "" when it may.
    """

    def __init__(
        self,
        trigger: Trigger,
        brain: Brain,
        terms: tuple[Policy, Site],
        withdraw: Callable[[str], Order | None],
        record: Callable[[Order], None],
        closed: Callable[[], str],
    ) -> None:
        policy, site = terms
        self._trigger, self._arms = trigger, trigger.arms
        self._brain = brain
        self._foresight = Foresight(brain.judge, policy, site, SPAN_NS)
        self._withdraw, self._record, self._closed = withdraw, record, closed
        self._gateways: dict[bytes, tuple[str, int]] = {}
        #: What changed, and which order is likely there; then, what is still to ask.
        self._due: dict[bytes, Action | None] = {}
        self._half: dict[bytes, None] = {}
        self._asked: dict[bytes, int] = {}  # the longest ago first
        self._met_ns = 0
        self._fired = self._decisions = 0
        self._spared: set[str] = set()
        self._registered = {
            address_bytes(gateway.ip): (
                address_text(address_bytes(gateway.ip)),
                gateway.port,
            )
            for gateway in site.gateways[:GATEWAYS_MAX]
        }
        self._own = self._spare_site(Protection(site))
        self._respare()

    def ordered(self, decision: Decision) -> dict[str, object]:
        """Take note of a Decision: nothing that was foreseen knew of it.

        Return how it came about, for the log.
        """
        self._foresight.heard(decision)
        if decision.action in PASSIVE:
            return {}
        for target in decision.target:
            self._spare(target)
        return self._trigger.told(decision)

    def agreed(self, decision: Decision) -> None:
        """Take note of what people agreed to: it stands, and was not foreseen."""
        for target in decision.target:
            self._spare(target)
        self._disarm()

    def judged(
        self, verdicts: list[Verdict], looks: list[Look], decisions: int
    ) -> None:
        """Take note that windows were judged: `decisions` were made in all so far.

        What was done of what was foreseen is confirmed by now, or taken back.
        """
        fired, _ = self._arms.counts
        if fired != self._fired or self._trigger.has_undone:
            self._fired = fired
            self._settle()
        if decisions != self._decisions:
            self._decisions = decisions
            self._disarm()
        for look in looks:
            self._spare(look.name.client)
        for verdict in verdicts:
            if verdict.session is not None:
                self._spare(verdict.session.client)
            elif verdict.cause is Cause.SENSOR_FAULT:
                self._disarm()
            elif verdict.window_kind == WINDOW_GATEWAY:
                gateway = address_bytes(verdict.address)
                self._arms.disarm(gateway)
                if gateway in self._gateways:
                    self._due.pop(gateway, None)
                    self._due = {gateway: _likely(verdict), **self._due}

    def tend(
        self,
        sessions: NDArray[np.void],
        now_ns: int,
        *,
        is_idle: bool,
    ) -> bool:
        """Ask for one gateway: of which something changed, or that waits longest.

        `now_ns` is capture time. Where nothing changed, it is asked in good time while
        the lane is idle, and else when what was foreseen is about to end.
        True when something had changed.
        """
        if now_ns - self._met_ns >= (MEET_NS if is_idle else 2 * MEET_NS):
            self._met_ns = now_ns
            self._meet(sessions)
        if self._due:
            gateway, likely = next(iter(self._due.items()))
            del self._due[gateway]
            self._ask(gateway, now_ns, likely)
            return True
        if is_idle and self._half:
            self._ask(next(iter(self._half)), now_ns)
            return False
        gateway, asked_ns = next(iter(self._asked.items()), (b"", now_ns))
        if gateway and (is_idle or now_ns - asked_ns >= SPAN_NS // 2):
            self._ask(gateway, now_ns)
        return False

    def _ask(self, gateway: bytes, now_ns: int, likely: Action | None = None) -> None:
        """Ask what would be ordered at a gateway, all or what is likely; arm it."""
        self._half.pop(gateway, None)
        if likely is not None:
            self._half[gateway] = None
        self._asked.pop(gateway, None)
        self._asked[gateway] = now_ns
        scorer = self._brain.scorer
        if isinstance(scorer, OnnxScorer) and not scorer.is_screening:
            self._arms.hold()
            return
        found = self._foresight.of(*self._gateways[gateway], now_ns, likely)
        arm = None if found is None else self._arm(gateway, found)
        if arm is None or not self._arms.arm(arm):
            self._arms.disarm(gateway)
        self._arms.gateways_left = min(
            (
                one.left
                for one in self._brain.drifts
                if isinstance(one, Drifts) and one.kind == WINDOW_GATEWAY
            ),
            default=1 << 62,
        )

    def _arm(self, gateway: bytes, found: Foreseen) -> Arm | None:
        """Return what C is given of what is foreseen; None: nothing may be done."""
        limit = self._trigger.order(found.limit)
        drop = self._trigger.order(found.drop)
        if limit is None and drop is None:
            return None
        return Arm(
            gateway=gateway,
            when=(found.from_ns, found.until_ns, found.streak_until_ns),
            rules=(
                sum(RULES.get(name, 0) for name in found.at_once),
                NEXT if found.is_next else 0,
            ),
            bounds=(
                found.port,
                found.streak_port,
                found.few,
                min(found.targets_max, TARGETS),
            ),
            sources=tuple(address_bytes(one) for one in found.sources),
            limit=limit,
            drop=drop,
        )

    def _settle(self) -> None:
        """Take back what no Decision took over, and say so."""
        self._due = dict.fromkeys(self._gateways)
        shot = self._trigger.shot()
        if shot is None:
            return
        if self._trigger.is_undone():
            for source in shot.sources:
                self._spare(address_text(source))
            return
        closed = self._closed()
        why = closed or "the judge ordered something else"
        order = self._withdraw(why)
        if order is not None:
            self._record(order)
        if (
            not closed and not self._trigger.is_undone()
        ):  # a fault of ours: not a second time
            self._arms.hold()
            log.error("guard.foreseen_wrongly", why=why)

    def _disarm(self) -> None:
        self._arms.disarm()
        self._due = dict.fromkeys(self._gateways)

    def _meet(self, sessions: NDArray[np.void]) -> None:
        """Learn at which gateways sessions are held."""
        rows = np.unique(trading(sessions)[["gateway", "gateway_port"]])
        found = dict(self._registered)
        for row in rows[:GATEWAYS_MAX]:
            gateway = row["gateway"].tobytes()
            found.setdefault(gateway, (address_text(gateway), int(row["gateway_port"])))
        for gateway in dict.fromkeys((*found, *self._gateways)):
            if gateway not in self._gateways:
                self._due[gateway] = None
            elif gateway not in found:
                self._arms.disarm(gateway)
                self._due.pop(gateway, None)
                self._asked.pop(gateway, None)
                self._half.pop(gateway, None)
        self._gateways = found

    def _spare_site(self, protection: Protection) -> bytes:
        """Have C spare what the site protects; return single addresses of it."""
        places = [place for place, _ in protection.guarded]
        places += [*protection.vital, *protection.hosts]
        wide = sorted({place for place in places if place[0] != place[1]})
        if len(wide) > RANGES:
            self._arms.hold()
        self._arms.spare_ranges(
            b"".join(
                low.to_bytes(16, "big") + high.to_bytes(16, "big")
                for low, high in wide[:RANGES]
            )
        )
        return b"".join(
            low.to_bytes(16, "big") for low in sorted({low for low, _ in places})
        )

    def _respare(self) -> None:
        """Tell C anew whom it may not name."""
        self._arms.unspare()
        self._spared.clear()
        is_whole = self._arms.spare(self._own)
        undone = self._trigger.vetoes.sources()
        for name in (*self._brain.judge.unnameable(), *undone):
            is_whole = is_whole and self._tell(name)
        if not is_whole:
            self._arms.hold()

    def _spare(self, name: str) -> None:
        """Have C never name an address again."""
        if name not in self._spared and not self._tell(name):
            self._respare()

    def _tell(self, name: str) -> bool:
        self._spared.add(name)
        try:
            return self._arms.spare(address_bytes(name))
        except ValueError:
            return True  # no single address: a subnet, or a session's end


def _likely(verdict: Verdict) -> Action:
    """Return what would be ordered if the next window were like this one."""
    if verdict.sources:
        return Action.DROP_SOURCES
    return Action.RATE_LIMIT_SOURCES


def armed(
    post: GuardPost | None,
    stride: Stride | None,
    lane: Pipeline,
    terms: tuple[Policy, Site],
    hands: Hands,
    gate: Gate,
) -> Arming | None:
    """Return what arms the fast lane, where there is one and frames pass through C."""
    if post is None or stride is None:
        return None
    trigger = post.trigger
    stride.tell(None if trigger is None else trigger.arms, post.spin_ns)
    if trigger is None:
        return None
    post.load(gate, stride)

    def closed() -> str:
        return gate.closed() or ("the ledger failed" if hands.failure else "")

    def withdraw(why: str) -> Order | None:
        return trigger.withdraw(post.intents, why)

    found = Arming(trigger, lane.brain, terms, withdraw, hands.withdrawn, closed)
    lane.on_judged(found.judged)
    post.tend = found.tend
    return found
