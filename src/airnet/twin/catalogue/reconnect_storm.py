"""Reconnect storm: a link blips, many sessions fall and come back at once."""

from airnet.twin.disturb import trouble
from airnet.twin.plan import Plan
from airnet.twin.rows_line import Trouble
from airnet.twin.spec import normal

SPEC = normal("share of the sessions that fall: 0.1 to 1, and how often: 1 to 3 times")


def prepare(plan: Plan) -> None:
    """Cut a share of all lines at the same instant."""
    span = plan.span(0.3, 0.5)
    share = plan.easy(hardest=1.0, easiest=0.1)
    count = max(2, round(share * plan.count("line")))
    chosen = plan.rng.choice(plan.count("line"), min(count, plan.count("line")), False)
    lines = tuple(sorted(int(line) for line in chosen))
    blips = 1 + round(2 * plan.difficulty)
    apart = (span[1] - span[0]) // blips
    for blip in range(blips):
        at_ns = span[0] + blip * apart
        trouble(plan, Trouble.CUT, lines, (at_ns, at_ns + 1_000_000))
    plan.mark(span, f"{len(lines)} sessions fall {blips} times", excess=share)
