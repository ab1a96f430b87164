"""Wiring: draws the machines, lines, dialects, feeds and background of a Plan.

Attackers' machines are drawn like everybody's, so that no header gives one away.
"""

import functools
from typing import NamedTuple

import numpy as np

from airnet.twin.market import SECOND_NS, stream
from airnet.twin.plan import Plan, mapped, within
from airnet.twin.ranges import Ranges
from airnet.twin.rows_line import (
    NEVER_NS,
    Ending,
    HostFlag,
    Identify,
    LineFlag,
    Murmur,
)
from airnet.twin.rows_strike import BOTH, Impairment

#: Receive windows of hosts, bytes, and their scale.
WINDOWS = ((64_256, 7), (65_535, 8), (131_072, 7), (29_200, 7))
VENUES = ("VENUE", "XGATE", "EXCH", "MATCH", "CORE")


def host(plan: Plan, address: str = "", *, is_gateway: bool = False) -> int:
    """Add a machine with header trivia like everyone else's, and return its row."""
    number = plan.count("host")
    rng = stream(plan.seed, "host", plan.ranges.name, number)
    while not address or not plan.take(address):
        third, last = int(rng.integers(1, 60)), int(rng.integers(2, 254))
        address = f"10.{_habits(plan.seed, plan.ranges).net}.{third}.{last}"
    window, shift = WINDOWS[int(rng.integers(len(WINDOWS)))]
    flags = HostFlag.SACK
    flags |= HostFlag.STAMPS if rng.random() < 0.8 else HostFlag(0)
    habits = _habits(plan.seed, plan.ranges)
    flags |= HostFlag.PADDED if habits.is_padded else HostFlag(0)
    flags |= HostFlag.COOKIES if is_gateway and number % 3 else HostFlag(0)
    return plan.add(
        "host",
        address=mapped(address),
        mac=np.frombuffer(b"\x02" + rng.bytes(5), np.uint8),
        vlan=habits.vlan,
        reach_ns=int(within(rng, plan.ranges.exchange_ns)),
        window_bytes=window,
        stamp_start=int(rng.integers(1 << 32)),
        mss_bytes=1460,
        identification=int(rng.integers(1 << 16)),
        port_first=32_768,
        port_count=28_232,
        ttl=int(rng.choice(plan.ranges.ttls)),
        window_shift=shift,
        flags=int(flags),
        identify=int(rng.choice([Identify.COUNTS, Identify.ZERO, Identify.SCATTERS])),
        is_gateway=is_gateway,
        **(_stack(plan, number) if is_gateway else {}),
    )


def _stack(plan: Plan, number: int) -> dict[str, int]:
    """Return what a gateway's host can take of strangers (docs/twin.md)."""
    rng = stream(plan.seed, "stack", plan.ranges.name, number)
    return {
        "packet_ns": int(SECOND_NS / within(rng, (4_000.0, 40_000.0))),
        "queue_packets": int(rng.choice([256, 512, 1_024])),
        "syn_backlog": int(rng.choice([128, 256, 1_024, 4_096])),
        "syn_wait_ms": int(rng.choice([31_000, 63_000])),
        "logon_ns": int(within(rng, (20e3, 1e6))),
    }


class Habits(NamedTuple):
    """What all machines of a plan have in common."""

    is_padded: bool
    vlan: int
    latency_ns: float
    venue: str
    net: int


@functools.lru_cache(maxsize=4)
def _habits(seed: int, ranges: Ranges) -> Habits:
    """Return what is drawn once for a plan; each from a stream that begins anew."""
    style = stream(seed, "network", ranges.name)
    is_padded = bool(style.random() < 0.7)
    vlan = int(style.integers(1, 4000))
    is_tagged = style.random() < ranges.tagged
    flight = stream(seed, "network", ranges.name)
    words = stream(seed, "network", ranges.name)
    octet = stream(seed, "net", ranges.name)
    return Habits(
        is_padded=is_padded,
        vlan=vlan if is_tagged else 0,
        latency_ns=within(flight, ranges.latency_ns),
        venue=VENUES[int(words.integers(len(VENUES)))],
        net=int(octet.integers(ranges.networks[0], ranges.networks[1] + 1)),
    )


def stranger(plan: Plan) -> int:
    """Add a machine that no firm has: from inside the network, or outside it."""
    rng = plan.rng
    if rng.random() < 0.6:
        return host(plan)
    while True:
        octets = rng.integers(2, 250, 4)
        address = ".".join(str(octet) for octet in octets)
        if octets[0] != 127 and octets[0] < 224 and plan.take(address):
            return _place(plan, address)


def _place(plan: Plan, address: str) -> int:
    """Add a machine under an address that was taken for it."""
    number = host(plan)
    plan.row("host", number)["address"] = mapped(address)
    return number


def dialect(plan: Plan, rng: np.random.Generator) -> int:
    """Add one counterparty's way of writing FIX, and return its row."""
    ranges = plan.ranges
    header = [34, 49, 52, 56]
    lot = rng.random()
    if lot < 0.4:
        rng.shuffle(header)
    elif lot < 0.6:
        header = [49, 56, 34, 52]
    if rng.random() < 0.2:
        header += [50, 57]
    header += [0] * (6 - len(header))
    return plan.add(
        "dialect",
        shuffle=int(rng.integers(1, 1 << 62)),
        optional=int(rng.integers(1 << 20)),
        account=int(rng.integers(1, 900)),
        custom=int(rng.integers(5000, 10_000)) if rng.random() < 0.2 else 0,
        version=int(rng.choice(ranges.versions)),
        order=int(rng.choice(ranges.orders)),
        header=header,
        time_digits=int(rng.choice(ranges.digits)),
        price=int(rng.choice(ranges.prices)),
        id=int(rng.choice(ranges.ids)),
    )


def comp_bytes(name: str) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """Return a CompID as rows hold it."""
    return np.frombuffer(name.encode().ljust(16, b"\0")[:16], np.uint8)


def line(plan: Plan, client: int, gateway: int, comp: str) -> int:
    """Add a session between two machines, drawn like all others; return its row."""
    number = plan.count("line")
    rng = stream(plan.seed, "line", plan.ranges.name, number)
    ranges = plan.ranges
    habits = _habits(plan.seed, ranges)
    latency = habits.latency_ns * float(rng.lognormal(0.0, 0.4))
    first = int(rng.choice([50, 200, 1000]))
    port, venue = port_of(plan, gateway)
    midstream = rng.random() < ranges.midstream
    early = -int(rng.uniform(20e6, 600e6)) if midstream else int(rng.uniform(5e6, 6e8))
    flags = LineFlag.BATCHES if rng.random() < 0.7 else LineFlag(0)
    flags |= LineFlag.RESET_NUMBERS if rng.random() < 0.3 else LineFlag(0)
    return plan.add(
        "line",
        open_ns=plan.start_ns + early,
        close_ns=NEVER_NS,
        split=float(rng.uniform(0.0, ranges.split)),
        up_sigma=float(rng.uniform(*ranges.latency_sigma)) * 0.3,
        down_sigma=float(rng.uniform(*ranges.latency_sigma)) * 0.3,
        client=client,
        gateway=gateway,
        dialect=dialect(plan, rng),
        up_ns=max(1000, int(latency)),
        down_ns=max(1000, int(latency)),
        coalesce_ns=int(rng.choice(ranges.coalesce_ns)),
        heartbeat_ms=int(rng.choice(ranges.heartbeats_ms)),
        logon_ns=int(within(rng, (100_000.0, 5_000_000.0))),
        retry_first_ms=first,
        retry_last_ms=first * 16,
        number_up=int(rng.integers(2, 200_000)) if midstream else 0,
        number_down=int(rng.integers(2, 200_000)) if midstream else 0,
        client_port=int(rng.integers(32_768, 60_999)),
        gateway_port=port,
        ending=int(Ending.STAYS),
        flags=int(flags),
        client_comp=comp_bytes(comp),
        gateway_comp=comp_bytes(venue),
    )


def port_of(plan: Plan, gateway: int) -> tuple[int, str]:
    """Return a gateway's port and CompID."""
    rng = stream(plan.seed, "gateway", plan.ranges.name, gateway)
    name = _habits(plan.seed, plan.ranges).venue
    return int(rng.choice(plan.ranges.ports)), f"{name}{gateway}" if gateway else name


def feed(plan: Plan, source: int) -> None:
    """Add the venue's market data: one multicast feed on groups A and B."""
    rng = stream(plan.seed, "feed", plan.ranges.name)
    third = int(rng.integers(1, 250))
    port = int(rng.integers(20_000, 30_000))
    plan.add(
        "feed",
        number=int(rng.integers(1, 1 << 40)),
        host=source,
        b_delay_ns=int(rng.uniform(200, 20_000)),
        gather_ns=int(rng.choice([0, 2_000, 20_000])),
        heartbeat_ms=1000,
        port_a=port,
        port_b=port + 1,
        group_a=mapped(f"233.54.{third}.1"),
        group_b=mapped(f"233.54.{third}.129"),
        session=np.frombuffer(b"%010d" % rng.integers(10**9), np.uint8),
    )


def murmurs(plan: Plan, clients: list[int]) -> None:
    """Add the background that every network has: time, names, monitoring, logins."""
    rng = stream(plan.seed, "murmur", plan.ranges.name)
    clock, names, monitor, desk = (host(plan) for _ in range(4))
    chosen = clients[:40]
    for client in chosen:
        rows = (
            (Murmur.NTP, client, clock, rng.uniform(0.01, 0.1), 0.1),
            (Murmur.DNS, client, names, within(rng, (0.02, 0.5)), 1.0),
            (Murmur.SNMP, monitor, client, 1.0 / 15, 0.02),
            (Murmur.ICMP, monitor, client, rng.uniform(0.05, 0.3), 0.1),
        )
        for kind, asks, answers, rate, jitter in rows:
            plan.add(
                "murmur", rate=rate, jitter=jitter, kind=int(kind), a=asks, b=answers
            )
    for client in chosen[:6]:
        rate = within(rng, (0.5, 10.0))
        plan.add(
            "murmur", rate=rate, jitter=1.0, kind=int(Murmur.SSH), a=desk, b=client
        )
    plan.add(
        "murmur", rate=8.0, jitter=0.01, kind=int(Murmur.PTP), a=clock, b=chosen[0]
    )


def mirror(plan: Plan) -> None:
    """Add the mirror's habits: what is wrong with a healthy one, all day."""
    rng = stream(plan.seed, "mirror", plan.ranges.name)
    ranges = plan.ranges
    habits = (
        (Impairment.LOSS, ranges.loss, float(rng.uniform(1, 20)), 0),
        (Impairment.DUPLICATE, ranges.duplicate, 1.0, 0),
        (Impairment.REORDER, ranges.reorder, 2.0, 0),
        (Impairment.JITTER, 1.0, 1.0, int(rng.integers(*ranges.jitter_ns))),
    )
    for kind, most, run, amount in habits:
        if rng.random() < 0.5:
            continue
        plan.add(
            "sensor",
            onset_ns=plan.start_ns - SECOND_NS,
            offset_ns=plan.end_ns + 60 * SECOND_NS,
            amount_ns=amount,
            rate=most if kind is Impairment.JITTER else float(rng.uniform(0, most)),
            run_frames=run,
            kind=int(kind),
            direction=BOTH,
        )
