"""Planted bugs: one change each to a policy, a site or the code that decides.

Every one is a mistake that somebody could make, and would not see.
"""

from collections.abc import Callable

import msgspec
import pytest

from airnet.config import Gateway, LinePath, Protected, Site, load
from airnet.decide import ladder, limits, policy as policies, rules
from airnet.decide.ladder import Need, Rung
from airnet.decide.limits import Budgets, Limits
from airnet.decide.policy import Policy
from airnet.decide.protection import Protection
from airnet.decide.rules import Refusal, Rule
from airnet.domain.decision import Action
from airnet.domain.verdict import Cause
from tests.fakes.hours import DATA, policy_with_hours

POLICY = policy_with_hours()
SITE = load(DATA / "site.toml.example", Site)
#: The same with a second path to its gateway, by another one.
PATHED = msgspec.structs.replace(
    SITE,
    gateways=(*SITE.gateways, Gateway(ip="10.20.0.11", port=9001)),
    paths=(LinePath(name="west", gateway="10.20.0.10", witness="10.20.0.11"),),
)

Patch = pytest.MonkeyPatch
#: What a mutant gives: the policy and the site to prove, its code being patched.
Mutant = Callable[[Patch], tuple[Policy, Site]]


def _replaced(part: object, **changes: object) -> object:
    assert isinstance(part, msgspec.Struct)
    return msgspec.structs.replace(part, **changes)


def cause(name: str, **changes: object) -> Policy:
    """Return the policy with one Cause's rule changed."""
    rule = getattr(POLICY.cause, name)
    causes = msgspec.structs.replace(POLICY.cause, **{name: _replaced(rule, **changes)})
    return msgspec.structs.replace(POLICY, cause=causes)


def rung(name: str, place: int, **changes: object) -> Policy:
    """Return the policy with one rung changed."""
    rungs = list(getattr(POLICY.cause, name).rungs)
    changed = _replaced(rungs[place], **changes)
    assert isinstance(changed, Rung)
    rungs[place] = changed
    return cause(name, rungs=tuple(rungs))


def in_policy(changed: Callable[[], Policy]) -> Mutant:
    """Return a bug of the policy's author."""
    return lambda _: (changed(), SITE)


def in_site(**changes: object) -> Mutant:
    """Return a bug of the site's author."""
    return lambda _: (POLICY, msgspec.structs.replace(SITE, **changes))


def without(why: Refusal, number: int = 0) -> Mutant:
    """Return the bug that one rule was lost."""

    def plant(patch: Patch) -> tuple[Policy, Site]:
        lost = [rule for rule in rules.RULES if rule.why is why][number]
        kept = tuple(rule for rule in rules.RULES if rule is not lost)
        patch.setattr(rules, "RULES", kept)
        return POLICY, SITE

    return plant


def instead(why: Refusal, breaks: Callable[..., object], number: int = 0) -> Mutant:
    """Return the bug that one rule compares something else."""

    def plant(patch: Patch) -> tuple[Policy, Site]:
        old = [rule for rule in rules.RULES if rule.why is why][number]
        new = Rule(why, breaks, is_each=old.is_each)
        kept = tuple(new if rule is old else rule for rule in rules.RULES)
        patch.setattr(rules, "RULES", kept)
        return POLICY, SITE

    return plant


def on_paths(mutant: Mutant) -> Mutant:
    """Return the same bug at a site that has a second path."""
    return lambda patch: (mutant(patch)[0], PATHED)


def with_limits(change: Callable[[Limits, Action], Limits]) -> Mutant:
    """Return the bug that the policy's numbers are read wrongly."""

    def plant(patch: Patch) -> tuple[Policy, Site]:
        real = limits.limits_of

        def wrong(policy: Policy, why: Cause, action: Action, *where: object) -> Limits:
            found = real(policy, why, action, *where)
            return change(found, action)

        patch.setattr(limits, "limits_of", wrong)
        return POLICY, SITE

    return plant


def with_budgets(**wrong: int) -> Mutant:
    """Return the bug that a budget is read wrongly."""

    def plant(patch: Patch) -> tuple[Policy, Site]:
        real = limits.budgets_of

        def read(policy: Policy) -> Budgets:
            return msgspec.structs.replace(real(policy), **wrong)

        patch.setattr(limits, "budgets_of", read)
        return POLICY, SITE

    return plant


def with_protection(forget: Callable[[Protection], None]) -> Mutant:
    """Return the bug that something of the site is not protected."""

    def plant(patch: Patch) -> tuple[Policy, Site]:
        real = Protection.__init__

        def wrong(self: Protection, site: Site) -> None:
            real(self, site)
            forget(self)

        patch.setattr(Protection, "__init__", wrong)
        return POLICY, SITE

    return plant


def leaving(may: Callable[..., object]) -> Mutant:
    """Return the bug that too much leaves."""

    def plant(patch: Patch) -> tuple[Policy, Site]:
        patch.setattr(rules, "may_leave", may)
        return POLICY, SITE

    return plant


def _forget_why(word: str) -> Callable[[Protection], None]:
    def forget(kept: Protection) -> None:
        kept.guarded = [one for one in kept.guarded if word not in one[1]]

    return forget


def _narrowed(kept: Protection) -> None:
    kept.guarded = [((low, low), why) for (low, _), why in kept.guarded]


def _apart(patch: Patch) -> tuple[Policy, Site]:
    """Return the bug that ranges must lie within one another to meet."""

    def touches(ranges: object, first: object, last: object) -> object:
        met = (first < 0) & (last < 0)
        for low, high in ranges:
            met = met | ((first > low) & (last < high))
        return met

    patch.setattr(rules, "touches", touches)
    return POLICY, SITE


def _tiers(patch: Patch) -> tuple[Policy, Site]:
    """Return the bug that isolating a host is taken for a small thing."""
    patch.setitem(ladder.TIERS, Action.ISOLATE_HOST, ladder.Tier.PROTECT)
    return POLICY, SITE


def _confined(patch: Patch) -> tuple[Policy, Site]:
    """Return the bug that confining a host is taken for watching it."""
    patch.setitem(ladder.TIERS, Action.CONFINE_HOST, ladder.Tier.EVIDENCE)
    return POLICY, SITE


def _presigned(patch: Patch) -> tuple[Policy, Site]:
    """Return the bug that one person signs for two."""
    one = property(lambda rule: bool(rule.presigned_by))
    patch.setattr(policies.Rule, "is_presigned", one)
    signed = _replaced(POLICY.rules[0], presigned_by=("head of risk",))
    return msgspec.structs.replace(POLICY, rules=(signed,)), SITE


def _unlisted() -> tuple[Protected, ...]:
    return tuple(one for one in SITE.protected if one.role != "clock")


MUTANTS: dict[str, Mutant] = {
    # The policy's author.
    "kill_by_one": in_policy(lambda: rung("algo_fault", 0, approvals=1)),
    "isolate_by_one": in_policy(lambda: rung("compromise", 0, approvals=1)),
    "isolate_by_nobody": in_policy(lambda: rung("compromise", 0, approvals=0)),
    "subnet_by_one": in_policy(lambda: rung("compromise", 1, approvals=1)),
    "subnet_alone_when_closed": in_policy(
        lambda: rung("compromise", 1, alone_when_closed=True)
    ),
    "kill_alone_when_closed": in_policy(
        lambda: rung("algo_fault", 0, alone_when_closed=True)
    ),
    "kill_needs_nothing": in_policy(lambda: rung("algo_fault", 0, needs=())),
    "kill_at_once": in_policy(lambda: rung("algo_fault", 0, after_ms=0)),
    "subnet_for_one_host": in_policy(
        lambda: rung("compromise", 1, needs=(Need.ANSWERED,))
    ),
    # The site's author.
    "no_clock": in_site(protected=_unlisted()),
    "nothing_protected": in_site(protected=()),
    # A rule lost.
    "no_action_rule": without(Refusal.ACTION),
    "no_tier_rule": without(Refusal.TIER),
    "no_ttl_rule": without(Refusal.TTL),
    "no_shape_rule": without(Refusal.SHAPE),
    "no_vital_rule": without(Refusal.VITAL),
    "no_protected_rule": without(Refusal.PROTECTED),
    "no_host_rule": without(Refusal.PROTECTED, 1),
    "no_client_rule": without(Refusal.STEERED),
    "no_answer_rule": without(Refusal.STEERED, 1),
    "no_peer_rule": without(Refusal.PROTECTED, 2),
    "no_own_path_rule": without(Refusal.STEERED, 2),
    "no_trader_rule": without(Refusal.NEED, 5),
    "confined_by_opinion": without(Refusal.NEED, 6),
    "kept_from_who_trades": instead(
        Refusal.PROTECTED,
        lambda f: (f.action == rules.CONFINE) & (f.is_peer == 1) & (f.is_host == 1),
        2,
    ),
    "no_probability_rule": without(Refusal.DOUBT),
    "no_p_value_rule": without(Refusal.DOUBT, 1),
    "no_dwell_rule": without(Refusal.DOUBT, 2),
    "no_lower_rule": without(Refusal.NEED),
    "no_subnet_rule": without(Refusal.NEED, 2),
    "no_measured_reroute_rule": on_paths(without(Refusal.DOUBT, 3)),
    "no_path_rule": on_paths(without(Refusal.NEED, 3)),
    "no_path_age_rule": on_paths(without(Refusal.NEED, 4)),
    "no_approvals_rule": without(Refusal.APPROVALS),
    "no_sensor_rule": without(Refusal.SENSOR),
    "no_standing_rule": without(Refusal.STANDING),
    "no_held_rule": without(Refusal.HELD),
    "no_repeats_rule": without(Refusal.REPEATS),
    "no_sessions_rule": without(Refusal.SESSIONS),
    "no_share_rule": without(Refusal.SESSIONS, 1),
    "no_flow_rule": without(Refusal.FLOW),
    "no_sources_each_rule": without(Refusal.SOURCES),
    "no_sources_rule": without(Refusal.SOURCES, 1),
    "no_gateways_rule": without(Refusal.GATEWAYS),
    "no_hosts_rule": without(Refusal.HOSTS),
    # A rule that compares something else.
    "forged_reroute": on_paths(
        instead(Refusal.STEERED, lambda f: (f.is_answered == 0) & (f.tier >= 4), 1)
    ),
    "ttl_of_zero": instead(Refusal.TTL, lambda f: f.ttl_ns > f.ttl_ns_max),
    "ttl_of_a_day": instead(
        Refusal.TTL, lambda f: (f.ttl_ns <= 0) | (f.ttl_ns > 86_400_000_000_000)
    ),
    "protected_only_from_drops": instead(
        Refusal.PROTECTED, lambda f: (f.is_guarded == 1) & (f.action == rules.DROP)
    ),
    "renewed_early": instead(Refusal.STANDING, lambda f: f.left_ns > f.ttl_ns),
    "asked_again_at_once": instead(
        Refusal.STANDING, lambda f: f.left_ns * 8 > f.ttl_ns
    ),
    "held_without_the_renewal": instead(
        Refusal.HELD, lambda f: (f.left_ns > 0) & (f.held_ns > f.held_ns_max)
    ),
    "one_repeat_more": instead(Refusal.REPEATS, lambda f: f.repeats > f.repeats_max),
    "radius_before_not_after": instead(
        Refusal.SOURCES,
        lambda f: (f.target_type == rules.SOURCE) & (f.standing >= f.sources_max),
        1,
    ),
    "subnets_not_counted": instead(
        Refusal.HOSTS,
        lambda f: (
            (f.target_type == rules.HOST) & (f.standing + f.targets > f.hosts_max)
        ),
    ),
    "sensor_by_a_hard_limit": instead(
        Refusal.SENSOR, lambda f: (f.t_ns < f.frozen_until_ns) & (f.is_hard == 0)
    ),
    "presigned_or_closed_for_all": instead(
        Refusal.APPROVALS,
        lambda f: (
            (f.approvals < f.approvals_min)
            & (f.is_presigned == 0)
            & (f.phase != rules.CLOSED)
        ),
    ),
    # The policy read wrongly.
    "closed_for_all": with_limits(
        lambda found, _: msgspec.structs.replace(found, may_when_closed=1)
    ),
    "ttl_in_us": with_limits(
        lambda found, _: msgspec.structs.replace(
            found, ttl_ns_max=found.ttl_ns_max * 1000
        )
    ),
    "path_age_in_us": on_paths(
        with_limits(
            lambda found, _: msgspec.structs.replace(
                found, path_age_ns_max=found.path_age_ns_max * 1000
            )
        )
    ),
    "any_probability": with_limits(
        lambda found, _: msgspec.structs.replace(found, probability_ppm_min=0)
    ),
    "all_sessions": with_budgets(share_percent=100, sessions_max=1024),
    "all_flow": with_budgets(flow_percent=100),
    "any_pace": with_budgets(actions_max=1_000_000),
    "presigned_by_one": _presigned,
    # The site read wrongly.
    "gateways_forgotten": with_protection(_forget_why("order gateways")),
    "management_forgotten": with_protection(_forget_why("management")),
    "first_address_only": with_protection(_narrowed),
    "comps_forgotten": with_protection(lambda kept: kept._comps.clear()),
    "roles_forgotten": with_protection(lambda kept: kept.vital.clear()),
    "hosts_forgotten": with_protection(lambda kept: kept.hosts.clear()),
    "within_not_meeting": _apart,
    "tier_of_isolation": _tiers,
    "tier_of_confinement": _confined,
    # What leaves.
    "doubts_ignored": leaving(
        lambda f: (
            (f.may_enforce == 1)
            & (f.is_enforced == 1)
            & (f.is_latched == 0)
            & (f.recent < f.actions_max)
        )
    ),
    "latch_ignored": leaving(
        lambda f: (f.may_enforce == 1) & (f.is_enforced == 1) & (f.is_doubted == 0)
    ),
    "assets_ignored": leaving(
        lambda f: (
            (f.may_enforce == 1)
            & (f.is_doubted == 0)
            & (f.is_latched == 0)
            & (f.recent < f.actions_max)
        )
    ),
}
