"""Northbound: a client of the controllers' sockets, one of which leads.

One JSON object a line, one request at a time. Requests and replies: airnet.act.sdn. A
controller that does not answer, or is not the one that leads, is left for the next,
which is asked to lead first; the switches themselves see to it that only one can.
"""

import socket
from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from airnet.clock import Clock
from airnet.errors import ActuationError

NS_PER_S = 1_000_000_000
#: A line longer than this is no answer of ours: the peer is not the controller.
LINE_BYTES_MAX = 1 << 20
#: Endings nobody asked about yet; the oldest is forgotten.
ENDINGS_MAX = 1024
#: What a controller says that does not lead (its own words, or OpenFlow's error).
NOT_LEADING = ("standby", "IS_SLAVE")

#: Requests under way at a time: the controller puts in one write what it has read, so
#: the more the better, up to what its socket holds.
WINDOW = 512

#: How long many may take together; who is left then is asked alone, while people are
#: heard in between.
ALL_NS = 4 * NS_PER_S

Line = dict[str, object]
#: Made while there is one thread: two that meet a type first at once crash msgspec.
_LINES = msgspec.json.Decoder(Line)


class Northbound:
    """A connection to the controller that leads; it reconnects by itself.

    After a time-out the connection is given up, so that a late answer cannot be taken
    for the next one's.

    Args:
        paths: of the sockets, the usual leader's first.
        timeout_ns: how long one request may take in all.
        clock: for durations only.
    """

    def __init__(self, paths: Sequence[str], timeout_ns: int, clock: Clock) -> None:
        self.endings: dict[str, str] = {}
        self._paths = deque(paths)
        self._timeout_ns = timeout_ns
        self._clock = clock
        self._socket: socket.socket | None = None
        self._received = b""
        self._lines: deque[Line] = deque()
        self._has_led = False

    def ask(self, request: Line, identity: str) -> Line:
        """Send one request and return its reply, within the time-out in all.

        Raises:
            ActuationError: nobody answered in time, or it was refused.
        """
        what = f"{request['command']} {identity}".strip()
        share_ns = self._timeout_ns // len(self._paths)
        for left in reversed(range(len(self._paths))):
            deadline_ns = self._clock.mono_ns() + share_ns
            try:
                reply = self._exchange(request, identity, deadline_ns)
            except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
                path = self._paths[0]
                self._next()
                if left:
                    continue
                raise ActuationError(
                    f"{what}: controller at {path}: {reason(error)}",
                    "check that airnet controller runs; rules end by themselves",
                ) from error
            if reply.get("ok") is True:
                return reply
            said = str(reply.get("error", "no reason"))
            if not left or not any(word in said for word in NOT_LEADING):
                break
            self._next()
        raise ActuationError(
            f"{what}: the controller refused: {said}", "see the controller's log"
        )

    def ask_all(
        self, requests: Sequence[Line], closed: Callable[[], str]
    ) -> tuple[dict[str, Line], set[str]]:
        """Send many, a few of them under way at a time, until `closed` says why not.

        Returns:
            Replies by id, and the ids of what may have left. Who is not answered,
            whatever the reason, is not among the first: ask alone.
        """
        found: dict[str, Line] = {}
        left: set[str] = set()
        waiting = deque(requests)
        sent = 0
        end_ns = self._clock.mono_ns() + ALL_NS
        try:
            connection = self._ready()
            deadline_ns = self._clock.mono_ns() + self._timeout_ns
            while waiting or sent:
                if waiting and closed():
                    waiting.clear()
                    continue
                some = [waiting.popleft() for _ in range(len(waiting))[: WINDOW - sent]]
                left.update(str(one["id"]) for one in some)
                lines = [msgspec.json.encode(one) + b"\n" for one in some]
                connection.settimeout(self._timeout_ns / NS_PER_S)
                connection.sendall(b"".join(lines))
                sent += len(some)
                reply = self._next_line(connection, min(deadline_ns, end_ns))
                deadline_ns = self._clock.mono_ns() + self._timeout_ns
                found[str(reply.get("id", ""))] = reply
                sent -= 1
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            self.close()
        return found, left

    def poll(self) -> None:
        """Take in events that are already here, without waiting.

        Raises:
            ActuationError: the connection is gone.
        """
        try:
            self._drain(self._connect())
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            self.close()
            raise ActuationError(
                f"controller at {self._paths[0]}: {reason(error)}",
                "check the controller",
            ) from error

    def close(self) -> None:
        """Let go of the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._received = b""
        self._has_led = False
        self._lines.clear()

    def _next(self) -> None:
        """Turn to the next controller; where there is but one, to that one anew."""
        self.close()
        self._paths.rotate(-1)

    def _exchange(self, request: Line, identity: str, deadline_ns: int) -> Line:
        connection = self._ready()
        if (
            len(self._paths) > 1
            and not self._has_led
            and request["command"] != "status"
        ):
            leading = self._reply(connection, {"command": "lead"}, "", deadline_ns)
            if leading.get("ok") is not True:
                return leading
            self._has_led = True
        return self._reply(connection, request, identity, deadline_ns)

    def _reply(
        self, connection: socket.socket, request: Line, identity: str, deadline_ns: int
    ) -> Line:
        connection.settimeout(max(1, deadline_ns - self._clock.mono_ns()) / NS_PER_S)
        connection.sendall(msgspec.json.encode(request) + b"\n")
        while True:
            reply = self._next_line(connection, deadline_ns)
            if str(reply.get("id", "")) == identity:
                return reply

    def _connect(self) -> socket.socket:
        if self._socket is None:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(self._timeout_ns / NS_PER_S)
            try:
                connection.connect(self._paths[0])
            except OSError:
                connection.close()
                raise
            self._socket = connection
        return self._socket

    def _ready(self) -> socket.socket:
        """Return a connection with nothing left to read; a stale one is replaced."""
        if self._socket is not None:
            try:
                self._drain(self._socket)
            except (OSError, msgspec.DecodeError, UnicodeDecodeError):
                self.close()
        return self._connect()

    def _drain(self, connection: socket.socket) -> None:
        connection.settimeout(0)
        for _ in range(ENDINGS_MAX):
            try:
                self._receive(connection)
            except BlockingIOError:
                break
        self._lines.clear()

    def _next_line(self, connection: socket.socket, deadline_ns: int) -> Line:
        """Return the next line that answers something, events noted on the way."""
        while not self._lines:
            left_ns = deadline_ns - self._clock.mono_ns()
            if left_ns <= 0:
                raise TimeoutError("no answer in time")
            connection.settimeout(left_ns / NS_PER_S)
            self._receive(connection)
        return self._lines.popleft()

    def _receive(self, connection: socket.socket) -> None:
        """Read once; split lines; keep replies, note events."""
        chunk = connection.recv(65536)
        if not chunk:
            raise ConnectionResetError("it closed the connection")
        *lines, self._received = (self._received + chunk).split(b"\n")
        if len(self._received) > LINE_BYTES_MAX:
            raise ConnectionAbortedError("a line without end")
        for line in lines:
            parsed = _LINES.decode(line)
            if "event" not in parsed:
                self._lines.append(parsed)
            elif parsed["event"] == "ended":
                self.endings[str(parsed.get("id", ""))] = (
                    f"ended by the switch: {parsed.get('reason', 'unknown reason')}, "
                    f"{parsed.get('packets', 0)} packets matched"
                )
        while len(self.endings) > ENDINGS_MAX:
            del self.endings[next(iter(self.endings))]


def reason(error: Exception) -> str:
    """Return an error in words; socket time-outs carry none."""
    return str(error) or type(error).__name__
