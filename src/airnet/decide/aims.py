"""Aims: what each action aims at, and by which names it is remembered."""

from airnet.decide.protection import Range, endpoint, number, span
from airnet.domain.decision import Action, Decision, TargetType

#: Whom a host is kept from where no stranger is named: anybody, in new connections.
ANYBODY = "*"
#: Between a host and whom it is kept from, in the names of what stands.
FROM = ">"
#: A host and one stranger: no more is named by a confinement.
PAIR = 2

#: What each action must aim at, to be named exactly.
AIMS = {
    Action.RATE_LIMIT_SOURCES: TargetType.GATEWAY,
    Action.DROP_SOURCES: TargetType.SOURCE,
    Action.CONFINE_HOST: TargetType.HOST,
    Action.REROUTE: TargetType.PATH,
    Action.THROTTLE_SESSION: TargetType.SESSION,
    Action.CANCEL_ORDERS: TargetType.SESSION,
    Action.DISABLE_SESSION: TargetType.SESSION,
    Action.THROTTLE_PROCESS: TargetType.SESSION,
    Action.FREEZE_PROCESS: TargetType.SESSION,
    Action.ISOLATE_HOST: TargetType.HOST,
    Action.ISOLATE_SUBNET: TargetType.SUBNET,
}


def thing(host: str, peer: str) -> str:
    """Return what a confinement holds, as one name: who, and from whom."""
    return f"{host}{FROM}{peer or ANYBODY}"


def place_of(target: str) -> Range | None:
    """Return the addresses of a target; None for what is no address or prefix."""
    try:
        if "/" in target:
            return span(target)
        place = number(target)
    except ValueError:
        return None
    return place, place


def named(decision: Decision) -> tuple[str, ...]:
    """Return what a Decision names, as it is remembered: a host, and from whom."""
    if decision.action is Action.CONFINE_HOST and decision.target:
        host, peer = decision.target[0], "".join(decision.target[1:2])
        return (thing(host, peer),)
    return decision.target[: count_named(decision)]


def count_named(decision: Decision) -> int:
    """Return how many of `target`'s strings are things, not names of the first."""
    is_source = decision.target_type is TargetType.SOURCE
    return len(decision.target) if is_source else 1


def is_named(decision: Decision) -> bool:
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
    if decision.target_type is TargetType.PATH:
        return len(decision.target) == 1 and not decision.port
    if decision.action is Action.CONFINE_HOST and len(decision.target) > PAIR:
        return False
    # One host at a time: only a subnet is written as a prefix.
    is_subnet = decision.target_type is TargetType.SUBNET
    return all(("/" in target) is is_subnet for target in decision.target)
