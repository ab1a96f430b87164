"""Seen: the windows of a capture, by the product's own decode and features.

Training and judging have one way from frames to rows of features. Beside them is kept
which messages and packets were an incident's, so that windows can be labelled.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from airnet.decode import Decoder
from airnet.domain.address import address_text
from airnet.domain.frame import NONE
from airnet.domain.message import UP
from airnet.domain.session import comp_text
from airnet.domain.verdict import Cause
from airnet.domain.window import WINDOW_GATEWAY, WINDOW_SESSION, WINDOW_SOURCE
from airnet.features import Windows

#: What models are trained on; the other kinds have rules alone.
KINDS = (WINDOW_SESSION, WINDOW_GATEWAY, WINDOW_SOURCE)
#: Of a header, what labels need.
SPOKEN = np.dtype(
    [("time_ns", "<i8"), ("session", "<u4"), ("count", "<u4"), ("mark", "<u4")]
)
PACKET = np.dtype(
    [
        ("time_ns", "<i8"),
        ("source", "u1", (16,)),
        ("target", "u1", (16,)),
        ("mark", "<u4"),
    ]
)


class Happening:
    """What went on: its Cause, when, whose; `number` is its frames' mark, or 0."""

    def __init__(
        self,
        cause: Cause,
        span_ns: tuple[int, int],
        *,
        clients: frozenset[tuple[str, str]] = frozenset(),
        hosts: frozenset[str] = frozenset(),
        numbers: frozenset[int] = frozenset(),
    ) -> None:
        self.cause, self.span_ns = cause, span_ns
        self.clients, self.hosts, self.numbers = clients, hosts, numbers


class Seen:
    """Windows of one capture with their rows, and what really happened in it.

    `clients` has (address, CompID) of each session, by its index.
    """

    def __init__(
        self,
        windows: NDArray[np.void],
        rows: NDArray[np.float32],
        spoken: NDArray[np.void],
        packets: NDArray[np.void],
        clients: dict[int, tuple[str, str]],
    ) -> None:
        self.windows, self.rows = windows, rows
        self.spoken, self.packets = spoken, packets
        self.clients = clients
        self.happenings: list[Happening] = []
        self.has_marks = True
        self.family = self.domain = ""
        self.is_held_out = False
        self.gateways: list[str] = []


class Watcher:
    """Takes frames batch by batch and keeps the windows that models learn from."""

    def __init__(
        self, gateways: list[tuple[str, int]], hosts: list[str] | None = None
    ) -> None:
        self._decoder = Decoder(gateways)
        self._windows = Windows(gateways, hosts or [])
        self._keys: list[NDArray[np.void]] = []
        self._rows: list[NDArray[np.float32]] = []
        self._spoken: list[NDArray[np.void]] = []
        self._packets: list[NDArray[np.void]] = []

    def take(
        self,
        frames: NDArray[np.void],
        marks: NDArray[np.uint32],
        buffer: NDArray[np.uint8],
    ) -> None:
        """Take FRAME[n]: `marks` has their incidents, `buffer` their bytes."""
        while len(frames):
            headers, messages = self._decoder.decode(frames, buffer)
            self._note(headers, marks[: len(headers)])
            self._follow(headers, messages)
            frames, marks = frames[len(headers) :], marks[len(headers) :]

    def _follow(self, headers: NDArray[np.void], messages: NDArray[np.void]) -> None:
        """Take rows through features, as the pipeline does."""
        table = self._windows
        while True:
            taken = table.update(headers, messages)
            if table.count:
                chosen = np.isin(table.windows["kind"], KINDS)
                self._keys.append(table.windows[chosen].copy())
                self._rows.append(table.rows[chosen].copy())
            if taken == len(headers):
                return
            headers = headers[taken:]

    def _note(self, headers: NDArray[np.void], marks: NDArray[np.uint32]) -> None:
        """Keep who spoke when, and which packets were an incident's."""
        said = (headers["message_count"] > 0) & (headers["direction"] == UP)
        said &= headers["session"] != NONE
        spoken = np.zeros(int(said.sum()), SPOKEN)
        spoken["time_ns"] = headers["time_ns"][said]
        spoken["session"] = headers["session"][said]
        spoken["count"] = headers["message_count"][said]
        spoken["mark"] = marks[said]
        self._spoken.append(spoken)
        packets = np.zeros(int(np.count_nonzero(marks)), PACKET)
        for name in ("time_ns", "source", "target"):
            packets[name] = headers[name][marks != 0]
        packets["mark"] = marks[marks != 0]
        self._packets.append(packets)

    def counters(self) -> dict[str, Any]:
        """Return what decode counted."""
        return self._decoder.counters()

    def seen(self) -> Seen:
        """Return everything there was, and let go of the rest."""
        table = self._decoder.sessions
        clients = {
            int(index): (
                address_text(table[index]["client"].tobytes()),
                comp_text(table[index]["client_comp"].tobytes()),
            )
            for index in np.flatnonzero(table["state"])
        }
        self._decoder.close()
        none = np.zeros(0, self._windows.windows.dtype)
        blank = np.zeros((0, 64), np.float32)
        return Seen(
            np.concatenate([none, *self._keys]),
            np.concatenate([blank, *self._rows]),
            np.concatenate(self._spoken),
            np.concatenate(self._packets),
            clients,
        )
