"""Early: what ended before its time, as its enforcer says by itself.

A switch makes room for others' rules, or somebody takes ours away by hand: the record
must not say for the rest of its time that it stands.
"""

from collections.abc import Container, Mapping

from airnet.act.levers import Levers
from airnet.clock import Clock
from airnet.domain.containment import Containment

#: Between two looks.
LOOK_NS = 1_000_000_000
#: As much of a handle as enforcers tell.
HANDLE_CHARS = 12


class Early:
    """Looks now and then; one who hangs is not waited for twice a second.

    Args:
        levers: who is asked.
        clock: the steady one says when.
    """

    def __init__(self, levers: Levers, clock: Clock) -> None:
        self._levers = levers
        self._clock = clock
        self._looked_ns = 0

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
        if not standing or mono_ns - self._looked_ns < LOOK_NS:
            return []
        self._looked_ns, told = mono_ns, self._levers.heralds()
        found = []
        for one in standing.values():
            how = told.get((one.actuator, one.handle[:HANDLE_CHARS]), "")
            if how and now_ns < one.until_ns and one.decision_id not in leaving:
                left_s = (one.until_ns - now_ns) / 1e9
                found.append((one, f"{how}; {left_s:.0f} s before its time"))
        return found
