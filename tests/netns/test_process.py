"""One algorithm's process held back by its agent: throttled, frozen, and let go."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from airnet.act.process import AgentPlace, Agents, ProcessActuator
from airnet.cli import main
from airnet.domain.containment import State
from airnet.domain.decision import Action, Decision, Tier
from airnet.errors import ActuationError, ConfigError
from tests.conformance.adapters.process import HOST, SITE, algorithm
from tests.fakes.stopping import stop
from tests.fakes.verdicts import MS, throttle
from tests.netns.algorithms import SENSOR, V1, V2, Algorithms, Host, trading_host
from tests.netns.lab_links import wait_until

pytestmark = pytest.mark.root
TTL_NS = 60_000 * MS
ONE, OTHER = algorithm(0), algorithm(1)


@pytest.fixture
def trading(tmp_path: Path) -> Iterator[tuple[Algorithms, Host]]:
    with trading_host(tmp_path, [ONE, OTHER]) as found:
        found[0].start(ONE)
        found[0].start(OTHER)
        yield found


def actuator(host: Host) -> ProcessActuator:
    place = AgentPlace(host=HOST, address=f"127.0.0.1:{host.port}")
    agents = Agents(
        certificate=f"{SENSOR}.pem",
        key=f"{SENSOR}.key",
        authority="authority.pem",
        places=(place,),
    )
    return ProcessActuator(agents, host.folder, SITE)


def freeze(n: int = 0, why: str = "A test.") -> Decision:
    return throttle(n, action=Action.FREEZE_PROCESS, tier=Tier.KILL_ALGO, why=why)


def slow() -> Decision:
    return throttle(
        0, action=Action.THROTTLE_PROCESS, tier=Tier.KILL_ALGO, why="A test."
    )


def quota(algorithms: Algorithms) -> str:
    new = V2 / algorithms.cgroup(ONE) / "cpu.max"
    if new.exists():
        return new.read_text().split()[0].replace("max", "-1")
    return (V1 / algorithms.cgroup(ONE) / "cpu.cfs_quota_us").read_text().strip()


def test_a_throttle_leaves_one_algorithm_a_rate_and_a_share(
    trading: tuple[Algorithms, Host],
) -> None:
    """Ten frames a second of two hundred; the neighbour keeps all of its own."""
    algorithms, host = trading
    acting = actuator(host)
    assert quota(algorithms) == "-1"

    standing = acting.apply(slow(), TTL_NS)

    wait_until(lambda: algorithms.heard(0.3)[ONE] <= 4)  # its burst, and what waits
    counts = algorithms.heard(1.0)
    assert 1 <= counts[ONE] <= 13
    assert counts[OTHER] > 5 * counts[ONE]
    assert quota(algorithms) == "5000"
    acting.release(standing)
    assert quota(algorithms) == "-1"
    assert algorithms.heard(0.5)[ONE] > 20


def test_a_freeze_stops_one_algorithm_and_no_other(
    trading: tuple[Algorithms, Host],
) -> None:
    algorithms, host = trading
    acting = actuator(host)

    standing = acting.apply(freeze(), TTL_NS)

    assert set(algorithms.heard(0.3)) == {OTHER}
    assert "cancels wait" in standing.detail
    acting.release(standing)
    assert algorithms.is_heard(ONE, 1.0)


def test_a_dead_agent_leaves_nothing_frozen(trading: tuple[Algorithms, Host]) -> None:
    """Its keeper thaws at once; the leases are gone, and the record can say so."""
    algorithms, host = trading
    acting = actuator(host)
    standing = acting.apply(freeze(), TTL_NS)
    acting.apply(slow(), TTL_NS)

    host.end(signal.SIGKILL)

    wait_until(lambda: algorithms.is_heard(ONE))
    wait_until(lambda: quota(algorithms) == "-1")
    assert algorithms.heard(0.5)[ONE] > 20, "still paced"
    with pytest.raises(ActuationError):
        acting.ended(standing)
    host.start()
    assert acting.ended(standing) == "ended by the agent, which says so"


def test_a_dead_keeper_ends_the_agent_and_what_it_holds(
    trading: tuple[Algorithms, Host],
) -> None:
    algorithms, host = trading
    actuator(host).apply(freeze(), TTL_NS)
    assert host.process is not None

    os.kill(host.keeper(), signal.SIGKILL)

    assert host.process.wait(10) == 1
    wait_until(lambda: algorithms.is_heard(ONE))


def test_both_dead_and_the_next_one_lets_go(trading: tuple[Algorithms, Host]) -> None:
    """The unit starts `--thaw` when it ends, and the agent again; each is enough."""
    algorithms, host = trading
    acting = actuator(host)
    for ending in ("thaw", "start"):
        acting.apply(freeze(why=ending), TTL_NS)
        assert host.process is not None
        stop(host.process.pid)
        os.kill(host.keeper(), signal.SIGKILL)
        host.end(signal.SIGKILL)
        assert not algorithms.is_heard(ONE)
        if ending == "thaw":
            file = str(host.folder / "agent.toml")
            assert main(["agent", "--thaw", "--config", file]) == 0
            assert algorithms.is_heard(ONE)
        host.start()
        wait_until(lambda: algorithms.is_heard(ONE))


def test_an_algorithm_that_does_not_run_today_keeps_no_other_one_frozen(
    trading: tuple[Algorithms, Host],
) -> None:
    """Its cgroup went with it: the others are thawed, and held, as ever."""
    algorithms, host = trading
    acting = actuator(host)
    for ending in ("thaw", "start"):
        acting.apply(freeze(why=ending), TTL_NS)
        assert host.process is not None
        stop(host.process.pid)
        os.kill(host.keeper(), signal.SIGKILL)
        host.end(signal.SIGKILL)
        algorithms.remove(OTHER)
        if ending == "thaw":
            file = str(host.folder / "agent.toml")
            assert main(["agent", "--thaw", "--config", file]) == 0
            assert algorithms.is_heard(ONE)
        host.start()
        wait_until(lambda: algorithms.is_heard(ONE))

    with pytest.raises(ActuationError, match="no process in its cgroup"):
        acting.apply(freeze(1), TTL_NS)
    standing = acting.apply(freeze(why="again"), TTL_NS)
    assert not algorithms.is_heard(ONE)
    acting.release(standing)
    algorithms.prepare(OTHER)
    algorithms.start(OTHER)
    acting.apply(freeze(1), TTL_NS)  # it runs again, and is held again
    assert not algorithms.is_heard(OTHER)


def test_what_is_held_may_go_and_come_back(trading: tuple[Algorithms, Host]) -> None:
    algorithms, host = trading
    acting = actuator(host)
    standing = acting.apply(freeze(1), TTL_NS)

    algorithms.remove(OTHER)
    acting.release(standing)
    algorithms.prepare(OTHER)
    algorithms.start(OTHER)

    assert acting.ended(standing)
    assert algorithms.is_heard(OTHER, 1.0)
    acting.apply(freeze(1, why="again"), TTL_NS)
    assert not algorithms.is_heard(OTHER)


def test_an_agent_that_hangs_freezes_nobody_beyond_the_end(
    trading: tuple[Algorithms, Host],
) -> None:
    algorithms, host = trading
    start = time.monotonic()
    actuator(host).apply(freeze(), 700 * MS)
    assert host.process is not None
    stop(host.process.pid)

    assert not algorithms.is_heard(ONE)
    wait_until(lambda: algorithms.is_heard(ONE))

    assert 0.6 < time.monotonic() - start < 3.0


def test_sigterm_lets_go_of_everything(trading: tuple[Algorithms, Host]) -> None:
    algorithms, host = trading
    actuator(host).apply(freeze(), TTL_NS)

    assert host.end() == 0

    assert algorithms.is_heard(ONE, 1.0)
    assert "Traceback" not in host.log()


def test_below_t5_it_is_not_carried_out(trading: tuple[Algorithms, Host]) -> None:
    """Cancels would wait: that is for people to agree to, whatever a policy says."""
    _, host = trading
    acting = actuator(host)

    assert acting.accepts(freeze())
    assert not acting.accepts(
        throttle(0, action=Action.FREEZE_PROCESS, tier=Tier.LIMIT_ALGO)
    )
    assert not acting.accepts(throttle(0, tier=Tier.KILL_ALGO))
    assert not acting.accepts(freeze(40)), "an algorithm that no agent holds"


def test_two_leases_of_one_algorithm_end_apart(
    trading: tuple[Algorithms, Host],
) -> None:
    algorithms, host = trading
    acting = actuator(host)
    frozen = acting.apply(freeze(), TTL_NS)
    slowed = acting.apply(slow(), TTL_NS)

    acting.release(frozen)

    algorithms.heard(0.3)
    assert 1 <= algorithms.heard(1.0).get(ONE, 0) <= 13
    assert slowed.state is State.APPLIED
    acting.release(slowed)
    assert algorithms.heard(0.5)[ONE] > 20


def test_one_connection_serves_many_and_is_made_anew(
    trading: tuple[Algorithms, Host],
) -> None:
    """A handshake costs more than what is asked; an agent that died needs another."""
    _, host = trading
    sensor = actuator(host)
    held = [sensor.apply(freeze(n), TTL_NS) for n in range(2)]
    made = connections(host)
    assert made == 1
    for one in held:
        assert sensor.ended(one) == ""
        sensor.release(one)
    assert connections(host) == made

    host.end(signal.SIGKILL)
    with pytest.raises(ActuationError):
        sensor.apply(freeze(), TTL_NS)
    host.start()
    again = sensor.apply(freeze(), TTL_NS)
    assert sensor.ended(again) == ""
    host.end()
    host.start()
    assert sensor.ended(again) == "ended by the agent, which says so"

    with ThreadPoolExecutor(4) as several:
        found = list(several.map(lambda _: sensor.ended(again), range(40)))
    assert set(found) == {"ended by the agent, which says so"}
    sensor.close()
    wait_until(lambda: connections(host) == 0)


def connections(host: Host) -> int:
    """Return how many clients an agent has, by the kernel's own account."""
    words = ("ss", "-H", "-t", "-n", "state", "established", f"sport = :{host.port}")
    done = subprocess.run(words, capture_output=True, check=True, text=True)
    return len(done.stdout.splitlines())


def test_an_identity_that_is_none_is_told_in_one_line(
    trading: tuple[Algorithms, Host],
) -> None:
    _, host = trading
    agents = Agents(certificate="no.pem", key="no.key", authority="authority.pem")

    with pytest.raises(ConfigError, match="identity"):
        ProcessActuator(agents, host.folder, SITE)
