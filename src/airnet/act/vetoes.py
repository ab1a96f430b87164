"""Vetoes: what a person has undone is not done again while its cause goes on.

Deciding goes on as ever, and knows of no veto: whatever is ordered against the same
target for the same Cause is recorded as withheld, with who undid it. That ends when
nothing was ordered for as long as policy takes for quiet, after a bounded time, or when
a person agrees to what was withheld. Everything here follows from Decisions and what
people said, so that a restart folds it from the ledger.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from airnet.act.intents import APPROVALS, APPROVALS_TIER, Order
from airnet.act.levers import Levers
from airnet.act.proposals import Approval, Proposal
from airnet.clock import Clock
from airnet.domain.containment import Containment, State
from airnet.domain.decision import PASSIVE, Decision, Mode, TargetType
from airnet.domain.incident import Evidence
from airnet.domain.instruction import PROPOSAL_NS, Ask, Signed

NS_PER_S = 1_000_000_000
#: What policy has by default (hysteresis.cooldown_ms, hysteresis.veto_ms_max).
QUIET_NS, MOST_NS = 60 * NS_PER_S, 3600 * NS_PER_S
#: Vetoes remembered, and Decisions withheld that people may still agree to.
VETOES_MAX, WITHHELD_MAX = 8192, 64

#: Cause, kind of target, which one; of a gateway its port as well.
Key = tuple[str, str, str, int]


class Veto(msgspec.Struct, frozen=True, kw_only=True):
    """Who undid it, when, and until when what was ordered since would have stood."""

    by: str
    since_ns: int
    last_ns: int


class Heeded(NamedTuple):
    """An Order as far as nobody has undone the same, and why not all of it."""

    order: Order
    why: str = ""


class Vetoes:
    """What people have undone. One thread changes it; any may ask.

    Args:
        quiet_ns: a veto ends when nothing was ordered for so long.
        most_ns: it ends then in any case.
    """

    def __init__(self, quiet_ns: int = QUIET_NS, most_ns: int = MOST_NS) -> None:
        self._quiet_ns = quiet_ns
        self._most_ns = most_ns
        #: Replaced, never changed: the lane looks while the hands write.
        self._vetoes: dict[Key, Veto] = {}
        self._withheld: dict[str, Decision] = {}

    def undo(self, decision: Decision, by: str, now_ns: int) -> None:
        """Keep what a person has undone from being done again."""
        veto = Veto(by=by, since_ns=now_ns, last_ns=max(decision.until_ns, now_ns))
        kept = {**self._alive(now_ns), **dict.fromkeys(_keys(decision), veto)}
        for key in list(kept)[: max(0, len(kept) - VETOES_MAX)]:
            del kept[key]
        self._vetoes = kept

    def lift(self, decision: Decision) -> None:
        """Let it be done again: people agreed to the same target and Cause."""
        keys = _keys(decision)
        self._vetoes = {
            key: veto
            for key, veto in self._vetoes.items()
            if not any(_meet(key, one) for one in keys)
        }

    def sources(self) -> list[str]:
        """Return the addresses that were undone, whether or not that still holds."""
        kind = TargetType.SOURCE.value
        return [which for _, of, which, _ in self._vetoes if of == kind]

    def touches(self, decision: Decision) -> bool:
        """Return whether any of it may not be done."""
        return bool(self._vetoes and self._against(decision))

    def part(self, decision: Decision) -> tuple[Decision | None, str]:
        """Return what of a Decision may be done, None for nothing, and why not all."""
        against = self._against(decision) if self._vetoes else {}
        if not against:
            return decision, ""
        why = "undone " + ", ".join(
            dict.fromkeys(
                f"by {veto.by} until it has been quiet for {self._quiet_ns / 1e9:g} s, "
                f"{_utc(veto.since_ns + self._most_ns)} at the latest"
                for veto in against.values()
            )
        )
        if decision.target_type is not TargetType.SOURCE:
            return None, why
        undone = {which for _, _, which, _ in against}
        left = tuple(one for one in decision.target if one not in undone)
        if not left:
            return None, why
        spared = ", ".join(one for one in decision.target if one in undone)
        part = msgspec.structs.replace(decision, target=left)
        return part, f"but for {spared}: {why}"

    def heed(self, orders: Sequence[Order], levers: Levers) -> list[Heeded]:
        """Return Orders as far as they may be carried out, what may not as withheld.

        What the fast lane did of them already is let go.
        """
        return [self._heeded(one, levers) for one in orders]

    def withhold(self, decision: Decision, levers: Levers, why: str) -> Containment:
        """Return a Decision as withheld; people may still agree to it."""
        self._withheld[decision.id] = decision
        if len(self._withheld) > WITHHELD_MAX:
            del self._withheld[next(iter(self._withheld))]
        return levers.withhold(decision, why)

    def withheld(self, decision_id: str) -> Decision | None:
        """Return what was withheld and people may still agree to."""
        return self._withheld.get(decision_id)

    def agreed(self, signed: Signed, clock: Clock) -> Proposal | None:
        """Return what was withheld as a proposal that a person agreed to.

        Of what one person alone may not order another must agree, too.
        """
        decision = self._withheld.get(signed.instruction.subject)
        now_ns, mono_ns = clock.now_ns(), clock.mono_ns()
        if decision is None or now_ns - decision.t_ns > PROPOSAL_NS:
            return None
        needed = APPROVALS if decision.tier >= APPROVALS_TIER else 1
        left_ns = signed.instruction.until_ns - now_ns
        approval = Approval(signed=signed, until_mono_ns=mono_ns + left_ns)
        del self._withheld[decision.id]
        return Proposal(
            decision=decision,
            needed=needed,
            until_ns=decision.t_ns + PROPOSAL_NS,
            until_mono_ns=mono_ns + decision.t_ns + PROPOSAL_NS - now_ns,
            approvals={signed.key: approval},
        )

    def listing(self, now_ns: int) -> list[dict[str, object]]:
        """Return what is kept from being done, for people to see."""
        return [
            {
                "cause": cause,
                "target": f"{which}:{port}" if port else which,
                "by": veto.by,
                "since_ns": veto.since_ns,
                "until_ns": self._until_ns(veto),
            }
            for (cause, _, which, port), veto in self._alive(now_ns).items()
        ]

    def recover(self, evidence: Iterable[Evidence]) -> None:
        """Fold an earlier run's ledger into what people had undone."""
        known: dict[str, Decision] = {}
        withheld: set[str] = set()
        for entry in evidence:
            body, subject = entry.body, str(entry.body.get("decision_id", ""))
            if entry.kind == "decision":
                decision = msgspec.convert(body, Decision)
                if decision.mode is Mode.SHADOW or decision.action in PASSIVE:
                    continue
                known[decision.id] = decision
                if decision.mode is Mode.ENFORCE:
                    self._prolong(decision)
            elif subject not in known:
                continue
            elif entry.kind == "proposal" and body["state"] == "approved":
                self.lift(known[subject])
            elif known[subject].mode is not Mode.ENFORCE:
                continue
            elif entry.kind == "containment" and body["state"] == State.WITHHELD:
                withheld.add(subject)
            elif subject in withheld:  # who withdraws that undoes nothing
                continue
            elif entry.kind == "instruction" and body["ask"] == Ask.UNDO:
                self.undo(known[subject], str(body["by"]), entry.time_ns)

    def _heeded(self, order: Order, levers: Levers) -> Heeded:
        decision, verdict, outcome = order
        if decision.mode is not Mode.ENFORCE:
            return Heeded(order)
        part, why = self.part(decision)
        if not why:
            return Heeded(order)
        self._prolong(decision)
        if outcome is not None:
            levers.undo(outcome, why)
        if part is not None:
            return Heeded(Order(part, verdict), why)
        return Heeded(Order(decision, verdict, self.withhold(decision, levers, why)))

    def _prolong(self, decision: Decision) -> None:
        """Note that what was undone would have been done again: its cause goes on."""
        against = self._against(decision)
        if against:
            later = {
                key: msgspec.structs.replace(
                    veto, last_ns=max(veto.last_ns, decision.until_ns)
                )
                for key, veto in against.items()
            }
            self._vetoes = {**self._vetoes, **later}

    def _against(self, decision: Decision) -> dict[Key, Veto]:
        """Return what speaks against a Decision."""
        keys = _keys(decision)
        return {
            key: veto
            for key, veto in self._alive(decision.t_ns).items()
            if any(_meet(key, one) for one in keys)
        }

    def _alive(self, now_ns: int) -> dict[Key, Veto]:
        return {
            key: veto
            for key, veto in self._vetoes.items()
            if now_ns < self._until_ns(veto)
        }

    def _until_ns(self, veto: Veto) -> int:
        return min(veto.last_ns + self._quiet_ns, veto.since_ns + self._most_ns)


def noted(outcome: Containment, why: str) -> Containment:
    """Return an outcome that says what of its Decision was left undone, and why."""
    if not why:
        return outcome
    detail = f"{outcome.detail}; {why}" if outcome.detail else why
    return msgspec.structs.replace(outcome, detail=detail)


def _keys(decision: Decision) -> list[Key]:
    """Return what a Decision is against, whoever decides it and how it is reached.

    A session that logs on again comes from another port and is the same.
    """
    cause, kind = decision.cause.value, decision.target_type.value
    session = decision.session
    if decision.target_type is TargetType.GATEWAY:
        return [(cause, kind, decision.gateway, decision.port)]
    if decision.target_type is TargetType.SESSION and session is not None:
        place = f"{session.gateway}:{session.gateway_port}"
        who = session.client_comp or decision.target[0]
        return [(cause, kind, f"{who} at {place}", 0)]
    count = None if decision.target_type is TargetType.SOURCE else 1
    return [(cause, kind, one, 0) for one in decision.target[:count]]


def _meet(one: Key, other: Key) -> bool:
    """Return whether two are of the same; any port of a gateway (0) is each."""
    if one[:3] != other[:3]:
        return False
    return one[3] == other[3] or (
        one[1] == TargetType.GATEWAY.value and 0 in (one[3], other[3])
    )


def _utc(time_ns: int) -> str:
    moment = datetime.fromtimestamp(time_ns // NS_PER_S, UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
