"""How a signal ends a command that must leave nothing half-done."""

import contextlib
import signal

from airnet.errors import ENDINGS

TYPE_CHECKING = False  # as in airnet.front
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


class Interrupted(BaseException):
    """A signal asked for the end; what was begun is removed on the way out."""

    def __init__(self, number: int, kept: str) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_status = 128 + number
        self.kept = kept


@contextlib.contextmanager
def ends_whole(kept: str = "no output was kept") -> "Iterator[None]":
    """Let a signal end a command by an exception, so that nothing is left half-done.

    Args:
        kept: what the operator is told of what was begun.
    """

    def end(number: int, _frame: "FrameType | None") -> None:
        for each in ENDINGS:
            signal.signal(each, signal.SIG_IGN)  # one end is enough
        raise Interrupted(number, kept)

    before = {each: signal.signal(each, end) for each in ENDINGS}
    try:
        yield
    finally:
        for each, was in before.items():
            signal.signal(each, was)
