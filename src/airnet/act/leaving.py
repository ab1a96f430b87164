"""Leaving: what people have undone, and whose enforcer has not said so yet."""

from airnet.act.levers import Levers
from airnet.act.workers import Call
from airnet.domain.containment import Containment, State

#: Whoever undoes waits so long for the enforcer, then is told that it does not answer.
ANSWER_S = 0.3
#: Between two attempts at an enforcer that refuses.
AGAIN_NS = 500_000_000


class Leaving:
    """Lets go, and goes on trying while an enforcer does not answer.

    Args:
        levers: who is told.
    """

    def __init__(self, levers: Levers) -> None:
        self._levers = levers
        self._calls: dict[str, tuple[Containment, str, Call[Containment]]] = {}
        self._again_ns: dict[str, int] = {}

    def __contains__(self, decision_id: object) -> bool:
        """Return whether something is being let go."""
        return decision_id in self._calls

    def let_go(self, containment: Containment, reason: str) -> Containment | None:
        """Release it; return what came of that, or None while nothing is known."""
        call = self._begin(containment, reason)
        if not self._levers.has_answered(call, ANSWER_S):
            return None
        del self._calls[containment.decision_id]
        return call.result()

    def settled(self, now_ns: int) -> list[Containment]:
        """Return what is known now; what failed is tried again until its end."""
        found = []
        for key, (containment, reason, call) in list(self._calls.items()):
            if not call.is_done():
                continue
            undone, is_over = call.result(), 0 < containment.until_ns <= now_ns
            if undone.state is not State.FAILED or is_over:
                found.append(undone)
                del self._calls[key]
                self._again_ns.pop(key, None)
            elif now_ns >= self._again_ns.setdefault(key, now_ns + AGAIN_NS):
                del self._again_ns[key]
                self._begin(containment, reason)
        return found

    def _begin(self, containment: Containment, reason: str) -> Call[Containment]:
        call = self._levers.let_go(containment, reason)
        self._calls[containment.decision_id] = (containment, reason, call)
        return call
