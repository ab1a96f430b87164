"""A flood that hides its ports is counted to its source, whatever it hides behind."""

import numpy as np
import pytest

from airnet.domain.address import address_bytes
from airnet.domain.columns import FLOOD_SCHEMA
from airnet.domain.frame import HEADER
from airnet.domain.message import MESSAGE
from airnet.domain.window import WINDOW_SOURCE
from airnet.features import Windows
from tests.fakes import hidden
from tests.fakes.frames import Decoded
from tests.fakes.hidden import FOUR, SIX, frame, packet, segment

COUNT, GAP_NS = 3000, 10_000
START_NS = 1_700_000_000_000_000_000
STRANGE = segment(7, 9878)


def chained(count: int) -> bytes:
    protocol, body = hidden.chain([hidden.DESTINATION] * count, hidden.TCP, STRANGE)
    return frame(packet(SIX[2], SIX[0], body, protocol))


WAYS = {
    "plain": frame(packet(FOUR[2], FOUR[0], STRANGE)),
    "options": frame(packet(FOUR[2], FOUR[0], STRANGE, options=bytes([1] * 40))),
    "one extension header": chained(1),
    "eight": chained(8),
    "more than are followed": chained(20),
    "first parts": frame(packet(FOUR[2], FOUR[0], STRANGE + bytes(4), part=(5, 0, 1))),
    "later parts": frame(packet(FOUR[2], FOUR[0], bytes(64), part=(5, 1280, 1))),
    "later parts of IPv6": frame(packet(SIX[2], SIX[0], bytes(64), part=(5, 1280, 1))),
    "three tags": frame(packet(FOUR[2], FOUR[0], STRANGE), b"\x81\0\0\7" * 3),
    "gre": frame(
        packet(
            "192.0.2.1",
            "192.0.2.2",
            hidden.gre(packet(FOUR[2], FOUR[0], STRANGE)),
            hidden.GRE,
        )
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_flood_is_counted_to_its_source(way: str) -> None:
    pool = SIX if WAYS[way][12:14] == b"\x86\xdd" else FOUR
    sent = [(START_NS + i * GAP_NS, 1, WAYS[way]) for i in range(COUNT)]
    headers = Decoded(sent, ()).headers
    table = Windows([(pool[0], 9878)], [])

    blamed: dict[bytes, float] = {}
    packets = FLOOD_SCHEMA.names.index("packets")
    late = np.zeros(1, HEADER)
    late["time_ns"] = START_NS + 10**9
    late["reason"] = 2  # of nobody: it only lets time pass
    rows = np.concatenate([headers, late])
    at = 0
    while at < len(rows):
        at += table.update(rows[at:], np.zeros(0, MESSAGE))
        for window, row in zip(table.windows, table.rows, strict=True):
            if window["kind"] == WINDOW_SOURCE:
                name = bytes(window["address"])
                blamed[name] = blamed.get(name, 0) + row[packets]

    assert blamed == {address_bytes(pool[2]): COUNT}
