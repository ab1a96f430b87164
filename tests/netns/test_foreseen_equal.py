"""What is done in advance changes no answer: the same Decisions and the same ledger."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from airnet.act.intents import Order
from airnet.act.reflex import Trigger
from airnet.act.shot import Shot
from airnet.capture.pcap import PcapSource
from airnet.clock import SystemClock
from airnet.domain.decision import Action, Decision, decision_line
from airnet.domain.verdict import Verdict
from airnet.pipeline import Pipeline, think
from airnet.record.memory import MemoryLedger
from airnet.replay import ReplayHands
from airnet.service.arming import Arming
from airnet.stride import stride_of
from tests.netns.test_act_guard import Port, port
from tests.netns.test_guard_foreseen import SCORER, Fast
from tests.property.test_foresight import floods, terms

pytestmark = pytest.mark.root
__all__ = ["port"]
VENUES = 12


class Played(NamedTuple):
    """What came of a capture; in how many Decisions something was done before."""

    root: str
    lines: list[bytes]
    drops: int
    fired: int
    confirmed: int


class Acting(ReplayHands):
    """Writes down what replay would, and takes over what was done in advance."""

    def __init__(self, ledger: MemoryLedger, trigger: Trigger | None) -> None:
        super().__init__(ledger)
        self._trigger = trigger
        self.lines: list[bytes] = []
        self.drops = 0

    def carry_out(self, decision: Decision, verdict: Verdict | None) -> None:
        shot = self._trigger.confirms(decision) if self._trigger is not None else None
        if self._trigger is not None and shot is not None:
            self._trigger.confirm(decision, shot)
        self.lines.append(decision_line(decision))
        self.drops += decision.action is Action.DROP_SOURCES
        super().carry_out(decision, verdict)


def played(capture: Path, fast: Fast | None, batch_frames: int) -> Played:
    """Take a capture through the pipeline, in C, with or without what is foreseen."""
    policy, site = terms(VENUES)
    brain = think(site, policy, SCORER)
    ledger, trigger = MemoryLedger(), None if fast is None else fast.trigger
    hands = Acting(ledger, trigger)
    wrongly: list[Shot] = []
    arming: Arming | None = None

    def ordered(decision: Decision) -> None:
        if arming is not None:
            arming.ordered(decision)

    def withdraw(_: str) -> Order | None:
        assert fast is not None
        shot = fast.trigger.shot()
        assert shot is not None
        wrongly.append(shot)
        return fast.trigger.withdraw(fast.intents, "a test")

    with contextlib.closing(PcapSource([capture])) as source:
        stride = stride_of(source, brain.decoder, brain.windows, batch_frames)
        assert stride is not None
        lane = Pipeline(
            source,
            brain,
            hands,
            on_decision=ordered,
            batch_frames=batch_frames,
        )
        lane.at_once(stride)
        if fast is not None:
            asked = (policy, site)
            arming = Arming(fast.trigger, brain, asked, withdraw, lambda _: None, str)
            stride.tell(fast.arms, 0)
            lane.on_judged(arming.judged)
        while lane.step(0):
            while arming is not None and arming.tend(
                brain.decoder.sessions, lane.totals.now_ns, is_idle=False
            ):
                pass
        lane.finish()
    assert not wrongly
    counts = (0, 0) if fast is None else fast.arms.counts
    confirmed = 0 if fast is None else fast.trigger.confirmed
    return Played(ledger.root(), hands.lines, hands.drops, counts[0], confirmed)


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give a capture of sessions that trade, and of a flood at each gateway."""
    path = tmp_path_factory.mktemp("equal") / "floods.pcapng"
    floods(path, VENUES)
    return path


@pytest.mark.parametrize("batch_frames", [1, 7, 4096])
def test_the_same_with_and_without(
    port: Port, tmp_path: Path, capture: Path, batch_frames: int
) -> None:
    """Frame by frame nearly all is done in advance; no byte tells."""
    plain = played(capture, None, 64)
    fast = Fast(port.guard, tmp_path)
    fast.arms.gateways_left = 0  # until Arming says how many

    found = played(capture, fast, batch_frames)

    assert found.lines == plain.lines
    assert found.root == plain.root
    assert found.drops == VENUES
    assert found.confirmed == found.fired
    if batch_frames == 1:
        assert found.fired >= VENUES - 2
    assert fast.slot.pending() is None
    left = [rule for rule in fast.rules() if rule.until_ns > SystemClock().mono_ns()]
    assert len(left) <= found.fired
