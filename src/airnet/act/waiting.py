"""Waiting: what people must agree to, and what becomes of it, recorded.

What an undo withheld is agreed to in the same way: by one person, or from T5 up by two,
of whom the first makes a proposal of it.
"""

from collections import deque
from collections.abc import Iterable

from airnet.act.entries import Body, Ended, Entries
from airnet.act.intents import fold_proposals
from airnet.act.proposals import Proposal, Proposals
from airnet.act.vetoes import Vetoes
from airnet.clock import Clock
from airnet.domain.decision import Decision
from airnet.domain.incident import Evidence
from airnet.domain.instruction import Signed


class Waiting:
    """Records proposals and what people say of them. It sends nothing itself.

    Args:
        entries: where it is recorded.
        clock: the time.
        ended: what people are shown of what waits no more.
    """

    def __init__(self, entries: Entries, clock: Clock, ended: deque[Ended]) -> None:
        self.proposals = Proposals(clock)
        self._entries = entries
        self._clock = clock
        self._ended = ended

    def propose(self, decision: Decision) -> None:
        """Let a Decision wait for people."""
        self._open(*self.proposals.add(decision), "waits for people")

    def approve(
        self, signed: Signed, told: Body, vetoes: Vetoes
    ) -> tuple[Proposal, Decision | None]:
        """Count a verified approval; return the proposal, and what it became, if.

        What it became is to be carried out.

        Raises:
            InstructionError: nothing waits there, or the person approved already.
            LedgerError: it cannot be made durable; nothing may be sent.
        """
        withheld = vetoes.agreed(signed, self._clock)
        proposal = withheld or self.proposals.approve(signed)
        self._entries.instruct(told)
        if withheld is not None and withheld.needed > 1:
            why = "was withheld since an undo; waits for people"
            self._open(withheld, self.proposals.put(withheld), why)
        if not self.proposals.is_approved(proposal):
            self._entries.sync()
            return proposal, None
        self.proposals.pop(proposal.decision.id)
        enforced = proposal.enforced(self._clock.now_ns())
        detail = "by " + " and ".join(proposal.names())
        self.close(proposal, "approved", detail, enforced.id)
        vetoes.lift(enforced)
        return proposal, enforced

    def withdraw(self, decision_id: str, who: str) -> None:
        """Let nobody agree to it any more, because `who` says so."""
        proposal = self.proposals.pop(decision_id)
        if proposal is not None:
            self.close(proposal, "withdrawn", f"by {who}")

    def lapse(self) -> None:
        """Record what has waited too long."""
        for proposal in self.proposals.lapse():
            self.close(proposal, "lapsed", "nobody agreed in time")

    def recover(self, evidence: Iterable[Evidence]) -> None:
        """Record that what waited for people waits no more, after a restart."""
        for waiting in fold_proposals(evidence):
            proposal, _ = self.proposals.add(waiting)
            self.proposals.pop(waiting.id)
            self.close(proposal, "lapsed", "airnet was started anew")

    def close(
        self, proposal: Proposal, state: str, detail: str, enforced: str = ""
    ) -> None:
        """Record that a proposal is over."""
        self._entries.propose(proposal, state, detail, enforced)
        told = f"{detail}, as {enforced}" if enforced else detail
        self._ended.append(Ended(decision=proposal.decision, detail=told, state=state))

    def _open(self, proposal: Proposal, gone: Proposal | None, why: str) -> None:
        """Record that a proposal waits, and what gave way to it."""
        if gone is not None:
            self.close(gone, "lapsed", "gave way to newer ones")
        self._entries.propose(proposal, "open", why)
