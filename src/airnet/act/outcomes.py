"""Outcomes: what became of Decisions, so that none is carried out twice. Bounded."""

from airnet.domain.containment import Containment, State

#: States in which something may still hold on the network.
IN_FORCE = frozenset({State.APPLIED, State.VERIFIED, State.UNVERIFIABLE})
#: Decisions remembered for idempotence.
KNOWN_MAX = 4096


class Outcomes(dict[str, Containment | None]):
    """By a Decision's id what became of it; the oldest is forgotten."""

    def __setitem__(self, decision_id: str, outcome: Containment | None) -> None:
        """Note what became of a Decision; None: it is intended."""
        super().__setitem__(decision_id, outcome)
        if len(self) > KNOWN_MAX:
            del self[next(iter(self))]
