"""Undoing: a person says that something is to be let go, whatever it is by then.

It stands; or it was done a moment ago and is on no record; or it is on its way to an
enforcer that has not answered; or nothing of it has left yet. In each case what the
person said is written down, a veto is kept, and then it is let go.
"""

import contextlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from airnet.act.entries import Body, Ended, Entries, Undone, gone_words
from airnet.act.held import Held
from airnet.act.intents import LASTING, Order
from airnet.act.leaving import Leaving
from airnet.act.levers import Levers
from airnet.act.outcomes import IN_FORCE
from airnet.act.renewals import alike
from airnet.act.underway import Underway
from airnet.act.vetoes import Vetoes
from airnet.clock import Clock
from airnet.domain.containment import Containment, State
from airnet.domain.decision import Decision
from airnet.domain.incident import Evidence
from airnet.domain.instruction import Ask
from airnet.errors import InstructionError, LedgerError


class Said(NamedTuple):
    """What a person said: of which id, name and reason, and the ledger's body of it."""

    subject: str
    who: str
    told: Body

    @property
    def by(self) -> str:
        """Return the name alone."""
        return str(self.told.get("by", self.who))

    def of(self, decision_id: str) -> Body:
        """Return the ledger's body, where what was named is known by another id."""
        if decision_id == self.subject:
            return self.told
        return {**self.told, "decision_id": decision_id, "named": self.subject}


class Undoing:
    """Lets go because a person says so. One owner; not for two threads.

    Args:
        held: what stands.
        levers: who is told.
        entries: where it is recorded.
        clock: the time.
    """

    def __init__(
        self, held: Held, levers: Levers, entries: Entries, clock: Clock
    ) -> None:
        self._held, self._levers = held, levers
        self._entries, self._clock = entries, clock
        self.leaving = Leaving(levers, clock)
        self.vetoes = Vetoes()
        self.underway = Underway()
        #: Those of which something may have left and nothing is on record.
        self._sent: set[str] = set()
        self._sending = ""
        #: Undone while it was being sent, by whom.
        self._undone: dict[str, str] = {}
        #: What an earlier process was told to undo, and the word in its ledger.
        self._told: dict[str, tuple[Decision, Evidence]] = {}

    def undo(self, decision_id: str, said: Said) -> Undone:
        """Let go of one Decision, whatever has become of it.

        Raises:
            InstructionError: nothing of it stands, or it is let go already.
        """
        if decision_id in self.leaving:
            raise InstructionError(f"{decision_id} is being let go", "wait for it")
        containment = self._held.containments.get(decision_id)
        if containment is None:
            return self._early(decision_id, said)
        unrecorded = self._entries.attempt(told=said.of(decision_id))
        decision = self._held.decisions.get(decision_id)
        standing = self._held.containments.values()
        others = alike(decision, self._held.decisions, standing)
        if decision is not None:
            self._veto(decision, said)
        # What it was renewed by, too.
        return self._let_go((*others, containment), said, unrecorded)

    def is_undone(self, decision_id: str) -> bool:
        """Return whether it was undone before its turn came, or in the midst of it."""
        is_over = self._held.outcomes.get(decision_id) is not None
        return is_over or decision_id in self._undone

    def why_not(self) -> str:
        """Return why no more may leave of what is being sent, "" when it may."""
        return self._undone.get(self._sending, "")

    def forget(self, decision_id: str) -> None:
        """Say that no answer is awaited of what was undone."""
        self._undone.pop(decision_id, None)
        self._sent.discard(decision_id)

    @contextlib.contextmanager
    def beginning(self, ids: set[str]) -> Iterator[None]:
        """Know that of these some are being sent; afterwards, which were."""
        self._sent |= ids
        try:
            yield
        finally:
            self._sent -= ids - self._levers.begun

    @contextlib.contextmanager
    def sending(self, decision_id: str) -> Iterator[None]:
        """Know that this one is being sent, and nobody has answered."""
        before, self._sending = self._sending, decision_id
        self._sent.add(decision_id)
        try:
            yield
        finally:
            self._sending = before
            self._sent.discard(decision_id)

    def meanwhile(self, decision: Decision, outcome: Containment) -> bool:
        """Return whether a person undid what was being sent; then it is let go.

        Once more: what was asked first of its enforcer may have been the release.

        Raises:
            LedgerError: it cannot be recorded.
        """
        reason = self._undone.pop(decision.id, "")
        if not reason:
            return False
        was_over = self._held.outcomes.get(decision.id) is not None
        if not was_over:
            self._entries.contain(outcome, outcome.applied_ns or outcome.command_ns)
        if outcome.state in IN_FORCE:
            self._held.keep(decision, outcome)
            undone = self.leaving.let_go(outcome, reason)
            if undone is None:
                self._held.outcomes[decision.id] = outcome
                return True
            outcome = undone
            if not was_over:
                self._entries.contain(outcome, self._clock.now_ns())
        elif decision.id in self.leaving:
            return True
        self._held.drop(decision.id, outcome)
        return True

    def settle(self, now_ns: int) -> None:
        """Record what enforcers have let go of since.

        Raises:
            LedgerError: it cannot be recorded.
        """
        if self.underway.foreseen is not None:
            self.underway.foreseen.tidy()
        for undone in self.leaving.settled(now_ns) if self.leaving else ():
            self._entries.contain(undone, self._clock.now_ns())
            self._held.drop(undone.decision_id, undone)

    def recover(self, evidence: Iterable[Evidence]) -> None:
        """Learn what an earlier process was told to undo."""
        known: dict[str, Decision] = {}
        for entry in evidence:
            if entry.kind == "decision":
                decision = msgspec.convert(entry.body, Decision)
                known[decision.id] = decision
            elif entry.kind == "instruction" and entry.body["ask"] == Ask.UNDO:
                found = known.get(str(entry.body["decision_id"]))
                if found is not None:
                    self._told[found.id] = found, entry

    def was_told(self, decision_id: str) -> bool:
        """Return whether an earlier process was told to undo it."""
        return decision_id in self._told

    def resume(self) -> None:
        """Go on with what an earlier process was told, and did not live to do.

        Raises:
            LedgerError: it cannot be recorded.
        """
        standing, decisions = self._held.containments, self._held.decisions
        for decision, entry in self._told.values():
            by, why = entry.body["by"], entry.body["reason"]
            found = [
                one
                for one in alike(decision, decisions, standing.values())
                if decisions[one.decision_id].t_ns <= entry.time_ns
            ]
            found += [standing[decision.id]] if decision.id in standing else []
            for one in found:
                reason = f"released by {by}: {why}; after a restart"
                undone = self.leaving.let_go(one, reason)
                if undone is not None:
                    self._entries.contain(undone, self._clock.now_ns())
                    self._held.drop(one.decision_id, undone)
        self._told.clear()

    # ---- what is on no record yet ----

    def _early(self, decision_id: str, said: Said) -> Undone:
        """Undo what is under way.

        Raises:
            InstructionError: nothing is, or it was undone.
        """
        order = self.underway.find(decision_id)
        if order is None or self._held.outcomes.get(order.decision.id) is not None:
            raise InstructionError(
                gone_words(self._held.ended, decision_id), "see airnet actions"
            )
        shot = self.underway.shot()
        if shot is not None and shot[1].decision.id == order.decision.id:
            return self._in_advance(*shot, said)
        decision = order.decision
        self._undone[decision.id] = f"released by {said.who}"
        is_known = decision.id in self._held.outcomes
        unrecorded = self._entries.attempt(
            order=None if is_known else order, told=said.of(decision.id)
        )
        if not is_known:
            self._held.outcomes[decision.id] = None
        self._veto(decision, said)
        # Looked at again, for the veto is there now: the lane may have acted meanwhile.
        order = self.underway.find(decision.id) or order
        out = order.outcome
        if out is None and self._may_stand(decision.id):
            self._levers.recall(decision)
            out = self._levers.lost(decision)
        if out is not None and decision.action in LASTING:
            out = msgspec.structs.replace(out, until_ns=0)
        if out is not None:
            self._held.keep(decision, out)
            undone = self._let_go((out,), said, unrecorded)
        else:
            why = f"undone before it left, by {said.who}"
            withheld = self.vetoes.withhold(decision, self._levers, why)
            undone = self._over(decision, withheld, unrecorded)
        if decision.id not in self._sent:
            del self._undone[decision.id]
        return undone

    def _may_stand(self, decision_id: str) -> bool:
        """Return whether something of it may have left, or be leaving."""
        return decision_id in self._sent or self.underway.is_acting(decision_id)

    def _in_advance(self, name: str, order: Order, said: Said) -> Undone:
        """Undo what was done in advance, or what it has become meanwhile.

        Raises:
            InstructionError: it was taken back meanwhile.
        """
        foreseen, decision = self.underway.foreseen, order.decision
        assert foreseen is not None, "it was found there"
        if not foreseen.claim(order):
            fate = foreseen.became(name)
            if fate and fate != decision.id:
                return self.undo(fate, said)
            raise InstructionError(
                f"{said.subject} was taken back: nobody decided it", "look again"
            )
        foreseen.end()  # its intent lies beside the rules until it is on record
        self._veto(decision, said)
        unrecorded = self._entries.attempt(order=order, told=said.of(decision.id))
        self._held.outcomes[decision.id] = None
        assert order.outcome is not None, "it was done"
        undone = msgspec.structs.replace(
            order.outcome,
            state=State.ROLLED_BACK,
            applied_ns=order.outcome.command_ns,
            until_ns=self._clock.now_ns(),
            detail=f"released by {said.who}, before it was decided",
        )
        told = self._over(decision, undone, unrecorded)
        if told.unrecorded is None:
            foreseen.recorded()
        return told

    def _over(
        self, decision: Decision, outcome: Containment, unrecorded: LedgerError | None
    ) -> Undone:
        """Record that nothing of it stands."""
        unrecorded = self._entries.attempt(undone=outcome) or unrecorded
        self._held.outcomes[decision.id] = outcome
        self._held.ended.append(Ended.of(decision, outcome))
        return Undone(
            detail=outcome.detail, state=outcome.state.value, unrecorded=unrecorded
        )

    def _veto(self, decision: Decision, said: Said) -> None:
        """Keep it from being done again, also by what the lane has just done."""
        self.vetoes.undo(decision, said.by, self._clock.now_ns())
        for one in self.underway:
            is_other = one.decision.id != decision.id and one.outcome is not None
            if not is_other or self.is_undone(one.decision.id):
                continue  # undone before: its enforcer would be asked in vain, first
            if self.vetoes.touches(one.decision):
                assert one.outcome is not None, "is_other"
                self._levers.let_go(one.outcome, f"undone by {said.who}")

    def _let_go(
        self,
        standing: Iterable[Containment],
        said: Said,
        unrecorded: LedgerError | None,
    ) -> Undone:
        """Release what stands, or may; of several the last is told of."""
        undone, hung = None, ""
        for one in standing:
            undone = self.leaving.let_go(one, f"released by {said.who}")
            if undone is None:
                hung = self.leaving.why(one.decision_id)
                continue
            unrecorded = self._entries.attempt(undone=undone) or unrecorded
            self._held.drop(one.decision_id, undone)
        if hung or undone is None:
            unrecorded = self._entries.settle() or unrecorded
            detail = f"ordered, not confirmed: {hung}"
            return Undone(detail=detail, state="ordered", unrecorded=unrecorded)
        return Undone(
            detail=undone.detail, state=undone.state.value, unrecorded=unrecorded
        )
