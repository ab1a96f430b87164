"""DPDK's ports that need no network: files, rings, nothing; and what it is told."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest

from airnet import config
from airnet.capture import dpdk_order
from airnet.capture.attached import DpdkAttached, from_json
from airnet.capture.dpdk import DpdkSource
from airnet.capture.dpdk_attach import attach_dpdk
from airnet.capture.pcap import PcapSource
from airnet.capture.selection import Selection
from airnet.domain.frame import CLOCK_FILE, CLOCK_NIC, CLOCK_USER, FRAME
from airnet.errors import CaptureError, ConfigError
from tests.fakes.dpdk import NEEDS_DPDK, dpdk, losses
from tests.netns.lab_links import wait_until
from tests.reference import pcap
from tests.reference.pcap import Frame
from tests.reference.reading import drain
from tests.tidy.tree import ROOT

NULL = "--vdev=net_null0"
START_NS = 1_700_000_000_000_000_000


def is_shown(source: DpdkSource, attached: str) -> None:
    assert source.name == f"dpdk c0 ({attached})"


@NEEDS_DPDK
def test_file_port_gives_what_pcap_source_gives(tmp_path: Path) -> None:
    """Times, lengths and bytes, jumbo frames in several buffers among them."""
    sizes = [14 + i * 61 % 9000 for i in range(700)]
    frames = [
        Frame(START_NS + i * 7000, bytes([i % 251]) * size, size)
        for i, size in enumerate(sizes)
    ]
    path = tmp_path / "in.pcap"
    path.write_bytes(pcap.pcap_file(frames, b"\xd4\xc3\xb2\xa1"))
    rows = np.zeros(1, FRAME)

    with dpdk(f"--vdev=net_pcap0,rx_pcap={path}") as source:
        assert source.poll(rows, 2000) == 1
        clock = int(rows[0]["clock"])
        got = drain(source, 64, 200)
        counts = losses(source)
        seen = source.counters()["seen"]
        is_shown(source, f"net_pcap0,rx_pcap={path}")
        sent = source.tx_frames()

    expected = drain(PcapSource([path]), 64)
    assert got == expected[1:]
    assert (clock, counts, seen, sent) == (CLOCK_FILE, {}, len(frames), 0)


@NEEDS_DPDK
def test_what_a_slow_reader_loses_is_counted_to_the_frame() -> None:
    """A full ring drops the newest; what was there stays whole and in order."""
    with dpdk(NULL + ",size=64", ring_frames=64) as source:
        wait_until(lambda: source.counters()["ring_full"] > 100_000)
        rows = np.zeros(4096, FRAME)
        count = source.poll(rows, 1000)
        clocks = set(rows[:count]["clock"].tolist())
        times = rows[:count]["time_ns"].tolist()
        source.close()
        counts = source.counters()

    assert (clocks, times) == ({CLOCK_USER}, sorted(times))
    assert abs(times[0] - time.time_ns()) < 60e9
    assert counts["ring_full"] > 100_000
    assert counts["unaccounted"] == 0
    reasons = {k: n for k, n in counts.items() if k not in ("seen", "delivered")}
    assert counts["seen"] == count + sum(reasons.values())
    assert counts["delivered"] == count


def built(place: Path) -> Path:
    """Compile the program whose net_ring port gives frames of our choice."""
    program = place / "ring_port"
    ask = ["pkg-config", "--cflags", "--libs", "libdpdk"]
    flags = subprocess.run(ask, check=True, capture_output=True, text=True).stdout
    sources = ["tests/fakes/ring_port.c", "ext/dpdk_shim.c"]
    command = ["gcc", "-O1", "-g", "-fsanitize=undefined", "-Iext", "-Ibpf", *sources]
    command += ["-o", str(program), *flags.split()]
    subprocess.run(command, cwd=ROOT, check=True)
    return program


def wrapped(program: Path, stamp: str, count: int) -> tuple[str, ...]:
    """Return a child that translates an Order into the program's arguments."""
    script = program.with_name(f"child_{stamp}")
    script.write_text(
        "#!/usr/bin/env python3\nimport json, os, sys\n"
        "o = json.loads(sys.argv[-1])\n"
        "words = [str(o[name]) for name in ('memory', 'wake', 'life')]\n"
        f"os.execv({str(program)!r}, ['ring_port', *words, {stamp!r}, '{count}',"
        " str(o['epoch_ns'])])\n"
    )
    script.chmod(0o755)
    return (str(script),)


@NEEDS_DPDK
def test_ring_port_joins_stamps_and_counts(tmp_path: Path) -> None:
    """Frames in pieces are joined; a stamp of an unknown clock is not believed."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    program, count = built(tmp_path), 500
    capture = config.Capture(
        interface="c0", backend="dpdk", dpdk_args=("--vdev=net_ring0",)
    )
    for stamp, clock in (
        ("none", CLOCK_USER),
        ("near", CLOCK_NIC),
        ("far", CLOCK_USER),
    ):
        child = wrapped(program, stamp, count)
        source = DpdkSource(attach_dpdk(capture, Selection(), child))
        rows = np.zeros(1024, FRAME)
        wait_until(lambda source=source: source.counters()["in_ring"] == count - 5)
        found = source.poll(rows, 1000)
        data = [
            bytes(source.buffer[row["offset"] :][: row["captured_bytes"]])
            for row in rows[:found]
        ]
        lost, seen = losses(source), source.counters()["seen"]
        source.close()

        numbers = [i for i in range(count) if i % 100 != 99]
        assert data == [bytes([i & 0xFF]) * (i % 1500 + 1) for i in numbers]
        assert set(rows[:found]["clock"].tolist()) == {clock}
        assert (lost, seen) == ({"oversize": 5}, count)
        apart = rows[:found]["time_ns"].astype(np.int64) - time.time_ns()
        assert np.abs(apart).max() < 60e9


@NEEDS_DPDK
def test_two_ports_in_one_process_and_one_after_the_other() -> None:
    """Each has its own environment, which starts once a process."""
    for _ in range(2):
        with dpdk(NULL) as one, dpdk(NULL) as two:
            rows = np.zeros(64, FRAME)
            assert one.poll(rows, 1000) > 0
            assert two.poll(rows, 1000) > 0


@NEEDS_DPDK
@pytest.mark.parametrize(
    ("device", "words"),
    [
        ("--vdev=net_nonsense0", "net_nonsense0"),
        ("--vdev=net_pcap0,rx_pcap=/nowhere.pcap", "nowhere.pcap"),
        ("--vdev=net_null0,nonsense=1", "net_null0"),
    ],
)
def test_what_dpdk_refuses_is_told_in_its_words(device: str, words: str) -> None:
    """One line, with the remedy; nothing is left running."""
    with pytest.raises(CaptureError, match=f"DPDK did not start: .*{words}"):
        attach_dpdk(capture(dpdk_args=[device]), Selection())


@NEEDS_DPDK
def test_attached_port_is_handed_over_as_text() -> None:
    """What the privileged half attached, the worker reads from JSON."""
    capture = config.Capture(interface="c0", backend="dpdk", dpdk_args=(NULL,))
    attached = attach_dpdk(capture, Selection())
    again = from_json(attached.to_json())

    assert again == attached
    assert isinstance(again, DpdkAttached)
    source = DpdkSource(again)
    assert source.poll(np.zeros(8, FRAME), 1000) == 8
    source.close()
    with pytest.raises(CaptureError):
        from_json(attached.to_json())


def capture(**fields: object) -> config.Capture:
    tree = {"interface": "c0", "backend": "dpdk", **fields}
    return msgspec.convert(tree, config.Capture)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "must name one device"),
        ([NULL, "0000:3b:00.0"], "must name one device"),
        ([NULL, "--proc-type=secondary"], "must hold"),
        ([NULL, "--lcores=1", "--huge-dir=/mnt"], "must hold"),
        (["--vdev=crypto_null0"], "must name one device"),
    ],
)
def test_arguments_that_could_undo_ours_are_refused(
    arguments: list[str], words: str
) -> None:
    with pytest.raises(msgspec.ValidationError, match=words):
        capture(dpdk_args=arguments)


def test_arguments_belong_to_dpdk_alone(tmp_path: Path) -> None:
    """And a wrong one is found with its line."""
    path = tmp_path / "airnet.toml"
    path.write_text('[capture]\ninterface = "c0"\ndpdk_args = ["--vdev=net_null0"]\n')

    with pytest.raises(ConfigError, match=r":3: capture\.dpdk_args: must be left out"):
        config.load(path, config.Config)


def test_command_line_leaves_no_file_and_takes_one_core() -> None:
    """Virtual devices keep the bus out; a card is allowed by its address alone."""
    virtual = dpdk_order.arguments([NULL], NULL, 1)
    card = dpdk_order.arguments(["0000:3b:00.0", "--lcores=3"], "0000:3b:00.0", 2)

    assert {"--no-pci", "--no-telemetry"} <= set(virtual)
    assert {"--no-shconf", "--in-memory"} & set(virtual)
    assert "--allow=0000:3b:00.0" in card
    assert "--no-pci" not in card
    assert [one for one in card if "lcores" in one] == ["--lcores=3"]
    cores = ",".join(str(one) for one in sorted(os.sched_getaffinity(0)))
    assert f"--lcores=0@({cores})" in virtual


def test_devices_are_understood() -> None:
    """Which interface is behind one, and whose clock its stamps are."""
    device = "--vdev=net_af_packet0,iface=eth1"

    assert dpdk_order.interface_of(device) == "eth1"
    assert dpdk_order.device([device], 4096) == f"{device},framecnt=4096"
    assert dpdk_order.device([f"{device},framecnt=8"], 64) == f"{device},framecnt=8"
    assert dpdk_order.stamps("--vdev=net_pcap0,rx_pcap=a") == (CLOCK_FILE, 1000)
    assert dpdk_order.stamps("0000:3b:00.0") == (CLOCK_NIC, 1)
