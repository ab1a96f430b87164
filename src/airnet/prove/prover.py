"""Prover: every claim of a policy in turn, and a counterexample of each that fails."""

from pathlib import Path

import msgspec

from airnet.config import Site
from airnet.decide.policy import Policy
from airnet.extras import extra
from airnet.prove.claims import CLAIMS
from airnet.prove.incident import Incident, Played, incident_of, play


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one claim: nothing breaks it, or what does, and what came then."""

    claim: str
    promise: str
    incident: Incident | None = None
    played: Played | None = None

    @property
    def holds(self) -> bool:
        """Return whether no Decision breaks it."""
        return self.incident is None


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What came of every claim, and what found it out."""

    results: tuple[Result, ...]
    solver: str

    @property
    def holds(self) -> bool:
        """Return whether all claims hold."""
        return all(result.holds for result in self.results)


def prove(policy: Policy, site: Site | None) -> Proof:
    """Look for a Decision that is accepted and breaks a claim, claim by claim.

    Args:
        policy: with the intervals of its calendar.
        site: whom it is for; None: every site there can be.

    Raises:
        UnsupportedError: z3 is not installed.
    """
    z3 = extra("z3", "policy")
    from airnet.prove.model import Model  # noqa: PLC0415 -- z3, which may be absent

    # A context of its own: which of many counterexamples is found hangs on what z3
    # was asked before, and the same policy should be told the same incident.
    z3.z3._main_ctx = None  # noqa: SLF001 -- z3 has no other way to begin anew
    model = Model(policy, site)
    results = []
    for claim in CLAIMS:
        values = model.counterexample(claim)
        incident = played = None
        if values is not None:
            incident = incident_of(claim, values, policy, site)
            played = play(incident)
        results.append(
            Result(
                claim=claim.name,
                promise=claim.promise,
                incident=incident,
                played=played,
            )
        )
    return Proof(results=tuple(results), solver=f"z3 {z3.get_version_string()}")


def incident_file(policy: Path, claim: str, suffix: str) -> Path:
    """Return where a claim's counterexample is kept."""
    return policy.with_name(f"{policy.stem}.{claim}{suffix}")
