"""The lab's order gateway as the kit's rigs have it: who trades there, what befalls it.

What becomes of orders is seen by whoever sells where they buy, at the gateway itself.
"""

import contextlib
import http.client
import json
import tempfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Protocol, TypeVar

import pytest

from airnet.act.openc2 import ANSWER_BYTES_MAX, PATH
from airnet.errors import ActuationError
from tests.fakes.market import HOST, Market, Trader
from tests.fakes.stopping import stopped

SESSIONS = 64
COMPS = [f"ALGO{number}" for number in range(SESSIONS)]
#: Has no order of its own, and is nobody that may cancel for others.
PROBE = "PROBE"
PRICE, SIZE = "10.00", 5000
#: How it is where it does as it should; what is not here, true.
HONEST = {"locked": ""}
#: Commands that a gateway which lies takes for done.
DEEDS = frozenset({"contain", "restore", "deny", "allow", "stop"})


class Floor:
    """Who trades at a gateway.

    Args:
        market: the gateway.
        log_on: how a session gets there; straight, where nothing is said.
    """

    def __init__(
        self, market: Market, log_on: Callable[[str], Trader] | None = None
    ) -> None:
        self.market = market
        self.traders: dict[str, Trader] = {}
        self._is_over = threading.Event()
        self._polite = threading.Thread(target=self._answer)
        self._polite.start()
        self._log_on = log_on or (lambda comp_id: Trader(market, comp_id))

    def trader(self, comp_id: str) -> Trader:
        """Return a session that is logged on, or was."""
        if comp_id not in self.traders:
            self.traders[comp_id] = self._log_on(comp_id)
        return self.traders[comp_id]

    def rest(self, comp_id: str) -> bool:
        """Enter one order in each of two symbols nobody else trades; all taken?"""
        trader = self.trader(comp_id)
        taken = [trader.order(PRICE, of=one, size=SIZE)[1] for one in symbols(comp_id)]
        return all(taken)

    def open_orders(self, comp_id: str) -> list[bool]:
        """Return for both symbols whether who sells one there finds who buys."""
        probe, found = self.trader(PROBE), []
        for symbol in symbols(comp_id):
            asked, is_taken = probe.order(PRICE, of=symbol, side="2", size=1)
            assert is_taken, "the probe's order was refused"
            found.append(probe.cancel(asked) == "9")  # filled: nothing to cancel
        return found

    def may_order(self, comp_id: str) -> bool:
        """Have a session order, once it has logged on again where it had to leave."""
        try:
            return self.rest(comp_id)
        except ActuationError:  # logged out, and kept out still
            if comp_id in self.traders:
                self.traders.pop(comp_id).drop()
            self.market.counts()
            return False

    def close(self) -> None:
        """Have everybody go."""
        self._is_over.set()
        self._polite.join()
        self.drop()

    def _answer(self) -> None:
        """Answer each Logout, as engines do whatever their traders are at."""
        while not self._is_over.wait(0.01):
            for trader in list(self.traders.values()):
                trader.answer_logout()

    def drop(self) -> None:
        """Have everybody go without a word."""
        for trader in self.traders.values():
            trader.drop()
        self.traders.clear()

    @contextlib.contextmanager
    def dead(self) -> Iterator[None]:
        """The gateway's power goes, and comes back; who traded may trade again."""
        self.market.kill()
        yield
        self.market.restart()
        self.drop()

    @contextlib.contextmanager
    def hung(self) -> Iterator[None]:
        """It does nothing for a while, not even hang up; then all that it was told."""
        with stopped(self.market.process.pid):
            yield

    @contextlib.contextmanager
    def behaving(self, **words: object) -> Iterator[None]:
        """It is not as it should be; see airnet.lab.venue."""
        self.market.behave(**words)
        yield
        self.market.behave(**{word: HONEST.get(word, True) for word in words})


def symbols(comp_id: str) -> tuple[str, str]:
    """Return what a session alone trades."""
    return f"{comp_id}A", f"{comp_id}B"


class OnFloor(Protocol):
    """A rig that is made in a folder of its own."""

    def close(self) -> None:
        """Leave nothing behind."""
        ...


Made = TypeVar("Made", bound=OnFloor)


@contextlib.contextmanager
def standing(kind: Callable[[Path], Made]) -> Iterator[Made]:
    """Give a rig on a gateway process of its own."""
    pytest.importorskip("quickfix", reason="quickfix: pip install airnet[lab]")
    with tempfile.TemporaryDirectory() as place:
        made = kind(Path(place))
        try:
            yield made
        finally:
            made.close()


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
