"""Problems of numbers: legal, and most likely of another unit, or without effect."""

from collections.abc import Iterator

from airnet.decide.policy import Contain, Policy
from airnet.domain.verdict import CONTAINABLE, PPM

#: What is shorter was meant in seconds: a switch counts in whole ones, too.
SECOND_MS = 1000
#: What is less likely is more likely to be something else.
EVEN = 0.5


def number_problems(policy: Policy) -> Iterator[str]:
    """Yield which numbers cannot be meant."""
    for cause in sorted(CONTAINABLE):
        rule = policy.contain(cause)
        assert rule is not None
        where = f"cause.{cause.value}"
        for field, problem in _rule_problems(rule):
            yield f"{where}.{field}: {problem}"
        held_ms = policy.hysteresis.held_ms_max
        if 0 < held_ms < rule.ttl_ms:
            yield (
                f"hysteresis.held_ms_max: {held_ms} is below {where}.ttl_ms "
                f"{rule.ttl_ms}: nothing would ever be renewed; 0 says so"
            )
        if policy.budget.hosts_max == 0 and rule.rungs and cause == "compromise":
            yield f"budget.hosts_max: 0, so no rung of {where} is ever taken"
    yield from _bound_problems(policy)


def _rule_problems(rule: Contain) -> Iterator[tuple[str, str]]:
    """Yield what cannot be meant of one Cause, field and problem."""
    parts = [("", rule)] + [(f"when[{n}].", one) for n, one in enumerate(rule.when)]
    for prefix, part in parts:
        likely, ttl_ms, rare = part.probability_min, part.ttl_ms, part.p_value_max
        if likely is not None and likely < EVEN:
            yield (
                f"{prefix}probability_min",
                f"{likely} is less likely than not; 0.9 and above are usual",
            )
        if ttl_ms is not None and ttl_ms < SECOND_MS:
            yield (
                f"{prefix}ttl_ms",
                f"{ttl_ms} ms is less than a switch can count, one second",
            )
        if rare == 0:
            yield f"{prefix}p_value_max", "0: nothing is so rare, no opinion would act"


def _bound_problems(policy: Policy) -> Iterator[str]:
    """Yield what limits nothing, or everything."""
    budget, hysteresis = policy.budget, policy.hysteresis
    if budget.sources_max < budget.sources_per_decision_max:
        yield (
            f"budget.sources_max: {budget.sources_max} is below "
            f"budget.sources_per_decision_max {budget.sources_per_decision_max}: a "
            "Decision of so many sources is always refused"
        )
    if budget.passive_max == 0:
        yield "budget.passive_max: 0 means that nothing is ever said"
    if budget.window_ms < SECOND_MS:
        yield (
            f"budget.window_ms: {budget.window_ms} ms is no pace that people could "
            "follow; a minute is 60000"
        )
    if hysteresis.cooldown_ms < hysteresis.gap_ms:
        yield (
            f"hysteresis.cooldown_ms: {hysteresis.cooldown_ms} is below gap_ms "
            f"{hysteresis.gap_ms}: repeats_max would never be reached"
        )
    if policy.trust.loss_ppm_max == PPM:
        yield f"trust.loss_ppm_max: {PPM} means that no loss is ever too much"
