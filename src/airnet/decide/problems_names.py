"""Problems of what a policy names, or says without effect."""

from collections.abc import Iterator

from airnet.config import Site
from airnet.decide.dwell import EXCESS_RULE, SPREE_RULE, SURGE_RULE
from airnet.decide.findings import ENVELOPE_RULE
from airnet.decide.policy import Contain, Policy
from airnet.domain.insistence import ACTED
from airnet.domain.verdict import CONTAINABLE
from airnet.domain.window import KINDS

#: What each Cause's rule is by itself: what nobody wrote is nobody's mistake.
_PLAIN = Policy()


def name_problems(policy: Policy, rules: frozenset[str]) -> list[str]:
    """Return what no rule is called, and thresholds that nothing asks for.

    `rules` are the scorer's hard rules; where they are not known, nothing is told: who
    tries values out may try idle ones.
    """
    if not rules:
        return []
    found = []
    own = {ENVELOPE_RULE, EXCESS_RULE, SPREE_RULE, SURGE_RULE, *ACTED}
    own |= {rule.name for rule in policy.rules}
    for cause in sorted(CONTAINABLE):
        contain, plain = policy.contain(cause), _PLAIN.contain(cause)
        assert contain is not None
        assert plain is not None
        where = f"cause.{cause.value}"
        found += [
            f"{where}.at_once: no hard rule is called {name}"
            for name in contain.at_once
            if name not in rules | own
        ]
        found += [
            f"{where}.told: no hard rule is called {name}: what is not told is acted on"
            for name in contain.told
            if name not in rules | own
        ]
        found += [
            f"{where}.told: {name} is in at_once, too: is it acted upon, or only said?"
            for name in contain.told
            if name in contain.at_once
        ]
        found += [f"{where}.{one}" for one in _idle(contain, plain)]
    return found


def _idle(contain: Contain, plain: Contain) -> Iterator[str]:
    """Yield a fixed dwell of opinions that are asked for evidence instead."""
    idle = "has no effect where evidence_min is above 0"
    if contain.evidence_min and contain.evidence_told > contain.evidence_min:
        yield (
            f"evidence_told: {contain.evidence_told} is above evidence_min "
            f"{contain.evidence_min}: nothing would be said before it is acted upon"
        )
    is_said = contain.opinion_dwell_ms != plain.opinion_dwell_ms
    if contain.evidence_min and is_said:
        yield f"opinion_dwell_ms: {idle}"
    for place, each in enumerate(contain.when):
        least = contain.evidence_min if each.evidence_min is None else each.evidence_min
        if least and each.opinion_dwell_ms is not None:
            yield f"when[{place}].opinion_dwell_ms: {idle}"


def resigned_problems(policy: Policy, site: Site, now_ns: int) -> list[str]:
    """Return who signed what nobody knows, or before it was: neither says anything.

    A scope with a host, or an address, is one that a ledger told of.
    """
    found = []
    comps = {session.comp_id for firm in site.firms for session in firm.sessions}
    known = {*comps, *KINDS.values()}
    for place, one in enumerate(policy.resigned):
        where = f"resigned[{place}]"
        is_told = "@" in one.scope or ":" in one.scope
        if comps and not is_told and one.scope not in known:
            found.append(f"{where}.scope: the site knows no {one.scope}")
        if one.at_ns > now_ns:
            found.append(
                f"{where}.at: in the future, where nobody can have looked at anything"
            )
    return found
