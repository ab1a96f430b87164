"""Amplification: large replies of NTP servers that nobody asked.

Source: US-CERT TA14-013A, NTP Amplification Attacks (2014-01-13).
"""

from airnet.twin.disturb import amplify
from airnet.twin.plan import Plan
from airnet.twin.rows_strike import Service
from airnet.twin.spec import flooding

SPEC = flooding("replies a second: 20000 to 80", "moderate")


def prepare(plan: Plan) -> None:
    """Aim reflectors at a gateway."""
    rate = plan.easy(hardest=80.0, easiest=20_000.0)
    amplify(plan, Service.NTP, plan.span(0.2, 0.4), rate)
