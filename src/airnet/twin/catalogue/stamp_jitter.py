"""Timestamp jitter: stamps are late by chance, and out of order."""

from airnet.domain.verdict import Cause
from airnet.twin.disturb import sensor_fault
from airnet.twin.plan import Plan
from airnet.twin.rows_strike import Impairment
from airnet.twin.spec import watched

SPEC = watched(Cause.SENSOR_FAULT, "up to how late: 20 ms to 5 us", 4000)


def prepare(plan: Plan) -> None:
    """Scatter the stamps."""
    span = plan.span(0.25, 0.45)
    amount = int(plan.easy(hardest=5e3, easiest=2e7))
    about = f"stamps are up to {amount / 1e3:.0f} us late"
    excess = amount / 1e3
    sensor_fault(plan, Impairment.JITTER, span, about, amount_ns=amount, excess=excess)
