"""Stands: what was ordered about each target, tier by tier, and what people were asked.

What waits for people is kept beside what stands: it ends no throttle, raises no tier
and speaks against nothing but itself, for as long as a proposal waits (`PROPOSAL_NS`).
Memory is bounded: what stands is never forgotten, as no more than the budgets can.
"""

from collections.abc import Iterable

import msgspec

from airnet.decide.ladder import AUTONOMOUS_TIER_MAX, step_of
from airnet.decide.policy import NS_PER_MS, Policy
from airnet.domain.decision import Action, Decision, TargetType, Tier
from airnet.domain.instruction import PROPOSAL_NS

#: Kinds of target that count against one limit.
TOGETHER = {
    TargetType.HOST: (TargetType.HOST, TargetType.SUBNET),
    TargetType.SUBNET: (TargetType.HOST, TargetType.SUBNET),
}
#: Targets remembered for hysteresis; what stands is less, by the largest budgets that
#: a policy may have (STANDING_MAX, four kinds), asked and ordered.
STANDS_MAX = 8192
#: Tiers in which airnet acts alone.
ALONE = tuple(Tier)[: AUTONOMOUS_TIER_MAX + 1]
#: Every place on the ladder: its tier, and its step of that.
HEIGHTS = tuple(dict.fromkeys(step_of(action) for action in Action))
#: A containment may be renewed in the last such part of its time, not before.
RENEWAL_PART = 8


class Stand(msgspec.Struct, frozen=True, kw_only=True):
    """What was ordered about one target in one tier: since when, until when, how often.

    `step` is of its tier; `weight` is how many things it holds: a subnet, its hosts.
    `since_ns` is when it
    was first contained, without a break since; `bad_ns`, when it was last refused for
    having been contained too often. `is_asked`: nobody has agreed to it yet.
    """

    target_type: TargetType
    until_ns: int
    repeats: int
    tier: Tier = Tier.PROTECT
    step: int = 0
    weight: int = 1
    since_ns: int = 0
    bad_ns: int = 0
    is_asked: bool = False


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """What a Decision's targets have behind them, the worst of all of them.

    `left_ns` of what stands, held for `held_ns` without a break; `repeats` before.
    """

    left_ns: int = 0
    held_ns: int = 0
    repeats: int = 0


Place = tuple[str, Tier, int]


class Stands:
    """What was ordered, by target and tier.

    Args:
        policy: its hysteresis.
    """

    def __init__(self, policy: Policy) -> None:
        self._cooldown_ns = policy.hysteresis.cooldown_ms * NS_PER_MS
        self._by_place: dict[Place, Stand] = {}
        #: Those of them that had not ended by then, in the same order: a few among
        #: all that are remembered.
        self._live: dict[Place, Stand] = {}
        self._sifted_ns = 0

    def admit(
        self, decision: Decision, targets: Iterable[str], weight: int = 1
    ) -> None:
        """Count a Decision about these targets; one that stands is prolonged."""
        is_asked = decision.approvals_needed > 0
        until_ns = decision.until_ns
        if is_asked:
            until_ns = min(until_ns, decision.t_ns + PROPOSAL_NS)
        for target in targets:
            place = _place(target, decision)
            before = self._by_place.pop(place, None)
            is_renewed = before is not None and before.until_ns > decision.t_ns
            repeats = 0
            if before is not None and is_renewed:
                repeats = before.repeats
            elif before is not None:
                repeats = 1 + self._repeats(before, decision.t_ns)
            self._live.pop(place, None)
            self._by_place[place] = self._live[place] = Stand(
                target_type=decision.target_type,
                until_ns=max(until_ns, before.until_ns if before else 0),
                repeats=max(repeats, 1),
                tier=decision.tier,
                step=place[2],
                weight=weight,
                since_ns=before.since_ns if before and is_renewed else decision.t_ns,
                is_asked=is_asked,
            )
        if len(self._by_place) > STANDS_MAX:
            self._forget(decision.t_ns)
        if decision.t_ns > self._sifted_ns:
            self._sifted_ns = now_ns = decision.t_ns
            live = self._live.items()
            self._live = {place: one for place, one in live if one.until_ns > now_ns}

    def refuse(self, decision: Decision, targets: Iterable[str]) -> None:
        """Note that it is bad still: only quiet ends what follows many repeats."""
        for target in targets:
            place = _place(target, decision)
            stand = self._by_place.get(place)
            if stand is not None:
                stand = msgspec.structs.replace(stand, bad_ns=decision.t_ns)
                self._by_place[place] = stand
                if place in self._live:
                    self._live[place] = stand

    def left_ns(self, target: str, now_ns: int) -> int:
        """Return how long what stands of `target` without anybody has left; 0: none."""
        left_ns = 0
        for tier in ALONE:
            stand = self._by_place.get((target, tier, 0))
            if stand is not None:
                left_ns = max(left_ns, stand.until_ns - now_ns)
        return left_ns

    def height_of(self, target: str, now_ns: int) -> tuple[Tier, int]:
        """Return how far up the ladder `target` is, or people are asked to have it."""
        found = (Tier.OBSERVE, 0)
        for tier, step in HEIGHTS:
            stand = self._by_place.get((target, tier, step))
            if stand is not None and stand.until_ns > now_ns:
                found = max(found, (tier, step))
        return found

    def past(self, decision: Decision, targets: Iterable[str]) -> Past:
        """Return what the Decision's targets have behind them in its tier."""
        left_ns = held_ns = repeats = 0
        now_ns = decision.t_ns
        tier, own = step_of(decision.action)
        steps = [step for other, step in HEIGHTS if other is tier and step >= own]
        places = [(target, decision.tier, n) for target in targets for n in steps]
        for place in places:
            stand = self._by_place.get(place)
            if stand is None:
                continue
            # What goes on is no repetition of itself.
            again = stand.repeats - 1
            if stand.until_ns > now_ns:
                left_ns = max(left_ns, stand.until_ns - now_ns)
                held_ns = max(held_ns, now_ns - stand.since_ns)
            else:
                again = self._repeats(stand, now_ns)
            repeats = max(repeats, again)
        return Past(left_ns=left_ns, held_ns=held_ns, repeats=max(repeats, 0))

    def standing(self, decision: Decision) -> dict[str, int]:
        """Return what stands beside, of the Decision's kind: by target, its weight.

        What waits for people counts for what waits for people.
        """
        is_alone = decision.tier <= Tier.LIMIT_ALGO
        found: dict[str, int] = {}
        for target, stand in self._alive(decision.target_type, decision.t_ns):
            if not (stand.is_asked and is_alone):
                found[target] = max(found.get(target, 0), stand.weight)
        return found

    def targets(self, kind: TargetType, now_ns: int) -> list[str]:
        """Return the targets of a kind that are contained, or asked to be."""
        return list(dict.fromkeys(target for target, _ in self._alive(kind, now_ns)))

    def recall(self, stands: Iterable[tuple[str, Stand]]) -> None:
        """Take up what stood, or could have: the inverse of `state`."""
        self._by_place = {(target, one.tier, one.step): one for target, one in stands}
        self._live, self._sifted_ns = dict(self._by_place), 0

    def state(self) -> tuple[tuple[str, Stand], ...]:
        """Return everything remembered, as a value."""
        return tuple((place[0], one) for place, one in self._by_place.items())

    def _alive(self, kind: TargetType, now_ns: int) -> Iterable[tuple[str, Stand]]:
        kinds = TOGETHER.get(kind, (kind,))
        places = self._live if now_ns >= self._sifted_ns else self._by_place
        for (target, *_), stand in places.items():
            if stand.until_ns > now_ns and stand.target_type in kinds:
                yield target, stand

    def _repeats(self, stand: Stand, now_ns: int) -> int:
        """Return how often its target was contained without a long quiet between."""
        if now_ns - max(stand.until_ns, stand.bad_ns) > self._cooldown_ns:
            return 0
        return stand.repeats

    def _forget(self, now_ns: int) -> None:
        """Forget the oldest of what has ended, down to the limit."""
        ended = [
            place for place, stand in self._by_place.items() if stand.until_ns <= now_ns
        ]
        for place in ended[: len(self._by_place) - STANDS_MAX]:
            del self._by_place[place]


def _place(target: str, decision: Decision) -> Place:
    return target, decision.tier, step_of(decision.action)[1]
