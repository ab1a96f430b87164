"""Every command, given what nobody would mean: told in one line, and nothing is left.

What a file is not, what a disk will not take, what nobody reads: never a traceback, and
never status 0 where the answer was not given.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from airnet.cli import main
from airnet.domain.decision import Action, Decision, Mode, TargetType, Tier, with_id
from airnet.domain.verdict import Cause
from airnet.errors import EXIT_BUG, EXIT_DONE, EXIT_PIPE, EXIT_UNAVAILABLE
from airnet.record.file import FileLedger
from airnet.shipped import policy_path
from airnet.toml import FILE_BYTES_MAX
from airnet.twin.traffic import generate
from tests.fakes.verdicts import T0, drop

Capture = pytest.CaptureFixture[str]

#: Commands that read a file at FILE; what they would write goes below OUT.
READERS = (
    "replay FILE",
    "replay --to features FILE",
    "replay --site FILE CAPTURE",
    "replay --policy FILE CAPTURE",
    "replay --models FILE CAPTURE",
    "verify FILE",
    "incidents FILE",
    "explain FILE",
    "prove FILE",
    "prove POLICY --site FILE",
    "policy show FILE",
    "policy sign FILE --key KEY",
    "policy sign POLICY --key FILE",
    "policy resign FILE scope --by somebody",
    "policy resign POLICY --ledger FILE",
    "run --check --config FILE",
    "guard status --config FILE",
    "actions --config FILE",
    "freeze --config FILE",
    "undo 3f2a9c1b5d6e7f80 --socket FILE",
    "models verify FILE",
    "models card session --models FILE",
    "models sign FILE --key KEY",
    "twin run quiet --seconds 1 --sessions 2 --policy FILE",
    "twin run FILE.incident.json",
    "twin diff FILE POLICY --seeds 1 --scenario quiet",
    "twin diff POLICY POLICY --seeds 1 --scenario quiet --priors FILE",
    "twin sweep --days 1 --policy FILE --output OUT/sweep",
    "twin fit FILE --output OUT/fit.toml",
    "twin realism --site FILE",
    "twin whatif FILE 3f2a9c1b",
)
#: Commands that write at FILE what is whole or not there.
WRITERS = (
    "replay CAPTURE --ledger FILE/ledger",
    "replay CAPTURE --decisions FILE/out.jsonl",
    "twin run quiet --seconds 1 --sessions 2 --ledger FILE/ledger",
    "twin run quiet --seconds 1 --sessions 2 --write FILE/frames.pcapng",
    "twin write quiet --seconds 1 --sessions 2 FILE/frames.pcapng",
    "policy calendar XETR --from 2026-01-01 --to 2026-12-31 --output FILE/hours.toml",
)
#: The first is none to a policy: what says nothing is the shipped one.
KINDS = (
    "empty",
    "noise",
    "zeros",
    "text",
    "directory",
    "circle",
    "nowhere",
    "socket",
    "deep",
    "digits",
    "latin",
    "missing",
    "long",
    "below",
)


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what commands need, and with one of each hostile kind."""
    folder = tmp_path_factory.mktemp("hostile")
    generate("demo", 3).write(folder / "capture.pcapng")
    shutil.copy(policy_path(), folder / "policy.toml")
    key = ["openssl", "genpkey", "-algorithm", "ed25519"]
    key += ["-out", str(folder / "key.pem")]
    subprocess.run(key, check=True, capture_output=True)
    FileLedger(folder / "ledger").close()
    (folder / "empty").write_bytes(b"")
    (folder / "noise").write_bytes(bytes(range(255, 0, -1)) * 40)
    (folder / "zeros").write_bytes(bytes(100_000))
    (folder / "text").write_text("hello [/red] world\n")
    (folder / "directory").mkdir()
    (folder / "circle").symlink_to("circle")
    (folder / "nowhere").symlink_to("gone")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(folder / "socket"))
    (folder / "deep").write_text(f"a = {'[' * 5000}{']' * 5000}\n")
    (folder / "digits").write_text(f"few_sources_max = {'9' * 5000}\n")
    (folder / "latin").write_bytes(b'name = "\xff"\n')
    return folder


def place_of(kind: str, folder: Path) -> str:
    """Return the path of a hostile thing."""
    strange = {"missing": "missing", "long": "n" * 300, "below": "text/below"}
    return str(folder / strange.get(kind, kind))


def words_of(command: str, place: str, folder: Path, out: Path) -> list[str]:
    """Return a command's words with paths for what stands in capitals."""
    paths = {
        "CAPTURE": str(folder / "capture.pcapng"),
        "LEDGER": str(folder / "ledger"),
        "POLICY": str(folder / "policy.toml"),
        "KEY": str(folder / "key.pem"),
        "OUT": str(out),
        "FILE": place,
    }
    for name, path in paths.items():
        command = command.replace(name, path.replace(" ", "_"))
    return command.split()


def tree(folder: Path) -> set[str]:
    """Return the names of everything below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def refused(words: Sequence[str], capfd: Capture) -> dict[str, object]:
    """Run a command that does not do it; return what it says: once, in one line."""
    status = main([*words, "--json"])

    out, err = capfd.readouterr()
    told: dict[str, object] = json.loads(out)["error"]
    assert status == told["exit_status"]
    assert status not in {EXIT_DONE, EXIT_BUG}
    assert all(told[name] for name in ("what", "where", "fault_of", "remedy"))
    assert err.count("\n") == 1
    assert "Traceback" not in err
    return told


@pytest.mark.parametrize("kind", KINDS[1:])
@pytest.mark.parametrize("command", READERS)
def test_what_a_file_is_not_is_told_in_one_line(
    capfd: Capture, given: Path, tmp_path: Path, command: str, kind: str
) -> None:
    """What, where, whose fault and the remedy; as a document as well, and once."""
    words = words_of(command, place_of(kind, given), given, tmp_path)
    before = tree(given)

    refused(words, capfd)

    assert tree(given) == before
    assert tree(tmp_path) <= {"sweep"}


@pytest.mark.parametrize("kind", ["text", "circle", "nowhere", "missing", "long"])
@pytest.mark.parametrize("command", WRITERS)
def test_where_nothing_can_be_written_nothing_is(
    capfd: Capture, given: Path, tmp_path: Path, command: str, kind: str
) -> None:
    words = words_of(command, place_of(kind, given), given, tmp_path)
    before = tree(given)

    told = refused(words, capfd)

    assert told["exit_status"] in {64, EXIT_UNAVAILABLE}
    assert tree(given) == before


@pytest.mark.parametrize("kind", KINDS)
def test_lint_tells_whatever_a_file_is(capfd: Capture, given: Path, kind: str) -> None:
    place = place_of(kind, given)

    status = main(["lint", "--json", place])

    (found,) = json.loads(capfd.readouterr().out)
    assert found["file"] == place
    assert (status, bool(found["problems"])) in {(0, False), (78, True)}
    assert kind == "empty" or status == 78


@pytest.mark.parametrize("kind", ["noise", "circle", "directory", "socket", "latin"])
def test_a_story_that_is_no_text_is_wrong_usage(
    capfd: Capture, given: Path, kind: str
) -> None:
    words = ["explain", str(given / "ledger"), "--story", place_of(kind, given)]

    assert main(words) == 64
    assert capfd.readouterr().err.count("\n") == 1


def test_a_tree_that_was_pulled_and_not_built_says_so(given: Path) -> None:
    """It is nobody's bug that what is compiled is missing."""
    missing = "import sys; sys.modules['airnet._ext.rows'] = None; "
    command = missing + "from airnet.cli import main; sys.exit(main())"
    words = ["replay", str(given / "capture.pcapng")]

    done = subprocess.run(
        [sys.executable, "-c", command, *words],
        capture_output=True,
        check=False,
        text=True,
    )

    assert done.returncode == EXIT_UNAVAILABLE
    assert done.stderr.count("\n") == 1
    assert "airnet._ext.rows" in done.stderr
    assert "make build" in done.stderr


def test_a_file_without_end_is_not_read_to_its_end(capfd: Capture) -> None:
    """It would take all memory of the host that trades beside it."""
    assert main(["lint", "/dev/zero"]) == 78
    assert "File too large" in capfd.readouterr().out
    assert main(["policy", "sign", str(policy_path()), "--key", "/dev/zero"]) == 64
    assert FILE_BYTES_MAX < 1 << 26


def test_names_of_others_are_text(capfd: Capture, tmp_path: Path) -> None:
    """A CompID that looks like markup, and one that would move the cursor."""
    for place, comp in enumerate(("[/x]", "[red]A[/red]", "A\x1b[2J", "[[/]")):
        alert = Decision(
            id="",
            t_ns=T0 + place,
            cause=Cause.ALGO_FAULT,
            tier=Tier.OBSERVE,
            action=Action.ALERT,
            target_type=TargetType.SESSION,
            target=(comp,),
            until_ns=0,
            mode=Mode.SHADOW,
            rule="model.session",
            measured=0,
            limit=0,
            probability=1.0,
            why=f"Session {comp}.",
            first_ns=T0,
            window_kind=1,
            subject=0,
            gateway=f"10.0.0.{place}",
        )
        book = FileLedger(tmp_path / "ledger")
        book.append("decision", T0, msgspec.to_builtins(with_id(alert)))
        book.close()

    assert main(["incidents", str(tmp_path / "ledger")]) == 0
    out, err = capfd.readouterr()

    assert err == ""
    assert "[/x]" in out
    assert "[red]A[/red]" in out
    assert "\x1b" not in out
    assert "2023-11-14 22:13:20" in out, "on which day it was"


def test_a_torn_tail_is_told(capfd: Capture, tmp_path: Path) -> None:
    """What a kill leaves behind: no acknowledged fact, and said to be there."""
    book = FileLedger(tmp_path / "ledger")
    book.append("start", T0, {"version": "0"})
    book.sync()
    book.append("decision", T0, {})
    with (tmp_path / "ledger" / "ledger.jsonl").open("ab") as file:
        file.write(b'{"body":{')

    assert main(["verify", str(tmp_path / "ledger")]) == 0
    out, _ = capfd.readouterr()
    book.close()

    assert "1 of them above the checkpoint" in out
    assert "9 bytes behind them are torn" in out


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("effect", {"decision_id": "ID"}),
        ("effect", {"decision_id": "ID", "last_bad_ns": "x", "verified": True}),
        ("proposal", {"decision_id": "ID"}),
        ("instruction", {"decision_id": "ID", "by": "x"}),
        ("containment", {"decision_id": "ID"}),
        ("decision", {"id": "ID"}),
    ],
)
def test_an_entry_that_airnet_never_wrote_is_told(
    capfd: Capture, tmp_path: Path, kind: str, body: dict[str, object]
) -> None:
    """Somebody who can write there seals it as well: it verifies, and is no story."""
    book = FileLedger(tmp_path / "ledger")
    decision = drop()
    book.append("decision", T0, msgspec.to_builtins(decision))
    ours = {
        name: decision.id if value == "ID" else value for name, value in body.items()
    }
    book.append(kind, T0, ours)
    book.close()

    status = main(["explain", str(tmp_path / "ledger")])

    out, err = capfd.readouterr()
    assert (status, out) == (1, "")
    assert err.count("\n") == 1
    assert "an entry is not one that airnet writes: " in err


@pytest.mark.parametrize(
    "entry",
    [
        b'{"body":{"a":' + b"[" * 5000 + b"]" * 5000 + b'},"kind":"x"',
        b'{"body":{"a":' + b"9" * 400 + b'},"kind":"x"',
        b'{"body":{"a":"' + b"x" * (1 << 20) + b'"},"kind":"x"',
        b"\xff\x00",
    ],
    ids=["deep", "digits", "long", "binary"],
)
def test_a_line_that_is_no_entry_is_told(
    capfd: Capture, tmp_path: Path, entry: bytes
) -> None:
    book = FileLedger(tmp_path / "ledger")
    book.append("start", T0, {"version": "0"})
    book.close()
    with (tmp_path / "ledger" / "ledger.jsonl").open("wb") as file:
        file.write(entry + b',"sequence":0,"time_ns":0}\n')

    assert main(["verify", str(tmp_path / "ledger")]) == 1
    out, err = capfd.readouterr()

    assert err == ""
    assert "sealed" in out
    assert main(["explain", str(tmp_path / "ledger")]) == 1
    assert "does not verify" in capfd.readouterr().err


def shell(line: str) -> subprocess.CompletedProcess[str]:
    """Run a line in which AIRNET is the program."""
    paths = {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": ""}
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line.replace("AIRNET", PROGRAM)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **paths},
        timeout=120,
    )


PROGRAM = f"{sys.executable} -m airnet"


@pytest.mark.parametrize(
    "words", ["doctor", "--help", "--version", "lint --help", "twin list --json"]
)
@pytest.mark.parametrize("where", [">&-", ">/dev/full"])
def test_an_answer_that_nobody_got_is_no_success(words: str, where: str) -> None:
    done = shell(f"AIRNET {words} {where}")

    assert done.returncode == EXIT_UNAVAILABLE
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_command_without_standard_error_does_the_same(
    given: Path, tmp_path: Path
) -> None:
    assert shell(f"AIRNET verify {tmp_path} 2>&-").returncode == 64
    assert shell(f"AIRNET lint {policy_path()} 2>&- <&-").returncode == 0
    assert shell(f"AIRNET replay {given / 'capture.pcapng'} 2>&-").returncode == 0


@pytest.mark.parametrize("words", ["twin list", "twin list --json"])
def test_who_stops_reading_is_told_by_the_status(words: str) -> None:
    done = shell(f"AIRNET {words} | (exec <&-; sleep 0)")

    assert done.returncode == EXIT_PIPE
    assert done.stderr == ""


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """Return a disk with room for a page."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4k", "airnet", str(folder)]
    subprocess.run(mount, check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.root
@pytest.mark.parametrize(
    "command",
    [
        *WRITERS,
        "twin fit CAPTURE --output FILE/fit.toml",
        "prove FILE/policy.toml",
        "policy sign FILE/policy.toml --key KEY",
        "policy resign FILE/policy.toml scope --by somebody",
    ],
)
def test_a_full_disk_is_said_and_nothing_is_half_written(
    capfd: Capture, given: Path, small: Path, tmp_path: Path, command: str
) -> None:
    words = words_of(command, str(small), given, tmp_path)
    _fill(small, words)
    before = tree(small)

    status = main([*words, "--json"])

    out, err = capfd.readouterr()
    told = json.loads(out)["error"]
    assert status == told["exit_status"] == EXIT_UNAVAILABLE
    assert "No space left" in told["what"]
    assert str(small) in told["where"]
    assert "Traceback" not in err
    assert tree(small) == before


@pytest.mark.root
def test_a_freeze_takes_no_room(small: Path) -> None:
    """A name in a folder is enough; whoever wants to freeze has no time for disks."""
    _fill(small, [])

    assert main(["freeze", "--socket", str(small / "airnet.sock"), "--by", "desk"]) == 0
    assert (small / "frozen").exists()


def _fill(small: Path, words: Sequence[str]) -> None:
    """Leave no room there, but what a command needs to begin with."""
    wanted = " ".join(words)
    if "policy.toml" in wanted and str(small / "policy.toml") in wanted:
        (small / "policy.toml").write_text('name = "small"\n')
    filler = os.open(small / "filler", os.O_WRONLY | os.O_CREAT)
    with contextlib.suppress(OSError):
        while True:
            os.write(filler, bytes(4096))
    os.close(filler)
