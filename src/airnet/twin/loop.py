"""Play: a scenario, a seed, a policy; what came of it, and what it would have cost.

An Outcome compares three runs of one seed: as the policy has it, without containment,
and without the incident. The last two do not depend on the policy and are kept.
"""

import functools
import gc

import msgspec

from airnet.decide.policy import Policy
from airnet.domain.decision import Mode
from airnet.score import load as load_models
from airnet.score.scorer import Scorer
from airnet.shipped import models_path
from airnet.twin import tally
from airnet.twin.closed import Heard, How, Terms, hear, policy_digest
from airnet.twin.harm import Case, HarmModel, Ran, culprits, harm
from airnet.twin.outcome import Outcome, Wrong
from airnet.twin.stage import FULL, Kind, Stage, accounts_of, books_of
from airnet.twin.staging import stage_of

#: Two runs of this many seeds are kept: a search plays the same ones again and again.
KEPT_MAX = 1024


def play(
    scenario: str,
    seed: int,
    *,
    difficulty: float | None = None,
    policy: Policy | None = None,
    mode: How = "closed",
    terms: Terms | None = None,
) -> Outcome:
    """Play a scenario of the catalogue: same arguments, same Outcome.

    Args:
        scenario: its name.
        seed: of everything in it.
        difficulty: 0 (shouts) to 1 (hides); by default drawn from the seed.
        policy: what may be done; the shipped one by default, which is all shadow.
        mode: `closed` contains; `open` decides and changes nothing; `none` does not
            even look.
        terms: latencies, prices, a ledger and so on.

    Raises:
        UsageError: there is no such scenario.
        UnsupportedError: the world was built too small for what happens in it.
    """
    prepared = _prepared(scenario, seed, difficulty)
    return play_on(prepared, policy or Policy(), mode=mode, terms=terms)


class Prepared:
    """A stage and its two runs without containment, each made when first asked for."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    @functools.cached_property
    def case(self) -> Case:
        """Return what plays of it are weighed against."""
        stage = self.stage
        guilty = culprits(stage.labels, stage.lines)
        without = blind(stage, Kind.WHOLE)
        is_calm = not any(map(tally.may_be_contained, stage.labels))
        return Case(
            labels=stage.labels,
            severity=stage.severity,
            culprits=guilty,
            calm=without if is_calm else blind(stage, Kind.CALM),
            without=without,
            length_ns=stage.span_ns[1] - stage.span_ns[0],
        )


def blind(stage: Stage, kind: Kind) -> Ran:
    """Run a stage's world to its end without looking at it."""
    world = stage.world(kind, is_seen=False)
    _, end_ns = stage.span_ns
    world.run(end_ns)
    while world.ended == FULL:
        world.run(end_ns)
    return Ran(
        end_ns=end_ns,
        accounts=accounts_of(world),
        books=books_of(world),
        events=world.events,
    )


@functools.cache
def shipped_scorer() -> Scorer:
    """Return the scorer of the shipped models, loaded once.

    It stays, and with it every module: the collector need not look there again.
    """
    scorer = load_models(models_path())
    gc.collect()
    gc.freeze()
    return scorer


@functools.lru_cache(maxsize=KEPT_MAX)
def _prepared(scenario: str, seed: int, difficulty: float | None) -> Prepared:
    return Prepared(stage_of(scenario, seed, difficulty))


def play_on(
    prepared: Prepared,
    policy: Policy,
    *,
    mode: How = "closed",
    terms: Terms | None = None,
    scorer: Scorer | None = None,
    prices: HarmModel | None = None,
) -> Outcome:
    """Play a stage that is at hand; as `play` otherwise."""
    terms = terms or Terms()
    stage, case = prepared.stage, prepared.case
    if mode == "none":
        heard = _unheard(stage, case.without)
    else:
        heard = hear(stage, policy, scorer or shipped_scorer(), mode, terms)
    return _outcome(stage, case, heard, (policy, mode, prices or HarmModel()))


def _unheard(stage: Stage, ran: Ran) -> Heard:
    start_ns, end_ns = stage.span_ns
    return Heard(
        ran=ran,
        decisions=(),
        acts=(),
        state_changes=0,
        frames=0,
        virtual_ns=end_ns - start_ns,
        root="",
    )


def _outcome(
    stage: Stage, case: Case, heard: Heard, given: tuple[Policy, How, HarmModel]
) -> Outcome:
    """Weigh and judge what was heard."""
    policy, mode, prices = given
    acts, labels = heard.acts, stage.labels
    now = harm(prices, case, heard.ran, acts)
    was = harm(prices, case, case.without)
    is_judged = mode != "none"
    return Outcome(
        scenario=stage.scenario,
        seed=stage.seed,
        difficulty=stage.difficulty,
        policy=policy_digest(policy),
        mode=mode,
        severity=stage.severity,
        decisions=heard.decisions,
        acts=acts,
        labels=labels,
        detect_ns=tally.detected_ns(acts, labels),
        contain_ns=tally.contained_ns(acts, labels),
        false_containments=sum(act.wrong is not Wrong.NO for act in acts),
        collateral_orders=_sum(heard.ran, "refused"),
        state_changes=heard.state_changes,
        fault_orders=_sum(heard.ran, "fault_orders"),
        fault_orders_without=_sum(case.without, "fault_orders"),
        exposure_cents=_sum(heard.ran, "exposure_cents"),
        exposure_without_cents=_sum(case.without, "exposure_cents"),
        harm=now,
        harm_without=was,
        harm_cents=now.total,
        harm_without_cents=was.total,
        avoided=round(1 - now.total / was.total, 6) if was.total > 0 else None,
        held=tally.missed(stage.expectation, heard.decisions, acts, labels)
        if is_judged
        else (),
        events=heard.ran.events,
        frames=heard.frames,
        virtual_ns=heard.virtual_ns,
        start_ns=stage.span_ns[0],
        root=heard.root,
    )


def _sum(ran: Ran, name: str) -> int:
    return sum(getattr(account, name) for account in ran.accounts)


def enforced(policy: Policy) -> Policy:
    """Return a policy with every cause that may be contained in force."""
    cause = policy.cause
    changed = {
        name: msgspec.structs.replace(getattr(cause, name), mode=Mode.ENFORCE)
        for name in ("flood", "algo_fault", "compromise")
    }
    return msgspec.structs.replace(
        policy, cause=msgspec.structs.replace(cause, **changed)
    )
