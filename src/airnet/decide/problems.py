"""Problems: what is legal in a policy but cannot be meant, one sentence each.

What is not legal at all, `airnet.config.load` has refused before.
"""

from collections.abc import Iterable

from airnet.config import Site
from airnet.decide.ladder import TIERS
from airnet.decide.policy import Policy
from airnet.decide.problems_ladder import enforces, ladder_problems
from airnet.decide.problems_names import name_problems
from airnet.decide.problems_numbers import number_problems
from airnet.decide.problems_paths import path_problems
from airnet.decide.problems_places import place_problems
from airnet.decide.protection import Protection, canonical, endpoint
from airnet.domain.decision import Action, Mode
from airnet.domain.verdict import CONTAINABLE, Cause
from airnet.domain.window import FEATURE_LIMIT


def problems(policy: Policy, site: Site, rules: Iterable[str] = ()) -> list[str]:
    """Return what is legal but cannot be meant, one sentence each; empty is good.

    `rules` are the names of the scorer's hard rules, where they are known.
    """
    return [
        *_cause_problems(policy),
        *name_problems(policy, frozenset(rules)),
        *_budget_problems(policy),
        *number_problems(policy),
        *_asset_problems(policy, site),
        *ladder_problems(policy, site),
        *path_problems(policy, site),
        *_site_problems(site, {one.algorithm for one in policy.envelopes}),
        *place_problems(site),
    ]


def _cause_problems(policy: Policy) -> list[str]:
    found = []
    fitting = {
        Cause.FLOOD: {"evidence", "drop_sources", "rate_limit_sources"},
        Cause.ALGO_FAULT: {"evidence", "throttle_session"},
        Cause.COMPROMISE: {"evidence", "drop_sources"},
    }
    for cause, actions in fitting.items():
        rule = policy.contain(cause)
        assert rule is not None
        where = f"cause.{cause.value}"
        tier = TIERS[Action(rule.action)]
        if rule.action not in actions:
            found.append(
                f"{where}.action: {rule.action} does nothing about {cause.value}; "
                f"use one of {', '.join(sorted(actions))}"
            )
        if tier > rule.tier_max:
            found.append(
                f"{where}.action: {rule.action} is tier {tier:d}, above tier_max "
                f"{rule.tier_max}: it can never be ordered"
            )
        if rule.ttl_ms < max(rule.dwell_ms, rule.opinion_dwell_ms):
            found.append(f"{where}.ttl_ms: shorter than the dwell, it would flap")
        if rule.dwell_windows == 1 and rule.action == "throttle_session":
            found.append(f"{where}.dwell_windows: one window cannot tell a burst")
        if rule.mode is Mode.ENFORCE and rule.action == "evidence":
            found.append(f"{where}.mode: enforce, but evidence contains nothing")
        if rule.assets and not enforces(rule):
            found.append(f"{where}.assets: has no effect in shadow mode")
    return found


def _budget_problems(policy: Policy) -> list[str]:
    found = []
    budget = policy.budget
    if policy.few_sources_max > budget.sources_per_decision_max:
        found.append(
            f"few_sources_max: {policy.few_sources_max} is above "
            f"budget.sources_per_decision_max {budget.sources_per_decision_max}"
        )
    if budget.actions_max == 0:
        found.append("budget.actions_max: 0 latches into shadow at the first Decision")
    for name in ("sessions_max", "sources_max", "gateways_max"):
        if getattr(budget, name) == 0:
            found.append(
                f"budget.{name}: 0 means nothing of that kind can be contained"
            )
    seen: set[str] = set()
    for rule in policy.rules:
        if rule.name in seen:
            found.append(f"rule {rule.name}: given twice")
        seen.add(rule.name)
        if rule.limit > FEATURE_LIMIT:
            found.append(
                f"rule {rule.name}: limit {rule.limit} is above {FEATURE_LIMIT}, the "
                "largest value a feature can have: it can never fire"
            )
        if (rule.window == "session") != (rule.cause == "algo_fault"):
            found.append(
                f"rule {rule.name}: a {rule.window} window cannot show {rule.cause}"
            )
    return found


def _asset_problems(policy: Policy, site: Site) -> list[str]:
    found = []
    comps = {s.comp_id for firm in site.firms for s in firm.sessions}
    gateways = {endpoint(canonical(g.ip), g.port) for g in site.gateways}
    protection = Protection(site)
    for cause in sorted(CONTAINABLE):
        rule = policy.contain(cause)
        assert rule is not None
        if rule.assets and cause is Cause.COMPROMISE:
            found.append(
                "cause.compromise.assets: a compromise is of a host, which no asset "
                "names: nothing of it would leave; leave it out"
            )
        for asset in rule.assets:
            if cause is Cause.FLOOD and asset in comps:
                found.append(
                    f"cause.flood.assets: {asset} is a session, and a flood is of a "
                    "gateway: name it as ip:port"
                )
            elif asset in protection.comp_ids:
                found.append(f"cause.{cause.value}.assets: {asset} is protected")
            elif asset not in comps and asset not in gateways:
                found.append(f"cause.{cause.value}.assets: the site knows no {asset}")
    rule = policy.contain(Cause.ALGO_FAULT)
    assert rule is not None
    enforced = enforces(rule) and rule.action == "throttle_session"
    if enforced and site.gateways and not any(g.control for g in site.gateways):
        found.append(
            "cause.algo_fault.mode: enforce, but no gateway of the site has a control "
            "URL"
        )
    return found


def _site_problems(site: Site, signed: set[str]) -> list[str]:
    """Return what is odd about a site; `signed` algorithms have their own envelope."""
    found = []
    protection = Protection(site)
    known = {algorithm.id for algorithm in site.algorithms} | signed
    used = {s.algorithm for firm in site.firms for s in firm.sessions}
    for algorithm in site.algorithms:
        if algorithm.id not in used:
            found.append(f"algorithm {algorithm.id}: no session runs it")
        if algorithm.orders_per_second_max <= 0:
            found.append(f"algorithm {algorithm.id}: orders_per_second_max must be > 0")
    for firm in site.firms:
        for session in firm.sessions:
            where = f"firm {firm.name} session {session.comp_id}"
            if session.algorithm and session.algorithm not in known:
                found.append(
                    f"{where}: algorithm {session.algorithm} is not registered"
                )
            if firm.hosts and session.host not in firm.hosts:
                found.append(f"{where}: host {session.host} is not a host of the firm")
            is_spared = session.comp_id in protection.comp_ids
            if session.algorithm and (
                is_spared or protection.address_reason(session.host)
            ):
                found.append(
                    f"{where}: runs {session.algorithm} but is protected: its envelope "
                    "can never be enforced"
                )
    for gateway in site.gateways:
        name = endpoint(gateway.ip, gateway.port)
        if gateway.comp_id and gateway.comp_id in protection.comp_ids:
            found.append(
                f"protected {gateway.comp_id}: is the CompID of gateway {name}, so no "
                "session of it can ever be contained; protect its network instead"
            )
        if not protection.is_listed(gateway.ip):
            found.append(
                f"gateway {name}: not on the protected list (it is treated as if it "
                "were)"
            )
    return found
