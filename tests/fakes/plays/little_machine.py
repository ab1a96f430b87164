"""A little machine that behaves like a closed loop: it has a play, and nothing else.

An incident shows for as long as it goes on, a benign burst for a while; whoever waits
longer than the burst never hits it, and whoever waits pays for the incident meanwhile.
What policy waits for is its own: dwell, opinion dwell and probability of algo_fault.
"""

import hashlib
import os
import signal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from airnet.decide.policy import Policy
from airnet.domain.decision import Action, Mode, Tier
from airnet.domain.verdict import Cause
from airnet.twin.outcome import Act, Harm, Outcome, Wrong
from airnet.twin.priors import Case
from airnet.twin.scenario import Label

CASES = (
    Case(name="quiet", severity="benign"),
    Case(name="market_news", severity="benign"),
    Case(name="market_open", severity="benign"),
    Case(name="reject_loop", severity="moderate"),
    Case(name="knight", severity="severe"),
    Case(name="slow_runaway", severity="severe"),
)
#: Dollars a second of each severity, as the twin's harm model has them.
COST = {"benign": 0.0, "mild": 17.0, "moderate": 1_700.0, "severe": 170_000.0}
SECOND = 1_000_000_000
EPISODE_NS = 20 * SECOND
ONSET_NS = 8 * SECOND
#: How long a benign burst looks like a fault, ms at difficulty 0 and 1.
BURSTS = {"market_news": (100, 1500), "market_open": (50, 350), "quiet": (0, 60)}


def stream(*words: object) -> np.random.Generator:
    """Return the chance stream that these words name."""
    text = "\0".join(map(str, words)).encode()
    return np.random.default_rng(list(hashlib.sha256(text).digest()))


def play(
    scenario: str,
    seed: int,
    *,
    difficulty: float | None,
    policy: Policy,
    mode: str,
    domain: str = "report",
) -> Outcome:
    """Return what comes of one episode."""
    severity = {case.name: case.severity for case in CASES}[scenario]
    chance = stream(scenario, seed)
    drawn = float(chance.uniform())
    hard = drawn if difficulty is None else difficulty
    rule = policy.cause.algo_fault
    wait_ms = max(rule.dwell_ms, rule.opinion_dwell_ms) + 20 * rule.dwell_windows
    is_enforced = rule.mode is Mode.ENFORCE and mode == "closed"
    base = Outcome(
        scenario=scenario,
        seed=seed,
        difficulty=hard,
        policy=digest(policy),
        mode=mode,
        severity=severity,
        virtual_ns=EPISODE_NS,
        frames=1000,
    )
    if severity == "benign":
        low, high = BURSTS[scenario]
        burst_ms = low + hard * (high - low) + float(chance.normal(0, 20))
        found = benign(base, is_hit=burst_ms > wait_ms and is_enforced)
    else:
        # The harder, the less sure: beyond what policy asks for it is never seen.
        sure = 1.0 - 0.25 * hard * float(chance.uniform(0.5, 1.0))
        found = incident(
            base,
            wait_ms * (1 + hard) if sure >= rule.probability_min else None,
            is_enforced=is_enforced,
        )
    text = msgspec.json.encode((found.acts, found.harm, scenario, seed, hard))
    return msgspec.structs.replace(found, root=hashlib.sha256(text).hexdigest())


def digest(policy: Policy) -> str:
    """Return the hash of a policy."""
    return hashlib.sha256(msgspec.json.encode(policy)).hexdigest()


def benign(base: Outcome, *, is_hit: bool) -> Outcome:
    """Return what comes of a day on which nothing may be contained."""
    acts = (act(1, wrong=Wrong.NO_INCIDENT),) if is_hit else ()
    harm = Harm(spread=90_000, desk=6_000, reentry=24_000) if is_hit else Harm()
    return msgspec.structs.replace(
        base,
        acts=acts,
        harm=harm,
        harm_cents=harm.total,
        false_containments=len(acts),
        collateral_orders=40 * len(acts),
        state_changes=2 * len(acts),
        held=("contained: nothing may be contained here",) * len(acts),
    )


def incident(base: Outcome, seen_ms: float | None, *, is_enforced: bool) -> Outcome:
    """Return what comes of a day with an incident, seen so long after its onset."""
    label = Label(
        cause=Cause.ALGO_FAULT,
        onset_ns=ONSET_NS,
        offset_ns=EPISODE_NS,
        action=Action.THROTTLE_SESSION,
        tier_max=Tier.LIMIT_ALGO,
    )
    whole_ns = EPISODE_NS - ONSET_NS
    seen_ns = None if seen_ms is None else int(seen_ms * 1e6)
    contain_ns = seen_ns if is_enforced else None
    lasted = (whole_ns if contain_ns is None else contain_ns) / SECOND
    cents = COST[base.severity] * 100
    harm = Harm(impact=int(cents * lasted), desk=6_000 if contain_ns else 0)
    without = Harm(impact=int(cents * whole_ns / SECOND))
    return msgspec.structs.replace(
        base,
        labels=(label,),
        acts=() if seen_ns is None else (act(ONSET_NS + seen_ns),),
        detect_ns=seen_ns,
        contain_ns=contain_ns,
        fault_orders=int(40 * lasted),
        harm=harm,
        harm_without=without,
        harm_cents=harm.total,
        harm_without_cents=without.total,
        held=() if seen_ns is not None else ("no throttle_session was ordered",),
    )


def act(decided_ns: int, wrong: Wrong = Wrong.NO) -> Act:
    """Return a throttle that was carried out at once."""
    return Act(
        decision_id=f"{decided_ns:x}",
        action=Action.THROTTLE_SESSION,
        tier=Tier.LIMIT_ALGO,
        mode=Mode.ENFORCE,
        target=("10.0.0.1:5001", "A1"),
        decided_ns=decided_ns,
        effect_ns=decided_ns,
        ended_ns=decided_ns + SECOND,
        wrong=wrong,
    )


def failing(scenario: str, seed: int, **given: Any) -> Outcome:
    """Play, but for one day on which nothing comes of it."""
    if (scenario, seed) == ("knight", 7):
        raise RuntimeError("the world was made too small")
    return play(scenario, seed, **given)


def failing_once(scenario: str, seed: int, *, days_of: str, **given: Any) -> Outcome:
    """Play, but for half of the episodes of one scenario."""
    if scenario == days_of and seed % 4 == 0:
        raise RuntimeError("the world was made too small")
    return play(scenario, seed, **given)


def unseen(scenario: str, seed: int, **given: Any) -> Outcome:
    """Play where no frame reaches the mirror."""
    return msgspec.structs.replace(play(scenario, seed, **given), frames=0)


def contrary(scenario: str, seed: int, *, policy: Policy, **given: Any) -> Outcome:
    """Play in a world where whoever asks for less certainty is never in time."""
    rule = policy.cause.algo_fault
    if rule.probability_min < 0.9 and scenario == "knight":
        never = msgspec.structs.replace(rule, probability_min=1.0)
        causes = msgspec.structs.replace(policy.cause, algo_fault=never)
        policy = msgspec.structs.replace(policy, cause=causes)
    return play(scenario, seed, policy=policy, **given)


def dying(scenario: str, seed: int, *, trigger: str, **given: Any) -> Outcome:
    """Play, but end this process without a word while a file is there."""
    if Path(trigger).exists():
        os.kill(os.getpid(), signal.SIGKILL)
    return play(scenario, seed, **given)


def whose(_thing: int) -> int:
    """Return the process that answers."""
    return os.getpid()


def twelfth(thing: int) -> int:
    """Fail on what cannot be divided by."""
    return 12 // thing
