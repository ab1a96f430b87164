"""Mirror loss: frames are missing from our own copy of the traffic."""

from airnet.domain.decision import Action, Tier
from airnet.domain.verdict import Cause
from airnet.twin.faults import losing
from airnet.twin.scenario import Expectation, Label, World

EXPECTATION = Expectation(
    cause=Cause.SENSOR_FAULT,
    action=Action.ALERT,
    tier_max=Tier.OBSERVE,
    within_ms=2000,
)


def prepare(world: World) -> None:
    """Let the mirror lose frames in bursts."""
    world.populate()
    span = world.span(2.0, 6.0)
    share = world.params.excess or float(world.rng.uniform(0.005, 0.1))
    world.mirrors.append(losing(span, share, int(world.rng.choice([1, 5, 40]))))
    world.labels.append(
        Label(
            cause=Cause.SENSOR_FAULT,
            onset_ns=span[0],
            offset_ns=span[1],
            action=Action.ALERT,
            about=f"the mirror loses {share:.1%} of frames",
        )
    )
