"""Clock, the role that tells the time; nothing else in the package reads one."""

import time

TYPE_CHECKING = False  # as in airnet.front
if TYPE_CHECKING:
    from typing import Protocol
else:
    Protocol = object


class Clock(Protocol):
    """Tells the time, in ns. Decisions never ask it: their time comes from frames."""

    def now_ns(self) -> int:
        """Return ns since the epoch, UTC."""

    def mono_ns(self) -> int:
        """Return ns of a clock that never steps, for durations."""


class SystemClock:
    """The host's clocks: CLOCK_REALTIME and CLOCK_MONOTONIC."""

    def now_ns(self) -> int:
        """Return ns since the epoch, UTC."""
        return time.time_ns()

    def mono_ns(self) -> int:
        """Return ns of CLOCK_MONOTONIC, the clock bpf_ktime_get_ns reads."""
        return time.monotonic_ns()

    def cpu_ns(self) -> int:
        """Return the CPU time of this process, in ns."""
        return time.process_time_ns()

    def thread_ns(self) -> int:
        """Return the CPU time of the calling thread, in ns."""
        return time.thread_time_ns()

    def sleep_s(self, seconds: float) -> None:
        """Give up the processor for at least `seconds`."""
        time.sleep(seconds)  # the one place that may: who waits is handed a clock


class SimulatedClock:
    """A clock that stands still until told otherwise."""

    def __init__(self, now_ns: int = 0) -> None:
        self.time_ns = now_ns

    def now_ns(self) -> int:
        """Return the time last set, ns since the epoch."""
        return self.time_ns

    def mono_ns(self) -> int:
        """Return the time last set, in ns."""
        return self.time_ns
