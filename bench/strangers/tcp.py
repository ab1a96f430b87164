"""One TCP connection (RFC 9293) as a mirror near the server sees it."""

import struct
from collections.abc import Callable

import numpy as np

from strangers.loop import MS, US, Loop
from strangers.wire import ACK, FIN, PSH, RST, SYN, Host, Segment, Tape

UP, DOWN = 0, 1


class Link:
    """How long the two sides of the mirror take to answer, and what gets lost."""

    def __init__(self, far_ns: int, near_ns: int, loss: float) -> None:
        self.far_ns = far_ns
        self.near_ns = near_ns
        self.loss = loss
        #: Extra delay of the server's side at a time; latency faults set it.
        self.slowed: Callable[[int], float] = lambda _now: 0.0
        #: Share of segments lost at a time; retransmission storms set it.
        self.lossy: Callable[[int], float] = lambda _now: 0.0

    def answer(self, side: int, now: int, rng: np.random.Generator) -> int:
        """Return after how long `side` reacts to a frame at the mirror."""
        if side == UP:
            return int(self.far_ns * (0.9 + 0.3 * rng.random()))
        extra = self.slowed(now)
        return int(self.near_ns * (0.8 + 0.6 * rng.random()) + extra)


class Connection:
    """Sequence numbers, acknowledgements, retransmissions of one connection."""

    def __init__(
        self,
        loop: Loop,
        tape: Tape,
        hosts: tuple[Host, Host],
        server_port: int,
        link: Link,
        rng: np.random.Generator,
    ) -> None:
        self.loop, self.tape, self.hosts, self.link = loop, tape, hosts, link
        self.rng = rng
        self.port = hosts[UP].port()
        self.ports = (self.port, server_port)
        self.next = [int(rng.integers(1 << 32)), int(rng.integers(1 << 32))]
        #: What each side has acknowledged, and knows it may acknowledge.
        self.told = [0, 0]
        self.known = [0, 0]
        #: Nothing sent by this side is delivered before this time.
        self.blocked = [0, 0]
        self.delayed_ns = int(rng.choice([0, 0, 5 * MS, 40 * MS]))
        self.mss = int(rng.choice([1448, 1460, 1380]))
        self.is_open = False
        self.stamped = hosts[UP].stamps and hosts[DOWN].stamps
        self._echo = [0, 0]

    def _emit(self, side: int, flags: int, payload: bytes = b"", at: int = -1) -> None:
        options = b""
        if flags & SYN:
            options = struct.pack("!BBHBBBB", 2, 4, self.mss, 1, 3, 3, 7)
            options += b"\x04\x02\x01\x01"
        if self.stamped:
            clock = self.loop.now // MS & 0xFFFFFFFF
            echo = self._echo[side] if flags & ACK else 0
            options += struct.pack("!BBBBII", 1, 1, 8, 10, clock, echo)
            self._echo[1 - side] = clock
        ports = self.ports if side == UP else self.ports[::-1]
        sequence = self.next[side] if at < 0 else at
        ack = self.known[side] if flags & ACK else 0
        window = 64240 if flags & SYN else 501
        segment = Segment(ports, sequence, ack, flags, window, options, payload)
        source, target = self.hosts[side], self.hosts[1 - side]
        self.tape.tcp(self.loop.now, source, target, segment)
        self.told[side] = max(self.told[side], ack)

    def open(self, ready: Callable[[], None]) -> None:
        """Shake hands from now on; `ready` happens with the third packet."""
        self._emit(UP, SYN)
        self.next[UP] += 1
        delay = self.link.answer(DOWN, self.loop.now, self.rng)
        self.loop.after(delay, self._accept, ready)

    def _accept(self, ready: Callable[[], None]) -> None:
        self.known[DOWN] = self.next[UP]
        self._emit(DOWN, SYN | ACK)
        self.next[DOWN] += 1
        delay = self.link.answer(UP, self.loop.now, self.rng)
        self.loop.after(delay, self._complete, ready)

    def _complete(self, ready: Callable[[], None]) -> None:
        self.known[UP] = self.next[DOWN]
        self._emit(UP, ACK)
        self.is_open = True
        ready()

    def adopt(self) -> None:
        """Be in the middle of a connection whose start nobody captured."""
        self.known = [self.next[DOWN], self.next[UP]]
        self.told = list(self.known)
        self.is_open = True

    def send(self, side: int, payload: bytes) -> int:
        """Send bytes now; return when they will have reached the other side."""
        if not self.is_open:
            return self.loop.now
        arrival = self.loop.now
        for at in range(0, len(payload), self.mss):
            part = payload[at : at + self.mss]
            start = self.next[side]
            self._emit(side, PSH | ACK, part)
            self.next[side] += len(part)
            arrival = self._deliver(side, start, part)
        return arrival

    def _deliver(self, side: int, start: int, part: bytes) -> int:
        now = self.loop.now
        behind = self.blocked[side] > now
        lost = self.link.loss + self.link.lossy(now)
        if lost and self.rng.random() < lost:
            wait = int(200 * MS + self.link.far_ns * 2 + self.rng.random() * 20 * MS)
            if self.rng.random() < 0.5:
                wait = int(3 * self.link.far_ns + 2 * MS + self.rng.random() * 3 * MS)
            self.loop.at(now + wait, self._again, side, start, part)
            self.blocked[side] = max(self.blocked[side], now + wait)
        arrival = max(now, self.blocked[side])
        delay = self.link.answer(1 - side, now, self.rng)
        end = start + len(part)
        self.loop.at(arrival + delay, self._acknowledge, 1 - side, end)
        if behind:
            self.loop.at(now + delay, self._repeat, 1 - side)
        return arrival

    def _again(self, side: int, start: int, part: bytes) -> None:
        if self.is_open and self.known[1 - side] <= start:
            self._emit(side, PSH | ACK, part, start)

    def _repeat(self, side: int) -> None:
        if self.is_open:
            self._emit(side, ACK)

    def _acknowledge(self, side: int, upto: int) -> None:
        self.known[side] = max(self.known[side], upto)
        if self.delayed_ns and side == UP:
            self.loop.after(self.delayed_ns, self._bare, side)
        else:
            self.loop.after(US, self._bare, side)

    def _bare(self, side: int) -> None:
        if self.is_open and self.told[side] < self.known[side]:
            self._emit(side, ACK)

    def close(self, side: int = UP) -> None:
        """End the connection in order, `side` first."""
        if not self.is_open:
            return
        self.is_open = False
        self._emit(side, FIN | ACK)
        self.next[side] += 1
        delay = self.link.answer(1 - side, self.loop.now, self.rng)
        self.loop.after(delay, self._finish, 1 - side)

    def _finish(self, side: int) -> None:
        self.known[side] = self.next[1 - side]
        self._emit(side, FIN | ACK)
        self.next[side] += 1
        self.known[1 - side] = self.next[side]
        delay = self.link.answer(1 - side, self.loop.now, self.rng)
        self.loop.after(delay, self._emit, 1 - side, ACK)

    def reset(self, side: int = DOWN) -> None:
        """Break the connection off."""
        if self.is_open:
            self.is_open = False
            self._emit(side, RST | ACK)
