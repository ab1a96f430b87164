"""Leaving: what people have undone, and whose enforcer has not said so yet.

An enforcer that refuses, be it at once or late, is asked again, by the same id: letting
go of what is gone is harmless. How often, the record says.
"""

from typing import NamedTuple

import msgspec

from airnet.act.levers import Levers
from airnet.act.workers import Call
from airnet.clock import Clock
from airnet.domain.containment import Containment, State

#: Whoever undoes waits so long for the enforcer, then is told that it does not answer.
ANSWER_S = 0.3
#: Between two attempts at an enforcer that refuses.
AGAIN_NS = 500_000_000
#: Attempts at something without an end; all else is tried until it ends by itself.
ATTEMPTS_MAX = 120


class Attempt(NamedTuple):
    """One attempt to let go, and the how many-th it is."""

    containment: Containment
    reason: str
    call: Call[Containment]
    number: int


class Leaving:
    """Lets go, and goes on trying while an enforcer does not answer.

    Args:
        levers: who is told.
        clock: the steady one says when to try again.
    """

    def __init__(self, levers: Levers, clock: Clock) -> None:
        self._levers = levers
        self._clock = clock
        self._calls: dict[str, Attempt] = {}
        self._again_ns: dict[str, int] = {}

    def __contains__(self, decision_id: object) -> bool:
        """Return whether something is being let go."""
        return decision_id in self._calls

    def let_go(self, containment: Containment, reason: str) -> Containment | None:
        """Release it; return what came of that, or None while it is not let go."""
        attempt = self._begin(containment, reason, 1)
        if not self._levers.has_answered(attempt.call, ANSWER_S):
            return None
        undone = attempt.call.result()
        if undone.state is State.FAILED:
            return None
        del self._calls[containment.decision_id]
        return undone

    def __len__(self) -> int:
        """Return how much is being let go."""
        return len(self._calls)

    def why(self, decision_id: str) -> str:
        """Return why something is not let go yet, as far as its enforcer said."""
        attempt = self._calls.get(decision_id)
        if attempt is None:
            return ""
        said = attempt.call.result().detail if attempt.call.is_done() else ""
        name = attempt.containment.actuator
        failed = said.removeprefix(attempt.reason).lstrip("; ")
        return f"{name}: {failed}" if failed else f"{name} does not answer"

    def settled(self, now_ns: int) -> list[Containment]:
        """Return what is known now; what failed is tried again until its end."""
        found, mono_ns = [], self._clock.mono_ns()
        for key, attempt in list(self._calls.items()):
            if not attempt.call.is_done():
                continue
            undone = attempt.call.result()
            if undone.state is not State.FAILED or _is_last(attempt, now_ns):
                found.append(_counted(undone, attempt.number))
                del self._calls[key]
                self._again_ns.pop(key, None)
            elif mono_ns >= self._again_ns.setdefault(key, mono_ns + AGAIN_NS):
                del self._again_ns[key]
                self._begin(attempt.containment, attempt.reason, attempt.number + 1)
        return found

    def _begin(self, containment: Containment, reason: str, number: int) -> Attempt:
        call = self._levers.let_go(containment, reason)
        attempt = Attempt(containment, reason, call, number)
        self._calls[containment.decision_id] = attempt
        return attempt


def _is_last(attempt: Attempt, now_ns: int) -> bool:
    """Return whether it is not tried again: it ends by itself, or people must look."""
    until_ns = attempt.containment.until_ns
    if until_ns:
        return until_ns <= now_ns
    return attempt.number >= ATTEMPTS_MAX


def _counted(undone: Containment, attempts: int) -> Containment:
    """Return what came of it, with how often it was tried."""
    if attempts == 1:
        return undone
    detail = f"{undone.detail}; attempt {attempts}"
    return msgspec.structs.replace(undone, detail=detail)
