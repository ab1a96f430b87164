"""Captures of bench/strangers are clean to tshark, and their labels hold together."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SECOND = 1_000_000_000
CHECKS = ("ip.check_checksum", "tcp.check_checksum", "udp.check_checksum")
#: Noise in UDP of ports 53 and 123 is not DNS and not NTP, and is not meant to be.
FIX_IS_WRONG = "_ws.malformed && tcp || fix.checksum_bad == 1"
SUM_IS_WRONG = "ip.checksum.status == 0 || tcp.checksum.status == 0"
SUM_IS_WRONG += " || udp.checksum.status == 0 || icmp.checksum.status == 0"


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Return what makes a capture of a family and seed, and its labels."""
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    from strangers import catalogue

    def made(family: str, seed: int = 1) -> tuple[Path, dict[str, Any]]:
        path = tmp_path / f"{family}-{seed}.pcap"
        return path, catalogue.make(family, seed, path)

    return made


def shown(path: Path, labels: dict[str, Any], wanted: str) -> list[str]:
    """Return the frames that tshark shows for a display filter."""
    command = ["tshark", "-n", "-r", str(path), "-Y", wanted]
    for setting in CHECKS:
        command += ["-o", f"{setting}:TRUE"]
    for port in sorted({one.rsplit(":", 1)[1] for one in labels["gateways"]}):
        command += ["-d", f"tcp.port=={port},fix"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=110)
    return done.stdout.decode().splitlines()


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")
@pytest.mark.parametrize(
    "family",
    [
        *("reconnect_storm", "duplicate_loop", "pulsing", "street_late"),
        *("exchange_backup", "bourse_failover"),
    ],
)
def test_tshark_finds_nothing_wrong(make: Any, family: str) -> None:
    """Every checksum is right, every message of a gateway's port is FIX."""
    path, labels = make(family)

    assert shown(path, labels, SUM_IS_WRONG) == []
    assert shown(path, labels, FIX_IS_WRONG) == []
    assert shown(path, labels, "fix.MsgType == A")


@pytest.mark.slow
@pytest.mark.parametrize(
    "family",
    [
        *("runaway", "syn_few", "news_burst", "street_loop", "street_pulses"),
        *("exchange_reject_loop", "exchange_logon_flood"),
        *("bourse_fat_slice", "bourse_syn_flood", "bourse_stolen_id"),
    ],
)
def test_labels_hold_together(make: Any, family: str) -> None:
    """Incidents lie inside the capture, culprits are known, harm lies inside them."""
    _, labels = make(family)
    start, end = labels["start_ns"], labels["end_ns"]
    comps = {one["comp"] for one in labels["sessions"]}

    assert 20 <= len(labels["sessions"]) <= 45
    assert bool(labels["incidents"]) == (labels["kind"] != "benign")
    for one in labels["incidents"]:
        assert start + 5 * SECOND <= one["onset_ns"] <= one["due_ns"]
        assert one["due_ns"] < one["end_ns"] <= end
        assert set(one["sessions"]) <= comps
        assert set(one["harm"]) <= {"*", *one["sessions"], *one["hosts"]}
        times = [t_ns for own in one["harm"].values() for t_ns in own]
        assert times
        assert one["onset_ns"] <= min(times) <= max(times) <= one["end_ns"]


@pytest.mark.slow
def test_a_seed_makes_the_same_bytes(make: Any) -> None:
    """The seed is all there is to a capture; another one makes another."""
    path, labels = make("syn_spoofed", 3)
    first = path.read_bytes()
    path.unlink()
    again, same = make("syn_spoofed", 3)
    other, different = make("syn_spoofed", 4)

    assert again.read_bytes() == first
    assert json.dumps(same) == json.dumps(labels)
    assert other.read_bytes() != first
    assert different["incidents"] != labels["incidents"]


def test_the_generator_does_not_know_the_product() -> None:
    """No module of it imports airnet: it would test the product with its own ideas."""
    command = [sys.executable, "-c", "import sys; import strangers.catalogue;"]
    command[2] += "print([one for one in sys.modules if one.split('.')[0] == 'airnet'])"
    place = {"PYTHONPATH": str(ROOT / "bench")}
    done = subprocess.run(command, capture_output=True, check=True, env=place)

    assert done.stdout.strip() == b"[]"
