"""What strangers cost the host they reach, and what relieves it."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from airnet._ext.twin import BLIND, FULL, World
from airnet.controller.flows import Apply, ranked
from airnet.domain.address import address_bytes
from airnet.twin.actuator import STRANGERS_BURST, STRANGERS_PER_S
from airnet.twin.plan import Plan
from airnet.twin.rows_line import HostFlag
from tests.twin import strikes
from tests.twin.strikes import ACK, SYN, Seen, build

S = 1_000_000_000


def flooded(rate: float, scenario: str = "syn_flood", **stack: int) -> Plan:
    """Return a Plan with a steady flood of a host with such a stack."""
    plan = build(scenario, sessions=24, symbols=8, duration_s=4.0)
    row = plan.row("strike", 0)
    row["rate"], row["ramp_ns"], row["answers"] = rate, 0, 1.0
    host = plan.row("host", int(row["target"]))
    plain = {"packet_ns": 0, "queue_packets": 256, "syn_backlog": 0}
    for name, value in (plain | {"syn_wait_ms": 63_000, "logon_ns": 0} | stack).items():
        host[name] = value
    return plan


def key(one: Seen) -> tuple[str, int, int]:
    """Return what a SYN and its answer have in common."""
    if one.flags & ACK:
        return one.target, one.port, one.acknowledged
    return one.source, one.source_port, one.sequence + 1 & 0xFFFFFFFF


def blind(plan: Plan, act: Callable[[World], None] = lambda _: None) -> World:
    """Play a Plan to its end without frames; `act` a moment after the onset."""
    world = World(plan.seed, plan.start_ns, plan.end_ns, BLIND, **plan.rows())
    world.run(plan.labels[0].onset_ns + S // 100)
    act(world)
    world.run(plan.end_ns)
    assert world.ended != FULL
    assert not any(world.conserved().values())
    return world


def summed(world: World, name: str) -> int:
    """Return a figure of all lines together."""
    return sum(line[name] for line in world.harm())


@settings(max_examples=6, deadline=None)
@given(st.sampled_from([500, 3_000]), st.integers(100_000, 900_000), st.integers(1, 40))
def test_who_finds_the_queue_full_is_not_answered(
    rate: int, packet_ns: int, queue: int
) -> None:
    """The queue of one server, packet by packet (Lindley's recursion)."""
    plan = flooded(rate, packet_ns=packet_ns, queue_packets=queue)
    found = strikes.marked(plan)

    wanted, busy_ns = set(), 0
    asked = [one for one in found if one.flags == SYN]
    for one in asked:
        waits = max(busy_ns - one.time_ns, 0)
        if waits <= packet_ns * queue:
            busy_ns = max(busy_ns, one.time_ns) + packet_ns
            wanted.add(key(one))

    assert {key(one) for one in found if one.flags == SYN | ACK} == wanted
    assert len(asked) > 100


@pytest.mark.parametrize(("flags", "most"), [(0, 64), (HostFlag.COOKIES, 10_000)])
def test_a_full_backlog_answers_nobody_or_with_cookies(flags: int, most: int) -> None:
    """Half-open connections of made-up addresses fill it, and stay."""
    plan = flooded(800.0, "syn_flood_spoofed", syn_backlog=64)
    host = plan.row("host", int(plan.row("strike", 0)["target"]))
    host["flags"] = (int(host["flags"]) & 7) | flags

    found = strikes.marked(plan)

    asked = sum(one.flags == SYN for one in found)
    told = sum(one.flags == SYN | ACK for one in found)
    assert asked > 500
    assert told == min(asked, most)


def test_half_open_connections_are_given_up() -> None:
    """After their time there is room for as many again."""
    plan = flooded(800.0, "syn_flood_spoofed", syn_backlog=64, syn_wait_ms=200)
    host = plan.row("host", int(plan.row("strike", 0)["target"]))
    host["flags"] = int(host["flags"]) & 7

    times = [one.time_ns for one in strikes.marked(plan) if one.flags == SYN | ACK]

    span_s = (times[-1] - times[0]) / S
    assert len(times) > 64
    assert len(times) <= 64 * (span_s / 0.2 + 1)


def test_a_firms_own_reset_gives_its_place_back() -> None:
    """Who never asked resets the answer: a borrowed name holds no place for long."""
    plan = flooded(300.0, "syn_flood_firms", syn_backlog=16)
    row = plan.row("strike", 0)
    row["borrow"], row["spoof"] = 1.0, 0.0
    host = plan.row("host", int(row["target"]))
    host["flags"] = int(host["flags"]) & 7

    counters = blind(plan).counters()

    assert counters["host_half_open"] == 0
    assert counters["host_syns_refused"] < 0.1 * counters["strike_sent"]


def test_sessions_wait_and_lose_and_tcp_brings_it_back() -> None:
    """Segments are dropped, come again, and no FIX message is missed."""
    calm = blind(flooded(5_000.0))
    world = blind(flooded(5_000.0, packet_ns=400_000, queue_packets=64))

    counters = world.counters()
    assert calm.counters()["host_crowded"] == 0
    assert counters["host_crowded"] > 20
    assert counters["retransmissions"] > 20
    assert counters["resend_requests"] == calm.counters()["resend_requests"]
    assert summed(world, "late_ns") > summed(calm, "late_ns") + S


def test_a_small_load_delays_and_loses_nothing() -> None:
    """Below its capacity the queue is short."""
    calm = blind(flooded(1_000.0))
    world = blind(flooded(1_000.0, packet_ns=200_000, queue_packets=256))

    assert world.counters()["host_crowded"] == 0
    assert summed(world, "late_ns") - summed(calm, "late_ns") < S // 5


def test_a_reconnection_finds_no_room() -> None:
    """A full backlog refuses the SYN of who belongs there, too."""
    plan = flooded(2_000.0, "syn_flood_spoofed", syn_backlog=128)
    host = int(plan.row("strike", 0)["target"])
    plan.row("host", host)["flags"] = int(plan.row("host", host)["flags"]) & 7
    onset_ns = plan.labels[0].onset_ns
    line = next(
        n
        for n in range(plan.count("line"))
        if int(plan.row("line", n)["gateway"]) == host
    )
    plan.row("line", line)["open_ns"] = onset_ns + S // 2

    counters = blind(plan).counters()

    assert counters["host_crowded_syns"] >= 1


def test_logons_of_strangers_take_the_gateways_time() -> None:
    """Orders wait behind them; no more than so many wait."""
    cheap = blind(flooded(800.0, "logon_flood", logon_ns=1_000))
    dear = blind(flooded(800.0, "logon_flood", logon_ns=2_000_000))

    assert summed(dear, "late_ns") > summed(cheap, "late_ns") + S // 10
    worst = max(line["late_ns"] / max(line["late"], 1) for line in dear.harm())
    assert worst < 128 * 2_000_000 + S


@pytest.mark.parametrize("how", ["drop", "limit"])
def test_containment_relieves_the_host(how: str) -> None:
    """What the switch stops costs the host nothing any more."""
    stack = {"packet_ns": 400_000, "queue_packets": 256}
    plan = flooded(5_000.0, **stack)
    row = plan.row("strike", 0)
    first, count = int(row["source"]), int(row["sources"])
    gateway = address_bytes(plan.address(int(row["target"])))

    def act(world: World) -> None:
        if how == "limit":
            world.limit_strangers(gateway, 0, known(plan), 100, 10, plan.end_ns)
            return
        for number in range(first, first + count):
            source = address_bytes(plan.address(number))
            world.drop_source(source, 128, 0, plan.end_ns, gateway)

    alone, relieved = blind(plan), blind(flooded(5_000.0, **stack), act)

    assert summed(alone, "late_ns") > S
    assert summed(relieved, "late_ns") < 0.1 * summed(alone, "late_ns")
    assert relieved.counters()["strike_blocked"] > 0


# ---- the switch ----


def known(plan: Plan) -> bytes:
    """Return the traders' addresses, sorted."""
    lines = range(plan.count("line"))
    found = {plan.address(int(plan.row("line", line)["client"])) for line in lines}
    return b"".join(sorted(address_bytes(address) for address in found))


def limited(plan: Plan, names: bytes, port: int = 0) -> list[Seen]:
    """Play with strangers policed from the onset on: 50 a second, 10 at once."""
    world = strikes.world_of(plan)
    onset_ns = plan.labels[0].onset_ns
    gateway = address_bytes(plan.address(int(plan.row("strike", 0)["target"])))
    found = strikes.kept(strikes.run(world, onset_ns))
    world.limit_strangers(gateway, port, names, 50, 10, plan.end_ns)
    return found + strikes.kept(strikes.run(world, plan.end_ns))


def test_strangers_share_one_meter() -> None:
    """The bucket begins full; then so many a second pass, whoever sends them."""
    plan = flooded(2_000.0, "syn_flood_spoofed")

    found = limited(plan, known(plan))

    times = [one.time_ns for one in found if one.mark and one.flags == SYN]
    span_s = (plan.labels[0].offset_ns - plan.labels[0].onset_ns) / S
    assert len(times) == pytest.approx(10 + 50 * span_s, abs=3)
    windows = np.searchsorted(times, np.array(times) + S // 10) - np.arange(len(times))
    assert windows.max() <= 10 + 5 + 1


def test_a_forged_address_that_is_known_passes() -> None:
    """A switch sees addresses: who borrows a firm's is not policed."""
    plan = flooded(800.0, "syn_flood_firms")
    row = plan.row("strike", 0)
    row["borrow"], row["spoof"] = 0.5, 0.5
    traders = {
        plan.address(int(plan.row("line", line)["client"]))
        for line in range(plan.count("line"))
    }

    found = [one for one in limited(plan, known(plan)) if one.flags == SYN and one.mark]

    forged = sum(one.source in traders for one in found)
    assert forged > 300
    assert len(found) - forged < 150


def test_another_port_is_not_meant() -> None:
    """A limit of one port leaves the others alone."""
    plan = flooded(500.0)
    port = int(plan.row("strike", 0)["port"])

    found = limited(plan, known(plan), port ^ 1)

    assert sum(one.flags == SYN for one in found if one.mark) > 300


def test_a_session_that_nobody_named_is_policed() -> None:
    """To the switch it is a stranger, and shares the strangers' meter."""
    plan = flooded(2_000.0)
    gateway = address_bytes(plan.address(int(plan.row("strike", 0)["target"])))

    def act(names: bytes) -> World:
        return blind(
            plan, lambda w: w.limit_strangers(gateway, 0, names, 50, 10, plan.end_ns)
        )

    named, nobody = act(known(plan)), act(b"")

    assert nobody.counters()["retransmissions"] > 20
    assert named.counters()["retransmissions"] < 5
    assert summed(nobody, "late_ns") > summed(named, "late_ns")


def test_a_limit_that_is_over_or_undone_lets_all_pass() -> None:
    """It ends by itself, and by a time that is past."""
    plan = flooded(1_000.0)
    label = plan.labels[0]
    gateway = address_bytes(plan.address(int(plan.row("strike", 0)["target"])))
    middle_ns = (label.onset_ns + label.offset_ns) // 2
    for until_ns in (middle_ns, plan.end_ns):
        world = strikes.world_of(plan)
        found = strikes.kept(strikes.run(world, label.onset_ns))
        world.limit_strangers(gateway, 0, b"", 50, 10, until_ns)
        found += strikes.kept(strikes.run(world, middle_ns))
        world.limit_strangers(gateway, 0, b"", 50, 10, middle_ns)
        found += strikes.kept(strikes.run(world, plan.end_ns))
        late = [one for one in found if one.flags == SYN and one.time_ns > middle_ns]
        assert len(late) > 300


def test_the_twins_meter_is_the_controllers() -> None:
    """One rate, one burst: what controller/flows.py makes of a rate limit."""
    asked = Apply(
        id="a" * 32, action="rate_limit_sources", ttl_ms=5_000, gateway="10.0.0.1"
    )
    (meter,) = ranked(asked, 0, 1).meters

    assert (meter.rate, meter.is_kilobits) == (STRANGERS_PER_S, False)
    assert meter.burst == STRANGERS_BURST
