"""A reroute that a switch says it made and did not, or led elsewhere.

`airnet run`, a controller, and a real Open vSwitch behind a liar that passes on what it
likes and tells back flows and groups just as they were asked for.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from airnet.lab.needs import missing
from airnet.record.file import read, verify
from tests.netns.lying import Lying
from tests.netns.ovs import command, network
from tests.netns.test_service_reroute import Street, airnet

LACKS = missing()
pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.skipif(bool(LACKS), reason="; ".join(LACKS)),
]
#: From the switch's word until it is taken back: 1 s in which slow answers are no
#: proof, silence that counts after 0.25 s, three windows of it, and a busy host.
SOON_NS = 6_000_000_000


class Lied(Street):
    """The same street, whose switch speaks through a liar, and a host at port 3."""

    def start_behind(self) -> Lying:
        """Start the liar and the controller behind it, and airnet."""
        liar = Lying(self.net, 6660, 6653)
        del self.controllers[1:]
        self.controllers[0].targets = ["tcp:127.0.0.1:6660"]
        self.controllers[0].start()
        self.start()
        return liar

    def aside(self) -> int:
        """Return how many frames came to the host at port 3."""
        words = ("ip", "-n", self.net.names[2], "-s", "-j", "link", "show", "eth0")
        found: int = json.loads(command(*words))[0]["stats64"]["rx"]["packets"]
        return found


@pytest.fixture
def street(tmp_path: Path) -> Iterator[tuple[Lied, Lying]]:
    with network(tmp_path / "n", hosts=3) as net:
        made = Lied(net)
        liar = None
        try:
            liar = made.start_behind()
            yield made, liar
        finally:
            if liar is not None:
                liar.end()
            made.stop()


@pytest.mark.parametrize("behaviour", ["claiming", "aside"])
def test_a_reroute_that_is_a_lie_is_found_out_by_the_mirror(
    street: tuple[Lied, Lying], behaviour: str
) -> None:
    """Either nothing was diverted, or orders were handed to somebody else's port."""
    run, liar = street
    paths = run.paths
    paths.trade(sessions=4)
    run.until(lambda: paths.by_first() > 2000, "trade")
    elsewhere, second = run.aside(), paths.by_second()
    liar.be(behaviour)

    paths.slow(0.02)
    run.until(lambda: "applied" in run.states(), "a reroute", 60)
    run.until(lambda: len(run.states()) > 1, "what the mirror makes of it")

    assert run.states() == ["applied", "rolled_back"]
    entries = list(read(run.folder / "ledger"))
    applied, undone = (one for one in entries if one.kind == "containment")
    assert undone.time_ns - applied.time_ns < SOON_NS
    assert "deadline" in str(undone.body["detail"])
    (effect,) = (one for one in entries if one.kind == "effect")
    assert effect.body["verified"] is False
    if behaviour == "aside":
        assert run.aside() > elsewhere + 10, "nothing was led elsewhere"
    paths.slow(0.0)
    liar.be("honest")
    run.until(lambda: not paths.is_round(), "the first path again")
    before, led = paths.by_first(), run.aside()
    run.until(lambda: paths.by_first() > before + 200, "trade by the first path")
    counts = paths.counts()

    told = airnet(run.folder, "actions", "--config", "airnet.toml")
    (ended,) = told["ended"]
    assert (ended["action"], ended["state"]) == ("reroute", "rolled_back")
    assert told["standing"] == []
    run.end()
    for one in counts:
        assert not one["gone"], one
        assert one["acked"] == one["sent"] > 0, one
    assert paths.by_second() - second < 200, "it was diverted all the same"
    assert run.aside() - led < 20, "it is led elsewhere still"
    assert run.states() == ["applied", "rolled_back"], "it was tried again"
    assert verify(run.folder / "ledger").verifies
