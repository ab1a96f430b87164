"""Express, the fast lane's process: its own channel to each switch, its own socket.

    python -m airnet.controller.express --listen 127.0.0.1:6654 --socket PATH

One thread, one epoll, no framework. Switches connect as to any controller and stay in
role EQUAL: the lane writes beside whoever leads. Clients speak SOCK_SEQPACKET: JSON to
arm and release, and a few bytes to fire. It ends when its standard input does.
"""

import contextlib
import gc
import os
import select
import socket
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from airnet.clock import SystemClock
from airnet.controller import openflow
from airnet.controller.entries import decision_bits, network
from airnet.controller.flows import Apply, Release
from airnet.controller.framework import Parser, address
from airnet.controller.lane import Lane, Slot
from airnet.errors import EXIT_DONE, EXIT_UNAVAILABLE

#: Client to lane: magic, slot, decision bits, seconds to live. Lane to client: magic,
#: slot, decision bits, switches that confirmed, errors, us from arrival to the last.
FIRE = struct.Struct("!4sIQH")
DONE = struct.Struct("!4sIQHHI")
FIRE_MAGIC, DONE_MAGIC = b"FIRE", b"DONE"
LINE_BYTES_MAX = 65536
#: A switch that leaves so much unread is let go.
UNSENT_BYTES_MAX = 1 << 22
NS_PER_S = 1_000_000_000
RENEW_NS = 20 * NS_PER_S
#: By then the controller's own rule stands; the meter has done its work.
REOPEN_NS = 2 * NS_PER_S
#: A rule is written again so long after, because a switch may have missed flows that
#: its cache learned meanwhile, and looks again at each change.
AGAIN_NS = (7_000_000, 30_000_000, 120_000_000)
#: Beyond this many at once nothing is written again: it would delay what is new.
AGAIN_MAX = 16
REAL_TIME_PRIORITY = 45


class Armed(msgspec.Struct, frozen=True, kw_only=True, tag="arm", tag_field="command"):
    """Have these ready to be fired; the answer has their slots in order."""

    containments: tuple[Apply, ...]
    is_metered: bool = True


class Channel:
    """A switch, as one OpenFlow connection: handshake, echoes, what comes back."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        self.connection = connection
        self.switch = 0
        self.unsent = bytearray()
        self._came = bytearray()
        hello = openflow.header(openflow.HELLO, b"", 0)
        self.write(hello + openflow.header(openflow.FEATURES_REQUEST, b"", 0))

    def write(self, data: bytes) -> None:
        """Send now what the socket takes, keep the rest.

        Raises:
            OSError: the switch is gone, or reads nothing.
        """
        if not self.unsent:
            with contextlib.suppress(BlockingIOError):
                data = data[self.connection.send(data) :]
        if data:
            self.unsent += data
        if len(self.unsent) > UNSENT_BYTES_MAX:
            raise ConnectionAbortedError("it reads nothing")

    def flush(self) -> None:
        """Send what is left."""
        with contextlib.suppress(BlockingIOError):
            del self.unsent[: self.connection.send(self.unsent)]

    def read(self) -> list[tuple[int, int, bytes]]:
        """Return the whole messages that have come: kind, xid, body.

        Raises:
            OSError: the switch is gone, or speaks something else.
        """
        came = self.connection.recv(65536)
        if not came:
            raise ConnectionResetError("closed")
        self._came += came
        found, at = [], 0
        while len(self._came) - at >= openflow.HEADER.size:
            _, kind, length, xid = openflow.HEADER.unpack_from(self._came, at)
            if length < openflow.HEADER.size:
                raise ConnectionAbortedError("no OpenFlow")
            if len(self._came) - at < length:
                break
            body = bytes(self._came[at + openflow.HEADER.size : at + length])
            found.append((kind, xid, body))
            at += length
        del self._came[:at]
        return found


class Shot:
    """One thing fired or released, until every switch has confirmed it."""

    def __init__(self, client: socket.socket, slot: int, decision: int) -> None:
        self.client = client
        self.slot = slot
        self.decision = decision
        self.came_ns = 0
        self.waiting: set[int] = set()
        self.confirmed = 0
        self.errors = 0


class Express:
    """The loop: what comes from clients goes to switches before anything else."""

    def __init__(
        self, lane: Lane, listen: tuple[str, int], path: Path, *, repeats: bool = True
    ) -> None:
        self.lane = lane
        self.clock = SystemClock()
        self._repeats = AGAIN_NS if repeats else ()
        self._path = path
        family = socket.AF_INET6 if ":" in listen[0] else socket.AF_INET
        self._switches = socket.create_server(listen, family=family)
        self._clients = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        path.unlink(missing_ok=True)
        os.fchmod(self._clients.fileno(), 0o660)
        self._clients.bind(str(path))
        self._clients.listen(16)
        self._channels: dict[int, Channel] = {}
        self._peers: dict[int, socket.socket] = {}
        self._shots: dict[int, Shot] = {}
        self._due: list[tuple[int, int, int]] = []
        self._renewed_ns = self.clock.mono_ns()
        self._xid = 0
        self._epoll = select.epoll()
        for descriptor in (self._switches, self._clients, sys.stdin):
            self._epoll.register(descriptor.fileno(), select.EPOLLIN)

    def serve(self) -> None:
        """Serve until standard input ends."""
        gc.collect()
        gc.freeze()
        gc.disable()  # nothing here makes cycles; a pause would come at a bad time
        while True:
            timeout_s = self._timeout_s()
            for descriptor, _ in self._epoll.poll(timeout_s):
                if descriptor in self._peers:
                    self._hear(descriptor)
                elif descriptor in self._channels:
                    self._turn(descriptor)
                elif descriptor == self._clients.fileno():
                    client, _ = self._clients.accept()
                    self._peers[client.fileno()] = client
                    self._epoll.register(client.fileno(), select.EPOLLIN)
                elif descriptor == self._switches.fileno():
                    self._accept()
                elif not os.read(descriptor, 4096):
                    return
            self._tick()

    def close(self) -> None:
        """Let go of everything, and unlink the socket."""
        for held in (*self._peers.values(), self._switches, self._clients):
            held.close()
        for channel in self._channels.values():
            channel.connection.close()
        self._path.unlink(missing_ok=True)

    # ---- clients ----

    def _hear(self, descriptor: int) -> None:
        client = self._peers[descriptor]
        try:
            asked = client.recv(LINE_BYTES_MAX)
        except OSError:
            asked = b""
        if not asked:
            self._epoll.unregister(descriptor)
            del self._peers[descriptor]
            client.close()
        elif len(asked) == FIRE.size and asked[:4] == FIRE_MAGIC:
            self._fire(client, asked)
        else:
            self._ask(client, asked)

    def _fire(self, client: socket.socket, asked: bytes) -> None:
        came_ns = self.clock.mono_ns()
        _, number, decision, ttl_s = FIRE.unpack(asked)
        if number >= len(self.lane.slots) or not decision or not ttl_s:
            self._tell(client, DONE.pack(DONE_MAGIC, number, decision, 0, 1, 0))
            return
        slot = self.lane.slots[number]
        self._xid = xid = self._xid % 0x7FFFFFFF + 1
        self._send(
            Shot(client, number, decision),
            self.lane.fire(slot, decision, ttl_s, xid),
            came_ns,
        )
        self._due.append((came_ns + REOPEN_NS, -1, decision))
        if len(self._due) < AGAIN_MAX:
            self._due += [(came_ns + wait, number, decision) for wait in self._repeats]
        self._due.sort()

    def _send(self, shot: Shot, data: bytes, came_ns: int) -> None:
        """Write to every switch, then do the books."""
        for descriptor in list(self._channels):
            self._write(descriptor, data)
        shot.came_ns = came_ns
        shot.waiting = {d for d, c in self._channels.items() if c.switch}
        self._shots[self._xid] = shot
        if not shot.waiting:
            self._done(self._xid, shot)

    def _ask(self, client: socket.socket, asked: bytes) -> None:
        try:
            request = msgspec.json.decode(asked, type=Armed | Release)
            if isinstance(request, Release):
                self._release(client, decision_bits(request.id))
                return
            slots = [
                self.lane.arm(one, is_metered=request.is_metered)
                for one in request.containments
            ]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._tell(client, msgspec.json.encode({"ok": False, "error": str(error)}))
            return
        except ValueError as error:
            self._tell(client, msgspec.json.encode({"ok": False, "error": str(error)}))
            return
        self._arm(slots)
        answer = {"ok": True, "slots": [slot.number for slot in slots]}
        self._tell(client, msgspec.json.encode(answer))

    def _arm(self, slots: Sequence[Slot]) -> None:
        meters = {meter for slot in slots for meter in slot.ways.values()}
        data = self.lane.armed(meters) if meters else b""
        for descriptor in list(self._channels) if data else ():
            self._write(descriptor, data)

    def _release(self, client: socket.socket, decision: int) -> None:
        self._due = [one for one in self._due if one[2] != decision]
        self._xid = self._xid % 0x7FFFFFFF + 1
        data = self.lane.released(decision, self._xid)
        self._send(Shot(client, 0, decision), data, self.clock.mono_ns())

    def _tell(self, client: socket.socket, line: bytes) -> None:
        # Who does not read its answers loses them; it is never waited for.
        with contextlib.suppress(OSError):
            client.send(line, socket.MSG_DONTWAIT)

    # ---- switches ----

    def _accept(self) -> None:
        connection, _ = self._switches.accept()
        try:
            channel = Channel(connection)
        except OSError:
            connection.close()
            return
        self._channels[connection.fileno()] = channel
        self._epoll.register(connection.fileno(), select.EPOLLIN)

    def _write(self, descriptor: int, data: bytes) -> None:
        channel = self._channels[descriptor]
        try:
            channel.write(data)
        except OSError:
            self._drop(descriptor)
            return
        if channel.unsent:
            self._epoll.modify(descriptor, select.EPOLLIN | select.EPOLLOUT)

    def _turn(self, descriptor: int) -> None:
        channel = self._channels[descriptor]
        try:
            if channel.unsent:
                channel.flush()
                if not channel.unsent:
                    self._epoll.modify(descriptor, select.EPOLLIN)
            for kind, xid, body in channel.read():
                self._take(descriptor, channel, kind, xid, body)
        except BlockingIOError:
            return
        except OSError:
            self._drop(descriptor)

    def _take(
        self, descriptor: int, channel: Channel, kind: int, xid: int, body: bytes
    ) -> None:
        shot = self._shots.get(xid)
        if kind == openflow.BARRIER_REPLY and shot is not None:
            shot.confirmed += descriptor in shot.waiting
            shot.waiting.discard(descriptor)
            if not shot.waiting:
                self._done(xid, shot)
        elif kind == openflow.ERROR and shot is not None:
            shot.errors += 1
        elif kind == openflow.ECHO_REQUEST:
            channel.write(openflow.header(openflow.ECHO_REPLY, body, xid))
        elif kind == openflow.FEATURES_REPLY:
            (channel.switch,) = struct.unpack_from("!Q", body)
            channel.write(self.lane.armed())

    def _drop(self, descriptor: int) -> None:
        channel = self._channels.pop(descriptor)
        self._epoll.unregister(descriptor)
        channel.connection.close()
        for xid, shot in list(self._shots.items()):
            if descriptor in shot.waiting:
                shot.waiting.discard(descriptor)
                shot.errors += 1
                if not shot.waiting:
                    self._done(xid, shot)

    def _done(self, xid: int, shot: Shot) -> None:
        del self._shots[xid]
        us = (self.clock.mono_ns() - shot.came_ns) // 1000
        said = (shot.slot, shot.decision, shot.confirmed, shot.errors)
        self._tell(shot.client, DONE.pack(DONE_MAGIC, *said, min(us, 0xFFFFFFFF)))

    # ---- time ----

    def _timeout_s(self) -> float:
        now_ns = self.clock.mono_ns()
        next_ns = self._renewed_ns + RENEW_NS
        if self._due:
            next_ns = min(next_ns, self._due[0][0])
        return max(0, next_ns - now_ns) / NS_PER_S

    def _tick(self) -> None:
        now_ns = self.clock.mono_ns()
        data = b""
        while self._due and self._due[0][0] <= now_ns:
            _, number, decision = self._due.pop(0)
            if number < 0:
                data += self.lane.reopened(decision)
            elif self.lane.slots[number].decision == decision:
                data += self.lane.slots[number].again()
        if now_ns - self._renewed_ns >= RENEW_NS:
            self._renewed_ns = now_ns
            data += self.lane.renewed()
        for descriptor in list(self._channels) if data else ():
            self._write(descriptor, data)


def go_first(priority: int) -> bool:
    """Ask for a real-time turn; return whether it was given."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except OSError:
        return False
    return True


def main(argv: Sequence[str] | None = None) -> int:
    """Serve; return an exit status."""
    parser = Parser(prog="airnet lane", description=__doc__)
    parser.add_argument("--listen", default="127.0.0.1:6654", metavar="HOST:PORT")
    parser.add_argument("--socket", required=True, type=Path, metavar="PATH")
    parser.add_argument("--protected", action="append", default=[], metavar="NET")
    parser.add_argument("--once", action="store_true", help="never write again")
    found = parser.parse_args(argv)
    go_first(REAL_TIME_PRIORITY)
    try:
        lane = Lane([network(text) for text in found.protected])
        express = Express(
            lane, address(found.listen), found.socket, repeats=not found.once
        )
    except (OSError, ValueError) as error:
        sys.stderr.write(f"airnet lane: {error}\n")
        return EXIT_UNAVAILABLE
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    try:
        express.serve()
    finally:
        express.close()
    return EXIT_DONE


if __name__ == "__main__":
    sys.exit(main())
