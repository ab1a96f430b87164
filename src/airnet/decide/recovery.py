"""Recovery: what an earlier run had ordered, so that a restart starts nothing anew.

Folded from the ledger. What was in force counts until its end, towards repeats and
towards the pace, as if nothing had happened in between; what waited for people lapses.
The latch opens when a person ends airnet and starts it again: a run that was not told
to end leaves it shut.
"""

from collections.abc import Iterable, Iterator

import msgspec

from airnet.decide.guardrails import Guard
from airnet.domain.decision import PASSIVE, Decision, Mode
from airnet.domain.incident import Evidence

#: The rule of the Decision that says so, once.
LATCH = "budget.latch"


def decisions_of(evidence: Iterable[Evidence]) -> Iterator[Decision]:
    """Yield the Decisions of a ledger."""
    for entry in evidence:
        if entry.kind == "decision":
            yield msgspec.convert(entry.body, Decision)


def recover(guard: Guard, evidence: Iterable[Evidence]) -> None:
    """Have the guardrails know what an earlier run's ledger says, before any frame."""
    is_latched = False
    ordered = []
    for entry in evidence:
        if entry.kind == "end":
            is_latched = False
        if entry.kind != "decision":
            continue
        decision = msgspec.convert(entry.body, Decision)
        is_latched |= decision.rule == LATCH
        if decision.mode is Mode.ENFORCE and decision.action not in PASSIVE:
            ordered.append(decision)
    guard.take_up(ordered, is_latched=is_latched)
