"""Again: sends once more what failed, when it is due and nobody is against it."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from airnet.act.attempts import Attempts
from airnet.act.entries import Entries
from airnet.act.intents import LASTING
from airnet.act.levers import Levers
from airnet.act.vetoes import Vetoes
from airnet.clock import Clock
from airnet.domain.containment import Containment, State
from airnet.domain.decision import Decision


class Tried(NamedTuple):
    """What came of another attempt; `against` is why it is to be let go, "" if not."""

    decision: Decision
    outcome: Containment
    against: str = ""


class Again:
    """One attempt at a time: recorded and durable before it leaves, as the first was.

    Args:
        levers: what commands leave by.
        entries: where attempts are recorded.
        clock: the time.
        closed: why nothing may leave now, "" when it may.
    """

    def __init__(
        self,
        levers: Levers,
        entries: Entries,
        clock: Clock,
        closed: Callable[[], str],
    ) -> None:
        self.attempts = Attempts(clock)
        self._levers = levers
        self._entries = entries
        self._clock = clock
        self._closed = closed

    def attempt(self, vetoes: Vetoes, reconcile: Callable[[str], None]) -> Tried | None:
        """Try once more what is due, if anything; return what came of it.

        What people froze or undid is not tried any more, nor what would be over.

        Raises:
            LedgerError: the attempt cannot be made durable; nothing was sent.
        """
        if not self.attempts:  # it is asked for every Verdict
            return None
        closed = self._closed()
        trial = self.attempts.first() if closed else self.attempts.due()
        if trial is None:
            return None
        decision, now_ns = trial.decision, self._clock.now_ns()
        left_ns, number = trial.until_ns - now_ns, trial.made + 1
        why = closed or vetoes.part(decision)[1]
        why = why or ("" if left_ns > 0 else "what was decided is over")
        if why:
            self.attempts.pop(decision.id)
            return self._given_up(decision, trial.last, f"not tried again: {why}")
        self._entries.contain(self._levers.intended(decision, number, left_ns), now_ns)
        self._entries.sync()
        outcome = self._levers.command(decision, reconcile, number, left_ns)
        if decision.id not in self.attempts:
            return Tried(decision, outcome, "undone while it was tried again")
        return Tried(decision, self.attempts.noted(decision, outcome))

    @staticmethod
    def _given_up(decision: Decision, last: Containment, why: str) -> Tried:
        """Return what is tried no more; only a person lets go of what may last."""
        if decision.action not in LASTING:
            return Tried(decision, last, why)
        detail = f"{last.detail}; {why}"
        withheld = msgspec.structs.replace(last, state=State.WITHHELD, detail=detail)
        return Tried(decision, withheld)
