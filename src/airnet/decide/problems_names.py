"""Problems of what a Cause's rule names, or says without effect."""

from collections.abc import Iterator

from airnet.decide.findings import ENVELOPE_RULE
from airnet.decide.policy import Contain, Policy
from airnet.domain.verdict import CONTAINABLE

#: What each Cause's rule is by itself: what nobody wrote is nobody's mistake.
_PLAIN = Policy()


def name_problems(policy: Policy, rules: frozenset[str]) -> list[str]:
    """Return what no rule is called, and thresholds that nothing asks for.

    `rules` are the scorer's hard rules; none where they are not known.
    """
    found = []
    own = {ENVELOPE_RULE, *(rule.name for rule in policy.rules)}
    for cause in sorted(CONTAINABLE):
        contain, plain = policy.contain(cause), _PLAIN.contain(cause)
        assert contain is not None
        assert plain is not None
        where = f"cause.{cause.value}"
        found += [
            f"{where}.at_once: no hard rule is called {name}"
            for name in contain.at_once
            if rules and name not in rules | own
        ]
        found += [f"{where}.{one}" for one in _idle(contain, plain)]
    return found


def _idle(contain: Contain, plain: Contain) -> Iterator[str]:
    """Yield a fixed dwell of opinions that are asked for evidence instead."""
    idle = "has no effect where evidence_min is above 0"
    is_said = contain.opinion_dwell_ms != plain.opinion_dwell_ms
    if contain.evidence_min and is_said:
        yield f"opinion_dwell_ms: {idle}"
    for place, each in enumerate(contain.when):
        least = contain.evidence_min if each.evidence_min is None else each.evidence_min
        if least and each.opinion_dwell_ms is not None:
            yield f"when[{place}].opinion_dwell_ms: {idle}"
