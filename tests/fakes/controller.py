"""A small controller: JSON lines on a Unix socket, and ways to misbehave."""

import json
import socket
import threading
from pathlib import Path
from typing import Any, Self


class FakeController:
    """Answers apply, release and status, one connection at a time.

    `behaviour` is one of: honest; refusing; silent (never answers); mixed_up (answers
    with another id); hanging_up (closes instead of answering); chatty (an event comes
    before every answer); garbage; deposed (another leads). `standing` maps decision
    ids to requests.
    """

    def __init__(self, path: Path, behaviour: str = "honest") -> None:
        self.behaviour = behaviour
        self.requests: list[dict[str, Any]] = []
        self.standing: dict[str, dict[str, Any]] = {}
        self.connections = 0
        self.got_request = threading.Event()
        self._peer: socket.socket | None = None
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(4)
        self._is_closing = False
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up and stop listening."""
        self._is_closing = True
        # Wakes accept(); closing alone does not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self.hang_up()
        self._thread.join()
        self._listener.close()

    def hang_up(self) -> None:
        """Close the connection there is."""
        peer = self._peer
        if peer is not None:
            try:
                peer.shutdown(socket.SHUT_RDWR)
            except OSError:
                return

    def tell(self, line: dict[str, Any]) -> None:
        """Send an event nobody asked for."""
        assert self._peer is not None
        self._peer.sendall(json.dumps(line).encode() + b"\n")

    def _serve(self) -> None:
        while not self._is_closing:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._peer = peer
            with peer, peer.makefile("rb") as lines:
                self._converse(peer, lines)

    def _converse(self, peer: socket.socket, lines: Any) -> None:
        try:
            for raw in lines:
                answer = self._obey(json.loads(raw))
                if answer is None:
                    continue
                if self.behaviour == "hanging_up":
                    return
                peer.sendall(answer)
        except OSError:
            return

    def _obey(self, request: dict[str, Any]) -> bytes | None:
        self.requests.append(request)
        self.got_request.set()
        if self.behaviour == "silent":
            return None
        if self.behaviour == "garbage":
            return b"{no json\n"
        if request["command"] == "status":
            lines = [{"id": key} for key in self.standing]
            return json.dumps({"ok": True, "containments": lines}).encode() + b"\n"
        if request["command"] == "lead":
            self.behaviour = "honest" if self.behaviour == "standby" else self.behaviour
            return (
                json.dumps({"id": "", "ok": True, "state": "leader"}).encode() + b"\n"
            )
        identity = request["id"]
        answer: dict[str, Any] = {"id": identity, "ok": True, "state": "released"}
        if self.behaviour == "refusing":
            answer = {"id": identity, "ok": False, "error": "10.0.0.1 is protected"}
        elif self.behaviour == "deposed":
            answer = {"id": identity, "ok": False, "error": "switch 1: OFPBRC_IS_SLAVE"}
        elif request["command"] == "apply":
            self.standing[identity] = request
            answer |= {
                "state": "applied",
                "switches": ["0000000000000001"],
                "flows": 1,
                "until_ns": 0,
            }
        else:
            self.standing.pop(identity, None)
        if self.behaviour == "mixed_up":
            answer["id"] = "somebody-else"
        event = b""
        if self.behaviour == "chatty":
            told = {"event": "ended", "id": "x", "reason": "hard_timeout", "packets": 3}
            event = json.dumps(told).encode() + b"\n"
        return event + json.dumps(answer).encode() + b"\n"
