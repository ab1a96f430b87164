"""Held: what stands, and what became of what does not. One thread changes it."""

from collections import deque
from collections.abc import Container

from airnet.act.entries import ENDED_MAX, Ended, Entries
from airnet.act.outcomes import IN_FORCE, Outcomes
from airnet.domain.containment import Containment
from airnet.domain.decision import Decision


class Held:
    """Keeps Decisions in force with what stands of them, and outcomes of all.

    Args:
        entries: where outcomes are recorded.
    """

    def __init__(self, entries: Entries) -> None:
        self._entries = entries
        self.decisions: dict[str, Decision] = {}
        self.containments: dict[str, Containment] = {}
        self.outcomes = Outcomes()
        self.ended: deque[Ended] = deque(maxlen=ENDED_MAX)

    def stand(
        self, decision: Decision, outcome: Containment, tried_again: Container[str]
    ) -> None:
        """Record what came of a Decision, and keep what is in force.

        Raises:
            LedgerError: it cannot be recorded.
        """
        self._entries.contain(outcome, outcome.applied_ns or outcome.command_ns)
        self.outcomes[decision.id] = outcome
        if outcome.state in IN_FORCE:
            self.keep(decision, outcome)
        elif decision.id not in tried_again:
            self.ended.append(Ended.of(decision, outcome))

    def keep(self, decision: Decision, containment: Containment) -> None:
        """Keep what stands, or may."""
        self.decisions[decision.id] = decision
        self.containments[decision.id] = containment

    def drop(self, decision_id: str, outcome: Containment) -> None:
        """Keep it no more; this became of it."""
        self.containments.pop(decision_id, None)
        decision = self.decisions.pop(decision_id, None)
        if decision is not None:
            self.ended.append(Ended.of(decision, outcome))
        if decision_id in self.outcomes:
            self.outcomes[decision_id] = outcome
