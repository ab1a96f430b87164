"""Slow scan: a probe now and then, below every rate."""

from airnet.domain.decision import TargetType
from airnet.twin.disturb import scan
from airnet.twin.plan import Plan
from airnet.twin.spec import compromised

SPEC = compromised(
    "probes a second: 20 to 0.5", "mild", TargetType.SOURCE, 6000, is_held_out=True
)


def prepare(plan: Plan) -> None:
    """Look around slowly."""
    scan(plan, hardest=0.5, easiest=20.0)
