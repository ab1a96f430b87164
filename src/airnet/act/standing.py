"""Standing: what is in force, and the order in which it gets there and out again.

Intent, act, outcome. The intent is durable before the command leaves. The outcome is
what the mirror shows, not what an actuator acknowledged. Expiry belongs to whoever
enforces; here it is only written down, and confirmed where the enforcer can tell.

What people must agree to waits as a Proposal; a freeze lets nothing leave; and what a
person undoes is let go even when that cannot be written down.
"""

import contextlib
from collections.abc import Callable, Iterable, Sequence

import msgspec

from airnet.act.actuator import Actuator
from airnet.act.again import Again
from airnet.act.early import Early
from airnet.act.effect import Effect, Seen, late_words, seen, starved, verified
from airnet.act.entries import Body, Entries, Undone
from airnet.act.held import Held
from airnet.act.intents import (
    LASTING,
    Journal,
    Order,
    approvals_needed,
    fold_intents,
)
from airnet.act.levers import CONFIRM_NS, SLOW_NS, Levers
from airnet.act.outcomes import IN_FORCE
from airnet.act.proposals import Proposal
from airnet.act.steps import Steps
from airnet.act.undoing import Said, Undoing
from airnet.act.vetoes import Vetoes, noted
from airnet.act.waiting import Waiting
from airnet.clock import Clock
from airnet.domain.containment import Containment, State
from airnet.domain.decision import PASSIVE, Action, Decision, Mode
from airnet.domain.incident import Evidence
from airnet.domain.instruction import Signed
from airnet.domain.verdict import Verdict
from airnet.errors import ActuationError

#: Between two looks whether somebody else lifted what has no end.
LOOK_NS = 30_000_000_000


class Standing:
    """Carries Decisions out and keeps what stands. One owner; not for two threads.

    Args:
        actuators: asked in this order; the first that accepts a Decision gets it.
        ledger: where intents and outcomes go.
        clock: the time of what the world answers.
        effect: when an effect counts as seen.
        closed: why nothing may leave now, "" when it may; asked before each command.
    """

    def __init__(
        self,
        actuators: Sequence[Actuator],
        ledger: Journal,
        clock: Clock,
        effect: Effect | None = None,
        closed: Callable[[], str] = str,
    ) -> None:
        self._levers = Levers(actuators, clock)
        self._entries = Entries(ledger, clock)
        self._clock = clock
        self._effect = effect or Effect()
        self._closed = closed
        self._held = Held(self._entries)
        self._looked_ns = 0
        self._between: Callable[[], None] = lambda: None
        self._undoing = Undoing(self._held, self._levers, self._entries, clock)
        self.leaving = self._undoing.leaving
        self.underway = self._undoing.underway
        self._steps = Steps(clock)
        self._early = Early(self._levers, clock)
        self._again = Again(self._levers, self._entries, clock, closed)
        self.attempts = self._again.attempts
        self.ended = self._held.ended
        self._waiting = Waiting(self._entries, clock, self.ended)
        self.proposals = self._waiting.proposals

    @property
    def in_force(self) -> tuple[Containment, ...]:
        """Return what stands, in the order it was applied."""
        return tuple(self._held.containments.values())

    @property
    def has_any(self) -> bool:
        """Return whether anything stands."""
        return bool(self._held.containments)

    @property
    def vetoes(self) -> Vetoes:
        """Return what people have undone and is not done again."""
        return self._undoing.vetoes

    @vetoes.setter
    def vetoes(self, vetoes: Vetoes) -> None:
        self._undoing.vetoes = vetoes

    def decision(self, decision_id: str) -> Decision | None:
        """Return the Decision that stands, is under way, waits or was withheld."""
        decision_id = self.underway.name(decision_id)
        if (proposal := self.proposals.get(decision_id)) is not None:
            return proposal.decision
        if (trial := self.attempts.get(decision_id)) is not None:
            return trial.decision
        if (found := self._held.decisions.get(decision_id)) is not None:
            return found
        if (order := self.underway.find(decision_id)) is not None:
            return order.decision
        return self.vetoes.withheld(decision_id)

    def outcome(self, decision_id: str) -> Containment | None:
        """Return what became of a Decision, if it was sent."""
        return self._held.outcomes.get(decision_id)

    def attend(self, between: Callable[[], None]) -> None:
        """Have `between` called between two commands: each may take long."""
        self._between = between
        self._levers.attend(between, lambda: self._closed() or self._undoing.why_not())

    def carry_out(
        self, decision: Decision, verdict: Verdict | None = None
    ) -> Containment | None:
        """Record the intent, act, record the outcome; None when nothing is sent.

        Passive Decisions and those in shadow are recorded and not sent; what people
        must agree to waits. An actuator that fails gives a Containment in state
        `failed`; `tick` tries it again, a few times.

        Raises:
            LedgerError: the intent cannot be made durable; nothing was sent. Or the
                outcome cannot be recorded; what was sent ends by itself.
        """
        return self.carry_out_all([Order(decision, verdict)])[0]

    def carry_out_all(self, orders: Sequence[Order]) -> list[Containment | None]:
        """Do the same with several: every intent first, made durable by one sync.

        Raises LedgerError as above; nothing of all of them was sent.
        """
        known = self._held.outcomes
        fresh = {one.decision.id: one for one in orders if one.decision.id not in known}
        for one in fresh.values():
            self.underway.begin(one)
            self._entries.intend(one.decision, one.verdict)
            known[one.decision.id] = None
        acting = [one for one in fresh.values() if one.decision.action not in PASSIVE]
        if acting:
            self._entries.sync()
        heeded = self.vetoes.heed(acting, self._levers)
        # What stands already is known before anything can make people wait.
        for order, why in heeded:
            if order.outcome is not None:
                self._do(order, why)
        sends = [one for one in heeded if one.order.outcome is None]
        self._begin([order for order, _ in sends])
        for order, why in sends:
            self._do(order, why)
        for one in orders:
            self.underway.over(one.decision.id)
        return [self._held.outcomes.get(one.decision.id) for one in orders]

    def approve(self, signed: Signed, told: Body) -> tuple[Proposal, Decision | None]:
        """Count a verified approval; carry the Decision out when it was the last.

        Returned are the proposal, and the Decision in force that it became, if it did.

        Raises:
            InstructionError: nothing waits there, or the person approved already.
            LedgerError: it cannot be made durable; nothing was sent.
        """
        proposal, enforced = self._waiting.approve(signed, told, self.vetoes)
        if enforced is not None:
            self.carry_out(enforced)
        return proposal, enforced

    def tick(self, now_ns: int) -> list[Containment]:
        """Record what has ended by itself at `now_ns`, in the order of its end."""
        self._waiting.lapse()
        self._try_again()
        self._undoing.settle(now_ns)
        self._held.containments = self._steps.followed(self._held.containments)
        if not self._held.containments:  # it is asked for every Verdict
            return []
        due = [c for c in self._held.containments.values() if 0 < c.until_ns <= now_ns]
        due.sort(key=lambda one: (one.until_ns, one.decision_id))
        ended, began_ns = [], self._clock.mono_ns()
        for containment in due:
            if self._clock.mono_ns() - began_ns > SLOW_NS:
                break  # the others at the next tick: people may be waiting
            detail = self._levers.how_it_ended(containment, now_ns)
            # While that was asked, a person may have undone it.
            if detail and containment.decision_id in self._held.containments:
                ended.append(self._end(containment, detail, containment.until_ns))
        return ended + self._lifted(now_ns)

    def observe_effect(
        self, decision_id: str, last_bad_ns: int, now_ns: int
    ) -> Containment | None:
        """Compare what stands with the mirror; release what did not take effect.

        `last_bad_ns` is the capture time of the last bad frame seen, 0 for none, and
        `now_ns` the newest. Returns what stands now, if anything. A rate limit is
        released where it lets nothing pass; what only a named person may lift never is.
        """
        containment = self._held.containments.get(decision_id)
        if containment is None or containment.state is State.UNVERIFIABLE:
            return containment
        if decision_id in self.leaving:
            return containment
        how = self._effect, containment, last_bad_ns
        action = self._held.decisions[decision_id].action
        if action is Action.RATE_LIMIT_SOURCES:
            why = starved(*how, now_ns)
        elif (found := seen(*how, now_ns)) is Seen.WORKS:
            self._entries.effect(decision_id, last_bad_ns, now_ns, verified=True)
            self._held.containments[decision_id] = verified(containment, last_bad_ns)
            self._entries.contain(self._held.containments[decision_id], now_ns)
            return self._held.containments[decision_id]
        else:
            why = late_words(*how) if found is Seen.FAILS else ""
        if not why or action in LASTING:
            return containment
        self._entries.effect(decision_id, last_bad_ns, now_ns, verified=False)
        return self._undo(containment, why)

    def release(self, decision_id: str, who: str) -> Containment | None:
        """Undo one Decision on behalf of `who`; None when nothing of it stands."""
        found = self._held.containments.get(decision_id)
        return None if found is None else self._undo(found, f"released by {who}")

    def undo(self, decision_id: str, who: str, told: Body) -> Undone:
        """Let go of one Decision, or withdraw it, because a person says so.

        What cannot be written down is let go all the same: the promise not to act
        without a record is about containing. `who` is name and reason.

        Raises:
            InstructionError: nothing of it stands or waits, or it is let go already.
            LedgerError: a proposal could not be withdrawn on the record.
        """
        name = self.underway.name(decision_id)
        if (trial := self.attempts.pop(name)) is not None:
            self._held.keep(trial.decision, trial.last)
        if self.proposals.get(name) is None:
            return self._undoing.undo(name, Said(decision_id, who, told))
        unrecorded = self._entries.attempt(told=told)
        self._waiting.withdraw(name, who)
        detail, state = f"withdrawn by {who}", "withdrawn"
        return Undone(detail=detail, state=state, unrecorded=unrecorded)

    def recover(self, evidence: Iterable[Evidence]) -> list[Containment]:
        """Fold an earlier run's ledger into what still stands, before any new action.

        What was acknowledged is adopted; an intent without outcome is released, or,
        when only a person may release it, looked for. What waited for people lapses;
        what an enforcer holds beside these is taken away.
        """
        entries = list(evidence)
        now_ns = self._clock.now_ns()
        self.vetoes.recover(entries)
        self._undoing.recover(entries)
        for intent, last in fold_intents(entries).values():
            self._held.outcomes[intent.id] = last
            if last is None:
                self._settle(intent)
            elif last.state in IN_FORCE:
                self._held.keep(intent, last)
            elif last.state is State.INTENDED:
                self._settle(intent, last)
        self._undoing.resume()
        self.attempts.resume(entries)
        self._waiting.recover(entries)
        self.tick(now_ns)
        for name in self._levers.distrust():
            with contextlib.suppress(ActuationError):  # asked again before acting
                self._reconcile(name)
        return list(self._held.containments.values())

    def _begin(self, orders: Sequence[Order]) -> None:
        """Have those that can start on several at once; people may undo each."""
        with self._undoing.beginning({one.decision.id for one in orders}):
            self._levers.begin(orders, self._closed)

    def _do(self, order: Order, why: str) -> None:
        """Carry one out, unless a person has undone it; record the outcome."""
        decision, _, outcome = order
        if approvals_needed(decision):
            self._waiting.propose(decision)
            return
        if decision.mode is not Mode.ENFORCE:
            return
        if outcome is None:
            self._between()
        if self._undoing.is_undone(decision.id):
            self._levers.forget(decision)
            self._undoing.forget(decision.id)
        elif outcome is not None:
            self._stand(decision, noted(outcome, why))
        else:
            self._send(decision, why)

    def _send(self, decision: Decision, why: str) -> None:
        """Send the command, unless frozen; record what came of it."""
        withheld = "" if self._levers.is_answered(decision) else self._closed()
        if withheld:
            outcome = self._levers.withhold(decision, withheld)
            self._stand(decision, noted(outcome, why))
            return
        with self._undoing.sending(decision.id):
            outcome = self._levers.command(decision, self._reconcile)
        if not self._undoing.meanwhile(decision, outcome):
            outcome = self.attempts.noted(decision, outcome)
            self._stand(decision, noted(outcome, why))

    def _try_again(self) -> None:
        """Try once more what has failed and is due, unless somebody is against it."""
        tried = self._again.attempt(self.vetoes, self._reconcile)
        if tried is None:
            return
        if not tried.against:
            self._stand(tried.decision, tried.outcome)
            return
        self._held.keep(tried.decision, tried.outcome)
        self._undo(tried.outcome, tried.against)

    def _stand(self, decision: Decision, outcome: Containment) -> None:
        """Record what came of a Decision, and keep what is in force."""
        self._held.stand(decision, outcome, self.attempts)

    def _reconcile(self, name: str) -> None:
        """Make the record and an enforcer agree; what it lost is not applied anew.

        Raises:
            ActuationError: the enforcer cannot be asked.
        """
        wanted = [
            (self._held.decisions[key], containment)
            for key, containment in self._held.containments.items()
            if containment.actuator == name
        ]
        missing, orphans = self._levers.reconcile(name, wanted)
        if orphans:
            self._entries.reconcile(name, orphans)
        now_ns = self._clock.now_ns()
        for key in [key for key in missing if key in self._held.containments]:
            gone = msgspec.structs.replace(
                self._held.containments[key], until_ns=now_ns
            )
            self._end(gone, "not in force at the enforcer after a restart", now_ns)

    def _lifted(self, now_ns: int) -> list[Containment]:
        """Record what was lifted at the enforcer, before its end or without one."""
        early = self._early.found(self._held.containments, self.leaving, now_ns)
        ended = [self._end(one, how, now_ns) for one, how in early]
        began_ns = self._clock.mono_ns()
        if began_ns - self._looked_ns < LOOK_NS:
            return ended
        self._looked_ns = began_ns
        for containment in [c for c in self.in_force if c.until_ns == 0]:
            if self._clock.mono_ns() - began_ns > SLOW_NS:
                break  # an enforcer hangs
            detail = self._levers.lifted(containment)
            if detail:
                ended.append(self._end(containment, detail, now_ns))
        return ended

    def _end(self, containment: Containment, detail: str, at_ns: int) -> Containment:
        ended = msgspec.structs.replace(containment, state=State.ENDED, detail=detail)
        self._entries.contain(ended, at_ns)
        self._held.drop(containment.decision_id, ended)
        return ended

    def _undo(self, containment: Containment, reason: str) -> Containment:
        """Release it, record what came of that; it no longer counts as standing."""
        undone = self._levers.undo(containment, reason)
        self._entries.contain(undone, self._clock.now_ns())
        self._held.drop(containment.decision_id, undone)
        return undone

    def _settle(self, intent: Decision, attempt: Containment | None = None) -> None:
        """Settle an intent without outcome: what may have left before a crash."""
        if intent.action in LASTING:
            # Only a person may lift it: adopted if it is there, never taken back.
            self._stand(intent, self._levers.find(intent))
            return
        lost = attempt or self._levers.lost(intent)
        if lost is not None and self._undoing.was_told(intent.id):
            self._held.keep(intent, lost)  # until its enforcer has let go of it
        elif lost is not None:
            self._undo(lost, "intent without outcome found after a restart")


__all__ = ["CONFIRM_NS", "IN_FORCE", "Effect", "Standing", "Undone"]
