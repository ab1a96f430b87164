"""The desk: where the hands take what people ask, and write down what was frozen.

The hands own what stands, so they carry out what the warden passes on, before every
order that the lane has queued.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import structlog
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from airnet.act.gate import Gate
from airnet.act.intents import Journal
from airnet.act.people import Approvers, People, told
from airnet.act.standing import Standing
from airnet.clock import Clock
from airnet.domain.decision import Decision
from airnet.domain.incident import Evidence
from airnet.domain.instruction import Ask, Peer, Signed
from airnet.errors import (
    AirnetError,
    ConfigError,
    InstructionError,
    LedgerError,
    UnsupportedError,
)
from airnet.service.listing import listing
from airnet.service.talk import Answer, Lines, Passed, Request, Returned, refused
from airnet.service.warden import Duty

READ_BYTES = 65_536
PASSED_BYTES_MAX = 1 << 20
SEND_S = 1.0
APPROVED_MAX = 64

log = structlog.get_logger()
#: Made while there is one thread: two that meet a type first at once crash msgspec.
_PASSED = msgspec.json.Decoder(Passed)


class Desk(Collector):
    """What people ask, carried out by the thread that owns Standing.

    Args:
        standing: what stands.
        gate: the freeze.
        people: whose word counts.
        ledger: where freezes are recorded.
        clock: the time.
    """

    def __init__(
        self,
        standing: Standing,
        gate: Gate,
        people: People,
        ledger: Journal,
        clock: Clock,
    ) -> None:
        self._standing = standing
        self._gate = gate
        self._people = people
        self._ledger = ledger
        self._clock = clock
        self._coming: deque[socket.socket] = deque()
        self._link: socket.socket | None = None
        self._lines = Lines(PASSED_BYTES_MAX)
        #: Between two commands of what is being done, this is served again.
        self._asked: deque[Passed] = deque()
        self._frozen = ""
        #: What people agreed to and was sent, for the lane to look at.
        self.approved: deque[Decision] = deque(maxlen=APPROVED_MAX)

    def closed(self) -> str:
        """Return why nothing may leave now, or nothing when it may; by any thread."""
        return self._gate.closed()

    def attend(self, link: socket.socket) -> None:
        """Take what comes by this socket from now on."""
        link.setblocking(False)
        self._coming.append(link)

    def collect(self) -> Iterator[Metric]:
        """Yield what people should look at; called by the client library."""
        frozen = GaugeMetricFamily("airnet_frozen", "Whether nothing may leave")
        frozen.add_metric([], int(bool(self._gate.closed())))
        yield frozen
        waiting = GaugeMetricFamily(
            "airnet_proposals_waiting", "Decisions that wait for people"
        )
        waiting.add_metric([], len(tuple(self._standing.proposals)))
        yield waiting

    def recover(self, evidence: Iterable[Evidence]) -> None:
        """Learn what an earlier run wrote down last about freezing."""
        for entry in evidence:
            if entry.kind == "freeze":
                self._frozen = str(entry.body.get("why", ""))

    def serve(self) -> None:
        """Do everything that was asked so far, and look at the freeze.

        Raises:
            LedgerError: something cannot be recorded; nothing more may be done.
        """
        self._look()
        while self._coming:
            self._part()
            self._link, self._lines = self._coming.popleft(), Lines(PASSED_BYTES_MAX)
        link = self._link
        if link is None:
            return
        try:
            data = link.recv(READ_BYTES)
        except BlockingIOError:
            data = None
        except OSError:
            data = b""
        if data == b"":
            link.close()  # the warden is gone; another one comes
            self._link = None
            self._asked.clear()
            return
        for line in self._lines.feed(data or b""):
            self._asked.append(_PASSED.decode(line))
        while self._asked:
            self._do(link, self._asked.popleft())

    def _part(self) -> None:
        """Let go of a warden that is gone; a freeze that it took is one all the same.

        Who asked for it was told so; whoever asked for anything else was not.
        """
        link, self._link = self._link, None
        self._asked.clear()
        if link is None:
            return
        with link, contextlib.suppress(OSError):
            while data := link.recv(READ_BYTES):
                for line in self._lines.feed(data):
                    passed = _PASSED.decode(line)
                    if passed.hold:
                        self._gate.hold(passed.hold)

    def _look(self) -> None:
        """Record a freeze, or its end."""
        why = self._gate.closed()
        if why == self._frozen:
            return
        self._frozen = why
        note = self._gate.note() if why else self._gate.thaw()
        body: dict[str, object] = {"is_frozen": bool(why), "why": why}
        if note is not None:
            body |= told(note.signed, Peer(uid=note.uid, gid=-1, pid=-1))
        self._ledger.append("freeze", self._clock.now_ns(), body)
        self._ledger.sync()
        log.warning("service.frozen" if why else "service.unfrozen", why=why)

    def _do(self, link: socket.socket, passed: Passed) -> None:
        """Do one thing and answer it."""
        if passed.hold:
            self._gate.hold(passed.hold)
        if passed.request is None or passed.peer is None:
            return
        failure: LedgerError | None = None
        try:
            answer = self._answer(passed.request, passed.peer)
        except LedgerError as error:
            answer, failure = refused(error), error
        except AirnetError as error:
            answer = refused(error)
        returned = Returned(serial=passed.serial, answer=answer)
        with contextlib.suppress(OSError):  # it may be closed by now
            link.settimeout(SEND_S)
            try:
                link.sendall(msgspec.json.encode(returned) + b"\n")
            finally:
                link.setblocking(False)
        unrecorded = answer.body.get("unrecorded")
        if failure is not None or unrecorded:
            raise failure or LedgerError(str(unrecorded), "free the disk, start again")

    def _answer(self, request: Request, peer: Peer) -> Answer:
        """Return what comes of what was asked.

        Raises:
            AirnetError: it is not done, and why.
        """
        if request.ask is Ask.ACTIONS or request.signed is None:
            body = listing(self._standing, self._gate, self._clock)
            return Answer(ok=True, what="", body=body)
        signed = request.signed
        instruction = signed.instruction
        decision = self._standing.decision(instruction.subject)
        tier = decision.tier if decision is not None else 0
        self._people.hear(signed, peer, self._clock.now_ns(), tier)
        if request.ask is Ask.APPROVE:
            return self._approve(signed, peer)
        if request.ask is Ask.UNDO:
            return self._undo(signed, peer)
        raise InstructionError(f"{request.ask} is not for the hands", "report this")

    def _approve(self, signed: Signed, peer: Peer) -> Answer:
        proposal, enforced = self._standing.approve(signed, told(signed, peer))
        log.info("decision.approved", id=proposal.decision.id, by=proposal.names())
        if enforced is None:
            missing = proposal.needed - len(proposal.approvals)
            return Answer(
                ok=True,
                what=f"approved by {signed.instruction.by}; {missing} more must",
                body={"state": "open", "missing": missing},
            )
        self.approved.append(enforced)
        outcome = self._standing.outcome(enforced.id)
        state, detail = (outcome.state.value, outcome.detail) if outcome else ("", "")
        what = f"approved by {' and '.join(proposal.names())}; {enforced.id}: {state}"
        return Answer(
            ok=state not in ("failed", "withheld"),
            what=f"{what}; {detail}" if detail else what,
            body={"state": state, "missing": 0, "decision": enforced.id},
        )

    def _undo(self, signed: Signed, peer: Peer) -> Answer:
        instruction = signed.instruction
        who = f"{instruction.by}: {instruction.reason}"
        undone = self._standing.undo(instruction.subject, who, told(signed, peer))
        log.info("decision.undone", id=instruction.subject, by=instruction.by)
        body: dict[str, object] = {"state": undone.state}
        what = undone.detail
        if undone.unrecorded is not None:
            body["unrecorded"] = undone.unrecorded.what
            what = f"{what}; NOT RECORDED: {undone.unrecorded.what}"
        return Answer(ok=undone.state != "failed", what=what, body=body)


def listen(path: Path) -> socket.socket:
    """Return a socket that listens there, for its owner and group.

    Raises:
        ConfigError: it cannot.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Nobody else's: whoever holds the ledger's lock is the only airnet here.
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        path.chmod(0o660)
        listener.listen(64)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"service.socket: {path}: {error.strerror or error}",
            "name a short path in a folder that is airnet's",
        ) from error
    return listener


def _held(data: bytes) -> int:
    """Return a file in memory that holds this, to be read from its beginning."""
    descriptor = os.memfd_create("approvers")
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _wardenless(error: OSError) -> UnsupportedError:
    return UnsupportedError(
        f"no warden: {error.strerror or error}",
        "raise the unit's TasksMax or LimitNOFILE",
    )


class Wardens:
    """Keeps one warden at work: starts it, and another when it is gone.

    Args:
        path: the socket that people talk to.
        directory: where the freeze is.
        approvers: whose word counts, for every warden there will be.
        desk: who does what the warden passes on.
    """

    def __init__(
        self, path: Path, directory: Path, approvers: Approvers, desk: Desk
    ) -> None:
        self._desk = desk
        self._directory = directory
        self._approvers = msgspec.json.encode(approvers)
        self._path = path
        self._listener = listen(path)
        self._woken, self.wake = socket.socketpair()
        self.wake.setblocking(False)
        self._link: socket.socket | None = None
        self._warden: subprocess.Popen[bytes] | None = None
        self.tend()

    def tend(self) -> None:
        """Start a warden when there is none.

        Where no process can be made now, it is tried again a second later: the watch,
        and a freeze by file, need none.
        """
        before = self._warden
        if before is not None and before.poll() is None:
            return
        try:
            ours = self._started()
        except OSError as error:
            if before is None:
                raise _wardenless(error) from error
            log.critical("service.no_warden", reason=error.strerror)
            return
        if before is not None:
            log.error("service.warden_gone", status=before.returncode)
        self._link = ours
        self._desk.attend(ours)

    def _started(self) -> socket.socket:
        """Start a warden; return our end of what it is talked to by.

        Raises:
            OSError: no process, or no descriptor, can be had.
        """
        with contextlib.ExitStack() as held:
            ours, theirs = socket.socketpair()
            held.callback(theirs.close)
            on_failure = held.enter_context(contextlib.ExitStack())
            on_failure.callback(ours.close)
            listed = _held(self._approvers)
            held.callback(os.close, listed)
            self._warden = self._spawned(theirs.fileno(), listed)
            on_failure.pop_all()
        return ours

    def _spawned(self, link: int, listed: int) -> subprocess.Popen[bytes]:
        """Start the process, given its descriptors."""
        duty = Duty(
            listener=self._listener.fileno(),
            link=link,
            wake=self._woken.fileno(),
            directory=str(self._directory),
            approvers=listed,
            uid=os.geteuid(),
        )
        words = [sys.executable, "-m", "airnet.service.warden"]
        return subprocess.Popen(
            [*words, msgspec.json.encode(duty).decode()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(duty.listener, duty.link, duty.wake, duty.approvers),
        )

    def watch_signals(self) -> None:
        """Have signals told to the warden as they come; by the main thread only."""
        signal.set_wakeup_fd(self.wake.fileno(), warn_on_full_buffer=False)

    def close(self) -> None:
        """Let the warden go, and wait until it has."""
        with contextlib.suppress(ValueError):  # by another thread than the main one
            signal.set_wakeup_fd(-1)
        if self._link is not None:
            self._link.close()
        if self._warden is not None:
            self._warden.wait()
        with contextlib.suppress(OSError):
            self._path.unlink()
        for one in (self._listener, self._woken, self.wake):
            one.close()
