"""Worlds of lines for the tests: hosts, dialects and lines in a few calls."""

import hashlib
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from airnet._ext import twin
from airnet.twin import rows_line, rows_market

Rows = NDArray[np.void]
START_NS = 1_793_000_000_000_000_000
SECOND_NS = 1_000_000_000
#: Order of 34, 49, 52, 56, 50 and 57, by dialect.
HEADERS = (
    (34, 49, 52, 56, 0, 0),
    (49, 56, 34, 52, 50, 57),
    (52, 34, 49, 56, 0, 0),
    (34, 49, 52, 56, 50, 57),
)


def mapped(a: int, b: int, c: int, d: int) -> list[int]:
    """Return an IPv4 address as 16 bytes."""
    return [0] * 10 + [255, 255, a, b, c, d]


def hosts(count: int, gateways: int) -> Rows:
    """Return machines of several kinds; the gateways first."""
    rows = np.zeros(count, rows_line.HOST)
    rng = np.random.Generator(np.random.Philox(count))
    for number, row in enumerate(rows):
        row["address"] = mapped(10, 1, number >> 8, number & 255)
        row["mac"] = [2, 0, 0, 0, number >> 8, number & 255]
        row["reach_ns"] = 4_000 if number < gateways else 60_000
        row["flags"] = 2 if number % 5 == 4 else 7
        row["identify"] = number % 3
    rows["window_bytes"], rows["window_shift"] = 64_256, 7
    rows["mss_bytes"], rows["ttl"] = 1460, 64
    rows["port_first"], rows["port_count"] = 32_768, 28_000
    rows["identification"] = rng.integers(0, 1 << 16, count)
    rows["stamp_start"] = rng.integers(0, 1 << 31, count)
    rows["is_gateway"][:gateways] = 1
    return rows


def dialects() -> Rows:
    """Return one dialect of each version, and one that is odd."""
    rows = np.zeros(4, rows_line.DIALECT)
    rows["version"] = [44, 42, 50, 44]
    rows["order"] = [0, 1, 2, 0]
    rows["shuffle"] = [0, 77, 154, 231]
    rows["optional"] = [0x12, 0xFFF, 0x555, 0xAAA]
    rows["account"] = [17, 301, 5, 899]
    rows["custom"] = [0, 5001, 0, 9001]
    rows["header"] = HEADERS
    rows["time_digits"] = [3, 0, 6, 9]
    rows["price"] = [0, 1, 2, 0]
    return rows


def market(lines: int) -> dict[str, Rows]:
    """Return four symbols and an agent a line: makers and takers in turn."""
    venue = np.zeros(1, rows_market.VENUE)
    symbol = np.zeros(4, rows_market.SYMBOL)
    agent = np.zeros(lines, rows_market.AGENT)
    venue["service_ns"], venue["service_sigma"] = 20_000, 0.3
    venue["gateways"], venue["orders"], venue["queue_limit"] = 2, 20_000, 4_096
    venue["slow_ns"], venue["slow_sigma"] = SECOND_NS, 0.3
    venue["factor_volatility"] = 1e-4
    symbol["price"], symbol["tick"], symbol["levels"] = 10_000, 1, 4096
    symbol["lot"], symbol["size"], symbol["size_alpha"] = 100, 200, 1.5
    symbol["volatility"], symbol["beta"], symbol["move_rate"] = 2e-4, 1, 50
    symbol["impact"], symbol["transient"] = 0.05, 0.3
    symbol["decay_ns"], symbol["leader"] = SECOND_NS, rows_market.NONE
    symbol["activity"], symbol["band_ticks"] = 1, 2_000
    agent["line"], agent["gateway"] = np.arange(lines), np.arange(lines) % 2
    agent["kind"] = np.where(np.arange(lines) % 3 < 2, 1, 2)
    agent["symbols"], agent["levels"], agent["size"] = 4, 5, 1
    agent["spread_ticks"], agent["step_ticks"] = 1.5, 1.5
    agent["threshold_ticks"], agent["threshold_growth"] = 0.6, 1.5
    agent["skew_ticks"], agent["replace_share"] = 2, 0.3
    agent["reaction_ns"], agent["reaction_sigma"] = 200_000, 0.5
    agent["rate"], agent["position"], agent["news"] = 20, 100, 1
    agent["n1"], agent["beta1"] = 0.4, 500
    agent["n2"], agent["beta2"] = 0.4, 5
    agent["memory"], agent["self_share"], agent["symbol_share"] = 0.7, 0.4, 0.3
    agent["rest_share"], agent["market_share"], agent["fill_share"] = 0.4, 0.2, 0.1
    agent["patience_ns"], agent["cancels_on_loss"] = SECOND_NS, 1
    return {"venue": venue, "symbol": symbol, "agent": agent}


def feeds() -> Rows:
    """Return two feeds of two symbols each; group B comes later."""
    rows = np.zeros(2, rows_line.FEED)
    rows["number"], rows["host"] = [1, 1 << 40], [0, 1]
    rows["b_delay_ns"], rows["gather_ns"] = [0, 20_000], [10_000, 0]
    rows["heartbeat_ms"], rows["symbol"], rows["symbols"] = 1000, [0, 2], [2, 0]
    rows["port_a"], rows["port_b"] = 26_400, 26_401
    for number, row in enumerate(rows):
        row["group_a"] = mapped(233, 54, 12, 1 + number)
        row["group_b"] = mapped(233, 54, 13, 1 + number)
        row["session"] = list(b"20261026A ")
    return rows


def murmurs(a: int = 2, b: int = 3) -> Rows:
    """Return one murmur of each kind between two hosts."""
    rows = np.zeros(6, rows_line.MURMUR)
    rows["kind"] = np.arange(1, 7)
    rows["rate"], rows["jitter"] = [5, 8, 10, 20, 30, 15], [0, 0, 0, 0.2, 1, 1]
    rows["a"], rows["b"] = a, b
    return rows


def world_rows(lines: int = 10, **fields: Any) -> dict[str, Rows]:
    """Return the rows of a world of `lines` lines at two gateways."""
    table = np.zeros(lines, rows_line.LINE)
    for number, row in enumerate(table):
        row["open_ns"] = START_NS + number * 1_000_000
        row["client"], row["gateway"] = number + 2, number % 2
        row["dialect"] = number % 4
        row["coalesce_ns"] = (0, 5_000, 20_000)[number % 3]
        row["client_port"] = 0 if number % 2 else 40_000 + number
        row["flags"] = rows_line.LineFlag.BATCHES if number % 2 else 0
        row["client_comp"][:6] = list(b"FIRM%02d" % number)
        if number % 3 == 1:
            row["number_up"], row["number_down"] = 100 + number, 5_000
    table["close_ns"] = rows_line.NEVER_NS
    table["gateway_comp"][:, :5] = list(b"VENUE")
    table["gateway_port"] = 9001
    table["up_ns"] = table["down_ns"] = 80_000
    table["up_sigma"] = table["down_sigma"] = 0.6
    table["heartbeat_ms"], table["logon_ns"] = 10_000, 2_000_000
    table["retry_first_ms"], table["retry_last_ms"] = 1_000, 8_000
    for name, value in fields.items():
        table[name] = value
    names = dialects()
    names["id"] = [0, 1, 2, 4]
    made = {"host": hosts(lines + 2, 2), "dialect": names, "line": table}
    made |= {"feed": feeds(), "murmur": murmurs()}
    return made | market(lines)


def trouble(kind: rows_line.Trouble, after_s: float, for_s: float, **f: Any) -> Rows:
    """Return one trouble of line 0, unless fields say otherwise."""
    row = np.zeros(1, rows_line.TROUBLE)
    row["kind"], row["lines"] = kind, 1
    row["onset_ns"] = START_NS + int(after_s * SECOND_NS)
    row["offset_ns"] = row["onset_ns"] + int(for_s * SECOND_NS)
    for name, value in f.items():
        row[name] = value
    return row


def build(rows: dict[str, Rows], seed: int = 7, mode: int = twin.WIRE) -> twin.World:
    """Return a world that begins at START_NS."""
    return twin.World(seed, START_NS, START_NS + 3600 * SECOND_NS, mode, **rows)


def batches(world: twin.World, seconds: float) -> Iterator[int]:
    """Run until so long after the start; yield after each batch of frames."""
    until = START_NS + int(seconds * SECOND_NS)
    while True:
        yield world.run(until)
        assert world.ended != twin.VOID
        if world.ended == twin.REACHED:
            return


def digest(world: twin.World, stops: list[float]) -> str:
    """Return the SHA-256 of the frames and their times, run stop by stop."""
    found = hashlib.sha256()
    for stop in stops:
        for count in batches(world, stop):
            for row in world.frames[:count]:
                at = int(row["offset"])
                found.update(int(row["time_ns"]).to_bytes(8, "big"))
                found.update(world.buffer[at : at + int(row["captured_bytes"])])
    return found.hexdigest()


def write_pcap(world: twin.World, seconds: float, path: Path) -> int:
    """Write what the mirror sees into a pcap file; return how many frames."""
    total = 0
    with path.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 1 << 18, 1))
        for count in batches(world, seconds):
            for row in world.frames[:count]:
                time_ns, size = int(row["time_ns"]), int(row["captured_bytes"])
                at = int(row["offset"])
                head = *divmod(time_ns, SECOND_NS), size, size
                out.write(struct.pack("<IIII", *head))
                out.write(world.buffer[at : at + size].tobytes())
            total += count
    return total
