"""Early: what ended before its time, as its enforcer says by itself.

A switch makes room for others' rules, or somebody takes ours away by hand: the record
must not say for the rest of its time that it stands.
"""

from collections.abc import Container, Mapping

from airnet.act.levers import Levers
from airnet.act.workers import Call
from airnet.clock import Clock
from airnet.domain.containment import Containment

#: Between two looks.
LOOK_NS = 1_000_000_000
#: As much of a handle as enforcers tell.
HANDLE_CHARS = 12


class Early:
    """Looks now and then; nobody waits for who hangs: what it says counts later.

    Args:
        levers: who is asked.
        clock: the steady one says when.
    """

    def __init__(self, levers: Levers, clock: Clock) -> None:
        self._levers = levers
        self._clock = clock
        self._looked_ns = 0
        self._calls: dict[str, Call[Mapping[str, str]]] = {}

    def found(
        self,
        standing: Mapping[str, Containment],
        leaving: Container[str],
        now_ns: int,
    ) -> list[tuple[Containment, str]]:
        """Return what of `standing` has ended before its end, and how.

        What is being let go is ended by whoever lets go of it.
        """
        mono_ns = self._clock.mono_ns()
        if standing and not self._calls and mono_ns - self._looked_ns >= LOOK_NS:
            self._looked_ns, self._calls = mono_ns, self._levers.heralds()
        found = []
        for name, told in self._told():
            for one in standing.values():
                how = told.get(one.handle[:HANDLE_CHARS], "")
                is_ours = how and one.actuator == name
                if is_ours and now_ns < one.until_ns and one.decision_id not in leaving:
                    left_s = (one.until_ns - now_ns) / 1e9
                    found.append((one, f"{how}; {left_s:.0f} s before its time"))
        return found

    def _told(self) -> list[tuple[str, Mapping[str, str]]]:
        """Return who has said something, once, and what."""
        done = [name for name, call in self._calls.items() if call.is_done()]
        told = [(name, self._calls.pop(name).result()) for name in done]
        return [(name, said) for name, said in told if said]
