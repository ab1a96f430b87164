"""The lab's order gateway as a process on loopback, and traders with real sessions."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import msgspec

from airnet.act.fixline import Address, Fields, FixLine
from airnet.clock import SystemClock
from airnet.config import Gateway
from airnet.domain.session import SessionName
from airnet.errors import ActuationError
from airnet.lab.roster import VENUE_COMP
from airnet.lab.session_settings import settings_text

LIMIT_S = 30.0
NS_PER_S = 1_000_000_000
RISK = "AIRNET"
HOST = "127.0.0.1"


#: Somebody else may have taken a port that was free a moment before.
STARTS = 3


def free_ports() -> tuple[int, int]:
    """Return two ports that nobody has."""
    with socket.socket() as one, socket.socket() as other:
        one.bind((HOST, 0))
        other.bind((HOST, 0))
        return int(one.getsockname()[1]), int(other.getsockname()[1])


class NotStartedError(Exception):
    """The gateway process ended before it was ready."""


class Market:
    """A gateway process: QuickFIX sessions, a book, and its control over HTTP.

    Args:
        folder: where its settings are written.
        comp_ids: who may log on.
        words: how it behaves; see airnet.lab.venue.
    """

    def __init__(self, folder: Path, comp_ids: list[str], *words: str) -> None:
        settings = folder / "venue.cfg"
        for left in reversed(range(STARTS)):
            self.port, self.control = free_ports()
            self._settle(settings, comp_ids)
            self._words = [
                *(sys.executable, "-m", "airnet.lab.venue", str(settings)),
                *(HOST, str(self.control), f"risk={RISK}", *words),
            ]
            try:
                self.process = self._start()
            except NotStartedError:
                if not left:
                    raise
            else:
                break

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def gateway(self) -> Gateway:
        """Return it as site.toml has it."""
        return Gateway(
            ip=HOST,
            port=self.port,
            comp_id=VENUE_COMP,
            control=f"http://{HOST}:{self.control}",
            control_fix=f"fix://{HOST}:{self.port}/{RISK}/{VENUE_COMP}",
        )

    def behave(self, **words: object) -> None:
        """Have it behave otherwise, and return once it does; see airnet.lab.venue."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        line = msgspec.json.encode({"do": "control", **words}) + b"\n"
        self.process.stdin.write(line)
        self.process.stdin.flush()
        while True:
            told = msgspec.json.decode(self.process.stdout.readline())
            manner = told.get("manner", {})
            if all(manner.get(key) == value for key, value in words.items()):
                return

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        self.process.wait()

    def restart(self) -> None:
        """Start it again; it remembers nothing."""
        self.process = self._start()

    def counts(self) -> dict[str, dict[str, int]]:
        """Return what it counted, by CompID, as it says next."""
        assert self.process.stdout is not None
        while True:
            told = msgspec.json.decode(self.process.stdout.readline())
            if told["kind"] == "counts":
                found: dict[str, dict[str, int]] = told["sessions"]
                return found

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            self._words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert process.stdout is not None
        if b'"ready"' not in process.stdout.readline():
            process.kill()
            process.communicate()
            raise NotStartedError
        return process

    def _settle(self, path: Path, comp_ids: list[str]) -> None:
        common = {
            "ConnectionType": "acceptor",
            "SenderCompID": VENUE_COMP,
            "SocketAcceptPort": str(self.port),
            "SocketReuseAddress": "Y",
        }
        sessions = [{"TargetCompID": one} for one in [*comp_ids, RISK]]
        path.write_text(settings_text(common, sessions, SystemClock()), "ascii")


class Trader:
    """One logged-on session with a real QuickFIX acceptor, reached at an address."""

    def __init__(self, market: Market, comp_id: str, at: str = HOST) -> None:
        self.comp_id = comp_id
        self._market = market
        self._at = at
        self._serial = 0
        self._has_answered = False
        self._line = self._log_on()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._line.__exit__()

    @property
    def name(self) -> SessionName:
        """Return the session as the mirror shows it."""
        return SessionName(
            client=self._line.client_host,
            client_port=self._line.client_port,
            gateway=self._at,
            gateway_port=self._market.port,
            client_comp=self.comp_id,
            gateway_comp=VENUE_COMP,
        )

    def order(
        self, price: str = "10.00", *, of: str = "XYZ", side: str = "1", size: int = 5
    ) -> tuple[str, bool]:
        """Send a new order; return its id and whether it was accepted.

        `of` is its symbol, `side` 1 to buy and 2 to sell.
        """
        self._serial += 1
        client_id = f"{self.comp_id}-{self._serial}"
        fields = {
            "11": client_id,
            "55": of,
            "54": side,
            "60": self._line.now_text(),
            "38": str(size),
            "40": "2",
            "44": price,
        }
        self._line.send("D", fields)
        report = self._line.hear("8", tag_11=client_id)
        return client_id, report["150"] == "0"

    def cancel(self, client_id: str) -> str:
        """Cancel an order; return the MsgType of the answer, 8 or 9."""
        self._serial += 1
        fields = {
            "11": f"{self.comp_id}-{self._serial}",
            "41": client_id,
            "55": "XYZ",
            "54": "1",
            "60": self._line.now_text(),
            "38": "5",
        }
        self._line.send("F", fields)
        return self._line.hear_any({"8", "9"}, tag_41=client_id)["35"]

    def report(self, client_id: str) -> Fields:
        """Return the next report about an order."""
        return self._line.hear("8", tag_11=client_id)

    def logout(self) -> Fields:
        """Return the Logout(5) that the gateway sends."""
        return self._line.hear("5")

    def answer_logout(self) -> None:
        """Answer a Logout(5) that has come, and leave what came before it unread."""
        if self._has_answered:
            return
        with contextlib.suppress(OSError, ActuationError):
            # By another descriptor, which waits for nothing whoever reads meanwhile.
            with socket.socket(fileno=os.dup(self._line._socket.fileno())) as eye:
                eye.setblocking(False)
                waiting = eye.recv(65536, socket.MSG_PEEK)
            if b"\x0135=5\x01" in waiting:
                self._has_answered = True
                self._line.send("5", {})

    def drop(self) -> None:
        """Go without a word, as a cut line does."""
        self._line.close()

    def _log_on(self) -> FixLine:
        end = time.monotonic() + LIMIT_S
        address = Address(
            host=self._at, port=self._market.port, ours=self.comp_id, theirs=VENUE_COMP
        )
        assert time.monotonic() < end
        return FixLine(address, 90 * NS_PER_S, SystemClock()).__enter__()
