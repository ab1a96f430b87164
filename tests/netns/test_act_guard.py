"""act.guard on a live link: in force, read back, undone, ended, adopted, killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from airnet.act.guard import GuardActuator, Limit
from airnet.act.known import LINGER_NS, Known, Venues
from airnet.clock import SimulatedClock, SystemClock
from airnet.domain.address import address_bytes
from airnet.domain.containment import State
from airnet.domain.decision import Action, Decision, TargetType
from airnet.domain.session import SESSION, SessionName
from airnet.domain.verdict import Cause
from airnet.errors import ActuationError, AirnetError
from airnet.kernel import guard
from tests.bpf.test_guard import CLIENT, GATEWAY, STRANGER, tcp
from tests.fakes.verdicts import MS, drop, session_name, throttle
from tests.netns.lab_links import CAPTURE, namespace, sender, veth, wait_until

pytestmark = pytest.mark.root

TTL_NS = 60_000 * MS
PINS = Path("/sys/fs/bpf") / f"airnet-test-{os.getpid()}"


class Port:
    """A guarded port, and frames sent to it."""

    def __init__(self, send: Callable[[bytes], int]) -> None:
        self.guard = guard.guard_interface(CAPTURE, PINS)
        self._send = send

    def ends(self, frame: bytes, times: int = 1) -> dict[str, int]:
        """Send a frame so many times and return how they ended."""
        before = self.guard.counts()
        for _ in range(times):
            self._send(frame)
        wait_until(lambda: self.guard.counts()["seen"] >= before["seen"] + times)
        after = self.guard.counts()
        found = {name: after[name] - before[name] for name in after}
        assert found.pop("seen") == sum(found.values())
        return {name: count for name, count in found.items() if count}


@pytest.fixture
def port() -> Iterator[Port]:
    with namespace():
        veth()
        with sender() as send:
            try:
                found = Port(send)
            except AirnetError as error:
                pytest.skip(str(error))
            try:
                yield found
            finally:
                found.guard.close()
                guard.remove(CAPTURE, PINS)
                PINS.rmdir()


def act(port: Port, **options: object) -> GuardActuator:
    clock = SystemClock()
    return GuardActuator(port.guard, clock, **options)


def limit_gateway() -> Decision:
    return drop(
        f"{GATEWAY}:9878",
        action=Action.RATE_LIMIT_SOURCES,
        target_type=TargetType.GATEWAY,
    )


def sessions(
    alive: SessionName | None = None, ended: SessionName | None = None
) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Return rows of the session table: one that is logged on, one that ended."""
    found = []
    for name in (alive, ended):
        rows = np.zeros(int(name is not None), SESSION)
        if name is not None:
            rows["client"] = np.frombuffer(address_bytes(name.client), np.uint8)
            rows["gateway"] = np.frombuffer(address_bytes(name.gateway), np.uint8)
            rows["client_port"] = name.client_port
            rows["gateway_port"] = name.gateway_port
        found.append(rows)
    return found[0], found[1]


STRANGE = tcp(STRANGER, 1234, GATEWAY, 9878)
LIVE = tcp(CLIENT, 40_001, GATEWAY, 9878)


def test_a_drop_holds_until_it_is_undone(port: Port) -> None:
    actuator, decision = act(port), drop()

    standing = actuator.apply(decision, TTL_NS)

    assert standing.state is State.APPLIED
    assert standing.until_ns == pytest.approx(standing.command_ns + TTL_NS, abs=MS)
    assert port.ends(STRANGE, 3) == {"source": 3}
    assert port.ends(LIVE) == {"passed": 1}
    assert actuator.ended(standing) == ""
    actuator.release(standing)
    assert port.ends(STRANGE) == {"passed": 1}
    actuator.release(standing)  # undoing what is undone is harmless


def test_applying_twice_is_applying_once(port: Port) -> None:
    actuator, decision = act(port), drop()

    first = actuator.apply(decision, TTL_NS)

    assert actuator.apply(decision, 2 * TTL_NS) == first
    assert len(list(port.guard.sources.keys())) == 1


def test_a_rule_ends_in_the_kernel(port: Port) -> None:
    """Nobody asks the actuator for anything, and the sender passes again."""
    actuator = act(port)
    standing = actuator.apply(drop(), 50 * MS)
    assert port.ends(STRANGE) == {"source": 1}

    wait_until(lambda: port.ends(STRANGE) == {"passed": 1})

    assert actuator.ended(standing).startswith("ended by the guard: its time was over")
    assert actuator.sweep() == 1
    assert list(port.guard.sources.keys()) == []


def test_a_session_is_cut_both_ways(port: Port) -> None:
    decision = throttle(1, action=Action.ISOLATE_SESSION)
    name = session_name(1)
    assert (name.client, name.client_port) == (CLIENT, 40_001)

    standing = act(port).apply(decision, TTL_NS)

    assert port.ends(LIVE) == {"session": 1}
    assert port.ends(tcp(GATEWAY, 9878, CLIENT, 40_001)) == {"session": 1}
    assert port.ends(tcp(CLIENT, 40_002, GATEWAY, 9878)) == {"passed": 1}
    assert "2 of 2 rules" in standing.detail


def test_a_flood_of_a_firms_address_never_cuts_the_firm(port: Port) -> None:
    """Allow-known: sessions pass untouched, everything else shares a rate."""
    actuator = act(port, limit=Limit(1, 2))
    known = Known(port.guard.known, SystemClock())

    known.keep(*sessions(session_name(1)))
    actuator.apply(limit_gateway(), TTL_NS)

    forged = tcp(CLIENT, 7, GATEWAY, 9878)
    assert port.ends(forged, 20) == {"allowed": 2, "unknown": 18}
    assert port.ends(LIVE, 100) == {"allowed": 100}


def test_what_is_spared_gets_no_rule(port: Port) -> None:
    actuator = act(port, spared=lambda source: source == CLIENT)

    standing = actuator.apply(drop(CLIENT, STRANGER), TTL_NS)

    assert "1 of 1 rules" in standing.detail
    assert port.ends(LIVE) == {"passed": 1}
    assert port.ends(STRANGE) == {"source": 1}
    with pytest.raises(ActuationError, match="spared"):
        actuator.apply(drop(CLIENT), TTL_NS)


def test_only_what_comes_in_there_is_its_own(port: Port) -> None:
    actuator = act(port, behind=[GATEWAY])

    assert actuator.accepts(drop())
    assert not actuator.accepts(drop(gateway="10.0.0.11"))
    assert not actuator.accepts(drop(gateway=""))


def test_a_session_is_known_until_it_is_seen_to_end(port: Port) -> None:
    """A restart, or a flooded table, forgets sessions: that cuts nobody at once."""
    clock, alive = SimulatedClock(), session_name(1)
    act(port, limit=Limit(1, 1)).apply(limit_gateway(), TTL_NS)
    first = Known(port.guard.known, clock)
    first.keep(*sessions(alive))
    heir = Known(port.guard.known, clock)

    heir.keep(*sessions())
    assert port.ends(LIVE, 5) == {"allowed": 5}
    heir.keep(*sessions(alive))
    clock.time_ns += LINGER_NS
    heir.keep(*sessions(alive))
    assert port.ends(LIVE, 5) == {"allowed": 5}
    heir.keep(*sessions())
    clock.time_ns += LINGER_NS - 1
    heir.keep(*sessions())
    assert len(heir) == 1
    clock.time_ns += 1
    heir.keep(*sessions())
    assert len(heir) == 0

    heir.keep(*sessions(alive))
    heir.keep(*sessions(ended=alive))
    assert list(port.guard.known.keys()) == []


def test_a_weaker_decision_does_not_loosen_a_stricter_one(port: Port) -> None:
    actuator = act(port)
    strict = actuator.apply(drop(), TTL_NS)
    short = drop(why="Shorter.")

    standing = actuator.apply(short, TTL_NS // 2)

    assert "0 of 1 rules" in standing.detail
    actuator.release(standing)
    assert port.ends(STRANGE) == {"source": 1}, "another's rule was taken away"
    actuator.release(strict)
    assert port.ends(STRANGE) == {"passed": 1}


def test_the_next_process_adopts_what_stands(port: Port) -> None:
    """A restart forgets nothing: rules carry their Decision."""
    decision = drop()
    standing = act(port).apply(decision, TTL_NS)
    port.guard.close()

    port.guard = guard.guard_interface(CAPTURE, PINS)
    heir = act(port)

    assert port.ends(STRANGE) == {"source": 1}
    assert heir.ended(standing) == ""
    heir.release(standing)
    assert port.ends(STRANGE) == {"passed": 1}


PROCESS = """
import sys
from pathlib import Path
from airnet.act.guard import GuardActuator
from airnet.clock import SystemClock
from airnet.kernel import guard
from verdicts import drop

kernel = guard.guard_interface(sys.argv[1], Path(sys.argv[2]))
GuardActuator(kernel, SystemClock()).apply(drop(), int(sys.argv[3]))
print("applied", flush=True)
sys.stdin.read()
"""


def test_kill_9_ends_nothing_early_and_nothing_late(port: Port) -> None:
    """The rule outlives its process, and not its own time."""
    arguments = [CAPTURE, str(PINS), str(1500 * MS)]
    path = os.pathsep.join([str(Path(__file__).parents[1] / "fakes"), *sys.path])
    with subprocess.Popen(
        [sys.executable, "-c", PROCESS, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": path},
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "applied\n"
        start_ns = time.monotonic_ns()
        process.send_signal(signal.SIGKILL)
        process.wait()

    ends = port.ends(STRANGE)
    if time.monotonic_ns() - start_ns < 1000 * MS:
        assert ends == {"source": 1}
    wait_until(lambda: port.ends(STRANGE) == {"passed": 1})
    assert time.monotonic_ns() - start_ns >= 1000 * MS


def test_a_full_table_leaves_nothing_behind(port: Port) -> None:
    """All of a Decision's rules stand, or none: the kernel says when it is full."""
    room = guard.Rule(until_ns=time.monotonic_ns() + TTL_NS)
    for number in range(65_535):
        source = f"172.{16 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
        port.guard.sources.update(guard.prefix_key(source), room.packed())

    with pytest.raises(ActuationError, match="table sources"):
        act(port).apply(drop("198.51.100.9", "198.51.100.10"), TTL_NS)

    assert port.ends(STRANGE) == {"passed": 1}


def test_a_port_that_is_taken_is_refused_in_one_line(port: Port) -> None:
    with pytest.raises(AirnetError, match="another XDP program"):
        guard.guard_interface(CAPTURE, PINS / "other")
    guard.remove(CAPTURE, PINS / "other")
    (PINS / "other").rmdir()


def confine(host: str, *peers: str) -> Decision:
    return drop(
        *(host, *peers),
        cause=Cause.COMPROMISE,
        action=Action.CONFINE_HOST,
        target_type=TargetType.HOST,
        gateway="",
        port=0,
    )


def test_a_confined_host_trades_on(port: Port) -> None:
    """Where orders are taken is known by the site, and by who was seen trading."""
    actuator = act(port)
    venues = Venues(port.guard.places, [(GATEWAY, 9878)])
    venues.keep(
        sessions(
            msgspec.structs.replace(
                session_name(), gateway="10.0.0.20", gateway_port=9001
            )
        )[0]
    )

    standing = actuator.apply(confine(CLIENT), TTL_NS)

    assert port.ends(tcp(CLIENT, 40_001, "10.0.1.2", 22), 2) == {"confined": 2}
    for target, number in ((GATEWAY, 22), ("10.0.0.20", 22), ("10.0.0.30", 9001)):
        assert port.ends(tcp(CLIENT, 40_001, target, number)) == {"passed": 1}
    actuator.release(standing)
    assert port.ends(tcp(CLIENT, 40_001, "10.0.1.2", 22)) == {"passed": 1}


def test_a_port_in_front_of_gateways_does_not_see_a_host(port: Port) -> None:
    assert act(port).accepts(confine(CLIENT, STRANGER))
    assert not act(port, behind=[GATEWAY]).accepts(confine(CLIENT, STRANGER))


def test_nobody_is_kept_from_what_is_spared(port: Port) -> None:
    actuator = act(port, spared=lambda address: address == STRANGER)

    with pytest.raises(ActuationError, match="spared"):
        actuator.apply(confine(CLIENT, STRANGER), TTL_NS)
    assert port.ends(tcp(CLIENT, 1, STRANGER, 443)) == {"passed": 1}
