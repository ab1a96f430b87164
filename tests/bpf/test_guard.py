"""guard.bpf.c by BPF_PROG_TEST_RUN: each end of a frame, and rates by count."""

import socket
import struct
import time
from collections.abc import Iterator
from ipaddress import ip_address

import pytest
from hypothesis import given, settings, strategies as st

from airnet.errors import UnsupportedError
from airnet.kernel import bpf, guard
from airnet.kernel.tables import Table

pytestmark = pytest.mark.root

CLIENT, GATEWAY, STRANGER = "10.0.1.1", "10.0.0.10", "198.51.100.9"
HOUR_NS = 3_600_000_000_000


def tcp(source: str, sport: int, target: str, dport: int, tag: bytes = b"") -> bytes:
    """Return a SYN of these ends; checksums left out, the guard asks for none."""
    segment = struct.pack("!HHIIBBHHH", sport, dport, 1, 0, 5 << 4, 2, 1024, 0, 0)
    here, there = ip_address(source), ip_address(target)
    head = b"\x02\0\0\0\0\1" + b"\x02\0\0\0\0\2" + tag
    if here.version == 6:
        fixed = struct.pack("!IHBB", 6 << 28, len(segment), socket.IPPROTO_TCP, 64)
        return head + b"\x86\xdd" + fixed + here.packed + there.packed + segment
    fixed = struct.pack("!BBHHHBBH", 69, 0, 20 + len(segment), 0, 0, 64, 6, 0)
    return head + b"\x08\0" + fixed + here.packed + there.packed + segment


class Program:
    """The loaded program with its tables, attached to nothing."""

    def __init__(self, loaded: bpf.Object) -> None:
        fds = {name: loaded.map_fd(name) for name in TABLES}
        self.tables = guard.KernelGuard("none", fds)
        self._program = loaded.program("guard")

    def ends(self, frame: bytes, times: int = 1) -> list[str]:
        """Run over a frame; the counted end of each time, and it says what was done."""
        found = []
        for _ in range(times):
            before = self.tables.counts()
            action, out = self._program.test_run(frame)
            after = self.tables.counts()
            changed = [name for name in after if after[name] != before[name]]
            assert changed[0] == "seen"
            assert len(changed) == 2
            assert out == frame
            is_refused = changed[1] in {"session", "source", "unknown", "confined"}
            assert action == (bpf.XDP_DROP if is_refused else bpf.XDP_PASS)
            found.append(changed[1])
        return found


TABLES = (
    "spared",
    "sessions",
    "sources",
    "gateways",
    "known",
    "unread",
    "confined",
    "places",
    "control",
    "counters",
    "intents",
)


@pytest.fixture(scope="module")
def loaded() -> Iterator[bpf.Object]:
    try:
        found = bpf.Object("guard", entries={"counters": bpf.possible_cpu_count()})
    except UnsupportedError as error:
        pytest.skip(str(error))  # no root or no such kernel; CI allows no skip
    with found:
        yield found


@pytest.fixture
def program(loaded: bpf.Object) -> Iterator[Program]:
    found = Program(loaded)
    yield found
    found.tables.switch(is_on=True)
    forget(found.tables)


def forget(tables: guard.KernelGuard) -> None:
    """Take every rule away."""
    for table in (
        tables.spared,
        tables.sessions,
        tables.sources,
        tables.gateways,
        tables.known,
        tables.unread,
        tables.confined,
        tables.places,
    ):
        clear(table)


def clear(table: Table) -> None:
    for key in list(table.keys()):
        table.delete(key)


def stands(**changes: int) -> bytes:
    """Return a rule that stands for an hour."""
    rule = guard.Rule(until_ns=time.monotonic_ns() + HOUR_NS, **changes)
    return rule.packed()


def flow(sport: int = 40_000) -> bytes:
    return guard.flow_key(CLIENT, sport, GATEWAY, 9878)


def test_nothing_stands_and_everything_passes(program: Program) -> None:
    for frame in (tcp(CLIENT, 1, GATEWAY, 2), tcp("::1", 1, "::2", 2), bytes(60)):
        assert program.ends(frame) == ["passed"]


@pytest.mark.parametrize("size", [14, 15, 20, 33, 34, 41])
def test_a_frame_cut_short_passes(program: Program, size: int) -> None:
    """What cannot be read is nobody's who is named."""
    program.tables.sources.update(guard.prefix_key(STRANGER), stands())

    assert program.ends(tcp(CLIENT, 1, GATEWAY, 2)[:size]) == ["passed"]


@pytest.mark.parametrize("tag", [b"", b"\x81\x00\x00\x07", b"\x88\xa8\0\1\x81\0\0\2"])
@pytest.mark.parametrize(
    ("network", "address"),
    [
        (STRANGER, STRANGER),
        ("198.51.100.0/24", STRANGER),
        ("2001:db8::/32", "2001:db8::9"),
        ("2001:db8::9", "2001:db8::9"),
    ],
)
def test_a_source_is_refused_and_its_neighbour_is_not(
    program: Program, network: str, address: str, tag: bytes
) -> None:
    program.tables.sources.update(guard.prefix_key(network), stands())
    is_four = ip_address(address).version == 4
    target, other = (GATEWAY, CLIENT) if is_four else ("fd00::1", "fd00::2")

    assert program.ends(tcp(address, 1, target, 2, tag)) == ["source"]
    assert program.ends(tcp(other, 1, target, 2, tag)) == ["passed"]
    assert program.ends(tcp(target, 2, address, 1, tag)) == ["passed"]


def test_a_session_is_refused_one_way_and_by_all_four(program: Program) -> None:
    program.tables.sessions.update(flow(), stands())

    assert program.ends(tcp(CLIENT, 40_000, GATEWAY, 9878)) == ["session"]
    assert program.ends(tcp(CLIENT, 40_001, GATEWAY, 9878)) == ["passed"]
    assert program.ends(tcp(CLIENT, 40_000, GATEWAY, 9879)) == ["passed"]
    assert program.ends(tcp(GATEWAY, 9878, CLIENT, 40_000)) == ["passed"]


def test_a_rule_ends_by_itself(program: Program) -> None:
    """In the value, by the clock the program reads: nobody has to live for it."""
    until_ns = time.monotonic_ns() + 30_000_000
    rule = guard.Rule(until_ns=until_ns)
    program.tables.sources.update(guard.prefix_key(STRANGER), rule.packed())
    frame = tcp(STRANGER, 1, GATEWAY, 2)

    assert program.ends(frame) == ["source"]
    while time.monotonic_ns() < until_ns:
        pass
    assert program.ends(frame) == ["passed"]


def test_a_flood_leaves_known_sessions_alone(program: Program) -> None:
    """A forged address of a firm is not its session: ports are part of the name."""
    program.tables.gateways.update(
        guard.gateway_key(GATEWAY, 9878),
        guard.rate(1, 3, time.monotonic_ns() + HOUR_NS).packed(),
    )
    program.tables.known.update(flow(), bytes(8))
    live, forged = tcp(CLIENT, 40_000, GATEWAY, 9878), tcp(CLIENT, 5, GATEWAY, 9878)

    assert program.ends(forged, 5) == ["allowed"] * 3 + ["unknown"] * 2
    assert program.ends(live, 50) == ["allowed"] * 50
    assert program.ends(tcp(STRANGER, 1, GATEWAY, 80)) == ["passed"]


def test_a_known_session_passes_what_its_address_is_blamed_for(
    program: Program,
) -> None:
    """Who forges a firm's address cuts himself; a session's own rule reaches it."""
    program.tables.sources.update(guard.prefix_key(CLIENT), stands())
    program.tables.known.update(flow(), bytes(8))
    live = tcp(CLIENT, 40_000, GATEWAY, 9878)

    assert program.ends(tcp(CLIENT, 5, GATEWAY, 9878)) == ["source"]
    assert program.ends(live) == ["allowed"]
    program.tables.sessions.update(flow(), stands())
    assert program.ends(live) == ["session"]


def test_port_zero_is_every_port_of_a_gateway(program: Program) -> None:
    program.tables.gateways.update(guard.gateway_key(GATEWAY, 0), stands())

    assert program.ends(tcp(STRANGER, 1, GATEWAY, 9878)) == ["unknown"]
    assert program.ends(tcp(STRANGER, 1, GATEWAY, 22)) == ["unknown"]


def test_what_is_protected_is_never_refused(program: Program) -> None:
    """Whatever stands: source, session and gateway rules at once."""
    tables = program.tables
    tables.spared.update(guard.prefix_key("10.0.1.0/24"), bytes(8))
    tables.sources.update(guard.prefix_key("10.0.0.0/8"), stands())
    tables.sessions.update(flow(), stands())
    tables.gateways.update(guard.gateway_key(GATEWAY, 0), stands())

    assert program.ends(tcp(CLIENT, 40_000, GATEWAY, 9878)) == ["spared"]
    assert program.ends(tcp("10.0.2.1", 40_000, GATEWAY, 9878)) == ["source"]


def test_the_switch_lets_everything_pass(program: Program) -> None:
    program.tables.sources.update(guard.prefix_key(STRANGER), stands())
    frame = tcp(STRANGER, 1, GATEWAY, 2)

    program.tables.switch(is_on=False)
    assert not program.tables.is_on
    assert program.ends(frame) == ["off"]
    program.tables.switch(is_on=True)
    assert program.ends(frame) == ["source"]


@settings(max_examples=25, deadline=None)
@given(burst=st.integers(1, 40), more=st.integers(0, 20))
def test_a_burst_is_exactly_its_size(loaded: bpf.Object, burst: int, more: int) -> None:
    """At one frame an hour, what passes at once is the burst and nothing more."""
    program = Program(loaded)
    until_ns = time.monotonic_ns() + HOUR_NS
    rule = guard.Rule(
        until_ns=until_ns,
        interval_ns=HOUR_NS,
        slack_ns=(burst - 1) * HOUR_NS,
    )
    program.tables.sources.update(guard.prefix_key(STRANGER), rule.packed())

    ends = program.ends(tcp(STRANGER, 1, GATEWAY, 2), burst + more)

    assert ends == ["allowed"] * burst + ["source"] * more
    found = program.tables.rule(program.tables.sources, guard.prefix_key(STRANGER))
    assert found is not None
    assert (found.passed, found.refused) == (burst, more)
    clear(program.tables.sources)


def test_a_rate_is_kept_over_time(program: Program) -> None:
    """Virtual scheduling: n intervals and the burst pass, never one more."""
    interval_ns, burst = 2_000_000, 4
    rule = guard.rate(500, burst, time.monotonic_ns() + HOUR_NS)
    assert rule.interval_ns == interval_ns
    program.tables.sources.update(guard.prefix_key(STRANGER), rule.packed())
    frame = tcp(STRANGER, 1, GATEWAY, 2)
    passed, start_ns = 0, time.monotonic_ns()
    while time.monotonic_ns() - start_ns < 100_000_000:
        passed += program.ends(frame) == ["allowed"]
    took_ns = time.monotonic_ns() - start_ns

    assert passed <= burst + took_ns // interval_ns
    # A host that does not run us for a while only makes fewer frames.
    assert passed >= burst
