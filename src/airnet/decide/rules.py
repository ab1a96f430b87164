"""The guardrails themselves: one table of rules, executed by the guard and proved.

Each rule is a function of Facts without a branch: comparisons joined by `|` and `&`.
Given numbers it answers; given unknowns it becomes a formula for `airnet prove`, so
that what is proved is what runs. Hence no `and`, `or`, `not`, `if`, `min` or chained
comparison below: `tests/tidy` holds this file to it.
"""

import enum
from collections.abc import Callable
from typing import Any, NamedTuple

from airnet.decide.facts import ACTIONS, TARGET_TYPES
from airnet.decide.market import PHASES, Phase
from airnet.decide.stands import RENEWAL_PART
from airnet.domain.decision import Action, TargetType, Tier

DROP = ACTIONS.index(Action.DROP_SOURCES)
CONFINE = ACTIONS.index(Action.CONFINE_HOST)
REROUTE = ACTIONS.index(Action.REROUTE)
RATE = ACTIONS.index(Action.RATE_LIMIT_SOURCES)
SESSION = TARGET_TYPES.index(TargetType.SESSION)
SOURCE = TARGET_TYPES.index(TargetType.SOURCE)
GATEWAY = TARGET_TYPES.index(TargetType.GATEWAY)
HOST = TARGET_TYPES.index(TargetType.HOST)
PATH = TARGET_TYPES.index(TargetType.PATH)
SUBNET = TARGET_TYPES.index(TargetType.SUBNET)
CLOSED = PHASES.index(Phase.CLOSED)


class Refusal(enum.StrEnum):
    """Why a proposed containment does not happen."""

    CAUSE = "guard.cause"
    ACTION = "guard.action"
    TIER = "guard.tier"
    TTL = "guard.ttl"
    SHAPE = "guard.shape"
    VITAL = "guard.vital"
    PROTECTED = "guard.protected"
    STEERED = "guard.steered"
    DOUBT = "guard.doubt"
    NEED = "guard.need"
    APPROVALS = "guard.approvals"
    SENSOR = "guard.sensor"
    STANDING = "guard.standing"
    HELD = "guard.held"
    REPEATS = "guard.repeats"
    SESSIONS = "budget.sessions"
    FLOW = "budget.flow"
    SOURCES = "budget.sources"
    GATEWAYS = "budget.gateways"
    HOSTS = "budget.hosts"


class Rule(NamedTuple):
    """One guardrail: `breaks` says of Facts whether it forbids.

    `measured` and `limit` are what the record says then; `is_each` asks every target.
    """

    why: Refusal
    breaks: Callable[[Any], Any]
    measured: Callable[[Any], int] = lambda _: 1
    limit: Callable[[Any], int] = lambda _: 0
    is_each: bool = False


RULES = (
    Rule(Refusal.CAUSE, lambda f: f.is_containable == 0),
    Rule(Refusal.ACTION, lambda f: f.is_allowed == 0),
    Rule(
        Refusal.TIER,
        lambda f: (f.tier != f.tier_of_action) | (f.tier > f.tier_max),
        lambda f: f.tier_of_action,
        lambda f: f.tier_max,
    ),
    Rule(
        Refusal.TTL,
        lambda f: (f.ttl_ns <= 0) | (f.ttl_ns > f.ttl_ns_max),
        lambda f: f.ttl_ns,
        lambda f: f.ttl_ns_max,
    ),
    Rule(Refusal.SHAPE, lambda f: (f.is_named == 0) | (f.targets <= 0)),
    # What we see by, act through or tell the time by: not even shielded.
    Rule(Refusal.VITAL, lambda f: f.is_vital == 1, is_each=True),
    # A rate limit shields the gateway it names from strangers, and a reroute loses it
    # nothing; nothing else may touch.
    Rule(
        Refusal.PROTECTED,
        lambda f: (f.is_guarded == 1) & (f.action != RATE) & (f.action != REROUTE),
        is_each=True,
    ),
    # A known host's address in a flood is more likely forged than guilty (SR-19).
    Rule(
        Refusal.PROTECTED,
        lambda f: (f.is_host == 1) & (f.action == DROP),
        is_each=True,
    ),
    Rule(
        Refusal.STEERED,
        lambda f: (f.is_answered == 0) & (f.is_client == 1) & (f.action == DROP),
        is_each=True,
    ),
    Rule(
        Refusal.STEERED,
        lambda f: (f.is_answered == 0) & (f.tier >= Tier.DIVERT),
    ),
    # Who trades keeps whom it belongs to: the site's hosts, and others that trade.
    Rule(
        Refusal.PROTECTED,
        lambda f: (
            (f.action == CONFINE)
            & (f.is_peer == 1)
            & ((f.is_host == 1) | (f.is_client == 1))
        ),
        is_each=True,
    ),
    Rule(
        Refusal.STEERED,
        lambda f: (f.action == CONFINE) & (f.is_answered == 0),
    ),
    Rule(
        Refusal.DOUBT,
        lambda f: (f.is_hard == 0) & (f.probability_ppm < f.probability_ppm_min),
        lambda f: f.probability_ppm,
        lambda f: f.probability_ppm_min,
    ),
    Rule(
        Refusal.DOUBT,
        lambda f: (f.is_hard == 0) & (f.p_value_ppm > f.p_value_ppm_max),
        lambda f: f.p_value_ppm,
        lambda f: f.p_value_ppm_max,
    ),
    Rule(Refusal.DOUBT, lambda f: f.has_dwelt == 0),
    # No model's opinion turns traffic: a path is left for what was measured of it.
    Rule(Refusal.DOUBT, lambda f: (f.action == REROUTE) & (f.is_hard == 0)),
    Rule(
        Refusal.NEED,
        lambda f: (
            (f.needs_lower_failed == 1) & (f.is_hard == 0) & (f.stood_ns < f.after_ns)
        ),
        lambda f: f.stood_ns,
        lambda f: f.after_ns,
    ),
    Rule(Refusal.NEED, lambda f: (f.needs_answered == 1) & (f.is_answered == 0)),
    Rule(
        Refusal.NEED,
        lambda f: (f.needs_several_hosts == 1) & (f.hosts_beside < 1),
        lambda f: f.hosts_beside,
        lambda _: 1,
    ),
    Rule(Refusal.NEED, lambda f: (f.action == REROUTE) & (f.has_path == 0)),
    Rule(
        Refusal.NEED,
        lambda f: (f.action == REROUTE) & (f.path_age_ns > f.path_age_ns_max),
        lambda f: f.path_age_ns,
        lambda f: f.path_age_ns_max,
    ),
    # Only who is known to trade, by the site or by sight, and by no model's opinion.
    Rule(
        Refusal.NEED,
        lambda f: (
            (f.action == CONFINE)
            & (f.is_peer == 0)
            & (f.is_client == 0)
            & (f.is_host == 0)
        ),
        is_each=True,
    ),
    Rule(Refusal.NEED, lambda f: (f.action == CONFINE) & (f.is_hard == 0)),
    Rule(
        Refusal.APPROVALS,
        lambda f: (
            (f.approvals < f.approvals_min)
            & ((f.may_presigned == 0) | (f.is_presigned == 0))
            & ((f.may_when_closed == 0) | (f.phase != CLOSED))
        ),
        lambda f: f.approvals,
        lambda f: f.approvals_min,
    ),
    Rule(Refusal.SENSOR, lambda f: f.t_ns < f.frozen_until_ns),
    # What airnet does alone is renewed near its end, while what it is against lasts.
    Rule(
        Refusal.STANDING,
        lambda f: (
            (f.left_ns > 0)
            & ((f.tier > Tier.LIMIT_ALGO) | (f.left_ns * RENEWAL_PART > f.ttl_ns))
        ),
    ),
    Rule(
        Refusal.HELD,
        lambda f: (f.left_ns > 0) & (f.held_ns + f.ttl_ns > f.held_ns_max),
        lambda f: f.held_ns + f.ttl_ns,
        lambda f: f.held_ns_max,
    ),
    Rule(
        Refusal.REPEATS,
        lambda f: f.repeats >= f.repeats_max,
        lambda f: f.repeats + 1,
        lambda f: f.repeats_max,
    ),
    Rule(
        Refusal.SESSIONS,
        lambda f: (
            (f.target_type == SESSION) & (f.standing + f.targets > f.sessions_max)
        ),
        lambda f: f.standing + f.targets,
        lambda f: f.sessions_max,
    ),
    # One session may always be limited: a share of few must not mean none.
    Rule(
        Refusal.SESSIONS,
        lambda f: (
            (f.target_type == SESSION)
            & (f.standing + f.targets > 1)
            & ((f.standing + f.targets) * 100 > f.session_count * f.share_percent)
        ),
        lambda f: f.standing + f.targets,
        lambda f: max(1, f.session_count * f.share_percent // 100),
    ),
    Rule(
        Refusal.FLOW,
        lambda f: (
            (f.target_type == SESSION)
            & (f.standing > 0)
            & (f.flow_part * 100 > f.flow_whole * f.flow_percent)
        ),
        lambda f: f.flow_part * 100 // max(f.flow_whole, 1),
        lambda f: f.flow_percent,
    ),
    Rule(
        Refusal.SOURCES,
        lambda f: (f.target_type == SOURCE) & (f.targets > f.sources_each_max),
        lambda f: f.targets,
        lambda f: f.sources_each_max,
    ),
    Rule(
        Refusal.SOURCES,
        lambda f: (f.target_type == SOURCE) & (f.standing + f.targets > f.sources_max),
        lambda f: f.standing + f.targets,
        lambda f: f.sources_max,
    ),
    Rule(
        Refusal.GATEWAYS,
        lambda f: (
            ((f.target_type == GATEWAY) | (f.target_type == PATH))
            & (f.standing + f.targets > f.gateways_max)
        ),
        lambda f: f.standing + f.targets,
        lambda f: f.gateways_max,
    ),
    Rule(
        Refusal.HOSTS,
        lambda f: (
            ((f.target_type == HOST) | (f.target_type == SUBNET))
            & (f.standing + f.targets > f.hosts_max)
        ),
        lambda f: f.standing + f.targets,
        lambda f: f.hosts_max,
    ),
)


def may_leave(f: Any) -> Any:
    """Return whether an accepted Decision leaves airnet: to be done, or for approval.

    Everything else is written down, in shadow.
    """
    return (
        (f.may_enforce == 1)
        & (f.is_enforced == 1)
        & (f.is_doubted == 0)
        & (f.is_latched == 0)
        & (f.recent < f.actions_max)
    )


def touches(ranges: Any, first: Any, last: Any) -> Any:
    """Return whether addresses `first` to `last` meet any of (low, high), both in."""
    # An impossible range to begin with: no addresses are below 0.
    met = (first < 0) & (last < 0)
    for low, high in ranges:
        met = met | ((first <= high) & (low <= last))
    return met
