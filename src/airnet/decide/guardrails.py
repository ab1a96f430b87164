"""The last check every Decision passes, whatever proposed it.

It trusts nothing the parts before it concluded: it turns the finished Decision, its
grounds, the policy and what stands into Facts, and asks the table of rules
(`airnet.decide.rules`; SR-04 to SR-07, SR-12, SR-14, SR-19). What they refuse becomes
evidence, never silence.
"""

from collections import deque
from collections.abc import Iterable, Mapping

import msgspec

from airnet.config import Site
from airnet.decide import limits, rules
from airnet.decide.facts import ACTIONS, ASSETS, CAUSES, TARGET_TYPES, Facts, Grounds
from airnet.decide.ladder import TIERS, step_of
from airnet.decide.market import PHASES
from airnet.decide.peers import Peers
from airnet.decide.policy import NS_PER_MS, Policy
from airnet.decide.protection import Protection, Range, endpoint, number, span
from airnet.decide.rules import Refusal
from airnet.domain.decision import PASSIVE, Action, Decision, TargetType, Tier

#: What each action must aim at, to be named exactly.
AIMS = {
    Action.RATE_LIMIT_SOURCES: TargetType.GATEWAY,
    Action.DROP_SOURCES: TargetType.SOURCE,
    Action.THROTTLE_SESSION: TargetType.SESSION,
    Action.CANCEL_ORDERS: TargetType.SESSION,
    Action.DISABLE_SESSION: TargetType.SESSION,
    Action.THROTTLE_PROCESS: TargetType.SESSION,
    Action.FREEZE_PROCESS: TargetType.SESSION,
    Action.ISOLATE_HOST: TargetType.HOST,
    Action.ISOLATE_SUBNET: TargetType.SUBNET,
}
#: Kinds of target that count against one limit.
TOGETHER = {
    TargetType.HOST: (TargetType.HOST, TargetType.SUBNET),
    TargetType.SUBNET: (TargetType.HOST, TargetType.SUBNET),
}


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal with the value that broke the guardrail, and its limit."""

    why: Refusal
    measured: int = 1
    limit: int = 0


class Stand(msgspec.Struct, frozen=True, kw_only=True):
    """What was ordered about one target: how far, until when, how often so far.

    `step` is of its tier; `weight` is how many things it holds: a subnet, its hosts.
    """

    target_type: TargetType
    until_ns: int
    repeats: int
    tier: Tier = Tier.PROTECT
    step: int = 0
    weight: int = 1

    @property
    def height(self) -> tuple[Tier, int]:
        """Return how far up the ladder it is."""
        return self.tier, self.step


#: Targets remembered for hysteresis. What stands is never forgotten: no more than this
#: can, by the largest budgets that a policy may have (STANDING_MAX, four kinds).
STANDS_MAX = 4096


class Guard:
    """The guardrails, with what is needed to keep them: who is contained, how fast.

    Args:
        policy: its limits.
        site: what is protected.
        peers: who was seen trading.
    """

    def __init__(
        self,
        policy: Policy,
        site: Site,
        peers: Peers | None = None,
    ) -> None:
        self.protection = Protection(site)
        self.is_latched = False
        self.frozen_until_ns = 0
        self.refused = dict.fromkeys(Refusal, 0)
        self._policy = policy
        self._peers = peers or Peers(site)
        budgets = limits.budgets_of(policy)
        self._budgets = {n: getattr(budgets, n) for n in budgets.__struct_fields__}
        self._guarded = [place for place, _ in self.protection.guarded]
        self._hosts = {low for low, high in self.protection.hosts if low == high}
        self._wide = [each for each in self.protection.hosts if each[0] != each[1]]
        self._places: dict[Range, tuple[int, int, int]] = {}
        self._limits = limits.Allowances(policy, site)
        self._stands: dict[str, Stand] = {}
        self._action_times: deque[int] = deque()

    def check(self, decision: Decision, grounds: Grounds) -> Refused | None:
        """Return why `decision` may not be carried out, or None when it may."""
        if decision.action in PASSIVE:
            return None
        return self.weigh(decision, self.facts(decision, grounds))

    def weigh(self, decision: Decision, facts: Facts) -> Refused | None:
        """Return what the rules say of a Decision whose Facts are known."""
        victims = self._victims(decision)
        if victims:
            self.aimed(facts, victims[0])
        is_one = len(victims) <= 1
        for rule in rules.RULES:
            if is_one or not rule.is_each:
                broken = rule.breaks(facts)
            else:
                broken = any(rule.breaks(self.aimed(facts, each)) for each in victims)
            if broken:
                self.refused[rule.why] += 1
                return Refused(
                    why=rule.why, measured=rule.measured(facts), limit=rule.limit(facts)
                )
        return None

    def facts(self, decision: Decision, grounds: Grounds) -> Facts:
        """Return what the rules look at, but for what is of one target alone."""
        targets = decision.target[: _named(decision)]
        found = Facts(
            cause=CAUSES.index(decision.cause),
            action=ACTIONS.index(decision.action),
            tier=decision.tier,
            tier_of_action=TIERS[decision.action],
            target_type=TARGET_TYPES.index(decision.target_type),
            targets=self._weight(decision) if targets else 0,
            ttl_ns=decision.until_ns - decision.t_ns,
            t_ns=decision.t_ns,
            approvals=decision.approvals_needed,
            is_named=int(_is_named(decision)),
            asset=ASSETS.index(grounds.asset),
            phase=PHASES.index(grounds.phase),
            is_presigned=int(grounds.is_hard and grounds.is_presigned),
            probability_ppm=grounds.probability_ppm,
            p_value_ppm=grounds.p_value_ppm,
            stood_ns=grounds.stood_ns,
            hosts_beside=grounds.hosts_beside,
            session_count=self._peers.session_count,
            recent=self._recent(decision.t_ns),
            is_latched=int(self.is_latched),
            frozen_until_ns=self.frozen_until_ns,
            **self._budgets,
            **self._limits.of(
                decision.cause, decision.action, grounds.asset, grounds.phase
            ),
        )
        for name in ("is_hard", "has_dwelt", "is_answered", "is_enforced"):
            setattr(found, name, int(getattr(grounds, name)))
        found.is_doubted = int(grounds.is_doubted)
        self._beside(found, decision, targets)
        return found

    def victims(self, decision: Decision, grounds: Grounds) -> list[Facts]:
        """Return the Facts of each target that a Decision names."""
        return [
            self.aimed(self.facts(decision, grounds), each)
            for each in self._victims(decision)
        ]

    def aimed(self, facts: Facts, victim: tuple[Range | None, bool, bool]) -> Facts:
        """Return `facts` of one victim: its addresses, and what these are."""
        place, is_guarded, is_client = victim
        if place is None:  # what cannot be read is protected: doubt never cuts
            facts.is_guarded, facts.is_vital = 1, 0
            facts.is_host, facts.is_client = 0, 0
            return facts
        facts.first, facts.last = place
        known = self._places.get(place)
        if known is None:
            known = self._place_known(place)
        guarded, facts.is_vital, facts.is_host = known
        facts.is_guarded = 1 if is_guarded else guarded
        facts.is_client = int(is_client)
        return facts

    def _place_known(self, place: Range) -> tuple[int, int, int]:
        """Return whether addresses are guarded, vital, a host's; and remember it."""
        # One address among thousands of hosts is looked up; what is wider is compared.
        is_one = place[0] == place[1]
        is_own = is_one and place[0] in self._hosts
        met = (
            int(rules.touches(self._guarded, *place)),
            int(rules.touches(self.protection.vital, *place)),
            int(is_own or rules.touches(self._wide, *place)),
        )
        if len(self._places) >= STANDS_MAX:
            self._places.clear()
        self._places[place] = met
        return met

    def may_leave(self, decision: Decision, grounds: Grounds) -> bool:
        """Return whether an accepted Decision leaves airnet, or stays in shadow."""
        return self.leaves(self.facts(decision, grounds))

    def leaves(self, facts: Facts) -> bool:
        """Return the same of Facts that are known."""
        return bool(rules.may_leave(facts))

    def admit(self, decision: Decision) -> bool:
        """Count a Decision that passed; false when it latched the pace limit.

        The Decision that crosses the limit is itself already in shadow.
        """
        for target in decision.target[: _named(decision)]:
            stand = self._stands.pop(target, None)
            self._stands[target] = Stand(
                target_type=decision.target_type,
                until_ns=max(decision.until_ns, stand.until_ns if stand else 0),
                repeats=1 + self._repeats(stand, decision),
                tier=decision.tier,
                step=step_of(decision.action)[1],
                weight=self._weight(decision) if len(decision.target) == 1 else 1,
            )
        if len(self._stands) > STANDS_MAX:
            self._forget(decision.t_ns)
        recent = self._recent(decision.t_ns)
        if recent >= self._policy.budget.actions_max:
            latched_now = not self.is_latched
            self.is_latched = True
            return not latched_now
        self._action_times.append(decision.t_ns)
        return True

    def freeze(self, now_ns: int) -> None:
        """Order nothing above evidence until the sensor was quiet for a while."""
        until_ns = now_ns + self._policy.trust.freeze_ms * NS_PER_MS
        self.frozen_until_ns = max(self.frozen_until_ns, until_ns)

    def stands(self, target: str, now_ns: int) -> bool:
        """Return whether something ordered about `target` has not ended yet."""
        stand = self._stands.get(target)
        return stand is not None and stand.until_ns > now_ns

    def height_of(self, target: str, now_ns: int) -> tuple[Tier, int]:
        """Return how far up what stands of `target` is; T0 where nothing does."""
        stand = self._stands.get(target)
        if stand is None or stand.until_ns <= now_ns:
            return Tier.OBSERVE, 0
        return stand.height

    def standing(self, kind: TargetType, now_ns: int) -> list[str]:
        """Return the targets of a kind about which something stands."""
        kinds = TOGETHER.get(kind, (kind,))
        return [
            target
            for target, stand in self._stands.items()
            if stand.until_ns > now_ns and stand.target_type in kinds
        ]

    def recall(
        self,
        stands: Mapping[str, Stand],
        action_times: Iterable[int],
        frozen_until_ns: int = 0,
        *,
        is_latched: bool = False,
    ) -> None:
        """Take up a state that was, or could be: the inverse of `state`."""
        self._stands = dict(stands)
        self._action_times = deque(action_times)
        self.frozen_until_ns, self.is_latched = frozen_until_ns, is_latched

    def state(self) -> tuple[object, ...]:
        """Return everything remembered, as a value."""
        return (
            tuple(self._stands.items()),
            tuple(self._action_times),
            self.is_latched,
            self.frozen_until_ns,
        )

    def _beside(
        self, facts: Facts, decision: Decision, targets: tuple[str, ...]
    ) -> None:
        """Fill in what stands beside the Decision, and what stood of its targets."""
        now_ns = decision.t_ns
        for target in targets:
            stand = self._stands.get(target)
            if stand is None:
                continue
            is_below = stand.height < (decision.tier, step_of(decision.action)[1])
            if stand.until_ns > now_ns and not is_below:
                facts.is_standing = 1
            # A rung above what stands is no repetition of it.
            repeats = 0 if is_below else self._repeats(stand, decision)
            facts.repeats = max(facts.repeats, repeats)
        others = [
            target
            for target in self.standing(decision.target_type, now_ns)
            if target not in targets
        ]
        facts.standing = sum(self._stands[target].weight for target in others)
        if decision.target_type is TargetType.SESSION:
            part, whole = self._peers.flow([*others, *targets])
            facts.flow_part, facts.flow_whole = part, whole

    def _recent(self, now_ns: int) -> int:
        """Return how many actions the pace's window holds; drop what left it."""
        window_ns = self._policy.budget.window_ms * NS_PER_MS
        times = self._action_times
        while times and now_ns - times[0] >= window_ns:
            times.popleft()
        return len(times)

    def _repeats(self, stand: Stand | None, decision: Decision) -> int:
        """Return how often its target was contained without a long quiet between."""
        cooldown_ns = self._policy.hysteresis.cooldown_ms * NS_PER_MS
        if stand is None or decision.t_ns - stand.until_ns > cooldown_ns:
            return 0
        return stand.repeats

    def _forget(self, now_ns: int) -> None:
        """Forget the oldest of what has ended, down to the limit."""
        ended = [
            name for name, stand in self._stands.items() if stand.until_ns <= now_ns
        ]
        for name in ended[: len(self._stands) - STANDS_MAX]:
            del self._stands[name]

    def _weight(self, decision: Decision) -> int:
        """Return how many things are named: of a subnet, the hosts it holds."""
        if decision.target_type is not TargetType.SUBNET:
            return _named(decision)
        try:
            return max(1, self._peers.hosts_in(span(decision.target[0])))
        except ValueError:
            return 1

    def _victims(self, decision: Decision) -> list[tuple[Range | None, bool, bool]]:
        """Return the addresses a Decision matches; protected else; seen trading."""
        session = decision.session
        if decision.target_type is TargetType.SESSION:
            if session is None:
                return [(None, True, False)]
            is_guarded = self.protection.comp_reason(session) != ""
            return [(_place(session.client), is_guarded, True)]
        if decision.target_type is TargetType.GATEWAY:
            return [(_place(decision.gateway), False, False)]
        return [
            (place, False, place is not None and self._is_client(target))
            for target in decision.target
            for place in (_place(target),)
        ]

    def _is_client(self, target: str) -> bool:
        return "/" not in target and self._peers.is_client(target)


def _place(target: str) -> Range | None:
    """Return the addresses of a target; None for what is no address or prefix."""
    try:
        if "/" in target:
            return span(target)
        place = number(target)
    except ValueError:
        return None
    return place, place


def _named(decision: Decision) -> int:
    """Return how many of `target`'s strings are things, not names of the first."""
    is_source = decision.target_type is TargetType.SOURCE
    return len(decision.target) if is_source else 1


def _is_named(decision: Decision) -> bool:
    """Return whether the target is of the action's kind and spelled exactly."""
    if not decision.target or AIMS.get(decision.action) is not decision.target_type:
        return False
    first, session = decision.target[0], decision.session
    if decision.target_type is TargetType.SESSION:
        if session is None or not session.client_comp:
            return False
        return first == endpoint(session.client, session.client_port)
    if decision.target_type is TargetType.GATEWAY:
        return first == endpoint(decision.gateway, decision.port)
    # One host at a time: only a subnet is written as a prefix.
    is_subnet = decision.target_type is TargetType.SUBNET
    return all(("/" in target) is is_subnet for target in decision.target)
