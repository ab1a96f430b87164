"""One-line detectors on the same captures: fixed threshold, EWMA, CUSUM.

Each counts, in bins of 100 ms, the order messages of every session and the packets a
gateway gets that belong to no session that ever carried FIX, and contains what its one
line of arithmetic says. They know the gateways, which no product is told.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from strangers.grade import SECOND, Decision, Labels

BIN_NS = SECOND // 10
WARM = 30
NAMES = ("fixed", "ewma", "cusum")


def frames(path: Path) -> Iterator[tuple[int, bytes]]:
    """Read what `wire.save` wrote."""
    data = path.read_bytes()
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        at = 60
        while at < len(data):
            size, _, high, low, length = struct.unpack_from("<5I", data, at + 4)
            yield high << 32 | low, data[at + 28 : at + 28 + length]
            at += size
        return
    unit = 1 if data[:4] == struct.pack("<I", 0xA1B23C4D) else 1000
    at = 24
    while at < len(data):
        seconds, rest, length = struct.unpack_from("<3I", data, at)
        yield seconds * SECOND + rest * unit, data[at + 16 : at + 16 + length]
        at += 16 + length


def _dotted(raw: bytes) -> str:
    return ".".join(str(byte) for byte in raw)


def _counts(path: Path, labels: Labels) -> dict[str, np.ndarray]:
    """Return counts in bins, by `ip:port` of a client or of a gateway."""
    start = labels["start_ns"]
    bins = (labels["end_ns"] - start) // BIN_NS + 2
    listeners = {one.rsplit(":", 1)[0]: one for one in labels["gateways"]}
    found: dict[str, np.ndarray] = {}
    trading: set[str] = set()
    for t_ns, frame in frames(path):
        at = 18 if frame[12:14] == b"\x81\0" else 14
        target = _dotted(frame[at + 16 : at + 20])
        if target not in listeners:
            continue
        # A capture's clock may jump: beyond the end is the end.
        row = min(max(0, t_ns - start) // BIN_NS, bins - 1)
        port = int.from_bytes(frame[at + 20 : at + 22], "big")
        source = f"{_dotted(frame[at + 12 : at + 16])}:{port}"
        orders = sum(frame.count(b"\x0135=" + kind + b"\x01") for kind in KINDS)
        if b"8=FIX" in frame:
            trading.add(source)
        key = source if source in trading else listeners[target]
        amount = orders if source in trading else 1
        if key not in found:
            found[key] = np.zeros(bins)
        found[key][row] += amount
    return found


KINDS = (b"D", b"F", b"G")


def _fixed(rates: np.ndarray, *, wire: bool) -> np.ndarray:
    return np.asarray(rates > (100 if wire else 10))


def _ewma(rates: np.ndarray, *, wire: bool) -> np.ndarray:
    alarms = np.zeros(len(rates), bool)
    mean, spread = rates[0], 1.0
    for at, rate in enumerate(rates):
        least = 20 if wire else 2
        alarms[at] = at > WARM and rate > mean + 6 * spread**0.5 + least
        if not alarms[at]:
            spread = 0.98 * spread + 0.02 * (rate - mean) ** 2
            mean = 0.98 * mean + 0.02 * rate
    return alarms


def _cusum(rates: np.ndarray, *, wire: bool) -> np.ndarray:
    base = rates[:WARM]
    slack = base.mean() + base.std() + (5 if wire else 0.5)
    limit = 10 * (base.std() + (10 if wire else 1))
    alarms, total = np.zeros(len(rates), bool), 0.0
    for at, rate in enumerate(rates):
        total = max(0.0, total + rate - slack) if at > WARM else 0.0
        alarms[at] = total > limit
    return alarms


RULES = {"fixed": _fixed, "ewma": _ewma, "cusum": _cusum}


def decide(path: Path, labels: Labels) -> dict[str, list[Decision]]:
    """Return the decisions of every baseline about one capture."""
    counts = _counts(path, labels)
    gateways = set(labels["gateways"])
    made: dict[str, list[Decision]] = {name: [] for name in NAMES}
    for name in NAMES:
        for key, rates in sorted(counts.items()):
            wire = key in gateways
            alarms = RULES[name](rates, wire=wire)
            made[name] += _contain(key, alarms, labels["start_ns"], wire=wire)
        made[name].sort(key=lambda one: int(one["t_ns"]))
    return made


def _contain(
    key: str, alarms: np.ndarray, start_ns: int, *, wire: bool
) -> list[Decision]:
    made: list[dict[str, Any]] = []
    until = 0
    for at in np.flatnonzero(alarms).tolist():
        t_ns = start_ns + (at + 1) * BIN_NS
        if t_ns < until:
            continue
        until = t_ns + (30 if wire else 10) * SECOND
        made.append(
            {
                "t_ns": t_ns,
                "cause": "flood" if wire else "algo_fault",
                "action": "rate_limit_sources" if wire else "throttle_session",
                "target_type": "gateway" if wire else "session",
                "target": [key],
                "until_ns": until,
            }
        )
    return made
