"""Mass requote: market makers cancel all and quote anew, as new parameters demand."""

from airnet.domain.verdict import Cause
from airnet.twin.faults import requote
from airnet.twin.scenario import Expectation, Label, World

EXPECTATION = Expectation(cause=Cause.NORMAL)


def prepare(world: World) -> None:
    """Let one market maker, or all of them, requote once or a few times."""
    world.populate()
    onset_ns, offset_ns = world.span(1.0, 4.0)
    makers = [plan for plan in world.sessions if plan.kind == "market_maker"]
    if world.rng.random() < 0.5:
        makers = makers[:1]
    count = int(world.rng.integers(1, 6))
    for plan in makers:
        times = world.rng.integers(onset_ns, offset_ns, count)
        requote(world, plan, sorted(int(time) for time in times))
    world.labels.append(
        Label(
            cause=Cause.NORMAL,
            onset_ns=onset_ns,
            offset_ns=offset_ns,
            sessions=tuple(plan.name_at(onset_ns) for plan in makers),
            about=f"{len(makers)} market makers requote",
        )
    )
