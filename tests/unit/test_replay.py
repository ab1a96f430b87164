"""`airnet replay`: captures of every kind, good and bad, and what it leaves behind."""

import gzip
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from airnet.cli import main
from airnet.domain.decision import PUBLIC_FIELDS
from airnet.record.file import verify
from airnet.shipped import models_path
from airnet.twin.traffic import Episode, Params, generate
from tests.fakes.frames import GATEWAY, Conversation, message, order, seal, write_pcap
from tests.netns.lab_links import wait_until
from tests.reference.pcap import MAGICS, pcap_file
from tests.reference.reading import read_files

FIELDS = {
    "frames",
    "bytes",
    "seen",
    "processed",
    "by_reason",
    "messages",
    "malformed",
    "sessions",
    "windows",
    "verdicts",
    "decisions",
    "incidents",
    "ledger",
    "holes",
    "streams",
    "effects",
    "cpu_s",
    "wall_s",
    "peak_rss_bytes",
}
Replay = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def episode() -> Episode:
    params = Params(duration_s=2.0, onset_s=0.5, incident_s=1.0, sessions=4)
    return generate("syn_flood", 5, params=params)


@pytest.fixture(scope="module")
def capture(episode: Episode, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("capture") / "flood.pcapng"
    episode.write(path)
    return path


@pytest.fixture
def replay(capfd: pytest.CaptureFixture[str]) -> Replay:
    """Give a function that replays and returns the summary."""

    def run(*words: object) -> dict[str, Any]:
        status = main(["replay", "--json", *map(str, words)])
        out, err = capfd.readouterr()
        assert status == 0, err
        assert out.endswith("}\n")
        assert out.count("\n") == 1
        found: dict[str, Any] = json.loads(out)
        assert found["seen"] == found["processed"] + sum(found["by_reason"].values())
        return found

    return run


def refused(capfd: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    """Replay what cannot be; return exit status and the one line said."""
    status = main(["replay", "--json", *map(str, words)])
    out, err = capfd.readouterr()
    told = json.loads(out)["error"]
    assert set(told) == {"what", "where", "fault_of", "remedy", "exit_status"}
    assert told["exit_status"] == status
    assert err.count("\n") == 1, err
    assert err.startswith("airnet: error: ")
    return status, err


def test_summary_has_the_fields_scripts_read(replay: Replay, capture: Path) -> None:
    found = replay(capture)

    assert set(found) == FIELDS
    assert set(found["ledger"]) == {"size", "root"}
    assert set(found["messages"]["A"]) == {"up", "down"}
    assert found["decisions"] >= 1
    assert found["peak_rss_bytes"] > 1 << 20


def test_decisions_have_the_fields_scripts_read_and_are_in_shadow(
    replay: Replay, capture: Path, tmp_path: Path
) -> None:
    out = tmp_path / "decisions.jsonl"

    found = replay(capture, "--decisions", out, "--ledger", tmp_path / "ledger")

    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(lines) == found["decisions"]
    assert tuple(lines[0]) == PUBLIC_FIELDS
    assert {line["mode"] for line in lines} == {"shadow"}
    checked = verify(tmp_path / "ledger")
    assert checked.verifies
    assert found["ledger"] == {"size": checked.size, "root": checked.root}


@pytest.mark.parametrize("magic", sorted(MAGICS), ids=bytes.hex)
@pytest.mark.parametrize("is_packed", [False, True])
def test_same_frames_in_any_file_format_give_the_same_answer(
    replay: Replay, capture: Path, tmp_path: Path, magic: bytes, *, is_packed: bool
) -> None:
    expected = replay(capture)
    data = pcap_file(read_files([capture]).frames, magic)
    path = tmp_path / "other"
    path.write_bytes(gzip.compress(data, 1) if is_packed else data)

    found = replay(path)

    exact = ("frames", "bytes", "messages", "sessions", "by_reason", "malformed")
    assert [found[name] for name in exact] == [expected[name] for name in exact]
    if MAGICS[magic][1] == 1:
        assert found["ledger"] == expected["ledger"]


def test_many_files_in_order_are_one_capture(
    replay: Replay, capture: Path, tmp_path: Path
) -> None:
    frames = read_files([capture]).frames
    parts = []
    for number in range(3):
        part = tmp_path / f"part{number}.pcap"
        first, last = (len(frames) * one // 3 for one in (number, number + 1))
        part.write_bytes(pcap_file(frames[first:last]))
        parts.append(part)

    found = replay(*parts)

    assert found["ledger"] == replay(capture)["ledger"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"no capture at all, just text", "is not a capture"),
        (b"\x4d\x3c\xb2\xa1\2\0\4\0", "ends inside its header"),
        (b"\x0a\x0d\x0d\x0a", "ends inside its header"),
        (b"\x1f\x8b\x08\0nonsense", "gzip"),
    ],
)
def test_what_is_no_capture_is_refused(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "in"
    path.write_bytes(content)

    status, line = refused(
        capfd, path, "--decisions", tmp_path / "d", "--ledger", tmp_path / "l"
    )

    assert status == 65
    assert said in line
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_not_there_or_is_a_directory_is_refused(
    capfd: pytest.CaptureFixture[str], capture: Path, tmp_path: Path
) -> None:
    for path in (tmp_path / "gone.pcap", tmp_path):
        assert refused(capfd, capture, path)[0] == 65


@pytest.mark.parametrize("size", [24, 30, 40, 41, 100, 5_000, 20_001])
def test_a_capture_cut_anywhere_is_counted(
    replay: Replay, capture: Path, tmp_path: Path, size: int
) -> None:
    data = pcap_file(read_files([capture]).frames)
    path = tmp_path / "cut.pcap"
    path.write_bytes(data[:size])

    found = replay(path)

    is_whole = size == 24 or not found["by_reason"].get("truncated_record")
    assert is_whole or found["by_reason"]["truncated_record"] == 1


def test_frames_of_another_link_type_or_of_no_bytes_are_counted(
    replay: Replay, tmp_path: Path
) -> None:
    frames = [(10**18 + i, 1, bytes(i % 3 * 20)) for i in range(90)]
    write_pcap(tmp_path / "wifi.pcap", frames, link=105)
    write_pcap(tmp_path / "short.pcap", frames)

    wifi, short = replay(tmp_path / "wifi.pcap"), replay(tmp_path / "short.pcap")

    for found in (wifi, short):
        assert (found["seen"], found["processed"]) == (90, 0)


def fix_capture(path: Path, payloads: list[bytes]) -> None:
    """Write a session whose client sends these bytes after its logon."""
    talk = Conversation()
    talk.handshake()
    talk.logon()
    for number, payload in enumerate(payloads):
        for start in range(0, len(payload), 1400):
            talk.add(0, payload[start : start + 1400])
        for follower in range(10):
            talk.add(0, order(100 + 10 * number + follower))
    write_pcap(path, talk.frames)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (order(2)[:-4] + b"000\x01", "checksum"),
        (order(2).replace(b"\x019=100", b"\x019=99", 1), "body_length"),
        (order(2).replace(b"\x019=100", b"\x019=900", 1), "body_length"),
        (order(2).replace(b"\x01", b"|"), ""),
        (message("D", "34=2", b"58=" + b"x" * 100_000), "too_long"),
        (order(2, extra="44=1"), "duplicate"),
        (bytes(range(256)) * 20, ""),
        (b"8=FIX.4.4\x019=999999999999\x0135=D\x01", "too_long"),
        (b"8=FIX.4.4\x01" * 500, ""),
        (seal(b"8=FIX.4.4\x01", b"35=D\x01=\x01x=1\x01"), "field"),
    ],
)
def test_malformed_fix_is_a_counted_reason(
    replay: Replay, tmp_path: Path, payload: bytes, reason: str
) -> None:
    """Whatever comes on the FIX port, what is well formed after it is still read."""
    path = tmp_path / "bad.pcap"
    fix_capture(path, [payload] * 3)
    site = tmp_path / "site.toml"
    site.write_text(f'[[gateway]]\nip = "{GATEWAY[0]}"\nport = {GATEWAY[1]}\n')

    found = replay(path, "--site", site)

    assert found["messages"]["D"]["up"] >= 30, found
    told = {**found["malformed"], "skipped": found["streams"]["bytes_skipped"]}
    assert sum(told.values()) > 0, found
    assert reason in told or not reason, found
    assert found["sessions"] == 1


def copy_models(place: Path) -> Path:
    shutil.copytree(models_path(), place / "models")
    return place / "models"


def altered(folder: Path) -> None:
    path = folder / "session" / "model.onnx"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def another_schema(folder: Path) -> None:
    path = folder / "flood" / "card.toml"
    text = path.read_text("utf-8")
    start = text.index('schema_digest = "') + len('schema_digest = "')
    path.write_text(f"{text[:start]}{'0' * 64}{text[start + 64 :]}")


def no_model(folder: Path) -> None:
    (folder / "flood" / "model.onnx").unlink()


def no_card(folder: Path) -> None:
    (folder / "session" / "card.toml").write_text("name = 3\n")


def all_gone(folder: Path) -> None:
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (altered, "model.onnx was altered"),
        (another_schema, "card.toml was altered"),
        (no_model, "model.onnx is missing"),
        (no_card, "card.toml was altered"),
        (all_gone, "has no manifest"),
    ],
)
def test_models_that_cannot_be_trusted_are_refused(
    capfd: pytest.CaptureFixture[str],
    capture: Path,
    tmp_path: Path,
    damage: Callable[[Path], None],
    said: str,
) -> None:
    folder = copy_models(tmp_path)
    damage(folder)

    status, line = refused(
        capfd, capture, "--models", folder, "--decisions", tmp_path / "d"
    )

    assert status == 65
    assert said in line
    assert "airnet models" in line
    assert not (tmp_path / "d").exists()


def test_outputs_in_the_way_are_refused_and_left_alone(
    capfd: pytest.CaptureFixture[str], capture: Path, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    before = capture.read_bytes()

    for words in (
        ["--ledger", tmp_path / "full"],
        ["--ledger", capture],
        ["--ledger", tmp_path / "gone" / "ledger"],
        ["--decisions", tmp_path],
        ["--decisions", tmp_path / "gone" / "d"],
        ["--decisions", capture],
        ["--ledger", tmp_path / "l", "--decisions", tmp_path / "l" / "d"],
    ):
        assert refused(capfd, capture, *words)[0] == 64

    assert capture.read_bytes() == before
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "full", tmp_path / "full/mine"]


def test_a_full_disk_leaves_nothing(
    capfd: pytest.CaptureFixture[str], capture: Path, tmp_path: Path
) -> None:
    status, line = refused(
        capfd, capture, "--decisions", "/dev/full", "--ledger", tmp_path / "l"
    )

    assert status == 69
    assert "No space left" in line
    assert list(tmp_path.iterdir()) == []


def test_earlier_decisions_are_replaced_only_by_whole_ones(
    replay: Replay, capture: Path, tmp_path: Path
) -> None:
    out = tmp_path / "d"
    out.write_text("earlier\n")
    (tmp_path / "empty").mkdir()

    replay(capture, "--decisions", out, "--ledger", tmp_path / "empty")

    assert out.read_text().startswith('{"t_ns":')
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d", "empty"]


@pytest.fixture
def half_fed(capture: Path, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Give a replay that has read half a capture and waits for the rest."""
    os.mkfifo(tmp_path / "in")
    (tmp_path / "d").write_text("earlier\n")
    words = ["replay", str(tmp_path / "in"), "--json", "--decisions"]
    words += [str(tmp_path / "d"), "--ledger", str(tmp_path / "l")]
    process = subprocess.Popen(
        [sys.executable, "-m", "airnet", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with (tmp_path / "in").open("wb") as feed:
        feed.write(capture.read_bytes()[:40_000])
        feed.flush()
        wait_until(lambda: any(tmp_path.glob(".*partial/ledger.jsonl")))
        yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_nothing_half_written(
    half_fed: subprocess.Popen[bytes], tmp_path: Path, number: signal.Signals
) -> None:
    half_fed.send_signal(number)
    out, err = half_fed.communicate(timeout=10)

    assert half_fed.returncode == 128 + number
    assert json.loads(out)["error"]["exit_status"] == 128 + number
    assert err.decode().splitlines() == [
        f"airnet: interrupted by {number.name}: no output was kept"
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d", "in"]
    assert (tmp_path / "d").read_text() == "earlier\n"


def test_another_process_says_one_document_and_leaves_home_alone(
    capture: Path, tmp_path: Path
) -> None:
    """No word of a library on standard output, nothing sent or kept elsewhere."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)

    done = subprocess.run(
        [sys.executable, "-m", "airnet", "replay", "--json", str(capture)],
        check=True,
        capture_output=True,
        env=environment,
        timeout=60,
    )

    assert set(json.loads(done.stdout)) == FIELDS
    assert done.stderr == b""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "steps",
    [
        [0, -(10**15), 10**15],
        [0, 10**18, 1],
        [0, 2**62, -(2**62)],
        [0, 4 * 10**9 * 10**9, 0],
    ],
)
def test_a_clock_that_jumps_neither_hangs_nor_breaks_the_replay(
    replay: Replay, capture: Path, tmp_path: Path, steps: list[int]
) -> None:
    frames = read_files([capture]).frames[:3000]
    path = tmp_path / "jumps.pcap"
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1))
        for place, frame in enumerate(frames):
            time_ns = frame.time_ns + steps[place * len(steps) // len(frames)]
            seconds, rest = divmod(max(time_ns, 0), 10**9)
            size = len(frame.data)
            head = struct.pack("<IIII", seconds % 2**32, rest, size, size)
            file.write(head + frame.data)

    found = replay(path)

    assert found["seen"] == len(frames)
    assert found["cpu_s"] < 5
