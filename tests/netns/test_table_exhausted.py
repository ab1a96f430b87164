"""A switch's table filled by an attack: what has no room is said, and nobody is cut.

The table is a real one of Open vSwitch, with a limit of its own. The attacker turns up
under ever new addresses, so that each is a containment more.
"""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from airnet.act.attempts import ATTEMPTS_MAX, TRIALS_MAX
from airnet.act.sdn import SdnActuator
from airnet.act.standing import Standing
from airnet.clock import SystemClock
from airnet.domain.containment import State
from airnet.domain.decision import Decision
from airnet.record.file import FileLedger, read
from tests.fakes.verdicts import MS, drop
from tests.netns.ovs import (
    Controller,
    Network,
    controller,
    limited,
    network,
    wait_until,
)
from tests.netns.traffic import SEND, Sink

pytestmark = pytest.mark.root
GATEWAY, GOOD = "10.9.0.2", "10.9.0.3"
#: Rules that the table has room for, beside those that are there.
ROOM = 16
ATTACKERS = 48


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with network(tmp_path_factory.mktemp("t")) as made:
        yield made


@pytest.fixture
def running(net: Network) -> Iterator[Controller]:
    with controller(net, "os-ken") as made:
        yield made
        net.switch.vsctl("clear", "bridge", "br0", "flow_tables")


def decision(number: int, ttl_ms: int) -> Decision:
    now_ns = time.time_ns()
    ends = {"t_ns": now_ns, "until_ns": now_ns + ttl_ms * MS}
    return drop(f"198.51.100.{1 + number}", gateway=GATEWAY, port=0, **ends)


def rules(net: Network) -> int:
    return sum("table=0" in rule for rule in net.switch.flows("br0"))


@contextlib.contextmanager
def acting(running: Controller, folder: Path) -> Iterator[Standing]:
    """Give what carries Decisions out at that controller, and its record."""
    ledger = FileLedger(folder)
    switches = SdnActuator(running.path, known=lambda: [GOOD], timeout_ms=2000)
    try:
        yield Standing([switches], ledger, SystemClock())
    finally:
        switches.close()
        ledger.close()


def outcomes(folder: Path) -> dict[str, list[tuple[str, str]]]:
    """Return by Decision what the record says became of it, the last word last."""
    found: dict[str, list[tuple[str, str]]] = {}
    for one in read(folder):
        if one.kind == "containment":
            told = str(one.body["state"]), str(one.body["detail"])
            found.setdefault(str(one.body["decision_id"]), []).append(told)
    return found


def passing(net: Network, host: int, address: str) -> bool:
    """Return whether each of some frames of a host comes out at the gateway."""
    sink = Sink(net)
    sender = net.run(host, SEND, "40", "0.005")
    try:
        sink.read(lambda s: len(s.numbers(address)) >= 40)
    except AssertionError:
        return False
    finally:
        sender.communicate(timeout=20)
        sink.end()
    return sink.numbers(address) == list(range(40))


def test_a_full_table_refuses_by_name_and_cuts_nobody(
    net: Network, running: Controller, tmp_path: Path
) -> None:
    """What stands goes on standing, what has no room is said; then there is room."""
    bare = rules(net)
    limited(net, ROOM)
    with acting(running, tmp_path) as standing:
        made = [decision(number, 6000) for number in range(ATTACKERS)]
        for one in made:
            standing.carry_out(one)
            assert rules(net) <= bare + ROOM

        told = outcomes(tmp_path)
        stood = {one.decision_id for one in standing.in_force}
        assert len(stood) == ROOM
        assert stood == {key for key, said in told.items() if said[-1][0] == "applied"}
        failed = [said[-1] for key, said in told.items() if key not in stood]
        assert len(told) == ATTACKERS
        assert len(failed) == ATTACKERS - ROOM
        assert all(state == State.FAILED for state, _ in failed)
        assert all("TABLE_FULL" in detail for _, detail in failed), failed[:2]
        assert len(standing.attempts) <= TRIALS_MAX
        assert passing(net, 3, GOOD)

        def is_over() -> bool:
            standing.tick(time.time_ns())
            return not standing.in_force and not len(standing.attempts)

        # Each ends at its time, none before; what had no room was tried, and is over.
        wait_until(is_over, 40.0)
        wait_until(lambda: rules(net) == bare)
        last = standing.carry_out(decision(ATTACKERS, 60_000))
        assert last is not None
        assert last.state is State.APPLIED
        assert standing.release(last.decision_id, "a test") is not None
    told = outcomes(tmp_path)
    for one in made:
        state, detail = told[one.id][-1]
        assert state in {State.ENDED, State.FAILED}
        assert "before its time" not in detail
        tried = [said for said in told[one.id] if said[0] == State.INTENDED]
        assert len(tried) < ATTEMPTS_MAX


def test_what_a_switch_evicts_is_on_record(
    net: Network, running: Controller, tmp_path: Path
) -> None:
    """A table that makes room for what is new: what it took away stands no more.

    OpenFlow 1.3 has no word for it, so the switch says nothing.
    """
    limited(net, ROOM, "evict")
    with acting(running, tmp_path) as standing:
        made = [decision(number, 50_000 + number) for number in range(ATTACKERS)]
        for one in made:
            outcome = standing.carry_out(one)
            assert outcome is not None
            assert outcome.state is State.APPLIED

        def agrees() -> bool:
            standing.tick(time.time_ns())
            there = net.switch.flows("br0")
            marks = {one.id[:12].lstrip("0") for one in made if stands(one, there)}
            return marks == {
                one.decision_id[:12].lstrip("0") for one in standing.in_force
            }

        wait_until(agrees, 40.0, "the record says that it stands, and it does not")
        kept = {one.decision_id for one in standing.in_force}
        assert len(kept) <= ROOM
        assert passing(net, 3, GOOD)
        for key in kept:
            standing.release(key, "a test")
    told = outcomes(tmp_path)
    for one in made:
        if one.id not in kept:
            state, detail = told[one.id][-1]
            assert state == State.ENDED
            assert "lost" in detail
            assert "before its time" in detail


def stands(one: Decision, there: list[str]) -> bool:
    """Return whether a switch holds the rule of a Decision."""
    return any(f"nw_src={one.target[0]}," in rule and "drop" in rule for rule in there)
