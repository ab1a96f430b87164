"""What the mirror can show of a containment's effect, and what it cannot."""

import msgspec
import pytest

from airnet.bench.stages import Idle, Memory
from airnet.decide.policy import Policy
from airnet.domain.decision import Action, Decision, TargetType
from airnet.pipeline import Brain, Pipeline, last_bad_ns, think
from airnet.twin.loop import enforced, shipped_scorer
from tests.fakes.stage import TapeStage


@pytest.fixture(scope="module")
def seen() -> tuple[Brain, Decision]:
    """Return a brain that saw a runaway algorithm, and what it decided about it."""
    stage = TapeStage("runaway", 3)
    found: list[Decision] = []
    lane = Pipeline(
        Memory(stage.rows, stage.bytes),
        think(stage.site, enforced(Policy()), shipped_scorer()),
        Idle(),
        on_decision=found.append,
    )
    while not lane.source.is_exhausted:
        lane.step(0)
    throttled = [one for one in found if one.action is Action.THROTTLE_SESSION]
    return lane.brain, throttled[0]


def about(decision: Decision, kind: TargetType, *target: str) -> Decision:
    return msgspec.structs.replace(
        decision, action=Action.ISOLATE_HOST, target_type=kind, target=target
    )


def test_of_a_host_or_a_subnet_it_shows_the_last_order_accepted(
    seen: tuple[Brain, Decision],
) -> None:
    brain, throttled = seen
    assert throttled.session is not None
    host = throttled.session.client
    of_session = last_bad_ns(brain, throttled)
    of_host = last_bad_ns(brain, about(throttled, TargetType.HOST, host))
    subnet = about(throttled, TargetType.SUBNET, "203.0.113.0/24", f"{host}/15")

    assert of_session
    assert of_host is not None
    assert of_host >= of_session
    of_subnet = last_bad_ns(brain, subnet)
    assert of_subnet is not None
    assert of_subnet >= of_host


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        (TargetType.HOST, "203.0.113.9"),  # nobody who trades
        (TargetType.SUBNET, "203.0.113.0/24"),
        (TargetType.SOURCE, "203.0.113.9"),  # never seen, or forgotten
        (TargetType.GATEWAY, "10.0.0.10:9878"),  # a rate limit
    ],
)
def test_what_it_does_not_show_is_not_taken_for_quiet(
    seen: tuple[Brain, Decision], kind: TargetType, target: str
) -> None:
    brain, throttled = seen

    assert last_bad_ns(brain, about(throttled, kind, target)) is None
