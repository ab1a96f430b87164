"""TCP between two machines of a street, as a tap near the venue sees it."""

import collections
import struct
from collections.abc import Callable
from typing import Any, Protocol

from strangers import street_wire as wire
from strangers.street_dice import Dice
from strangers.street_wire import ACK, FIN, PSH, RST, SYN, Nic, Segment

MS = 1_000_000
MASK = 0xFFFFFFFF
#: Kind of stack: window scale, window, how long an acknowledgement is put off.
STACKS = {
    "linux": (7, 502, 40 * MS),
    "windows": (8, 1026, 50 * MS),
    "bypass": (9, 256, 0),
    "bsd": (6, 1035, 100 * MS),
}


class World(Protocol):
    """What a connection needs of the world."""

    now: int
    dice: Dice
    vlan: int

    def at(self, t_ns: float, call: Callable[..., Any], *given: Any) -> None:
        """Have something happen at a time."""

    def after(self, delay_ns: float, call: Callable[..., Any], *given: Any) -> None:
        """Have something happen later."""

    def tap_ns(self) -> int:
        """Return the time from the tap to a gateway."""

    def put(self, t_ns: int, frame: bytes) -> None:
        """Have the tap see a frame."""


class Host:
    """A machine: its address, distance from the tap, TCP stack, and its line."""

    def __init__(
        self, world: World, address: str, delay_ns: float, kind: str, mtu: int = 1500
    ) -> None:
        self.world = world
        self.nic = Nic(world.dice, address, world.vlan)
        self.address = address
        self.delay_ns = delay_ns
        self.jitter = 0.02
        self.stamps = kind == "linux"
        self.scale, self.window, self.delack_ns = STACKS[kind]
        self.mtu = mtu
        self.clock = world.dice.below(1 << 31)
        self.port = world.dice.between(32768, 55000)
        self.listen: dict[int, Callable[[Conn], bool]] = {}
        self.loss = 0.0
        self.extra_ns = 0

    def next_port(self) -> int:
        """Return the port of the next connection."""
        self.port += self.world.dice.choice((1, 2, 2, 3))
        if self.port > 60990:
            self.port = 32768
        return self.port

    def wire_ns(self) -> int:
        """Return how long a frame takes to or from the tap."""
        more = self.world.dice.wait(self.delay_ns * self.jitter)
        return int(self.delay_ns + more + self.extra_ns)


class End:
    """One side of a connection."""

    def __init__(self, host: Host, port: int) -> None:
        self.host, self.port = host, port
        self.seq = self.una = host.world.dice.below(1 << 32)
        self.rcv = 0
        self.ahead: dict[int, bytes] = {}
        self.things: collections.deque[tuple[int, Any]] = collections.deque()
        self.pending = self.timer = self.dups = self.echo = 0
        self.last_tap = self.last_in = 0
        self.lost: dict[int, tuple[bytes, int, int]] = {}
        self.app: Callable[[Any], None] | None = None
        self.is_done = False
        self.peer: End = self


class Conn:
    """A connection; what one side sends, the other's `app` gets, in order."""

    def __init__(self, world: World, client: Host, server: Host, port: int) -> None:
        self.world = world
        self.c = End(client, client.next_port())
        self.s = End(server, port)
        self.c.peer, self.s.peer = self.s, self.c
        self.c.rcv, self.s.rcv = self.s.seq, self.c.seq
        self.stamps = client.stamps and server.stamps
        self.mss = min(client.mtu, server.mtu) - (52 if self.stamps else 40)
        self.is_open = self.is_dead = False
        self.on_open: Callable[[], object] | None = None
        self.on_close: Callable[[], object] | None = None

    def options(self, end: End, flags: int) -> bytes:
        """Return the TCP options of a segment sent now."""
        now = (self.world.now // MS + end.host.clock) & MASK
        stamp = struct.pack("!BBII", 8, 10, now, end.echo)
        if flags & SYN:
            out = struct.pack("!BBH", 2, 4, min(end.host.mtu, 9000) - 40)
            if self.stamps or (not flags & ACK and end.host.stamps):
                out += b"\x04\x02" + stamp
            else:
                out += b"\1\1\x04\x02"
            return out + struct.pack("!BBBB", 1, 3, 3, end.host.scale)
        out = b"\1\1" + stamp if self.stamps else b""
        if end.ahead:
            low = high = min(end.ahead)
            while high in end.ahead:
                high = (high + len(end.ahead[high])) & MASK
            out += struct.pack("!BBBBII", 1, 1, 5, 10, low, high)
        return out

    def segment(
        self, end: End, flags: int, data: bytes = b"", at: int | None = None
    ) -> Segment:
        """Return a segment as this side would send it now."""
        return Segment(
            (end.port, end.peer.port),
            end.seq if at is None else at,
            end.rcv if flags & ACK else 0,
            flags,
            64240 if flags & SYN else end.host.window,
            self.options(end, flags),
            data,
        )

    def emit(
        self, end: End, flags: int, data: bytes = b"", at: int | None = None
    ) -> None:
        """Put one segment on its way; it may be lost before or behind the tap."""
        world, peer, is_near = self.world, end.peer, end is self.s
        out = world.tap_ns() if is_near else end.host.wire_ns()
        tap = max(world.now + out, end.last_tap + 700)
        end.last_tap = tap
        rest = peer.host.wire_ns() if is_near else world.tap_ns()
        there = peer.last_in = max(tap + rest, peer.last_in + 300)
        one = self.segment(end, flags, data, at)
        frame = wire.tcp(end.host.nic, peer.host.nic, one)
        if flags & ACK:
            end.pending = 0
        loss = max(end.host.loss, peer.host.loss)
        if loss and world.dice.chance(loss):
            if world.dice.chance(0.5 if is_near else 0.3):
                world.put(tap, frame)
            self._lose(end, one)
            return
        world.put(tap, frame)
        stamp = (world.now // MS + end.host.clock) & MASK
        world.at(there, self.arrive, peer, one, stamp)

    def _lose(self, end: End, one: Segment) -> None:
        if not one.data and not one.flags & (SYN | FIN):
            return
        tries = end.lost.get(one.sequence, (b"", 0, -1))[2] + 1
        end.lost[one.sequence] = (one.data, one.flags, tries)
        wait = int(200 * MS + 2 * self.c.host.delay_ns) << min(tries, 5)
        self.world.after(wait, self._again, end, one.sequence, tries)

    def _again(self, end: End, at: int, tries: int) -> None:
        data, flags, last = end.lost.get(at, (b"", 0, -1))
        if self.is_dead or last != tries:
            return
        if tries > 6:
            self.reset(end)
            return
        self.emit(end, flags, data, at)
        if end.lost.get(at, (b"", 0, -1))[2] == tries:
            end.lost.pop(at, None)

    def arrive(self, end: End, one: Segment, stamp: int) -> None:
        """Take a segment in at the end it was sent to."""
        if self.is_dead:
            return
        if one.flags & RST:
            self._die()
            return
        end.echo = stamp
        if one.flags & SYN:
            self._begin(end, one)
        elif one.flags & FIN:
            end.una = one.acknowledged
            end.rcv = (one.sequence + len(one.data) + 1) & MASK
            self.emit(end, ACK)
            if self.on_close and end is self.s:
                self.on_close()
            self.world.after(MS // 5, self.finish, end)
        elif one.data:
            self._take(end, one)
        else:
            self._heard(end, one.acknowledged)

    def _begin(self, end: End, one: Segment) -> None:
        end.rcv = (one.sequence + 1) & MASK
        if one.flags & ACK:
            self.emit(end, ACK)
            if not self.is_open:
                self.is_open = True
                if self.on_open:
                    self.on_open()
            return
        listener = end.host.listen.get(end.port)
        if listener is None:
            self.emit(end, RST | ACK, at=0)
            self.is_dead = True
        elif listener(self):
            self.emit(end, SYN | ACK)
            end.seq = (end.seq + 1) & MASK

    def _heard(self, end: End, acknowledged: int) -> None:
        if acknowledged == end.una and end.lost and end.seq != acknowledged:
            end.dups += 1
            if end.dups == 3:
                low = min(end.lost)
                self._again(end, low, end.lost[low][2])
        else:
            end.dups = 0
        end.una = acknowledged

    def _take(self, end: End, one: Segment) -> None:
        end.una = one.acknowledged
        if one.sequence != end.rcv:
            if (one.sequence - end.rcv) & MASK < 1 << 31:
                end.ahead[one.sequence] = one.data
            self.emit(end, ACK)
            return
        end.rcv = (one.sequence + len(one.data)) & MASK
        is_filled = bool(end.ahead)
        while end.rcv in end.ahead:
            end.rcv = (end.rcv + len(end.ahead.pop(end.rcv))) & MASK
        end.pending += 1
        if is_filled or end.pending >= 2 or not end.host.delack_ns:
            self.emit(end, ACK)
        else:
            end.timer += 1
            self.world.after(end.host.delack_ns, self._late, end, end.timer)
        things = end.peer.things
        while things and (end.rcv - things[0][0]) & MASK < 1 << 31:
            thing = things.popleft()[1]
            if end.app and thing is not None:
                end.app(thing)

    def _late(self, end: End, timer: int) -> None:
        if end.pending and timer == end.timer and not self.is_dead:
            self.emit(end, ACK)

    def connect(self) -> None:
        """Send SYN."""
        self.emit(self.c, SYN)
        self.c.seq = (self.c.seq + 1) & MASK

    def send(self, end: End, data: bytes, thing: Any = None) -> None:
        """Send bytes; `thing` is what the program at the other end makes of them."""
        if self.is_dead:
            return
        end.things.append(((end.seq + len(data)) & MASK, thing))
        for start in range(0, len(data), self.mss):
            piece = data[start : start + self.mss]
            is_last = start + self.mss >= len(data)
            self.emit(end, ACK | PSH if is_last else ACK, piece)
            end.seq = (end.seq + len(piece)) & MASK

    def finish(self, end: End) -> None:
        """Send FIN, once."""
        if self.is_dead or end.is_done:
            return
        end.is_done = True
        self.emit(end, FIN | ACK)
        end.seq = (end.seq + 1) & MASK
        self.is_open = False

    def reset(self, end: End) -> None:
        """Send RST."""
        if not self.is_dead:
            self.emit(end, RST | ACK)
            self._die()

    def _die(self) -> None:
        self.is_dead = True
        self.is_open = False
        if self.on_close:
            self.on_close()
