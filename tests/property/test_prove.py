"""prove: the model has every step that the guardrails take, and no other."""

import functools
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import event, given, settings, strategies as st

from airnet.decide.aims import AIMS
from airnet.decide.facts import ACTIONS, CAUSES, Facts, Grounds
from airnet.decide.guardrails import Guard, Refused
from airnet.decide.judge import Judge
from airnet.decide.ladder import AUTONOMOUS_TIER_MAX, TIERS, Rung
from airnet.decide.market import Phase
from airnet.decide.policy import Policy
from airnet.decide.problems_ladder import NEEDED
from airnet.domain.decision import PASSIVE, Action, Decision, Tier
from airnet.domain.verdict import PPM, Cause, Verdict
from airnet.prove import claims
from airnet.prove.claims import CLAIMS, Truth
from airnet.prove.incident import Before, Incident, grounds_of, truth_of
from tests.fakes.hours import policy_with_hours
from tests.property.ladders import COLUMNS, SITE, heard, ladders, moves
from tests.property.test_decide import Run, forged, policies, timed, verdicts

z3 = pytest.importorskip("z3", reason="pip install 'airnet[policy]'")
Model = pytest.importorskip("airnet.prove.model").Model

Step = tuple[Decision, Grounds, list[Facts], Refused | None, bool]


def steps(judge: Judge, stream: list[Verdict]) -> Iterator[Step]:
    """Yield what the judge's guardrails are asked, and what they answer."""
    asked: list[Step] = []
    weigh = judge.guard.weigh

    def noted(decision: Decision, facts: Facts) -> Refused | None:
        grounds = grounds_of(msgspec.structs.asdict(facts))
        victims = judge.guard.victims(decision, grounds)
        answer = weigh(decision, facts)
        asked.append((decision, grounds, victims, answer, judge.guard.leaves(facts)))
        return answer

    judge.guard.weigh = noted
    for verdict in stream:
        if (one := heard(verdict)) is not None:
            judge.meet(one)
        judge.judge(verdict)
    yield from asked


def fixed(model: Model, facts: Facts, truth: Truth | None) -> list[object]:
    """Return the formulas that the model's unknowns are these numbers."""
    pairs = [(model.facts, facts)] + ([(model.truth, truth)] if truth else [])
    return [
        getattr(terms, name) == getattr(values, name)
        for terms, values in pairs
        for name in values.__struct_fields__
    ]


def truth(policy: Policy, step: Step, facts: Facts) -> Truth:
    decision, grounds, _, _, leaves = step
    here = Incident(
        claim="",
        promise="",
        policy=policy,
        site=SITE,
        decision=decision,
        grounds=grounds,
        before=Before(),
        rule=1 if facts.is_presigned and policy.rules else 0,
    )
    return truth_of(here, facts, leaves=leaves)


@settings(max_examples=60, deadline=None)
@given(policies, verdicts)
def test_what_the_guardrails_answer_is_what_the_model_says(
    policy: Policy, runs: list[Run]
) -> None:
    _agree(policy, runs)


@settings(max_examples=60, deadline=None)
@given(ladders, moves)
def test_and_so_up_the_ladder_at_any_hour(policy: Policy, runs: list[Run]) -> None:
    """Rungs, asset classes and phases, hosts and subnets, paths and who signed."""
    _agree(policy, runs)


def _agree(policy: Policy, runs: list[Run]) -> None:
    """Accepted: each target's numbers are a model. Refused: one target's are none."""
    model = Model(policy, SITE)
    every = list(steps(Judge(policy, SITE, COLUMNS), timed(runs)))
    every.sort(key=lambda step: step[3] is not None)  # what is accepted, first
    for step in every[:30]:
        _, _, victims, refused, _ = step
        answers = []
        for facts in victims:
            known = truth(policy, step, facts)
            answers.append(model.solver.check(*fixed(model, facts, known)) == z3.sat)
        assert all(answers) is (refused is None)
        if refused is None:
            assert not model.roles
            event(f"{step[0].action} {'leaves' if step[4] else 'stays'}")
            _keep_claims(policy, step)


def _keep_claims(policy: Policy, step: Step) -> None:
    """Hold what was accepted to the claims, as far as its policy is provable."""
    asked = {rung.action for rung in _sound(policy)}
    is_rung = step[0].tier > AUTONOMOUS_TIER_MAX
    if is_rung and step[0].action.value not in asked:
        return  # its author asked for too little; lint and the proof say so
    for facts in step[2]:
        assert not list(claims.broken(facts, truth(policy, step, facts)))


def _sound(policy: Policy) -> Iterator[Rung]:
    """Yield the rungs that ask for what their tier takes (docs/policy.md)."""
    for cause in ("algo_fault", "compromise"):
        for rung in getattr(policy.cause, cause).rungs:
            is_alone = rung.alone_when_closed and rung.tier is not Tier.ISOLATE_HOST
            is_signed = rung.presigned and rung.tier is not Tier.KILL_ALGO
            needed = set(NEEDED[rung.tier]) <= set(rung.needs)
            waits = rung.after_ms >= 500 or rung.tier is not Tier.KILL_ALGO
            if needed and waits and rung.approvals >= 2 and not (is_alone or is_signed):
                yield rung


numbers = st.builds(
    Grounds,
    is_hard=st.booleans(),
    is_presigned=st.booleans(),
    hosts_beside=st.integers(0, 1),
    path_age_ns=st.sampled_from([0, 5_000_000_000, 5_000_000_001]),
    is_enforced=st.booleans(),
    probability_ppm=st.sampled_from([0, 500_000, 950_000, PPM]),
    p_value_ppm=st.sampled_from([0, 20_000, PPM]),
    has_dwelt=st.booleans(),
    is_answered=st.booleans(),
    stood_ns=st.sampled_from([0, 10**9, 10**10]),
    phase=st.sampled_from(Phase),
)


@functools.cache
def everything() -> tuple[Policy, Model]:
    """Return the example policy, which has every action, and its model."""
    policy = policy_with_hours()
    return policy, Model(policy, SITE)


@settings(max_examples=400, deadline=None)
@given(forged, numbers, st.sampled_from(Action), st.integers(0, 3))
def test_the_model_answers_alike_of_any_decision(
    decision: Decision, grounds: Grounds, action: Action, approvals: int
) -> None:
    """Of its own kind of target, in its tier, and of all that are neither."""
    policy, model = everything()
    aimed = {"action": action, "tier": TIERS[action], "approvals_needed": approvals}
    if action in AIMS and AIMS[action] is not decision.target_type:
        aimed |= {"target_type": AIMS[action]}
    if action is Action.REROUTE and approvals < 2:
        led = {"target": ("west",), "gateway": "10.0.0.10", "port": 0}
        aimed |= {**led, "cause": Cause.VENUE_FAULT}
    for one in (decision, msgspec.structs.replace(decision, **aimed)):
        if one.action in PASSIVE:
            continue
        guard = Guard(policy, SITE)
        refused = guard.check(one, grounds)
        victims = guard.victims(one, grounds) or [guard.facts(one, grounds)]
        answers = [
            model.solver.check(*fixed(model, facts, None)) == z3.sat
            for facts in victims
        ]
        event("accepted" if refused is None else refused.why.value)
        assert all(answers) is (refused is None)


@settings(max_examples=400, deadline=None)
@given(forged, numbers)
def test_no_decision_however_made_breaks_a_claim(
    decision: Decision, grounds: Grounds
) -> None:
    if decision.action in PASSIVE:
        return
    policy = Policy()
    guard = Guard(policy, SITE)
    if guard.check(decision, grounds) is not None:
        return
    for facts in guard.victims(decision, grounds):
        step = (decision, grounds, [facts], None, guard.may_leave(decision, grounds))
        assert not list(claims.broken(facts, truth(policy, step, facts)))


@settings(max_examples=40, deadline=None)
@given(policies, verdicts)
def test_what_stands_is_counted_as_its_history_says(
    policy: Policy, runs: list[Run]
) -> None:
    """The facts of the state, that the proof takes as given, are so."""
    judge = Judge(policy, SITE)
    admitted: list[Decision] = []
    admit = judge.guard.admit

    def noted(decision: Decision) -> bool:
        admitted.append(decision)
        return admit(decision)

    judge.guard.admit = noted
    window_ns = policy.budget.window_ms * 1_000_000
    for verdict in timed(runs):
        before = len(admitted)
        judge.judge(verdict)
        for decision in admitted[before:]:
            facts = judge.guard.facts(decision, Grounds())
            stands = {
                target: one
                for one in admitted
                for target in _things(one)
                if one.until_ns > decision.t_ns
                and one.target_type is decision.target_type
                and target not in _things(decision)
            }
            recent = [one for one in admitted if decision.t_ns - one.t_ns < window_ns]
            assert facts.standing == len(stands)
            assert facts.recent == min(len(recent), policy.budget.actions_max)
            assert facts.left_ns > 0
            assert CAUSES[facts.cause] is decision.cause
            assert ACTIONS[facts.action] is decision.action


def _things(decision: Decision) -> tuple[str, ...]:
    is_source = decision.target_type.value == "source"
    return decision.target if is_source else decision.target[:1]


def test_every_claim_is_named_once() -> None:
    names = [claim.name for claim in CLAIMS]
    assert len(set(names)) == len(names)
    assert msgspec.json.encode(names)
