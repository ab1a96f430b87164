"""The clock of a bourse's captures: what happens when, and what goes on in steps."""

from collections.abc import Callable, Iterator
from typing import Any

from strangers.loop import Loop

#: What goes on in steps: each says how many ns pass until the next.
Steps = Iterator[float]


class Clock(Loop):
    """A queue whose delays are whole ns, and which plays what goes on in steps."""

    def after(self, delay_ns: float, call: Callable[..., Any], *given: Any) -> None:
        """Have `call(*given)` happen in `delay_ns`."""
        self.at(self.now + int(delay_ns), call, *given)

    def play(self, steps: Steps, delay_ns: float = 0) -> None:
        """Have steps begin in `delay_ns`."""
        self.after(delay_ns, self._step, steps)

    def _step(self, steps: Steps) -> None:
        wait = next(steps, None)
        if wait is not None:
            self.after(wait, self._step, steps)
