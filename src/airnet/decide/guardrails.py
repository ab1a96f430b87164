"""The last check every Decision passes, whatever proposed it.

It trusts nothing the parts before it concluded: it turns the finished Decision, its
grounds, the policy and what stands into Facts, and asks the table of rules
(`airnet.decide.rules`; SR-04 to SR-07, SR-12, SR-14, SR-19). What they refuse becomes
evidence, never silence.
"""

from collections import deque
from collections.abc import Iterable

import msgspec

from airnet.config import Site
from airnet.decide import limits, rules
from airnet.decide.aims import FROM, count_named, is_named, named, place_of
from airnet.decide.facts import ACTIONS, ASSETS, CAUSES, TARGET_TYPES, Facts, Grounds
from airnet.decide.ladder import TIERS
from airnet.decide.market import PHASES
from airnet.decide.peers import Peers
from airnet.decide.policy import NS_PER_MS, Policy
from airnet.decide.protection import (
    Protection,
    Range,
    canonical,
    span,
)
from airnet.decide.refusals import Refusals
from airnet.decide.rules import Refusal
from airnet.decide.stands import RENEWAL_PART, STANDS_MAX, Stand, Stands
from airnet.domain.decision import PASSIVE, Action, Decision, TargetType, Tier

#: The addresses of one target, whether it is protected else, whether it was seen
#: trading, and whether it is whom a host is kept from.
Victim = tuple[Range | None, bool, bool, bool]


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal with the value that broke the guardrail, and its limit."""

    why: Refusal
    measured: int = 1
    limit: int = 0


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
        self.paths = {path.name: canonical(path.gateway) for path in site.paths}
        self._stands = Stands(policy)
        self.refusals = Refusals(policy)
        self._action_times: deque[int] = deque()

    def check(self, decision: Decision, grounds: Grounds) -> Refused | None:
        """Return why `decision` may not be carried out, or None when it may."""
        if decision.action in PASSIVE:
            return None
        return self.weigh(decision, self.facts(decision, grounds))

    def weigh(self, decision: Decision, facts: Facts) -> Refused | None:
        """Return what the rules say of a Decision whose Facts are known."""
        refused = self.broken(decision, facts)
        if refused is not None:
            self.refused[refused.why] += 1
        return refused

    def broken(self, decision: Decision, facts: Facts) -> Refused | None:
        """Return the same, and do not count it."""
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
                return Refused(
                    why=rule.why, measured=rule.measured(facts), limit=rule.limit(facts)
                )
        return None

    def facts(self, decision: Decision, grounds: Grounds) -> Facts:
        """Return what the rules look at, but for what is of one target alone."""
        targets = named(decision)
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
            is_named=int(is_named(decision)),
            asset=ASSETS.index(grounds.asset),
            phase=PHASES.index(grounds.phase),
            is_presigned=int(grounds.is_hard and grounds.is_presigned),
            probability_ppm=grounds.probability_ppm,
            p_value_ppm=grounds.p_value_ppm,
            stood_ns=grounds.stood_ns,
            hosts_beside=grounds.hosts_beside,
            has_path=int(self._is_path(decision)),
            path_age_ns=grounds.path_age_ns,
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

    def aimed(self, facts: Facts, victim: Victim) -> Facts:
        """Return `facts` of one victim: its addresses, and what these are."""
        place, is_guarded, is_client, is_peer = victim
        facts.is_peer = int(is_peer)
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
        self._count(decision)
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

    def approve(self, decision: Decision) -> None:
        """Count what people agreed to: from then on it stands, as what was ordered."""
        self._count(decision)

    def refuse(self, decision: Decision) -> None:
        """Note that its targets are bad still; only quiet ends a cooldown."""
        self._stands.refuse(decision, self._things(decision)[0])

    def stands(self, target: str, now_ns: int) -> bool:
        """Return whether what airnet did alone about `target` has not ended yet."""
        return self._stands.left_ns(target, now_ns) > 0

    def height_of(self, target: str, now_ns: int) -> tuple[Tier, int]:
        """Return how far up the ladder `target` is, or people are asked to have it."""
        return self._stands.height_of(target, now_ns)

    def is_due(self, target: str, now_ns: int, ttl_ns: int) -> bool:
        """Return whether what stands of `target` alone may be renewed by now."""
        left_ns = self._stands.left_ns(target, now_ns)
        return 0 < left_ns * RENEWAL_PART <= ttl_ns

    def standing(self, kind: TargetType, now_ns: int) -> list[str]:
        """Return the targets of a kind that are contained, or asked to be."""
        return self._stands.targets(kind, now_ns)

    @property
    def targets(self) -> Iterable[str]:
        """Return every target that is remembered, also of what has ended."""
        return [target for target, _ in self._stands.state()]

    def recall(
        self,
        stands: Iterable[tuple[str, Stand]],
        action_times: Iterable[int],
        frozen_until_ns: int = 0,
        *,
        is_latched: bool = False,
    ) -> None:
        """Take up a state that was, or could be: the inverse of `state`."""
        self._stands.recall(stands)
        self._action_times = deque(action_times)
        self.frozen_until_ns, self.is_latched = frozen_until_ns, is_latched

    def take_up(self, ordered: Iterable[Decision], *, is_latched: bool) -> None:
        """Count what an earlier run had ordered, in its order, as if it were our own.

        Whether the pace's limit was crossed, that run knew: it is not weighed again.
        """
        for decision in ordered:
            self._count(decision)
            self._recent(decision.t_ns)
            self._action_times.append(decision.t_ns)
        self.is_latched = is_latched

    def state(self) -> tuple[object, ...]:
        """Return everything remembered, as a value."""
        return (
            self._stands.state(),
            self.refusals.state(),
            tuple(self._action_times),
            self.is_latched,
            self.frozen_until_ns,
        )

    def _beside(
        self, facts: Facts, decision: Decision, targets: tuple[str, ...]
    ) -> None:
        """Fill in what stands beside the Decision, and what stood of its targets."""
        past = self._stands.past(decision, targets)
        facts.left_ns, facts.held_ns = past.left_ns, past.held_ns
        facts.repeats = past.repeats
        beside = self._stands.standing(decision)
        # Who is confined trades on: that counts for no isolation, nor that for it.
        is_confined = decision.action is Action.CONFINE_HOST
        others = [
            target
            for target in beside
            if target not in targets and (FROM in target) is is_confined
        ]
        facts.standing = sum(beside[target] for target in others)
        if decision.target_type is TargetType.SESSION:
            part, whole = self._peers.flow([*others, *targets])
            facts.flow_part, facts.flow_whole = part, whole

    def _count(self, decision: Decision) -> None:
        """Remember that it stands, and whom it has refused."""
        self._stands.admit(decision, *self._things(decision))
        self.refusals.note(decision)

    def _recent(self, now_ns: int) -> int:
        """Return how many actions the pace's window holds; drop what left it."""
        window_ns = self._policy.budget.window_ms * NS_PER_MS
        times = self._action_times
        while times and now_ns - times[0] >= window_ns:
            times.popleft()
        return len(times)

    def _things(self, decision: Decision) -> tuple[tuple[str, ...], int]:
        """Return what a Decision names, and how much each of it holds."""
        return named(decision), self._weight(decision) if len(
            decision.target
        ) == 1 else 1

    def _weight(self, decision: Decision) -> int:
        """Return how many things are named: of a subnet, the hosts it holds."""
        if decision.target_type is not TargetType.SUBNET:
            return count_named(decision)
        try:
            return max(1, self._peers.hosts_in(span(decision.target[0])))
        except ValueError:
            return 1

    def _victims(self, decision: Decision) -> list[Victim]:
        """Return the addresses a Decision matches; protected else; seen trading.

        And whether it is whom a host is kept from.
        """
        session = decision.session
        if decision.target_type is TargetType.SESSION:
            if session is None:
                return [(None, True, False, False)]
            is_guarded = self.protection.comp_reason(session) != ""
            return [(place_of(session.client), is_guarded, True, False)]
        if decision.target_type in (TargetType.GATEWAY, TargetType.PATH):
            return [(place_of(decision.gateway), False, False, False)]
        is_confined = decision.action is Action.CONFINE_HOST
        found: list[Victim] = []
        for target in decision.target:
            place = place_of(target)
            is_client = place is not None and self._is_client(target)
            found.append((place, False, is_client, is_confined and bool(found)))
        return found

    def _is_path(self, decision: Decision) -> bool:
        """Return whether the site has this path, to this gateway."""
        name = decision.target[0] if decision.target else ""
        gateway = self.paths.get(name)
        return gateway is not None and gateway == decision.gateway

    def _is_client(self, target: str) -> bool:
        return "/" not in target and self._peers.is_client(target)
