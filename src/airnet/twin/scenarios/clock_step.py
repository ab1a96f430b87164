"""Clock step: the capture's clock jumps; the traffic is as ever."""

from airnet.domain.decision import Action, Tier
from airnet.domain.verdict import Cause
from airnet.twin.faults import stepping
from airnet.twin.market import SECOND_NS
from airnet.twin.scenario import Expectation, Label, World

EXPECTATION = Expectation(
    cause=Cause.SENSOR_FAULT,
    action=Action.ALERT,
    tier_max=Tier.OBSERVE,
    within_ms=2000,
)


def prepare(world: World) -> None:
    """Let the mirror's clock step forward or back."""
    world.populate()
    at_ns, _ = world.span(1.0, 2.0)
    step_s = world.params.excess or float(world.rng.uniform(0.02, 5.0))
    step_s = -step_s if world.rng.random() < 0.5 else step_s
    world.mirrors.append(stepping(at_ns, int(step_s * SECOND_NS)))
    world.labels.append(
        Label(
            cause=Cause.SENSOR_FAULT,
            onset_ns=at_ns,
            offset_ns=at_ns + SECOND_NS,
            action=Action.ALERT,
            about=f"the capture's clock steps by {step_s:+.3f} s",
        )
    )
