"""AgentLine: the TLS connection to one agent, kept for whoever asks next.

A handshake with names on both sides costs several times what the agent's own work does,
so a hundred undone one after the other would wait for a hundred of them. Every request
may be sent twice: an agent knows it by the Decision's id.
"""

import contextlib
import socket
import ssl
import threading

from airnet.clock import Clock

NS_PER_S = 1_000_000_000
ANSWER_BYTES_MAX = 65_536
#: One that was idle for longer may have been forgotten by something in between.
IDLE_NS = 10 * NS_PER_S


class AgentLine:
    """Asks an agent, by a connection that stays; for any number of threads.

    Args:
        place: HOST:PORT.
        context: our identity, and who vouches for the agent's.
        timeout_ns: how long one request may take, connecting included.
        clock: for that.
    """

    def __init__(
        self, place: str, context: ssl.SSLContext, timeout_ns: int, clock: Clock
    ) -> None:
        self._kept: ssl.SSLSocket | None = None
        host, _, port = place.rpartition(":")
        self._host, self._port = host.strip("[]"), int(port)
        self._context = context
        self._timeout_ns = timeout_ns
        self._clock = clock
        self._lock = threading.Lock()
        self._used_ns = 0

    def __del__(self) -> None:
        """Let go of the connection."""
        self.close()

    def close(self) -> None:
        """Let go of the connection; whoever asks next has a new one."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()

    def ask(self, request: bytes) -> bytes:
        """Send one line and return the line that is answered.

        Whoever comes while another is asking has a connection of their own: what hangs
        there holds up nobody here.

        Raises:
            OSError: it cannot be reached, or does not answer in time.
        """
        end_ns = self._clock.mono_ns() + self._timeout_ns
        if not self._lock.acquire(blocking=False):
            with self._connect(end_ns) as own:
                return self._exchange(own, request, end_ns)
        try:
            return self._ask(request, end_ns)
        finally:
            self._lock.release()

    def _ask(self, request: bytes, end_ns: int) -> bytes:
        """Ask by the kept connection, or by a new one that is kept then."""
        kept, self._kept = self._kept, None
        if kept is not None:
            is_idle = self._clock.mono_ns() - self._used_ns > IDLE_NS
            with contextlib.ExitStack() as closing:
                closing.callback(kept.close)
                # Closed by an agent that was started anew: then by a new one.
                with contextlib.suppress(ConnectionError, ssl.SSLError):
                    if not is_idle:
                        answer = self._exchange(kept, request, end_ns)
                        closing.pop_all()
                        self._keep(kept)
                        return answer
        made = self._connect(end_ns)
        try:
            answer = self._exchange(made, request, end_ns)
        except BaseException:
            made.close()
            raise
        self._keep(made)
        return answer

    def _keep(self, connection: ssl.SSLSocket) -> None:
        self._kept, self._used_ns = connection, self._clock.mono_ns()

    def _connect(self, end_ns: int) -> ssl.SSLSocket:
        place = self._host, self._port
        raw = socket.create_connection(place, self._left_s(end_ns))
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.settimeout(self._left_s(end_ns))
        return self._context.wrap_socket(raw, server_hostname=self._host)

    def _exchange(
        self, connection: ssl.SSLSocket, request: bytes, end_ns: int
    ) -> bytes:
        connection.settimeout(self._left_s(end_ns))
        connection.sendall(request)
        answer = b""
        while not answer.endswith(b"\n"):
            connection.settimeout(self._left_s(end_ns))
            chunk = connection.recv(ANSWER_BYTES_MAX)
            if not chunk:
                raise ConnectionResetError("it closed the connection")
            answer += chunk
            if len(answer) > ANSWER_BYTES_MAX:
                raise OSError("an answer without end")
        return answer

    def _left_s(self, end_ns: int) -> float:
        left_ns = end_ns - self._clock.mono_ns()
        if left_ns <= 0:
            raise TimeoutError("no answer in time")
        return left_ns / NS_PER_S
