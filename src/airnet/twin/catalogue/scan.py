"""Scan: one machine tries the ports of all others."""

from airnet.domain.decision import TargetType
from airnet.twin.disturb import scan
from airnet.twin.plan import Plan
from airnet.twin.spec import compromised

SPEC = compromised("probes a second: 3000 to 20", "moderate", TargetType.SOURCE)


def prepare(plan: Plan) -> None:
    """Let a stranger, or a firm's machine, look around."""
    scan(plan, hardest=20.0, easiest=3000.0)
