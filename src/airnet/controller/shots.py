"""Shots: what was fired or released, until every switch has confirmed it."""

import dataclasses
import socket
from collections.abc import Callable, Iterable

#: Answers kept of what nobody has told of yet: who fired writes first and tells then.
EARLY_MAX = 1024
#: Shots that some switch has not confirmed yet; the oldest gives way, and its client
#: is told that it was not.
OPEN_MAX = 4096
#: Answers kept of one early xid: one a switch, and some errors.
ANSWERS_MAX = 256


@dataclasses.dataclass(eq=False)
class Shot:
    """One thing fired or released, and who still has to confirm it."""

    client: socket.socket
    slot: int
    decision: int
    came_ns: int
    waiting: set[int] = dataclasses.field(default_factory=set)
    confirmed: int = 0
    errors: int = 0


class Shots:
    """Every Shot by its xid, and what was answered before it was told of.

    Args:
        done: called with a Shot that nothing is awaited of any more.
    """

    def __init__(self, done: Callable[[Shot], None]) -> None:
        self._done = done
        self._open: dict[int, Shot] = {}
        self._early: dict[int, list[tuple[int, bool]]] = {}

    def __contains__(self, xid: int) -> bool:
        return xid in self._open

    def begin(self, xid: int, shot: Shot, waiting: Iterable[int]) -> None:
        """Await a barrier reply of these connections; some may have come already."""
        shot.waiting = set(waiting)
        self._open[xid] = shot
        while len(self._open) > OPEN_MAX:
            self._give_up(next(iter(self._open)))
        for connection, is_error in self._early.pop(xid, ()):
            if is_error:
                self.refused(xid)
            else:
                self.answered(xid, connection)
        self._settle(xid)

    def refused(self, xid: int) -> None:
        """Take an error."""
        if xid in self._open:
            self._open[xid].errors += 1

    def answered(self, xid: int, connection: int) -> None:
        """Take a barrier reply."""
        shot = self._open.get(xid)
        if shot is not None:
            shot.confirmed += connection in shot.waiting
            shot.waiting.discard(connection)
            self._settle(xid)

    def came_early(self, xid: int, connection: int, *, is_error: bool) -> bool:
        """Keep an answer to what nobody has told of; return whether it is the first."""
        is_first = xid not in self._early
        answers = self._early.setdefault(xid, [])
        if len(answers) < ANSWERS_MAX:
            answers.append((connection, is_error))
        while len(self._early) > EARLY_MAX:
            del self._early[next(iter(self._early))]
        return is_first

    def never_told(self, xid: int) -> bool:
        """Return, once, whether nobody has told what was answered."""
        return self._early.pop(xid, None) is not None

    def lost(self, connection: int) -> None:
        """Await nothing more of a connection."""
        for xid, shot in list(self._open.items()):
            if connection in shot.waiting:
                shot.waiting.discard(connection)
                shot.errors += 1
                self._settle(xid)

    def _give_up(self, xid: int) -> None:
        """Await nothing more of a shot."""
        shot = self._open[xid]
        shot.errors += len(shot.waiting)
        shot.waiting.clear()
        self._settle(xid)

    def _settle(self, xid: int) -> None:
        shot = self._open.get(xid)
        if shot is not None and not shot.waiting:
            del self._open[xid]
            self._done(shot)
