"""Underway: what is decided, or done in advance, and has no outcome on record yet.

The lane says so before it acts, and the hands when they have recorded what came of it.
In between a person may undo it all the same. No lock: who acts says first what he is
about to do, acts, and looks then whether anybody is against it; who is against it says
so first, and looks then at what is done. Whichever comes second sees the other.
"""

from collections.abc import Iterator
from typing import Protocol

from airnet.act.intents import Order
from airnet.domain.decision import PASSIVE, Mode


class Foreseen(Protocol):
    """What was done in advance, and no Decision has taken over yet."""

    def became(self, identity: str) -> str:
        """Return which Decision an id, of what was done in advance, became."""
        ...

    def pending(self) -> tuple[str, Order] | None:
        """Return what was done and is not confirmed, by the id that its rules bear."""
        ...

    def claim(self, order: Order) -> bool:
        """Have it be this caller's to end; False: it is confirmed, or taken back."""
        ...

    def end(self) -> None:
        """Take back what was claimed."""
        ...

    def recorded(self) -> None:
        """Say that it is on record, durable: it need not be kept any more."""
        ...

    def tidy(self) -> None:
        """Take back again what was taken back while it was being done."""
        ...


class Underway:
    """Orders between the lane's hand and the record. The lane adds, hands take away."""

    def __init__(self) -> None:
        self._orders: dict[str, Order] = {}
        #: Those that the lane is acting upon at this moment.
        self._acting: set[str] = set()
        self.foreseen: Foreseen | None = None

    def begin(self, order: Order, *, is_acting: bool = False) -> None:
        """Say that it is ordered, before anything is done of it."""
        if order.decision.mode is not Mode.ENFORCE or order.decision.action in PASSIVE:
            return
        if is_acting:
            self._acting.add(order.decision.id)
        self._orders[order.decision.id] = order

    def done(self, order: Order) -> None:
        """Say what of it stands now. For the lane."""
        if order.decision.id in self._acting:
            self._orders[order.decision.id] = order
            self._acting.discard(order.decision.id)

    def over(self, decision_id: str) -> None:
        """Say that what came of it is on record. For the hands."""
        self._orders.pop(decision_id, None)

    def is_acting(self, decision_id: str) -> bool:
        """Return whether the lane may be doing it just now."""
        return decision_id in self._acting

    def name(self, identity: str) -> str:
        """Return the id of the Decision that something done in advance became."""
        return (self.foreseen.became(identity) if self.foreseen else "") or identity

    def find(self, decision_id: str) -> Order | None:
        """Return what is under way by an id."""
        found = self._orders.get(decision_id)
        if found is None and (shot := self.shot()) is not None:
            name, order = shot
            found = order if decision_id in (name, order.decision.id) else None
        return found

    def shot(self) -> tuple[str, Order] | None:
        """Return what was done in advance and is not confirmed, by the id it bears."""
        return self.foreseen.pending() if self.foreseen else None

    def __iter__(self) -> Iterator[Order]:
        """Yield what is ordered and not on record, in that order."""
        return iter(tuple(self._orders.values()))
