"""A path gains latency: the carrier moved it, by 150 us or so."""

from airnet.domain.verdict import Cause
from airnet.twin.disturb import trouble
from airnet.twin.plan import Plan
from airnet.twin.rows_line import Trouble
from airnet.twin.spec import watched

SPEC = watched(Cause.VENUE_FAULT, "how much longer each way: 15 ms to 150 us", 4000)


def prepare(plan: Plan) -> None:
    """Move every session of one machine, or of all, to a longer path."""
    span = plan.span(0.35, 0.45)
    gained = plan.easy(hardest=150e3, easiest=15e6)
    lines = tuple(range(plan.count("line")))
    if plan.rng.random() < 0.5:
        client = int(plan.row("line", int(plan.rng.integers(len(lines))))["client"])
        rows = enumerate(plan.row("line", line)["client"] for line in lines)
        lines = tuple(line for line, host in rows if int(host) == client)
    about = f"{len(lines)} sessions' path gains {gained / 1e3:.0f} us"
    number = plan.mark(span, about, lines=lines, excess=gained / 1e3)
    trouble(plan, Trouble.DELAY, lines, span, amount=gained, incident=number)
