"""Mass cancel and re-quote: all market makers cancel everything and quote anew."""

from airnet.twin.disturb import MAKER, habit, lines_of
from airnet.twin.plan import Plan
from airnet.twin.spec import normal

SPEC = normal("how many makers at once: a quarter to all, and how often: 1 to 6")


def prepare(plan: Plan) -> None:
    """Let makers pull and replace their quotes, as a new risk limit demands."""
    makers = lines_of(plan, MAKER)
    share = plan.easy(hardest=1.0, easiest=0.25)
    chosen = tuple(makers[: max(1, round(share * len(makers)))])
    times = 1 + round(5 * plan.difficulty)
    span = plan.span(0.2, 0.4)
    apart = (span[1] - span[0]) // times
    for turn in range(times):
        for line in chosen:
            late = int(plan.rng.uniform(0, 20e6))
            at_ns = span[0] + turn * apart + late
            habit(plan, "reload", line, (at_ns, at_ns + apart // 2))
    plan.mark(span, f"{len(chosen)} makers re-quote {times} times", lines=chosen)
