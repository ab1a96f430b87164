"""OrdersActuator: limits one session's NEW orders at its order gateway, over HTTP.

The profile. OpenC2 Language 1.0 commands by "Specification for Transfer of OpenC2
Messages via HTTPS 1.0" (OASIS), to the `control` URL a gateway has in site.toml:

    POST /.well-known/openc2
    Content-Type: application/openc2-cmd+json;version=1.0
    Accept: application/openc2-rsp+json;version=1.0

    {"headers": {"request_id": DECISION_ID},
     "body": {"openc2": {"request": {
        "action": "contain",
        "target": {"x-airnet:session": {"comp_id": "ALGO1", "client": "10.1.1.2:4012"}},
        "args": {"duration": TTL_MS, "x-airnet": {"limit": "new_orders"}},
        "command_id": DECISION_ID}}}}

`contain` with limit `new_orders`: the gateway refuses new orders of that session for
`duration` ms by its own clock, then stops refusing by itself. Cancels always pass. A
repeated command_id changes nothing. `restore`, same target and command_id, ends it at
once; restoring what has ended, or was never there, is done (200). `query`, same target
and command_id, tells what stands. Each is answered with

    {"headers": {"request_id": DECISION_ID},
     "body": {"openc2": {"response": {"status": 200, "results": {"x-airnet": {
        "state": "applied" | "released", "until_ns": NS}}}}}}

where `until_ns` is ns since the epoch by the gateway's clock, and `state` is
`released` when nothing of that command_id stands. Any other status is a refusal, its
reason in `status_text`.

A restore may come with an empty target when only the command_id is known (after a
crash); the gateway goes by the command_id alone.
"""

import http.client
import io
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import msgspec

from airnet.clock import Clock, SystemClock
from airnet.config import Gateway
from airnet.domain.containment import Containment, State
from airnet.domain.decision import Action, Decision
from airnet.domain.session import address_bytes
from airnet.errors import ActuationError, ConfigError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

NS_PER_MS, NS_PER_S = 1_000_000, 1_000_000_000
PATH = "/.well-known/openc2"
COMMAND_TYPE = "application/openc2-cmd+json;version=1.0"
RESPONSE_TYPE = "application/openc2-rsp+json;version=1.0"

#: An answer longer than this is no answer of a gateway.
ANSWER_BYTES_MAX = 65_536

Json = dict[str, object]


class _Results(msgspec.Struct, frozen=True, kw_only=True):
    """What a gateway says of one command_id."""

    state: str = ""
    until_ns: int = 0


class _Extension(msgspec.Struct, frozen=True, kw_only=True):
    airnet: _Results = msgspec.field(name="x-airnet", default=_Results())


class _Response(msgspec.Struct, frozen=True, kw_only=True):
    status: int
    status_text: str = ""
    results: _Extension = _Extension()


class _OpenC2(msgspec.Struct, frozen=True, kw_only=True):
    response: _Response


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    openc2: _OpenC2


class _Headers(msgspec.Struct, frozen=True, kw_only=True):
    request_id: str = ""


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    body: _Body
    headers: _Headers = _Headers()


class _Deadline(Protocol):
    def left_s(self) -> float:
        """Return the seconds left, or raise TimeoutError."""
        ...


class _Until:
    """A point in time after which nothing is waited for."""

    def __init__(self, clock: Clock, span_ns: int) -> None:
        self._clock = clock
        self._end_ns = clock.mono_ns() + span_ns

    def left_s(self) -> float:
        left_ns = self._end_ns - self._clock.mono_ns()
        if left_ns <= 0:
            raise TimeoutError("no answer in time")
        return left_ns / NS_PER_S


class _Reader(io.RawIOBase):
    """Reads a socket so that a peer that drips bytes cannot outlast the deadline."""

    def __init__(
        self, connection: socket.socket, held: io.BufferedIOBase, deadline: _Deadline
    ) -> None:
        self._connection = connection
        # Keeps the descriptor open when the connection is closed before the body is
        # read, as http.client does for an answer that ends with the connection.
        self._held = held
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        self._connection.settimeout(self._deadline.left_s())
        return self._connection.recv_into(buffer)

    def close(self) -> None:
        self._held.close()
        super().close()


class OrdersActuator:
    """Puts throttle_session Decisions in force at the order gateways.

    Args:
        gateways: the site's, with their control URLs; one without is left alone.
        timeout_ms: how long one request may take in all.
        clock: the time of command and acknowledgement.

    Raises:
        ConfigError: a control URL is not http://host:port.
    """

    name = "orders"

    def __init__(
        self,
        gateways: Sequence[Gateway],
        timeout_ms: int = 1000,
        clock: Clock | None = None,
    ) -> None:
        self._timeout_ns = timeout_ms * NS_PER_MS
        self._clock = clock or SystemClock()
        self._controls = {
            (address_bytes(gateway.ip), gateway.port): _place(gateway)
            for gateway in gateways
            if gateway.control
        }
        self._open: dict[tuple[str, int], http.client.HTTPConnection] = {}

    def accepts(self, decision: Decision) -> bool:
        """Return whether it throttles a session of a gateway that can be told so."""
        if decision.action is not Action.THROTTLE_SESSION or decision.session is None:
            return False
        return self._control(decision) is not None

    def apply(self, decision: Decision, ttl_ns: int) -> Containment:
        """Have the gateway refuse the session's new orders, and read that back.

        Raises:
            ActuationError: refused, unreachable, or the gateway does not say that it
                stands when asked; it may stand for at most its duration.
        """
        control = self._control(decision)
        if control is None:
            raise ActuationError(
                f"decision {decision.id}: no control URL for gateway "
                f"{decision.gateway}:{decision.port}",
                "give the gateway a `control` URL in site.toml",
            )
        target = {"comp_id": decision.target[1], "client": decision.target[0]}
        arguments = {
            "duration": -(-ttl_ns // NS_PER_MS),
            "x-airnet": {"limit": "new_orders"},
        }
        command_ns = self._clock.now_ns()
        self._ask(control, "contain", decision.id, target, arguments)
        applied_ns = self._clock.now_ns()
        seen = self._ask(control, "query", decision.id, target)
        if seen.state != "applied":
            raise ActuationError(
                f"decision {decision.id}: gateway {_text(control)} acknowledged, but "
                f"says state {seen.state!r} when asked",
                "check the gateway's control service",
            )
        return Containment(
            decision_id=decision.id,
            actuator=self.name,
            state=State.APPLIED,
            command_ns=command_ns,
            applied_ns=applied_ns,
            # By our clock: the gateway's may differ, and its own timer is what ends it.
            until_ns=applied_ns + ttl_ns,
            handle=" ".join((_text(control), *decision.target, decision.id)),
            detail=f"gateway {_text(control)} refuses new orders; cancels pass",
        )

    def release(self, containment: Containment) -> Containment:
        """Have the gateway accept the session's new orders again.

        A Containment without a handle (a command that may have left before a crash)
        is restored at every gateway; where it never stood, that does nothing.

        Raises:
            ActuationError: it may stand until its duration is over.
        """
        if not containment.handle:
            for control in self._controls.values():
                self._ask(control, "restore", containment.decision_id, {})
            return containment
        control, target, identity = _parse(containment.handle)
        self._ask(control, "restore", identity, target)
        return containment

    def ended(self, containment: Containment) -> str:
        """Return how it ended by the gateway's account, "" while it stands.

        Raises:
            ActuationError: the gateway does not answer.
        """
        control, target, identity = _parse(containment.handle)
        seen = self._ask(control, "query", identity, target)
        return "" if seen.state == "applied" else "ended by the gateway, which says so"

    def close(self) -> None:
        """Let go of the connections."""
        for connection in self._open.values():
            connection.close()
        self._open.clear()

    def _control(self, decision: Decision) -> tuple[str, int] | None:
        if not decision.gateway:
            return None
        key = (address_bytes(decision.gateway), decision.port)
        return self._controls.get(key)

    def _ask(
        self,
        control: tuple[str, int],
        action: str,
        identity: str,
        target: dict[str, str],
        arguments: Json | None = None,
    ) -> _Results:
        """Send one command and return the gateway's results."""
        request: Json = {
            "action": action,
            "target": {"x-airnet:session": target},
            "command_id": identity,
        }
        if arguments:
            request["args"] = arguments
        whole = {
            "headers": {"request_id": identity},
            "body": {"openc2": {"request": request}},
        }
        what = f"{action} {identity}: gateway {_text(control)}"
        try:
            status, answer = self._post(control, msgspec.json.encode(whole))
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._drop(control)
            raise ActuationError(
                f"{what}: {str(error) or type(error).__name__}",
                "check the gateway's control service; limits end by themselves",
            ) from error
        return _read(what, identity, status, answer)

    def _post(self, control: tuple[str, int], body: bytes) -> tuple[int, bytes]:
        """Return status and body; a kept connection that went stale is opened anew."""
        deadline = _Until(self._clock, self._timeout_ns)
        is_kept = control in self._open
        try:
            return self._exchange(control, body, deadline)
        except (ConnectionError, http.client.BadStatusLine):
            # A server may close an idle connection at any time; the command is
            # idempotent by its id, so sending it once more is harmless.
            self._drop(control)
            if not is_kept:
                raise
        return self._exchange(control, body, deadline)

    def _exchange(
        self, control: tuple[str, int], body: bytes, deadline: _Until
    ) -> tuple[int, bytes]:
        connection = self._open.get(control)
        if connection is None:
            connection = http.client.HTTPConnection(*control, timeout=deadline.left_s())
            connection.connect()
            self._open[control] = connection
        assert connection.sock is not None
        connection.sock.settimeout(deadline.left_s())
        connection.response_class = _timed(deadline)
        headers = {"Content-Type": COMMAND_TYPE, "Accept": RESPONSE_TYPE}
        connection.request("POST", PATH, body, headers)
        response = connection.getresponse()
        answer = response.read(ANSWER_BYTES_MAX)
        if not response.isclosed():
            # More than an answer can hold: what follows must not be read as the next.
            self._drop(control)
        return response.status, answer

    def _drop(self, control: tuple[str, int]) -> None:
        connection = self._open.pop(control, None)
        if connection is not None:
            connection.close()


def _timed(deadline: _Deadline) -> type[http.client.HTTPResponse]:
    """Return a response class whose reads obey `deadline` as a whole."""

    class Timed(http.client.HTTPResponse):
        def __init__(
            self,
            sock: socket.socket,
            debuglevel: int = 0,
            method: str | None = None,
            url: str | None = None,
        ) -> None:
            super().__init__(sock, debuglevel, method, url)
            self.fp = io.BufferedReader(_Reader(sock, self.fp, deadline))

    return Timed


def _read(what: str, identity: str, status: int, answer: bytes) -> _Results:
    """Return the results of an answer, or raise with what it says instead."""
    remedy = "see the gateway's log"
    if status != http.client.OK:
        raise ActuationError(f"{what}: HTTP status {status}", remedy)
    try:
        parsed = msgspec.json.decode(answer, type=_Answer)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ActuationError(f"{what}: no OpenC2 response: {error}", remedy) from error
    response = parsed.body.openc2.response
    if response.status != http.client.OK:
        text = response.status_text or "no reason given"
        raise ActuationError(f"{what}: status {response.status}: {text}", remedy)
    if parsed.headers.request_id != identity:
        raise ActuationError(
            f"{what}: answers request {parsed.headers.request_id!r}", remedy
        )
    return response.results.airnet


def _place(gateway: Gateway) -> tuple[str, int]:
    """Return host and port of a gateway's control URL."""
    url = urlsplit(gateway.control)
    try:
        port = url.port
    except ValueError:
        port = None
    if url.scheme != "http" or not url.hostname or not port:
        raise ConfigError(
            f"site: gateway.control {gateway.control!r} is not http://host:port",
            "name the gateway's control service",
        )
    return url.hostname, port


def _text(control: tuple[str, int]) -> str:
    host, port = control
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _parse(handle: str) -> tuple[tuple[str, int], dict[str, str], str]:
    """Return control, target and command id of a handle made by `apply`."""
    place, client, rest = handle.split(" ", 2)
    comp_id, identity = rest.rsplit(" ", 1)
    host, port = place.rsplit(":", 1)
    return (
        (host.strip("[]"), int(port)),
        {"comp_id": comp_id, "client": client},
        identity,
    )
