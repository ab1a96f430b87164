"""A FIX session of a few messages: log on, say something, hear the answer, log out.

Only what that takes of FIX 4.4, volume 2 (session protocol): one session a command,
sequence numbers from 1 each time (ResetSeqNumFlag, 141=Y), no resending. An engine
keeps sessions up for days; this one lives for less than a second.
"""

import datetime
import socket
from collections.abc import Collection, Mapping
from typing import Self

import msgspec

from airnet.clock import Clock
from airnet.errors import ActuationError

SOH = b"\x01"
BEGIN = b"8=FIX.4.4" + SOH
#: A longer message is none that answers us.
MESSAGE_BYTES_MAX = 65_536
#: `10=nnn` and its SOH.
TRAILER_BYTES = 7
HEARTBEAT_S = 30
NS_PER_S = 1_000_000_000

Fields = dict[str, str]


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where a session is spoken, and the CompIDs of both ends."""

    host: str
    port: int
    ours: str
    theirs: str

    def text(self) -> str:
        """Return it for a person."""
        return f"{self.theirs} at {self.host}:{self.port}"


class FixLine:
    """One logged-on session; use it as a context.

    Args:
        address: whom to log on to.
        timeout_ns: how long everything may take, from connecting to logging out.
        clock: the time.

    Raises:
        ActuationError: no session comes about, or it breaks.
    """

    def __init__(self, address: Address, timeout_ns: int, clock: Clock) -> None:
        self._address = address
        self._clock = clock
        self._end_ns = clock.mono_ns() + timeout_ns
        self._sequence = 0
        self._held = b""
        try:
            place = (address.host, address.port)
            self._socket = socket.create_connection(place, self._left_s())
        except OSError as error:
            raise self._failed(str(error)) from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        try:
            logon = {"98": "0", "108": str(HEARTBEAT_S), "141": "Y"}
            self.send("A", logon)
            self.hear("A")
        except ActuationError:
            self._socket.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.send("5", {})
            self.hear("5")
        except ActuationError:
            pass  # it answered what was asked; how it says goodbye is its affair
        finally:
            self._socket.close()

    def now_text(self) -> str:
        """Return a UTCTimestamp in ms: 20240131-09:30:00.123."""
        seconds, rest_ns = divmod(self._clock.now_ns(), NS_PER_S)
        moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
        return f"{moment:%Y%m%d-%H:%M:%S}.{rest_ns // 1_000_000:03d}"

    def send(
        self, kind: str, fields: Mapping[str, str], on_behalf_of: str = ""
    ) -> None:
        """Send one message.

        Raises:
            ActuationError: it could not be sent in time.
        """
        self._sequence += 1
        header = {
            "35": kind,
            "49": self._address.ours,
            "56": self._address.theirs,
            "34": str(self._sequence),
            "52": self.now_text(),
        }
        if on_behalf_of:
            header["115"] = on_behalf_of
        body = b"".join(
            f"{tag}={value}".encode() + SOH
            for tag, value in (*header.items(), *fields.items())
        )
        whole = BEGIN + f"9={len(body)}".encode() + SOH + body
        whole += f"10={sum(whole) % 256:03d}".encode() + SOH
        try:
            self._socket.settimeout(self._left_s())
            self._socket.sendall(whole)
        except OSError as error:
            raise self._failed(str(error)) from error

    @property
    def client_port(self) -> int:
        """Return our end's port."""
        port: int = self._socket.getsockname()[1]
        return port

    @property
    def client_host(self) -> str:
        """Return our end's address."""
        host: str = self._socket.getsockname()[0]
        return host

    def close(self) -> None:
        """Go without a word."""
        self._socket.close()

    def hear(self, kind: str, **wanted: str) -> Fields:
        """Return the next message of a kind with these fields; see `hear_any`."""
        return self.hear_any({kind}, **wanted)

    def hear_any(self, kinds: Collection[str], **wanted: str) -> Fields:
        """Return the next message of these kinds with these fields (`tag_11="x"`).

        Heartbeats, and whatever else comes meanwhile, are passed over; a Logout or a
        Reject (3, j) instead is an error.

        Raises:
            ActuationError: it does not come in time, or is refused.
        """
        while True:
            fields = self._next()
            found = fields.get("35", "")
            if found == "1":
                self.send("0", {"112": fields.get("112", "")})
            is_asked = all(
                fields.get(name.removeprefix("tag_")) == value
                for name, value in wanted.items()
            )
            if found in kinds and is_asked:
                return fields
            if found in {"3", "5", "j"}:
                reason = fields.get("58", "no reason given")
                raise self._failed(f"it answered {found}: {reason}")

    def _next(self) -> Fields:
        """Return the fields of the next whole message; the last of a tag counts."""
        while True:
            message = self._cut()
            if message is not None:
                pairs = (part.partition(b"=") for part in message.split(SOH))
                return {
                    tag.decode("latin-1"): value.decode("latin-1")
                    for tag, _, value in pairs
                }
            try:
                self._socket.settimeout(self._left_s())
                data = self._socket.recv(4096)
            except OSError as error:
                raise self._failed(str(error) or "no answer in time") from error
            if not data:
                raise self._failed("it hung up")
            self._held += data

    def _cut(self) -> bytes | None:
        """Take one whole message out of what was heard; None when there is none yet."""
        if not self._held:
            return None
        if not self._held.startswith(b"8=FIX"[: len(self._held)]):
            raise self._failed("what it says is not FIX")
        head, _, rest = self._held.partition(SOH)
        length, mark, after = rest.partition(SOH)
        if not mark:
            if len(self._held) > 64:
                raise self._failed("what it says is not FIX")
            return None
        digits = length.removeprefix(b"9=")
        is_length = length.startswith(b"9=") and digits.isdigit() and len(digits) < 6
        if not is_length or int(digits) > MESSAGE_BYTES_MAX:
            raise self._failed(f"a message of length {digits[:12]!r}")
        size = int(digits) + TRAILER_BYTES
        if len(after) < size:
            return None
        trailer = after[size - TRAILER_BYTES : size]
        start = len(head) + len(length) + 2
        total = sum(self._held[: start + size - TRAILER_BYTES]) % 256
        if trailer != f"10={total:03d}".encode() + SOH:
            raise self._failed("a message with a wrong CheckSum(10)")
        self._held = after[size:]
        return after[: size - TRAILER_BYTES]

    def _left_s(self) -> float:
        left_ns = self._end_ns - self._clock.mono_ns()
        if left_ns <= 0:
            raise TimeoutError("no answer in time")
        return left_ns / NS_PER_S

    def _failed(self, why: str) -> ActuationError:
        return ActuationError(
            f"FIX session with {self._address.text()}: {why}",
            "check that session at the gateway",
        )
