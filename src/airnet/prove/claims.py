"""Claims: what no accepted Decision may do, whatever proposed it.

Said of the policy and the site as their authors wrote them, not of what the guardrails
made of either: two readings of one file that must agree. Each claim is a function
without a branch over Facts and Truth, as the rules are (`airnet.decide.rules`), so that
a proof and a replay of its counterexample ask the same question.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec

from airnet.config import Site
from airnet.decide.facts import CAUSES
from airnet.decide.market import Phase
from airnet.decide.policy import Policy, Rule
from airnet.decide.rules import (
    CLOSED,
    CONFINE,
    DROP,
    GATEWAY,
    HOST,
    PATH,
    RATE,
    REROUTE,
    SESSION,
    SOURCE,
    SUBNET,
)
from airnet.domain.decision import Action, Mode
from airnet.domain.verdict import CONTAINABLE, PPM, Cause
from airnet.prove import places

NS_PER_MS = 1_000_000
DAY_NS = 86_400_000 * NS_PER_MS
#: Least that a throttle must have stood in vain before orders may be cancelled.
STOOD_NS_MIN = 500 * NS_PER_MS
#: What airnet cannot do without: a site that enforces must say where each is.
ROLES = ("mirror", "control", "clock")

FLOOD = CAUSES.index(Cause.FLOOD)
ALGO = CAUSES.index(Cause.ALGO_FAULT)
COMPROMISE = CAUSES.index(Cause.COMPROMISE)
VENUE = CAUSES.index(Cause.VENUE_FAULT)


#: How far each action reaches, as docs/policy.md has it.
REACH = {
    Action.RATE_LIMIT_SOURCES: 2,
    Action.DROP_SOURCES: 2,
    Action.CONFINE_HOST: 2,
    Action.REROUTE: 3,
    Action.THROTTLE_SESSION: 4,
    Action.CANCEL_ORDERS: 5,
    Action.DISABLE_SESSION: 5,
    Action.THROTTLE_PROCESS: 5,
    Action.FREEZE_PROCESS: 5,
    Action.ISOLATE_SESSION: 6,
    Action.ISOLATE_HOST: 6,
    Action.ISOLATE_SUBNET: 7,
}


class Truth(msgspec.Struct, kw_only=True):
    """What is so, read from policy and site themselves, as whole numbers.

    `meets_protected` and `meets_vital`: of the target's addresses or CompIDs; `people`:
    how many different ones signed the limit that broke; `ways`: how many second paths
    the site has; `said_*`: what the policy says
    for this Cause, action, asset class and phase.
    """

    leaves: int = 0
    meets_protected: int = 0
    meets_vital: int = 0
    is_own: int = 0
    people: int = 0
    ways: int = 0
    said_path_age_ns: int = 0
    said_mode: int = 0
    said_tier: int = 0
    said_ttl_ns: int = 0
    said_probability_ppm: int = 0
    said_p_value_ppm: int = PPM
    said_sessions: int = 0
    said_share: int = 0
    said_flow: int = 0
    said_sources: int = 0
    said_sources_each: int = 0
    said_gateways: int = 0
    said_hosts: int = 0
    said_repeats: int = 0
    said_held_ns: int = 0
    said_actions: int = 0


class Claim(NamedTuple):
    """One claim: its name, what it promises, and `breaks` of Facts and Truth."""

    name: str
    promise: str
    breaks: Callable[[Any, Any], Any]


def _radius(f: Any, t: Any) -> Any:
    after = f.standing + f.targets
    of_hosts = (f.target_type == HOST) | (f.target_type == SUBNET)
    of_gateways = (f.target_type == GATEWAY) | (f.target_type == PATH)
    too_wide = (after > t.said_sessions) | (
        (after > 1) & (after * 100 > f.session_count * t.said_share)
    )
    too_much = (f.standing > 0) & (f.flow_part * 100 > f.flow_whole * t.said_flow)
    too_many = (after > t.said_sources) | (f.targets > t.said_sources_each)
    return (
        ((f.target_type == SESSION) & (too_wide | too_much))
        | ((f.target_type == SOURCE) & too_many)
        | (of_gateways & (after > t.said_gateways))
        | (of_hosts & (after > t.said_hosts))
    )


def _alone(f: Any, t: Any) -> Any:
    return (
        (f.tier >= 5)
        & (f.approvals < 2)
        & ((f.tier != 5) | (f.is_hard == 0) | (t.people < 2))
        & ((f.tier != 6) | (f.phase != CLOSED))
    )


def _pathless(f: Any, t: Any) -> Any:
    """What T3 is not taken without: a path of the site's, up by its own witness."""
    return (
        (f.cause != VENUE)
        | (f.target_type != PATH)
        | (f.is_hard == 0)
        | (t.ways < 1)
        | (f.has_path == 0)
        | (f.path_age_ns > t.said_path_age_ns)
    )


def _unconfined(f: Any, t: Any) -> Any:
    """What a confinement is not without: a host that trades, and a limit broken."""
    is_stranger = (f.is_peer == 0) & (f.is_client == 0) & (t.is_own == 0)
    return (
        (f.cause != COMPROMISE)
        | (f.target_type != HOST)
        | (f.is_hard == 0)
        | is_stranger
    )


def _unready(f: Any, t: Any) -> Any:
    """Every tier's own precondition (docs/policy.md)."""
    in_vain = (f.is_hard == 0) & (f.stood_ns < STOOD_NS_MIN)
    return (
        (f.tier != t.said_tier)
        | ((f.tier == 3) & _pathless(f, t))
        | (f.is_named == 0)
        | (f.targets < 1)
        | ((f.action == DROP) & (f.target_type != SOURCE))
        | ((f.action == RATE) & ((f.target_type != GATEWAY) | (f.cause != FLOOD)))
        | ((f.action == CONFINE) & _unconfined(f, t))
        | ((f.tier == 4) & ((f.cause != ALGO) | (f.target_type != SESSION)))
        | ((f.tier == 5) & ((f.cause != ALGO) | (f.target_type != SESSION) | in_vain))
        | ((f.tier >= 6) & ((f.cause != COMPROMISE) | (f.is_answered == 0)))
        | ((f.tier == 6) & (f.target_type != HOST))
        | ((f.tier == 7) & ((f.target_type != SUBNET) | (f.hosts_beside < 1)))
    )


CLAIMS = (
    Claim(
        "cause",
        "only floods, faulty algorithms and compromised hosts are contained; only "
        "faults of a line are driven round",
        lambda f, _: (
            (
                ((f.cause != FLOOD) & (f.cause != ALGO) & (f.cause != COMPROMISE))
                & ((f.cause != VENUE) | (f.action != REROUTE))
            )
            | ((f.action == REROUTE) & (f.cause != VENUE))
        ),
    ),
    Claim(
        "protected",
        "nothing protected is matched",
        lambda f, t: (
            (t.meets_protected == 1) & (f.action != RATE) & (f.action != REROUTE)
        ),
    ),
    Claim("radius", "no more is contained at once than the policy says", _radius),
    Claim(
        "confined",
        "who is confined is kept from none of the site's, no gateway and nobody who "
        "trades",
        lambda f, t: (
            (f.action == CONFINE)
            & (f.is_peer == 1)
            & ((t.is_own == 1) | (t.meets_protected == 1) | (f.is_client == 1))
        ),
    ),
    Claim(
        "blind",
        "neither the mirror, nor the control channel, nor the clock is touched",
        lambda _, t: t.meets_vital == 1,
    ),
    Claim("approvals", "above T4 two people agree, or have signed before", _alone),
    Claim("precondition", "no tier is taken before what it needs holds", _unready),
    Claim(
        "ttl",
        "everything ends by itself, renewed or not, in the policy's time, within a day",
        lambda f, t: (
            (f.ttl_ns <= 0)
            | (f.ttl_ns > DAY_NS)
            | (f.ttl_ns > t.said_ttl_ns)
            | ((f.left_ns > 0) & (f.held_ns + f.ttl_ns > t.said_held_ns))
        ),
    ),
    Claim(
        "steered",
        "no field that anybody can forge chooses the victim",
        lambda f, t: (
            (f.is_answered == 0)
            & (
                ((f.action == DROP) & ((t.is_own == 1) | (f.is_client == 1)))
                | (f.action == CONFINE)
                | (f.tier >= 3)
            )
        ),
    ),
    Claim(
        "certainty",
        "nothing is done that is less sure than the policy asks",
        lambda f, t: (
            (f.has_dwelt == 0)
            | (
                (f.is_hard == 0)
                & (
                    (f.probability_ppm < t.said_probability_ppm)
                    | (f.p_value_ppm > t.said_p_value_ppm)
                )
            )
        ),
    ),
    Claim(
        "sensor",
        "nothing is done while our own sensor is not to be trusted",
        lambda f, _: f.t_ns < f.frozen_until_ns,
    ),
    Claim(
        "flapping",
        "nothing is contained twice at once, nor too often, nor renewed too early",
        lambda f, t: (
            (f.repeats >= t.said_repeats)
            | ((f.left_ns > 0) & ((f.tier > 4) | (f.left_ns * 8 > f.ttl_ns)))
        ),
    ),
    Claim(
        "pace",
        "no more leaves in the pace's window than the policy says",
        lambda f, t: (
            (t.leaves == 1) & ((f.recent + 1 > t.said_actions) | (f.is_latched == 1))
        ),
    ),
    Claim(
        "shadow",
        "nothing leaves for assets in shadow, or in doubt",
        lambda f, t: (
            (t.leaves == 1)
            & ((f.is_enforced == 0) | (f.is_doubted == 1) | (t.said_mode == 0))
        ),
    ),
)


def people(rule: Rule) -> int:
    """Return how many different people signed a rule beforehand."""
    return len({" ".join(name.lower().split()) for name in rule.presigned_by} - {""})


def unnamed(policy: Policy, site: Site) -> tuple[str, ...]:
    """Return what airnet cannot do without and the site does not say where it is."""
    return tuple(
        role for role in ROLES if enforces(policy) and not places.vital(site, role)
    )


def enforces(policy: Policy) -> tuple[str, ...]:
    """Return the Causes for which anything may leave airnet."""
    found = []
    for cause in sorted(CONTAINABLE):
        rule = policy.contain(cause)
        modes = {rule.mode, *(each.mode for each in rule.when)} if rule else set()
        if Mode.ENFORCE in modes and rule is not None and rule.action != "evidence":
            found.append(cause.value)
    if policy.cause.venue_fault.divert.mode is Mode.ENFORCE:
        found.append(Cause.VENUE_FAULT.value)
    return tuple(found)


def said(
    policy: Policy, cause: Cause, action: Action, asset: str, phase: Phase
) -> dict[str, int]:
    """Return what the policy says of an action, field by field of Truth."""
    rule = policy.contain(cause)
    if cause is Cause.VENUE_FAULT and action is Action.REROUTE:
        divert = policy.cause.venue_fault.divert
        return {
            "said_ttl_ns": divert.ttl_ms * NS_PER_MS,
            "said_probability_ppm": PPM,
            "said_p_value_ppm": PPM,
            "said_mode": int(divert.mode is Mode.ENFORCE),
            "said_tier": REACH[action],
            "said_path_age_ns": divert.path_age_ms * NS_PER_MS,
        }
    if rule is None:
        return {
            "said_ttl_ns": 0,
            "said_probability_ppm": PPM + 1,
            "said_mode": 0,
            "said_tier": REACH[action],
        }
    named = {
        name: getattr(rule, name)
        for name in ("ttl_ms", "probability_min", "p_value_max", "mode")
    }
    for each in rule.when:
        if each.asset in ("", asset) and each.phase in (None, phase):
            named |= {n: v for n in named if (v := getattr(each, n)) is not None}
            break
    ttl_ms = named["ttl_ms"]
    for rung in rule.rungs:
        if rung.action == action.value:
            ttl_ms = rung.ttl_ms
            break
    return {
        "said_ttl_ns": ttl_ms * NS_PER_MS,
        "said_probability_ppm": round(named["probability_min"] * PPM),
        "said_p_value_ppm": round(named["p_value_max"] * PPM),
        "said_mode": int(named["mode"] is Mode.ENFORCE),
        "said_tier": REACH[action],
    }


def budgets(policy: Policy) -> dict[str, int]:
    """Return the policy's blast radius and pace, as fields of Truth."""
    budget = policy.budget
    return {
        "said_sessions": budget.sessions_max,
        "said_share": budget.session_share_max_percent,
        "said_flow": budget.flow_share_max_percent,
        "said_sources": budget.sources_max,
        "said_sources_each": budget.sources_per_decision_max,
        "said_gateways": budget.gateways_max,
        "said_hosts": budget.hosts_max,
        "said_repeats": policy.hysteresis.repeats_max,
        "said_held_ns": policy.hysteresis.held_ms_max * NS_PER_MS,
        "said_actions": budget.actions_max,
    }


def broken(facts: Any, truth: Any) -> Iterator[Claim]:
    """Yield the claims that Facts and Truth, as numbers, break."""
    for claim in CLAIMS:
        if claim.breaks(facts, truth):
            yield claim
