"""Steps: the time of day moves, and what stands ends when it was to all the same.

An enforcer counts by a clock of its own, which does not step. So the ends that are kept
here move with the time of day, that neither an hour forward lets go what was to stand,
nor one back keeps the record from being closed.
"""

import msgspec

from airnet.clock import Clock
from airnet.domain.containment import Containment

#: What a clock that is disciplined gains between two looks is less. Source: adjtimex(2)
#: slews by 500 millionths at most, ntpd steps beyond 128 ms.
STEP_NS = 100_000_000


class Steps:
    """Looks at the time of day beside the steady clock.

    Args:
        clock: has both.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._apart_ns = self._read()

    def followed(self, standing: dict[str, Containment]) -> dict[str, Containment]:
        """Return what stands with its ends moved by how far the time of day was."""
        apart_ns = self._read()
        step_ns = apart_ns - self._apart_ns
        self._apart_ns = apart_ns
        if abs(step_ns) < STEP_NS:
            return standing
        return {
            key: msgspec.structs.replace(
                one, until_ns=one.until_ns + step_ns if one.until_ns else 0
            )
            for key, one in standing.items()
        }

    def _read(self) -> int:
        return self._clock.now_ns() - self._clock.mono_ns()
