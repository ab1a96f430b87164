"""The last check every Decision passes, whatever proposed it.

It trusts nothing the rules before it concluded: protected things, reach, pace, expiry
and sensor trust are looked at again, on the finished Decision (SR-04 to SR-07, SR-14,
SR-19). What it refuses becomes evidence, never silence.
"""

import enum
from collections import deque

import msgspec

from airnet.config import Site
from airnet.decide.policy import (
    AUTONOMOUS_TIER_MAX,
    NS_PER_MS,
    TIERS,
    TTL_MS_MAX,
    Policy,
)
from airnet.decide.protection import Protection, endpoint
from airnet.domain.decision import PASSIVE, Action, Decision, TargetType
from airnet.domain.verdict import CONTAINABLE


class Refusal(enum.StrEnum):
    """Why a proposed containment does not happen."""

    CAUSE = "guard.cause"
    TIER = "guard.tier"
    TTL = "guard.ttl"
    SHAPE = "guard.shape"
    PROTECTED = "guard.protected"
    SENSOR = "guard.sensor"
    STANDING = "guard.standing"
    REPEATS = "guard.repeats"
    SESSIONS = "budget.sessions"
    SOURCES = "budget.sources"
    GATEWAYS = "budget.gateways"


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal with the value that broke the guardrail, and its limit."""

    why: Refusal
    measured: int = 1
    limit: int = 0


class Stand(msgspec.Struct, frozen=True, kw_only=True):
    """What was ordered about one target: until when, and how often so far."""

    target_type: TargetType
    until_ns: int
    repeats: int


#: Targets remembered for hysteresis; far above what the budgets let in a cool-down.
STANDS_MAX = 4096


class Guard:
    """The guardrails, with what is needed to keep them: who is contained, how fast."""

    def __init__(self, policy: Policy, site: Site) -> None:
        self.protection = Protection(site)
        self.is_latched = False
        self.frozen_until_ns = 0
        self.refused = dict.fromkeys(Refusal, 0)
        self._policy = policy
        self._stands: dict[str, Stand] = {}
        self._action_times: deque[int] = deque()

    def check(self, decision: Decision, session_count: int) -> Refused | None:
        """Return why `decision` may not be carried out, or None when it may."""
        if decision.action in PASSIVE:
            return None
        found = self._shape(decision) or self._reach(decision, session_count)
        if found is not None:
            self.refused[found.why] += 1
        return found

    def admit(self, decision: Decision) -> bool:
        """Count a Decision that passed; false when it latched the pace limit.

        The Decision that crosses the limit is itself already in shadow.
        """
        for target in decision.target[: self._named(decision)]:
            stand = self._stands.pop(target, None)
            self._stands[target] = Stand(
                target_type=decision.target_type,
                until_ns=decision.until_ns,
                repeats=1 + self._repeats(stand, decision),
            )
        while len(self._stands) > STANDS_MAX:
            del self._stands[next(iter(self._stands))]
        window_ns = self._policy.budget.window_ms * NS_PER_MS
        times = self._action_times
        while times and decision.t_ns - times[0] >= window_ns:
            times.popleft()
        if len(times) >= self._policy.budget.actions_max:
            latched_now = not self.is_latched
            self.is_latched = True
            return not latched_now
        times.append(decision.t_ns)
        return True

    def freeze(self, now_ns: int) -> None:
        """Order nothing above evidence until the sensor was quiet for a while."""
        until_ns = now_ns + self._policy.trust.freeze_ms * NS_PER_MS
        self.frozen_until_ns = max(self.frozen_until_ns, until_ns)

    def stands(self, target: str, now_ns: int) -> bool:
        """Return whether something ordered about `target` has not ended yet."""
        stand = self._stands.get(target)
        return stand is not None and stand.until_ns > now_ns

    def state(self) -> tuple[object, ...]:
        """Return everything remembered, as a value."""
        return (
            tuple(self._stands.items()),
            tuple(self._action_times),
            self.is_latched,
            self.frozen_until_ns,
        )

    def _named(self, decision: Decision) -> int:
        """Return how many of `target`'s strings are things, not names of the first."""
        is_source = decision.target_type is TargetType.SOURCE
        return len(decision.target) if is_source else 1

    def _repeats(self, stand: Stand | None, decision: Decision) -> int:
        """Return how often its target was contained without a long quiet between."""
        cooldown_ns = self._policy.hysteresis.cooldown_ms * NS_PER_MS
        if stand is None or decision.t_ns - stand.until_ns > cooldown_ns:
            return 0
        return stand.repeats

    def _shape(self, decision: Decision) -> Refused | None:
        """Look at the Decision alone: cause, tier, expiry, target, protection."""
        rule = self._policy.contain(decision.cause)
        if decision.cause not in CONTAINABLE or rule is None:
            return Refused(why=Refusal.CAUSE)
        tier = TIERS[decision.action]
        ceiling = min(rule.tier_max, AUTONOMOUS_TIER_MAX)
        if decision.tier != tier or tier > ceiling:
            return Refused(why=Refusal.TIER, measured=tier, limit=ceiling)
        ttl_ns = decision.until_ns - decision.t_ns
        ttl_ns_max = min(rule.ttl_ms, TTL_MS_MAX) * NS_PER_MS
        if not 0 < ttl_ns <= ttl_ns_max:
            return Refused(why=Refusal.TTL, measured=ttl_ns, limit=ttl_ns_max)
        return self._match(decision)

    def _match(self, decision: Decision) -> Refused | None:
        """Look at what the Decision would match."""
        if not decision.target:
            return Refused(why=Refusal.SHAPE)
        reason = ""
        if decision.action is Action.THROTTLE_SESSION:
            session = decision.session
            if (
                session is None
                or decision.target_type is not TargetType.SESSION
                or not session.client_comp
                or decision.target[0] != endpoint(session.client, session.client_port)
            ):
                return Refused(why=Refusal.SHAPE)
            reason = self.protection.session_reason(session)
        elif decision.action is Action.DROP_SOURCES:
            if decision.target_type is not TargetType.SOURCE:
                return Refused(why=Refusal.SHAPE)
            for source in decision.target:
                reason = reason or self.protection.source_reason(source)
        elif decision.action is Action.RATE_LIMIT_SOURCES:
            # It shields the gateway it names; known hosts are spared by the switch.
            place = endpoint(decision.gateway, decision.port)
            is_gateway = decision.target_type is TargetType.GATEWAY
            if not is_gateway or decision.target[0] != place:
                return Refused(why=Refusal.SHAPE)
        else:
            return Refused(why=Refusal.TIER)
        return Refused(why=Refusal.PROTECTED) if reason else None

    def _reach(self, decision: Decision, session_count: int) -> Refused | None:
        """Look at the Decision among all that stand: trust, repeats, blast radius."""
        now_ns = decision.t_ns
        if now_ns < self.frozen_until_ns:
            return Refused(why=Refusal.SENSOR)
        targets = decision.target[: self._named(decision)]
        repeats_max = self._policy.hysteresis.repeats_max
        for target in targets:
            stand = self._stands.get(target)
            if stand is None:
                continue
            if stand.until_ns > now_ns:
                return Refused(why=Refusal.STANDING)
            repeats = self._repeats(stand, decision)
            if repeats >= repeats_max:
                return Refused(
                    why=Refusal.REPEATS, measured=repeats + 1, limit=repeats_max
                )
        return self._radius(decision, len(targets), session_count)

    def _radius(
        self, decision: Decision, target_count: int, session_count: int
    ) -> Refused | None:
        """Look at how much would be contained at once."""
        budget = self._policy.budget
        reach = target_count + sum(
            1
            for stand in self._stands.values()
            if stand.until_ns > decision.t_ns
            and stand.target_type is decision.target_type
        )
        if decision.target_type is TargetType.SESSION:
            # One session may always be limited: a share of few must not mean none.
            share = max(1, session_count * budget.session_share_max_percent // 100)
            why, limit = Refusal.SESSIONS, min(budget.sessions_max, share)
        elif decision.target_type is TargetType.SOURCE:
            why, limit = Refusal.SOURCES, budget.sources_max
            if target_count > budget.sources_per_decision_max:
                return Refused(
                    why=why,
                    measured=target_count,
                    limit=budget.sources_per_decision_max,
                )
        else:
            why, limit = Refusal.GATEWAYS, budget.gateways_max
        return Refused(why=why, measured=reach, limit=limit) if reach > limit else None
