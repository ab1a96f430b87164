"""A process's throttle under the kit: less of a processor, less that it sends."""

import contextlib
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from airnet.domain.decision import Action, Decision
from tests.conformance.adapters import process
from tests.fakes.verdicts import MS
from tests.netns.algorithms import BURN_S, V1, V2

MARKS = process.MARKS
#: What is looked at, and how often an algorithm shows itself meanwhile: some fifty
#: times as it likes, and three times at its rate, with its burst.
LOOK_S, PACED_MAX, FREE_MIN = 0.2, 9, 20
#: Of the processor time that it asks for when told to, what it has all the same.
SHARE = 0.5


class ThrottleRig(process.ProcessRig):
    """A Decision slows one algorithm down: it runs a little, and sends a little."""

    ttl_ns = 2500 * MS
    late_ns = 1500 * MS
    action = Action.THROTTLE_PROCESS

    def holds(self, decision: Decision) -> bool:
        name = process.algorithm(decision.subject)
        heard = self._algorithms.heard(LOOK_S).get(name, 0)
        return heard <= PACED_MAX and self._burnt(name) < SHARE

    def is_free(self, decision: Decision) -> bool:
        name = process.algorithm(decision.subject)
        heard = self._algorithms.heard(LOOK_S).get(name, 0)
        return heard >= FREE_MIN and self._burnt(name) >= SHARE

    def _files(self) -> list[Path]:
        """Return what says how much of a processor each has: it cannot be said."""
        names = self._algorithms.processes
        new = [V2 / self._algorithms.cgroup(name) / "cpu.max" for name in names]
        if all(one.exists() for one in new):
            return new
        place = "cpu.cfs_quota_us"
        return [V1 / self._algorithms.cgroup(name) / place for name in names]

    def _burnt(self, name: str) -> float:
        """Have it compute for a while; return how much of that it came to."""
        pid = self._algorithms.processes[name].pid
        before, end_s = _ran_s(pid), time.monotonic() + LOOK_S
        self._algorithms.processes[name].send_signal(signal.SIGUSR1)
        while time.monotonic() < end_s and _ran_s(pid) - before < BURN_S:
            time.sleep(0.005)
        return (_ran_s(pid) - before) / BURN_S


@contextlib.contextmanager
def rig() -> Iterator[process.ProcessRig]:
    """Give a trading host with an agent."""
    with process.rig(ThrottleRig) as found:
        yield found


def _ran_s(pid: int) -> float:
    """Return the processor time that a process has had (proc(5), schedstat)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text("ascii").split()[0]) / 1e9
