"""The running service: a lane, the hands, signals, metrics.

Two threads. The lane captures, decodes and decides and never waits for anything
slower than its own work; the hands write the intent, act and write the outcome.
"""

import contextlib
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import msgspec
import structlog

from airnet import __version__
from airnet.act.actuator import Actuator
from airnet.act.gate import Gate, by_signal
from airnet.act.people import People
from airnet.act.process import ProcessActuator
from airnet.act.sdn import SdnActuator
from airnet.act.standing import Standing
from airnet.act.vetoes import Vetoes
from airnet.capture.attached import Attached
from airnet.capture.interface import read_attached
from airnet.capture.source import Source
from airnet.clock import SystemClock
from airnet.config import Config, Site
from airnet.decide.policy import NS_PER_MS, Policy
from airnet.decide.recovery import decisions_of, recover
from airnet.domain.decision import PASSIVE, Decision, Mode
from airnet.domain.session import SessionName
from airnet.front import Totals
from airnet.metrics import Metrics
from airnet.pipeline import Pipeline, known_addresses, last_bad_ns, think
from airnet.prove.certificate import Papers
from airnet.record.file import FileLedger
from airnet.record.stamped import Stamped
from airnet.score import load as load_models
from airnet.service.arming import armed
from airnet.service.configured import Configured
from airnet.service.desk import Desk, Wardens
from airnet.service.guardpost import Guarded, post_of
from airnet.service.hands import WAIT_MS, Hands, Rehearsal
from airnet.service.kept import Kept
from airnet.service.means import means, names, orders_of, ways_of
from airnet.service.talk import place_of
from airnet.shipped import models_path
from airnet.stride import stride_of

#: A lane that takes fewer at a time has time to rehearse.
IDLE_FRAMES = 64
EFFECT_EVERY_NS = 50_000_000
DRAIN_STEPS_MAX = 4096
#: How long one thread may keep the interpreter from another: the lane from the hands.
SWITCH_S = 0.0001
BEAT_NS = 1_000_000_000  # between two signs of life; the unit's watchdog waits 10 s
HANDS_STALL_NS = 8_000_000_000  # more than one order takes: a thread that hangs

log = structlog.get_logger()


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """A Decision in force whose effect is looked for on the mirror."""

    decision: Decision
    until_mono_ns: int


def notify(state: str) -> None:
    """Tell systemd one line of sd_notify(3); nothing without NOTIFY_SOCKET.

    One datagram, so written by hand rather than borrowed (ADR 0014).
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.setblocking(False)  # who does not listen must not stop the watch
            channel.sendto(state.encode(), address)
    except OSError as error:
        log.warning("service.notify_failed", reason=error.strerror)


class Service:
    """Everything `airnet run` holds, from configuration to the last record.

    Raises:
        AirnetError: configuration, models, ledger or interface cannot be used.
    """

    def __init__(
        self,
        configured: Configured,
        papers: Papers,
        attached: Attached,
        guarded: Guarded | None = None,
    ) -> None:
        self._configured = configured
        config, base = configured.config, configured.base
        self._clock = SystemClock()
        self._is_stopping = self._is_reload_asked = False
        self._watched: dict[str, Watched] = {}
        self._plays: list[Callable[[], bool]] = []
        self._looked_ns = self._beat_ns = 0
        self._site = site = papers.site
        models = _under(base, config.models) or models_path()
        scorer = load_models(models, config.model_keys)
        scorer.warm()
        lanes, trailer = config.pipeline.lanes, config.capture.trailer
        self._cpus = config.pipeline.cpus
        self._brain = think(site, papers.policy, scorer, lanes, self._cpus, trailer)
        service = config.service
        with contextlib.ExitStack() as held:
            self._ledger = FileLedger(base / service.ledger)
            held.callback(self._ledger.close)
            self._stamped = Stamped(self._ledger, {"policy": papers.policy_digest})
            self._post = post_of(guarded, config, site, self._clock, scorer)
            if self._post is not None:
                held.callback(self._post.close)
                self._post.recover(self._ledger)
            standing, self._desk = self._recovered(papers)
            self._wardens = self._governed()
            held.callback(self._wardens.close)
            us = config.actuators.rehearse_us, lambda: self.totals().frames
            plays = [Rehearsal(one, *us, self._clock) for one in self._plays if us[0]]
            post, desk = self._post, self._desk
            self._hands = Hands(standing, self._clock, post, desk, *plays)
            record = _under(base, config.capture.record)
            self._kept = Kept(record, _under(base, service.decisions))
            held.callback(self._kept.close, {})
            source = read_attached(attached)
            held.callback(source.close)
            self._lane = self._laned(source, papers.policy)
            self._metrics = Metrics(
                self._lane,
                self._ledger,
                standing,
                lambda: self._kept.is_recording,
                [one for one in (self._post, self._desk, self._hands) if one],
            )
            self._metrics.serve(service.metrics_host, service.metrics_port)
            held.callback(self._metrics.close)
            self._begin(papers, scorer.provenance())
            held.pop_all()

    def _laned(self, source: Source, policy: Policy) -> Pipeline:
        """Return the lane, with what is foreseen of floods armed where it can be."""
        brain, hands, terms = self._brain, self._hands, (policy, self._site)
        told, tape = self._decided, self._kept
        lane = Pipeline(source, brain, hands, on_decision=told, tape=tape)
        stride = stride_of(source, brain.decoder, brain.windows)
        lane.at_once(stride)
        self._arming = armed(self._post, stride, lane, terms, hands, self._gate)
        return lane

    def _recovered(self, papers: Papers) -> tuple[Standing, Desk]:
        """Return what acts, agreed with the ledger and with what is in force.

        And where it takes what people ask.
        """
        config, base = self._configured.config, self._configured.base
        actuators = self._actuators(config, base, papers.site)
        self._gate = Gate(place_of(config, base).directory)
        closed = self._gate.closed
        standing = Standing(actuators, self._stamped, self._clock, closed=closed)
        bounds = papers.policy.hysteresis
        standing.vetoes = Vetoes(
            bounds.cooldown_ms * NS_PER_MS, bounds.veto_ms_max * NS_PER_MS
        )
        people = People(self._configured.approvers, os.geteuid())
        desk = Desk(standing, self._gate, people, self._stamped, self._clock)
        before = list(self._ledger.evidence())
        desk.recover(before)
        standing.recover(before)
        recover(self._brain.judge.guard, before)
        self._resigned = self._brain.judge.doubts.recover(decisions_of(before))
        return standing, desk

    def _governed(self) -> Wardens:
        """Return who people talk to."""
        place = place_of(self._configured.config, self._configured.base)
        listed = self._configured.approvers
        return Wardens(place.socket, place.directory, listed, self._desk)

    def _actuators(self, config: Config, base: Path, site: Site) -> list[Actuator]:
        """Return what containments leave by: the first that accepts one takes it."""
        timeout_ms = config.actuators.timeout_ms
        socket_path = _under(base, config.actuators.controller_socket)
        cuts: list[Actuator] = []
        if self._post is not None:  # on the path, so before the switch
            cuts.append(self._post.actuator)
        if socket_path:
            ways = ways_of(config.sdn, socket_path, base)
            switches = SdnActuator(
                str(socket_path),
                known=self._known,
                timeout_ms=timeout_ms,
                clock=self._clock,
                ways=ways,
            )
            switches.arm_hosts(host for firm in site.firms for host in firm.hosts)
            switches.arm_anybody(gateway.ip for gateway in site.gateways)
            self._plays.append(switches.rehearse)
            cuts.append(switches)
        if (agents := self._configured.agents) is not None:
            place = (base / config.agents).parent
            cuts.append(ProcessActuator(agents, place, site, self._clock))
        orders = orders_of(site.gateways, config.actuators, base, self._clock)
        return means(site.gateways, orders, self._clock, cuts, self._trading)

    def _trading(self) -> list[SessionName]:
        """Return who is logged on now."""
        return names(self._brain.decoder.sessions)

    def _begin(self, papers: Papers, provenance: dict[str, str]) -> None:
        """Write the ledger's entry of this run's beginning."""
        body: dict[str, object] = {
            "version": __version__,
            "mode": "live",
            "source": self._lane.source.name,
            "site": papers.site_digest,
            "policy": papers.policy_digest,
            **self._configured.digests,
            **provenance,
            **papers.leave,
        }
        if self._resigned:  # who looked at what had drifted, and ended which doubt
            body["resigned"] = msgspec.to_builtins(self._resigned)
        self._ledger.append("start", self._clock.now_ns(), body)
        self._ledger.sync()

    def run(self) -> None:
        """Work until SIGTERM or SIGINT, then drain and close everything.

        Raises:
            AirnetError: the interface, the ledger or the disk failed for good.
        """
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGHUP, self._refuse_reload)
        signal.signal(signal.SIGUSR1, self._freeze)
        self._wardens.watch_signals()
        self._hands.start()
        if self._cpus:  # of this thread alone, when all others have been started
            os.sched_setaffinity(0, self._cpus[:1])
        # What is here now stays: looking for garbage in it would hold up frames.
        gc.collect()
        gc.freeze()
        sys.setswitchinterval(SWITCH_S)
        guard = "" if self._post is None else self._post.interface
        log.info("service.started", source=self._lane.source.name, guard=guard)
        notify("READY=1\nSTATUS=watching " + self._lane.source.name)
        wait_ms = (self._post.wait_ms if self._post is not None else 0) or WAIT_MS
        try:
            while not self._is_stopping:
                taken = self._lane.step(wait_ms)
                if self._post is not None:
                    self._post.attend(self._lane, is_idle=taken < IDLE_FRAMES)
                self._look_at_effects()
                self._beat()
                if self._hands.failure is not None:
                    raise self._hands.failure
            self._drain()
        finally:
            self._close()
        if self._hands.failure is not None:
            raise self._hands.failure

    def _beat(self) -> None:
        """Give a sign of life once a second, while both threads show one."""
        if self._is_reload_asked:
            self._is_reload_asked = False
            log.warning(
                "service.reload_refused",
                remedy="check with `airnet lint`, then restart: containments keep "
                "standing",
            )
        now_ns = self._clock.mono_ns()
        is_alive = now_ns - self._hands.beat_ns < HANDS_STALL_NS
        if is_alive and now_ns - self._beat_ns > BEAT_NS:
            self._beat_ns = now_ns
            self._wardens.tend()
            notify("WATCHDOG=1")

    def totals(self) -> Totals:
        """Return what went through so far."""
        return self._lane.totals

    def _drain(self) -> None:
        """Take what is still in the ring."""
        notify("STOPPING=1")
        for _ in range(DRAIN_STEPS_MAX):
            if self._lane.step(0) == 0:
                break
        self._brain.decoder.finish()
        self._look_at_effects()

    def _close(self) -> None:
        """Let go of everything, whatever happened before; the last first."""
        self._metrics.close()
        counters = self._lane.source.counters()
        with contextlib.ExitStack() as held:
            if self._post is not None:
                held.callback(self._post.close)
            held.callback(self._kept.close, counters)
            held.callback(self._ledger.close)
            held.callback(self._end, counters)
            held.callback(self._wardens.close)
            held.callback(self._brain.decoder.close)
            self._lane.source.close()
        log.info("service.stopped", frames=self._lane.totals.frames, **counters)

    def _end(self, counters: dict[str, int]) -> None:
        """Let the hands finish; write the ledger's entry of this run's end."""
        self._hands.stop()
        if self._hands.failure is None:
            body = {"frames": self._lane.totals.frames, "counters": counters}
            self._ledger.append("end", self._clock.now_ns(), body)

    def _decided(self, decision: Decision) -> None:
        """Write a Decision's line; watch its target if it acts."""
        self._kept.add(decision)
        log.info(
            "decision.made",
            id=decision.id,
            cause=decision.cause,
            action=decision.action,
            target=decision.target,
            mode=decision.mode,
            why=decision.why,
            **({} if self._arming is None else self._arming.ordered(decision)),
        )
        if decision.action not in PASSIVE and decision.mode is Mode.ENFORCE:
            self._watch(self._hands.heeded(decision))

    def _watch(self, decision: Decision) -> None:
        """Look for the effect of a Decision from now on."""
        self._brain.lines.follow(decision)
        ttl_ns = decision.until_ns - decision.t_ns
        self._watched[decision.id] = Watched(
            decision=decision, until_mono_ns=self._clock.mono_ns() + ttl_ns
        )

    def _look_at_effects(self) -> None:
        """Tell the hands what the mirror shows of each contained target."""
        mono_ns = self._clock.mono_ns()
        while self._desk.approved:
            approved = self._desk.approved.popleft()
            self._brain.judge.guard.approve(approved)
            if self._arming is not None:
                self._arming.agreed(approved)
            self._watch(approved)
        every_ns = EFFECT_EVERY_NS * (1 if self._post is None else self._post.patience)
        if not self._watched or mono_ns - self._looked_ns < every_ns:
            return
        self._looked_ns = mono_ns
        for watched in list(self._watched.values()):
            decision = watched.decision
            if (bad_ns := last_bad_ns(self._brain, decision)) is not None:
                self._hands.observe(decision.id, bad_ns, self._clock.now_ns())
            if mono_ns > watched.until_mono_ns:
                del self._watched[decision.id]

    def _known(self) -> list[str]:
        """Return what must keep passing: hosts of the site, protected, trading."""
        return known_addresses(self._site, self._brain.decoder.sessions)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        """Ask the lane to drain and end: a flag, for a signal comes at any moment."""
        self._is_stopping = True

    def _freeze(self, number: int, frame: FrameType | None) -> None:
        """Freeze; the warden does the same, sooner if this thread hangs."""
        with contextlib.suppress(OSError):
            self._gate.freeze(by_signal(self._clock.now_ns(), "signal to airnet"))

    def _refuse_reload(self, number: int, frame: FrameType | None) -> None:
        """Ask the lane to say that a reload is a restart."""
        self._is_reload_asked = True


def _under(base: Path, name: str) -> Path | None:
    """Return a configured path, relative ones under the configuration's folder."""
    return base / name if name else None
