"""TCP between a firm and a gateway as the mirror sees it, losses included.

Side 0 is the client, side 1 the gateway, in front of which the mirror is.
"""

import dataclasses
import struct
from collections.abc import Callable
from functools import partial
from typing import Any

from strangers.exchange_mirror import Ends, Mirror
from strangers.exchange_wire import (
    ACK,
    FIN,
    MS,
    PSH,
    RST,
    SYN,
    US,
    WORD,
    Segment,
)

_STAMPS = struct.Struct(">BBBBII")
#: What a message tells who receives it.
Context = tuple[Any, ...]
#: Where in the bytes a message ends, and what of it.
Marks = list[tuple[int, Any]]


class Line:
    """The line of one machine to the gateways: one-way delay, jitter, loss."""

    def __init__(self, w: Mirror, rtt: int) -> None:
        self.w, self.owd, self.jitter, self.loss = w, rtt // 2, rtt // 60 + 300, 0.0

    def delay(self) -> int:
        """Return how many ns a packet takes one way."""
        return self.owd + int(self.w.rng.expovariate(1.0) * self.jitter)


class Gateway:
    """A gateway: how soon its kernel and its application answer."""

    def __init__(self, w: Mirror, ip: str, port: int) -> None:
        r = w.rng
        self.ip, self.port, self.addr = ip, port, f"{ip}:{port}"
        self.free = 0
        #: The part of the work that queues, and the part that does not, in ns.
        self.svc = r.uniform(4, 14) * US
        self.lat = r.uniform(45, 240) * US
        self.sigma = r.uniform(0.15, 0.4)
        #: What a fault adds to answers and to the kernel's own, in ns.
        self.lat_add: Callable[[], float] | None = None
        self.tcp_add: Callable[[], float] | None = None
        self.stall_till = 0
        slow = [r.uniform(8, 40) * US, r.uniform(40, 120) * US, 40 * MS]
        self.ackd = r.choice(slow)
        self.open = True

    def extra(self) -> int:
        """Return the ns that a fault adds to what the kernel answers."""
        return int(self.tcp_add()) if self.tcp_add else 0


@dataclasses.dataclass(slots=True, eq=False)
class Sent:
    """Bytes under way, and what of them is known to both ends."""

    seq: int
    data: bytes
    contexts: list[Any]
    ack: int = 0
    harm: list[list[int]] | None = None
    tries: int = 0


class Conn:
    """One TCP connection; both ends keep real sequence numbers."""

    def __init__(
        self,
        w: Mirror,
        ends: tuple[str, int],
        gw: Gateway,
        line: Line,
        on_up: Callable[[], None] | None = None,
        *,
        is_up: bool = False,
    ) -> None:
        r = w.rng
        self.w, self.gw, self.line = w, gw, line
        cip, cport = ends
        self.c_nxt, self.g_nxt = r.getrandbits(32), r.getrandbits(32)
        self.c_rcv, self.g_rcv = self.g_nxt, self.c_nxt
        self.c_ackd, self.g_ackd = self.g_nxt, self.c_nxt
        self.has_stamps = w.has_stamps(cip)
        self.stamp_from = (r.getrandbits(30), r.getrandbits(30))
        self.stamps = [0, 0]
        client = r.choice([501, 502, 1026, 2048, 4096, 8192])
        self.windows = client, r.choice([501, 1024, 2048, 6144])
        self.is_quick = w.is_quick(cip)
        self.last_c = self.last_g = 0
        self.c_ooo: dict[int, Sent] = {}
        self.g_ooo: dict[int, Sent] = {}
        self.c_lost: dict[int, Sent] = {}
        self.g_lost: dict[int, Sent] = {}
        self.c_dup = self.g_dup = 0
        self.g_pend = self.c_pend = False
        self.up, self.closed = is_up, False
        self.on_up = on_up
        self.rx_c: Callable[[Any], None] | None = None
        self.rx_g: Callable[[Any], None] | None = None
        forth = w.way(Ends(cip, cport, gw.ip, gw.port), w.ttl(cip))
        back = w.way(Ends(gw.ip, gw.port, cip, cport), 64)
        self.ways = forth, back
        self.mss = 1448 if self.has_stamps else 1460

    # -- frames ----------------------------------------------------------------

    def wire(self, side: int, t: int, one: Segment) -> None:
        """Have the mirror see a segment, with this side's window and timestamps."""
        options, window = one.options, one.window
        if window is None:
            window = self.windows[side]
        if options is None:
            options = b""
            if self.has_stamps:
                value = (self.stamp_from[side] + t // MS) & WORD
                options = _STAMPS.pack(1, 1, 8, 10, value, self.stamps[1 - side])
                self.stamps[side] = value
        whole = Segment(one.seq, one.ack, one.flags, one.payload, options, window)
        self.w.tcp(t, self.ways[side], whole)

    def _greeting(self, side: int, t: int) -> bytes:
        options = b"\x02\x04\x05\xb4"
        if not self.has_stamps:
            return options + b"\x01\x03\x03\x07\x01\x01\x04\x02"
        value = (self.stamp_from[side] + t // MS) & WORD
        self.stamps[side] = value
        echo = self.stamps[1 - side] if side else 0
        stamps = struct.pack(">BBII", 8, 10, value, echo)
        return options + b"\x04\x02" + stamps + b"\x01\x03\x03\x07"

    # -- the handshake ---------------------------------------------------------

    def connect(self) -> None:
        """Shake hands."""
        self.w.at(self.w.now + self.line.delay(), self._syn)

    def _syn(self) -> None:
        w, t = self.w, self.w.now
        one = Segment(self.c_nxt, 0, SYN, b"", self._greeting(0, t), 64240)
        self.wire(0, t, one)
        if not self.gw.open:
            w.at(t + 12 * US, self._refuse)
            self.closed = True
            return
        extra = self.gw.extra()
        late = 9 * US + int(w.rng.expovariate(1 / (6 * US))) + extra
        w.at(t + late, self._synack)

    def _refuse(self) -> None:
        one = Segment(0, (self.c_nxt + 1) & WORD, RST | ACK, b"", b"", 0)
        self.wire(1, self.w.now, one)

    def _synack(self) -> None:
        w, t = self.w, self.w.now
        seen, greeting = (self.c_nxt + 1) & WORD, self._greeting(1, t)
        self.wire(1, t, Segment(self.g_nxt, seen, SYN | ACK, b"", greeting, 65160))
        self.c_nxt = self.g_rcv = self.g_ackd = seen
        self.g_nxt = self.c_rcv = (self.g_nxt + 1) & WORD
        w.at(t + 2 * self.line.delay(), self._establish)

    def _establish(self) -> None:
        w, t = self.w, self.w.now
        self.up = True
        self.last_c = max(self.last_c, t)
        self._c_emit_ack(self.c_rcv, is_repeat=True)
        if self.on_up:
            w.at(max(t - self.line.owd + 15 * US, t), self.on_up)

    # -- from the client to the gateway ----------------------------------------

    def csend(self, data: bytes, contexts: Marks, harm: Marks | None = None) -> None:
        """Send messages, each of which ends at a mark, at the client's time."""
        if self.closed or not self.up:
            return
        for at in range(0, len(data), self.mss):
            part = data[at : at + self.mss]
            end = at + len(part)
            one = Sent(self.c_nxt, part, [c for e, c in contexts if at < e <= end])
            one.ack = self.c_rcv
            if harm is not None:
                one.harm = [h for e, h in harm if at < e <= end]
            self.c_nxt = (self.c_nxt + len(part)) & WORD
            self._c_tx(one)

    def _is_lost(self) -> bool:
        return bool(self.line.loss) and self.w.rng.random() < self.line.loss

    def _c_tx(self, one: Sent) -> None:
        w = self.w
        t = w.now + self.line.delay()
        if t <= self.last_c + 700:
            t = self.last_c + 700 + w.rng.randrange(300)
        self.last_c = t
        if not self._is_lost():
            w.at(t, self._c_arrive, one)
            return
        self.c_lost[one.seq] = one
        one.tries += 1
        again = (200 * MS + 2 * self.line.owd) * (1 << min(one.tries - 1, 3))
        w.at(w.now + int(again + w.rng.uniform(0, 8) * MS), self._c_rto, one)

    def _c_rto(self, one: Sent) -> None:
        if self.closed or self.c_lost.pop(one.seq, None) is None:
            return
        one.ack = self.c_rcv
        self._c_tx(one)

    def _c_arrive(self, one: Sent) -> None:
        if self.closed:
            return
        w, t = self.w, self.w.now
        self.wire(0, t, Segment(one.seq, one.ack, PSH | ACK, one.data))
        self.c_ackd = one.ack
        for harm in one.harm or ():
            harm.append(t)
        if one.seq != self.g_rcv:
            self.g_ooo[one.seq] = one
            w.at(t + 12 * US, self._g_dupack)
            return
        hole = bool(self.g_ooo)
        found: Sent | None = one
        while found is not None:
            self.g_rcv = (self.g_rcv + len(found.data)) & WORD
            self._g_read(found)
            found = self.g_ooo.pop(self.g_rcv, None)
        if hole:
            w.at(t + 12 * US, self._g_ack)
        elif not self.g_pend:
            self.g_pend = True
            extra = self.gw.extra()
            late = int(self.gw.ackd * w.rng.uniform(0.8, 1.25)) + extra
            w.at(t + late, self._g_ack)

    def _g_read(self, one: Sent) -> None:
        if self.rx_g:
            for context in one.contexts:
                self.rx_g(context)

    def _g_dupack(self) -> None:
        if self.closed:
            return
        self.wire(1, self._g_time(), Segment(self.g_nxt, self.g_rcv, ACK))
        self.w.at(self.w.now + self.line.delay(), self._c_got_dup)

    def _c_got_dup(self) -> None:
        self.c_dup += 1
        if self.c_dup >= 3 and self.c_lost:
            self.c_dup = 0
            first = min(self.c_lost, key=lambda seq: (seq - self.g_rcv) & WORD)
            self._c_rto(self.c_lost[first])

    def _g_time(self) -> int:
        self.last_g = max(self.w.now, self.last_g + 650)
        return self.last_g

    def _g_ack(self) -> None:
        self.g_pend = False
        if not self.closed and self.g_ackd != self.g_rcv:
            self.g_ackd = self.g_rcv
            self.wire(1, self._g_time(), Segment(self.g_nxt, self.g_rcv, ACK))

    # -- from the gateway to the client ----------------------------------------

    def gsend(self, data: bytes, context: Context | None = None) -> None:
        """Send a message, at the gateway's time."""
        if self.closed or not self.up:
            return
        for at in range(0, len(data), self.mss):
            part = data[at : at + self.mss]
            is_last = at + len(part) >= len(data)
            one = Sent(self.g_nxt, part, [context] if is_last and context else [])
            self.g_nxt = (self.g_nxt + len(part)) & WORD
            self._g_tx(one)

    def _g_tx(self, one: Sent) -> None:
        if self.closed:
            return
        w, t = self.w, self._g_time()
        self.wire(1, t, Segment(one.seq, self.g_rcv, PSH | ACK, one.data))
        self.g_ackd = self.g_rcv
        if not self._is_lost():
            w.at(t + self.line.delay(), self._g_arrive, one)
            return
        self.g_lost[one.seq] = one
        one.tries += 1
        again = (201 * MS + 2 * self.line.owd) * (1 << min(one.tries - 1, 3))
        w.at(t + int(again + w.rng.uniform(0, 4) * MS), self._g_rto, one)

    def _g_rto(self, one: Sent) -> None:
        if not self.closed and self.g_lost.pop(one.seq, None) is not None:
            self._g_tx(one)

    def _g_arrive(self, one: Sent) -> None:
        if self.closed:
            return
        if one.seq != self.c_rcv:
            self.c_ooo[one.seq] = one
            if (one.seq - self.c_rcv) & WORD < 1 << 31 and self.g_lost:
                self._c_ack(self.c_rcv, is_repeat=True)
            return
        found: Sent | None = one
        while found is not None:
            self.c_rcv = (self.c_rcv + len(found.data)) & WORD
            if found.contexts and self.rx_c:
                self.rx_c(found.contexts[0])
            found = self.c_ooo.pop(self.c_rcv, None)
        if self.is_quick:
            self._c_ack(self.c_rcv, is_repeat=False)
        elif not self.c_pend:
            self.c_pend = True
            self.w.at(self.w.now + 40 * MS, self._c_late_ack)

    def _c_late_ack(self) -> None:
        self.c_pend = False
        self._c_ack(self.c_rcv, is_repeat=False)

    def _c_ack(self, value: int, *, is_repeat: bool) -> None:
        t = self.w.now + 4 * US + self.line.delay()
        if t <= self.last_c:
            t = self.last_c + 300
        self.last_c = t
        if not self._is_lost():
            call = partial(self._c_emit_ack, value, is_repeat=is_repeat)
            self.w.at(t, call)

    def _c_emit_ack(self, value: int, *, is_repeat: bool) -> None:
        if self.closed:
            return
        if not is_repeat and (value - self.c_ackd - 1) & WORD >= 1 << 31:
            return
        self.c_ackd = value
        # The next number to arrive here, never one still on its way.
        self.wire(0, self.w.now, Segment(self._c_here(), value, ACK))
        if is_repeat and self.g_lost:
            self.g_dup += 1
            if self.g_dup >= 3:
                self.g_dup = 0
                first = min(self.g_lost, key=lambda seq: (seq - value) & WORD)
                self._g_rto(self.g_lost[first])

    def _c_here(self) -> int:
        here = self.g_rcv
        ends = [(seq + len(one.data)) & WORD for seq, one in self.g_ooo.items()]
        return max(ends, key=lambda end: (end - here) & WORD) if ends else here

    # -- the end ---------------------------------------------------------------

    def close(self, side: int) -> None:
        """Have one side end it orderly, and the other agree."""
        if self.closed or not self.up:
            return
        last = self.last_g if side else self.last_c
        self.w.at(max(self.w.now, last) + 2 * US, self._fin, side)

    def _fin(self, side: int) -> None:
        if self.closed:
            return
        t, rtt = self.w.now, 2 * self.line.owd
        self.closed = True
        seqs = self._c_here(), self.g_nxt
        own, other = seqs[side], seqs[1 - side]
        own_next, other_next = (own + 1) & WORD, (other + 1) & WORD
        first = t + rtt + 20 * US if side else t + 25 * US
        last = t + rtt + (32 if side else 30) * US
        self.wire(side, t, Segment(own, other, FIN | ACK))
        self.wire(1 - side, first, Segment(other, own_next, FIN | ACK))
        self.wire(side, last, Segment(own_next, other_next, ACK))

    def reset(self, side: int) -> None:
        """Have one side reset it."""
        if self.closed:
            return
        self.closed = True
        seqs = (self._c_here(), self.c_ackd), (self.g_nxt, self.g_rcv)
        one = Segment(*seqs[side], RST | ACK, b"", None, 0)
        self.wire(side, self.w.now, one)
