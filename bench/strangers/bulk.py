"""Many packets at once, as numpy rows: what a flood is made of."""

import struct

import numpy as np

from strangers.wire import ICMP, TCP, UDP, Bytes2


def _words(rows: Bytes2) -> np.ndarray:
    width = rows.shape[1]
    even = rows if width % 2 == 0 else np.pad(rows, ((0, 0), (0, 1)))
    pairs = even.reshape(len(rows), -1, 2).astype(np.uint32)
    return (pairs[:, :, 0] << 8 | pairs[:, :, 1]).sum(1)


def _folded(total: np.ndarray) -> np.ndarray:
    for _ in range(2):
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _put(rows: Bytes2, at: int, values: np.ndarray, width: int) -> None:
    for byte in range(width):
        rows[:, at + byte] = values.astype(np.uint64) >> (8 * (width - 1 - byte)) & 255


def packets(
    sources: np.ndarray,
    target: int,
    protocol: int,
    bodies: Bytes2,
    rng: np.random.Generator,
) -> Bytes2:
    """Return IPv4 packets with right checksums around transport `bodies`."""
    count, length = bodies.shape
    rows = np.zeros((count, 20 + length), np.uint8)
    head = struct.pack("!BBHHHBBHI", 0x45, 0, 20 + length, 0, 0, 64, protocol, 0, 0)
    rows[:, :16] = np.frombuffer(head, np.uint8)
    _put(rows, 4, rng.integers(0, 65536, count), 2)
    _put(rows, 12, sources, 4)
    _put(rows, 16, np.full(count, target), 4)
    rows[:, 20:] = bodies
    pseudo = 0
    if protocol in (TCP, UDP):
        pseudo = _words(rows[:, 12:20]) + protocol + length
    where = {TCP: 36, UDP: 26, ICMP: 22}[protocol]
    total = _folded(_words(rows[:, 20:]) + pseudo)
    _put(rows, where, np.where((total == 0) & (protocol == UDP), 65535, total), 2)
    _put(rows, 10, _folded(_words(rows[:, :20])), 2)
    return rows


def vary_ttl(rows: Bytes2, ttls: np.ndarray) -> Bytes2:
    """Set the TTLs, then the header checksums: the last step."""
    rows[:, 8] = ttls
    rows[:, 10:12] = 0
    _put(rows, 10, _folded(_words(rows[:, :20])), 2)
    return rows


def towards(rows: Bytes2, targets: np.ndarray) -> Bytes2:
    """Send TCP packets made for address 0 to each target; header sums come right."""
    for offset in (0, 2):
        half = (targets.astype(np.int64) >> (16 - 8 * offset)) & 0xFFFF
        for at in (36, 10):
            old = rows[:, at].astype(np.int64) << 8 | rows[:, at + 1]
            total = (~old & 0xFFFF) + half
            _put(rows, at, _folded(total), 2)
    _put(rows, 16, targets, 4)
    return rows


def tcp_bodies(
    ports: tuple[np.ndarray, int],
    flags: int,
    options: bytes,
    rng: np.random.Generator,
) -> Bytes2:
    """Return TCP headers from each of `ports[0]` to one port."""
    count = len(ports[0])
    length = 20 + len(options)
    rows = np.zeros((count, length), np.uint8)
    _put(rows, 0, ports[0], 2)
    _put(rows, 2, np.full(count, ports[1]), 2)
    _put(rows, 4, rng.integers(0, 1 << 32, count), 4)
    if flags & 16:
        _put(rows, 8, rng.integers(0, 1 << 32, count), 4)
    rows[:, 12] = length // 4 << 4
    rows[:, 13] = flags
    _put(rows, 14, np.full(count, int(rng.choice([512, 1024, 8192, 64240]))), 2)
    rows[:, 20:] = np.frombuffer(options, np.uint8)
    return rows


def syn_acks(syns: Bytes2, options: bytes, rng: np.random.Generator) -> Bytes2:
    """Return the server's answers to SYNs."""
    count = len(syns)
    rows = tcp_bodies((np.zeros(count), 0), 18, options, rng)
    rows[:, :4] = syns[:, [2, 3, 0, 1]]
    number = np.zeros(count, np.int64)
    for byte in range(4):
        number = number << 8 | syns[:, 4 + byte]
    _put(rows, 8, number + 1 & 0xFFFFFFFF, 4)
    return rows


def udp_bodies(
    ports: tuple[np.ndarray, np.ndarray], size: int, rng: np.random.Generator
) -> Bytes2:
    """Return UDP datagrams of `size` bytes of noise."""
    count = len(ports[0])
    rows = np.zeros((count, 8 + size), np.uint8)
    _put(rows, 0, ports[0], 2)
    _put(rows, 2, ports[1], 2)
    _put(rows, 4, np.full(count, 8 + size), 2)
    rows[:, 8:] = rng.integers(0, 256, (count, size), np.uint8)
    return rows


def icmp_bodies(count: int, size: int, rng: np.random.Generator) -> Bytes2:
    """Return echo requests of `size` bytes of noise."""
    rows = np.zeros((count, 8 + size), np.uint8)
    rows[:, 0] = 8
    _put(rows, 4, np.full(count, int(rng.integers(1, 65535))), 2)
    _put(rows, 6, np.arange(count) & 0xFFFF, 2)
    rows[:, 8:] = rng.integers(0, 256, size, np.uint8)
    return rows
