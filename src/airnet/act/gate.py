"""Gate: the freeze, a file that anybody's hand can make and airnet obeys.

    DIR/frozen   while it is there, nothing leaves; its content says who and why
    DIR/thawed   who lifted the last one, and why

A file, because it outlives a crash, needs nothing of airnet to be made (`touch` will
do), and costs one stat(2) before a command. What cannot be looked at counts as frozen.
"""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from airnet import durable
from airnet.domain.instruction import Ask, Instruction, Signed

FROZEN, THAWED = "frozen", "thawed"
CONTENT_BYTES_MAX = 65_536


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What a freeze file says: who asked, signed or not, from which account."""

    signed: Signed
    uid: int = -1

    @property
    def id(self) -> str:
        """Return the id by which a freeze is lifted."""
        return self.signed.instruction.id

    def text(self) -> str:
        """Return who and why, in a line."""
        instruction = self.signed.instruction
        return f"by {instruction.by}: {instruction.reason}"


#: Made while there is one thread: two that meet a type first at once crash msgspec.
_NOTES = msgspec.json.Decoder(Note)


class Gate:
    """Looks at the freeze, makes it and lifts it.

    Args:
        directory: where its files are; it must exist.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._frozen = str(directory / FROZEN)
        self._held = ""
        self._told: list[Callable[[], None]] = []

    @property
    def frozen_path(self) -> bytes:
        """Return the path of the file that freezes while it is there."""
        return os.fsencode(self._frozen)

    def on_hold(self, told: Callable[[], None]) -> None:
        """Have `told` called, by any thread, when this process alone is frozen."""
        self._told.append(told)

    def closed(self) -> str:
        """Return why nothing may leave now, or nothing when it may."""
        if self._held:
            return self._held
        try:
            os.lstat(self._frozen)
        except FileNotFoundError:
            return ""
        except OSError as error:
            return f"frozen: {self._frozen} cannot be looked at: {error.strerror}"
        note = self.note()
        return "frozen " + (note.text() if note else "by a file made by hand")

    def note(self) -> Note | None:
        """Return what the freeze file says, or None when it says nothing."""
        return _read(self._directory / FROZEN)

    def thaw(self) -> Note | None:
        """Return who lifted the last freeze, or None when nobody said."""
        return _read(self._directory / THAWED)

    def hold(self, why: str) -> None:
        """Freeze this process alone: the disk would not take the file."""
        for told in self._told:
            told()
        self._held = f"frozen {why}"

    def freeze(self, note: Note) -> None:
        """Freeze; a freeze that stands already keeps its reason.

        Raises:
            OSError: not even an empty file could be made.
        """
        if Path(self._frozen).exists():
            return
        try:
            _write(self._directory / FROZEN, note)
        except OSError:
            # No room for a word of it: an empty file is enough to freeze.
            os.close(os.open(self._frozen, os.O_CREAT | os.O_WRONLY, 0o640))

    def unfreeze(self, note: Note) -> None:
        """Lift it, having written down who did.

        Raises:
            OSError: it could not be lifted.
        """
        _write(self._directory / THAWED, note)
        with contextlib.suppress(FileNotFoundError):
            Path(self._frozen).unlink()
        durable.settle(self._directory)
        self._held = ""


def by_signal(now_ns: int, name: str) -> Note:
    """Return the note of a freeze that a signal asked for."""
    asked = Instruction(
        ask=Ask.FREEZE,
        by=name,
        reason="SIGUSR1 was sent",
        at_ns=now_ns,
        until_ns=now_ns + 1,
    )
    return Note(signed=Signed(instruction=asked))


def _read(path: Path) -> Note | None:
    try:
        with path.open("rb") as file:
            return _NOTES.decode(file.read(CONTENT_BYTES_MAX))
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def _write(path: Path, note: Note) -> None:
    durable.put(path, msgspec.json.encode(note) + b"\n", 0o640)
