"""Renewals: what stands of one target twice, while one takes over from the other."""

from collections.abc import Iterable, Mapping

from airnet.domain.containment import Containment
from airnet.domain.decision import Decision


def alike(
    decision: Decision | None,
    decisions: Mapping[str, Decision],
    standing: Iterable[Containment],
) -> list[Containment]:
    """Return what else stands that does the same to the same."""
    if decision is None:
        return []
    wanted = decision.action, decision.target
    found = []
    for one in standing:
        other = decisions.get(one.decision_id)
        if other is None or other.id == decision.id:
            continue
        if (other.action, other.target) == wanted:
            found.append(one)
    return found
