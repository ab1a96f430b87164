"""Spoofed SYN flood: every packet from another made-up address."""

from airnet.twin.disturb import flood
from airnet.twin.plan import Plan
from airnet.twin.rows_strike import Strike
from airnet.twin.spec import flooding

SPEC = flooding("packets a second: 20000 to 60", "severe", spoofed=True)


def prepare(plan: Plan) -> None:
    """Flood a gateway's port from everywhere."""
    rate = plan.easy(hardest=60.0, easiest=20_000.0)
    flood(plan, Strike.SYN, plan.span(0.2, 0.4), rate, spoof=1.0, answers=0.6)
