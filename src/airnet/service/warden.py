"""The warden: a process of its own that people talk to, whatever airnet is doing.

It answers the socket, freezes and lifts freezes itself, and passes on the rest. It
shares nothing with the process that watches but a pair of sockets, so a loop that
hangs over there, even in C, keeps nobody from freezing it. When that process ends,
so does this one.

Signals reach it too: `airnet run` has the kernel's signal numbers written to a socket
(signal.set_wakeup_fd), which happens in C, before any Python of a hung loop would run.
"""

import contextlib
import os
import selectors
import signal
import socket
import struct
import sys
from pathlib import Path

import msgspec

from airnet.act.gate import Gate, Note, by_signal
from airnet.act.people import Approvers, People
from airnet.clock import SystemClock
from airnet.domain.instruction import Ask, Peer, Signed
from airnet.errors import AirnetError, InstructionError
from airnet.service.talk import (
    ANSWER_BYTES_MAX,
    LINE_BYTES_MAX,
    Answer,
    Lines,
    Passed,
    Request,
    Returned,
    patience_ns,
    refused,
)

#: Connections at once; the newest is always served, the oldest gives way.
PEERS_MAX = 64
#: How long a connection may take to ask, and then to take the answer.
PEER_NS = 5_000_000_000
TICK_S = 0.25
#: Kept for hands that do not listen; beyond it nothing more is passed on.
PASSING_BYTES_MAX = 1 << 20
READ_BYTES = 65_536
#: struct ucred of SO_PEERCRED: pid, uid, gid (unix(7)).
UCRED = struct.Struct("3i")

HANGING = Answer(
    ok=False,
    what="airnet runs, but its hands do not answer",
    remedy="airnet freeze works all the same; then look at its log, or restart it",
)
#: Made while there is one thread: two that meet a type first at once crash msgspec.
_REQUESTS = msgspec.json.Decoder(Request)
_RETURNED = msgspec.json.Decoder(Returned)
_APPROVERS = msgspec.json.Decoder(Approvers)


class Duty(msgspec.Struct, frozen=True, kw_only=True):
    """What the warden is given: descriptors, and where the freeze is.

    Whose word counts is handed over, not read again: a warden that takes another's
    place believes whom the first one did, whatever became of the file.
    """

    listener: int
    link: int
    wake: int
    directory: str
    approvers: int
    uid: int


#: Made while there is one thread: two that meet a type first at once crash msgspec.
_DUTIES = msgspec.json.Decoder(Duty)


class _Caller:
    """One connection: what it sent so far, and until when it may stay."""

    def __init__(self, connection: socket.socket, peer: Peer, until_ns: int) -> None:
        self.connection = connection
        self.peer = peer
        self.until_ns = until_ns
        self.lines = Lines(LINE_BYTES_MAX)
        self.serial = 0
        self.unsent = b""


class Warden:
    """Serves callers until the other process is gone."""

    def __init__(self, duty: Duty, clock: SystemClock) -> None:
        self._clock = clock
        self._gate = Gate(Path(duty.directory))
        with os.fdopen(duty.approvers, "rb") as file:
            listed = _APPROVERS.decode(file.read())
        self._people = People(listed, duty.uid)
        self._listener = socket.socket(fileno=duty.listener)
        self._link = socket.socket(fileno=duty.link)
        self._wake = socket.socket(fileno=duty.wake)
        self._returned = Lines(ANSWER_BYTES_MAX)
        self._passing = b""
        self._callers: dict[int, _Caller] = {}
        self._serial = 0
        self._selector = selectors.DefaultSelector()
        for one in (self._listener, self._link, self._wake):
            one.setblocking(False)
            self._selector.register(one, selectors.EVENT_READ)

    def serve(self) -> None:
        """Serve until the process that watches is gone."""
        while True:
            for key, events in self._selector.select(TICK_S):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj is self._wake:
                    self._signalled()
                elif key.fileobj is self._link:
                    if not self._linked(events):
                        return
                else:
                    self._heard(key.fd, events)
            self._expire()

    def _accept(self) -> None:
        """Let in whoever is at the door."""
        with contextlib.suppress(OSError):
            for _ in range(PEERS_MAX):
                self._admit(self._listener.accept()[0])

    def _admit(self, connection: socket.socket) -> None:
        """Let somebody in; the oldest gives way when it is full."""
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, UCRED.size)
        pid, uid, gid = UCRED.unpack(raw)
        connection.setblocking(False)
        while len(self._callers) >= PEERS_MAX:
            self._hang_up(next(iter(self._callers)))
        until_ns = self._clock.mono_ns() + PEER_NS
        peer = Peer(uid=uid, gid=gid, pid=pid)
        fd = connection.fileno()
        self._callers[fd] = _Caller(connection, peer, until_ns)
        self._selector.register(connection, selectors.EVENT_READ)

    def _signalled(self) -> None:
        """Freeze when SIGUSR1 came to the process that watches."""
        with contextlib.suppress(OSError):
            if signal.SIGUSR1 in self._wake.recv(READ_BYTES):
                self.freeze_by_signal("signal to airnet")

    def freeze_by_signal(self, name: str) -> None:
        """Freeze because a signal says so."""
        self._freeze(by_signal(self._clock.now_ns(), name))

    def _freeze(self, note: Note) -> str:
        """Freeze; return "" or why it holds in memory only."""
        try:
            self._gate.freeze(note)
        except OSError as error:
            self._pass(Passed(hold=note.text()))
            return str(error.strerror)
        return ""

    def _heard(self, fd: int, events: int) -> None:
        """Read from a caller, or go on writing to one."""
        caller = self._callers.get(fd)
        if caller is None:
            return
        if events & selectors.EVENT_WRITE:
            self._send(caller)
            return
        try:
            data = caller.connection.recv(READ_BYTES)
            lines = caller.lines.feed(data)
        except BlockingIOError:
            return
        except OSError:
            self._hang_up(fd)
            return
        except ValueError as error:
            self._answer(caller, _wrong(str(error)))
            return
        if lines and not caller.serial:
            self._asked(caller, lines[0])
        elif not data:
            self._hang_up(fd)

    def _asked(self, caller: _Caller, line: bytes) -> None:
        """Do what a line asks, or pass it on."""
        try:
            request = _REQUESTS.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._answer(caller, _wrong(str(error)))
            return
        signed = request.signed
        if request.ask is not Ask.ACTIONS and (
            signed is None or signed.instruction.ask is not request.ask
        ):
            self._answer(caller, _wrong("no instruction of that kind"))
            return
        if signed is not None and request.ask in (Ask.FREEZE, Ask.UNFREEZE):
            try:
                self._answer(caller, self._turn(signed, caller.peer))
            except AirnetError as error:
                self._answer(caller, refused(error))
            return
        if len(self._passing) > PASSING_BYTES_MAX:
            self._answer(caller, HANGING)
            return
        self._serial += 1
        caller.serial = self._serial
        caller.until_ns = self._clock.mono_ns() + patience_ns(request.ask)
        self._pass(Passed(serial=self._serial, request=request, peer=caller.peer))

    def _turn(self, signed: Signed, peer: Peer) -> Answer:
        """Freeze, or lift a freeze.

        Raises:
            InstructionError: it may not be done.
        """
        self._people.hear(signed, peer, self._clock.now_ns())
        note = Note(signed=signed, uid=peer.uid)
        if signed.instruction.ask is Ask.FREEZE:
            failure = self._freeze(note)
            if failure:
                return Answer(ok=True, what=f"frozen until a restart only: {failure}")
            return Answer(ok=True, what=self._gate.closed())
        standing = self._gate.note()
        if not self._gate.closed():
            return Answer(ok=True, what="nothing is frozen")
        if signed.instruction.subject != (standing.id if standing else ""):
            raise InstructionError(
                "that is not the freeze that stands", "see airnet actions"
            )
        try:
            self._gate.unfreeze(note)
        except OSError as error:
            raise InstructionError(
                f"it could not be lifted: {error.strerror}", "see to the disk"
            ) from error
        return Answer(ok=True, what="no longer frozen " + note.text())

    def _pass(self, passed: Passed) -> None:
        """Pass something on; a full pipe keeps it until there is room."""
        self._passing += msgspec.json.encode(passed) + b"\n"
        self._flush()

    def _flush(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._passing:
                self._passing = self._passing[self._link.send(self._passing) :]
        events = selectors.EVENT_READ
        if self._passing:
            events |= selectors.EVENT_WRITE
        self._selector.modify(self._link, events)

    def _linked(self, events: int) -> bool:
        """Go on talking to the hands; False when they are gone."""
        try:
            if events & selectors.EVENT_WRITE:
                self._flush()
            if not events & selectors.EVENT_READ:
                return True
            data = self._link.recv(READ_BYTES)
        except BlockingIOError:
            return True
        except OSError:
            return False
        for line in self._returned.feed(data):
            returned = _RETURNED.decode(line)
            for caller in list(self._callers.values()):
                if caller.serial == returned.serial:
                    self._answer(caller, returned.answer)
        return bool(data)

    def _answer(self, caller: _Caller, answer: Answer) -> None:
        """Answer a caller and, when all is sent, hang up."""
        caller.unsent = msgspec.json.encode(answer) + b"\n"
        caller.until_ns = self._clock.mono_ns() + PEER_NS
        caller.serial = -1
        self._selector.modify(caller.connection, selectors.EVENT_WRITE)
        self._send(caller)

    def _send(self, caller: _Caller) -> None:
        try:
            caller.unsent = caller.unsent[caller.connection.send(caller.unsent) :]
        except BlockingIOError:
            return
        except OSError:
            caller.unsent = b""
        if not caller.unsent:
            self._hang_up(caller.connection.fileno())

    def _hang_up(self, fd: int) -> None:
        caller = self._callers.pop(fd)
        self._selector.unregister(caller.connection)
        caller.connection.close()

    def _expire(self) -> None:
        """Let go of who took too long, and tell who waited in vain."""
        now_ns = self._clock.mono_ns()
        for fd, caller in list(self._callers.items()):
            if caller.until_ns > now_ns:
                continue
            if caller.serial > 0:
                self._answer(caller, HANGING)
            else:
                self._hang_up(fd)


def _wrong(what: str) -> Answer:
    return Answer(ok=False, what=f"not understood: {what}", remedy="docs/governance")


def main() -> None:
    """Serve as the duty in the only argument says."""
    duty = _DUTIES.decode(sys.argv[1])
    # It ends with the process that watches, not before it.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    warden = Warden(duty, SystemClock())
    signal.signal(
        signal.SIGUSR1, lambda *_: warden.freeze_by_signal("signal to the warden")
    )
    with contextlib.suppress(KeyboardInterrupt):
        warden.serve()
    os._exit(0)


if __name__ == "__main__":
    main()
