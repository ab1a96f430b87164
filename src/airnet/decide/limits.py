"""Limits: what a policy allows of one action against one Cause, at one place and time.

The only way from a policy to the numbers that guardrails compare with, for the judge
and for the proof alike.
"""

import msgspec

from airnet.config import Site
from airnet.decide.ladder import TTL_MS_MAX, Need
from airnet.decide.market import PHASES, Phase
from airnet.decide.policy import NS_PER_MS, Contain, Policy, ppm
from airnet.domain.decision import Action, Mode, Tier
from airnet.domain.verdict import CONTAINABLE, PPM, Cause

Case = tuple[Cause, Action, str, Phase]

#: What is fitting against each Cause; a policy chooses among it.
FITTING = {
    Cause.FLOOD: frozenset({Action.DROP_SOURCES, Action.RATE_LIMIT_SOURCES}),
    Cause.ALGO_FAULT: frozenset(
        {
            Action.THROTTLE_SESSION,
            Action.CANCEL_ORDERS,
            Action.DISABLE_SESSION,
            Action.THROTTLE_PROCESS,
            Action.FREEZE_PROCESS,
        }
    ),
    Cause.COMPROMISE: frozenset(
        {
            Action.DROP_SOURCES,
            Action.CONFINE_HOST,
            Action.ISOLATE_HOST,
            Action.ISOLATE_SUBNET,
        }
    ),
    Cause.VENUE_FAULT: frozenset({Action.REROUTE}),
}


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers of airnet.decide.facts that depend on Cause, action, asset and phase."""

    is_containable: int = 0
    is_allowed: int = 0
    may_enforce: int = 0
    tier_max: int = 0
    ttl_ns_max: int = 0
    probability_ppm_min: int = 0
    p_value_ppm_max: int = PPM
    approvals_min: int = 0
    needs_lower_failed: int = 0
    needs_answered: int = 0
    needs_several_hosts: int = 0
    after_ns: int = 0
    path_age_ns_max: int = 0
    may_presigned: int = 0
    may_when_closed: int = 0


class Budgets(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers of airnet.decide.facts that are the same everywhere in a policy."""

    sessions_max: int
    share_percent: int
    flow_percent: int
    sources_max: int
    sources_each_max: int
    gateways_max: int
    hosts_max: int
    repeats_max: int
    held_ns_max: int
    actions_max: int


def limits_of(
    policy: Policy, cause: Cause, action: Action, asset: str, phase: Phase
) -> Limits:
    """Return what the policy allows of `action`; nothing, where it says nothing."""
    if cause is Cause.VENUE_FAULT:
        return _round(policy, action)
    contain = policy.contain(cause)
    if contain is None or cause not in CONTAINABLE:
        return Limits()
    rule = contain.at(asset, phase)
    plain = Limits(
        is_containable=1,
        is_allowed=int(_is_allowed(rule, cause, action)),
        may_enforce=int(rule.mode is Mode.ENFORCE),
        tier_max=rule.tier_max,
        ttl_ns_max=min(rule.ttl_ms, TTL_MS_MAX) * NS_PER_MS,
        probability_ppm_min=ppm(rule.probability_min),
        p_value_ppm_max=ppm(rule.p_value_max),
    )
    for rung in rule.rungs:
        if rung.action == action.value and action in FITTING[cause]:
            return msgspec.structs.replace(
                plain,
                is_allowed=1,
                ttl_ns_max=min(rung.ttl_ms, TTL_MS_MAX) * NS_PER_MS,
                approvals_min=rung.approvals,
                needs_lower_failed=int(Need.LOWER_FAILED in rung.needs),
                needs_answered=int(Need.ANSWERED in rung.needs),
                needs_several_hosts=int(Need.SEVERAL_HOSTS in rung.needs),
                after_ns=rung.after_ms * NS_PER_MS,
                may_presigned=int(rung.presigned),
                may_when_closed=int(rung.alone_when_closed),
            )
    return plain


def _round(policy: Policy, action: Action) -> Limits:
    """Return what the policy allows of driving round a fault of a line."""
    rule = policy.cause.venue_fault.divert
    return Limits(
        is_containable=1,
        is_allowed=int(action is Action.REROUTE),
        may_enforce=int(rule.mode is Mode.ENFORCE),
        tier_max=Tier.DIVERT,
        ttl_ns_max=min(rule.ttl_ms, TTL_MS_MAX) * NS_PER_MS,
        probability_ppm_min=PPM,
        path_age_ns_max=rule.path_age_ms * NS_PER_MS,
    )


def _is_allowed(rule: Contain, cause: Cause, action: Action) -> bool:
    """Return whether it is what the Cause's rule orders, rungs left out."""
    if action not in FITTING[cause] or rule.action == "evidence":
        return False
    if action is Action.CONFINE_HOST:
        return bool(rule.confined)
    # Too many sources to name are limited together, whatever would be done to few.
    return action.value == rule.action or action is Action.RATE_LIMIT_SOURCES


def budgets_of(policy: Policy) -> Budgets:
    """Return a policy's blast radius and pace."""
    budget = policy.budget
    return Budgets(
        sessions_max=budget.sessions_max,
        share_percent=budget.session_share_max_percent,
        flow_percent=budget.flow_share_max_percent,
        sources_max=budget.sources_max,
        sources_each_max=budget.sources_per_decision_max,
        gateways_max=budget.gateways_max,
        hosts_max=budget.hosts_max,
        repeats_max=policy.hysteresis.repeats_max,
        held_ns_max=policy.hysteresis.held_ms_max * NS_PER_MS,
        actions_max=budget.actions_max,
    )


class Allowances:
    """A policy's limits, looked up before they are needed rather than while deciding.

    Args:
        policy: whose.
        site: its gateways' asset classes.
    """

    def __init__(self, policy: Policy, site: Site) -> None:
        self._policy = policy
        self._found: dict[Case, dict[str, int]] = {}
        assets = {"", *(gateway.asset for gateway in site.gateways)}
        for cause, actions in FITTING.items():
            for action in actions:
                for asset in assets:
                    for phase in PHASES:
                        self.of(cause, action, asset, phase)

    def of(
        self, cause: Cause, action: Action, asset: str, phase: Phase
    ) -> dict[str, int]:
        """Return the limits by the names they have in Facts."""
        found = self._found.get((cause, action, asset, phase))
        if found is None:  # a few hundred at most
            told = limits_of(self._policy, cause, action, asset, phase)
            found = {name: getattr(told, name) for name in told.__struct_fields__}
            self._found[cause, action, asset, phase] = found
        return found
