"""An unfamiliar protocol: known machines speak something no class explains."""

from airnet.domain.verdict import Cause
from airnet.twin.disturb import lines_of, strike
from airnet.twin.plan import Plan
from airnet.twin.rows_strike import Strike
from airnet.twin.spec import watched

SPEC = watched(Cause.UNKNOWN, "datagrams a second: 400 to 5", 5000)


def prepare(plan: Plan) -> None:
    """Let two traders' machines exchange datagrams on a port nobody used."""
    lines = lines_of(plan)
    hosts = sorted({int(plan.row("line", line)["client"]) for line in lines})
    span = plan.span(0.35, 0.45)
    rate = plan.easy(hardest=5.0, easiest=400.0)
    number = plan.mark(span, f"{rate:.0f} datagrams a second", excess=rate)
    strike(
        plan,
        Strike.UDP,
        span,
        rate=rate,
        answers=0.0,
        source=hosts[0],
        target=hosts[-1],
        port=int(plan.rng.integers(20_000, 60_000)),
        bytes_min=24,
        bytes_max=200,
        incident=number,
    )
