"""Replay up to features: what it counts, at which pace, and of which frames."""

from pathlib import Path

import msgspec
import pytest

from airnet.bench.captures import write_flood, write_quiet
from airnet.bench.replay import measure
from airnet.capture import frame_rows
from airnet.capture.paced import Paced
from airnet.capture.pcap import PcapSource
from airnet.cli import group, main, quick
from airnet.errors import EXIT_DONE, EXIT_USAGE
from airnet.extract import Extraction, extract
from airnet.replay import Order, replay

Capture = pytest.CaptureFixture[str]
TIMES = {"cpu_s", "wall_s", "peak_rss_bytes"}
#: One of the quiet capture's gateways, and a port that nobody there uses.
SITE = """
[[gateway]]
ip = "10.20.0.10"
port = 9002
"""


class Waiting:
    """A clock that moves only when somebody waits."""

    def __init__(self) -> None:
        self.time_ns = 5
        self.waits: list[float] = []

    def mono_ns(self) -> int:
        """Return the time so far."""
        return self.time_ns

    def sleep_s(self, seconds: float) -> None:
        """Let time pass; never less than a nanosecond."""
        self.waits.append(seconds)
        self.time_ns += max(1, round(seconds * 1e9))


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a quiet capture of three sessions, fifty exchanges each."""
    path = tmp_path_factory.mktemp("extract") / "quiet.pcap"
    write_quiet(path, 3, 50)
    return path


def test_features_count_what_decisions_count(quiet: Path) -> None:
    """Frames, messages, sessions, windows, streams: as if everything had run."""
    found = extract(Extraction(files=(quiet,)))
    whole = msgspec.to_builtins(replay(Order(files=(quiet,)), lambda *_: None))

    assert found.keys() >= TIMES
    for name in found.keys() - TIMES:
        assert found[name] == whole[name], name
    assert found["sessions"] == 3
    assert found["malformed"] == found["by_reason"] == {}


def test_lanes_and_batches_change_nothing(quiet: Path) -> None:
    """One lane or four, 7 frames at a time or a thousand: the same counts."""
    each = [
        extract(Extraction(files=(quiet,), lanes=lanes, batch_frames=batch))
        for lanes, batch in ((1, 1024), (2, 1024), (4, 4096), (1, 7))
    ]
    kept = [{name: one[name] for name in one.keys() - TIMES} for one in each]

    assert kept == [kept[0]] * 4


def test_a_flood_is_counted_by_its_windows(tmp_path: Path) -> None:
    """SYNs of forged sources make no session and no message, but windows."""
    path = tmp_path / "flood.pcap"
    assert write_flood(path, 9000, 4000) == 9000

    found = extract(Extraction(files=(path,)))

    assert (found["frames"], found["sessions"], found["messages"]) == (9000, 0, {})
    assert isinstance(found["windows"], int)
    assert found["windows"] > 0


def test_captures_of_the_bench_are_always_the_same(quiet: Path, tmp_path: Path) -> None:
    """Two writings give the same bytes."""
    again = tmp_path / "again.pcap"
    write_quiet(again, 3, 50)

    assert again.read_bytes() == quiet.read_bytes()


def test_bench_runs_both_and_names_what_it_found() -> None:
    """On tiny captures: every figure is there, and none is zero where it may not be."""
    found = measure(1, (2, 3), (50, 50))
    if "missing" in found:
        assert str(found["missing"]).startswith(("tcpdump: ", "600 MiB"))
        return
    assert isinstance(found["ratio_to_tcpdump"], float)
    assert found["ratio_to_tcpdump"] > 0.0
    assert isinstance(found["runs"], list)
    assert [run["program"] for run in found["runs"]] == ["tcpdump", "airnet"] * 2


def test_only_order_traffic_is_taken_when_asked(quiet: Path, tmp_path: Path) -> None:
    """One of three gateways is the site's: the others' frames are not_order."""
    site = tmp_path / "site.toml"
    site.write_text(SITE)

    kept = extract(Extraction(files=(quiet,), site=site, select="order"))
    everything = extract(Extraction(files=(quiet,), site=site))

    assert (kept["sessions"], everything["sessions"]) == (1, 3)
    assert kept["seen"] == everything["seen"]
    reasons = kept["by_reason"]
    assert isinstance(reasons, dict)
    assert isinstance(kept["frames"], int)
    assert kept["frames"] + reasons["not_order"] == everything["frames"]


def test_pace_follows_capture_time(quiet: Path) -> None:
    """At 10x a capture takes a tenth of its time; every frame comes, none early."""
    clock = Waiting()
    source = Paced(PcapSource([quiet]), clock, 10.0)
    rows = frame_rows(64)
    frames = 0
    while not source.is_exhausted:
        frames += source.poll(rows, 0)
    source.close()

    plain = extract(Extraction(files=(quiet,)))
    assert frames == plain["frames"]
    assert source.counters()["delivered"] == frames
    # 50 exchanges of 20 ms after a second's rest: about two seconds.
    assert 0.15 < (clock.time_ns - 5) / 1e9 < 0.25
    assert max(clock.waits) <= 0.1


@pytest.mark.parametrize(
    "words",
    [
        ["--to", "features", "--ledger", "L"],
        ["--to", "features", "--policy", "P"],
        ["--select", "order"],
        ["--speed", "fast"],
        ["--speed", "0x"],
        ["--lanes", "3"],
        ["--trailer", "morse"],
        ["--to", "score"],
    ],
)
def test_options_that_cannot_be_are_64(
    quiet: Path, capfd: Capture, words: list[str]
) -> None:
    """One line that names the option, and status 64."""
    assert main(["replay", *words, str(quiet)]) == EXIT_USAGE
    assert words[-2].lstrip("-") in capfd.readouterr().err


def test_command_prints_one_document(quiet: Path, capfd: Capture) -> None:
    """With --json the keys that docs/operating names, for people a table."""
    assert main(["replay", "--to", "features", "--json", str(quiet)]) == EXIT_DONE
    found = msgspec.json.decode(capfd.readouterr().out)
    assert found["frames"] > 0
    assert main(["replay", "--to", "features", str(quiet)]) == EXIT_DONE
    assert "windows" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("words", "files"),
    [
        ("replay --to features --json a", ("a",)),
        ("replay a --json b --to features", ("a", "b")),
        ("replay --to features a", ()),
        ("replay --json a", ()),
        ("replay --to features --json", ()),
        ("replay --to decisions --json a", ()),
        ("replay --to features --json --lanes 2 a", ()),
        ("replay --to features --json -- a", ()),
        ("replay --to=features --json a", ()),
        ("replay --json a --to", ()),
        ("replay --help --to features --json a", ()),
        ("run --to features --json a", ()),
        ("", ()),
    ],
)
def test_one_command_line_is_quick(words: str, files: tuple[str, ...]) -> None:
    """Whatever differs from it goes to click."""
    assert quick.files_of(words.split()) == files


def test_completion_is_never_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell asks by the environment, whatever the words are."""
    monkeypatch.setenv("_AIRNET_COMPLETE", "bash_complete")

    assert quick.files_of(["replay", "--to", "features", "--json", "a"]) == ()


def test_quick_answers_what_click_answers(quiet: Path, capfd: Capture) -> None:
    """Letter by letter, but for times."""
    words = ["replay", "--to", "features", "--json", str(quiet)]

    assert main(words) == EXIT_DONE
    quickly = msgspec.json.decode(capfd.readouterr().out)
    assert group.run(words) == EXIT_DONE
    slowly = msgspec.json.decode(capfd.readouterr().out)

    assert list(quickly) == list(slowly)
    for name in quickly.keys() - TIMES:
        assert quickly[name] == slowly[name], name


def test_quick_writes_json() -> None:
    """As json.dumps does, whatever the types of messages are called."""
    found = {"a": {'"\\\n\x01\x7fA\u20ac': 1, "b": 0.5}, "c": {}, "d": 1e-9}

    assert msgspec.json.decode(quick.written(found)) == found
