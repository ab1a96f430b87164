"""Express, the fast lane's process: its own channel to each switch, its own socket.

    python -m airnet.controller.express --listen 127.0.0.1:6654 --socket PATH

One thread, one epoll, no framework. Switches connect as to any controller and stay in
role EQUAL: the lane writes beside whoever leads. Clients speak SOCK_SEQPACKET: JSON to
arm, release and share, and a few bytes to fire, or to rehearse that. To share is to be
lent the switches' connections: who fires then writes to them itself, and tells the lane
what. It ends when its standard input does, or is told to where that is no pipe, as
below systemd.
"""

import contextlib
import gc
import os
import select
import socket
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from airnet.aside import tell
from airnet.clock import SystemClock
from airnet.controller.channel import tls_context
from airnet.controller.clients import Clients
from airnet.controller.due import ASK, REOPEN, Due, Later
from airnet.controller.entries import decision_bits, network
from airnet.controller.firing import (
    DONE,
    DONE_MAGIC,
    FIRE,
    FIRE_MAGIC,
    LOAN,
    LOAN_MAGIC,
    PLAY_MAGIC,
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
from airnet.controller.links import Links
from airnet.controller.shots import Shot, Shots
from airnet.controller.stage import Stage
from airnet.errors import EXIT_DONE, EXIT_UNAVAILABLE

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
#: Made while there is one thread: two that meet a type first at once crash msgspec.
_ASKED = msgspec.json.Decoder(Armed | Release | Share)


class Express:
    """The loop: what comes from clients goes to switches before anything else."""

    def __init__(
        self,
        lane: Lane,
        listen: tuple[str, int],
        path: Path,
        *,
        tls: Sequence[str] = (),
        repeats: bool = True,
    ) -> None:
        self.lane = lane
        self.clock = SystemClock()
        context = tls_context(*tls) if tls else None
        self._stage = self._built(tls)
        self._repeats = AGAIN_NS if repeats else ()
        self._path = path
        family = socket.AF_INET6 if ":" in listen[0] else socket.AF_INET
        switches = socket.create_server(listen, family=family)
        switches.setblocking(False)
        clients = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        clients.setblocking(False)
        path.unlink(missing_ok=True)
        os.fchmod(clients.fileno(), 0o660)
        clients.bind(str(path))
        clients.listen(16)
        self._listeners = switches, clients
        self._epoll = select.epoll()
        self._links = Links(switches, self._epoll, self, self.clock, context)
        self._clients = Clients(clients, self._epoll)
        self._shots = Shots(self._done)
        self._due = Due()
        self._loan = 0
        self._renewed_ns = self.clock.mono_ns()
        self._xid = 0
        for descriptor in self._listeners:
            self._epoll.register(descriptor.fileno(), select.EPOLLIN)
        with contextlib.suppress(PermissionError):  # /dev/null cannot be waited for
            self._epoll.register(sys.stdin.fileno(), select.EPOLLIN)

    def serve(self) -> None:
        """Serve until standard input ends."""
        gc.collect()
        gc.freeze()
        gc.disable()  # nothing here makes cycles; a pause would come at a bad time
        switches, clients = (one.fileno() for one in self._listeners)
        while True:
            timeout_s = self._timeout_s()
            for descriptor, _ in self._epoll.poll(timeout_s):
                if descriptor in self._clients:
                    self._hear(descriptor)
                elif descriptor in self._links:
                    self._links.turn_to(descriptor)
                elif descriptor == clients:
                    self._clients.accept()
                elif descriptor == switches:
                    self._links.accept()
                elif descriptor == sys.stdin.fileno() and not os.read(descriptor, 4096):
                    return
            self._tick()

    def close(self) -> None:
        """Let go of everything, and unlink the socket."""
        for held in (*self._listeners, self._clients, self._links):
            held.close()
        if self._stage is not None:
            self._stage.close()
        self._path.unlink(missing_ok=True)

    def _built(self, tls: Sequence[str]) -> Stage | None:
        """Return where shots are rehearsed; nothing where there is no loopback."""
        try:
            return Stage(self.clock, (tls[0], tls[1]) if tls else None)
        except OSError as error:
            tell(f"airnet lane: nothing is rehearsed: {error}")
            return None

    # ---- clients ----

    def _hear(self, descriptor: int) -> None:
        heard = self._clients.hear(descriptor)
        if heard is None:
            return
        client, asked = heard
        if asked[:4] == FIRE_MAGIC and len(asked) >= FIRE.size:
            self._fire(client, asked)
        elif asked[:4] == PLAY_MAGIC and len(asked) >= FIRE.size:
            self._play(client, asked)
        elif asked[:4] == WROTE_MAGIC and len(asked) >= WROTE.size:
            self._wrote(client, asked)
        else:
            self._ask(client, asked)

    def _fire(self, client: socket.socket, asked: bytes) -> None:
        came_ns = self.clock.mono_ns()
        asks = FIRE.unpack_from(asked)
        _, number, decision, _ = asks
        made = self._made(asks, asked)
        if made is None:
            self._clients.tell(client, DONE.pack(DONE_MAGIC, number, decision, 0, 1, 0))
            return
        slot, xid, data = made
        self._links.write(data)  # first of all; then the books
        self.lane.fired(slot, decision, data)
        shot = Shot(client, number, decision, came_ns)
        self._shots.begin(xid, shot, self._links.known)
        self._schedule(came_ns, number, decision)

    def _play(self, client: socket.socket, asked: bytes) -> None:
        """Go through a shot that no switch hears of, so that a real one is sooner."""
        made = self._made(FIRE.unpack_from(asked), asked)
        if made is not None and self._stage is not None:
            self._stage.write(made[2])
        self._clients.tell(client, PLAY_MAGIC)

    def _made(
        self, asks: tuple[bytes, int, int, int], asked: bytes
    ) -> tuple[Slot, int, bytes] | None:
        """Return whose shot it is, its xid and bytes; nothing where it is refused."""
        _, number, decision, ttl_s = asks
        slot = self._slot(number, decision, ttl_s)
        sources = sources_of(asked, FIRE.size) if len(asked) > FIRE.size else ()
        if slot is None or slot.refusal(sources, self.lane.protected):
            return None
        self._xid = xid = self._xid % 0x7FFFFFFF + 1
        return slot, xid, slot.fire(decision, ttl_s, xid, sources)

    def _wrote(self, client: socket.socket, asked: bytes) -> None:
        """Take note of what a client has fired itself; await what comes of it."""
        _, number, decision, ttl_s, xid, loan, sent_ns = WROTE.unpack_from(asked)
        slot = self._slot(number, decision, ttl_s)
        if slot is None or xid < DIRECT:
            return
        data = self.lane.fire(slot, decision, ttl_s, xid, sources_of(asked, WROTE.size))
        shot = Shot(client, number, decision, sent_ns)
        if loan == self._loan:
            self._shots.begin(xid, shot, self._links.known)
        else:  # to other switches than there are now: twice is as good as once
            self._send(xid, shot, data)
        self._schedule(sent_ns, number, decision)

    def _slot(self, number: int, decision: int, ttl_s: int) -> Slot | None:
        is_known = number < len(self.lane.slots) and decision and ttl_s
        return self.lane.slots[number] if is_known else None

    def _schedule(self, came_ns: int, number: int, decision: int) -> None:
        """Have the meter opened, and the rules written again, in a while."""
        if len(self._due) < AGAIN_MAX:
            for wait_ns in self._repeats:
                self._due.add(Later(came_ns + wait_ns, number, decision))
        self._due.add(Later(came_ns + REOPEN_NS, REOPEN, decision))

    def _send(self, xid: int, shot: Shot, data: bytes) -> None:
        """Write to every switch, then do the books."""
        self._links.write(data)
        self._shots.begin(xid, shot, self._links.known)

    def _ask(self, client: socket.socket, asked: bytes) -> None:
        try:
            request = _ASKED.decode(asked)
            if isinstance(request, Release):
                self._release(client, decision_bits(request.id))
                return
            if isinstance(request, Share):
                self._clients.share(client)
                self._lend([client])
                return
            slots = [
                self.lane.arm(one, is_metered=request.is_metered)
                for one in request.containments
            ]
        except (ValueError, RecursionError) as error:  # of JSON as well
            told = msgspec.json.encode({"ok": False, "error": str(error)})
            self._clients.tell(client, told)
            return
        self._arm(slots)
        self._clients.tell(client, armed(slots, self.lane.protected))

    def _arm(self, slots: Sequence[Slot]) -> None:
        meters = {meter for slot in slots for meter in slot.ways.values()}
        if meters:
            self._links.write(self.lane.armed(meters))

    def _release(self, client: socket.socket, decision: int) -> None:
        self._due.forget(decision)
        self._xid = xid = self._xid % 0x7FFFFFFF + 1
        shot = Shot(client, 0, decision, self.clock.mono_ns())
        self._send(xid, shot, self.lane.released(decision, xid))

    def _lend(self, clients: Iterable[socket.socket]) -> None:
        """Lend the connections there are, under a number that says which."""
        told = LOAN.pack(LOAN_MAGIC, self._loan)
        self._clients.lend(clients, told, self._links.lent())

    # ---- switches: what Links tells ----

    def greeting(self) -> bytes:
        """Return all that is armed: a switch that has come is to have it."""
        return self.lane.armed()

    def answered(self, descriptor: int, xid: int, *, is_error: bool) -> None:
        """Take a barrier reply or an error, also to what nobody has told of yet."""
        if xid in self._shots:
            if is_error:
                self._shots.refused(xid)
            else:
                self._shots.answered(xid, descriptor)
        elif xid & DIRECT and self._shots.came_early(
            xid, descriptor, is_error=is_error
        ):
            self._due.add(Later(self.clock.mono_ns() + REOPEN_NS, ASK, xid))

    def changed(self) -> None:
        """Lend anew what there is now."""
        self._loan = self._loan + 1 & 0xFFFFFFFF
        self._lend(self._clients.sharers)

    def lost(self, descriptor: int) -> None:
        """Await nothing more of a connection."""
        self._shots.lost(descriptor)

    def _done(self, shot: Shot) -> None:
        us = (self.clock.mono_ns() - shot.came_ns) // 1000
        said = (shot.slot, shot.decision, shot.confirmed, shot.errors)
        us = max(0, min(us, 0xFFFFFFFF))
        self._clients.tell(shot.client, DONE.pack(DONE_MAGIC, *said, us))

    # ---- time ----

    def _timeout_s(self) -> float:
        now_ns = self.clock.mono_ns()
        next_ns = self._due.next_ns(self._renewed_ns + RENEW_NS)
        left_s = max(0, self._links.next_ns(next_ns) - now_ns) / NS_PER_S
        return min(left_s, HELD_UP_S) if self._links.is_held_up else left_s

    def _tick(self) -> None:
        now_ns = self.clock.mono_ns()
        data = b""
        for _, number, decision in self._due.take(now_ns):
            if number >= 0:
                data += self.lane.again(number, decision)
            elif number == REOPEN:
                data += self.lane.reopened(decision)
            elif self._shots.never_told(decision):  # an xid
                data += self.lane.reopened_after(decision)
        if now_ns - self._renewed_ns >= RENEW_NS:
            self._renewed_ns = now_ns
            data += self.lane.renewed()
        if data:
            self._links.write(data)
        self._links.tick(now_ns)


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
        tell("airnet lane: no real time here: see docs/operating")
    try:
        lane = Lane([network(text) for text in found.protected])
        express = Express(
            lane,
            address(found.listen),
            found.socket,
            tls=found.tls or (),
            repeats=not found.once,
        )
    except (OSError, ValueError) as error:
        tell(f"airnet lane: {error}")
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
