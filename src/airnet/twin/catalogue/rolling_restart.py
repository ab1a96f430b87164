"""Rolling restart: a firm logs its sessions out and on again, one by one."""

from airnet.twin.disturb import trouble
from airnet.twin.plan import Plan
from airnet.twin.rows_line import Trouble
from airnet.twin.spec import normal

SPEC = normal("how closely the sessions follow each other: 2 s to 50 ms")


def prepare(plan: Plan) -> None:
    """Log out the sessions of the firm that has the most."""
    names = sorted(set(plan.firms))
    firm = max(names, key=plan.firms.count)
    lines = [line for line, name in enumerate(plan.firms) if name == firm]
    step_ns = int(plan.easy(hardest=0.05, easiest=2.0) * 1e9)
    span = plan.span(0.3, 0.5)
    for number, line in enumerate(lines):
        at_ns = span[0] + number * step_ns
        if at_ns < span[1]:
            trouble(plan, Trouble.LOGOUT, (line,), (at_ns, at_ns + 1_000_000))
    plan.mark(span, f"{firm} restarts {len(lines)} sessions", lines=tuple(lines))
