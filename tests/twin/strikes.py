"""Worlds with attackers for the tests: played, and read frame by frame."""

import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from airnet._ext.twin import FULL, REACHED, WIRE, World
from airnet.twin import catalogue
from airnet.twin.plan import Plan, Size

SYN, RST, ACK, FIN = 2, 4, 16, 1
TCP, UDP, ICMP = 6, 17, 1


class Seen(NamedTuple):
    """One mirrored frame, read by the book."""

    time_ns: int
    mark: int
    protocol: int
    source: str
    target: str
    source_port: int
    port: int
    flags: int
    sequence: int
    acknowledged: int
    ttl: int
    payload: bytes
    raw: bytes


def everything(_: Seen) -> bool:
    """Keep every frame."""
    return True


def build(scenario: str, seed: int = 1, *, clean: bool = True, **size: Any) -> Plan:
    """Return a small Plan; `clean`: with a mirror that does nothing wrong."""
    chosen = {"sessions": 6, "symbols": 3, "duration_s": 4.0, "difficulty": 0.2}
    plan = catalogue.build(scenario, seed, size=Size(**(chosen | size)))
    if clean:
        plan.tables["sensor"]._rows.clear()
    return plan


def world_of(plan: Plan) -> World:
    """Return a fresh world of a Plan."""
    return World(plan.seed, plan.start_ns, plan.end_ns, WIRE, **plan.rows())


def run(
    world: World, until_ns: int, step_ns: int = 0
) -> Iterator[tuple[int, int, bytes]]:
    """Run to a time and yield time, mark and bytes of each frame."""
    now_ns = world.now_ns
    while now_ns < until_ns:
        now_ns = min(now_ns + step_ns, until_ns) if step_ns else until_ns
        while True:
            count = world.run(now_ns)
            buffer = world.buffer.tobytes() if count else b""
            for row, mark in zip(
                world.frames[:count], world.marks[:count].tolist(), strict=True
            ):
                at, size = int(row["offset"]), int(row["captured_bytes"])
                yield int(row["time_ns"]), mark, buffer[at : at + size]
            if world.ended != FULL:
                assert world.ended == REACHED
                break


def folded(data: bytes) -> int:
    """Return the ones' complement sum of RFC 1071; 0xffff: the checksum is right."""
    padded = data + b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def read(time_ns: int, mark: int, raw: bytes) -> Seen | None:
    """Read an IPv4 frame and check its sums; None for what is not IPv4."""
    at = 18 if raw[12:14] == b"\x81\x00" else 14
    if raw[at - 2 : at] != b"\x08\x00":
        return None
    total = int.from_bytes(raw[at + 2 : at + 4], "big")
    packet = raw[at : at + total]
    assert len(packet) == total
    assert folded(packet[:20]) == 0xFFFF
    protocol, rest = packet[9], packet[20:]
    pseudo = packet[12:20] + struct.pack("!BBH", 0, protocol, len(rest))
    assert folded(rest if protocol == ICMP else pseudo + rest) == 0xFFFF
    ports = struct.unpack("!HH", rest[:4])
    source, target = (".".join(map(str, packet[i : i + 4])) for i in (12, 16))
    if protocol == TCP:
        sequence, acknowledged, offset, flags = struct.unpack("!IIBB", rest[4:14])
        data = rest[(offset >> 4) * 4 :]
    else:
        sequence, acknowledged, flags, data = 0, 0, 0, rest[8:]
    return Seen(
        time_ns,
        mark,
        protocol,
        source,
        target,
        *ports,
        flags,
        sequence,
        acknowledged,
        packet[8],
        data,
        raw,
    )


def seen(plan: Plan, keep: Callable[[Seen], bool] = everything) -> list[Seen]:
    """Play a Plan to its end; return the frames that are to be kept."""
    return kept(run(world_of(plan), plan.end_ns), keep)


def glanced(plan: Plan, worth: Callable[[bytes], bool]) -> list[Seen]:
    """Play a Plan and read only the frames whose bytes are worth it, which is fast."""
    frames = run(world_of(plan), plan.end_ns)
    return kept(frame for frame in frames if worth(frame[2]))


def kept(
    frames: Iterable[tuple[int, int, bytes]],
    keep: Callable[[Seen], bool] = everything,
) -> list[Seen]:
    """Read frames and return those that are to be kept."""
    found = (read(*frame) for frame in frames)
    return [one for one in found if one is not None and keep(one)]


def marked(plan: Plan) -> list[Seen]:
    """Return the frames of a Plan's incidents."""
    return seen(plan, lambda one: one.mark != 0)


def gaps(times: list[int]) -> NDArray[np.int64]:
    """Return the times between frames."""
    return np.diff(np.array(times, np.int64))
