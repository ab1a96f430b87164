"""Looks: whether switches still hold what they confirmed, a few containments at a time.

A switch that takes rules away to make room for others need not say so: OpenFlow 1.3
knows no such reason, and Open vSwitch (overflow_policy=evict) is silent about it.
"""

from collections.abc import Iterable, Iterator

from airnet.controller.entries import DECISION_MASK, OWNER_COOKIE, UNDO_MASK, Flow
from airnet.controller.exchange import Exchange
from airnet.controller.messages import AskFlows
from airnet.controller.standing import Held, Standing

#: Containments looked at in one go; the next ones have their turn the next time.
LOOKED_AT = 32


class Looks:
    """Whose turn it is, switch by switch."""

    def __init__(self) -> None:
        self._turns: dict[int, int] = {}

    def questions(
        self, exchange: Exchange, switch: int, standing: Iterable[Held]
    ) -> list[AskFlows]:
        """Return what to ask a switch; the exchange notes what it should answer."""
        known = [held for held in standing if held.was_confirmed]
        turn = self._turns.get(switch, 0) % max(1, len(known))
        some = [*known[turn:], *known[:turn]][:LOOKED_AT]
        self._turns[switch] = turn + len(some)
        exchange.wanted[switch] = [
            flow for held in some for flow in held.left.get(switch, {}).values()
        ]
        return [
            AskFlows(cookie=OWNER_COOKIE | held.decision, mask=UNDO_MASK)
            for held in some
        ]


def lost(exchange: Exchange, standing: Standing) -> list[Held]:
    """Return what a switch should hold, and no longer holds all of, each once."""
    found: dict[int, Held] = {}
    for switch, flow in _missing(exchange):
        held = standing.of(flow.cookie & DECISION_MASK)
        # What was told to be gone since it was asked for is not missed.
        if held is not None and flow.key in held.left.get(switch, {}):
            found[held.decision] = held
    return list(found.values())


def _missing(exchange: Exchange) -> Iterator[tuple[int, Flow]]:
    if exchange.errors:
        return
    for switch in exchange.confirmed:
        read = exchange.read.get(switch, {})
        for flow in exchange.wanted.get(switch, ()):
            if flow.key not in read:
                yield switch, flow
