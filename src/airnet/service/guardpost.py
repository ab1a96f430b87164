"""GuardPost: the guard in `airnet run`, attached with privileges and used without.

The half with privileges attaches it and hands its descriptors over; the worker writes
rules through them, which takes none.
"""

import contextlib
import gc
import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import msgspec
import numpy as np
import structlog
from numpy.typing import NDArray
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from airnet._ext.reflex import WHY
from airnet.act.gate import Gate
from airnet.act.guard import GuardActuator, Limit
from airnet.act.intentlog import IntentLog
from airnet.act.intents import intent_body
from airnet.act.known import Known, Venues
from airnet.act.reflex import UNDECIDED, Reflex, Trigger, intended
from airnet.act.shot import SLOT_BYTES, Slot
from airnet.clock import Clock
from airnet.config import Config, GuardPort, Site
from airnet.decide.protection import Protection
from airnet.domain.session import CLOSED
from airnet.errors import ActuationError, UnsupportedError
from airnet.kernel.guard import PINS, KernelGuard, guard_interface
from airnet.pipeline import Pipeline, trading
from airnet.record.ledger import Ledger
from airnet.score import OnnxScorer
from airnet.service.rehearsal import Rehearsal
from airnet.service.tending import Tend
from airnet.stride import Stride

#: Between two looks at who is logged on, and between two sweeps of ended rules.
KEEP_NS, SWEEP_NS = 100_000_000, 5_000_000_000

#: Between two looks for garbage, where Python itself does not look for it: while it is
#: calm, and at the latest.
TIDY_NS, TIDIED_NS = 50_000_000, 1_000_000_000
#: So much less often a lane rehearses where orders are foreseen: rehearsing, it looks
#: at no frame, and what is foreseen needs no interpreter.
ARMED_REHEARSAL = 4
#: What comes after so long is the beginning of something.
QUIET_NS = 2_000_000
#: A lane that looks for frames without a pause sleeps so long before it rehearses, for
#: whoever ran meanwhile left cold caches; see ext/step.h.
NAP_NS = 200_000
NEVER_NS = 1 << 62
#: Flood-like packets in a gateway's window of which a flood may be the beginning: there
#: is a millisecond yet until that window closes (ext/window.h, WINDOW_EARLY_NS).
STIRS = 2
#: How long a lane neither rehearses nor looks ahead after anything was said of a
#: gateway: while it does, it looks at no frame, and the next may be the deciding one.
CALM_NS = 5_000_000
#: Said of what an earlier process did and did not live to decide.
UNCONFIRMED = (
    "Done as foreseen by a process that ended before it had decided; taken back."
)

log = structlog.get_logger()


class Guarded(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A guard that is attached: its interface, and its descriptors by their names."""

    interface: str
    descriptors: dict[str, int]


#: Made while there is one thread: two that meet a type first at once crash msgspec.
_GUARDED = msgspec.json.Decoder(Guarded)


def attach_guard(port: GuardPort, pins: Path = PINS) -> Guarded | None:
    """Adopt or attach the guard of the configured interface; None when none is named.

    Raises:
        CaptureError: no such interface, or another program holds it.
        UnsupportedError: this host cannot, or this process may not.
    """
    if not port.interface:
        return None
    found = guard_interface(port.interface, pins)
    return Guarded(interface=port.interface, descriptors=dict(found.descriptors))


def guarded_from(text: str) -> Guarded | None:
    """Return what the half with privileges attached; "" is none.

    Raises:
        UnsupportedError: what it names is not open here.
    """
    if not text:
        return None
    try:
        found = _GUARDED.decode(text)
        for fd in found.descriptors.values():
            os.fstat(fd)
    except (msgspec.MsgspecError, OSError) as error:
        raise UnsupportedError(
            f"no guard was handed over: {error}", "let `airnet run` start its worker"
        ) from error
    return found


class GuardPost(Collector):
    """The guard as the service holds it: actuator, fast lane, known sessions, counts.

    Args:
        guarded: what was attached; its descriptors are ours now.
        port: how it is configured.
        site: who is protected, in the kernel as well.
        clock: of commands, and of how long sessions linger.
        scorer: what rehearsals are made with.
    """

    def __init__(
        self,
        guarded: Guarded,
        port: GuardPort,
        site: Site,
        clock: Clock,
        scorer: OnnxScorer,
    ) -> None:
        self._kernel = KernelGuard(guarded.interface, dict(guarded.descriptors))
        self._clock = clock
        self._kernel.spare(one.network for one in site.protected if one.network)
        protection = Protection(site)
        self.actuator = GuardActuator(
            self._kernel,
            clock,
            spared=lambda source: bool(protection.source_reason(source)),
            behind=port.gateways,
            limit=Limit(port.strangers_per_second, port.strangers_burst),
        )
        self.intents = IntentLog(self._kernel.intents[:-SLOT_BYTES])
        self._slot = Slot.of(self._kernel.intents)
        arms = scorer.arms() if port.foresees else None
        self.trigger = None
        if arms is not None:
            self.trigger = Trigger(arms, self.actuator, self._slot)
        self.reflex = Reflex(self.actuator, self.intents, self.trigger)
        #: Foresees, and says whether more is to be foreseen (airnet.service.arming).
        self.tend: Tend | None = None
        #: Sleeps if so much is owed, until frames come, and says that none are there.
        self._nap: Callable[[int], bool] = lambda _: True
        self._stirs: Callable[[], int] = int
        self._parts: list[Callable[[], None]] = []  # of a rehearsal, still to come
        self.spin_ns = port.spin_us * 1000
        self._known = Known(self._kernel.known, clock)
        listed = ((one.ip, one.port) for one in site.gateways)
        self._venues = Venues(self._kernel.places, listed)
        self._kept_ns = self._swept_ns = clock.mono_ns()
        self._failure = ""
        self._rehearse_ns = port.rehearse_us * 1000
        if self.trigger is not None:
            self._rehearse_ns *= ARMED_REHEARSAL
        self._rehearsed_ns = self._stirred_ns = self._tidied_ns = 0
        self._tidied = count(1)
        #: Flood-like packets seen in an open window, and when there were more.
        self._seen = self._more_ns = 0
        self._urgent: list[Callable[[], None]] = []
        self.rehearsal = Rehearsal(scorer, self._kernel, clock)
        self._spare_arms = scorer.arms() if self.trigger is not None else None

    @property
    def interface(self) -> str:
        """Return whose guard it is."""
        return self._kernel.interface

    def recover(self, ledger: Ledger) -> None:
        """Bring what an earlier process intended and did not record into the ledger.

        As intents without outcome, which Standing then takes back.

        Raises:
            LedgerError: the disk refused; they stay where they are.
        """
        pending = list(intended(self.intents))
        unconfirmed = self._slot.pending()
        if unconfirmed is not None:
            text, shot = unconfirmed
            pending.append((shot.decision(text, UNCONFIRMED), None))
        if pending:
            kept = {
                one.body.get("id")
                for one in ledger.evidence()
                if one.kind == "decision"
            }
            if unconfirmed is not None and shot.decision(text, UNDECIDED).id in kept:
                del pending[-1]  # a person has ended it, and that is on record
            for intent, verdict in pending:
                if intent.id not in kept:
                    body = intent_body(intent, verdict)
                    ledger.append("decision", intent.t_ns, body)
            ledger.sync()
        if unconfirmed is not None:
            with contextlib.suppress(ActuationError):  # its rules end by themselves
                self.actuator.withdraw(unconfirmed[1])
        self._slot.clear()
        self.intents.clear()

    def load(self, gate: Gate, stride: Stride) -> None:
        """Let what is foreseen be done from now on, while that gate is open."""
        if self.trigger is None:
            return
        self._nap, self._stirs = stride.nap, stride.stirs
        tables = self._kernel.descriptors
        self.trigger.arms.load(
            tables["sources"],
            tables["gateways"],
            self._slot.room,
            self._kernel.control,
            gate.frozen_path,
        )
        gate.on_hold(self.trigger.arms.hold)
        if self._spare_arms is not None:
            self.rehearsal.load(self._spare_arms, gate.frozen_path)

    def attend(self, lane: Pipeline, *, is_idle: bool) -> None:
        """Do what is to be done between two batches. For the lane."""
        if is_idle:
            self.rest(lane)
        self.keep_known(lane.brain.decoder.sessions)
        self._tidy()

    def _tidy(self) -> None:
        """Look for garbage now, where orders are foreseen, and not within a window."""
        if self.tend is None:
            return
        now_ns = self._clock.mono_ns()
        every_ns = TIDY_NS if self.patience == 1 else TIDIED_NS
        if now_ns - self._tidied_ns < every_ns:
            return
        gc.disable()  # Python itself would look whenever enough was made
        self._tidied_ns = now_ns
        turn = next(self._tidied)
        gc.collect(2 if turn % 100 == 0 else 1 if turn % 10 == 0 else 0)

    def keep_known(self, sessions: NDArray[np.void]) -> None:
        """Let pass who is logged on, looking at the table ten times a second.

        For the thread that owns `sessions`. What the kernel refuses is logged once:
        the watch goes on, and the sessions it already knows still pass.
        """
        now_ns = self._clock.mono_ns()
        if now_ns - self._kept_ns < KEEP_NS * self.patience:
            return
        self._kept_ns = now_ns
        try:
            alive = trading(sessions)
            self._known.keep(alive, sessions[sessions["state"] == CLOSED])
            self._venues.keep(alive)
        except UnsupportedError as error:
            self._say_once(error)

    def rest(self, lane: Pipeline) -> None:
        """Make ready for the next flood. For the lane, when it is idle."""
        sessions, mono_ns = lane.brain.decoder.sessions, self._clock.mono_ns()
        now_ns = lane.totals.now_ns
        if self._has_begun(mono_ns):
            self._urgent = self.rehearsal.begun()
        is_calm = mono_ns - max(self._stirred_ns, self._more_ns) >= CALM_NS
        is_due = mono_ns - self._rehearsed_ns >= self._rehearse_ns > 0 and is_calm
        if is_due and not self._parts:
            self._parts = self.rehearsal.parts()
            if self.spin_ns:
                is_due = self._nap(NAP_NS)
        if self.tend is not None and self.tend(sessions, now_ns, is_idle=is_due):
            self._stirred_ns = self._clock.mono_ns()
            self._urgent = []
        elif self._urgent:  # one at a time: its first window may close meanwhile
            self._urgent.pop(0)()
        elif is_due:
            self._rehearse()

    def _has_begun(self, mono_ns: int) -> bool:
        """Whether a flood may have begun, after a while in which nothing came."""
        before, self._seen = self._seen, self._stirs()
        if self._seen < STIRS or self._seen <= before:
            return False
        last_ns, self._more_ns = max(self._more_ns, self._stirred_ns), mono_ns
        return mono_ns - last_ns >= QUIET_NS and self._rehearse_ns > 0

    def _rehearse(self) -> None:
        """Go on with a made-up flood, until frames come."""
        while self._parts:
            if not self._nap(NEVER_NS):
                return
            self._parts.pop(0)()
        self._rehearsed_ns = self._clock.mono_ns()

    @property
    def patience(self) -> int:
        """How many times as long what is not urgent waits: 2 while a gateway stirs."""
        return 1 if self._clock.mono_ns() - self._stirred_ns >= CALM_NS else 2

    @property
    def wait_ms(self) -> int | None:
        """Return how long the lane may wait for frames, or None for as long as ever."""
        return 1 if self._rehearse_ns else None

    def sweep(self) -> None:
        """Take ended rules away, now and then. For the hands."""
        now_ns = self._clock.mono_ns()
        if now_ns - self._swept_ns < SWEEP_NS:
            return
        self._swept_ns = now_ns
        try:
            self.actuator.sweep()
        except UnsupportedError as error:
            self._say_once(error)

    @property
    def is_enforcing(self) -> bool:
        """Return whether rules are held to: attached, and not switched off."""
        return self._kernel.is_on and self._kernel.is_attached

    def collect(self) -> Iterator[Metric]:
        """Yield the guard's metrics; called by the client library."""
        frames = CounterMetricFamily(
            "airnet_guard_frames", "Frames at the guarded port, by end", labels=["end"]
        )
        for end, frame_count in self._kernel.counts().items():
            frames.add_metric([end], frame_count)
        yield frames
        for name, text, value in (
            ("known_sessions", "Sessions that pass by name", len(self._known)),
            (
                "enforcing",
                "1 while rules are held to: attached, and not switched off",
                int(self.is_enforcing),
            ),
        ):
            gauge = GaugeMetricFamily(f"airnet_guard_{name}", text)
            gauge.add_metric([], value)
            yield gauge
        confirmed = withdrawn = 0
        if self.trigger is not None:
            confirmed, withdrawn = self.trigger.confirmed, self.trigger.withdrawn
        for name, text, value in (
            ("reflexes", "Decisions put in force before the ledger", self.reflex.acted),
            ("foreseen", "Of these, those in force before they were made", confirmed),
            ("foreseen_wrongly", "Done as foreseen, and taken back", withdrawn),
            ("rehearsals", "Made-up floods gone through", self.rehearsal.rules),
            ("intents_refused", "Intents without room", self.intents.refused),
        ):
            counter = CounterMetricFamily(f"airnet_guard_{name}", text)
            counter.add_metric([], value)
            yield counter
        yield from self._missed()

    def _missed(self) -> Iterator[Metric]:
        """Yield how often a rule broke and nothing was done in advance, by why."""
        missed = CounterMetricFamily(
            "airnet_guard_foreseen_not",
            "Windows that broke a hard rule, left to the judge",
            labels=["why"],
        )
        if self.trigger is not None:
            for why, count in zip(WHY, self.trigger.arms.declined, strict=True):
                missed.add_metric([why], count)
        yield missed

    def close(self) -> None:
        """Let go; the program and its rules stay until they end."""
        self._kernel.close()

    def _say_once(self, error: UnsupportedError) -> None:
        if error.what != self._failure:
            self._failure = error.what
            log.error("guard.failed", what=error.what, remedy=error.remedy)


def post_of(
    guarded: Guarded | None,
    config: Config,
    site: Site,
    clock: Clock,
    scorer: OnnxScorer,
) -> GuardPost | None:
    """Return the guard of a run, where one was attached."""
    if guarded is None:
        return None
    return GuardPost(guarded, config.guard, site, clock, scorer)
