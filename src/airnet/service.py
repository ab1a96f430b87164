"""The running service behind `airnet run`: a lane, the hands, signals, metrics.

Two threads. The lane captures, decodes and decides and never waits for anything
slower than its own work; the hands write the intent, act and write the outcome. What
the lane orders is queued to the hands in order; the queue is bounded and a full one
stops the lane rather than lose an order.
"""

import os
import queue
import signal
import socket
import threading
from io import FileIO
from pathlib import Path
from types import FrameType

import msgspec
import structlog

from airnet import __version__
from airnet.act.orders import OrdersActuator
from airnet.act.sdn import SdnActuator
from airnet.act.standing import Standing
from airnet.capture import open_interface
from airnet.capture.recorder import Recorder
from airnet.clock import SystemClock
from airnet.config import Config, Site, load
from airnet.decide.policy import Policy
from airnet.domain.decision import (
    PASSIVE,
    Decision,
    Mode,
    TargetType,
    decision_line,
)
from airnet.domain.session import CLOSED, address_text
from airnet.domain.verdict import Verdict
from airnet.metrics import Metrics
from airnet.pipeline import Pipeline, Totals, models_path, policy_path, think
from airnet.record.file import FileLedger
from airnet.replay import digest
from airnet.score import load as load_models

ORDERS_MAX = 1024  # queued to the hands; beyond it the lane waits
WAIT_MS = 20  # one poll; also how often effects are looked at on an idle line
EFFECT_EVERY_NS = 50_000_000
DRAIN_STEPS_MAX = 4096

log = structlog.get_logger()


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """A Decision in force whose effect is looked for on the mirror."""

    decision: Decision
    until_mono_ns: int


class Hands:
    """The thread that writes intents, acts, and writes outcomes, in order."""

    def __init__(self, standing: Standing, clock: SystemClock) -> None:
        self._standing = standing
        self._clock = clock
        self._orders: queue.Queue[tuple[str, tuple[object, ...]]] = queue.Queue(
            ORDERS_MAX
        )
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="hands", daemon=True)

    def start(self) -> None:
        """Begin working on orders."""
        self._thread.start()

    def carry_out(self, decision: Decision, verdict: Verdict) -> None:
        """Queue a Decision."""
        self._orders.put(("carry_out", (decision, verdict)))

    def tick(self, now_ns: int) -> None:
        """Do nothing: on a live line containments end by the host's clock."""

    def observe(self, decision_id: str, last_bad_ns: int, now_ns: int) -> None:
        """Queue what the mirror shows of a containment's target."""
        self._orders.put(("observe", (decision_id, last_bad_ns, now_ns)))

    def stop(self) -> None:
        """Finish what is queued and return."""
        self._orders.put(("stop", ()))
        self._thread.join()

    def _work(self) -> None:
        """Work on orders until told to stop; a failure ends the service."""
        try:
            while self._one():
                self._standing.tick(self._clock.now_ns())
        except BaseException as error:  # noqa: BLE001 -- the lane raises it again
            self.failure = error

    def _one(self) -> bool:
        """Work on one order, if any; False when told to stop."""
        try:
            what, arguments = self._orders.get(timeout=WAIT_MS / 1000)
        except queue.Empty:
            return True
        if what == "stop":
            return False
        if what == "carry_out":
            self._standing.carry_out(*arguments)  # type: ignore[arg-type]
        else:
            self._standing.observe_effect(*arguments)  # type: ignore[arg-type]
        return True


def notify(state: str) -> None:
    """Tell systemd one line of sd_notify(3); nothing without NOTIFY_SOCKET.

    One datagram, so written by hand rather than borrowed (ADR 0014).
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.sendto(state.encode(), address)


class Service:
    """Everything `airnet run` holds, from configuration to the last record."""

    def __init__(self, config: Config, base: Path) -> None:
        self._clock = SystemClock()
        self._stopping = threading.Event()
        self._watched: dict[str, Watched] = {}
        self._looked_ns = 0
        site_file = _under(base, config.site)
        policy_file = _under(base, config.policy) or policy_path()
        site = load(site_file, Site) if site_file else Site()
        policy = load(policy_file, Policy)
        scorer = load_models(_under(base, config.models) or models_path())
        brain = think(site, policy, scorer)
        self._decisions = _append_to(_under(base, config.service.decisions))
        ledger_path = _under(base, config.service.ledger)
        assert ledger_path is not None, "the ledger has a default place"
        self._ledger = FileLedger(ledger_path)
        self._brain = brain
        timeout_ms = config.actuators.timeout_ms
        socket_path = _under(base, config.actuators.controller_socket)
        actuators: list[SdnActuator | OrdersActuator] = [
            OrdersActuator(site.gateways, timeout_ms, self._clock)
        ]
        if socket_path:
            actuators.append(
                SdnActuator(
                    str(socket_path),
                    known=self._known,
                    timeout_ms=timeout_ms,
                    clock=self._clock,
                )
            )
        hosts = {host for firm in site.firms for host in firm.hosts}
        self._spared = hosts | {one.network for one in site.protected if one.network}
        standing = Standing(actuators, self._ledger, self._clock)
        standing.recover(list(self._ledger.evidence()))
        self._hands = Hands(standing, self._clock)
        source = open_interface(config.capture)
        record = _under(base, config.capture.record)
        self._tape = Recorder(record) if record else None
        self._lane = Pipeline(
            source, brain, self._hands, on_decision=self._decided, tape=self._tape
        )
        self._metrics = Metrics(self._lane, self._ledger, standing)
        self._metrics_address = (
            config.service.metrics_host,
            config.service.metrics_port,
        )
        self._ledger.append(
            "start",
            self._clock.now_ns(),
            {
                "version": __version__,
                "mode": "live",
                "source": source.name,
                "site": digest(site_file),
                "policy": digest(policy_file),
                **scorer.provenance(),
            },
        )
        self._ledger.sync()

    def run(self) -> None:
        """Work until SIGTERM or SIGINT, then drain and close everything.

        Raises:
            AirnetError: the interface, the ledger or the disk failed for good.
        """
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGHUP, self._refuse_reload)
        self._metrics.serve(*self._metrics_address)
        self._hands.start()
        log.info("service.started", source=self._lane.source.name)
        notify("READY=1\nSTATUS=watching " + self._lane.source.name)
        beat_ns = 0
        try:
            while not self._stopping.is_set():
                self._lane.step(WAIT_MS)
                self._look_at_effects()
                if self._clock.mono_ns() - beat_ns > 1_000_000_000:
                    beat_ns = self._clock.mono_ns()
                    notify("WATCHDOG=1")
                if self._hands.failure is not None:
                    raise self._hands.failure
            self._drain()
        finally:
            self._close()

    def totals(self) -> Totals:
        """Return what went through so far."""
        return self._lane.totals

    def _drain(self) -> None:
        """Take what is still in the ring."""
        notify("STOPPING=1")
        for _ in range(DRAIN_STEPS_MAX):
            if self._lane.step(0) == 0:
                break
        self._look_at_effects()

    def _close(self) -> None:
        """Let go of everything, whatever happened before."""
        counters = self._lane.source.counters()
        self._lane.source.close()
        if self._hands.failure is None:
            self._hands.stop()
            self._ledger.append(
                "end",
                self._clock.now_ns(),
                {"frames": self._lane.totals.frames, "counters": counters},
            )
        self._ledger.close()
        if self._tape is not None:
            self._tape.close()
        if self._decisions is not None:
            self._decisions.close()
        log.info("service.stopped", frames=self._lane.totals.frames, **counters)

    def _decided(self, decision: Decision) -> None:
        """Write a Decision's line; watch its target if it acts."""
        if self._decisions is not None:
            self._decisions.write(decision_line(decision))
        log.info(
            "decision.made",
            id=decision.id,
            cause=decision.cause,
            action=decision.action,
            target=decision.target,
            mode=decision.mode,
            why=decision.why,
        )
        if decision.action not in PASSIVE and decision.mode is Mode.ENFORCE:
            ttl_ns = decision.until_ns - decision.t_ns
            self._watched[decision.id] = Watched(
                decision=decision, until_mono_ns=self._clock.mono_ns() + ttl_ns
            )

    def _look_at_effects(self) -> None:
        """Tell the hands what the mirror shows of each contained target."""
        mono_ns = self._clock.mono_ns()
        if not self._watched or mono_ns - self._looked_ns < EFFECT_EVERY_NS:
            return
        self._looked_ns = mono_ns
        for watched in list(self._watched.values()):
            decision = watched.decision
            last_bad_ns = self._last_bad_ns(decision)
            self._hands.observe(decision.id, last_bad_ns, self._clock.now_ns())
            if mono_ns > watched.until_mono_ns:
                del self._watched[decision.id]

    def _last_bad_ns(self, decision: Decision) -> int:
        """Return when the mirror last showed what `decision` is meant to stop."""
        windows = self._brain.windows
        if decision.target_type is TargetType.SESSION:
            return windows.session_accepted_ns(decision.subject)
        if decision.target_type is not TargetType.SOURCE:
            return 0  # a rate limit lets frames pass by design
        return max(
            (windows.source_last_ns(address) for address in decision.target), default=0
        )

    def _known(self) -> list[str]:
        """Return what must keep passing: hosts of the site, protected, trading."""
        rows = self._brain.decoder.sessions
        trading = rows[rows["state"] != CLOSED]["client"]
        clients = (address_text(bytes(row)) for row in trading)
        return sorted({*self._spared, *clients})

    def _stop(self, number: int, frame: FrameType | None) -> None:
        """Ask the lane to drain and end."""
        self._stopping.set()

    def _refuse_reload(self, number: int, frame: FrameType | None) -> None:
        """Say that a reload is a restart."""
        log.warning(
            "service.reload_refused",
            remedy="check with `airnet lint`, then restart: containments keep standing",
        )


def _under(base: Path, name: str) -> Path | None:
    """Return a configured path, relative ones under the configuration's folder."""
    return base / name if name else None


def _append_to(path: Path | None) -> FileIO | None:
    """Open a decisions file for whole-line appends."""
    return None if path is None else path.open("ab", buffering=0)
