"""Every capture of the shared corpus is read, and as tshark reads it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from airnet.capture.pcap import BYTE_ORDERS, PCAP_MAGICS, SECTION_MAGIC, PcapSource
from tests.reference import pcap
from tests.reference.reading import read_files

REPOSITORY = Path(__file__).parent.parent.parent
DATA = Path(os.environ.get("AIRNET_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
FOLDERS = ("benign", "ddos", "fix", "market", "torture")
#: One of each: pcap in both byte orders and resolutions, pcapng, several links.
WITH_TSHARK = (
    "benign/characterization_modbus_6RTU_with_operate.pcap",
    "ddos/amp.TCP.reflection.SYNACK.pcap",
    "ddos/pkt.TCP.synflood.spoofed.pcap",
    "fix/fix.pcap",
)

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="no shared test data (AIRNET_TEST_DATA)"
)


def is_capture(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(12)
    is_section = head[:4] == SECTION_MAGIC and head[8:12] in BYTE_ORDERS
    return head[:4] in PCAP_MAGICS or is_section


def captures() -> list[Path]:
    found = [path for folder in FOLDERS for path in (DATA / folder).rglob("*")]
    return sorted(path for path in found if path.is_file() and is_capture(path))


def test_every_capture_equals_the_reference() -> None:
    """No exception, no hang, every frame as the slow reference has it."""
    paths = captures()

    for path in paths:
        expected = pcap.read(path.read_bytes())
        assert read_files([path], 512) == expected, path

    assert len(paths) > 1000


def test_named_captures_are_all_recognised() -> None:
    """What is called a capture is one, or is refused by PcapSource in one line."""
    named = [path for path in DATA.rglob("*.pcap*") if path.is_file()]

    assert [path for path in named if not is_capture(path)] == []
    PcapSource(named[:200]).close()


def tshark(path: Path) -> list[tuple[int, int, int]]:
    """Return time in ns, captured and wire bytes of each frame as tshark has them."""
    fields = ("frame.time_epoch", "frame.cap_len", "frame.len")
    command = ["tshark", "-n", "-r", str(path), "-T", "fields"]
    for field in fields:
        command += ["-e", field]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = []
    for line in done.stdout.splitlines():
        time, captured, wire = line.split("\t")
        seconds, _, part = time.partition(".")
        time_ns = int(seconds) * 10**9 + int(part.ljust(9, "0"))
        found.append((time_ns, int(captured), int(wire)))
    return found


def equals_tshark(path: Path) -> None:
    frames = read_files([path]).frames
    mine = [(one.time_ns, len(one.data), one.wire_bytes) for one in frames]
    assert mine == tshark(path), path


@pytest.mark.parametrize("name", WITH_TSHARK)
def test_frames_equal_tshark(name: str) -> None:
    """An independent reader sees the same times and lengths."""
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")

    equals_tshark(DATA / name)


def test_pcapng_frames_equal_tshark() -> None:
    """The same for pcapng, a few of them."""
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    found = [path for path in captures() if path.suffix == ".pcapng"]

    for path in found[:: max(1, len(found) // 4)]:
        equals_tshark(path)
