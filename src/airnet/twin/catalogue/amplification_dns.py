"""Amplification: large replies of DNS resolvers that nobody asked.

Source: US-CERT TA13-088A, DNS Amplification Attacks (2013-03-29).
"""

from airnet.twin.disturb import amplify
from airnet.twin.plan import Plan
from airnet.twin.rows_strike import Service
from airnet.twin.spec import flooding

SPEC = flooding("replies a second: 20000 to 80", "moderate")


def prepare(plan: Plan) -> None:
    """Aim reflectors at a gateway."""
    rate = plan.easy(hardest=80.0, easiest=20_000.0)
    amplify(plan, Service.DNS, plan.span(0.2, 0.4), rate)
