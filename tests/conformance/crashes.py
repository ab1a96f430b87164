"""How the kit has airnet die, and what the next process makes of that."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from airnet.act.actuator import Actuator, Aiming, Handing, Span, span_of
from airnet.act.standing import Standing
from airnet.clock import SystemClock
from airnet.domain.containment import Containment, State
from airnet.domain.decision import Decision, Mode
from airnet.record.file import FileLedger
from tests.conformance.role import Rig

#: Long enough not to end while a test looks.
LONG_NS = 60_000_000_000


def killed(body: Callable[[Callable[[], None]], None], after: int = 1) -> None:
    """Run `body` in a process that is killed (SIGKILL) when it has told `after` times.

    `body` is given what it tells with, and is stopped while it is at work.
    """
    hear, tell = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            body(lambda: os.write(tell, b"x") and None)
            signal.pause()
        finally:
            os._exit(1)
    os.close(tell)
    with os.fdopen(hear, "rb", buffering=0) as told:
        for _ in range(after):
            assert told.read(1) == b"x", "the child failed"
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def is_deed(rig: Rig) -> bool:
    """Return whether what it does is done at once and never undone, as it says."""
    return span_of(rig.actuator, rig.decision(0)) is Span.DEED


def is_lasting(rig: Rig) -> bool:
    """Return whether it stands until a named person ends it, as it says."""
    return span_of(rig.actuator, rig.decision(0)) is Span.LASTING


def left_with(actuator: Actuator) -> Actuator:
    """Return who ends and undoes what an actuator does: itself, but as it says."""
    return actuator.cut if isinstance(actuator, Handing) else actuator


class Crash(BaseException):
    """Nobody catches it: the process is as good as dead."""


class NotAnswering:
    """Takes a command, and its process dies before the answer."""

    name = "crash"

    def accepts(self, decision: Decision) -> bool:
        return decision.mode is Mode.ENFORCE

    def apply(self, decision: Decision, ttl_ns: int) -> Containment:
        raise Crash(decision.id, ttl_ns)

    def release(self, containment: Containment) -> Containment:
        return containment


@contextlib.contextmanager
def standing_of(
    actuator: Actuator, folder: Path, *, recovers: bool = False
) -> Iterator[Standing]:
    """Give a Standing with one actuator and the ledger of that folder."""
    ledger = FileLedger(folder)
    try:
        levers = list(dict.fromkeys((actuator, left_with(actuator))))
        acting = Standing(levers, ledger, SystemClock())
        if recovers:
            acting.recover(list(ledger.evidence()))
        yield acting
    finally:
        ledger.close()


def _aim(actuator: Actuator, decision: Decision) -> str:
    assert isinstance(actuator, Aiming), "nobody could say what to lift"
    return actuator.aim(decision)


def lost(decision: Decision, rig: Rig) -> Containment:
    """Return what Standing makes of a command that may have left."""
    now_ns = time.time_ns()
    return Containment(
        decision_id=decision.id,
        actuator=rig.actuator.name,
        state=State.INTENDED,
        command_ns=now_ns,
        applied_ns=0,
        until_ns=now_ns + LONG_NS,
        handle=_aim(rig.actuator, decision) if is_lasting(rig) else "",
    )
