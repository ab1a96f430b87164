"""Proposal: what a search proposes, judged on worlds it has not seen, with evidence."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from airnet import __version__
from airnet.decide.policy import Policy
from airnet.extras import extra
from airnet.twin import diff, interval
from airnet.twin.candidates import Search
from airnet.twin.closed import policy_digest
from airnet.twin.diff import Comparison, Gate, Request
from airnet.twin.parts import digest
from airnet.twin.plays import Play, Progress
from airnet.twin.policyfile import Change, Lean, changes, replaced
from airnet.twin.pool import Executor
from airnet.twin.priors import Case
from airnet.twin.tune import Found, search

#: Seeds of the worlds that judge a proposal begin here, beyond those of any search.
HELD_OUT_FROM = 1_000_001


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """All that a proposal rests on, so that it can be made again and be doubted.

    `looser` and `bolder` name the fields that changed, by the way they lean.
    `is_better` is whether dollars a day fell beyond the interval, on worlds the search
    has not seen; `passes` whether the gate there let it through.
    """

    airnet: str
    optuna: str
    policy_file: str
    policy_digest: str
    proposed_digest: str
    priors_digest: str
    seed: int
    seeds: tuple[int, ...]
    scenarios: tuple[str, ...]
    knobs: tuple[Any, ...]
    changes: tuple[Change, ...]
    looser: tuple[str, ...]
    bolder: tuple[str, ...]
    found: Found
    held_out: Comparison | None
    passes: bool
    is_better: bool

    @property
    def gate(self) -> Gate | None:
        """Return what the gate said; None when nothing was proposed."""
        return self.held_out.gate if self.held_out else None


class Hearing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a proposal is judged: all scenarios, other seeds, another domain."""

    play: Play
    cases: tuple[Case, ...]
    seeds: int = diff.GATE_SEEDS_MIN

    def request(self, wanted: Search, proposed: Policy, file: str) -> Request:
        """Return the comparison that judges it."""
        return Request(
            before=wanted.policy,
            after=proposed,
            files=(file, "proposed"),
            cases=self.cases,
            seeds=range(HELD_OUT_FROM, HELD_OUT_FROM + self.seeds),
            priors=wanted.priors,
            play=self.play,
            level=interval.LEVEL,
        )


def proposal(
    wanted: Search,
    hearing: Hearing,
    executor: Executor,
    file: Path,
    progress: Callable[[str], Progress | None] = lambda _what: None,
) -> tuple[Policy, Evidence]:
    """Search, propose, and judge the proposal; return it with its evidence.

    Raises:
        UsageError: there is nothing to search over.
        UnsupportedError: optuna is missing, or a world could not be played.
    """
    found = search(wanted, executor, progress("candidates"))
    proposed = replaced(wanted.policy, found.proposed.values)
    changed = tuple(changes(wanted.policy, proposed))
    judged: Comparison | None = None
    if changed:
        request = hearing.request(wanted, proposed, str(file))
        judged = diff.compare(request, executor, progress("unseen days"))
    total = [one for one in judged.per_day if one.name == "total"] if judged else []
    return proposed, Evidence(
        airnet=__version__,
        optuna=_optuna_version(),
        policy_file=str(file),
        policy_digest=policy_digest(wanted.policy),
        proposed_digest=policy_digest(proposed),
        priors_digest=digest(wanted.priors),
        seed=wanted.seed,
        seeds=wanted.seeds,
        scenarios=tuple(case.name for case in wanted.cases),
        knobs=wanted.knobs,
        changes=changed,
        looser=_leaning(changed, Lean.LOOSER),
        bolder=_leaning(changed, Lean.BOLDER),
        found=found,
        held_out=judged,
        passes=judged is not None and judged.gate.passes,
        is_better=any(one.is_better for one in total),
    )


def _leaning(changed: tuple[Change, ...], lean: Lean) -> tuple[str, ...]:
    return tuple(one.field for one in changed if one.lean is lean)


def _optuna_version() -> str:
    return str(extra("optuna", "twin").__version__)
