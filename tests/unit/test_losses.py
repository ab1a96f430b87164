"""What the capture lost is heard at the very frame it was lost at, in any replay."""

import json
from pathlib import Path

import pytest

from airnet.capture.recorder import Recorder
from airnet.cli import main
from airnet.front import LOSSES_EVERY_NS, LOSSES_SAID_NS, Losses
from airnet.twin.traffic import Params, generate
from tests.reference import pcap
from tests.reference.reading import read_files
from tests.unit.test_capture_recorder import BODY, rows_of

PARAMS = Params(duration_s=2.0, onset_s=0.5, incident_s=1.0, sessions=4)
#: When, in s, the capture says that it lost 5 % of what there was.
EARLY, LATE = 0.4, 1.9


def recording(path: Path, at: float | None) -> Path:
    """Write a flood; at that time in it, a count of what was lost."""
    frames = [
        pcap.Frame(time_ns, data, len(data))
        for time_ns, data in generate("syn_flood", 5, params=PARAMS).frames
    ]
    last_ns = frames[0].time_ns + int(1e9 * (at or 60))
    count = sum(one.time_ns <= last_ns for one in frames)
    told = pcap.statistics(frames[count - 1].time_ns, count, count // 20, count)
    written = pcap.record(frames)
    rest = b"".join(
        pcap.enhanced("<", 0, one.time_ns, one.data, one.wire_bytes)
        for one in frames[count:]
    )
    if at is not None:
        written = written[: len(written) - len(rest)] + told + rest
    path.write_bytes(written)
    return path


def decided(path: Path, *words: str) -> list[dict[str, object]]:
    """Replay a file and return its decisions."""
    out = path.with_suffix(".jsonl")
    assert main(["replay", "--json", str(path), "--decisions", str(out), *words]) == 0
    return [json.loads(line) for line in out.read_bytes().splitlines()]


def actions(decisions: list[dict[str, object]]) -> list[object]:
    return [one["action"] for one in decisions if one["cause"] == "flood"]


def test_a_loss_before_the_flood_freezes_it_and_one_after_does_not(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    clean = decided(recording(tmp_path / "clean.pcapng", None))
    early = decided(recording(tmp_path / "early.pcapng", EARLY))
    late = decided(recording(tmp_path / "late.pcapng", LATE))
    capfd.readouterr()

    assert "drop_sources" in actions(clean) or "rate_limit_sources" in actions(clean)
    assert set(actions(early)) <= {"evidence"}
    assert [one["rule"] for one in early if one["cause"] == "sensor_fault"][:1] == [
        "trust.loss_ppm"
    ]
    assert actions(late) == actions(clean)
    assert "sensor_fault" in {one["cause"] for one in late}


@pytest.mark.parametrize("batch", ["1", "7", "300", "4096"])
@pytest.mark.parametrize("lanes", ["1", "2"])
def test_no_batch_reaches_over_a_loss(
    batch: str, lanes: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = recording(tmp_path / "early.pcapng", EARLY)
    expected = decided(path)

    found = decided(path, "--batch", batch, "--lanes", lanes)

    capfd.readouterr()
    assert found == expected


def test_a_recording_says_where_frames_were_lost(tmp_path: Path) -> None:
    path = tmp_path / "live.pcapng"
    recorder = Recorder(path)
    recorder.write(rows_of(40), 40, BODY)
    recorder.mark(3, 43)
    recorder.write(rows_of(10), 10, BODY)
    recorder.mark(0, 10)
    recorder.write(rows_of(5), 5, BODY)
    recorder.close({"seen": 60, "delivered": 55, "lost": 3})

    assert read_files([path]).marks == {40: (3, 43), 50: (0, 10), 55: (0, 7)}


def test_losses_are_looked_at_now_and_then_and_told_at_once() -> None:
    """Ten looks a second; nothing lost is told once a second, for its share's sake."""
    counts = [(0, 0)]
    looks = 0

    def losses() -> tuple[int, int]:
        nonlocal looks
        looks += 1
        return counts[0]

    start_ns = 10**18
    meter = Losses(losses)
    counts[0] = (0, 100)
    assert meter.look(start_ns) == (0, 100)
    for step in range(1, 100):
        assert meter.look(start_ns + step * LOSSES_EVERY_NS // 100) is None
    assert looks == 2

    counts[0] = (7, 300)
    assert meter.look(start_ns + LOSSES_EVERY_NS) == (7, 200)
    counts[0] = (7, 500)
    assert meter.look(start_ns + 3 * LOSSES_EVERY_NS) is None
    assert meter.look(start_ns + LOSSES_EVERY_NS + LOSSES_SAID_NS) == (0, 200)
