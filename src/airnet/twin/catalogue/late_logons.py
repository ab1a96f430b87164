"""Late logons: the gateway takes far longer to answer a Logon."""

from airnet.domain.verdict import Cause
from airnet.twin.disturb import trouble
from airnet.twin.plan import Plan
from airnet.twin.rows_line import Trouble
from airnet.twin.spec import watched

SPEC = watched(Cause.VENUE_FAULT, "how many times longer: 500 to 3", 3000)


def prepare(plan: Plan) -> None:
    """Let a share of sessions come back, and be answered late."""
    span = plan.span(0.3, 0.45)
    factor = plan.easy(hardest=3.0, easiest=500.0)
    count = max(2, plan.count("line") // 3)
    chosen = plan.rng.choice(plan.count("line"), count, replace=False)
    lines = tuple(sorted(int(line) for line in chosen))
    number = plan.mark(span, f"Logons take {factor:.0f} times as long", excess=factor)
    trouble(plan, Trouble.LATE_LOGON, lines, span, amount=factor, incident=number)
    for line in lines:
        at_ns = span[0] + int(plan.rng.uniform(0, 0.5) * (span[1] - span[0]))
        trouble(plan, Trouble.LOGOUT, (line,), (at_ns, at_ns + 1_000_000))
