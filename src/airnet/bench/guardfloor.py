"""What this platform holds up: a thread that only spins, and airnet's own lane.

Beside the guard's trials, on the CPUs they run on and at their priority. What the
spinning thread is not given, no program on this host is; see `airnet.bench.hiccup`.
"""

import os
from pathlib import Path

from airnet.clock import SystemClock

#: A thread that is kept for so long was held up.
HELD_NS = 1_000_000
SHORT_NS = 100_000
#: Spinning, and sleeping: at a real-time priority some sleep is owed (sched(7)).
SPIN_NS, SLEEP_NS = 9_000_000, 1_500_000
clock = SystemClock()


class Gaps:
    """How long a thread that reads the clock again and again was kept from it."""

    def __init__(self) -> None:
        self.spun_ns = self.longest_ns = self.held = self.short = 0

    def spin(self, span_ns: int) -> None:
        """Read the clock for a while, with some sleep in between that counts not."""
        read = clock.mono_ns
        end_ns = read() + span_ns
        while (start_ns := read()) < end_ns:
            last_ns = start_ns
            stop_ns = start_ns + SPIN_NS
            while last_ns < stop_ns:
                now_ns = read()
                if now_ns - last_ns >= SHORT_NS:
                    self._note(now_ns - last_ns)
                last_ns = now_ns
            self.spun_ns += last_ns - start_ns
            clock.sleep_s(SLEEP_NS / 1e9)

    def _note(self, gap_ns: int) -> None:
        self.short += 1
        self.held += gap_ns >= HELD_NS
        self.longest_ns = max(self.longest_ns, gap_ns)

    def found(self) -> dict[str, float]:
        """Return what was seen."""
        return {
            "seconds": round(self.spun_ns / 1e9, 2),
            "over_0_1_ms": self.short,
            "over_1_ms": self.held,
            "longest_us": round(self.longest_ns / 1000, 1),
        }


class Platform:
    """Spins on each CPU in turn, between trials, before whatever else runs there.

    Args:
        cpus: the sender's, which is the caller's, and the lane's.
    """

    def __init__(self, cpus: list[int]) -> None:
        self._gaps = {cpu: Gaps() for cpu in cpus}

    def look(self, span_ns: int) -> None:
        """Spin so long on each; airnet waits meanwhile."""
        for cpu, gaps in reversed(self._gaps.items()):
            os.sched_setaffinity(0, {cpu})
            policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
            if policy == os.SCHED_FIFO:
                os.sched_setscheduler(0, policy, os.sched_param(2))
            gaps.spin(span_ns)
            os.sched_setscheduler(0, policy, parameters)

    def found(self) -> dict[str, dict[str, float]]:
        """Return what was seen on each CPU."""
        return {f"cpu {cpu}": gaps.found() for cpu, gaps in self._gaps.items()}


def waited_ns(pid: int) -> int:
    """Return how long the first thread of a process was ready to run, and did not.

    Since it began, as the kernel's scheduler counts it; 0 where it does not
    (Documentation/scheduler/sched-stats.rst).
    """
    try:
        return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[1])
    except (OSError, IndexError):
        return 0
