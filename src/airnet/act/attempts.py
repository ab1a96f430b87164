"""Attempts: what an enforcer refused, or did not answer, is tried again; bounded.

Each attempt is a command of its own, under an id of its own where an enforcer holds to
the answer that it gave to an id; what it is for, the Decision, stays. It is recorded
before it leaves, as the first one was. When to try again goes by the steady clock.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from airnet.act.actuator import Actuator, Holding, Telling
from airnet.act.intents import LASTING, fold_intents
from airnet.act.isolation import WAITS
from airnet.clock import Clock
from airnet.domain.containment import Containment, State
from airnet.domain.decision import Decision, with_id
from airnet.domain.incident import Evidence

#: How long after a failure it is tried again: after the first, the second, the third.
#: Longer than who hangs is left alone for (airnet.act.levers.REST_NS), in the end.
AGAIN_NS = (500_000_000, 1_500_000_000, 4_000_000_000)
ATTEMPTS_MAX = 1 + len(AGAIN_NS)
#: Decisions that are tried again at once; beyond it what fails has failed.
TRIALS_MAX = 64


class Trial(NamedTuple):
    """A Decision whose last command failed, and when it is tried again.

    `last` is what came of that command, `made` how many there were; `until_ns` is when
    what was decided is over, by the time of day.
    """

    decision: Decision
    last: Containment
    made: int
    until_ns: int
    due_mono_ns: int


class Attempts:
    """Remembers what is to be tried again. It sends nothing itself.

    Args:
        clock: the steady one says when; the time of day, until when it is of use.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._trials: dict[str, Trial] = {}

    def __contains__(self, decision_id: object) -> bool:
        return decision_id in self._trials

    def __iter__(self) -> Iterator[Trial]:
        """Yield what is tried again, the longest ago first."""
        return iter(tuple(self._trials.values()))

    def __len__(self) -> int:
        """Return how much is tried again."""
        return len(self._trials)

    def first(self) -> Trial | None:
        """Return what has waited longest."""
        return next(iter(self._trials.values()), None)

    def get(self, decision_id: str) -> Trial | None:
        """Return what is to be tried again under that id."""
        return self._trials.get(decision_id)

    def pop(self, decision_id: str) -> Trial | None:
        """Try it no more."""
        return self._trials.pop(decision_id, None)

    def noted(self, decision: Decision, outcome: Containment) -> Containment:
        """Return what came of a command, with what is done about it where it failed.

        What nobody carries out, and what would be over by then, is not tried again.
        """
        trial = self._trials.pop(decision.id, None)
        if outcome.state is not State.FAILED or not outcome.actuator:
            return outcome
        made = 1 if trial is None else trial.made + 1
        until_ns = outcome.command_ns + decision.until_ns - decision.t_ns
        if outcome.actuator.startswith(WAITS):
            # It may have cut, and taken that back, for orders that nobody cancelled:
            # people agreed to it once, and see why it failed.
            return outcome
        told = self._added(
            decision, outcome, made, trial.until_ns if trial else until_ns
        )
        return msgspec.structs.replace(outcome, detail=f"{outcome.detail}; {told}")

    def resume(self, evidence: Iterable[Evidence]) -> None:
        """Go on with what an earlier process would have tried again."""
        entries = list(evidence)
        made, first_ns = dict[str, int](), dict[str, int]()
        for entry in entries:
            if entry.kind == "containment":
                key = str(entry.body["decision_id"])
                first_ns.setdefault(key, int(str(entry.body["command_ns"])))
                is_begun = entry.body["state"] == State.INTENDED
                made[key] = made.get(key, 1) + is_begun
        for decision, last in fold_intents(entries).values():
            if last is None or last.state is not State.FAILED or not last.actuator:
                continue
            if last.actuator.startswith(WAITS):
                continue
            ttl_ns = decision.until_ns - decision.t_ns
            until_ns = first_ns[decision.id] + ttl_ns
            self._added(decision, last, made[decision.id], until_ns)

    def due(self) -> Trial | None:
        """Return what is to be tried now, if anything; it stays until it is noted."""
        mono_ns = self._clock.mono_ns()
        for trial in self._trials.values():
            if trial.due_mono_ns <= mono_ns:
                return trial
        return None

    def _added(
        self, decision: Decision, last: Containment, made: int, until_ns: int
    ) -> str:
        """Remember to try again, where that is of use; return it in words."""
        if made >= ATTEMPTS_MAX:
            return f"attempt {made}, the last"
        wait_ns, left_ns = AGAIN_NS[made - 1], until_ns - self._clock.now_ns()
        if left_ns <= wait_ns:
            return f"attempt {made}; it would be over before the next"
        if len(self._trials) >= TRIALS_MAX:
            return f"attempt {made}; too many others are tried again"
        due_ns = self._clock.mono_ns() + wait_ns
        self._trials[decision.id] = Trial(decision, last, made, until_ns, due_ns)
        return f"attempt {made} of {ATTEMPTS_MAX}, again in {wait_ns / 1e9:g} s"


def named(decision: Decision, number: int) -> Decision:
    """Return a Decision under the id of its `number`-th command; the first has its own.

    An enforcer that answered an id holds to that answer, so each attempt has its own;
    and it is the same whoever works it out, so that what was sent can be looked for.
    """
    if number == 1:
        return decision
    why = f"{decision.why} Attempt {number}."
    return with_id(msgspec.structs.replace(decision, why=why))


def known_as(actuator: Actuator, decision: Decision, number: int) -> Decision:
    """Return a Decision as the enforcer knows its `number`-th attempt."""
    if isinstance(actuator, Holding) and actuator.holds_to_ids:
        return named(decision, number)
    return decision


def applied(
    actuator: Actuator, decision: Decision, ttl_ns: int, number: int
) -> Containment:
    """Have it applied, unless it stands by an attempt whose answer was lost.

    An enforcer that goes by the Decision's id alone finds that by itself.

    Raises:
        ActuationError: it is not, or that cannot be told.
    """
    found = standing(actuator, decision, number)
    if found is not None:
        until_ns = 0 if decision.action in LASTING else found.applied_ns + ttl_ns
        detail = "in force by an attempt before, whose answer was lost"
        return msgspec.structs.replace(found, until_ns=until_ns, detail=detail)
    made = actuator.apply(known_as(actuator, decision, number), ttl_ns)
    return msgspec.structs.replace(made, decision_id=decision.id)


def standing(
    actuator: Actuator, decision: Decision, number: int = ATTEMPTS_MAX + 1
) -> Containment | None:
    """Return what stands of attempts before the `number`-th, as its enforcer says.

    Raises:
        ActuationError: it cannot be told now.
    """
    if not isinstance(actuator, Telling):
        return None
    for earlier in range(1, number):
        found = actuator.find(known_as(actuator, decision, earlier))
        if found is not None:
            return msgspec.structs.replace(found, decision_id=decision.id)
    return None
