"""FastLane: fires what was armed, ahead of the controller's own word.

The controller says what stands; the lane only makes it stand sooner. So nothing here
raises: a lane that is not there costs time, and nothing else. Where the lane lends its
connections (it does, unless they are by TLS), what was armed is written to the switches
from here, by the thread that decides, and the lane is told afterwards: no other process
has to wake first. The bytes are those of airnet.controller.firing.
"""

import contextlib
import ipaddress
import socket
import struct
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import msgspec

from airnet._ext.shot import FIRED, FOR_THE_LANE, Loan
from airnet.act.shots import Prepared, Shot, Spared, Stage, say
from airnet.clock import Clock, SystemClock

Line = dict[str, object]
#: Who must pass, asked only where it matters.
Known = Callable[[], Collection[str]]

FIRE = struct.Struct("!4sIQH")
WROTE = struct.Struct("!4sIQHIIQ")
DONE = struct.Struct("!4sIQHHI")
LOAN = struct.Struct("!4sI")
FIRE_MAGIC, WROTE_MAGIC, DONE_MAGIC, LOAN_MAGIC = b"FIRE", b"WROT", b"DONE", b"LOAN"
PLAY_MAGIC = b"PLAY"
#: What is written from here has xids of this bit, then the slot, then a count.
DIRECT, SLOT_SHIFT, COUNT_MASK = 1 << 31, 16, 0xFFFF
#: The part of an id that a cookie holds: its first 12 hex digits.
ID_DIGITS = 12
#: Containments in one message to the lane, whose answer fits in one as well.
ARM_AT_ONCE = 32
ANSWER_LIMIT_S = 0.5
#: Decisions fired together.
AT_ONCE_MAX = 32
#: Actions that cut off from everything, whichever gateway it was about.
WHOLLY = frozenset({"isolate_host", "isolate_subnet"})
BYTES_MAX = 65536
#: More than this is for the lane to write, which can wait until a switch has read it.
WRITE_BYTES_MAX = 8192
#: Connections in one loan (SCM_MAX_FD), and whose turn it is.
LENT_MAX = 253
#: Who a template is about until it is fired, by version of IP.
ANYBODY = {4: str(ipaddress.IPv4Address(0)), 6: str(ipaddress.IPv6Address(0))}
#: Whom it is about when it is rehearsed: addresses that no host has (RFC 5737, 3849).
NOBODY = {
    4: str(ipaddress.IPv4Address(0xC0000201)),
    6: str(ipaddress.IPv6Address(0x20010DB8 << 96 | 1)),
}


class Answer(msgspec.Struct):
    """What the lane answers when it is to arm."""

    ok: bool = False
    slots: tuple[int, ...] = ()
    prepared: tuple[Prepared | None, ...] = ()
    protected: tuple[str, ...] = ()


#: Made while there is one thread: two that meet a type first at once crash msgspec.
_ANSWERS = msgspec.json.Decoder(Answer)


class FastLane:
    """What is armed in the lane's process, by what would be asked of the controller.

    Args:
        path: of the lane's socket.
        clock: for when it was fired.
    """

    def __init__(self, path: Path | str, clock: Clock | None = None) -> None:
        self._path = str(path)
        self._clock = clock or SystemClock()
        self._socket: socket.socket | None = None
        self._speaker = -1  # its descriptor
        self._wanted: dict[bytes, Line] = {}
        self._shots: dict[bytes, Shot] = {}
        self._loan = Loan()
        self._spared = Spared()
        self._stage: Stage | None = None
        self._count = 0
        self._said = ""
        self._word = FIRE_MAGIC
        self._is_played = False  # and the lane has not said so yet

    def arm(self, requests: Sequence[Line]) -> int:
        """Have these ready; return how many are."""
        for request in requests:
            self._wanted[_key(request)] = request
        if self._connect() is not None:
            self._arm([key for key in map(_key, requests) if key not in self._shots])
        return len(self._shots)

    def arm_anybody(self, action: str, gateways: Sequence[str]) -> int:
        """Have an action ready against whoever may turn up; return how much is."""
        plain: Line = {"action": action, "known": []}
        wanted: list[Line] = [
            {**plain, "gateway": to, "sources": [ANYBODY[6 if ":" in to else 4]]}
            for to in gateways
        ]
        return self.arm(wanted)

    def learn(self, request: Line) -> None:
        """Have it ready against anybody from now on, where it can be."""
        gateway = str(request.get("gateway", ""))
        sources = [ANYBODY[6 if ":" in gateway else 4]]
        if _key({**request, "sources": sources}) not in self._wanted:
            self.arm_anybody(str(request["action"]), [gateway])

    def fire(self, request: Line, seconds: int, known: Known = tuple) -> bool:
        """Have it in force at once, if it is armed; return whether it was sent.

        Args:
            request: as the controller is asked.
            seconds: how long it is to stand.
            known: who must pass, whatever stands: not to be hit by a template.
        """
        shot = self._shots.get(_key(request))
        if shot is None or shot.plan is None:
            return bool(self.fire_all([(request, seconds)], known))
        # The usual case, in as few steps as it can be done in.
        self._count = count = self._count + 1 & COUNT_MASK
        slot, plan = shot.slot, shot.plan
        xid = DIRECT | slot << SLOT_SHIFT | count
        bits = int(str(request["id"])[:ID_DIGITS], 16)
        done = self._loan.fire(plan, slot, bits, seconds, xid, self._speaker)
        if done == FIRED:
            return True
        if done == FOR_THE_LANE:
            return self._send(FIRE.pack(self._word, slot, bits, seconds))
        self.close()  # written, and the lane is gone
        return True

    def fire_all(
        self, requests: Sequence[tuple[Line, int]], known: Known = tuple
    ) -> set[str]:
        """Fire several in one write, as far as they are armed; return whose ids went.

        Of very many the first: the controller's own write takes all of them at once.
        """
        fired: dict[str, tuple[Shot, int, int, list[bytes]]] = {}
        for request, seconds in requests[:AT_ONCE_MAX]:
            shot, sources = self._shots.get(_key(request)), list[bytes]()
            if shot is None:
                shot, sources = self._template(request, known)
            if shot is not None:
                identity = str(request["id"])
                fired[identity] = shot, decision_bits(identity), seconds, sources
        if not fired or self._write(list(fired.values())):
            return set(fired)
        return {
            identity
            for identity, (shot, bits, seconds, sources) in fired.items()
            if self._send(
                FIRE.pack(self._word, shot.slot, bits, seconds) + b"".join(sources)
            )
        }

    def _template(self, request: Line, known: Known) -> tuple[Shot | None, list[bytes]]:
        """Return what is armed against anybody, and whom it shall hit."""
        found = request.get("sources")
        sources = [str(one) for one in found] if isinstance(found, list) else []
        if not sources or any("/" in one for one in sources):
            return None, []
        version = 6 if ":" in sources[0] else 4
        shot = self._shots.get(_key({**request, "sources": [ANYBODY[version]]}))
        if shot is None or any((":" in one) != (version == 6) for one in sources):
            return None, []
        aimed = self._spared.clears(sources, str(request.get("gateway", "")), known())
        return (shot, aimed) if aimed else (None, [])

    def _write(self, fired: Sequence[tuple[Shot, int, int, list[bytes]]]) -> bool:
        """Write to the switches from here, then tell the lane; return whether so."""
        parts, told = [], []
        for shot, bits, seconds, sources in fired:
            if shot.plan is None:
                return False
            self._count = self._count + 1 & COUNT_MASK
            xid = DIRECT | shot.slot << SLOT_SHIFT | self._count
            parts.append(shot.plan.filled(bits, seconds, xid, sources))
            told.append((shot.slot, bits, seconds, xid, b"".join(sources)))
        data = b"".join(parts)
        if len(data) > WRITE_BYTES_MAX or not self._loan.write(data):
            return False
        sent_ns = self._clock.mono_ns()
        for slot, bits, seconds, xid, whom in told:
            what = (slot, bits, seconds, xid, self._loan.number, sent_ns)
            self._send(WROTE.pack(WROTE_MAGIC, *what) + whom)
        return True

    def rehearse(self) -> bool:
        """Go through a shot that hits nobody, so that a real one finds all in caches.

        Done now and then, it makes the next shot some 0.1 ms sooner. Where the lane has
        to write itself, it goes through the same, to a connection that is no switch's.
        False where no lane listens, or nothing is armed.
        """
        if self._loan.turn < 0:
            self._hear()
        if self._socket is None or not self._shots:
            return False
        if self._is_played:  # and has not said so yet
            return True
        played = self._played()
        if self._loan.turn < 0:  # nothing is lent: from here no switch can be reached
            self._word, self._is_played = PLAY_MAGIC, True
            try:
                self.fire(played, 1)
            finally:
                self._word = FIRE_MAGIC
            return True
        stage = self._stage = self._stage or Stage()
        real = self._loan, self._socket, self._speaker
        self._loan, self._socket = stage.loan, stage.speaker
        self._speaker = stage.speaker.fileno()
        try:
            self.fire(played, 1)
        finally:
            self._loan, self._socket, self._speaker = real
            stage.clear()
        return True

    def _played(self) -> Line:
        """Return what is rehearsed: what is armed against one, or against nobody."""
        first = self._wanted[next(iter(self._shots))]
        sources = first["sources"]
        for version, anybody in ANYBODY.items():
            if sources == [anybody]:
                sources = [NOBODY[version]]
        return {**first, "id": "1", "sources": sources}

    def confirmed(self) -> str:
        """Return what the lane has said of what was fired, since it was last asked."""
        self._hear()
        said, self._said = self._said, ""
        return said

    def release(self, identity: str) -> None:
        """Undo what was fired for a Decision."""
        if self._shots:
            self._send(_release(identity))

    def recall(self, identity: str) -> None:
        """Undo the same while another thread fires, or awaits an answer; by any."""
        say(self._path, _release(identity))

    def tend(self) -> None:
        """Turn to a lane that has come, or come back, since what is wanted was told."""
        if self._wanted and self._connect() is not None:
            self._hear()

    def close(self) -> None:
        """Let go of the connection; what is wanted is armed again with the next."""
        if self._socket is not None:
            self._socket.close()
            self._socket, self._speaker = None, -1
        if self._stage is not None:
            self._stage.close()
            self._stage = None
        self._loan.close()
        self._shots.clear()
        self._is_played = False

    def _send(self, data: bytes) -> bool:
        connection = self._connect()
        if connection is None:
            return False
        try:
            connection.send(data)
        except OSError:
            self.close()
            return False
        return True

    def _connect(self) -> socket.socket | None:
        """Return the connection, or nothing where no lane listens."""
        if self._socket is not None:
            return self._socket
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.setblocking(False)
        try:
            connection.connect(self._path)
            connection.send(msgspec.json.encode({"command": "share"}))
        except OSError:
            connection.close()
            return None
        self._socket, self._speaker = connection, connection.fileno()
        self._arm(list(self._wanted))
        return self._socket

    # ---- what the lane says ----

    def _hear(self) -> None:
        """Take in what is already here."""
        while self._socket is not None:
            try:
                self._take()
            except BlockingIOError:
                return
            except OSError:
                self.close()

    def _take(self) -> bytes:
        """Take in one message; return it where it is an answer.

        Raises:
            OSError: nothing came, or the lane is gone.
        """
        assert self._socket is not None
        came, lent, _, _ = socket.recv_fds(
            self._socket, BYTES_MAX, LENT_MAX, socket.MSG_CMSG_CLOEXEC
        )
        if not came:
            raise ConnectionResetError("closed")
        if came[:4] == LOAN_MAGIC and len(came) == LOAN.size:
            self._loan.close()
            self._loan = Loan(LOAN.unpack(came)[1], lent)
        elif came[:4] == DONE_MAGIC and len(came) == DONE.size:
            _, _, _, switches, errors, us = DONE.unpack(came)
            self._said = f"fast lane: {switches} switches in {us} us, {errors} errors"
        elif came == PLAY_MAGIC:
            self._is_played = False
        else:
            return came
        return b""

    def _arm(self, keys: Sequence[bytes]) -> None:
        """Arm by the batch; what a batch holds that is refused is left out of it."""
        for start in range(0, len(keys), ARM_AT_ONCE):
            batch = keys[start : start + ARM_AT_ONCE]
            if not self._armed(batch) and len(batch) > 1:
                for key in batch:
                    self._armed([key])

    def _armed(self, keys: Sequence[bytes]) -> bool:
        """Arm these together; return whether they are."""
        wanted = []
        for key in keys:
            fields = {k: v for k, v in self._wanted[key].items() if k != "command"}
            wanted.append({**fields, "id": "1", "ttl_ms": 1000})
        request: Line = {"command": "arm", "containments": wanted}
        answer = Answer()
        with contextlib.suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
            answer = self._asked(request)
        if not answer.ok or len(answer.slots) != len(keys):
            return False
        prepared = (*answer.prepared, *[None] * len(keys))
        for key, slot, how in zip(keys, answer.slots, prepared, strict=False):
            self._shots[key] = Shot.of(slot, how)
        self._spared = Spared(answer.protected)
        return True

    def _asked(self, request: Line) -> Answer:
        """Return the answer to a request, what comes before it taken in.

        Raises:
            OSError: it did not come in time, or the lane is gone.
            msgspec.DecodeError: it is none.
        """
        self._hear()
        if self._socket is None:
            return Answer()
        self._socket.settimeout(ANSWER_LIMIT_S)
        try:
            self._socket.send(msgspec.json.encode(request))
            while not (came := self._take()):
                pass
        finally:
            self._socket.setblocking(False)
        return _ANSWERS.decode(came)


def decision_bits(identity: str) -> int:
    """Return the part of a Decision's id that a cookie holds."""
    return int(identity[:ID_DIGITS], 16)


def _release(identity: str) -> bytes:
    bits = f"{decision_bits(identity):0{ID_DIGITS}x}"
    return msgspec.json.encode({"command": "release", "id": bits})


def _key(request: Line) -> bytes:
    """Return what tells one containment from another, whoever decides it."""
    names = ["action", "sources", "source_port"]
    if request["action"] not in WHOLLY:
        names += ["gateway", "port"]
    return msgspec.json.encode([request.get(name, 0) for name in names])
