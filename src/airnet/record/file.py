"""FileLedger: the ledger as a directory, and what proves that nobody touched it.

    DIR/ledger.jsonl   one canonical entry a line (record.line), append-only
    DIR/checkpoint     size, root, first and last time, file size: what is sealed

An append is one write(2), so it outlives our crash; `sync` makes everything so far
outlive the host's: fdatasync, then a new checkpoint by temporary file, fsync, rename.
A crash may tear what lies above the checkpoint; that is cut when the ledger is next
opened, and counted. Nothing at or below a checkpoint is ever repaired.

A ledger and its checkpoint rolled back together still agree with each other; only a
copy of a checkpoint kept elsewhere shows that. Every `airnet verify` prints the root.
"""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from airnet import durable
from airnet.domain.incident import Evidence
from airnet.errors import LedgerError
from airnet.record import line
from airnet.record.merkle import CompactRange

LEDGER, CHECKPOINT = "ledger.jsonl", "checkpoint"


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is sealed: so many entries, in so many bytes, with this root."""

    length_bytes: int
    first_ns: int
    last_ns: int
    root: str
    size: int


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What a look at the whole ledger found; it verifies when there is no problem.

    `sealed` entries are vouched for by the checkpoint. `torn_bytes` above it are what
    a crash leaves behind; they hold no acknowledged fact.
    """

    size: int
    root: str
    sealed: int
    torn_bytes: int
    first_ns: int
    last_ns: int
    problems: tuple[str, ...]

    @property
    def verifies(self) -> bool:
        """Return whether nothing is wrong."""
        return not self.problems


class _Reading(msgspec.Struct, kw_only=True):
    """A pass over the file: what has been read and found good so far."""

    tree: CompactRange = msgspec.field(default_factory=CompactRange)
    length_bytes: int = 0
    first_ns: int = 0
    last_ns: int = 0
    problem: str = ""

    def checkpoint(self) -> Checkpoint:
        """Return a checkpoint of everything read."""
        return Checkpoint(
            length_bytes=self.length_bytes,
            first_ns=self.first_ns,
            last_ns=self.last_ns,
            root=self.tree.root().hex(),
            size=self.tree.size,
        )

    def take(self, entry: Evidence, encoded: bytes) -> None:
        """Count one entry in."""
        if self.tree.size == 0:
            self.first_ns = entry.time_ns
        self.last_ns = entry.time_ns
        self.tree.add(encoded)
        self.length_bytes += len(encoded) + 1


class FileLedger:
    """A ledger in a directory, with one writer at a time.

    Args:
        directory: made when it does not exist; its parent must.

    Raises:
        LedgerError: it cannot be opened, another process writes it, or what its
            checkpoint seals is no longer there.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.cut_bytes = 0
        self._is_broken = ""
        self._is_sealed = False
        try:
            directory.mkdir(exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._fd = os.open(directory / LEDGER, flags, 0o640)
        except OSError as error:
            raise _refused(directory, "cannot be opened", error) from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._state = self._open()
        except OSError as error:
            os.close(self._fd)
            is_locked = isinstance(error, BlockingIOError)
            what = "another process writes it" if is_locked else "cannot be opened"
            raise _refused(directory, what, error) from error
        except LedgerError:
            os.close(self._fd)
            raise

    @property
    def size(self) -> int:
        """Return the number of entries."""
        return self._state.tree.size

    def append(self, kind: str, time_ns: int, body: dict[str, object]) -> Evidence:
        """Add one fact; it outlives this process when this returns.

        Raises:
            LedgerError: the disk refused it; nothing may be acted upon.
        """
        self._require_whole()
        entry, encoded = line.build(self.size, kind, time_ns, body)
        written, whole = 0, encoded + b"\n"
        try:
            while written < len(whole):
                written += os.write(self._fd, whole[written:])
        except OSError as error:
            self._is_broken = f"entry {self.size} could not be written: {error}"
            raise _refused(self.directory, self._is_broken, error) from error
        self._state.take(entry, encoded)
        self._is_sealed = False
        return entry

    def sync(self) -> None:
        """Return when everything appended outlives the host, and is sealed.

        Raises:
            LedgerError: the disk refused; what was appended may be lost.
        """
        self._require_whole()
        if self._is_sealed:
            return
        try:
            os.fdatasync(self._fd)
            _seal(self.directory, self._state.checkpoint())
        except OSError as error:
            self._is_broken = f"could not be made durable: {error}"
            raise _refused(self.directory, self._is_broken, error) from error
        self._is_sealed = True

    def evidence(self) -> Iterator[Evidence]:
        """Yield every entry from the first, as written."""
        return read(self.directory)

    def root(self) -> str:
        """Return the Merkle tree hash of all entries, in hex."""
        return self._state.tree.root().hex()

    def close(self) -> None:
        """Sync, seal and let go of the file. Closing twice is harmless."""
        if self._fd < 0:
            return
        try:
            if not self._is_broken:
                self.sync()
        finally:
            os.close(self._fd)
            self._fd = -1
            self._is_broken = "it is closed"

    def _require_whole(self) -> None:
        if self._is_broken:
            raise LedgerError(
                f"{self.directory}: {self._is_broken}",
                "nothing is acted upon; free the disk and start again",
            )

    def _open(self) -> _Reading:
        """Read what is there, check it against the checkpoint, cut a torn tail."""
        sealed = _checkpoint(self.directory)
        total = os.fstat(self._fd).st_size
        state, problems = _examine(self.directory, sealed)
        if sealed is None and total:
            problems.append("there are entries and no checkpoint")
        if problems:
            raise LedgerError(
                f"{self.directory}: {problems[0]}",
                "keep it as it is, run airnet verify, and start a new ledger",
            )
        self.cut_bytes = total - state.length_bytes
        if self.cut_bytes:
            os.ftruncate(self._fd, state.length_bytes)
            os.fdatasync(self._fd)
        _seal(self.directory, state.checkpoint())
        self._is_sealed = True
        return state


def read(directory: Path) -> Iterator[Evidence]:
    """Yield the entries of a ledger, up to the first that is none.

    Raises:
        LedgerError: there is no ledger to read.
    """
    for entry, _ in _entries(directory, _Reading()):
        yield entry


def verify(directory: Path) -> Verification:
    """Look at every byte of a ledger, in one pass and constant memory.

    Raises:
        LedgerError: there is no ledger to read.
    """
    try:
        sealed = _checkpoint(directory)
        problems: list[str] = []
    except LedgerError as error:
        sealed, problems = None, [error.what]
    state, found = _examine(directory, sealed)
    problems += found
    if sealed is None and not problems:
        problems.append("no checkpoint: nothing vouches for these entries")
    total = (directory / LEDGER).stat().st_size
    return Verification(
        size=state.tree.size,
        root=state.tree.root().hex(),
        sealed=sealed.size if sealed else 0,
        torn_bytes=total - state.length_bytes,
        first_ns=state.first_ns,
        last_ns=state.last_ns,
        problems=tuple(problems),
    )


def _examine(directory: Path, sealed: Checkpoint | None) -> tuple[_Reading, list[str]]:
    """Read everything, and compare the state at the seal with the seal."""
    state = _Reading()
    problems: list[str] = []
    size = sealed.size if sealed else 0
    is_met = sealed is not None and size == 0 and state.checkpoint() == sealed
    for _ in _entries(directory, state):
        if sealed is not None and state.tree.size == size:
            is_met = state.checkpoint() == sealed
    if sealed is None:
        if state.problem:
            problems.append(state.problem)
    elif state.tree.size < size:
        reason = state.problem or "the file ends there"
        problems.append(
            f"{size} entries are sealed, {state.tree.size} are good: {reason}"
        )
    elif not is_met:
        problems.append(f"the first {size} entries are not those that were sealed")
    return state, problems


def _entries(directory: Path, state: _Reading) -> Iterator[tuple[Evidence, bytes]]:
    """Yield good entries; `state` says how far, and what ended the reading."""
    try:
        with (directory / LEDGER).open("rb") as file:
            while raw := file.readline(line.LINE_BYTES_MAX + 2):
                where = f"entry {state.tree.size} at byte {state.length_bytes}"
                if not raw.endswith(b"\n"):
                    state.problem = f"{where}: not a whole line"
                    return
                encoded = raw[:-1]
                try:
                    entry = line.decode(encoded, state.tree.size)
                except ValueError as error:
                    state.problem = f"{where}: {error}"
                    return
                state.take(entry, encoded)
                yield entry, encoded
    except OSError as error:
        raise _refused(directory, "cannot be read", error) from error


def _checkpoint(directory: Path) -> Checkpoint | None:
    """Return the checkpoint, or None when there is none.

    Raises:
        LedgerError: it is not one, so it vouches for nothing.
    """
    try:
        with (directory / CHECKPOINT).open("rb") as file:
            raw = file.read(line.LINE_BYTES_MAX)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _refused(directory, "checkpoint cannot be read", error) from error
    try:
        sealed = msgspec.json.decode(raw, type=Checkpoint)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LedgerError(
            f"{directory}: the checkpoint is none: {error}",
            "restore it from a copy, or distrust the ledger",
        ) from error
    if _canonical(sealed) != raw:
        raise LedgerError(
            f"{directory}: the checkpoint is not in canonical form",
            "restore it from a copy, or distrust the ledger",
        )
    return sealed


def _canonical(checkpoint: Checkpoint) -> bytes:
    return msgspec.json.encode(checkpoint, order="sorted") + b"\n"


def _seal(directory: Path, checkpoint: Checkpoint) -> None:
    """Write the checkpoint so that there is always a whole one."""
    durable.put(directory / CHECKPOINT, _canonical(checkpoint), 0o640)


def _refused(directory: Path, what: str, error: OSError) -> LedgerError:
    reason = error.strerror or str(error)
    return LedgerError(f"{directory}: {what}: {reason}", "check path, space and owner")
