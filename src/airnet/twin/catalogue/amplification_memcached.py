"""Amplification: large replies of memcached servers that nobody asked.

Source: CVE-2018-1000115; US-CERT TA14-017A, revised 2018-03.
"""

from airnet.twin.disturb import amplify
from airnet.twin.plan import Plan
from airnet.twin.rows_strike import Service
from airnet.twin.spec import flooding

SPEC = flooding("replies a second: 20000 to 80", "moderate", is_held_out=True)


def prepare(plan: Plan) -> None:
    """Aim reflectors at a gateway."""
    rate = plan.easy(hardest=80.0, easiest=20_000.0)
    amplify(plan, Service.MEMCACHED, plan.span(0.2, 0.4), rate)
