"""Attackers do what their rows say, and targets answer as hosts do."""

import hashlib
from collections import Counter

import numpy as np
import pytest

from airnet.domain.address import address_bytes
from airnet.twin import catalogue
from airnet.twin.plan import Plan
from tests.twin import strikes
from tests.twin.strikes import ACK, ICMP, RST, SYN, TCP, UDP, Seen, build

KINDS = (
    "syn_flood",
    "syn_flood_spoofed",
    "syn_flood_firms",
    "ack_flood",
    "udp_flood",
    "amplification_dns",
    "amplification_ntp",
    "amplification_memcached",
    "logon_flood",
    "slow_drip",
    "brute_force",
    "scan",
    "exfiltration",
    "beacon",
    "dns_tunnel",
    "injection",
    "replayed_frames",
    "flapping",
)


def steady(plan: Plan, rate: float) -> Plan:
    """Let a Plan's one strike go at a rate from the onset on."""
    row = plan.row("strike", 0)
    row["rate"], row["ramp_ns"] = rate, 0
    return plan


def attackers(plan: Plan) -> set[str]:
    """Return the addresses of the first strike's machines."""
    row = plan.row("strike", 0)
    first = int(row["source"])
    return {plan.address(first + n) for n in range(int(row["sources"]))}


def firms(plan: Plan) -> set[str]:
    """Return the addresses of all traders."""
    lines = range(plan.count("line"))
    return {plan.address(int(plan.row("line", line)["client"])) for line in lines}


@pytest.mark.parametrize("scenario", KINDS)
def test_its_frames_are_whole_and_in_time(scenario: str) -> None:
    """Every frame's sums are right; none comes before the onset or long after."""
    plan = build(scenario)
    label = plan.labels[0]

    found = strikes.marked(plan)  # read() checks every sum

    assert found
    assert found[0].time_ns >= label.onset_ns
    assert found[-1].time_ns < label.offset_ns + 1_000_000_000
    times = [one.time_ns for one in found]
    assert times == sorted(times)
    assert all(len(one.raw) >= 42 for one in found)


@pytest.mark.parametrize("scenario", ["syn_flood", "injection", "logon_flood"])
def test_runs_of_any_length_give_the_same_bytes(scenario: str) -> None:
    """What comes out does not depend on how often one looks."""
    digests = []
    for step_ns in (0, 7_000_000, 333_333_333):
        plan = build(scenario)
        whole = hashlib.sha256()
        for time_ns, mark, raw in strikes.run(
            strikes.world_of(plan), plan.end_ns, step_ns
        ):
            whole.update(f"{time_ns} {mark}".encode() + raw)
        digests.append(whole.hexdigest())

    assert len(set(digests)) == 1


@pytest.mark.parametrize("rate", [60.0, 2_000.0])
def test_a_flood_has_its_rate(rate: float) -> None:
    """Poisson arrivals at the row's rate, within five deviations."""
    plan = steady(build("syn_flood"), rate)
    label = plan.labels[0]
    expected = rate * (label.offset_ns - label.onset_ns) / 1e9

    up = [one for one in strikes.marked(plan) if one.flags == SYN]

    assert abs(len(up) - expected) < 5 * expected**0.5 + 1
    assert {one.source for one in up} <= attackers(plan)


def test_a_ramp_thins_the_beginning_out() -> None:
    """With a ramp over the whole span the second half has three times the first."""
    plan = steady(build("syn_flood"), 4_000.0)
    row, label = plan.row("strike", 0), plan.labels[0]
    row["ramp_ns"] = label.offset_ns - label.onset_ns
    middle = (label.onset_ns + label.offset_ns) // 2

    up = [one for one in strikes.marked(plan) if one.flags == SYN]

    early = sum(one.time_ns < middle for one in up)
    assert up[0].time_ns == pytest.approx(label.onset_ns, abs=1_000_000)
    assert 2.3 < (len(up) - early) / early < 4.0


def test_pulses_have_pauses() -> None:
    """Nothing is sent in the pause of a period."""
    plan = build("pulsing_flood")
    row = plan.row("strike", 0)
    row["period_ns"], row["duty"], row["rate"] = 200_000_000, 0.25, 4_000.0

    up = [one for one in strikes.marked(plan) if one.flags == SYN]

    phases = [(one.time_ns - int(row["onset_ns"])) % 200_000_000 for one in up]
    assert max(phases) < 50_100_000
    assert strikes.gaps([one.time_ns for one in up]).max() > 140_000_000


def test_gateways_answer_syn_with_syn_ack() -> None:
    """Each answer acknowledges the number after the SYN's, to where it came from."""
    plan = steady(build("syn_flood"), 500.0)
    found = strikes.marked(plan)
    asked = {
        (one.source, one.source_port, one.sequence + 1 & 0xFFFFFFFF)
        for one in found
        if one.flags == SYN
    }

    told = [one for one in found if one.flags == SYN | ACK]

    assert len(told) > 0.95 * len(asked)
    assert all((one.target, one.port, one.acknowledged) in asked for one in told)


def test_spoofed_answers_go_to_made_up_addresses() -> None:
    """A spoofed flood has about as many sources as packets."""
    plan = steady(build("syn_flood_spoofed"), 800.0)
    found = strikes.marked(plan)
    up = [one for one in found if one.flags == SYN]

    sources = {one.source for one in up}

    assert len(sources) > 0.98 * len(up)
    assert not sources & firms(plan)
    assert {one.target for one in found if one.flags == SYN | ACK} <= sources


def test_borrowed_names_are_firms_and_they_protest() -> None:
    """Packets under a firm's address look like its own, which resets the answers."""
    plan = steady(build("syn_flood_firms"), 800.0)
    row = plan.row("strike", 0)
    row["borrow"], row["spoof"] = 1.0, 0.0
    found = strikes.marked(plan)
    up = [one for one in found if one.flags == SYN]
    answered = {(o.target, o.port, o.acknowledged) for o in found if o.flags & ACK}

    protests = [one for one in found if one.flags == RST]

    assert {one.source for one in up} == firms(plan)
    assert len(protests) > 0.9 * len(answered)
    for one in protests:
        assert (one.source, one.source_port, one.sequence) in answered


def test_closed_ports_refuse() -> None:
    """A bare ACK is reset, a datagram is answered by ICMP that quotes it."""
    acks = strikes.marked(steady(build("ack_flood"), 300.0))
    asked = {one.acknowledged for one in acks if one.flags == ACK}
    assert {one.sequence for one in acks if one.flags == RST} <= asked

    plan = steady(build("udp_flood"), 300.0)
    plan.row("strike", 0)["answers"] = 1.0
    datagrams = strikes.marked(plan)
    quoted = {
        (one.source, one.target, one.source_port, one.port)
        for one in datagrams
        if one.protocol == UDP
    }
    told = [one for one in datagrams if one.protocol == ICMP]
    assert len(told) > 0.9 * len(quoted)
    for one in told:
        inner = one.payload
        source, target = (".".join(map(str, inner[i : i + 4])) for i in (12, 16))
        ports = int.from_bytes(inner[20:22], "big"), int.from_bytes(inner[22:24], "big")
        assert strikes.folded(inner[:20]) == 0xFFFF
        assert (source, target, *ports) in quoted


def test_reflectors_send_from_their_service() -> None:
    """Amplified replies come from the service's port and are large."""
    for name, port in (("dns", 53), ("ntp", 123), ("memcached", 11_211)):
        plan = steady(build(f"amplification_{name}"), 300.0)
        up = [one for one in strikes.marked(plan) if one.protocol == UDP]
        assert {one.source_port for one in up} == {port}
        assert np.mean([len(one.payload) for one in up]) > 400


def test_strangers_log_on_and_are_refused() -> None:
    """A connection of a Logon flood opens, says a FIX Logon, and is closed in order."""
    plan = steady(build("logon_flood"), 40.0)
    found = strikes.marked(plan)
    whole: dict[tuple[str, int], list[Seen]] = {}
    for one in found:
        away = one.source in attackers(plan)
        key = (one.source, one.source_port) if away else (one.target, one.port)
        whole.setdefault(key, []).append(one)

    complete = [flow for flow in whole.values() if len(flow) == 8]

    assert len(complete) > 0.9 * len(whole)
    for flow in complete:
        said = b"".join(one.payload for one in flow if one.source in attackers(plan))
        assert b"\x0135=A\x01" in said
        assert b"\x0149=CLIENT" in said
        numbers = {one.source: one.sequence for one in flow if one.flags & SYN}
        for one in flow:
            assert one.sequence == numbers[one.source]
            more = bool(one.flags & SYN) + bool(one.flags & strikes.FIN)
            numbers[one.source] = one.sequence + more + len(one.payload) & 0xFFFFFFFF


def test_a_guesser_uses_the_true_name() -> None:
    """Brute force carries a firm's CompID and another password each time."""
    plan = steady(build("brute_force"), 40.0)
    comp = plan.comp(int(plan.row("strike", 0)["line"])).encode()

    logons = [one.payload for one in strikes.marked(plan) if one.payload]

    assert all(b"\x0149=" + comp + b"\x01" in said for said in logons)
    passwords = [said.split(b"\x01554=")[1].split(b"\x01")[0] for said in logons]
    assert len(set(passwords)) > 0.9 * len(passwords)


def test_a_scanner_tries_many_machines_and_ports() -> None:
    """Probes go everywhere; who listens answers, who does not refuses."""
    plan = steady(build("scan"), 800.0)
    source = plan.address(int(plan.row("strike", 0)["source"]))
    found = strikes.marked(plan)
    probes = [one for one in found if one.source == source and one.flags == SYN]

    answers = Counter(one.flags for one in found if one.target == source)

    assert len({one.target for one in probes}) > 5
    assert len({one.port for one in probes}) > 100
    assert answers[RST | ACK] > 10 * answers[SYN | ACK]


def test_data_is_carried_out_at_its_rate() -> None:
    """Exfiltration's payload adds up to the row's bytes a second."""
    plan = steady(build("exfiltration"), 400e3)
    label = plan.labels[0]

    carried = sum(len(one.payload) for one in strikes.marked(plan))

    seconds = (label.offset_ns - label.onset_ns) / 1e9
    assert carried == pytest.approx(400e3 * seconds, rel=0.15)


def test_a_beacon_keeps_its_period() -> None:
    """Calls without jitter are a clockwork."""
    plan = steady(build("beacon", duration_s=6.0), 5.0)
    plan.row("strike", 0)["jitter"] = 0.0

    calls = [one.time_ns for one in strikes.marked(plan) if one.flags == SYN]

    assert len(calls) > 5
    assert np.allclose(strikes.gaps(calls), 200e6, rtol=0.01)


def test_a_forged_segment_fits_the_stream() -> None:
    """An injected order continues the session's TCP and FIX numbers exactly."""
    plan = steady(build("injection", sessions=8, duration_s=6.0), 10.0)
    line = int(plan.row("strike", 0)["line"])
    client, _ = plan.name_of(line)
    address, port = client.rsplit(":", 1)
    own = strikes.seen(
        plan,
        lambda one: (
            one.protocol == TCP
            and (one.source, one.source_port) == (address, int(port))
        ),
    )
    following, fits, forged = None, 0, 0
    for one in own:
        if one.mark:
            forged += 1
            assert b"\x0135=D\x01" in one.payload
            fits += one.sequence == following
        elif one.payload or one.flags & SYN:
            more = len(one.payload) + bool(one.flags & SYN)
            following = one.sequence + more & 0xFFFFFFFF

    assert forged >= 3
    assert fits >= 0.9 * forged


def test_a_session_flaps_and_comes_back() -> None:
    """Each cut is followed by another connection."""
    plan = steady(build("flapping", duration_s=8.0), 3.0)
    line = int(plan.row("strike", 0)["line"])
    client = plan.address(int(plan.row("line", line)["client"]))
    comp = f"\x0149={plan.comp(line)}\x01".encode()

    logons = strikes.seen(
        plan,
        lambda one: (
            one.source == client
            and comp in one.payload
            and b"\x0135=A\x01" in one.payload
        ),
    )

    assert len(logons) >= 4


# ---- containment ----


def play_blocked(
    plan: Plan, networks: list[str], bits: int, port: int = 0
) -> tuple[list[Seen], dict[str, int]]:
    """Play with sources dropped for the middle half of the incident."""
    label = plan.labels[0]
    quarter = (label.offset_ns - label.onset_ns) // 4
    world = strikes.world_of(plan)
    found = strikes.kept(strikes.run(world, label.onset_ns + quarter))
    for network in networks:
        until_ns = label.offset_ns - quarter
        world.drop_source(address_bytes(network), 96 + bits, port, until_ns)
    found += strikes.kept(strikes.run(world, plan.end_ns))
    return [one for one in found if one.mark], world.counters()


def test_a_dropped_source_is_gone_until_it_ends() -> None:
    """Nothing of it passes the mirror while it is dropped, and all does afterwards."""
    plan = steady(build("syn_flood", difficulty=0.0), 1_000.0)
    label = plan.labels[0]
    quarter = (label.offset_ns - label.onset_ns) // 4

    found, counters = play_blocked(plan, sorted(attackers(plan)), 32)

    times = [one.time_ns for one in found if one.flags == SYN]
    blocked = [
        t for t in times if label.onset_ns + quarter <= t < label.offset_ns - quarter
    ]
    assert not blocked
    assert sum(t < label.onset_ns + quarter for t in times) > 100
    assert sum(t >= label.offset_ns - quarter for t in times) > 100
    assert counters["strike_blocked"] > 200


def test_a_rule_drops_its_prefix_and_port_only() -> None:
    """Half of all made-up addresses are in 128.0.0.0/1; other ports are not meant."""
    plan = steady(build("syn_flood_spoofed"), 1_000.0)
    port = int(plan.row("strike", 0)["port"])
    label = plan.labels[0]
    quarter = (label.offset_ns - label.onset_ns) // 4

    found, counters = play_blocked(plan, ["128.0.0.0"], 1, port)

    inside = [
        one
        for one in found
        if one.flags == SYN
        and label.onset_ns + quarter <= one.time_ns < label.offset_ns - quarter
    ]
    assert all(int(one.source.split(".")[0]) < 128 for one in inside)
    assert len(inside) > 50
    assert counters["strike_blocked"] > 50
    _, counters = play_blocked(
        steady(build("syn_flood_spoofed"), 1_000.0), ["0.0.0.0"], 0, port ^ 1
    )
    assert counters["strike_blocked"] == 0


def test_dropping_an_attacker_spares_the_market() -> None:
    """The sessions' own frames do not change when a stranger is dropped."""
    plan = steady(build("syn_flood", difficulty=0.0), 500.0)
    label = plan.labels[0]

    def own(*, dropped: bool) -> list[bytes]:
        world = strikes.world_of(plan)
        frames = list(strikes.run(world, label.onset_ns))
        if dropped:
            for address in sorted(attackers(plan)):
                world.drop_source(address_bytes(address), 128, 0, plan.end_ns)
        frames += strikes.run(world, plan.end_ns)
        # The gateway counts its datagrams (IPv4 identification), also its answers.
        return [raw[raw.index(b"8=FIX") :] for _, _, raw in frames if b"8=FIX" in raw]

    assert own(dropped=False) == own(dropped=True)


def test_rows_that_point_nowhere_are_refused() -> None:
    """A strike without a rate, or on a machine there is none of, builds no world."""
    for field, value in (("rate", 0.0), ("target", 10**6), ("kind", 99)):
        plan = build("syn_flood")
        plan.row("strike", 0)[field] = value
        with pytest.raises(ValueError, match="strike"):
            strikes.world_of(plan)


def test_every_scenario_plays() -> None:
    """Each world of the catalogue runs to its end without running out of room."""
    for name in catalogue.names():
        plan = build(name, 3, duration_s=2.0, clean=False)
        world = strikes.world_of(plan)
        frames = sum(1 for _ in strikes.run(world, plan.end_ns))
        counters = world.counters()
        assert frames == counters["mirror_written"], name
        assert counters["events_refused"] == counters["mirror_overrun"] == 0, name
        assert all(value == 0 for value in world.conserved().values()), name
