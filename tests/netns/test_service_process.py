"""A runaway algorithm whose own process is slowed, then frozen, by its host's agent.

Everything is real: its FIX session through Open vSwitch, `airnet run` with a proved
policy, two people's keys, the agent, a cgroup.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from airnet.lab.needs import missing
from airnet.lab.network import CAPTURE, Network
from tests.netns.algorithms import (
    SENSOR,
    V1,
    V2,
    Algorithms,
    Host,
    identities,
)
from tests.netns.trading_floor import POLICY, Floor

LACKS = missing()
pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.skipif(bool(LACKS), reason="; ".join(LACKS)),
]
HOLDING = """\
[[cause.algo_fault.rung]]
action = "throttle_process"
needs = ["lower_failed"]
after_ms = 500
approvals = 2
ttl_ms = 60000

[[cause.algo_fault.rung]]
action = "freeze_process"
needs = ["lower_failed"]
after_ms = 1000
approvals = 2
ttl_ms = 60000

[[cause.algo_fault.rung]]
action = "cancel_orders"
needs = ["lower_failed"]
after_ms = 500
approvals = 2
ttl_ms = 60000
"""
_RUNG = POLICY[POLICY.index("[[cause.algo") : POLICY.index("[cause.compromise]")]
PROCESS_POLICY = POLICY.replace(_RUNG, HOLDING + "\n")
AGENTS = """\
certificate = "{sensor}.pem"
key = "{sensor}.key"
authority = "authority.pem"

[[agent]]
host = "10.77.0.22"
address = "127.0.0.1:{port}"
"""
ALGORITHM = "betamm"


@pytest.fixture
def held() -> Iterator[tuple[Floor, Algorithms]]:
    """Give a floor on which BETAMM's process has a cgroup, and its host an agent."""
    algorithms = Algorithms()
    try:
        with tempfile.TemporaryDirectory() as place, Network() as network:
            algorithms.prepare(ALGORITHM)
            folder = Path(place) / "floor"
            folder.mkdir()
            identities(folder)
            cgroups = {ALGORITHM: algorithms.cgroup(ALGORITHM)}
            # Not by `ip netns exec`, which hides the cgroups behind a /sys of its own.
            place_of_net = f"--net=/run/netns/{network.name(CAPTURE)}"
            host = Host(folder, cgroups, ("nsenter", place_of_net))
            host.start()
            try:
                text = AGENTS.format(sensor=SENSOR, port=host.port)
                (folder / "agents.toml").write_text(text)
                top = 'agents = "agents.toml"'
                with Floor(network, folder, PROCESS_POLICY, top) as floor:
                    algorithms.adopt(ALGORITHM, floor.cast.actors["beta"].pid)
                    yield floor, algorithms
            finally:
                host.end()
    finally:
        algorithms.close()


def agreed(floor: Floor, action: str) -> str:
    """Have two people agree to what is proposed of BETAMM; return its id."""
    decision = floor.proposed(action, "BETAMM")
    assert floor.approve(decision, "Jane Doe")[0] == 0
    status, said, errors = floor.approve(decision, "Mary Major")
    assert status == 0, errors
    return str(said["body"]["decision"])


def events(algorithms: Algorithms) -> str:
    return (V2 / algorithms.cgroup(ALGORITHM) / "cgroup.events").read_text()


def quota(algorithms: Algorithms) -> str:
    new = V2 / algorithms.cgroup(ALGORITHM) / "cpu.max"
    if new.exists():
        return new.read_text().split()[0].replace("max", "-1")
    old = V1 / algorithms.cgroup(ALGORITHM) / "cpu.cfs_quota_us"
    return old.read_text().strip()


def test_a_process_is_slowed_then_frozen_and_goes_on(
    held: tuple[Floor, Algorithms],
) -> None:
    floor, algorithms = held
    floor.runaway("beta", "BETAMM", 300)

    slowed = agreed(floor, "throttle_process")

    assert floor.ledger(slowed) == ["decision:enforce", "containment:applied"]
    assert quota(algorithms) == "5000"
    cancelled = agreed(floor, "cancel_orders")
    assert floor.ledger(cancelled)[:2] == ["decision:enforce", "containment:applied"]
    frozen = agreed(floor, "freeze_process")
    assert floor.ledger(frozen) == ["decision:enforce", "containment:applied"]
    assert "frozen 1" in events(algorithms)
    assert floor.gateway_says("BETAMM")["open_orders"] == 0
    for decision in (frozen, slowed):
        refused = floor.say("undo", decision, "--by", "Jane Doe")
        assert refused[0] == 1
        assert "not signed" in refused[2]
        status, _, errors = floor.undo(decision, "Ivan Novak")
        assert status == 0, errors
    assert "frozen 0" in events(algorithms)
    assert quota(algorithms) == "-1"
    accepted = floor.session("BETATK").by_firm.accepted
    floor.until(
        lambda: floor.session("BETATK").by_firm.accepted > accepted,
        "the process to trade again",
    )
