"""Levers: the actuators as one, whose failures are outcomes and not exceptions."""

import contextlib
import functools
from collections.abc import Callable, Mapping, Sequence

import msgspec

from airnet.act.actuator import (
    Actuator,
    Aiming,
    Batching,
    Confirming,
    Heralding,
    Recalling,
    Reconciled,
    Reconciling,
    Several,
    Span,
    span_of,
)
from airnet.act.attempts import applied, known_as, standing
from airnet.act.intents import LASTING, Order
from airnet.act.isolation import Isolation
from airnet.act.workers import Call, Workers
from airnet.clock import Clock
from airnet.domain.containment import Containment, State
from airnet.domain.decision import Decision, Mode, Tier
from airnet.errors import ActuationError

#: How long after its end a confirmation is waited for: OpenFlow hard timeouts are
#: whole seconds and switches look at them once a second.
CONFIRM_NS = 2_000_000_000
#: What an undo of what cannot be undone comes to.
DONE = "what was done of it stays done"
#: An enforcer that takes longer to say how something ended is asked no more just now.
SLOW_NS = 200_000_000
#: Who takes so long to fail hangs, and is not asked for anything new for a while.
HANGS_NS, REST_NS = 300_000_000, 1_000_000_000


class Levers:
    """Commands go out here and are taken back here.

    Args:
        actuators: asked in this order; the first that accepts a Decision gets it.
        clock: the time of commands.
    """

    def __init__(self, actuators: Sequence[Actuator], clock: Clock) -> None:
        self._actuators = tuple(actuators)
        self._clock = clock
        self._unreconciled: set[str] = set()
        self._answered: set[str] = set()
        self._unanswered: set[str] = set()
        self._workers = Workers()
        self._hung_ns: dict[str, int] = {}

    def distrust(self) -> list[str]:
        """Return who must be reconciled before it is told anything new."""
        self._unreconciled = {
            one.name for one in self._actuators if isinstance(one, Reconciling)
        }
        return sorted(self._unreconciled)

    def reconcile(
        self, name: str, wanted: Sequence[tuple[Decision, Containment]]
    ) -> Reconciled:
        """Make an enforcer agree with what is wanted.

        Raises:
            ActuationError: it cannot be asked.
        """
        actuator = self._named(name)
        assert actuator is not None
        assert isinstance(actuator, Reconciling)
        held = actuator
        found = self._workers.do(name, lambda: held.reconcile(wanted))
        self._unreconciled.discard(name)
        return found

    def begin(self, orders: Sequence[Order], closed: Callable[[], str]) -> None:
        """Have those that can start on several Decisions at once; each is sent still.

        A freeze stops it: only what was answered by then needs no more to leave.
        """
        sends = [
            one.decision
            for one in orders
            if one.outcome is None and one.decision.mode is Mode.ENFORCE
        ]
        if len(sends) < 2 or closed():
            return
        for actuator in self._actuators:
            is_trusted = actuator.name not in self._unreconciled
            if isinstance(actuator, Batching) and is_trusted:
                mine = [one for one in sends if self.taker(one) is actuator]
                timed = [(one, one.until_ns - one.t_ns) for one in mine]
                start = functools.partial(actuator.begin, timed, closed)
                begun = self._workers.do(actuator.name, start)
                self._answered |= begun.answered
                self._unanswered |= begun.unanswered

    def attend(self, between: Callable[[], None], closed: Callable[[], str]) -> None:
        """Have `between` called while an enforcer is waited for.

        And `closed` asked before each step of what takes several.
        """
        self._workers.attend(between)
        for one in self._actuators:
            if isinstance(one, Isolation):
                one.closed = closed

    def is_answered(self, decision: Decision) -> bool:
        """Return, once, whether nothing more need leave: it was begun and answered."""
        found = decision.id in self._answered
        self._answered.discard(decision.id)
        return found

    @property
    def begun(self) -> set[str]:
        """Return the ids of which something left when several were begun at once."""
        return self._answered | self._unanswered

    def forget(self, decision: Decision) -> None:
        """Say that nothing more is to leave of what was begun: it was undone."""
        self._answered.discard(decision.id)
        self._unanswered.discard(decision.id)

    def recall(self, decision: Decision) -> None:
        """Have what left before its answer end at once, where that can be said."""
        actuator = self.taker(decision)
        if actuator is not None and isinstance(actuator, Recalling):
            actuator.recall(decision)

    def withhold(self, decision: Decision, why: str) -> Containment:
        """Return the outcome of what may not leave; what left unanswered comes back."""
        now_ns = self._clock.now_ns()
        withheld = nothing(decision, State.WITHHELD, now_ns, why)
        lost = self.lost(decision) if decision.id in self._unanswered else None
        self._unanswered.discard(decision.id)
        if lost is None:
            return withheld
        failure = "who hangs is asked what stands before it is told anything new"
        if lost.actuator not in self._unreconciled:
            failure = self.release(lost)
        if failure and isinstance(self._named(lost.actuator), Reconciling):
            self._unreconciled.add(lost.actuator)
        detail = f"sent, not answered, then {why}; {failure or 'taken back'}"
        return msgspec.structs.replace(lost, state=State.FAILED, detail=detail)

    def command(
        self,
        decision: Decision,
        reconcile: Callable[[str], None],
        number: int = 1,
        left_ns: int = 0,
    ) -> Containment:
        """Send the command and return its outcome, which may be that it failed.

        `reconcile` is called first with the name of one that must be reconciled. The
        `number`-th attempt is for `left_ns`, and looks first for what stands of those
        before it, whose answers may have been lost.
        """
        command_ns = self._clock.now_ns()
        failed = nothing(
            decision, State.FAILED, command_ns, "no actuator carries this out"
        )
        self._unanswered.discard(decision.id)
        actuator = self.taker(decision)
        if actuator is None:
            return failed
        ttl_ns = left_ns or decision.until_ns - decision.t_ns
        enforcer, began_ns = _enforcer(actuator, decision), self._clock.mono_ns()
        is_alone = decision.tier <= Tier.LIMIT_ALGO  # what people agreed to is tried
        if is_alone and began_ns < self._hung_ns.get(enforcer, 0):
            detail = f"not asked: {enforcer} did not answer a moment ago"
            return msgspec.structs.replace(
                failed, actuator=actuator.name, detail=detail
            )
        try:
            name = actuator.name
            if isinstance(actuator, Isolation):
                name = actuator.cuts_by
            if name in self._unreconciled:
                reconcile(name)
            work = functools.partial(applied, actuator, decision, ttl_ns, number)
            return self._workers.do(enforcer, work)
        except ActuationError as error:
            detail = str(error)
        failed = msgspec.structs.replace(
            failed,
            actuator=actuator.name,
            until_ns=command_ns + ttl_ns,
            handle=_aim(actuator, known_as(actuator, decision, number)),
            detail=detail,
        )
        if decision.action in LASTING:  # only a person may take it back (ADR 0040)
            detail += "; it may stand: look at the gateway"
            return msgspec.structs.replace(failed, until_ns=0, detail=detail)
        if span_of(actuator, decision) is Span.DEED:
            self._note_failure(enforcer, began_ns)
            return msgspec.structs.replace(failed, detail=f"{detail}; {DONE}")
        # Unknown is not harmless: one attempt to take back what may have arrived.
        failure = self.release(failed)
        if not isinstance(actuator, Isolation):  # which waits for others than it tells
            self._note_failure(enforcer, began_ns)
        return msgspec.structs.replace(
            failed, detail=f"{detail}; {failure or 'taken back'}"
        )

    def intended(self, decision: Decision, number: int, left_ns: int) -> Containment:
        """Return the `number`-th attempt as it is recorded before it leaves."""
        actuator, now_ns = self.taker(decision), self._clock.now_ns()
        intended = nothing(decision, State.INTENDED, now_ns, f"attempt {number}")
        if actuator is None:
            return intended
        return msgspec.structs.replace(
            intended,
            actuator=actuator.name,
            handle=_aim(actuator, known_as(actuator, decision, number)),
            until_ns=now_ns + left_ns,
        )

    def _note_failure(self, enforcer: str, began_ns: int) -> None:
        """Ask who took long to fail nothing new for a moment.

        A hundred Decisions at once would wait for it a hundred times.
        """
        now_ns = self._clock.mono_ns()
        if now_ns - began_ns >= HANGS_NS:
            self._hung_ns[enforcer] = now_ns + REST_NS

    def release(self, containment: Containment) -> str:
        """Release it; return "" or why it may still stand."""
        actuator = self._named(containment.actuator)
        if actuator is None:
            return f"not released: no actuator {containment.actuator} is configured"
        return self._workers.do(
            _enforcer(actuator, containment), lambda: _released(actuator, containment)
        )

    def undo(self, containment: Containment, reason: str) -> Containment:
        """Release it and return what came of that."""
        call = self.let_go(containment, reason)
        self._workers.wait(call)
        return call.result()

    def let_go(self, containment: Containment, reason: str) -> Call[Containment]:
        """Begin to release it."""
        # The enforcer is told who says so: it may keep that.
        asked = msgspec.structs.replace(containment, detail=reason)
        actuator = self._named(containment.actuator)

        def work() -> Containment:
            failure = self.release(asked) if actuator is None else ""
            if actuator is not None:
                failure = _released(actuator, asked)
            if actuator is not None and span_of(actuator, asked) is Span.DEED:
                return _stays(containment, reason)
            state = State.FAILED if failure else State.ROLLED_BACK
            detail = f"{reason}; {failure}" if failure else reason
            return msgspec.structs.replace(containment, state=state, detail=detail)

        self._lift(containment)
        name = "" if actuator is None else _enforcer(actuator, asked)
        return self._workers.begin(name, work)

    def _lift(self, containment: Containment) -> None:
        """Have orders let in again that were barred for a cut which people undo."""
        for one in self._actuators:
            if isinstance(one, Isolation) and one.bars(containment):
                lift = functools.partial(one.lift, containment.decision_id)
                self._workers.begin(one.name, lift)

    def has_answered(self, call: Call[Containment], limit_s: float) -> bool:
        """Return whether an enforcer has answered, waiting at most so long."""
        return self._workers.wait(call, limit_s)

    def how_it_ended(self, containment: Containment, now_ns: int) -> str:
        """Return how it ended, or "" to look again at the next tick."""
        actuator = self._named(containment.actuator)
        if actuator is None or not isinstance(actuator, Confirming):
            return "ended by itself"
        detail = "not confirmed by the enforcer"
        try:
            told = self._ended(actuator, containment)
        except ActuationError as error:
            told, detail = "", error.what
        if told or now_ns < containment.until_ns + CONFIRM_NS:
            return told
        failure = self.release(containment)
        return f"{detail}; {failure or 'released to be sure'}"

    def lifted(self, containment: Containment) -> str:
        """Return who or what ended something that has no end, "" while it stands."""
        actuator = self._named(containment.actuator)
        if actuator is None or not isinstance(actuator, Confirming):
            return ""
        try:
            return self._ended(actuator, containment)
        except ActuationError:
            return ""

    def heralds(self) -> dict[str, Call[Mapping[str, str]]]:
        """Begin to ask who hears of early ends what they heard, by name."""
        return {
            one.name: self._workers.begin(one.name, one.heralds)
            for one in self._actuators
            if isinstance(one, Heralding)
        }

    def _ended(self, actuator: Actuator, containment: Containment) -> str:
        """Ask an enforcer that can say it how something ended."""
        assert isinstance(actuator, Confirming)
        ended = functools.partial(actuator.ended, containment)
        return self._workers.do(_enforcer(actuator, containment), ended)

    def find(self, decision: Decision) -> Containment:
        """Return what stands of a Decision as its enforcer says, or that it failed."""
        actuator = self.taker(decision)
        detail = "not in force after a restart; not tried again"
        found = None
        if actuator is not None:
            try:
                found = standing(actuator, decision)
            except ActuationError as error:
                detail = f"unknown after a restart, look there: {error.what}"
        return found or nothing(decision, State.FAILED, self._clock.now_ns(), detail)

    def lost(self, decision: Decision) -> Containment | None:
        """Return what may stand of a command that left before a crash."""
        actuator = self.taker(decision)
        if actuator is None:
            return None
        now_ns = self._clock.now_ns()
        return msgspec.structs.replace(
            nothing(decision, State.INTENDED, now_ns, ""),
            actuator=actuator.name,
            handle=_aim(actuator, decision),
            until_ns=now_ns + decision.until_ns - decision.t_ns,
        )

    def taker(self, decision: Decision) -> Actuator | None:
        """Return the actuator that carries this out, if any."""
        return next((a for a in self._actuators if a.accepts(decision)), None)

    def _named(self, name: str) -> Actuator | None:
        return next((a for a in self._actuators if a.name == name), None)


def _enforcer(actuator: Actuator, what: Decision | Containment) -> str:
    """Return who is asked: one who hangs holds up nobody else."""
    name = actuator.cuts_by if isinstance(actuator, Isolation) else actuator.name
    if isinstance(actuator, Several):
        with contextlib.suppress(ActuationError):
            return f"{name} {actuator.enforcer(what)}"
    return name


def _stays(deed: Containment, reason: str) -> Containment:
    """Return what an undo of what cannot be undone comes to: it was over when done."""
    detail = f"{reason}; {DONE}"
    return msgspec.structs.replace(
        deed, state=State.ENDED, until_ns=deed.applied_ns, detail=detail
    )


def _released(actuator: Actuator, containment: Containment) -> str:
    """Release it; return "" or why it may still stand."""
    try:
        actuator.release(containment)
    except ActuationError as error:
        return f"release failed: {error.what}"
    return ""


def _aim(actuator: Actuator, decision: Decision) -> str:
    """Return where a Decision may stand, "" for anywhere."""
    with contextlib.suppress(ActuationError):
        return actuator.aim(decision) if isinstance(actuator, Aiming) else ""
    return ""


def nothing(
    decision: Decision, state: State, command_ns: int, detail: str
) -> Containment:
    """Return the outcome of a Decision that holds nowhere."""
    return Containment(
        decision_id=decision.id,
        actuator="",
        state=state,
        command_ns=command_ns,
        applied_ns=0,
        until_ns=0,
        handle="",
        detail=detail,
    )
