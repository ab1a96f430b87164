"""Quiet: an ordinary minute of an ordinary day; nothing happens."""

from airnet.twin.plan import Plan
from airnet.twin.spec import normal

SPEC = normal("nothing changes")


def prepare(plan: Plan) -> None:
    """Leave everything as it is."""
    plan.mark((plan.start_ns, plan.end_ns), "nothing happens")
