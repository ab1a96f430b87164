"""Express, the fast lane's process: its own channel to each switch, its own socket.

    python -m airnet.controller.express --listen 127.0.0.1:6654 --socket PATH

One thread, one epoll, no framework. Switches connect as to any controller and stay in
role EQUAL: the lane writes beside whoever leads. Clients speak SOCK_SEQPACKET: JSON to
arm, release and share, and a few bytes to fire. To share is to be lent the switches'
connections: who fires then writes to them itself, and tells the lane what. It ends when
its standard input does, or is told to where that is no pipe, as below systemd.
"""

import array
import contextlib
import gc
import os
import select
import socket
import ssl
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from airnet.clock import SystemClock
from airnet.controller import openflow
from airnet.controller.channel import Channel, Turn, lendable, tls_context
from airnet.controller.entries import decision_bits, network
from airnet.controller.firing import (
    DONE,
    DONE_MAGIC,
    FIRE,
    FIRE_MAGIC,
    LOAN,
    LOAN_MAGIC,
    WROTE,
    WROTE_MAGIC,
    Armed,
    Share,
    armed,
    sources_of,
)
from airnet.controller.flows import Release
from airnet.controller.framework import Parser, address
from airnet.controller.lane import DIRECT, Lane, Slot
from airnet.controller.shots import Shot, Shots
from airnet.errors import EXIT_DONE, EXIT_UNAVAILABLE

LINE_BYTES_MAX = 65536
#: How soon a client's turn to write is over.
HELD_UP_S = 0.0005
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


class Express:
    """The loop: what comes from clients goes to switches before anything else."""

    def __init__(
        self,
        lane: Lane,
        listen: tuple[str, int],
        path: Path,
        *,
        tls: ssl.SSLContext | None = None,
        repeats: bool = True,
    ) -> None:
        self.lane = lane
        self._tls = tls
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
        self._turn_to_write = Turn()
        self._shots = Shots(self._done)
        self._sharers: set[int] = set()
        self._loan = 0
        self._due: list[tuple[int, int, int]] = []
        self._renewed_ns = self.clock.mono_ns()
        self._xid = 0
        self._epoll = select.epoll()
        for descriptor in (self._switches, self._clients):
            self._epoll.register(descriptor.fileno(), select.EPOLLIN)
        with contextlib.suppress(PermissionError):  # /dev/null cannot be waited for
            self._epoll.register(sys.stdin.fileno(), select.EPOLLIN)

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
            channel.close()
        self._turn_to_write.close()
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
            self._sharers.discard(descriptor)
            client.close()
        elif asked[:4] == FIRE_MAGIC and len(asked) >= FIRE.size:
            self._fire(client, asked)
        elif asked[:4] == WROTE_MAGIC and len(asked) >= WROTE.size:
            self._wrote(client, asked)
        else:
            self._ask(client, asked)

    def _fire(self, client: socket.socket, asked: bytes) -> None:
        came_ns = self.clock.mono_ns()
        _, number, decision, ttl_s = FIRE.unpack_from(asked)
        sources = sources_of(asked, FIRE.size)
        slot = self._slot(number, decision, ttl_s)
        if slot is None or slot.refusal(sources, self.lane.protected):
            self._tell(client, DONE.pack(DONE_MAGIC, number, decision, 0, 1, 0))
            return
        self._xid = xid = self._xid % 0x7FFFFFFF + 1
        data = self.lane.fire(slot, decision, ttl_s, xid, sources)
        self._send(xid, Shot(client, number, decision, came_ns), data)
        self._schedule(came_ns, number, decision)

    def _wrote(self, client: socket.socket, asked: bytes) -> None:
        """Take note of what a client has fired itself; await what comes of it."""
        _, number, decision, ttl_s, xid, loan, sent_ns = WROTE.unpack_from(asked)
        slot = self._slot(number, decision, ttl_s)
        if slot is None or xid < DIRECT:
            return
        data = self.lane.fire(slot, decision, ttl_s, xid, sources_of(asked, WROTE.size))
        shot = Shot(client, number, decision, sent_ns)
        if loan == self._loan:
            self._await(xid, shot)
        else:  # to other switches than there are now: twice is as good as once
            self._send(xid, shot, data)
        self._schedule(sent_ns, number, decision)

    def _slot(self, number: int, decision: int, ttl_s: int) -> Slot | None:
        is_known = number < len(self.lane.slots) and decision and ttl_s
        return self.lane.slots[number] if is_known else None

    def _schedule(self, came_ns: int, number: int, decision: int) -> None:
        """Have the meter opened, and the rules written again, in a while."""
        self._due.append((came_ns + REOPEN_NS, -1, decision))
        if len(self._due) < AGAIN_MAX:
            self._due += [(came_ns + wait, number, decision) for wait in self._repeats]
        self._due.sort()

    def _send(self, xid: int, shot: Shot, data: bytes) -> None:
        """Write to every switch, then do the books."""
        for descriptor in list(self._channels):
            self._write(descriptor, data)
        self._await(xid, shot)

    def _await(self, xid: int, shot: Shot) -> None:
        self._shots.begin(xid, shot, [d for d, c in self._channels.items() if c.switch])

    def _ask(self, client: socket.socket, asked: bytes) -> None:
        try:
            request = msgspec.json.decode(asked, type=Armed | Release | Share)
            if isinstance(request, Release):
                self._release(client, decision_bits(request.id))
                return
            if isinstance(request, Share):
                self._sharers.add(client.fileno())
                self._lend(client)
                return
            slots = [
                self.lane.arm(one, is_metered=request.is_metered)
                for one in request.containments
            ]
        except (ValueError, RecursionError) as error:  # of JSON as well
            self._tell(client, msgspec.json.encode({"ok": False, "error": str(error)}))
            return
        self._arm(slots)
        self._tell(client, armed(slots, self.lane.protected))

    def _arm(self, slots: Sequence[Slot]) -> None:
        meters = {meter for slot in slots for meter in slot.ways.values()}
        data = self.lane.armed(meters) if meters else b""
        for descriptor in list(self._channels) if data else ():
            self._write(descriptor, data)

    def _release(self, client: socket.socket, decision: int) -> None:
        self._due = [one for one in self._due if one[2] != decision]
        self._xid = xid = self._xid % 0x7FFFFFFF + 1
        shot = Shot(client, 0, decision, self.clock.mono_ns())
        self._send(xid, shot, self.lane.released(decision, xid))

    def _tell(self, client: socket.socket, line: bytes) -> None:
        # Who does not read its answers loses them; it is never waited for.
        with contextlib.suppress(OSError):
            client.send(line, socket.MSG_DONTWAIT)

    def _lend(self, *clients: socket.socket) -> None:
        """Lend the connections there are, under a number that says which."""
        lent = lendable(self._channels.values(), self._turn_to_write)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", lent))]
        told = LOAN.pack(LOAN_MAGIC, self._loan)
        for client in clients:
            with contextlib.suppress(OSError):
                client.sendmsg([told], rights if lent else (), socket.MSG_DONTWAIT)

    # ---- switches ----

    def _accept(self) -> None:
        connection, _ = self._switches.accept()
        try:
            channel = Channel(connection, self._turn_to_write, self._tls)
        except OSError:
            connection.close()
            return
        descriptor = channel.connection.fileno()
        self._channels[descriptor] = channel
        self._epoll.register(descriptor, select.EPOLLIN)
        self._watch(descriptor)

    def _write(self, descriptor: int, data: bytes) -> None:
        try:
            self._channels[descriptor].write(data)
        except OSError:
            self._drop(descriptor)
            return
        self._watch(descriptor)

    def _watch(self, descriptor: int) -> None:
        """Be woken when a connection takes more, where that is what it waits for."""
        channel = self._channels[descriptor]
        if channel.is_full != channel.is_watched:
            channel.is_watched = channel.is_full
            more = select.EPOLLOUT if channel.is_full else 0
            self._epoll.modify(descriptor, select.EPOLLIN | more)

    def _turn(self, descriptor: int) -> None:
        channel = self._channels[descriptor]
        try:
            channel.flush()
            for kind, xid, body in channel.read():
                self._take(descriptor, channel, kind, xid, body)
        except OSError:
            self._drop(descriptor)
            return
        self._watch(descriptor)

    def _take(
        self, descriptor: int, channel: Channel, kind: int, xid: int, body: bytes
    ) -> None:
        is_answer = kind in {openflow.BARRIER_REPLY, openflow.ERROR}
        is_error = kind == openflow.ERROR
        if is_answer and xid in self._shots:
            if is_error:
                self._shots.refused(xid)
            else:
                self._shots.answered(xid, descriptor)
        elif is_answer and xid & DIRECT:
            if self._shots.came_early(xid, descriptor, is_error=is_error):
                self._due.append((self.clock.mono_ns() + REOPEN_NS, -2, xid))
                self._due.sort()
        elif kind == openflow.ECHO_REQUEST:
            channel.write(openflow.header(openflow.ECHO_REPLY, body, xid))
        elif kind == openflow.FEATURES_REPLY and len(body) >= 8:
            (channel.switch,) = struct.unpack_from("!Q", body)
            channel.write(self.lane.armed())
            self._changed()

    def _changed(self) -> None:
        """Lend anew what there is now."""
        self._loan += 1
        self._lend(*(self._peers[one] for one in self._sharers))

    def _drop(self, descriptor: int) -> None:
        channel = self._channels.pop(descriptor)
        self._epoll.unregister(descriptor)
        channel.close()
        self._changed()
        self._shots.lost(descriptor)

    def _done(self, shot: Shot) -> None:
        us = (self.clock.mono_ns() - shot.came_ns) // 1000
        said = (shot.slot, shot.decision, shot.confirmed, shot.errors)
        us = max(0, min(us, 0xFFFFFFFF))
        self._tell(shot.client, DONE.pack(DONE_MAGIC, *said, us))

    # ---- time ----

    def _timeout_s(self) -> float:
        now_ns = self.clock.mono_ns()
        next_ns = self._renewed_ns + RENEW_NS
        if self._due:
            next_ns = min(next_ns, self._due[0][0])
        left_s = max(0, next_ns - now_ns) / NS_PER_S
        is_held_up = any(one.is_held_up for one in self._channels.values())
        return min(left_s, HELD_UP_S) if is_held_up else left_s

    def _tick(self) -> None:
        now_ns = self.clock.mono_ns()
        data = b""
        while self._due and self._due[0][0] <= now_ns:
            _, number, decision = self._due.pop(0)
            if number >= 0:
                data += self.lane.slots[number].again(decision)
            elif number == -1:
                data += self.lane.reopened(decision)
            elif self._shots.never_told(decision):  # an xid
                data += self.lane.reopened_after(decision)
        if now_ns - self._renewed_ns >= RENEW_NS:
            self._renewed_ns = now_ns
            data += self.lane.renewed()
        for descriptor, channel in list(self._channels.items()):
            if data or channel.is_held_up:
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
    parser.add_argument("--tls", nargs=3, metavar=("KEY", "CERTIFICATE", "CA"))
    found = parser.parse_args(argv)
    if not go_first(REAL_TIME_PRIORITY):
        sys.stderr.write("airnet lane: no real time here: see docs/operating\n")
    try:
        lane = Lane([network(text) for text in found.protected])
        express = Express(
            lane,
            address(found.listen),
            found.socket,
            tls=tls_context(*found.tls) if found.tls else None,
            repeats=not found.once,
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
