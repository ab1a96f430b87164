"""Replay: CPU of `airnet replay --to features` beside tcpdump's on the same files.

Both read two captures that are made for it, as processes of their own, one after the
other and many times over: their CPU time is what the kernel charged them from start
to end, the interpreter's start included, and the least of each is compared.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

import msgspec

from airnet.bench.captures import (
    FLOOD_PACKETS,
    FLOOD_SOURCES,
    write_flood,
    write_quiet,
)
from airnet.capture import frame_rows
from airnet.capture.pcap import PcapSource
from airnet.clock import SystemClock
from airnet.decode import Decoder
from airnet.features import Windows
from airnet.front import BATCH_FRAMES

REPEATS: Final = 7
STAGE_REPEATS: Final = 3
#: What the project promises: of tcpdump's CPU; of the quiet capture's ns a packet.
TCPDUMP_LIMIT, FLOOD_LIMIT = 1.5, 1.25
RSS_LIMIT_BYTES: Final = 64 << 20
ROOM_BYTES: Final = 600 << 20
PACKAGES: Final = Path(__file__).parents[2]
STAGES = ("capture", "decode", "features")


class Runs(msgspec.Struct, frozen=True, kw_only=True):
    """What a process took, over its runs."""

    program: str
    capture: str
    packets: int
    runs: int
    min_cpu_s: float
    median_cpu_s: float
    min_ns_per_packet: float
    peak_rss_bytes: int


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What the bench found; a ratio at or below its limit is as promised."""

    runs: list[Runs]
    ratio_to_tcpdump: float
    limit_to_tcpdump: float
    ratio_flood_to_quiet: float
    limit_flood_to_quiet: float
    flood_extra_rss_bytes: int
    limit_extra_rss_bytes: int
    start_cpu_s: float
    stages_ns_per_packet: dict[str, dict[str, float]]


def measure(
    repeats: int = REPEATS,
    sessions_exchanges: tuple[int, int] | None = None,
    flood: tuple[int, int] = (FLOOD_PACKETS, FLOOD_SOURCES),
) -> dict[str, object]:
    """Return Found as builtins; where it cannot be had, what is missing."""
    tcpdump = shutil.which("tcpdump", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if tcpdump is None:
        return {"missing": "tcpdump: apt-get install tcpdump"}
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        if shutil.disk_usage(folder).free < ROOM_BYTES:
            return {"missing": f"{ROOM_BYTES >> 20} MiB of room in {folder.parent}"}
        quiet = folder / "quiet.pcap"
        packets = {
            "quiet": write_quiet(quiet, *(sessions_exchanges or ())),
            "flood": write_flood(folder / "flood.pcap", *flood),
        }
        write_quiet(folder / "start.pcap", 1, 0)
        found: dict[str, object] = msgspec.to_builtins(
            _compare(tcpdump, folder, packets, repeats)
        )
        return found


def _compare(
    tcpdump: str, folder: Path, packets: dict[str, int], repeats: int
) -> Found:
    """Run both on both captures in turn, and tell the least of each."""
    airnet = [sys.executable, "-m", "airnet", "replay", "--to", "features", "--json"]
    commands = {
        (program, name): [*command, str(folder / f"{name}.pcap"), *rest]
        for name in packets
        for program, command, rest in (
            ("tcpdump", [tcpdump, "-r"], ["-w", "/dev/null"]),
            ("airnet", airnet, []),
        )
    }
    commands["airnet", "start"] = [*airnet, str(folder / "start.pcap")]
    taken: dict[tuple[str, str], list[tuple[float, int]]] = {}
    for _ in range(repeats):
        for key, command in commands.items():
            taken.setdefault(key, []).append(cost(command))
    start_s = min(cpu_s for cpu_s, _ in taken.pop(("airnet", "start")))
    runs = {key: _runs(*key, packets[key[1]], each) for key, each in taken.items()}
    quiet, flood = runs["airnet", "quiet"], runs["airnet", "flood"]
    beside = runs["tcpdump", "quiet"]
    return Found(
        runs=list(runs.values()),
        ratio_to_tcpdump=round(quiet.min_cpu_s / beside.min_cpu_s, 3),
        limit_to_tcpdump=TCPDUMP_LIMIT,
        ratio_flood_to_quiet=round(
            flood.min_ns_per_packet / quiet.min_ns_per_packet, 3
        ),
        limit_flood_to_quiet=FLOOD_LIMIT,
        flood_extra_rss_bytes=flood.peak_rss_bytes - quiet.peak_rss_bytes,
        limit_extra_rss_bytes=RSS_LIMIT_BYTES,
        start_cpu_s=round(start_s, 4),
        stages_ns_per_packet={
            name: stage_costs(folder / f"{name}.pcap") for name in packets
        },
    )


def _runs(
    program: str, capture: str, packets: int, each: Sequence[tuple[float, int]]
) -> Runs:
    """Sum up the runs of one program on one capture."""
    seconds = [cpu_s for cpu_s, _ in each]
    return Runs(
        program=program,
        capture=capture,
        packets=packets,
        runs=len(each),
        min_cpu_s=round(min(seconds), 4),
        median_cpu_s=round(median(seconds), 4),
        min_ns_per_packet=round(min(seconds) * 1e9 / packets, 1),
        peak_rss_bytes=max(peak for _, peak in each),
    )


def cost(command: Sequence[str]) -> tuple[float, int]:
    """Run a command and return its CPU seconds, user and system, and its peak RSS.

    The peak is what airnet says of itself, 0 of others: in ru_maxrss counts what the
    child was before it became the command.
    """
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(
            command,
            stdout=said,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(PACKAGES)},
        )
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise subprocess.CalledProcessError(child.returncode, command)
        said.seek(0)
        peak = 0
        if command[1:3] == ["-m", "airnet"]:
            peak = msgspec.json.decode(said.read())["peak_rss_bytes"]
    return used.ru_utime + used.ru_stime, peak


def stage_costs(path: Path) -> dict[str, float]:
    """Return ns of CPU a packet of each stage: what the time grows by with it."""
    clock = SystemClock()
    best = [float("inf")] * len(STAGES)
    for _ in range(STAGE_REPEATS):
        for last in range(len(STAGES)):
            begun_ns = clock.cpu_ns()
            packets = _take(path, last)
            best[last] = min(best[last], (clock.cpu_ns() - begun_ns) / packets)
    before = [0.0, *best]
    return {
        name: round(best[place] - before[place], 1) for place, name in enumerate(STAGES)
    }


def _take(path: Path, last: int) -> int:
    """Take a capture as far as stage `last` and return its number of packets."""
    source = PcapSource([path])
    rows = frame_rows(BATCH_FRAMES)
    decoder, windows = Decoder([]), Windows([], [])
    packets = 0
    while not source.is_exhausted:
        count = source.poll(rows, 0)
        packets += count
        frames = rows[: count if last else 0]
        while len(frames):
            headers, messages = decoder.take(frames, source.buffer)
            frames = frames[len(headers) :]
            while last > 1 and len(headers):
                headers = headers[windows.update(headers, messages) :]
    source.close()
    decoder.close()
    return packets
