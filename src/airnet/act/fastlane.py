"""FastLane: fires what was armed, ahead of the controller's own word.

The controller says what stands; the lane only makes it stand sooner. So nothing here
raises: a lane that is not there costs time, and nothing else. The bytes are those of
airnet.controller.express.
"""

import contextlib
import socket
import struct
from collections.abc import Sequence
from pathlib import Path

import msgspec

Line = dict[str, object]

FIRE = struct.Struct("!4sIQH")
DONE = struct.Struct("!4sIQHHI")
FIRE_MAGIC, DONE_MAGIC = b"FIRE", b"DONE"
#: The part of an id that a cookie holds: its first 12 hex digits.
ID_DIGITS = 12
#: Containments in one message to the lane, which takes 64 KiB.
ARM_AT_ONCE = 64
ANSWER_LIMIT_S = 0.5
#: Actions that cut off from everything, whichever gateway it was about.
WHOLLY = frozenset({"isolate_host", "isolate_subnet"})
BYTES_MAX = 65536


class FastLane:
    """What is armed in the lane's process, by what would be asked of the controller.

    Args:
        path: of the lane's socket.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = str(path)
        self._socket: socket.socket | None = None
        self._wanted: dict[bytes, Line] = {}
        self._slots: dict[bytes, int] = {}

    def arm(self, requests: Sequence[Line]) -> int:
        """Have these ready; return how many are."""
        for request in requests:
            self._wanted[_key(request)] = request
        if self._connect() is not None:
            self._arm([key for key in map(_key, requests) if key not in self._slots])
        return len(self._slots)

    def fire(self, request: Line, seconds: int) -> bool:
        """Have it in force at once, if it is armed; return whether it was sent."""
        slot = self._slots.get(_key(request))
        if slot is None:
            return False
        shot = FIRE.pack(FIRE_MAGIC, slot, decision_bits(str(request["id"])), seconds)
        return self._send(shot)

    def confirmed(self) -> str:
        """Return what the lane has said of what was fired, since it was last asked."""
        said = ""
        while self._socket is not None:
            try:
                came = self._socket.recv(BYTES_MAX)
            except BlockingIOError:
                break
            except OSError:
                came = b""
            if not came:
                self.close()
            elif len(came) == DONE.size:
                _, _, _, switches, errors, us = DONE.unpack(came)
                said = f"fast lane: {switches} switches in {us} us, {errors} errors"
        return said

    def release(self, identity: str) -> None:
        """Undo what was fired for a Decision."""
        if self._slots:
            bits = f"{decision_bits(identity):0{ID_DIGITS}x}"
            self._send(msgspec.json.encode({"command": "release", "id": bits}))

    def tend(self) -> None:
        """Turn to a lane that has come, or come back, since what is wanted was told."""
        if self._wanted:
            self._connect()

    def close(self) -> None:
        """Let go of the connection; what is wanted is armed again with the next."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._slots.clear()

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
        except OSError:
            connection.close()
            return None
        self._socket = connection
        self._arm(list(self._wanted))
        return self._socket

    def _arm(self, keys: Sequence[bytes]) -> None:
        """Arm by the batch; what a batch holds that is refused is left out of it."""
        for start in range(0, len(keys), ARM_AT_ONCE):
            batch = keys[start : start + ARM_AT_ONCE]
            if not self._armed(batch):
                for key in batch:
                    self._armed([key])

    def _armed(self, keys: Sequence[bytes]) -> bool:
        """Arm these together; return whether they are."""
        wanted = []
        for key in keys:
            fields = {k: v for k, v in self._wanted[key].items() if k != "command"}
            wanted.append({**fields, "id": "1", "ttl_ms": 1000})
        request = {"command": "arm", "containments": wanted}
        answer: Line = {}
        with contextlib.suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
            if self._socket is not None:
                self.confirmed()  # what was fired before is not this one's answer
                self._socket.settimeout(ANSWER_LIMIT_S)
                self._socket.send(msgspec.json.encode(request))
                answer = msgspec.json.decode(self._socket.recv(BYTES_MAX), type=Line)
                self._socket.setblocking(False)
        slots = answer.get("slots")
        if not isinstance(slots, list):
            return False
        self._slots.update(zip(keys, slots, strict=True))
        return True


def decision_bits(identity: str) -> int:
    """Return the part of a Decision's id that a cookie holds."""
    return int(identity[:ID_DIGITS], 16)


def _key(request: Line) -> bytes:
    """Return what tells one containment from another, whoever decides it."""
    names = ["action", "sources", "source_port"]
    if request["action"] not in WHOLLY:
        names += ["gateway", "port"]
    return msgspec.json.encode([request.get(name, 0) for name in names])
