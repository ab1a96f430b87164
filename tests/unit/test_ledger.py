"""record.file: what is acknowledged survives, what is touched is found."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from airnet.errors import LedgerError
from airnet.record.file import CHECKPOINT, LEDGER, FileLedger, read, verify
from airnet.record.memory import MemoryLedger

#: Appends and syncs for ever, and says on standard output what was acknowledged.
WRITER = """
import sys
from pathlib import Path
from airnet.record.file import FileLedger
ledger = FileLedger(Path(sys.argv[1]))
while True:
    for n in range(3):
        ledger.append("fact", ledger.size, {"n": ledger.size, "pad": "x" * 200})
    ledger.sync()
    print(ledger.size, flush=True)
"""


def fill(directory: Path, count: int = 5) -> FileLedger:
    ledger = FileLedger(directory)
    for n in range(count):
        ledger.append("fact", 1000 + n, {"n": n, "probability": 0.1234567891})
    return ledger


def test_entries_are_canonical_lines_with_the_root_of_memory(tmp_path: Path) -> None:
    ledger = fill(tmp_path / "l", 3)
    memory = MemoryLedger()
    for n in range(3):
        memory.append("fact", 1000 + n, {"probability": 0.1234567891, "n": n})

    first = (tmp_path / "l" / LEDGER).read_bytes().splitlines()[0]

    assert first == (
        b'{"body":{"n":0,"probability":0.123457},"kind":"fact","sequence":0,'
        b'"time_ns":1000}'
    )
    assert ledger.root() == memory.root()
    assert list(ledger.evidence()) == list(memory.evidence())
    ledger.close()


def test_a_closed_ledger_verifies_and_opens_again(tmp_path: Path) -> None:
    ledger = fill(tmp_path / "l")
    root = ledger.root()
    ledger.close()
    ledger.close()

    found = verify(tmp_path / "l")
    again = FileLedger(tmp_path / "l")

    assert found.verifies
    assert (found.size, found.sealed, found.root) == (5, 5, root)
    assert (found.first_ns, found.last_ns, found.torn_bytes) == (1000, 1004, 0)
    assert (again.size, again.root(), again.cut_bytes) == (5, root, 0)
    again.append("fact", 2000, {})
    again.close()
    assert verify(tmp_path / "l").size == 6


def test_an_empty_ledger_verifies(tmp_path: Path) -> None:
    FileLedger(tmp_path / "l").close()

    assert verify(tmp_path / "l").verifies


def test_two_writers_cannot_open_one_ledger(tmp_path: Path) -> None:
    ledger = fill(tmp_path / "l")

    with pytest.raises(LedgerError, match="another process writes it"):
        FileLedger(tmp_path / "l")

    ledger.close()
    FileLedger(tmp_path / "l").close()


def test_a_torn_tail_above_the_checkpoint_is_cut_and_counted(tmp_path: Path) -> None:
    ledger = fill(tmp_path / "l")
    ledger.close()
    with (tmp_path / "l" / LEDGER).open("ab") as file:
        file.write(b'{"body":{},"kind":"fact","seq')

    found = verify(tmp_path / "l")
    again = FileLedger(tmp_path / "l")

    assert found.verifies
    assert found.torn_bytes == 29
    assert (again.size, again.cut_bytes) == (5, 29)
    again.close()
    assert verify(tmp_path / "l").torn_bytes == 0


def test_whole_entries_above_the_checkpoint_are_kept(tmp_path: Path) -> None:
    ledger = fill(tmp_path / "l")
    ledger.sync()
    seal = (tmp_path / "l" / CHECKPOINT).read_bytes()
    ledger.append("fact", 9, {})
    ledger.close()
    (tmp_path / "l" / CHECKPOINT).write_bytes(seal)

    found = verify(tmp_path / "l")
    again = FileLedger(tmp_path / "l")

    assert (found.size, found.sealed, found.verifies) == (6, 5, True)
    assert again.size == 6
    again.close()


@pytest.mark.parametrize(
    ("touch", "says"),
    [
        (lambda lines: lines[:-1], "5 entries are sealed, 4 are good"),
        (lambda lines: lines[:2] + lines[3:], "sequence 3 where 2 belongs"),
        (lambda lines: [*lines[:2], lines[1], *lines[2:]], "sequence 1 where 2"),
        (lambda lines: [lines[1], lines[0], *lines[2:]], "sequence 1 where 0"),
        (lambda lines: [b" " + lines[0], *lines[1:]], "not in canonical form"),
        (
            lambda lines: [lines[0].replace(b'"n":0', b'"n":7'), *lines[1:]],
            "not those that were sealed",
        ),
        (lambda _: [], "5 entries are sealed, 0 are good"),
    ],
)
def test_what_is_changed_below_the_checkpoint_is_found_and_never_repaired(
    tmp_path: Path, touch: object, says: str
) -> None:
    fill(tmp_path / "l").close()
    path = tmp_path / "l" / LEDGER
    assert callable(touch)
    changed = b"".join(touch(path.read_bytes().splitlines(keepends=True)))
    path.write_bytes(changed)

    found = verify(tmp_path / "l")

    assert not found.verifies
    assert says in " ".join(found.problems)
    with pytest.raises(LedgerError, match="airnet verify"):
        FileLedger(tmp_path / "l")
    assert path.read_bytes() == changed


def test_a_ledger_without_its_checkpoint_vouches_for_nothing(tmp_path: Path) -> None:
    fill(tmp_path / "l").close()
    (tmp_path / "l" / CHECKPOINT).unlink()

    assert not verify(tmp_path / "l").verifies
    with pytest.raises(LedgerError, match="no checkpoint"):
        FileLedger(tmp_path / "l")


def test_there_must_be_a_ledger_to_verify(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be read"):
        verify(tmp_path / "none")
    with pytest.raises(LedgerError, match="cannot be read"):
        list(read(tmp_path / "none"))


def test_a_full_disk_stops_everything_and_loses_nothing(tmp_path: Path) -> None:
    """The file-size limit of the process stands in for the disk's end."""
    script = f"""
import resource, signal, sys
from pathlib import Path
from airnet.errors import LedgerError
from airnet.record.file import FileLedger
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
ledger = FileLedger(Path({str(tmp_path / "l")!r}))
kept = 0
try:
    while True:
        ledger.append("fact", 0, {{"pad": "x" * 100}})
        ledger.sync()
        kept = ledger.size
except LedgerError as error:
    print(kept, error)
try:
    ledger.append("fact", 0, {{}})
except LedgerError:
    print("still refused")
ledger.close()
"""
    done = run(script)
    kept, _, reason = done.stdout.partition(" ")

    assert "could not be written" in reason
    assert "still refused" in reason
    again = FileLedger(tmp_path / "l")
    assert again.size == int(kept) > 5
    assert again.cut_bytes > 0
    again.close()


def run(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
        timeout=60,
    )


def environment() -> dict[str, str]:
    source = Path(__file__).parents[2] / "src"
    return {**os.environ, "PYTHONPATH": str(source)}


def test_a_directory_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be opened") as caught:
        FileLedger(tmp_path / "no" / "parent")

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("acknowledgements", [1, 7, 20])
def test_kill_9_while_appending_loses_nothing_acknowledged(
    tmp_path: Path, acknowledgements: int
) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "l")],
        stdout=subprocess.PIPE,
        env=environment(),
    )
    assert child.stdout is not None
    told = [int(child.stdout.readline()) for _ in range(acknowledgements)]
    os.kill(child.pid, signal.SIGKILL)
    told += [int(line) for line in child.stdout if line.endswith(b"\n")]
    child.wait()
    child.stdout.close()

    found = verify(tmp_path / "l")
    ledger = FileLedger(tmp_path / "l")

    assert found.verifies
    assert ledger.size >= told[-1]
    assert [entry.body["n"] for entry in ledger.evidence()] == list(range(ledger.size))
    ledger.close()
