"""The unknown host: it floods the order gateway with SYNs, or tries to connect.

Run as a process in its namespace: `python -m airnet.lab.stranger OWN_ADDRESS TARGET
PORT SEED`. It sends from its own address, never another's. Commands on standard
input: `flood` with rate and seconds, `connect` with a limit.
"""

import contextlib
import socket
import struct
import sys

import numpy as np

from airnet.clock import SystemClock
from airnet.lab.channel import Channel, Json

NS_PER_S, NS_PER_MS = 1_000_000_000, 1_000_000
STATUS_NS = 250 * NS_PER_MS
PACE_S = 0.001
IDLE_S = 0.1
#: Packets made beforehand and sent round and round.
PACKETS = 2048
#: A flooder that was held up does not make up for more than this many packets.
BEHIND_MAX = 64
SYN, WINDOW, TTL, HEADER_BYTES = 0x02, 64240, 64, 20
PORT_FIRST, PORT_LAST = 1024, 65535


def checksum(data: bytes) -> int:
    """Return the internet checksum of an even number of bytes (RFC 1071)."""
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def syn(source: str, target: str, ports: tuple[int, int], sequence: int) -> bytes:
    """Return an IPv4 packet with a TCP SYN (RFC 791, RFC 9293 section 3.1)."""
    ends = socket.inet_aton(source) + socket.inet_aton(target)
    offset = (HEADER_BYTES // 4) << 4
    fields = (*ports, sequence, 0, offset, SYN, WINDOW)
    tcp = struct.pack(">HHIIBBHHH", *fields, 0, 0)
    pseudo = ends + struct.pack(">BBH", 0, socket.IPPROTO_TCP, len(tcp))
    tcp = struct.pack(">HHIIBBHHH", *fields, checksum(pseudo + tcp), 0)
    size = HEADER_BYTES + len(tcp)
    # The kernel fills in the checksum and the identification: raw(7).
    start = struct.pack(">BBHHHBBH", 0x45, 0, size, 0, 0, TTL, socket.IPPROTO_TCP, 0)
    return start + ends + tcp


class Flood:
    """SYN packets at a steady pace, from random ports."""

    def __init__(self, source: str, target: str, port: int, seed: int) -> None:
        chance = np.random.default_rng(seed)
        ports = chance.integers(PORT_FIRST, PORT_LAST, PACKETS)
        sequences = chance.integers(0, 1 << 32, PACKETS)
        self._packets = [
            syn(source, target, (int(own), port), int(sequence))
            for own, sequence in zip(ports, sequences, strict=True)
        ]
        self._target = (target, 0)
        self._socket = socket.socket(
            socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW
        )
        self.sent = 0
        self._rate = 0.0
        self._begin_ns = self._end_ns = 0
        self._due = 0

    def start(self, now_ns: int, rate: float, seconds: float) -> None:
        """Begin, for a while."""
        self._rate, self._begin_ns, self._due = rate, now_ns, 0
        self._end_ns = now_ns + int(seconds * NS_PER_S)

    def is_on(self, now_ns: int) -> bool:
        """Return whether there is still something to send."""
        return now_ns < self._end_ns

    def go_on(self, now_ns: int) -> None:
        """Send what is due."""
        due = int((now_ns - self._begin_ns) * self._rate / NS_PER_S)
        for _ in range(min(BEHIND_MAX, due - self._due)):
            packet = self._packets[self.sent % PACKETS]
            with contextlib.suppress(BlockingIOError, OSError):
                self._socket.sendto(packet, self._target)
                self.sent += 1
        self._due = due


def connect(clock: SystemClock, target: tuple[str, int], limit_s: float) -> Json:
    """Return whether a TCP connection comes about, and in how many us."""
    begin_ns = clock.mono_ns()
    try:
        with socket.create_connection(target, timeout=limit_s):
            is_open = True
    except OSError:
        is_open = False
    return {"ok": is_open, "us": (clock.mono_ns() - begin_ns) // 1000}


def main() -> None:
    """Do as told until the starter closes standard input."""
    own, target, port, seed = sys.argv[1:5]
    clock = SystemClock()
    channel = Channel()
    flood = Flood(own, target, int(port), int(seed))
    channel.tell("ready", {})
    told_ns = 0
    with contextlib.suppress(KeyboardInterrupt):
        while not channel.is_closed:
            is_on = flood.is_on(clock.mono_ns())
            for command in channel.poll(PACE_S if is_on else IDLE_S):
                obey(command, flood, clock, channel, (target, int(port)))
            if is_on:
                flood.go_on(clock.mono_ns())
            now_ns = clock.mono_ns()
            if now_ns - told_ns >= STATUS_NS:
                told_ns = now_ns
                channel.tell("flooded", {"sent": flood.sent, "on": is_on})


def obey(
    command: Json,
    flood: Flood,
    clock: SystemClock,
    channel: Channel,
    target: tuple[str, int],
) -> None:
    """Do as one command says."""
    match command.get("do"):
        case "flood":
            rate, seconds = float(str(command["rate"])), float(str(command["seconds"]))
            flood.start(clock.mono_ns(), rate, seconds)
        case "connect":
            limit_s = float(str(command["limit_s"]))
            channel.tell("connected", connect(clock, target, limit_s))


if __name__ == "__main__":
    main()
