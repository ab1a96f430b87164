"""Tape, the recording of the mirror read back: what was really seen, counted.

The same decoder as the live run's, so that a number here is a number airnet had.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from airnet.capture.pcap import PcapSource
from airnet.decode import Decoder
from airnet.domain.address import address_bytes
from airnet.domain.frame import FRAME, FRAMES_MAX
from airnet.domain.message import DOWN, KIND, UP
from airnet.domain.session import comp_text
from airnet.lab.result import STEP_NS, Series, Tally

SYN, SYN_ACK = 0x02, 0x12
IS_NEW, IS_CANCELED, IS_REJECTED = ord("0"), ord("4"), ord("8")
ORDER_KINDS = ("new", "replace", "cancel")
#: ExecType (150) by the name it is counted under.
REPORTS = {
    "accepted": IS_NEW,
    "canceled": IS_CANCELED,
    "replaced": ord("5"),
    "refused": IS_REJECTED,
    "fills": ord("F"),
}

SIGHT = np.dtype(
    [
        ("time_ns", "<u8"),
        ("session", "<u4"),
        ("kind", "u1"),
        ("direction", "u1"),
        ("exec_type", "u1"),
    ]
)
ARRIVAL = np.dtype([("time_ns", "<u8"), ("bytes", "<u4"), ("is_syn", "?")])

Times = NDArray[np.uint64]


class Tape:
    """One recording, read whole.

    Args:
        path: pcap or pcapng.
        gateway: address and port of the order gateway.
    """

    def __init__(self, path: Path, gateway: tuple[str, int]) -> None:
        self._port = gateway[1]
        self._address = np.frombuffer(address_bytes(gateway[0]), np.uint8)
        sights: list[NDArray[np.void]] = []
        arrivals: list[NDArray[np.void]] = []
        source = PcapSource([path])
        decoder = Decoder([gateway])
        rows = np.zeros(FRAMES_MAX, FRAME)
        try:
            while not source.is_exhausted:
                frames = rows[: source.poll(rows, 0)]
                while len(frames):
                    headers, messages = decoder.decode(frames, source.buffer)
                    arrivals.append(self._arrived(frames[: len(headers)], headers))
                    sights.append(_seen(messages))
                    frames = frames[len(headers) :]
        finally:
            source.close()
        self.counters = decoder.counters()
        self._sessions = {
            index: comp_text(bytes(row["client_comp"]))
            for index, row in enumerate(decoder.sessions)
            if row["state"]
        }
        self._sights = np.concatenate([np.zeros(0, SIGHT), *sights])
        self._arrivals = np.concatenate([np.zeros(0, ARRIVAL), *arrivals])

    @property
    def comp_ids(self) -> list[str]:
        """Return the CompIDs of the clients seen."""
        return sorted({comp_id for comp_id in self._sessions.values() if comp_id})

    def syns(self) -> Times:
        """Return the times of connection attempts at the gateway."""
        return np.sort(self._arrivals["time_ns"][self._arrivals["is_syn"]])

    def orders(self, comp_id: str) -> Times:
        """Return the times of a session's new orders and replaces."""
        mine = self._of(comp_id, UP)
        return _times(mine, np.isin(mine["kind"], (KIND["new"], KIND["replace"])))

    def new_orders(self, comp_id: str) -> int:
        """Return how many new orders a session sent."""
        return int((self._of(comp_id, UP)["kind"] == KIND["new"]).sum())

    def tally(self, comp_id: str) -> Tally:
        """Return a session's counts as the mirror shows them, both ends' alike."""
        up, down = self._of(comp_id, UP), self._of(comp_id, DOWN)
        sent = {name: int((up["kind"] == KIND[name]).sum()) for name in ORDER_KINDS}
        reports = down["exec_type"][down["kind"] == KIND["report"]]
        told = {name: int((reports == code).sum()) for name, code in REPORTS.items()}
        return Tally(
            orders=sent["new"],
            replaces=sent["replace"],
            cancels=sent["cancel"],
            cancel_rejects=int((down["kind"] == KIND["cancel_reject"]).sum()),
            **told,
        )

    def cancels(self, comp_id: str) -> Times:
        """Return the times of a session's cancels."""
        mine = self._of(comp_id, UP)
        return _times(mine, mine["kind"] == KIND["cancel"])

    def accepted(self, comp_id: str) -> Times:
        """Return when the gateway accepted new orders of a session."""
        return self._reports(comp_id, IS_NEW)

    def canceled(self, comp_id: str) -> Times:
        """Return when the gateway confirmed cancels of a session."""
        return self._reports(comp_id, IS_CANCELED)

    def stopped(self, comp_id: str) -> Times:
        """Return when the gateway refused new orders of a session."""
        return self._reports(comp_id, IS_REJECTED)

    def span(self) -> tuple[int, int]:
        """Return the times of the first and the last frame; 0 when there is none."""
        if not len(self._arrivals):
            return 0, 0
        times = self._arrivals["time_ns"]
        return int(times.min()), int(times.max())

    def series(self) -> Series:
        """Return counts in bins of STEP_NS."""
        begin_ns, end_ns = self.span()
        bins = int((end_ns - begin_ns) // STEP_NS) + 1

        def binned(times: Times) -> tuple[int, ...]:
            places = ((times - np.uint64(begin_ns)) // np.uint64(STEP_NS)).astype(int)
            return tuple(np.bincount(places, minlength=bins).tolist())

        places = (self._arrivals["time_ns"] - np.uint64(begin_ns)) // np.uint64(STEP_NS)
        sizes = np.bincount(
            places.astype(int), weights=self._arrivals["bytes"], minlength=bins
        )
        return Series(
            begin_ns=begin_ns,
            orders={one: binned(self.orders(one)) for one in self.comp_ids},
            cancels={one: binned(self.cancels(one)) for one in self.comp_ids},
            accepted={one: binned(self.accepted(one)) for one in self.comp_ids},
            stopped={one: binned(self.stopped(one)) for one in self.comp_ids},
            flood=binned(self.syns()),
            frames=binned(self._arrivals["time_ns"]),
            bytes=tuple(sizes.astype(int).tolist()),
        )

    def _arrived(
        self, frames: NDArray[np.void], headers: NDArray[np.void]
    ) -> NDArray[np.void]:
        """Return the ARRIVAL rows of a batch."""
        rows = np.zeros(len(headers), ARRIVAL)
        rows["time_ns"] = headers["time_ns"]
        rows["bytes"] = frames["wire_bytes"]
        to_gateway = (headers["target"] == self._address).all(axis=1)
        to_gateway &= headers["target_port"] == self._port
        rows["is_syn"] = to_gateway & (headers["tcp_flags"] & SYN_ACK == SYN)
        return rows

    def _of(self, comp_id: str, direction: int) -> NDArray[np.void]:
        """Return what one session's client sent, or got."""
        indexes = [index for index, one in self._sessions.items() if one == comp_id]
        sights = self._sights
        mine = np.isin(sights["session"], indexes) & (sights["direction"] == direction)
        chosen: NDArray[np.void] = sights[mine]
        return chosen

    def _reports(self, comp_id: str, exec_type: int) -> Times:
        """Return the times of a session's reports of one ExecType."""
        mine = self._of(comp_id, DOWN)
        is_one = (mine["kind"] == KIND["report"]) & (mine["exec_type"] == exec_type)
        return _times(mine, is_one)


def between(times: Times, begin_ns: int, end_ns: int) -> int:
    """Return how many of sorted `times` lie in [begin, end)."""
    first, last = np.searchsorted(times, np.array([begin_ns, end_ns], np.uint64))
    return int(last - first)


def _times(rows: NDArray[np.void], chosen: NDArray[np.bool_]) -> Times:
    return np.sort(rows["time_ns"][chosen])


def _seen(messages: NDArray[np.void]) -> NDArray[np.void]:
    """Return the SIGHT rows of a batch."""
    rows = np.zeros(len(messages), SIGHT)
    for name in SIGHT.names or ():
        rows[name] = messages[name]
    return rows
