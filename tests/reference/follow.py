"""Both directions of every TCP flow of captures: as airnet reassembles, as tshark does.

Ours come from tests/fuzz/torture_driver.c, for which every flow with payload is a
session; theirs from `tshark -z follow,tcp,raw`.
"""

import re
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from airnet.capture.pcap import PcapSource
from airnet.domain.address import address_text
from airnet.domain.frame import FRAME, FRAME_REASONS

ROOT = Path(__file__).parents[2]
DRIVER = ROOT / "tests" / "fuzz" / "torture_driver.c"
EVENT = struct.Struct("<4I")
BYTES, GAP, BEGIN, FRAME_FLAGS, END = range(5)
FLAGS = {1: "retransmit", 2: "out_of_order", 4: "gap", 8: "conflict"}
#: What tshark writes, itself hexadecimal, where bytes are missing.
MISSING = re.compile(rb"\[(\d+) bytes missing in capture file\]\.?\0?")
HEADING = re.compile(r"Filter: tcp.stream eq (\d+)\nNode 0: (\S+)\nNode 1: (\S+)\n")

#: A dissector that gives a segment the addresses of what it carries.
MISLEADING = ("openflow", *(f"openflow_v{number}" for number in (1, 4, 5, 6)))

End = tuple[str, int]
#: What one direction sent; a number is a hole's size.
Parts = tuple[bytes | int, ...]


class Flow(NamedTuple):
    """A flow's ends, and what each one sent."""

    ends: tuple[End, End]
    sent: tuple[Parts, Parts]


class Reassembly(NamedTuple):
    """What the kernels made of one capture."""

    flows: list[Flow]
    counts: dict[str, int]
    frames: dict[str, int]
    flags: dict[str, int]


def build(out: Path) -> Path:
    """Compile the driver, with the address sanitizer where there is one."""
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("neither gcc nor clang is installed")
    binary = out / "torture_driver"
    flags = ["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror"]
    checks = ["-Wno-unused-function", "-fsanitize=address,undefined"]
    paths = [f"-I{ROOT / 'ext'}", f"-I{ROOT / 'bpf'}"]
    subprocess.run(
        [compiler, *flags, *checks, *paths, DRIVER, "-o", binary], check=True
    )
    return binary


def count_names() -> list[str]:
    """Return the names of the counters that the driver writes, in order."""
    text = (ROOT / "ext" / "flow.h").read_text("utf-8")
    body = re.search(r"struct stream_counts \{(.*?)\n\};", text, re.DOTALL)
    assert body
    return re.findall(r"an_u64 (\w+);", body[1])


def chunks(path: Path) -> Iterator[bytes]:
    """Return a capture as the driver reads it."""
    source = PcapSource([path])
    rows = np.zeros(512, FRAME)
    while count := source.poll(rows, 0):
        some = rows[:count]
        end = int((some["offset"] + some["captured_bytes"]).max())
        start = int(some["offset"].min())
        some["offset"] -= start
        yield struct.pack("<2I", count, end - start) + some.tobytes()
        yield bytes(source.buffer[start:end])
    source.close()
    yield bytes(8)


def joined(parts: list[bytes | int]) -> Parts:
    """Return parts with neighbours of a kind made one, and no empty ones."""
    found: list[bytes | int] = []
    for part in parts:
        if found and isinstance(part, bytes) and isinstance(found[-1], bytes):
            found[-1] += part
        elif part:
            found.append(part)
    return tuple(found)


class _Reader:
    """Events of one capture after another."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0
        self.names = count_names()

    def take(self, size: int) -> bytes:
        self.at += size
        return self.data[self.at - size : self.at]

    def end(self) -> End:
        address = address_text(self.take(16))
        return address, int.from_bytes(self.take(2), "little")

    def capture(self) -> Reassembly:
        ends: list[tuple[End, End]] = []
        sent: list[tuple[list[bytes | int], list[bytes | int]]] = []
        flags: dict[str, int] = {}
        place: dict[int, int] = {}
        while True:
            session, kind, direction, count = EVENT.unpack(self.take(EVENT.size))
            if kind == BEGIN:
                place[session] = len(ends)
                ends.append((self.end(), self.end()))
                sent.append(([], []))
            elif kind == BYTES:
                sent[place[session]][direction].append(self.take(count))
            elif kind == GAP:
                sent[place[session]][direction].append(count)
            elif kind == FRAME_FLAGS:
                for bit, name in FLAGS.items():
                    flags[name] = flags.get(name, 0) + bool(count & bit)
            else:
                break
        numbers = struct.unpack(f"<{count}Q", self.take(8 * count))
        flows = [
            Flow(one, (joined(up), joined(down)))
            for one, (up, down) in zip(ends, sent, strict=True)
        ]
        flows = [flow for flow in flows if flow.sent != ((), ())]
        size = len(self.names)
        counts = dict(zip(self.names, numbers[:size], strict=True))
        frames = dict(zip(FRAME_REASONS, numbers[size:], strict=True))
        return Reassembly(flows, counts, frames, flags)


def ours(driver: Path, paths: list[Path], work: Path) -> list[Reassembly]:
    """Return what the kernels make of captures."""
    given = work / "captures"
    with given.open("wb") as file:
        for path in paths:
            file.writelines(chunks(path))
    with given.open("rb") as file:
        done = subprocess.run([driver], stdin=file, capture_output=True, check=False)
    given.unlink()
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    reader = _Reader(done.stdout)
    found = [reader.capture() for _ in paths]
    assert reader.at == len(done.stdout)
    return found


def cut(data: bytes) -> Parts:
    """Return tshark's bytes with its marks of what is missing as numbers."""
    parts: list[bytes | int] = []
    at = 0
    for found in MISSING.finditer(data):
        parts += [data[at : found.start()], int(found[1])]
        at = found.end()
    return joined([*parts, data[at:]])


def end_of(text: str) -> End:
    address, _, port = text.rpartition(":")
    return address.strip("[]"), int(port)


def require_tshark() -> None:
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")


def theirs(path: Path, streams: int) -> list[Flow]:
    """Return what tshark makes of the first so many streams of a capture."""
    command = ["tshark", "-n", "-q", "-r", str(path)]
    for name in MISLEADING:
        command += ["--disable-protocol", name]
    for number in range(streams):
        command += ["-z", f"follow,tcp,raw,{number}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return theirs_of(done.stdout)


def theirs_of(text: str) -> list[Flow]:
    """Return the flows in what tshark wrote, in the order of its stream numbers."""
    found: list[tuple[int, Flow]] = []
    heads = list(HEADING.finditer(text))
    for head in heads:
        body = text[head.end() : text.index("\n===", head.end() - 1)]
        sides: tuple[list[bytes], list[bytes]] = ([], [])
        for line in body.splitlines():
            sides[line.startswith("\t")].append(bytes.fromhex(line.strip()))
        if sides[0] or sides[1]:
            ends = (end_of(head[2]), end_of(head[3]))
            sent = (cut(b"".join(sides[0])), cut(b"".join(sides[1])))
            found.append((int(head[1]), Flow(ends, sent)))
    return [flow for _, flow in sorted(found, key=lambda one: one[0])]


def canonical(flow: Flow) -> Flow:
    """Return a flow with its lower end first."""
    if flow.ends[0] <= flow.ends[1]:
        return flow
    return Flow(flow.ends[::-1], flow.sent[::-1])
