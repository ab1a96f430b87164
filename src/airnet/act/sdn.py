"""SdnActuator: carries network Decisions to the controller over a Unix stream socket.

One JSON object a line, one request at a time (docs/operating, the controller's
northbound). Requests:

    {"command": "apply", "id": DECISION_ID, "action": "drop_sources" |
     "rate_limit_sources" | "isolate_host", "sources": [ip...], "gateway": ip,
     "port": n, "known": [ip...], "ttl_ms": n}
    {"command": "release", "id": DECISION_ID}
    {"command": "status"}

Replies carry the id: {"id", "ok": true, "state", "switches", "flows", "until_ns"} or
{"id", "ok": false, "error"}. In between come events, which answer nothing:
{"event": "ended", "id", "reason", "packets"}.
"""

import socket
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from airnet.clock import Clock, SystemClock
from airnet.domain.containment import Containment, State
from airnet.domain.decision import Action, Decision
from airnet.errors import ActuationError

NS_PER_MS, NS_PER_S = 1_000_000, 1_000_000_000

#: A line longer than this is no answer of ours: the peer is not the controller.
LINE_BYTES_MAX = 1 << 20

#: Endings nobody asked about yet; the oldest is forgotten.
ENDINGS_MAX = 1024

_ACTIONS = frozenset(
    {Action.DROP_SOURCES, Action.RATE_LIMIT_SOURCES, Action.ISOLATE_HOST}
)

Line = dict[str, object]


def _nobody() -> Sequence[str]:
    return ()


class SdnActuator:
    """Puts network Decisions in force on the switches, by way of the controller.

    It reconnects by itself; after a time-out the connection is given up, so that a
    late answer cannot be taken for the next one's.

    Args:
        socket_path: the controller's Unix socket.
        known: the addresses that must pass whatever stands: hosts of the site,
            protected things, clients of established sessions.
        timeout_ms: how long one request may take in all.
        clock: the time of command and acknowledgement.
    """

    name = "sdn"

    def __init__(
        self,
        socket_path: Path | str,
        *,
        known: Callable[[], Sequence[str]] = _nobody,
        timeout_ms: int = 1000,
        clock: Clock | None = None,
    ) -> None:
        self._path = str(socket_path)
        self._known = known
        self._timeout_ns = timeout_ms * NS_PER_MS
        self._clock = clock or SystemClock()
        self._socket: socket.socket | None = None
        self._received = b""
        self._endings: dict[str, str] = {}
        self._lines: deque[Line] = deque()

    def accepts(self, decision: Decision) -> bool:
        """Return whether this is an action of the network."""
        return decision.action in _ACTIONS

    def apply(self, decision: Decision, ttl_ns: int) -> Containment:
        """Have the controller put `decision` on every switch it holds.

        Raises:
            ActuationError: refused, unreachable, or not answered in time; after a
                time-out it may be in force, until its hard timeout at the latest.
        """
        seconds = max(1, -(-ttl_ns // NS_PER_S))
        command_ns = self._clock.now_ns()
        reply = self._ask(
            {
                "command": "apply",
                "id": decision.id,
                "action": decision.action.value,
                "sources": self._sources(decision),
                "gateway": decision.gateway,
                "port": self._port(decision),
                "known": sorted(set(self._known())),
                "ttl_ms": -(-ttl_ns // NS_PER_MS),
            },
            decision.id,
        )
        applied_ns = self._clock.now_ns()
        if reply.get("state") != "applied" or not reply.get("switches"):
            raise ActuationError(
                f"decision {decision.id}: the controller says state "
                f"{reply.get('state')!r} on switches {reply.get('switches')!r}",
                "see the controller's log",
            )
        rounded = "" if seconds * NS_PER_S == ttl_ns else f", rounded up to {seconds} s"
        return Containment(
            decision_id=decision.id,
            actuator=self.name,
            state=State.APPLIED,
            command_ns=command_ns,
            applied_ns=applied_ns,
            # The controller's own end is on another clock; the switch counts from the
            # flow-mod, which is no later than its acknowledgement.
            until_ns=applied_ns + seconds * NS_PER_S,
            handle=decision.id,
            detail=f"{reply.get('flows', 0)} flow entries on switches "
            f"{_switches(reply)}; OpenFlow hard_timeout is whole seconds{rounded}",
        )

    def release(self, containment: Containment) -> Containment:
        """Have the controller delete exactly what the Decision put anywhere.

        Raises:
            ActuationError: it may stand until its hard timeout.
        """
        handle = containment.handle or containment.decision_id
        self._ask({"command": "release", "id": handle}, handle)
        return containment

    def ended(self, containment: Containment) -> str:
        """Return how the switches ended it, "" while they have not said so.

        Raises:
            ActuationError: the connection is gone.
        """
        told = self._endings.pop(containment.handle, "")
        if not told:
            self._poll()
            told = self._endings.pop(containment.handle, "")
        return told

    def status(self) -> Line:
        """Return the controller's own account of switches and containments.

        Raises:
            ActuationError: no answer in time.
        """
        return self._ask({"command": "status"}, "")

    def close(self) -> None:
        """Let go of the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._received = b""
        self._lines.clear()

    def _sources(self, decision: Decision) -> list[str]:
        is_limit = decision.action is Action.RATE_LIMIT_SOURCES
        return [] if is_limit else list(decision.target)

    def _port(self, decision: Decision) -> int:
        """Return the port to narrow to: a stranger's other ports are no better."""
        return decision.port if decision.action is Action.RATE_LIMIT_SOURCES else 0

    def _ask(self, request: Line, identity: str) -> Line:
        """Send one request and return its reply, within the time-out in all."""
        deadline_ns = self._clock.mono_ns() + self._timeout_ns
        what = f"{request['command']} {identity}".strip()
        try:
            connection = self._ready()
            connection.settimeout(self._timeout_ns / NS_PER_S)
            connection.sendall(msgspec.json.encode(request) + b"\n")
            while True:
                reply = self._next_line(connection, deadline_ns)
                if str(reply.get("id", "")) == identity:
                    break
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            self.close()
            raise ActuationError(
                f"{what}: controller at {self._path}: {_reason(error)}",
                "check that airnet controller runs; rules end by themselves",
            ) from error
        if reply.get("ok") is not True:
            raise ActuationError(
                f"{what}: the controller refused: {reply.get('error', 'no reason')}",
                "see the controller's log",
            )
        return reply

    def _connect(self) -> socket.socket:
        if self._socket is None:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(self._timeout_ns / NS_PER_S)
            try:
                connection.connect(self._path)
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

    def _poll(self) -> None:
        """Take in events that are already here, without waiting."""
        try:
            self._drain(self._connect())
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            self.close()
            raise ActuationError(
                f"controller at {self._path}: {_reason(error)}", "check the controller"
            ) from error

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
            parsed = msgspec.json.decode(line, type=Line)
            if "event" not in parsed:
                self._lines.append(parsed)
            elif parsed["event"] == "ended":
                self._endings[str(parsed.get("id", ""))] = (
                    f"ended by the switch: {parsed.get('reason', 'unknown reason')}, "
                    f"{parsed.get('packets', 0)} packets matched"
                )
        while len(self._endings) > ENDINGS_MAX:
            del self._endings[next(iter(self._endings))]


def _switches(reply: Line) -> str:
    switches = reply.get("switches")
    if isinstance(switches, list):
        return ", ".join(str(switch) for switch in switches)
    return str(switches)


def _reason(error: Exception) -> str:
    """Return an error in words; socket time-outs carry none."""
    return str(error) or type(error).__name__
