"""TCP between two hosts of a bourse as its mirror sees it, losses included.

Side 0 is the client, side 1 the server. What is kept for a direction is kept under the
side that sends.
"""

import dataclasses
import struct
from collections.abc import Callable
from typing import Any

from strangers.bourse_wire import FIRST_WINDOW, WORD, Host, Mirror, Way
from strangers.loop import MS, SECOND, US
from strangers.wire import ACK, FIN, PSH, RST, SYN, Segment

HALF = 1 << 31
#: How many ns each kind of host waits with an acknowledgement.
PATIENCE = {"quick": 3000, "delay": 40 * MS, "lazy": 2 * MS}
#: What a write tells who receives its last byte.
Context = tuple[Any, ...]
Frame = tuple[int, Way, Segment]


@dataclasses.dataclass(slots=True)
class Sent:
    """Bytes under way: where they begin, what they tell, how often they were sent."""

    seq: int
    data: bytes
    context: Context | None
    flags: int
    tries: int = 0
    repeats: int = 0


class Conn:
    """One TCP connection; both ends keep real sequence numbers."""

    def __init__(
        self,
        mirror: Mirror,
        client: tuple[Host, int],
        server: tuple[Host, int],
        on_data: Callable[[int, Context], None] | None = None,
        on_close: Callable[[int], None] | None = None,
    ) -> None:
        r = mirror.rng
        self.mirror, self.clock = mirror, mirror.clock
        self.hosts = client[0], server[0]
        self.ports = client[1], server[1]
        self.next_seq = [r.randrange(1 << 32), r.randrange(1 << 32)]
        self.expected = list(self.next_seq)
        self._last_seen = [-1 << 60] * 2
        self._last_due = [-1 << 60] * 2
        #: Segments a side has not acknowledged, and whether it will soon.
        self._unacked = [0, 0]
        self._is_ack_due = [False, False]
        self._early: tuple[dict[int, Sent], ...] = ({}, {})
        self._lost: tuple[dict[int, Sent], ...] = ({}, {})
        self.has_stamps = all(host.habits.has_stamps for host in self.hosts)
        self._echo = [0, 0]
        self.on_data, self.on_close = on_data, on_close
        self.on_up: Callable[[], Any] | None = None
        #: new, syn, up or closed.
        self.state = "new"
        self.mss = 1448 if self.has_stamps else 1460
        self.is_dead = [False, False]
        self._has_ended = [False, False]
        self._unheard = 0

    def join(self) -> None:
        """Be there already when the capture begins."""
        self.state = "up"
        self.expected = list(self.next_seq)
        self._echo = [self.hosts[0].stamp(), self.hosts[1].stamp()]

    @property
    def is_up(self) -> bool:
        """Return whether it was opened and not closed since."""
        return self.state == "up"

    # -- frames ----------------------------------------------------------------

    def _options(self, side: int, flags: int) -> bytes:
        stamp, echo = self.hosts[side].stamp(), self._echo[1 - side]
        if not flags & SYN:
            stamps = struct.pack("!II", stamp, echo)
            return b"\x01\x01\x08\x0a" + stamps if self.has_stamps else b""
        if not self.has_stamps:
            return b"\x02\x04\x05\xb4\x01\x03\x03\x08\x01\x01\x04\x02"
        stamps = struct.pack("!II", stamp, echo if flags & ACK else 0)
        return b"\x02\x04\x05\xb4\x04\x02\x08\x0a" + stamps + b"\x01\x03\x03\x07"

    def _frame(self, side: int, seq: int, flags: int, data: bytes = b"") -> Frame:
        own, other = self.hosts[side], self.hosts[1 - side]
        options = self._options(side, flags)
        t = self.clock.now + own.delay()
        t = max(t, self._last_seen[side] + 200 + len(data))
        self._last_seen[side] = t
        ports = self.ports[side], self.ports[1 - side]
        ack = self.expected[1 - side] if flags & ACK else 0
        window = FIRST_WINDOW if flags & SYN else own.window
        segment = Segment(ports, seq, ack, flags, window, options, data)
        return t, own.way(other), segment

    def _send(self, side: int, seq: int, flags: int) -> int:
        """Have the mirror see a segment without data; return when it leaves."""
        frame = self._frame(side, seq, flags)
        self.mirror.tcp(*frame)
        return frame[0]

    def _due(self, side: int, t: int) -> int:
        """Return when the other side gets what the mirror saw at `t`."""
        due = max(t + self.hosts[1 - side].delay(), self._last_due[side] + 1)
        self._last_due[side] = due
        return due

    # -- the handshake ---------------------------------------------------------

    def open(
        self,
        on_up: Callable[[], Any] | None = None,
        *,
        is_refused: bool = False,
        is_silent: bool = False,
        tries: int = 1,
    ) -> int:
        """Shake hands; return when the mirror sees the first segment."""
        self.on_up, self.state = on_up, "syn"
        stamp = self.hosts[0].stamp()
        frame = self._frame(0, self.next_seq[0], SYN)
        first = self.mirror.tcp(*frame)
        if not is_silent:
            answer = self._refuse if is_refused else self._accept
            self.clock.at(self._due(0, frame[0]), answer, stamp)
        elif tries > 1:
            self.clock.after(SECOND, self._knock, tries - 1, 1)
        return first

    def _knock(self, left: int, shift: int) -> None:
        if self.state != "syn":
            return
        self._send(0, self.next_seq[0], SYN)
        if left > 1:
            self.clock.after((1 << shift) * SECOND, self._knock, left - 1, shift + 1)

    def _greet(self, stamp: int) -> None:
        self.next_seq[0] = (self.next_seq[0] + 1) & WORD
        self.expected[0] = self.next_seq[0]
        self._echo[0] = stamp

    def _refuse(self, stamp: int) -> None:
        self._greet(stamp)
        had, self.has_stamps = self.has_stamps, False
        self._send(1, 0, RST | ACK)
        self.has_stamps = had
        self.state = "closed"

    def _accept(self, stamp: int) -> None:
        self._greet(stamp)
        own = self.hosts[1].stamp()
        frame = self._frame(1, self.next_seq[1], SYN | ACK)
        self.next_seq[1] = (self.next_seq[1] + 1) & WORD
        self.mirror.tcp(*frame)
        self.clock.at(self._due(1, frame[0]), self._establish, own)

    def _establish(self, stamp: int) -> None:
        self.expected[1] = self.next_seq[1]
        self._echo[1] = stamp
        self.state = "up"
        self._send(0, self.next_seq[0], ACK)
        if self.on_up:
            self.on_up()

    # -- data ------------------------------------------------------------------

    def write(
        self,
        side: int,
        data: bytes,
        context: Context | None = None,
        *,
        is_pushed: bool = True,
    ) -> int | None:
        """Send bytes; return when the mirror sees the first, None if it does not."""
        if not self.is_up or self.is_dead[side] or self._has_ended[side]:
            return None
        r, size, first = self.mirror.rng, self.mss, None
        if len(data) > 60 and r.random() < 0.0015:
            size = min(size, r.randrange(20, len(data)))
        at = 0
        while at < len(data):
            part = data[at : at + size]
            at, size = at + size, self.mss
            is_last = at >= len(data)
            flags = PSH | ACK if is_last or is_pushed else ACK
            told = context if is_last else None
            seq = self.next_seq[side]
            self.next_seq[side] = (seq + len(part)) & WORD
            t = self._transmit(side, Sent(seq, part, told, flags))
            first = t if first is None else first
        return first

    def _transmit(self, side: int, one: Sent) -> int | None:
        own, other, r = self.hosts[side], self.hosts[1 - side], self.mirror.rng
        self._unacked[1 - side] = 0
        stamp = own.stamp()
        frame = self._frame(side, one.seq, one.flags, one.data)
        least = self.mirror.loss
        is_lost_before = r.random() < own.loss + least
        is_lost_after = r.random() < other.loss + least
        seen = None if is_lost_before else self.mirror.tcp(*frame)
        if is_lost_before or is_lost_after:
            one.repeats = 0
            self._lost[side][one.seq] = one
            spread = 20 if own.habits.is_gateway else 8
            wait = (200 + r.random() * spread) * MS * (1 << min(one.tries, 4))
            self.clock.after(wait, self._repeat, side, one.seq, one.tries)
        else:
            due = self._due(side, frame[0])
            self.clock.at(due, self._arrive, side, one, stamp)
        return seen

    def _repeat(self, side: int, seq: int, tries: int) -> None:
        one = self._lost[side].get(seq)
        if one and one.tries == tries and self.is_up and not self.is_dead[side]:
            del self._lost[side][seq]
            one.tries += 1
            self._transmit(side, one)

    def _arrive(self, side: int, one: Sent, stamp: int) -> None:
        if not self.is_up:
            return
        if self.is_dead[1 - side]:
            self._unheard += 1
            wait = min(1600, 210 << min(3, self._unheard // 4)) * MS
            self.clock.after(wait, self._again, side, one)
            return
        ahead = (one.seq - self.expected[side]) & WORD
        if ahead == 0:
            self._echo[side] = stamp
            self._read(side, one)
        elif ahead < HALF:
            self._early[side][one.seq] = one
            self._ack(1 - side)
            self._count_repeats(side, one.seq)
        else:
            self._ack(1 - side)

    def _read(self, side: int, one: Sent) -> None:
        early, other = self._early[side], 1 - side
        has_gap = bool(early)
        told = []
        found: Sent | None = one
        while found is not None:
            self.expected[side] = (self.expected[side] + len(found.data)) & WORD
            told.append(found.context)
            found = early.pop(self.expected[side], None)
        self._unacked[other] += 1
        acks = self.hosts[other].habits.acks
        if (self._unacked[other] >= 2 and acks != "lazy") or has_gap:
            self._unacked[other] = 0
            self._ack(other)
        elif not self._is_ack_due[other]:
            self._is_ack_due[other] = True
            wait = PATIENCE[acks] * (0.8 + 0.3 * self.mirror.rng.random())
            self.clock.after(wait, self._ack_late, other)
        if self.on_data:
            for context in told:
                if context is not None:
                    self.on_data(side, context)

    def _count_repeats(self, side: int, seq: int) -> None:
        """Have what was lost before `seq` be sent again at the third repeat."""
        for start, one in list(self._lost[side].items()):
            if (seq - start) & WORD < HALF:
                one.repeats += 1
                if one.repeats == 3:
                    wait = self.hosts[0].delay() + self.hosts[1].delay()
                    self.clock.after(wait, self._repeat, side, start, one.tries)

    def _again(self, side: int, one: Sent) -> None:
        if self.is_up and one.seq == self.expected[side]:
            again = Sent(one.seq, one.data, one.context, PSH | ACK, 5)
            self._transmit(side, again)

    def _ack_late(self, side: int) -> None:
        self._is_ack_due[side] = False
        if self._unacked[side] and self.is_up:
            self._unacked[side] = 0
            self._ack(side)

    def _ack(self, side: int) -> None:
        if self.is_dead[side]:
            return
        if self.mirror.rng.random() < self.hosts[side].loss:
            return
        self._send(side, self.next_seq[side], ACK)

    # -- the end ---------------------------------------------------------------

    def reset(self, side: int) -> None:
        """Have one side reset it."""
        if not self.is_up or self.is_dead[side]:
            return
        t = self._send(side, self.next_seq[side], RST | ACK)
        self.state = "closed"
        if self.on_close:
            self.clock.at(self._due(side, t), self.on_close, side)

    def close(self, side: int) -> None:
        """Have one side end it orderly, or reset it where something is missing."""
        if not self.is_up or self.is_dead[side]:
            return
        if any(self._lost) or any(self._early):
            self.reset(side)
            return
        if self._has_ended[side]:
            return
        self._has_ended[side] = True
        t = self._send(side, self.next_seq[side], FIN | ACK)
        self.next_seq[side] = (self.next_seq[side] + 1) & WORD
        self.clock.at(self._due(side, t) + 50 * US, self._end, side)

    def _end(self, side: int) -> None:
        if not self.is_up:
            return
        last = (self.next_seq[side] - 1) & WORD
        missing = self._lost[side] or self._early[side]
        if missing or self.expected[side] != last:
            self.clock.after(20 * MS, self._end, side)
            return
        self.expected[side] = (self.expected[side] + 1) & WORD
        other = 1 - side
        if self.is_dead[other]:
            return
        if self.on_close:
            self.on_close(side)
        if self.state == "closed":
            return
        if self._has_ended[other]:
            self._finish(other)
            return
        self._has_ended[other] = True
        t = self._send(other, self.next_seq[other], FIN | ACK)
        self.next_seq[other] = (self.next_seq[other] + 1) & WORD
        self.clock.at(self._due(other, t), self._finish, side)

    def _finish(self, side: int) -> None:
        self.expected[1 - side] = self.next_seq[1 - side]
        self._send(side, self.next_seq[side], ACK)
        self.state = "closed"
