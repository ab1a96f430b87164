"""Reconnect storm: a line drops, and everyone logs on again at once."""

from airnet.domain.verdict import Cause
from airnet.twin.faults import reconnect, requote
from airnet.twin.scenario import Expectation, Label, World

EXPECTATION = Expectation(cause=Cause.NORMAL)


def prepare(world: World) -> None:
    """Cut most sessions, let them come back within a second or two and requote."""
    world.populate()
    rng = world.rng
    onset_ns, offset_ns = world.span(1.0, 3.0)
    share = float(rng.uniform(0.4, 1.0))
    for plan in world.sessions:
        if rng.random() > share:
            continue
        cut_ns = onset_ns + int(rng.uniform(0.0, 50e6))
        wait_ns = int(rng.exponential((offset_ns - onset_ns) / 4)) + 5_000_000
        ending = str(rng.choice(["reset", "logout"]))
        for _ in range(int(rng.integers(1, 3))):
            back_ns = cut_ns + wait_ns
            if back_ns > world.end_ns - 100_000_000:
                break
            reconnect(world, plan, cut_ns, back_ns, ending)
            cut_ns = back_ns + 30_000_000 + int(rng.uniform(0.0, 300e6))
            ending = "reset"
        if plan.kind == "market_maker":
            requote(world, plan, [plan.connections[-1].open_ns + 20_000_000])
    world.labels.append(
        Label(
            cause=Cause.NORMAL,
            onset_ns=onset_ns,
            offset_ns=offset_ns,
            about="most sessions reconnect",
        )
    )
