"""Keeper: a process that undoes what its agent did, when the agent does not.

A frozen process cannot ask to be thawed, and the kernel keeps no time for cgroup files.
So the agent tells the keeper before it writes one: the file, what takes it back, and
when. The keeper writes that at its time whatever became of the agent, and at once when
the agent is gone: their pipe ends. If the keeper goes, the agent takes everything back
and ends; if both do, whoever starts the agent again does (`airnet agent --thaw`).
"""

import contextlib
import os
import select
import signal
from pathlib import Path

import msgspec

from airnet.clock import Clock, SystemClock
from airnet.errors import UnsupportedError
from airnet.kernel.cgroup import is_so

READ_BYTES = 65_536
#: What an answer takes: the keeper has nothing else to do.
ANSWER_S = 1.0
#: Between two tries where one did not help.
AGAIN_NS = 50_000_000
FREEZER = "cgroup.freeze"


class Hold(msgspec.Struct, frozen=True):
    """A file, the text that takes back what is written there, and when; 0: no more."""

    file: str
    text: str
    end_ns: int


#: Made while there is one thread: two that meet a type first at once crash msgspec.
_HOLDS = msgspec.json.Decoder(Hold)


class Keeper:
    """The agent's side of it; making one starts the process.

    Raises:
        UnsupportedError: no process can be made.
    """

    def __init__(self) -> None:
        listen, self._tell = os.pipe()
        self.heard, answer = os.pipe()
        try:
            self.process = os.fork()
        except OSError as error:
            raise UnsupportedError(
                f"no keeper: {error.strerror}", "raise the unit's TasksMax"
            ) from error
        if self.process == 0:
            os.close(self._tell)
            os.close(self.heard)
            keep(listen, answer, SystemClock())
        os.close(listen)
        os.close(answer)

    def hold(self, file: Path, text: str, end_ns: int) -> None:
        """Have `text` written to a file at CLOCK_MONOTONIC `end_ns`.

        Raises:
            UnsupportedError: the keeper is gone, so nothing may be done.
        """
        line = msgspec.json.encode(Hold(str(file), text, end_ns)) + b"\n"
        try:
            os.write(self._tell, line)
            ready, _, _ = select.select([self.heard], [], [], ANSWER_S)
            is_there = bool(ready) and os.read(self.heard, 1) == b"k"
        except OSError:
            is_there = False
        if not is_there:
            raise UnsupportedError("the keeper is gone", "restart the agent")

    def forget(self, file: Path) -> None:
        """Say that a file was taken back; a keeper that is gone knows nothing of it."""
        with contextlib.suppress(UnsupportedError):
            self.hold(file, "", 0)

    def close(self) -> None:
        """Let go: the keeper takes back what it still holds, and ends."""
        for fd in (self._tell, self.heard):
            with contextlib.suppress(OSError):
                os.close(fd)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.process, 0)


def keep(listen: int, answer: int, clock: Clock) -> None:
    """Do the keeper's work until the agent is gone; never returns."""
    try:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        _work(listen, answer, clock)
    finally:
        os._exit(0)


def _work(listen: int, answer: int, clock: Clock) -> None:
    held: dict[str, Hold] = {}
    pending = b""
    while True:
        now_ns = clock.mono_ns()
        for hold in [one for one in held.values() if one.end_ns <= now_ns]:
            del held[hold.file]
            if not take_back(hold):
                again_ns = now_ns + AGAIN_NS
                held[hold.file] = msgspec.structs.replace(hold, end_ns=again_ns)
        ends = [one.end_ns for one in held.values()]
        wait_s = max(0, min(ends) - now_ns) / 1e9 if ends else None
        ready, _, _ = select.select([listen], [], [], wait_s)
        if not ready:
            continue
        data = os.read(listen, READ_BYTES)
        if not data:
            break
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
            hold = _HOLDS.decode(line)
            held.pop(hold.file, None)
            if hold.end_ns:
                held[hold.file] = hold
            os.write(answer, b"k")
    left = list(held.values())
    while left := [hold for hold in left if not take_back(hold)]:
        select.select([], [], [], AGAIN_NS / 1e9)


def take_back(hold: Hold) -> bool:
    """Write it; whether it is done. A cgroup that is gone needs nothing."""
    file = Path(hold.file)
    try:
        file.write_text(hold.text)
        if file.name != FREEZER:
            return is_so(file, hold.text)
        return "frozen 1" not in (file.parent / "cgroup.events").read_text()
    except OSError:
        return not file.parent.exists()
