"""Proposals: what waits for people, who has agreed, and until when that counts."""

from collections.abc import Iterator

import msgspec

from airnet.act.intents import approvals_needed
from airnet.clock import Clock
from airnet.domain.decision import Decision, Mode, with_id
from airnet.domain.instruction import PROPOSAL_NS, Signed
from airnet.errors import InstructionError

#: Proposals that wait at once; beyond it the oldest gives way.
PROPOSALS_MAX = 64


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """One person's agreement, and until when it counts by the steady clock."""

    signed: Signed
    until_mono_ns: int


class Proposal(msgspec.Struct, kw_only=True):
    """A Decision that waits for people."""

    decision: Decision
    needed: int
    until_ns: int
    until_mono_ns: int
    approvals: dict[str, Approval] = msgspec.field(default_factory=dict)

    def names(self) -> tuple[str, ...]:
        """Return who has agreed."""
        return tuple(one.signed.instruction.by for one in self.approvals.values())

    def enforced(self, now_ns: int) -> Decision:
        """Return the Decision in force that was agreed to, as long from now on."""
        ttl_ns = self.decision.until_ns - self.decision.t_ns
        return with_id(
            msgspec.structs.replace(
                self.decision,
                mode=Mode.ENFORCE,
                approvals_needed=0,
                t_ns=now_ns,
                until_ns=now_ns + ttl_ns,
            )
        )


class Proposals:
    """What waits for people. It sends nothing itself.

    Lapsing goes by the steady clock: a stepped time of day revives nothing.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: dict[str, Proposal] = {}

    def __iter__(self) -> Iterator[Proposal]:
        """Yield what waits, the oldest first."""
        return iter(self._open.values())

    def get(self, decision_id: str) -> Proposal | None:
        """Return what waits under that id."""
        return self._open.get(decision_id)

    def add(self, decision: Decision) -> tuple[Proposal, Proposal | None]:
        """Let a Decision wait; return it, and what gave way to it."""
        made = Proposal(
            decision=decision,
            needed=approvals_needed(decision),
            until_ns=self._clock.now_ns() + PROPOSAL_NS,
            until_mono_ns=self._clock.mono_ns() + PROPOSAL_NS,
        )
        return made, self.put(made)

    def put(self, proposal: Proposal) -> Proposal | None:
        """Let a proposal wait; return what gave way to it."""
        gone = None
        if len(self._open) >= PROPOSALS_MAX:
            gone = self._open.pop(next(iter(self._open)))
        self._open[proposal.decision.id] = proposal
        return gone

    def approve(self, signed: Signed) -> Proposal:
        """Count a person's agreement, which was verified; return the proposal.

        Raises:
            InstructionError: nothing waits under that id, or the person has agreed
                already.
        """
        instruction = signed.instruction
        mono_ns = self._clock.mono_ns()
        proposal = self._open.get(instruction.subject)
        if proposal is None or proposal.until_mono_ns <= mono_ns:
            raise InstructionError(
                f"nothing waits for approval under {instruction.subject!r}",
                "see airnet actions",
            )
        _forget_lapsed(proposal, mono_ns)
        if signed.key in proposal.approvals:
            missing = proposal.needed - len(proposal.approvals)
            raise InstructionError(
                f"{instruction.by} has approved it already",
                f"{missing} more must, each with a key of their own",
            )
        left_ns = instruction.until_ns - self._clock.now_ns()
        proposal.approvals[signed.key] = Approval(
            signed=signed, until_mono_ns=mono_ns + left_ns
        )
        return proposal

    def is_approved(self, proposal: Proposal) -> bool:
        """Return whether enough people agree now."""
        _forget_lapsed(proposal, self._clock.mono_ns())
        return len(proposal.approvals) >= proposal.needed

    def pop(self, decision_id: str) -> Proposal | None:
        """Take a proposal out."""
        return self._open.pop(decision_id, None)

    def lapse(self) -> list[Proposal]:
        """Take out and return what has waited too long."""
        if not self._open:
            return []
        mono_ns = self._clock.mono_ns()
        old = [one for one in self._open.values() if one.until_mono_ns <= mono_ns]
        for one in old:
            del self._open[one.decision.id]
        return old


def _forget_lapsed(proposal: Proposal, mono_ns: int) -> None:
    """Drop agreements whose time is over."""
    proposal.approvals = {
        key: one
        for key, one in proposal.approvals.items()
        if one.until_mono_ns > mono_ns
    }
