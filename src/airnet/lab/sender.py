"""The sender of a replay: a capture's frames, on time, at both ends of the switch.

`python -m airnet.lab.sender JSON` (an `Order`) opens its sockets, says "ready", waits
for {"do": "go"}, and sends every frame at its moment of an absolute schedule, in the
order of the file. Late ones are sent at once, and counted; none is left out for being
late. It says how far it is now and then, and what it did at the end.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from airnet.capture.pcap import PcapSource
from airnet.clock import SystemClock
from airnet.domain.frame import FRAME, FRAMES_MAX
from airnet.lab.channel import Channel
from airnet.lab.generate import go_first
from airnet.lab.lent import Lent
from airnet.lab.packets import Packets, socket_in

#: Frames that go with one call: what waits behind them is late by as much.
BATCH = 64
#: A frame that leaves later than this after its moment counts as late.
LATE_NS = 1_000_000
#: From "go" to the first frame.
LEAD_NS = 20_000_000
#: A pause shorter than this is waited for by looking at the clock.
SPIN_NS = 50_000
#: A switch that takes nothing for so long has other troubles than order.
TURN_LIMIT_NS = 100_000_000
TOLD_NS = 200_000_000
#: Who watches must hear of it in a lull, too.
WAIT_NS = 1_000_000_000
#: Shortest frame there is: an Ethernet header.
BYTES_MIN = 14
TAG_PLACE, TAG_BYTES = 12, 4
#: 802.1Q and 802.1ad, whose four bytes a link takes beyond its MTU.
TAGGED = (0x8100, 0x88A8)
UP, DOWN = 0, 1


class End(msgspec.Struct, frozen=True, kw_only=True):
    """Where frames are put on a wire, and which port of the switch takes them."""

    namespace: str
    interface: str
    port: str


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent, where, and how fast.

    `ends` are where frames go that go up, and down; down goes what comes from one of
    `venue_macs`, twelve hex digits each. `bytes_max` is the longest untagged frame.
    """

    capture: str
    ends: tuple[End, End]
    venue_macs: tuple[str, ...]
    bytes_max: int
    switch_pid: int
    speed: float = 1.0


class Sent(msgspec.Struct, kw_only=True):
    """What became of the frames; they are all of these together, `late` aside."""

    frames: int = 0
    sent: int = 0
    too_long: int = 0
    too_short: int = 0
    refused: int = 0
    late: int = 0
    late_worst_ns: int = 0
    span_ns: int = 0


class Sender:
    """Sends one capture."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._clock = SystemClock()
        self._channel = Channel()
        self._source = PcapSource([Path(order.capture)])
        self._packets = Packets(FRAMES_MAX)
        sockets = [socket_in(end.namespace, end.interface) for end in order.ends]
        self._sockets = sockets
        self._outs = [one.fileno() for one in sockets]
        macs = [
            int.from_bytes(bytes.fromhex(one), "little") for one in order.venue_macs
        ]
        self._macs = np.array(macs, np.uint64)
        self._rows = np.zeros(FRAMES_MAX, FRAME)
        self._lent = Lent(order.switch_pid)
        self._way = UP
        self._told_ns = self._first_ns = self._latest_ns = 0
        self._start_ns = 0
        self.sent = Sent()

    def perform(self) -> None:
        """Wait for the word, send everything, say what was done."""
        chunks = self._chunks()
        chunk = next(chunks, None)
        self._channel.tell("ready", {})
        while not any(said.get("do") == "go" for said in self._channel.poll(1.0)):
            if self._channel.is_closed:
                return
        self._start_ns = self._clock.mono_ns() + LEAD_NS
        while chunk is not None:
            self._chunk(*chunk)
            chunk = next(chunks, None)
        self.sent.span_ns = self._clock.mono_ns() - self._start_ns
        self._channel.tell("sent", msgspec.to_builtins(self.sent))

    def _chunks(self) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.intp]]]:
        """Yield what can be sent: when each frame is due after the start, which way."""
        while not self._source.is_exhausted:
            count = self._source.poll(self._rows, 0)
            if not count:
                continue
            buffer = np.frombuffer(self._source.buffer, np.uint8)
            rows = self._rows[:count]
            self.sent.frames += count
            if not self._first_ns:
                self._first_ns = self._latest_ns = int(rows["time_ns"][0])
            times = rows["time_ns"].astype(np.int64)
            # A mirror's frames may be out of order; the wire's own order is the file's.
            times = np.maximum.accumulate(np.maximum(times, self._latest_ns))
            self._latest_ns = int(times[-1])
            kept = self._fitting(rows, buffer)
            self._packets.load(rows[kept], buffer)
            due_ns = (times[kept] - self._first_ns) / self._order.speed
            yield due_ns.astype(np.int64), self._ways(rows[kept], buffer)

    def _fitting(
        self, rows: NDArray[np.void], buffer: NDArray[np.uint8]
    ) -> NDArray[np.bool_]:
        """Return which frames the link takes; count the others."""
        sizes = rows["captured_bytes"].astype(np.int64)
        is_short = sizes < BYTES_MIN
        places = np.where(is_short, 0, rows["offset"].astype(np.int64) + TAG_PLACE)
        kinds = buffer[places].astype(np.int64) << 8 | buffer[places + 1]
        room = self._order.bytes_max + TAG_BYTES * np.isin(kinds, TAGGED)
        is_long = ~is_short & (sizes > room)
        self.sent.too_short += int(is_short.sum())
        self.sent.too_long += int(is_long.sum())
        kept: NDArray[np.bool_] = ~(is_short | is_long)
        return kept

    def _ways(
        self, rows: NDArray[np.void], buffer: NDArray[np.uint8]
    ) -> NDArray[np.intp]:
        """Return which way each frame goes, by who sends it (IEEE 802.3, 3.2.5)."""
        places = rows["offset"].astype(np.int64)[:, None] + np.arange(6, 12)
        macs = np.zeros((len(rows), 8), np.uint8)
        macs[:, :6] = buffer[places]
        is_down = np.isin(macs.view("<u8")[:, 0], self._macs)
        return np.where(is_down, DOWN, UP)

    def _chunk(self, due_ns: NDArray[np.uint64], ways: NDArray[np.intp]) -> None:
        """Send what was read, each frame when it is due."""
        due_ns = due_ns + self._start_ns
        count, at = len(due_ns), 0
        turns = np.append(np.flatnonzero(np.diff(ways)) + 1, count)
        while at < count:
            now_ns = self._clock.mono_ns()
            ready = int(np.searchsorted(due_ns, now_ns, "right"))
            if ready <= at:
                self._wait_until(int(due_ns[at]))
                continue
            turn = int(turns[np.searchsorted(turns, at, "right")])
            end = min(ready, turn, at + BATCH)
            self._turn(int(ways[at]))
            done = self._packets.send(self._outs[self._way], at, end - at)
            after_ns = self._clock.mono_ns()
            self._note(due_ns[at : at + done], after_ns)
            at += done
            if not done:  # the wire did not take this one: lost, as on a real wire
                self.sent.refused += 1
                at += 1

    def _turn(self, way: int) -> None:
        """Go on the other way once the switch has taken what went this way.

        It takes frames port by port, and would show them in another order else.
        """
        if way == self._way:
            return
        port = self._order.ends[self._way].port
        end_ns = self._clock.mono_ns() + TURN_LIMIT_NS
        while self._lent.is_waiting(port) and self._clock.mono_ns() < end_ns:
            os.sched_yield()
        self._way = way

    def _note(self, due_ns: NDArray[np.uint64], now_ns: int) -> None:
        """Count what was sent, and how late at most."""
        if not len(due_ns):
            return
        self.sent.sent += len(due_ns)
        self.sent.late += int((due_ns < now_ns - LATE_NS).sum())
        worst_ns = max(self.sent.late_worst_ns, now_ns - int(due_ns[0]))
        self.sent.late_worst_ns = worst_ns
        self._tell(now_ns)

    def _tell(self, now_ns: int) -> None:
        """Say how far it is, if that was not said just now."""
        if now_ns - self._told_ns > TOLD_NS:
            self._told_ns = now_ns
            self._channel.tell("at", {"passed_ns": now_ns - self._start_ns})

    def _wait_until(self, mono_ns: int) -> None:
        """Wait for a moment, or a part of the way to it."""
        now_ns = self._clock.mono_ns()
        left_ns = min(mono_ns - now_ns, WAIT_NS)
        if left_ns > SPIN_NS:
            self._tell(now_ns)
            self._clock.sleep_s((left_ns - SPIN_NS) / 1e9)


def main() -> None:
    """Send what is ordered."""
    sender = Sender(msgspec.json.decode(sys.argv[1], type=Order))
    go_first()
    with contextlib.suppress(KeyboardInterrupt):
        sender.perform()


if __name__ == "__main__":
    main()
