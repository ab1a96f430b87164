"""Chronicle, what the ledger tells of a run: each Decision with all its times."""

from pathlib import Path

import msgspec

from airnet.domain.containment import Containment, State
from airnet.domain.decision import PASSIVE, Decision, Mode
from airnet.domain.incident import Evidence
from airnet.lab.result import DecisionTimes, LedgerState, Story
from airnet.record.file import read, verify
from airnet.record.incident import fold
from airnet.record.narrative import tell


class Chronicle:
    """A ledger, read whole."""

    def __init__(self, ledger: Path) -> None:
        self._ledger = ledger
        self.evidence: list[Evidence] = list(read(ledger))

    def decisions(self) -> tuple[DecisionTimes, ...]:
        """Return every Decision with its times, in the order they were made."""
        return tuple(self._times(decision) for decision in self.made())

    def made(self) -> tuple[Decision, ...]:
        """Return every Decision as it was made, in order."""
        return tuple(
            msgspec.convert(entry.body, Decision)
            for entry in self.evidence
            if entry.kind == "decision"
        )

    def source(self) -> str:
        """Return what frames were taken by, as the first entry says."""
        return next(
            (str(e.body.get("source", "")) for e in self.evidence if e.kind == "start"),
            "",
        )

    def counters(self) -> dict[str, int]:
        """Return the capture's counters, as the last entry says."""
        found = [entry.body for entry in self.evidence if entry.kind == "end"]
        said = found[-1].get("counters", {}) if found else {}
        return msgspec.convert(said, dict[str, int])

    def stories(self) -> tuple[Story, ...]:
        """Return every Incident, told."""
        return tuple(
            Story(
                id=incident.id,
                cause=incident.cause,
                target=incident.target,
                first_ns=incident.first_ns,
                last_bad_ns=incident.last_bad_ns,
                narrative=tell(incident, self.evidence),
            )
            for incident in fold(self.evidence)
        )

    def state(self) -> LedgerState:
        """Verify the whole ledger."""
        found = verify(self._ledger)
        return LedgerState(size=found.size, root=found.root, problems=found.problems)

    def _times(self, decision: Decision) -> DecisionTimes:
        """Return a Decision with what became of it."""
        states = [
            msgspec.convert(entry.body, Containment)
            for entry in self.evidence
            if entry.kind == "containment"
            and entry.body.get("decision_id") == decision.id
        ]
        seen = [
            int(str(entry.body["last_bad_ns"]))
            for entry in self.evidence
            if entry.kind == "effect" and entry.body.get("decision_id") == decision.id
        ]
        first, last = (states[0], states[-1]) if states else (None, None)
        passed = [one.state.value for one in states]
        is_over = last is not None and last.state is State.ENDED
        return DecisionTimes(
            id=decision.id,
            cause=decision.cause.value,
            action=decision.action.value,
            mode=decision.mode.value,
            target=decision.target,
            rule=decision.rule,
            measured=decision.measured,
            limit=decision.limit,
            probability=decision.probability,
            why=decision.why,
            state=" > ".join(passed) or "recorded",
            first_bad_ns=decision.first_ns,
            decided_ns=decision.t_ns,
            command_ns=first.command_ns if first else 0,
            applied_ns=first.applied_ns if first else 0,
            last_bad_ns=seen[-1] if seen else 0,
            until_ns=last.until_ns if last else decision.until_ns,
            ended_ns=last.until_ns if last is not None and is_over else 0,
        )


def acted(decision: DecisionTimes) -> bool:
    """Return whether a Decision was carried out, not only written down."""
    return decision.action not in PASSIVE and decision.mode == Mode.ENFORCE
