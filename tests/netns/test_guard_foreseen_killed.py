"""Killed at any step between what was foreseen and its record: nothing stays unsaid."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import FrameType

import pytest

from airnet.act.standing import Standing
from airnet.clock import SystemClock
from airnet.config import GuardPort, Site
from airnet.domain.containment import State
from airnet.record.file import FileLedger, read
from airnet.service.guardpost import Guarded, GuardPost
from tests.netns.test_act_guard import Port, port
from tests.netns.test_guard_foreseen import SCORER, Fast, decision

pytestmark = pytest.mark.root
__all__ = ["port"]


def confirmed(fast: Fast) -> None:
    """Done, decided, and taken over."""
    fast.reflex.act(decision(), None)


def withdrawn(fast: Fast) -> None:
    """Done, something else decided, and taken back."""
    fast.reflex.act(decision(sources=("198.51.100.77",)), None)
    fast.trigger.withdraw(fast.intents, "the judge ordered something else")


def killed_at(step: int, fast: Fast, then: Callable[[Fast], None]) -> bool:
    """Fire and go on in a process that is killed at a step; whether it came to that.

    A step is a call, of Python or of C, or the way back from it.
    """
    fast.arm()
    child = os.fork()
    if child == 0:
        fast.fire()
        left = step

        def counts(frame: FrameType, event: str, argument: object) -> None:
            nonlocal left
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(counts)
        then(fast)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def started_anew(fast: Fast, folder: Path) -> list[str]:
    """Do as the next `airnet run` does; return what the record then says, in order."""
    fds = {name: os.dup(fd) for name, fd in fast.tables.descriptors.items()}
    guarded = Guarded(interface="", descriptors=fds)
    post = GuardPost(guarded, GuardPort(), Site(), SystemClock(), SCORER)
    with contextlib.closing(post), contextlib.closing(FileLedger(folder)) as ledger:
        post.recover(ledger)
        standing = Standing([post.actuator], ledger, SystemClock())
        standing.recover(list(ledger.evidence()))
    return [
        str(one.body["state"] if one.kind == "containment" else one.kind)
        for one in read(folder)
    ]


@pytest.mark.parametrize("then", [confirmed, withdrawn])
def test_killed_at_every_step(
    port: Port, tmp_path: Path, then: Callable[[Fast], None]
) -> None:
    """Whatever stood is in the record, as an intent and as taken back."""
    stood = 0
    for step in count(1):
        fast = Fast(port.guard, tmp_path)
        was_killed = killed_at(step, fast, then)
        numbers = {rule.decision for rule in fast.rules()}
        stood += bool(numbers)

        told = started_anew(fast, tmp_path / f"ledger{step}")

        assert fast.rules() == [], f"step {step}: {told}"
        assert fast.slot.pending() is None
        assert list(port.guard.intents[:4]) == [0, 0, 0, 0]
        assert len(numbers) <= told.count("decision"), f"step {step}: {told}"
        ends = [one for one in told if one in set(State)]
        assert len(ends) >= told.count("decision"), f"step {step}: {told}"
        if not was_killed:
            break
    assert stood > 20, "nothing ever stood when it was killed"
