"""Evade: what gets past is searched, and the same search finds the same."""

import json

import numpy as np
import pytest

from airnet.cli import main
from airnet.decide.policy import Policy
from airnet.twin import evade
from airnet.twin.evade import Asked, Search
from airnet.twin.meter import BIN_NS, DETECTORS, SECOND_NS, Traffic
from airnet.twin.policyfile import as_enforced

pytestmark = pytest.mark.timeout(900)  # a search plays a dozen runs


def asked(shape: str = "steady", seed: int = 1) -> Asked:
    policy = as_enforced(Policy())
    return Asked(shape=shape, seed=seed, policy=policy, calm_s=10.0, sessions=3)


@pytest.fixture(scope="module")
def search() -> Search:
    return Search(asked())


def test_the_most_that_survives_is_a_step_below_what_is_caught(search: Search) -> None:
    """And it is what the session really sent, its own trading among it."""
    found = search.found()

    past = found.by[evade.PRODUCT]
    assert 0 < past.multiple < 64
    assert past.caught_by
    assert found.own < found.envelope
    runs = [search._run(step) for step in range(evade.STEP_MAX + 1) if step % 8 == 0]
    for step, run in zip((0, 8, 16, 24), runs, strict=True):
        assert run.multiple == pytest.approx(2 ** (step / evade.STEPS), rel=0.4)
        if run.multiple <= past.multiple / 2:
            assert not run.caught[evade.PRODUCT]
    assert Search(asked())._run(8) == search._run(8)


def test_each_shape_is_sent_as_it_says() -> None:
    """Of ten seconds: all of them alike, a quarter of each, or a ramp."""
    counts = {}
    for shape in ("steady", "pulsed", "ramped"):
        traffic, _ = Search(asked(shape))._traffic(200.0)
        onset_ns = traffic.onset_ns
        counts[shape] = traffic.within(onset_ns, onset_ns + 10 * SECOND_NS)
    seconds = {name: one.reshape(10, 10).sum(axis=1) for name, one in counts.items()}
    pulses = counts["pulsed"].reshape(10, 10)
    assert pulses[:, :3].mean() > 2 * pulses[:, 3:].mean()
    assert seconds["ramped"][-3:].sum() > 3 * seconds["ramped"][:3].sum()
    assert seconds["steady"].std() < 0.5 * seconds["steady"].mean()
    for one in seconds.values():
        assert 1000 < one.sum() < 8000


def test_one_line_detectors_are_what_they_say() -> None:
    """By hand: calm at 5 a bin, then 9, then 60."""
    onset_ns, end_ns = 100 * BIN_NS, 200 * BIN_NS
    for level, wanted in ((5, set()), (9, {"cusum"}), (60, set(DETECTORS))):
        counts = np.full(200, 5.0)
        counts[100:] = level
        traffic = Traffic(counts, 0, onset_ns)
        assert {
            name for name, one in DETECTORS.items() if one(traffic, onset_ns, end_ns)
        } == wanted
        assert traffic.rate(onset_ns, end_ns) == 10 * level
    assert Traffic(np.arange(30.0), 0, 0).percentile(0, 30 * BIN_NS) > 240


def test_the_command_says_whether_the_limit_holds(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    words = ["twin", "evade", "--shape", "steady", "--seeds", "1", "--calm", "10"]
    words += ["--sessions", "3", "--workers", "1", "--limit", "1"]

    status = main([*words, "--json"])

    out = json.loads(capsysbinary.readouterr().out)
    assert out["worst"] == out["found"][0]["by"]["airnet"]["multiple"]
    assert status == int(out["worst"] > 1)
    assert set(out["found"][0]["by"]) == {"airnet", *DETECTORS}
