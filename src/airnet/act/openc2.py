"""OpenC2 over HTTP, or TLS with both sides known: one answer, within one deadline.

OpenC2 Language 1.0 by "Specification for Transfer of OpenC2 Messages via HTTPS 1.0"
(OASIS): POST to /.well-known/openc2, a JSON message with headers and body. What an
answer may hold beyond that is the airnet profile's (docs/openc2.md).
"""

import http.client
import io
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import msgspec

from airnet.clock import Clock
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


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """What a gateway says of one command_id, and of the session it names.

    `open_orders` is -1, and `cancel_on_disconnect` None, where it does not say.
    """

    state: str = ""
    until_ns: int = 0
    open_orders: int = -1
    cancel_on_disconnect: bool | None = None
    is_connected: bool | None = None


class _Extension(msgspec.Struct, frozen=True, kw_only=True):
    airnet: Results = msgspec.field(name="x-airnet", default=Results())


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


#: Made while there is one thread: two that meet a type first at once crash msgspec.
_ANSWERS = msgspec.json.Decoder(_Answer)


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


class Consumer:
    """Speaks to the control services of order gateways; keeps one connection to each.

    Args:
        timeout_ns: how long one command may take in all.
        clock: the time of that.
        secured: the identity to speak TLS with, by host and port; all others in plain.
    """

    def __init__(
        self,
        timeout_ns: int,
        clock: Clock,
        secured: Mapping[tuple[str, int], ssl.SSLContext] | None = None,
    ) -> None:
        self._secured = dict(secured or {})
        self._timeout_ns = timeout_ns
        self._clock = clock
        self._open: dict[tuple[str, int], http.client.HTTPConnection] = {}
        #: One at a time speaks to a gateway: an isolation and an undo may meet there.
        self._turns: dict[tuple[str, int], threading.Lock] = {}

    def close(self) -> None:
        """Let go of the connections."""
        for connection in self._open.values():
            connection.close()
        self._open.clear()

    def ask(
        self,
        control: tuple[str, int],
        action: str,
        identity: str,
        target: Json,
        arguments: Json | None = None,
    ) -> Results:
        """Send one command and return the gateway's results.

        Raises:
            ActuationError: refused, unreachable, or no answer of OpenC2 in time.
        """
        request: Json = {
            "action": action,
            "target": target,
            "command_id": identity,
        }
        if arguments:
            request["args"] = arguments
        whole = {
            "headers": {"request_id": identity},
            "body": {"openc2": {"request": request}},
        }
        what = f"{action} {identity}: gateway {place_text(control)}"
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
        turn = self._turns.setdefault(control, threading.Lock())
        if not turn.acquire(timeout=deadline.left_s()):
            raise TimeoutError("another command has no answer yet")
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
        finally:
            turn.release()

    def _exchange(
        self, control: tuple[str, int], body: bytes, deadline: _Until
    ) -> tuple[int, bytes]:
        connection = self._open.get(control)
        if connection is None:
            connection = self._opened(control, deadline.left_s())
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

    def _opened(
        self, control: tuple[str, int], timeout_s: float
    ) -> http.client.HTTPConnection:
        """Return a connection to a gateway's control, not yet open."""
        context = self._secured.get(control)
        if context is None:
            return http.client.HTTPConnection(*control, timeout=timeout_s)
        return http.client.HTTPSConnection(*control, timeout=timeout_s, context=context)

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


def _read(what: str, identity: str, status: int, answer: bytes) -> Results:
    """Return the results of an answer, or raise with what it says instead."""
    remedy = "see the gateway's log"
    if status != http.client.OK:
        raise ActuationError(f"{what}: HTTP status {status}", remedy)
    try:
        parsed = _ANSWERS.decode(answer)
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


def control_of(control: str) -> tuple[str, int, bool]:
    """Return host and port of a gateway's control URL, and whether it is TLS.

    Raises:
        ConfigError: it is neither https://host:port nor http://host:port.
    """
    url = urlsplit(control)
    try:
        port = url.port
    except ValueError:
        port = None
    if url.scheme not in ("http", "https") or not url.hostname or not port:
        raise ConfigError(
            f"site: gateway.control {control!r} is not https://host:port, nor "
            "http://host:port",
            "name the gateway's control service",
        )
    return url.hostname, port, url.scheme == "https"


def control_problems(
    controls: Sequence[str], plain: Sequence[str], *, has_identity: bool
) -> Iterator[str]:
    """Yield why a gateway's control URL may not be spoken to.

    Args:
        controls: the URLs.
        plain: HOST:PORT of those off this host that may be told in plain text.
        has_identity: whether airnet has one to show.
    """
    for control in controls:
        host, port, is_secured = control_of(control)
        place = place_text((host, port))
        if is_secured and not has_identity:
            yield (
                f"{control}: `actuators.certificate` is missing, so airnet has no "
                "identity to show"
            )
        if not is_secured and not is_loopback(host) and place not in plain:
            yield (
                f"{control}: plain text off this host, where anybody may read and "
                f'forge it: use https, or name "{place}" in `actuators.plain`'
            )


def is_loopback(host: str) -> bool:
    """Return whether nothing said to a host leaves this one: by its address only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def place_text(control: tuple[str, int]) -> str:
    """Return host and port as text."""
    host, port = control
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
