"""Standing: what is in force, and the order in which it gets there and out again.

Intent, act, outcome. The intent is durable before the command leaves. The outcome is
what the mirror shows, not what an actuator acknowledged. Expiry belongs to whoever
enforces; here it is only written down, and confirmed where the enforcer can tell.
"""

import contextlib
from collections.abc import Iterable, Sequence

import msgspec

from airnet.act.actuator import Actuator, Confirming, Reconciling
from airnet.act.intents import Journal, Order, fold_intents, intent_body
from airnet.clock import Clock
from airnet.domain.containment import Containment, State
from airnet.domain.decision import PASSIVE, Action, Decision, Mode
from airnet.domain.incident import Evidence
from airnet.domain.verdict import Verdict
from airnet.errors import ActuationError

NS_PER_MS = 1_000_000

#: States in which something may still hold on the network.
IN_FORCE = frozenset({State.APPLIED, State.VERIFIED, State.UNVERIFIABLE})

#: How long after its end a confirmation is waited for: OpenFlow hard timeouts are
#: whole seconds and switches look at them once a second.
CONFIRM_NS = 2_000_000_000

#: Decisions remembered for idempotence; the ledger keeps them all.
KNOWN_MAX = 4096


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """When an effect counts as seen on the mirror.

    Bad frames may pass for `deadline_ms` after the command left; then, `quiet_ms`
    without one proves the effect, and one more disproves it.
    """

    deadline_ms: int = 1000
    quiet_ms: int = 300


class Standing:
    """Carries Decisions out and keeps what stands. One owner; not for two threads.

    Args:
        actuators: asked in this order; the first that accepts a Decision gets it.
        ledger: where intents and outcomes go.
        clock: the time of what the world answers.
        effect: when an effect counts as seen.
    """

    def __init__(
        self,
        actuators: Sequence[Actuator],
        ledger: Journal,
        clock: Clock,
        effect: Effect | None = None,
    ) -> None:
        self._actuators = tuple(actuators)
        self._ledger = ledger
        self._clock = clock
        self._effect = effect or Effect()
        self._decisions: dict[str, Decision] = {}
        self._containments: dict[str, Containment] = {}
        self._outcomes: dict[str, Containment | None] = {}
        self._unreconciled: set[str] = set()

    @property
    def in_force(self) -> tuple[Containment, ...]:
        """Return what stands, in the order it was applied."""
        return tuple(self._containments.values())

    @property
    def has_any(self) -> bool:
        """Return whether anything stands."""
        return bool(self._containments)

    def decision(self, decision_id: str) -> Decision | None:
        """Return the Decision behind something that stands."""
        return self._decisions.get(decision_id)

    def carry_out(
        self, decision: Decision, verdict: Verdict | None = None
    ) -> Containment | None:
        """Record the intent, act, record the outcome; None when nothing is sent.

        Passive Decisions and those in shadow are recorded and not sent. An actuator
        that fails gives a Containment in state `failed`; nothing is tried again.

        Raises:
            LedgerError: the intent cannot be made durable; nothing was sent. Or the
                outcome cannot be recorded; what was sent ends by itself.
        """
        return self.carry_out_all([Order(decision, verdict)])[0]

    def carry_out_all(self, orders: Sequence[Order]) -> list[Containment | None]:
        """Do the same with several: every intent first, made durable by one sync.

        Raises:
            LedgerError: as above; nothing of all of them was sent.
        """
        fresh = [one for one in orders if one.decision.id not in self._outcomes]
        for decision, verdict, _ in fresh:
            if decision.id in self._outcomes:  # twice among these
                continue
            body = intent_body(decision, verdict)
            self._ledger.append("decision", decision.t_ns, body)
            self._note(decision.id, None)
        acting = [
            one
            for one in {one.decision.id: one for one in fresh}.values()
            if one.decision.action not in PASSIVE
        ]
        if acting:
            self._ledger.sync()
        for decision, _, outcome in acting:
            if decision.mode is Mode.ENFORCE:
                self._stand(decision, outcome or self._command(decision))
        return [self._outcomes.get(one.decision.id) for one in orders]

    def _stand(self, decision: Decision, outcome: Containment) -> None:
        """Record what became of a Decision, and keep what is in force."""
        self._record(outcome, outcome.applied_ns or outcome.command_ns)
        self._note(decision.id, outcome)
        if outcome.state in IN_FORCE:
            self._decisions[decision.id] = decision
            self._containments[decision.id] = outcome

    def tick(self, now_ns: int) -> list[Containment]:
        """Record what has ended by itself at `now_ns`, in the order of its end."""
        if not self._containments:  # it is asked for every Verdict
            return []
        due = [c for c in self._containments.values() if c.until_ns <= now_ns]
        due.sort(
            key=lambda containment: (containment.until_ns, containment.decision_id)
        )
        ended = []
        for containment in due:
            detail = self._how_it_ended(containment, now_ns)
            if detail:
                ended.append(self._end(containment, detail))
        return ended

    def observe_effect(
        self, decision_id: str, last_bad_ns: int, now_ns: int
    ) -> Containment | None:
        """Compare what stands with the mirror; release what did not take effect.

        `last_bad_ns` is the capture time of the last bad frame seen, 0 for none;
        `now_ns` the newest capture time. Returns what stands now, or None when
        nothing of that Decision stands. A rate limit lets frames pass by design and
        is never released for it.
        """
        containment = self._containments.get(decision_id)
        if containment is None or containment.state is State.UNVERIFIABLE:
            return containment
        deadline_ns = containment.command_ns + self._effect.deadline_ms * NS_PER_MS
        quiet_ns = self._effect.quiet_ms * NS_PER_MS
        if deadline_ns < last_bad_ns < containment.until_ns - quiet_ns:
            decision = self._decisions[decision_id]
            if decision.action is Action.RATE_LIMIT_SOURCES:
                return containment
            self._record_effect(decision_id, last_bad_ns, now_ns, verified=False)
            late_ms = (last_bad_ns - containment.command_ns) // NS_PER_MS
            return self._undo(
                containment,
                f"bad frames {late_ms} ms after the command, deadline "
                f"{self._effect.deadline_ms} ms",
            )
        is_quiet = now_ns - max(last_bad_ns, containment.applied_ns) >= quiet_ns
        if (
            containment.state is State.APPLIED
            and is_quiet
            and last_bad_ns <= deadline_ns
        ):
            self._record_effect(decision_id, last_bad_ns, now_ns, verified=True)
            lag_us = (last_bad_ns - containment.command_ns) // 1000
            told = f"{lag_us} us after the command" if lag_us > 0 else "before it"
            verified = msgspec.structs.replace(
                containment,
                state=State.VERIFIED,
                detail=f"last bad frame on the mirror {told}",
            )
            self._record(verified, now_ns)
            self._containments[decision_id] = verified
            return verified
        return containment

    def release(self, decision_id: str, who: str) -> Containment | None:
        """Undo one Decision on behalf of `who`; None when nothing of it stands."""
        containment = self._containments.get(decision_id)
        if containment is None:
            return None
        return self._undo(containment, f"released by {who}")

    def recover(self, evidence: Iterable[Evidence]) -> list[Containment]:
        """Fold an earlier run's ledger into what still stands, before any new action.

        What was acknowledged is adopted; what has ended meanwhile is recorded so; an
        intent without outcome may or may not have left, so it is released. What an
        enforcer holds beside these is taken away; what it does not hold has ended.
        """
        now_ns = self._clock.now_ns()
        for intent, last in fold_intents(evidence).values():
            self._note(intent.id, last)
            if last is None:
                self._settle_orphan(intent, now_ns)
            elif last.state in IN_FORCE:
                self._decisions[intent.id] = intent
                self._containments[intent.id] = last
        self.tick(now_ns)
        for actuator in self._actuators:
            if isinstance(actuator, Reconciling):
                self._unreconciled.add(actuator.name)
                with contextlib.suppress(ActuationError):  # asked again before acting
                    self._reconcile(actuator)
        return list(self._containments.values())

    def _command(self, decision: Decision) -> Containment:
        """Send the command; a failure is an outcome, not an exception."""
        command_ns = self._clock.now_ns()
        failed = Containment(
            decision_id=decision.id,
            actuator="",
            state=State.FAILED,
            command_ns=command_ns,
            applied_ns=0,
            until_ns=0,
            handle="",
            detail="no actuator carries this out",
        )
        actuator = self._actuator_for(decision)
        if actuator is None:
            return failed
        try:
            if actuator.name in self._unreconciled:
                self._reconcile(actuator)
            return actuator.apply(decision, decision.until_ns - decision.t_ns)
        except ActuationError as error:
            detail = str(error)
            ttl_ns = decision.until_ns - decision.t_ns
        # Unknown is not harmless: one attempt to take back what may have arrived.
        failed = msgspec.structs.replace(
            failed, actuator=actuator.name, until_ns=command_ns + ttl_ns, detail=detail
        )
        failure = self._release_failure(failed)
        return msgspec.structs.replace(
            failed, detail=f"{detail}; {failure or 'taken back'}"
        )

    def _reconcile(self, actuator: Actuator) -> None:
        """Make the record and an enforcer agree; what it lost is not applied anew.

        Raises:
            ActuationError: the enforcer cannot be asked.
        """
        assert isinstance(actuator, Reconciling)
        wanted = [
            (self._decisions[key], containment)
            for key, containment in self._containments.items()
            if containment.actuator == actuator.name
        ]
        missing, orphans = actuator.reconcile(wanted)
        self._unreconciled.discard(actuator.name)
        now_ns = self._clock.now_ns()
        if orphans:
            body: dict[str, object] = {"actuator": actuator.name, "orphans": orphans}
            self._ledger.append("reconciled", now_ns, body)
        for key in missing:
            gone = msgspec.structs.replace(
                self._containments[key],
                state=State.ENDED,
                until_ns=now_ns,
                detail="not in force at the enforcer after a restart",
            )
            self._record(gone, now_ns)
            self._drop(key, gone)

    def _actuator_for(self, decision: Decision) -> Actuator | None:
        return next((a for a in self._actuators if a.accepts(decision)), None)

    def _named(self, name: str) -> Actuator | None:
        return next((a for a in self._actuators if a.name == name), None)

    def _how_it_ended(self, containment: Containment, now_ns: int) -> str:
        """Return how it ended, or "" to look again at the next tick."""
        actuator = self._named(containment.actuator)
        if actuator is None or not isinstance(actuator, Confirming):
            return "ended by itself"
        detail = "not confirmed by the enforcer"
        try:
            told = actuator.ended(containment)
        except ActuationError as error:
            told, detail = "", error.what
        if told or now_ns < containment.until_ns + CONFIRM_NS:
            return told
        failure = self._release_failure(containment)
        return f"{detail}; {failure or 'released to be sure'}"

    def _end(self, containment: Containment, detail: str) -> Containment:
        ended = msgspec.structs.replace(containment, state=State.ENDED, detail=detail)
        self._record(ended, containment.until_ns)
        self._drop(containment.decision_id, ended)
        return ended

    def _undo(self, containment: Containment, reason: str) -> Containment:
        """Release it, record what came of that; it no longer counts as standing."""
        failure = self._release_failure(containment)
        state = State.FAILED if failure else State.ROLLED_BACK
        detail = f"{reason}; {failure}" if failure else reason
        undone = msgspec.structs.replace(containment, state=state, detail=detail)
        self._record(undone, self._clock.now_ns())
        self._drop(containment.decision_id, undone)
        return undone

    def _release_failure(self, containment: Containment) -> str:
        """Release it; return "" or why it may still stand."""
        actuator = self._named(containment.actuator)
        if actuator is None:
            return f"not released: no actuator {containment.actuator} is configured"
        try:
            actuator.release(containment)
        except ActuationError as error:
            return f"release failed: {error.what}"
        return ""

    def _settle_orphan(self, intent: Decision, now_ns: int) -> None:
        """Take back a command that may have left before a crash."""
        actuator = self._actuator_for(intent)
        if actuator is None:
            return
        lost = Containment(
            decision_id=intent.id,
            actuator=actuator.name,
            state=State.INTENDED,
            command_ns=now_ns,
            applied_ns=0,
            until_ns=now_ns + intent.until_ns - intent.t_ns,
            handle="",
        )
        self._undo(lost, "intent without outcome found after a restart")

    def _record(self, containment: Containment, time_ns: int) -> None:
        body = msgspec.to_builtins(containment)
        self._ledger.append("containment", time_ns, body)

    def _record_effect(
        self, decision_id: str, last_bad_ns: int, now_ns: int, *, verified: bool
    ) -> None:
        body: dict[str, object] = {
            "decision_id": decision_id,
            "last_bad_ns": last_bad_ns,
            "verified": verified,
        }
        self._ledger.append("effect", now_ns, body)

    def _note(self, decision_id: str, outcome: Containment | None) -> None:
        self._outcomes[decision_id] = outcome
        if len(self._outcomes) > KNOWN_MAX:
            del self._outcomes[next(iter(self._outcomes))]

    def _drop(self, decision_id: str, outcome: Containment) -> None:
        self._containments.pop(decision_id, None)
        self._decisions.pop(decision_id, None)
        if decision_id in self._outcomes:
            self._outcomes[decision_id] = outcome
