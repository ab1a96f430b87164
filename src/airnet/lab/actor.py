"""Actor, a process of the lab as its starter holds it: told, heard, ended by pid."""

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

import airnet
from airnet.clock import SystemClock
from airnet.errors import AirnetError
from airnet.lab.channel import READ_BYTES, Json, Lines

END_LIMIT_S = 10.0
#: A process that does not write its last words has this long to say them.
TURN_S = 0.05


class ActorError(AirnetError):
    """A process of the lab ended, or did not do what it was started for."""

    fault_of = "lab"


def python(module: str, *words: str) -> tuple[str, ...]:
    """Return a command line that runs one of our modules with this Python."""
    return (sys.executable, "-m", module, *words)


def environment() -> dict[str, str]:
    """Return an environment in which this very package is found."""
    here = str(Path(airnet.__file__).parents[1])
    paths = [here, *filter(None, [os.environ.get("PYTHONPATH", "")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


class Actor:
    """One process: JSON lines in and out, its log in a file.

    It is started in a session of its own, so that Ctrl-C at the terminal reaches only
    the starter, who ends everybody in order; and it is told to end when the starter
    dies, whatever of.

    Args:
        name: for messages and the log's name.
        command: the command line.
        logs: the directory of logs; standard error goes to NAME.log there.
        extra: added to the environment.
    """

    def __init__(
        self,
        name: str,
        command: tuple[str, ...],
        logs: Path,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._clock = SystemClock()
        self._lines = Lines()
        self.log = logs / f"{name}.log"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ("setpriv", "--pdeathsig", "TERM", *command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**environment(), **(extra or {})},
                start_new_session=True,
            )
        self.pid = self._process.pid
        assert self._process.stdout is not None
        assert self._process.stdin is not None
        self._input, self._output = self._process.stdin, self._process.stdout
        self._is_silent = False
        #: The last object of each kind.
        self.latest: dict[str, Json] = {}

    def tell(self, **command: object) -> None:
        """Send one command.

        Raises:
            ActorError: the process is gone.
        """
        try:
            self._input.write(msgspec.json.encode(command) + b"\n")
            self._input.flush()
        except (BrokenPipeError, ValueError) as error:
            raise self._gone() from error

    def hear(self, wait_s: float = 0.0) -> list[Json]:
        """Return the objects that came within `wait_s`, as soon as there is one."""
        if self._is_silent:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(wait_s)
            return []
        ready, _, _ = select.select([self._output], [], [], wait_s)
        if not ready:
            return []
        data = os.read(self._output.fileno(), READ_BYTES)
        self._is_silent = not data
        found = self._lines.feed(data)
        for one in found:
            self.latest[str(one.get("kind", ""))] = one
        return found

    def wait_for(
        self, kind: str, holds: Callable[[Json], bool], limit_s: float
    ) -> Json:
        """Return the first object of a kind for which `holds`.

        Raises:
            ActorError: none came in time, or the process ended.
        """
        end_ns = self._clock.mono_ns() + int(limit_s * 1e9)
        while self._clock.mono_ns() < end_ns:
            for one in self.hear(TURN_S):
                if one.get("kind") == kind and holds(one):
                    return one
            if not self.is_running():
                raise self._gone()
        raise ActorError(f"{self.name}: no {kind!r} in {limit_s} s", f"see {self.log}")

    def wait_until(self, what: str, holds: Callable[[], bool], limit_s: float) -> None:
        """Return once `holds()`, which is `what` it is waited for.

        Raises:
            ActorError: the process ended, or the time is over.
        """
        end_ns = self._clock.mono_ns() + int(limit_s * 1e9)
        while not holds():
            self.check()
            if self._clock.mono_ns() > end_ns:
                raise ActorError(
                    f"{self.name}: no {what} in {limit_s:.0f} s", f"see {self.log}"
                )
            self._clock.sleep_s(TURN_S)

    def is_running(self) -> bool:
        """Return whether the process has not ended."""
        return self._process.poll() is None

    def check(self) -> None:
        """Raise ActorError if the process has ended."""
        if not self.is_running():
            raise self._gone()

    def cpu_s(self) -> float:
        """Return the CPU time it has used."""
        return cpu_s(self.pid)

    def end(self, limit_s: float = END_LIMIT_S, *, ask: bool = True) -> int:
        """End the process and return its status; harmless when it has ended.

        Args:
            limit_s: how long it may take before it is killed.
            ask: close its standard input first; otherwise SIGTERM at once.
        """
        self.dismiss()
        steps = [signal.SIGTERM, signal.SIGKILL]
        if ask and self._waited(limit_s):
            steps = []
        for number in steps:
            if self.is_running():
                self._process.send_signal(number)
            if self._waited(limit_s):
                break
        self._output.close()
        return self._process.returncode

    def dismiss(self) -> None:
        """Tell it to end, without waiting for it."""
        with contextlib.suppress(BrokenPipeError):
            self._input.close()

    def _waited(self, limit_s: float) -> bool:
        """Drain what it says until it ends; False when it does not in time."""
        end_ns = self._clock.mono_ns() + int(limit_s * 1e9)
        while self.is_running():
            if self._clock.mono_ns() > end_ns:
                return False
            self.hear(TURN_S)
        return True

    def _gone(self) -> ActorError:
        status = self._process.poll()
        lines = self.log.read_text("utf-8", "replace").strip().splitlines()
        last = lines[-1] if lines else "it said nothing"
        return ActorError(
            f"{self.name} ended with status {status}: {last}", f"see {self.log}"
        )


def cpu_s(pid: int) -> float:
    """Return the CPU time of a process, 0 when it is gone; proc(5), utime and stime."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except OSError:
        return 0.0
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
