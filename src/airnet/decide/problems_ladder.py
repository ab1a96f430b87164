"""Problems of the ladder, the market and envelopes: legal, and cannot be meant."""

from collections.abc import Iterator

from airnet.config import Site
from airnet.decide.ladder import TIERS, Need
from airnet.decide.limits import FITTING
from airnet.decide.policy import Contain, Policy, When
from airnet.domain.decision import Action, Mode, Tier
from airnet.domain.verdict import CONTAINABLE

#: What no rung may do without, by its tier (docs/policy.md).
NEEDED = {
    Tier.KILL_ALGO: (Need.LOWER_FAILED,),
    Tier.ISOLATE_HOST: (Need.ANSWERED,),
    Tier.ISOLATE_SUBNET: (Need.ANSWERED, Need.SEVERAL_HOSTS),
}
#: What holds a process, and what cancels its orders.
PROCESS = frozenset({"throttle_process", "freeze_process"})
CANCELS = frozenset({"cancel_orders", "disable_session"})
#: Without these airnet is blind, or lame.
ROLES = ("mirror", "control", "clock")


def ladder_problems(policy: Policy, site: Site) -> list[str]:
    """Return what is odd about rungs, phases, asset classes and envelopes."""
    found = []
    for cause in sorted(CONTAINABLE):
        rule = policy.contain(cause)
        assert rule is not None
        where = f"cause.{cause.value}"
        fitting = {action.value for action in FITTING[cause]}
        found += [
            f"{where}.rung[{place}].{problem}"
            for place, rung in enumerate(rule.rungs)
            for problem in (
                [f"action: {rung.action} does nothing about {cause.value}"]
                if rung.action not in fitting
                else _rung_problems(rule, place)
            )
        ]
        found += [f"{where}.rung{one}" for one in _process_problems(rule, site)]
        found += [f"{where}.when{one}" for one in _when_problems(rule, policy, site)]
    return [
        *found,
        *_signing_problems(policy),
        *_envelope_problems(policy, site),
        *_role_problems(policy, site),
    ]


def _rung_problems(rule: Contain, place: int) -> Iterator[str]:
    rung = rule.rungs[place]
    tier = TIERS[Action(rung.action)]
    if tier > rule.tier_max:
        yield f"action: {rung.action} is tier {tier:d}, above tier_max {rule.tier_max}"
    if rung.approvals < 2:
        yield f"approvals: {rung.approvals}, but T{tier:d} takes two people"
    for need in NEEDED[tier]:
        if need not in rung.needs:
            yield f"needs: must name {need.value}, without which T{tier:d} is not taken"
    if rung.presigned and tier is not Tier.KILL_ALGO:
        yield f"presigned: a hard limit cannot stand for people at T{tier:d}"
    if rung.alone_when_closed and tier is not Tier.ISOLATE_HOST:
        yield f"alone_when_closed: T{tier:d} takes two people at any hour"
    if rung.action in {each.action for each in rule.rungs[:place]}:
        yield f"action: {rung.action} is given twice"


def _process_problems(rule: Contain, site: Site) -> Iterator[str]:
    """Yield what is wrong with holding processes: gently first, orders before it."""
    actions = [rung.action for rung in rule.rungs]
    for place, action in enumerate(actions):
        where = f"[{place}].action: {action}"
        if action == "freeze_process" and "throttle_process" not in actions:
            yield f"{where} takes throttle_process too: a process is slowed first"
        if action == "freeze_process" and not CANCELS & set(actions):
            yield f"{where} takes cancel_orders too: what is frozen cannot cancel"
        if action in PROCESS and site.firms and not _algorithms(site):
            yield f"{where}, but the site says of no session which `algorithm` it runs"


def _algorithms(site: Site) -> set[str]:
    sessions = (session for firm in site.firms for session in firm.sessions)
    return {session.algorithm for session in sessions} - {""}


def _when_problems(rule: Contain, policy: Policy, site: Site) -> Iterator[str]:
    traded = {gateway.asset for gateway in site.gateways}
    for place, each in enumerate(rule.when):
        if each.phase is not None and not policy.market.intervals:
            yield f"[{place}].phase: has no effect without a market calendar"
        if each.asset and site.gateways and each.asset not in traded:
            yield f"[{place}].asset: no gateway of the site trades {each.asset}"
        before = rule.when[:place]
        if any(
            one.asset in {"", each.asset} and one.phase in {None, each.phase}
            for one in before
        ):
            yield f"[{place}].asset: never reached, what is above fits always"
        yield from _crossed(place, each, before)


def _crossed(place: int, each: When, before: tuple[When, ...]) -> Iterator[str]:
    """Yield what does not hold where another `when` fits as well and counts first."""
    said = {(one.asset, one.phase) for one in before}
    for first, one in enumerate(before):
        is_apart = bool(one.asset) != bool(each.asset) and one.phase != each.phase
        both = one.asset or each.asset, one.phase or each.phase
        if not is_apart or None not in {one.phase, each.phase} or both in said:
            continue
        lost = sorted(set(each.changes()) - set(one.changes()))
        if lost:
            yield (
                f"[{place}].{lost[0]}: does not hold for {both[0]} in phase {both[1]}: "
                f"when[{first}] counts first; put a `when` for both above it"
            )


def _signing_problems(policy: Policy) -> Iterator[str]:
    for place, rule in enumerate(policy.rules):
        if rule.presigned_by and not rule.is_presigned:
            yield f"rule[{place}].presigned_by: must name two different people"
    signed = any(rule.is_presigned for rule in policy.rules)
    for cause in sorted(CONTAINABLE):
        contain = policy.contain(cause)
        rungs = contain.rungs if contain is not None else ()
        for place, rung in enumerate(rungs):
            if rung.presigned and not signed:
                yield (
                    f"cause.{cause.value}.rung[{place}].presigned: no rule of the "
                    "policy was signed by two people"
                )


def _envelope_problems(policy: Policy, site: Site) -> Iterator[str]:
    known = [(each.algorithm, each.version) for each in policy.envelopes]
    bound = {algorithm for algorithm, _ in known}
    sessions = [session for firm in site.firms for session in firm.sessions]
    for place, pair in enumerate(known):
        if pair in known[:place]:
            yield f"envelope[{place}].version: given twice for {pair[0]}"
        if sessions and pair not in {(s.algorithm, s.version) for s in sessions}:
            yield (
                f"envelope[{place}].version: no session runs {pair[0]} in version "
                f"{pair[1]!r}"
            )
    for session in sessions:
        pair = (session.algorithm, session.version)
        if session.algorithm in bound and pair not in known:
            yield (
                f"site: session {session.comp_id}: nobody signed an envelope for "
                f"{session.algorithm} in version {session.version!r}: none holds"
            )


def _role_problems(policy: Policy, site: Site) -> Iterator[str]:
    enforced = [
        cause.value for cause in sorted(CONTAINABLE) if enforces(policy.contain(cause))
    ]
    if policy.cause.venue_fault.divert.mode is Mode.ENFORCE:
        enforced.append("venue_fault.divert")
    named = {item.role for item in site.protected}
    if enforced and site.gateways:
        for role in ROLES:
            if role not in named:
                yield (
                    f"cause.{enforced[0]}.mode: enforce, but the site protects nothing "
                    f"with role {role!r}: airnet could cut its own {role}"
                )


def enforces(rule: Contain | None) -> bool:
    """Return whether anything of a Cause may leave, in any phase, for any asset."""
    if rule is None:
        return False
    return Mode.ENFORCE in {rule.mode, *(each.mode for each in rule.when)}
