"""Control, all that the lab's order gateway does on an OpenC2 command.

The profile is docs/openc2.md. What has an end is a hold of Throttle; a session that is
disabled stays so until somebody with a name allows it, and that is remembered.
"""

import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol

import msgspec

from airnet.clock import Clock
from airnet.lab.throttle import (
    BAD_REQUEST,
    COMMANDS_MAX,
    DURATION_MAX_MS,
    NO_ROOM,
    NOBODY,
    OK,
    Json,
    Request,
    Target,
    Throttle,
)

OPENC2_PATH = "/.well-known/openc2"
REQUEST_BYTES_MAX = 65_536
FEATURES: Json = {
    "versions": ["1.0"],
    "profiles": ["x-airnet"],
    "pairs": {
        "contain": ["x-airnet:session"],
        "restore": ["x-airnet:session"],
        "delete": ["x-airnet:orders"],
        "deny": ["x-airnet:session"],
        "allow": ["x-airnet:session"],
        "stop": ["x-airnet:session"],
        "query": ["x-airnet:session", "features"],
    },
}


class Floor(Protocol):
    """What the control needs of the venue."""

    def cancel_all(self, comp_id: str) -> int:
        """Cancel every open order of a session and return how many there were."""
        ...

    def open_orders(self, comp_id: str) -> int:
        """Return how many orders of a session are open."""
        ...

    def log_out(self, comp_id: str, why: str) -> None:
        """Send a session Logout(5) and let it go."""
        ...

    def is_connected(self, comp_id: str) -> bool:
        """Return whether a session is logged on."""
        ...

    def cancels_on_disconnect(self, comp_id: str) -> bool:
        """Return whether its orders are cancelled when it is gone."""
        ...


class Control(Throttle):
    """Limits, cancels, disables and logs out sessions.

    `confirms` off: it says of no session how many orders are open, as a gateway that
    never confirms a cancel; `cancels` off: it cancels nothing, as one that cannot;
    `logs_out` off: nobody is logged out, whatever it says;
    `locked`: symbols whose orders cannot be cancelled now, as in some phases.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.floor: Floor | None = None
        self.confirms = self.cancels = self.logs_out = True
        self.locked: frozenset[str] = frozenset()
        #: Who allowed which session again, as it was said.
        self.allowed: list[tuple[str, str]] = []
        self._disabled: dict[str, Target] = {}
        self._stops: dict[str, str] = {}
        #: Commands carried out, the oldest first: a repeated one does nothing.
        self._heard: dict[str, None] = {}
        self._held = threading.Lock()

    def manner(self) -> dict[str, object]:
        """Return how it behaves now, in the words of `behave`."""
        locked = ",".join(sorted(self.locked))
        found: dict[str, object] = {"cancels": self.cancels, "confirms": self.confirms}
        return {**found, "logs_out": self.logs_out, "locked": locked}

    def behave(self, told: Mapping[str, object]) -> None:
        """Take over what is told of `cancels` and such (off), and `locked` (A,B)."""
        off = (False, "off")
        self.cancels = told.get("cancels", self.cancels) not in off
        self.confirms = told.get("confirms", self.confirms) not in off
        self.logs_out = told.get("logs_out", self.logs_out) not in off
        if "locked" in told:
            self.locked = frozenset(str(told["locked"]).split(",")) - {""}

    def stops(self, comp_id: str) -> str:
        """Return the command that forbids new orders of a session now, or nothing."""
        with self._held:
            for command_id, target in self._disabled.items():
                if target.comp_id == comp_id:
                    return command_id
        return super().stops(comp_id)

    def bars(self, comp_id: str) -> str:
        """Return the command that keeps a session from logging on, or nothing."""
        standing = {hold.command_id for hold in self.standing()}
        with self._held:
            for command_id, stopped in self._stops.items():
                if stopped == comp_id and command_id in standing:
                    return command_id
        return ""

    def carry_out(self, request: Request) -> tuple[int, str, Json]:
        """Return status, its text and the results."""
        session, action = request.target.session, request.action
        if action == "query" and request.target.features is not None:
            return OK, "", dict(FEATURES)
        if action not in ("delete", "deny", "allow", "stop"):
            return super().carry_out(request)
        floor = self.floor
        target = request.target.orders if action == "delete" else session
        if floor is None or not request.command_id or not target.comp_id:
            return BAD_REQUEST, "no command_id or comp_id", {}
        comp_id = target.comp_id
        if action == "allow":
            return self._allow(request)
        if self._is_known(request.command_id):
            return OK, "", self.results(request.command_id, target)
        if action == "deny":
            with self._held:
                self._disabled[request.command_id] = target
        if action == "stop":
            held = msgspec.structs.replace(request.args, duration=self._span(request))
            if not self.begin(msgspec.structs.replace(request, args=held)):
                with self._held:  # nothing was done: said again, it is no repeated one
                    del self._heard[request.command_id]
                return NO_ROOM, f"{COMMANDS_MAX} limits stand already", {}
            with self._held:
                self._stops[request.command_id] = comp_id
        if self.cancels:
            floor.cancel_all(comp_id)
        if action == "stop" and self.logs_out:
            floor.log_out(comp_id, f"risk control {request.command_id}")
        return OK, "", self.results(request.command_id, target)

    def results(self, command_id: str, target: Target = NOBODY) -> Json:
        """Return the state of one command, and what is known of its session."""
        found = super().results(command_id)
        with self._held:
            if command_id in self._disabled:
                found["state"] = "applied"
        if self.floor is not None and target.comp_id:
            comp_id = target.comp_id
            if self.confirms:
                found["open_orders"] = self.floor.open_orders(comp_id)
            found["is_connected"] = self.floor.is_connected(comp_id)
            cod = self.floor.cancels_on_disconnect(comp_id)
            found["cancel_on_disconnect"] = cod
        return found

    def _is_known(self, command_id: str) -> bool:
        """Return whether a command was heard before, and remember it."""
        with self._held:
            if command_id in self._heard:
                return True
            self._heard[command_id] = None
            if len(self._heard) > COMMANDS_MAX:
                del self._heard[next(iter(self._heard))]
        return False

    def _allow(self, request: Request) -> tuple[int, str, Json]:
        """Enable a session again, on somebody's word."""
        by = request.args.airnet.by.strip()
        if not by:
            return BAD_REQUEST, "nobody is named who allows it", {}
        with self._held:
            target = self._disabled.pop(request.command_id, None)
        if target is not None:
            self.allowed.append((target.comp_id, by))
        return OK, "", self.results(request.command_id, request.target.session)

    def _span(self, request: Request) -> int:
        """Return for how long a session that is logged out may not come back."""
        return min(request.args.duration or DURATION_MAX_MS, DURATION_MAX_MS)


def control_server(address: str, port: int, throttle: Throttle) -> ThreadingHTTPServer:
    """Return the gateway's control: OpenC2 over HTTP, one path, POST only."""

    class Control(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            size = self.headers.get("Content-Length", "")
            is_sane = size.isdigit() and int(size) <= REQUEST_BYTES_MAX
            if self.path != OPENC2_PATH or not is_sane:
                self.close_connection = True
                self._say(404 if is_sane else 413, b"")
                return
            self._say(200, throttle.answer(self.rfile.read(int(size))))

        def _say(self, status: int, body: bytes) -> None:
            self.send_response(status)
            kind = "application/openc2-rsp+json;version=1.0"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep standard error for what matters."""

    server = ThreadingHTTPServer((address, port), Control)
    server.daemon_threads = True
    return server
