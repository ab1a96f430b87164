"""SYN flood: one machine, or a few, open connections and never finish."""

from airnet.twin.disturb import flood
from airnet.twin.plan import Plan
from airnet.twin.rows_strike import Strike
from airnet.twin.spec import flooding

SPEC = flooding("packets a second: 20000 to 60; sources 1 to 12", "severe")


def prepare(plan: Plan) -> None:
    """Flood a gateway's port from the attackers' own addresses."""
    rate = plan.easy(hardest=60.0, easiest=20_000.0)
    sources = 1 + round(11 * plan.difficulty)
    flood(plan, Strike.SYN, plan.span(0.2, 0.4), rate, sources=sources)
