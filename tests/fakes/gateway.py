"""A small order gateway: OpenC2 over HTTP, sessions limited, and ways to misbehave."""

import json
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

RESPONSE_TYPE = "application/openc2-rsp+json;version=1.0"


class FakeGateway:
    """An order gateway on a loopback port.

    `behaviour` is one of: honest; broken (HTTP 500); refusing (OpenC2 status 501);
    garbage (200, no JSON); huge (200, ten million bytes); lying (acknowledges, limits
    nothing); endless (limits, and
    does not stop at the end); silent (never answers); dripping (a byte at a time);
    closing (HTTP/1.0 style: answers and closes).

    `commands` are the requests as received; `limits` maps command_id to its target and
    end; `on_command` is called with each, before it is answered. With a `context` it
    speaks TLS and nothing else.
    """

    def __init__(
        self,
        behaviour: str = "honest",
        now_ns: int = 0,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.behaviour = behaviour
        self.now_ns = now_ns
        self.commands: list[dict[str, Any]] = []
        self.limits: dict[str, tuple[dict[str, str], int]] = {}
        self.content_types: list[str] = []
        self.on_command: Callable[[dict[str, Any]], None] = lambda _: None
        self._stop = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler_class())
        self._server.daemon_threads = True
        self._scheme = "http"
        if context is not None:
            self._scheme = "https"
            held = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
            self._server.socket = held
            # Who is refused is the client's to tell; here it would be a traceback.
            self._server.handle_error = lambda *_: None
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Return what site.toml calls `control`."""
        host, port = self._server.server_address[:2]
        return f"{self._scheme}://{host!s}:{port}"

    def close(self) -> None:
        """Stop listening, and every answer still owed."""
        self._stop.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def is_limited(self, client: str) -> bool:
        """Return whether a new order of that client is refused now."""
        return any(
            target.get("client") == client
            and (end_ns > self.now_ns or self.behaviour == "endless")
            for target, end_ns in self.limits.values()
        )

    def obey(self, whole: dict[str, Any]) -> dict[str, Any]:
        """Carry one command out and return the answer's body."""
        request = whole["body"]["openc2"]["request"]
        self.commands.append(request)
        self.on_command(request)
        identity = request["command_id"]
        if request["action"] == "contain" and self.behaviour != "lying":
            end_ns = self.now_ns + request["args"]["duration"] * 1_000_000
            target = request["target"]["x-airnet:session"]
            self.limits.setdefault(identity, (target, end_ns))
        elif request["action"] == "restore":
            self.limits.pop(identity, None)
        _, end_ns = self.limits.get(identity, ({}, 0))
        stands = end_ns > self.now_ns or (end_ns and self.behaviour == "endless")
        is_lie = self.behaviour == "lying" and request["action"] == "contain"
        results = {
            "state": "applied" if stands or is_lie else "released",
            "until_ns": end_ns,
        }
        response: dict[str, Any] = {"status": 200, "results": {"x-airnet": results}}
        if self.behaviour == "refusing":
            response = {"status": 501, "status_text": "not here"}
        return {
            "headers": {"request_id": whole["headers"]["request_id"]},
            "body": {"openc2": {"response": response}},
        }

    def _handler_class(self) -> type[BaseHTTPRequestHandler]:
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Head and body are two writes: without it the second waits for an ACK.
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                size = int(self.headers["Content-Length"])
                gateway.content_types.append(self.headers["Content-Type"])
                whole = json.loads(self.rfile.read(size))
                if self.path != "/.well-known/openc2":
                    self.send_error(404)
                    return
                answer = json.dumps(gateway.obey(whole)).encode()
                self._reply(answer)

            def _reply(self, answer: bytes) -> None:
                if gateway.behaviour == "silent":
                    gateway._stop.wait(30)
                    self.close_connection = True
                    return
                if gateway.behaviour == "garbage":
                    answer = b"<html>busy</html>"
                if gateway.behaviour == "huge":
                    answer = b'{"a": "' + b"a" * 10_000_000
                self.send_response(500 if gateway.behaviour == "broken" else 200)
                self.send_header("Content-Type", RESPONSE_TYPE)
                if gateway.behaviour == "closing":
                    self.send_header("Connection", "close")
                else:
                    self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                if gateway.behaviour == "dripping":
                    for index in range(len(answer)):
                        if gateway._stop.wait(0.02):
                            return
                        self.wfile.write(answer[index : index + 1])
                    return
                self.wfile.write(answer)
                self.close_connection = gateway.behaviour == "closing"

            def log_message(self, *_: object) -> None:
                pass

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

        return Handler
