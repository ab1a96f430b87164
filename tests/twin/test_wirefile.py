"""The written file is what tshark reads, and the truth beside it is true."""

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from airnet.capture.pcap import PcapSource
from airnet.decode import Decoder
from airnet.domain.frame import FRAME, FRAMES_MAX
from airnet.twin.wirefile import Runs, Truth, write
from tests.twin.strikes import build

#: AIRNET_KIND_LOGON of bpf/airnet.h.
LOGON = 8


def tool(name: str, *arguments: str) -> str:
    """Return what a Wireshark tool prints; skip where there is none."""
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed (apt.txt)")
    command = [name, *arguments]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    return found.stdout


def written(scenario: str, path: Path, **size: Any) -> Truth:
    """Write a small scenario and return its truth."""
    return write(build(scenario, **size), path)


def times_of(path: Path) -> list[int]:
    """Return the stamps of a capture, as the product's own reader has them."""
    source, rows = PcapSource([path]), np.zeros(FRAMES_MAX, FRAME)
    times: list[int] = []
    while not source.is_exhausted:
        count = source.poll(rows, 0)
        times += rows["time_ns"][:count].tolist()
    source.close()
    return times


def test_capinfos_reads_stamps_and_counters(tmp_path: Path) -> None:
    """The interface has ns stamps and one statistics block; every frame is there."""
    path = tmp_path / "loss.pcapng"
    truth = written("mirror_loss", path, clean=False, seed=3)
    told = tool("capinfos", str(path))

    assert truth.mirror["lost"] > 0
    assert "Time precision = nanoseconds (9)" in told
    assert "Number of stat entries = 1" in told
    assert f"Number of packets = {truth.frames}" in told
    assert truth.sha256 in told


def test_statistics_say_what_was_lost(tmp_path: Path) -> None:
    """isb_ifrecv and isb_ifdrop are the mirror's own counts."""
    path = tmp_path / "loss.pcapng"
    truth = written("mirror_loss", path, clean=False, seed=3)
    data = path.read_bytes()

    block = data[-int.from_bytes(data[-4:], "little") :]

    assert int.from_bytes(block[:4], "little") == 5
    options, at = {}, 20
    while at < len(block) - 4:
        code, size = (
            int.from_bytes(block[at + i : at + i + 2], "little") for i in (0, 2)
        )
        if not code:
            break
        options[code] = int.from_bytes(block[at + 4 : at + 4 + size], "little")
        at += 4 + size
    lost = truth.mirror["lost"] + truth.mirror["missing"]
    assert options == {4: truth.frames + lost, 5: lost, 8: truth.frames}


def test_the_same_seed_is_the_same_file(tmp_path: Path) -> None:
    """Byte for byte."""
    first = written("syn_flood", tmp_path / "a.pcapng")
    second = written("syn_flood", tmp_path / "b.pcapng")

    assert (tmp_path / "a.pcapng").read_bytes() == (tmp_path / "b.pcapng").read_bytes()
    assert first == second
    assert first.sha256 != written("syn_flood", tmp_path / "c.pcapng", seed=2).sha256


@pytest.mark.parametrize("scenario", ["syn_flood", "knight_2012", "injection"])
def test_frames_of_an_incident_lie_in_its_time(scenario: str, tmp_path: Path) -> None:
    """Runs are in order, inside the file, and seen between onset and offset."""
    path = tmp_path / "one.pcapng"
    truth = written(scenario, path)
    times = times_of(path)

    (incident,) = truth.incidents

    assert len(times) == truth.frames
    assert incident.frames
    ends = -1
    for first, count in incident.frames:
        assert first > ends
        ends = first + count - 1
        assert incident.first_frame <= first
    assert ends < truth.frames
    assert times[incident.first_frame] >= incident.label.onset_ns
    assert times[incident.last_frame] < incident.label.offset_ns


def test_messages_are_those_tshark_counts(tmp_path: Path) -> None:
    """By type and direction, of a mirror that misses nothing."""
    path = tmp_path / "quiet.pcapng"
    truth = written("quiet", path, seed=3, duration_s=6.0)
    gateways = {session[1].rsplit(":", 1)[0] for session in truth.sessions}
    ports = sorted({gateway.port for gateway in truth.site.gateways})
    arguments = ["-r", str(path), "-T", "fields", "-e", "ip.dst", "-e", "fix.MsgType"]
    for port in ports:
        arguments += ["-d", f"tcp.port=={port},fix"]

    counted: Counter[tuple[str, str]] = Counter()
    for line in tool("tshark", *arguments).splitlines():
        target, kinds = line.split("\t")
        side = "up" if target in gateways else "down"
        counted.update((kind, side) for kind in kinds.split(",") if kind)

    expected: Counter[tuple[str, str]] = Counter()
    for one in truth.messages:
        expected[one.type, one.direction] += one.count
    assert counted == expected
    assert counted["D", "up"] > 50


def test_runs_are_found_across_batches() -> None:
    """A run that two batches share is one."""
    runs = Runs()
    runs.add(0, np.array([0, 3, 3], np.uint32))
    runs.add(3, np.array([3, 0, 3], np.uint32))
    runs.add(6, np.array([0, 0], np.uint32))
    label = msgspec.structs.replace(build("quiet").labels[0], number=3)

    assert runs.of(label) == ((1, 3), (5, 1))


def test_the_command_writes_both_files(tmp_path: Path) -> None:
    """`airnet twin write` prints the truth with --json, and refuses to overwrite."""
    path = tmp_path / "scan.pcapng"
    command = [sys.executable, "-m", "airnet", "twin", "write", "scan", str(path)]
    command += ["--seed", "4", "--sessions", "6", "--symbols", "3", "--seconds", "3"]

    done = subprocess.run([*command, "--json"], check=True, capture_output=True)

    truth = json.loads(done.stdout)
    beside = json.loads((tmp_path / "scan.pcapng.json").read_bytes())
    assert truth == beside
    assert truth["incidents"][0]["label"]["cause"] == "compromise"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [
        "scan.pcapng",
        "scan.pcapng.json",
    ]
    again = subprocess.run(command, check=False, capture_output=True)
    assert again.returncode == 64


def test_our_decoder_finds_nothing_malformed(tmp_path: Path) -> None:
    """Attackers' packets are well-formed, as far as their protocols say."""
    for scenario in ("logon_flood", "udp_flood", "dns_tunnel", "runaway"):
        path = tmp_path / f"{scenario}.pcapng"
        truth = written(scenario, path)
        source, rows = PcapSource([path]), np.zeros(FRAMES_MAX, FRAME)
        gateways = [(one.ip, one.port) for one in truth.site.gateways]
        decoder, reasons, logons = Decoder(gateways), Counter[int](), 0
        while not source.is_exhausted:
            count = source.poll(rows, 0)
            headers, messages = decoder.decode(rows[:count], source.buffer)
            reasons.update(headers["reason"].tolist())
            assert not messages["malformed"].any()
            logons += int((messages["kind"] == LOGON).sum())
        source.close()
        assert reasons == {0: truth.frames}
        told = sum(one.count for one in truth.messages if one.type == "A")
        assert logons == told + truth.counters["strike_logons"]
