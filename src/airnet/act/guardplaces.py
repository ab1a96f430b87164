"""Where in the guard's tables a Decision is enforced."""

from collections.abc import Callable

from airnet.act.unread import Place
from airnet.domain.decision import Action, Decision
from airnet.kernel.guard import (
    KernelGuard,
    flow_key,
    gateway_key,
    pair_key,
    prefix_key,
)


def places_of(
    guard: KernelGuard, decision: Decision, spared: Callable[[str], bool]
) -> list[Place]:
    """Return where the rules of a Decision go; never where it is `spared`."""
    if decision.action is Action.ISOLATE_SESSION:
        name = decision.session
        assert name is not None, "isolate_session names its session"
        ends = (name.client, name.client_port), (name.gateway, name.gateway_port)
        return [
            Place(guard.sessions, flow_key(*here, *there))
            for here, there in (ends, ends[::-1])
        ]
    if decision.action is Action.RATE_LIMIT_SOURCES:
        key = gateway_key(decision.gateway, decision.port)
        return [Place(guard.gateways, key)]
    if decision.action is Action.CONFINE_HOST:
        host, peer = decision.target[0], "".join(decision.target[1:2])
        if peer and spared(peer):
            return []
        return [Place(guard.confined, pair_key(host, peer))]
    return [
        Place(guard.sources, prefix_key(source))
        for source in decision.target
        if not spared(source)
    ]
