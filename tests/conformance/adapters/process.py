"""A process under the kit: an agent, cgroups, and processes that show they run."""

import contextlib
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from airnet.act.process import AgentPlace, Agents, ProcessActuator
from airnet.config import Firm, Site, SiteSession
from airnet.domain.decision import Action, Decision, Tier
from tests.conformance.role import Breaking, Fault
from tests.fakes.stopping import stopped
from tests.fakes.verdicts import MS, session_name, throttle
from tests.netns.algorithms import (
    ELSEWHERE,
    SENSOR,
    STRANGER,
    V2,
    Algorithms,
    Host,
    trading_host,
)

MARKS = (pytest.mark.root,)
COUNT = 12
HOST = session_name().client


def algorithm(number: int) -> str:
    return f"maker{number}"


SITE = Site(
    firms=(
        Firm(
            name="alpha",
            sessions=tuple(
                SiteSession(host=HOST, comp_id=f"ALGO{n}", algorithm=algorithm(n))
                for n in range(COUNT)
            ),
        ),
    )
)


class ProcessRig:
    """A trading host; a Decision freezes one algorithm: stopped, and silent."""

    ttl_ns = 1200 * MS
    late_ns = 500 * MS
    call_ns = 3000 * MS
    action = Action.FREEZE_PROCESS

    def __init__(self, folder: Path, algorithms: Algorithms, host: Host) -> None:
        self._folder, self._algorithms, self._host = folder, algorithms, host
        self.actuator = self.heir()
        self.faults: dict[Fault, Breaking | str] = {
            Fault.GONE: self._killed,
            Fault.SLOW: self._stopped,
            Fault.FULL: "An agent has a lease for each algorithm it names, no other.",
            Fault.LYING: self._moved,
            Fault.REFUSES: self._somebody_else,
            Fault.PARTIAL: self._half,
        }

    def decision(self, number: int) -> Decision:
        self._algorithms.start(algorithm(number))
        return throttle(number, action=self.action, tier=Tier.KILL_ALGO, why="A test.")

    def holds(self, decision: Decision) -> bool:
        return not self._algorithms.is_heard(algorithm(decision.subject))

    def is_free(self, decision: Decision) -> bool:
        return self._algorithms.is_heard(algorithm(decision.subject))

    def heir(self, name: str = SENSOR) -> ProcessActuator:
        agents = Agents(
            certificate=f"{name}.pem",
            key=f"{name}.key",
            authority="authority.pem",
            timeout_ms=1500,
            places=(AgentPlace(host=HOST, address=f"127.0.0.1:{self._host.port}"),),
        )
        return ProcessActuator(agents, self._folder, SITE)

    @contextlib.contextmanager
    def _killed(self) -> Iterator[None]:
        self._host.end(signal.SIGKILL)
        yield
        self._host.start()

    @contextlib.contextmanager
    def _stopped(self) -> Iterator[None]:
        assert self._host.process is not None
        with stopped(self._host.process.pid):
            yield

    @contextlib.contextmanager
    def _moved(self) -> Iterator[None]:
        """The process is not where the configuration says: a freeze stops nobody."""
        names = list(self._algorithms.processes)
        for name in names:
            self._algorithms.move(name, V2 / self._algorithms.cgroup(ELSEWHERE))
        yield
        for name in names:
            self._algorithms.move(name, V2 / self._algorithms.cgroup(name))

    @contextlib.contextmanager
    def _somebody_else(self) -> Iterator[None]:
        """Vouched for by the same authority, and not one of its clients."""
        self.actuator = self.heir(STRANGER)
        yield
        self.actuator = self.heir()

    @contextlib.contextmanager
    def _half(self) -> Iterator[None]:
        """What it sends is held back, and it computes as ever."""
        files = self._files()
        for file in files:
            command = ["mount", "--bind", "/dev/null", str(file)]
            subprocess.run(command, check=True)
        yield
        for file in files:
            subprocess.run(["umount", str(file)], check=True)

    def _files(self) -> list[Path]:
        """Return what stops each."""
        groups = map(self._algorithms.cgroup, self._algorithms.processes)
        return [V2 / one / "cgroup.freeze" for one in groups]


@contextlib.contextmanager
def rig(kind: type[ProcessRig] = ProcessRig) -> Iterator[ProcessRig]:
    """Give a trading host with an agent."""
    names = [algorithm(number) for number in range(COUNT)]
    with (
        tempfile.TemporaryDirectory() as folder,
        trading_host(Path(folder), names) as (algorithms, host),
    ):
        yield kind(Path(folder), algorithms, host)
