"""Entries: what acting writes into the ledger, and in which words."""

from collections.abc import Sequence
from typing import Self

import msgspec

from airnet.act.intents import Journal, Order, intent_body
from airnet.act.proposals import Proposal
from airnet.clock import Clock
from airnet.domain.containment import Containment
from airnet.domain.decision import Decision
from airnet.domain.verdict import Verdict
from airnet.errors import LedgerError

Body = dict[str, object]
#: What has ended is kept for people to look at.
ENDED_MAX = 64


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A Decision that no longer stands, and what became of it."""

    decision: Decision
    detail: str
    state: str

    @classmethod
    def of(cls, decision: Decision, outcome: Containment) -> Self:
        """Return a Decision that did not come about, or stands no more."""
        return cls(decision=decision, detail=outcome.detail, state=outcome.state.value)


class Undone(msgspec.Struct, frozen=True, kw_only=True):
    """What a person's undo did; `unrecorded` when the ledger would not take it."""

    detail: str
    state: str
    unrecorded: LedgerError | None = None


class Entries:
    """Writes intents, outcomes, effects, proposals and what people said.

    Each raises LedgerError when it cannot be written.
    """

    def __init__(self, ledger: Journal, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    def sync(self) -> None:
        """Return when everything written survives the loss of the host."""
        self._ledger.sync()

    def intend(self, decision: Decision, verdict: Verdict | None) -> None:
        """Write what is ordered, and what it rests on."""
        self._ledger.append("decision", decision.t_ns, intent_body(decision, verdict))

    def contain(self, containment: Containment, time_ns: int) -> None:
        """Write what became of it."""
        self._ledger.append("containment", time_ns, msgspec.to_builtins(containment))

    def effect(
        self, decision_id: str, last_bad_ns: int, now_ns: int, *, verified: bool
    ) -> None:
        """Write what the mirror showed."""
        body: Body = {
            "decision_id": decision_id,
            "last_bad_ns": last_bad_ns,
            "verified": verified,
        }
        self._ledger.append("effect", now_ns, body)

    def propose(
        self, proposal: Proposal, state: str, detail: str, enforced: str = ""
    ) -> None:
        """Write where a proposal has got to; `enforced` is the Decision it became."""
        body: Body = {
            "decision_id": proposal.decision.id,
            "state": state,
            "needed": proposal.needed,
            "until_ns": proposal.until_ns,
            "detail": detail,
        }
        if enforced:
            body["enforced"] = enforced
        self._ledger.append("proposal", self._clock.now_ns(), body)

    def reconcile(self, actuator: str, orphans: int) -> None:
        """Write how much of nobody's an enforcer held."""
        body: Body = {"actuator": actuator, "orphans": orphans}
        self._ledger.append("reconciled", self._clock.now_ns(), body)

    def instruct(self, told: Body) -> None:
        """Write what a person said."""
        self._ledger.append("instruction", self._clock.now_ns(), told)

    def attempt(
        self,
        *,
        order: Order | None = None,
        told: Body | None = None,
        undone: Containment | None = None,
    ) -> LedgerError | None:
        """Write what a person said, or what came of it; return why it could not be.

        Before it the order it is about, where that is on no record yet. What was said
        outlives our crash at once, and the host's with what came of it: letting go does
        not wait for the disk.
        """
        try:
            if order is not None:
                self.intend(order.decision, order.verdict)
            if told is not None:
                self.instruct(told)
            if undone is not None:
                self.contain(undone, self._clock.now_ns())
                self.sync()
        except LedgerError as error:
            return error
        return None

    def settle(self) -> LedgerError | None:
        """Make what was written durable; return why it could not be."""
        try:
            self.sync()
        except LedgerError as error:
            return error
        return None


def gone_words(ended: Sequence[Ended], decision_id: str) -> str:
    """Return what is known of a Decision that does not stand."""
    for one in reversed(ended):
        if one.decision.id == decision_id:
            return f"{decision_id} stands no more: {one.state}, {one.detail}"
    return f"nothing stands or waits under {decision_id!r}"
