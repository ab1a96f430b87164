"""The order gateway under the kit: a real process, real sessions, real orders."""

import contextlib
import http.client
import json
import signal
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest

from airnet.act.openc2 import ANSWER_BYTES_MAX, PATH
from airnet.act.orders import OrdersActuator
from airnet.clock import SystemClock
from airnet.config import Gateway
from airnet.domain.decision import Decision, with_id
from airnet.errors import ActuationError
from airnet.lab.throttle import COMMANDS_MAX
from tests.conformance.role import Breaking, Fault
from tests.fakes.market import HOST, Market, Trader
from tests.fakes.verdicts import MS, throttle

MARKS = (pytest.mark.slow,)
SESSIONS = 64
TIMEOUT_MS = 400
#: Commands that a gateway which lies takes for done.
DEEDS = frozenset({"contain", "restore"})


class Relay:
    """Stands between airnet and the gateway's control; honest until told otherwise."""

    def __init__(self, market: Market) -> None:
        self.manner = "honest"
        relay = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = relay.answer(body, market)
                self.send_response(200 if answer else 502)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._server.server_address[1]}"

    def answer(self, body: bytes, market: Market) -> bytes:
        """Pass a command on and return the gateway's answer, or make one up."""
        whole = json.loads(body)
        results = {"x-airnet": {"state": "applied", "until_ns": 1}}
        made_up: dict[str, object] = {"status": 200, "results": results}
        action = whole["body"]["openc2"]["request"]["action"]
        if self.manner == "refusing":
            made_up = {"status": 403, "status_text": "not you"}
        elif self.manner != "lying" or action not in DEEDS:
            return self._pass(body, market)
        return json.dumps(
            {"headers": whole["headers"], "body": {"openc2": {"response": made_up}}}
        ).encode()

    @contextlib.contextmanager
    def be(self, manner: str) -> Iterator[None]:
        """Be otherwise in the block."""
        self.manner = manner
        yield
        self.manner = "honest"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _pass(self, body: bytes, market: Market) -> bytes:
        asked = http.client.HTTPConnection(HOST, market.control, timeout=10)
        try:
            asked.request("POST", PATH, body)
            return asked.getresponse().read(ANSWER_BYTES_MAX)
        except (OSError, http.client.HTTPException):
            return b""
        finally:
            asked.close()


class OrdersRig:
    """An order gateway; a Decision refuses the new orders of a session of its own."""

    ttl_ns = 600 * MS
    late_ns = 500 * MS
    call_ns = 4 * TIMEOUT_MS * MS

    def __init__(self, folder: Path) -> None:
        comp_ids = [f"ALGO{number}" for number in range(SESSIONS)]
        self._market = Market(folder, comp_ids)
        self._relay = Relay(self._market)
        self._traders: dict[str, Trader] = {}
        self._made: list[OrdersActuator] = []
        self.actuator = self.heir()
        self.faults: dict[Fault, Breaking | str] = {
            Fault.GONE: self._gone,
            Fault.SLOW: self._slow,
            Fault.FULL: self._full,
            Fault.LYING: lambda: self._relay.be("lying"),
            Fault.REFUSES: lambda: self._relay.be("refusing"),
            Fault.PARTIAL: "One session is one limit; it is there or it is not.",
        }

    def decision(self, number: int) -> Decision:
        plain = throttle(number)
        assert plain.session is not None
        place = {"gateway": HOST, "gateway_port": self._market.port}
        return with_id(
            msgspec.structs.replace(
                plain,
                session=msgspec.structs.replace(plain.session, **place),
                gateway=HOST,
                port=self._market.port,
            )
        )

    def holds(self, decision: Decision) -> bool:
        return not self._is_accepted(decision)

    def is_free(self, decision: Decision) -> bool:
        return self._is_accepted(decision)

    def heir(self) -> OrdersActuator:
        gateway = Gateway(ip=HOST, port=self._market.port, control=self._relay.url)
        made = OrdersActuator([gateway], TIMEOUT_MS, SystemClock())
        self._made.append(made)
        return made

    def close(self) -> None:
        for made in self._made:
            made.close()
        for trader in self._traders.values():
            trader.drop()
        self._relay.close()
        self._market.kill()

    def _is_accepted(self, decision: Decision) -> bool:
        """Send a new order in that session, and see what the venue says."""
        comp_id = decision.target[1]
        if comp_id not in self._traders:
            self._traders[comp_id] = Trader(self._market, comp_id)
        return self._traders[comp_id].order()[1]

    @contextlib.contextmanager
    def _gone(self) -> Iterator[None]:
        """The gateway's power goes, and comes back."""
        self._market.kill()
        for trader in self._traders.values():
            trader.drop()
        self._traders.clear()
        yield
        self._market.restart()

    @contextlib.contextmanager
    def _slow(self) -> Iterator[None]:
        """It does nothing, not even hang up."""
        self._market.process.send_signal(signal.SIGSTOP)
        yield
        self._market.process.send_signal(signal.SIGCONT)

    @contextlib.contextmanager
    def _full(self) -> Iterator[None]:
        """As many limits stand as it can keep."""
        filler = OrdersActuator([self._market.gateway], 5000, SystemClock())
        with contextlib.suppress(ActuationError):
            for number in range(COMMANDS_MAX + 1):
                one = msgspec.structs.replace(self.decision(63), measured=number)
                filler.apply(with_id(one), 600_000 * MS)
        filler.close()
        yield
        with self._gone():
            pass


@contextlib.contextmanager
def rig() -> Iterator[OrdersRig]:
    """Give a gateway process of its own."""
    pytest.importorskip("quickfix", reason="quickfix: pip install airnet[lab]")
    with tempfile.TemporaryDirectory() as place:
        made = OrdersRig(Path(place))
        try:
            yield made
        finally:
            made.close()
