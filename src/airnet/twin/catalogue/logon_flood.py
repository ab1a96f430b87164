"""Logon flood: real handshakes and well-formed Logons from strangers."""

from airnet.twin.disturb import flood
from airnet.twin.plan import Plan
from airnet.twin.rows_strike import Strike
from airnet.twin.spec import flooding

SPEC = flooding("Logons a second: 1500 to 4; sources 1 to 24", "severe", 1500)


def prepare(plan: Plan) -> None:
    """Log on under made-up CompIDs again and again."""
    rate = plan.easy(hardest=4.0, easiest=1500.0)
    sources = 1 + round(23 * plan.difficulty)
    span = plan.span(0.25, 0.4)
    flood(plan, Strike.LOGON, span, rate, sources=sources, about="Logons of strangers")
