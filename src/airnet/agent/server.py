"""The agent at work: one JSON object a line, over TLS 1.3 with names on both sides.

Requests:

    {"command": "apply", "id": DECISION_ID, "action": "throttle_process" |
     "freeze_process", "algorithm": ID, "ttl_ms": n}
    {"command": "release", "id": DECISION_ID}
    {"command": "query", "id": DECISION_ID}
    {"command": "status"}

Each is answered with {"id", "ok": true, "standing": [{"id", "left_ms"}...]} (of that
id, or of all for status), or {"id", "ok": false, "error"}. Times are the agent's own
clock's, and relative: two hosts need not agree on one.
"""

import asyncio
import contextlib
import signal
import ssl
from pathlib import Path
from typing import Literal

import msgspec
import structlog

from airnet.act.identity import identity
from airnet.agent.keeper import Keeper
from airnet.agent.leases import NS_PER_MS, TTL_MS_MAX, Lease, Leases
from airnet.agent.settings import Settings
from airnet.clock import SystemClock
from airnet.domain.decision import Action
from airnet.errors import EXIT_NO, ActuationError, UnsupportedError

LINE_BYTES_MAX = 65_536
TICK_S = 0.02

log = structlog.get_logger()


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client asks."""

    command: Literal["apply", "release", "query", "status"]
    id: str = ""
    action: Action = Action.OBSERVE
    algorithm: str = ""
    ttl_ms: int = 0


#: Made while there is one thread: two that meet a type first at once crash msgspec.
_REQUESTS = msgspec.json.Decoder(Request)


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """A lease that stands, and for how much longer."""

    id: str
    left_ms: int


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What is answered."""

    id: str
    ok: bool = True
    standing: tuple[Left, ...] = ()
    error: str = ""


class Agent:
    """Serves clients until told to stop, or until its keeper is gone."""

    def __init__(self, settings: Settings, base: Path) -> None:
        self._settings = settings
        self._base = base
        self._clock = SystemClock()
        self._keeper = Keeper()
        self._leases = Leases(settings.algorithms, self._keeper, self._clock)
        self._stop = asyncio.Event()
        self.status = 0

    async def run(self) -> int:
        """Work; return the exit status.

        Raises:
            ConfigError: its identity cannot be used.
            UnsupportedError: it cannot listen there.
        """
        loop = asyncio.get_running_loop()
        for failure in self._leases.end_all():  # what a dead one may have left
            log.warning("agent.not_there", what=failure)
        one = self._settings
        names = one.certificate, one.key, one.authority
        context = identity(ssl.Purpose.CLIENT_AUTH, self._base, names)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_reader(self._keeper.heard, self._keeper_gone)
        try:
            server = await asyncio.start_server(
                self._serve, *one.place(), ssl=context, limit=LINE_BYTES_MAX
            )
        except OSError as error:
            raise UnsupportedError(
                f"{one.listen}: cannot listen: {error.strerror}", "choose another"
            ) from error
        log.info("agent.started", listen=one.listen, algorithms=len(one.algorithms))
        try:
            async with server:
                while not self._stop.is_set():
                    self._leases.expire()
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._stop.wait(), TICK_S)
        finally:
            loop.remove_reader(self._keeper.heard)
            self._leases.close()
            self._keeper.close()
        log.info("agent.stopped")
        return self.status

    def _keeper_gone(self) -> None:
        """End: without it nothing here may be trusted to end."""
        log.error("agent.keeper_gone", remedy="it is started again with the agent")
        asyncio.get_running_loop().remove_reader(self._keeper.heard)
        self.status = EXIT_NO
        self._stop.set()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer one client's lines until it goes."""
        name = _name(writer)
        try:
            if name not in self._settings.clients:
                log.warning("agent.refused", client=name)
                return
            while line := await reader.readline():
                reply = self._answer(line, name)
                writer.write(msgspec.json.encode(reply) + b"\n")
                await writer.drain()
        except (OSError, ValueError) as error:
            log.warning("agent.client_lost", client=name, reason=str(error))
        finally:
            writer.close()

    def _answer(self, line: bytes, name: str) -> Reply:
        """Do what one line asks."""
        try:
            asked = _REQUESTS.decode(line)
        except msgspec.DecodeError as error:
            return Reply(id="", ok=False, error=f"no request: {error}")
        try:
            self._do(asked)
        except ActuationError as error:
            log.warning("agent.failed", id=asked.id, what=error.what)
            return Reply(id=asked.id, ok=False, error=error.what)
        if asked.command in ("apply", "release"):
            log.info("agent." + asked.command, id=asked.id, client=name)
        now_ns = self._clock.mono_ns()
        found = (
            Left(id=one.id, left_ms=-(-(one.until_ns - now_ns) // NS_PER_MS))
            for one in self._leases.standing()
            if asked.command == "status" or one.id == asked.id
        )
        return Reply(id=asked.id, standing=tuple(found))

    def _do(self, asked: Request) -> None:
        if asked.command == "release":
            self._leases.release(asked.id)
        if asked.command != "apply":
            return
        if not asked.id or not 0 < asked.ttl_ms <= TTL_MS_MAX:
            raise ActuationError(f"ttl_ms must be 1..{TTL_MS_MAX}", "send one")
        until_ns = self._clock.mono_ns() + asked.ttl_ms * NS_PER_MS
        lease = Lease(
            id=asked.id,
            action=asked.action,
            algorithm=asked.algorithm,
            until_ns=until_ns,
        )
        self._leases.apply(lease)


def _name(writer: asyncio.StreamWriter) -> str:
    """Return who a client's certificate says it is: its subject's common name."""
    certificate = writer.get_extra_info("peercert") or {}
    for part in certificate.get("subject", ()):
        for field, value in part:
            if field == "commonName":
                return str(value)
    return ""


def run(settings: Settings, base: Path) -> int:
    """Run the agent to its end and return its exit status.

    Raises:
        AirnetError: see Agent.
    """

    async def whole() -> int:
        return await Agent(settings, base).run()

    return asyncio.run(whole())


def thaw(settings: Settings) -> None:
    """Hold nothing that an agent left behind; without one, and by no lease."""
    keeper = Keeper()
    try:
        for failure in Leases(settings.algorithms, keeper, SystemClock()).end_all():
            log.warning("agent.not_there", what=failure)
    finally:
        keeper.close()
