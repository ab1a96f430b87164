"""A lossy path: segments are lost behind the mirror and sent again."""

from airnet.domain.verdict import Cause
from airnet.twin.disturb import trouble
from airnet.twin.plan import Plan
from airnet.twin.rows_line import Trouble
from airnet.twin.spec import watched

SPEC = watched(Cause.VENUE_FAULT, "share of segments lost: 0.2 to 0.002", 4000)


def prepare(plan: Plan) -> None:
    """Lose segments of the sessions of one gateway."""
    span = plan.span(0.35, 0.45)
    share = plan.easy(hardest=0.002, easiest=0.2)
    gateway = plan.gateways[0]
    rows = enumerate(plan.row("line", n)["gateway"] for n in range(plan.count("line")))
    lines = tuple(line for line, host in rows if int(host) == gateway)
    about = f"{share * 100:.1f} % of segments are lost"
    number = plan.mark(span, about, excess=share)
    trouble(plan, Trouble.LOSS, lines, span, amount=share, incident=number)
