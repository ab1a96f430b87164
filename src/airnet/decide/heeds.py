"""Heeds: the hard limits of a policy and a site, for every window to be held against.

They are facts that must not depend on a model's opinion: without them a breach in a
window that looks normal would never be told of (airnet.decide.findings looks at what
is).
"""

from airnet.config import Site
from airnet.decide.findings import (
    ENVELOPE_RULE,
    ORDERS_FEATURE,
    ORDERS_PER_SECOND,
    envelopes,
)
from airnet.decide.policy import WINDOW_KINDS, Policy
from airnet.domain.heed import Heed
from airnet.domain.window import WINDOW_SESSION


def heeds_of(policy: Policy, site: Site) -> tuple[Heed, ...]:
    """Return what is to be heeded: envelopes, then the policy's own rules."""
    bound: dict[int, set[str]] = {}
    for comp, limit in envelopes(policy, site).items():
        bound.setdefault(limit, set()).add(comp)
    return (
        *(
            Heed(
                name=ENVELOPE_RULE,
                window_kind=WINDOW_SESSION,
                feature=ORDERS_FEATURE,
                above=limit * ORDERS_PER_SECOND,
                comps=frozenset(comps),
            )
            for limit, comps in sorted(bound.items())
        ),
        *(
            Heed(
                name=rule.name,
                window_kind=WINDOW_KINDS[rule.window],
                feature=rule.feature,
                above=rule.limit,
            )
            for rule in policy.rules
        ),
    )
