"""guard.bpf.c and frames that hide their ports: no way past a rule, no innocent cut."""

import pytest
from hypothesis import given, settings, strategies as st

from airnet.kernel import bpf, guard
from airnet.kernel.tables import Table
from tests.bpf.test_guard import Program, clear, forget, loaded, program, stands
from tests.fakes import hidden
from tests.fakes.hidden import FOUR, PORTS, SIX, frame, packet, segment
from tests.reference.guard import Ends, Guard, Walk

pytestmark = pytest.mark.root
__all__ = ["loaded", "program"]

ADDRESSES = st.sampled_from(FOUR + SIX)
ENDS = st.one_of(
    *(
        st.builds(
            Ends,
            st.sampled_from(pool),
            st.sampled_from(pool),
            st.sampled_from(PORTS),
            st.sampled_from(PORTS),
        )
        for pool in (FOUR, SIX)
    )
)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Guard, list[bytes]]:
    """Return frames, and rules over their ends and others."""
    sent = draw(st.lists(hidden.frames(), min_size=1, max_size=8))
    seen = [ends for one in sent for ends in Walk(one).levels]
    ends = ENDS | st.sampled_from(seen) if seen else ENDS
    found, port = Guard(), st.sampled_from(PORTS)
    found.spared = draw(st.sets(ADDRESSES, max_size=1))
    found.sources = draw(st.sets(ADDRESSES, max_size=2))
    found.sessions = draw(st.sets(ends, max_size=2))
    found.known = draw(st.sets(ends, max_size=6))
    found.gateways = draw(st.sets(st.tuples(ADDRESSES, port), max_size=2))
    pair = st.tuples(ADDRESSES | st.just(""), ADDRESSES)
    found.unread = draw(st.sets(pair, max_size=3))
    return found, sent


def load(tables: guard.KernelGuard, wanted: Guard) -> None:
    """Put a reference's rules into the kernel."""
    for source in wanted.spared:
        tables.spared.update(guard.prefix_key(source), bytes(8))
    for source in wanted.sources:
        tables.sources.update(guard.prefix_key(source), stands())
    for ends in wanted.sessions:
        tables.sessions.update(key(ends), stands())
    for ends in wanted.known:
        tables.known.update(key(ends), bytes(8))
    for gateway in wanted.gateways:
        tables.gateways.update(guard.gateway_key(*gateway), stands())
    for source, target in wanted.unread:
        whole = key(Ends(source or target, target))
        where = whole[:32] if source else bytes(16) + whole[16:32]
        tables.unread.update(where, stands())


def key(ends: Ends) -> bytes:
    return guard.flow_key(ends.source, ends.source_port, ends.target, ends.target_port)


@settings(max_examples=300, deadline=None)
@given(scenes())
def test_the_guard_equals_its_reference(
    loaded: bpf.Object, scene: tuple[Guard, list[bytes]]
) -> None:
    """How each of several frames ends, whatever headers stand before its ports."""
    found, (wanted, sent) = Program(loaded), scene
    forget(found.tables)
    clear(pieces(loaded))
    load(found.tables, wanted)
    try:
        assert [found.ends(one)[0] for one in sent] == [wanted.end(one) for one in sent]
    finally:
        forget(found.tables)


def flooded(program: Program) -> None:
    """A gateway's port where only who is known passes, and one session that is."""
    tables, rule = program.tables, stands()
    for target in (SIX[0], FOUR[0]):
        where = guard.gateway_key(target, 9878)
        tables.gateways.update(where, rule)
        beside = tables.unread_key(tables.gateways, where)
        assert beside is not None
        tables.unread.update(beside, rule)
    for gateway, client, _ in (SIX, FOUR):
        tables.known.update(guard.flow_key(client, 40_000, gateway, 9878), bytes(8))


def six(body: bytes, protocol: int = hidden.TCP, source: str = SIX[2]) -> bytes:
    return frame(packet(source, SIX[0], body, protocol))


STRANGE, LIVE = segment(7, 9878), segment(40_000, 9878)
CHAINS = [
    [hidden.HOP_BY_HOP],
    [hidden.DESTINATION] * 8,
    [hidden.ROUTING, hidden.DESTINATION],
    [hidden.FRAGMENT],
    [hidden.AH],
    [hidden.HOP_BY_HOP, hidden.DESTINATION, hidden.ROUTING, hidden.AH, hidden.FRAGMENT],
    [140, 135, 139],
]


@pytest.mark.parametrize("kinds", CHAINS)
def test_extension_headers_are_no_way_past_a_gateways_rule(
    program: Program, kinds: list[int]
) -> None:
    """Nor do they cut a session that is known, or touch another port."""
    flooded(program)

    def sent(body: bytes, source: str) -> bytes:
        protocol, behind = hidden.chain(kinds, hidden.TCP, body)
        return six(behind, protocol, source)

    assert program.ends(sent(STRANGE, SIX[2])) == ["unknown"]
    assert program.ends(sent(LIVE, SIX[1])) == ["allowed"]
    assert program.ends(sent(segment(7, 22), SIX[2])) == ["passed"]


def test_a_chain_too_long_to_walk_is_held_to_the_rule(program: Program) -> None:
    protocol, behind = hidden.chain([60] * 30, hidden.TCP, STRANGE)
    hiding = six(behind, protocol)
    assert program.ends(hiding) == ["passed"]

    flooded(program)

    assert program.ends(hiding) == ["unknown"]
    elsewhere = frame(packet(SIX[2], SIX[1], behind, protocol))
    assert program.ends(elsewhere) == ["passed"], "nothing stands against this one"


@pytest.mark.parametrize("pool", [FOUR, SIX])
def test_fragments_are_no_way_past_a_gateways_rule(
    program: Program, pool: tuple[str, str, str]
) -> None:
    """The first says its ports; later ones, and a first too small for them, none."""
    flooded(program)
    ends = pool[2], pool[0]

    first = frame(packet(*ends, STRANGE, part=(5, 0, 1)))
    later = frame(packet(*ends, bytes(64), part=(5, 1280, 1)))
    last = frame(packet(*ends, bytes(9), part=(5, 2560, 0)))
    tiny = frame(packet(*ends, STRANGE[:2], part=(5, 0, 1)))

    for one in (first, later, last, tiny):
        assert program.ends(one) == ["unknown"]


@pytest.mark.parametrize("pool", [FOUR, SIX])
def test_a_known_session_in_parts_is_not_cut(
    program: Program, pool: tuple[str, str, str]
) -> None:
    """A path of a smaller MTU cuts its segments; nobody else's parts pass with them."""
    flooded(program)
    ends = pool[1], pool[0]

    def part(name: int, offset: int, more: int, body: bytes = bytes(64)) -> bytes:
        return frame(packet(*ends, body, part=(name, offset, more)))

    assert program.ends(part(5, 1280, 1)) == ["unknown"], "its first was not seen"
    assert program.ends(part(5, 0, 1, LIVE)) == ["allowed"]
    assert program.ends(part(5, 1280, 1), 2) == ["allowed"] * 2
    assert program.ends(part(6, 1280, 1)) == ["unknown"]
    ends = pool[2], pool[0]
    assert program.ends(part(5, 1280, 1)) == ["unknown"]


def test_one_first_part_lets_no_flood_of_later_ones_in(program: Program) -> None:
    flooded(program)
    later = frame(packet(FOUR[1], FOUR[0], bytes(64), part=(5, 1280, 1)))
    program.ends(frame(packet(FOUR[1], FOUR[0], LIVE, part=(5, 0, 1))))

    assert program.ends(later, 70) == ["allowed"] * 64 + ["unknown"] * 6


def test_strangers_parts_push_nobodys_out(program: Program, loaded: bpf.Object) -> None:
    """Who is not known writes nothing into the memory of parts."""
    clear(pieces(loaded))
    for name in range(100):
        program.ends(frame(packet(FOUR[2], FOUR[0], STRANGE, part=(name, 0, 1))))

    assert list(pieces(loaded).keys()) == []


def test_a_contained_session_cannot_hide(program: Program) -> None:
    """Not behind headers, nor behind too many; who shares its address is let be."""
    tables = program.tables
    where = guard.flow_key(SIX[1], 40_000, SIX[0], 9878)
    tables.sessions.update(where, stands())
    tables.unread.update(where[:32], stands())

    for count, expected in ((3, "session"), (30, "session")):
        protocol, behind = hidden.chain([60] * count, hidden.TCP, LIVE)
        assert program.ends(six(behind, protocol, SIX[1])) == [expected]
    protocol, behind = hidden.chain([60] * 3, hidden.TCP, segment(40_001, 9878))
    assert program.ends(six(behind, protocol, SIX[1])) == ["passed"]
    parts = [
        frame(packet(SIX[1], SIX[0], LIVE, part=(5, 0, 1))),
        frame(packet(SIX[1], SIX[0], bytes(64), part=(5, 1280, 0))),
        frame(packet(SIX[1], SIX[0], segment(41_000, 9878), part=(6, 0, 1))),
    ]
    ends = [program.ends(one)[0] for one in parts]
    assert ends == ["session", "passed", "passed"]


@pytest.mark.parametrize("options", [4, 20, 40])
def test_ipv4_options_hide_nothing(program: Program, options: int) -> None:
    flooded(program)
    strange = packet(FOUR[2], FOUR[0], STRANGE, options=bytes([1] * options))
    live = packet(FOUR[1], FOUR[0], LIVE, options=bytes([1] * options))

    assert program.ends(frame(strange)) == ["unknown"]
    assert program.ends(frame(live)) == ["allowed"]


def around(inside: bytes) -> dict[str, bytes]:
    """Return frames that carry an IP packet in every way that is read."""
    ends = "192.0.2.1", "192.0.2.2"
    protocol = 4 if inside[0] >> 4 == 4 else 41
    return {
        "one tag": frame(inside, b"\x81\0\0\7"),
        "two tags": frame(inside, b"\x88\xa8\0\7\x81\0\0\7"),
        "five tags": frame(inside, b"\x81\0\0\7" * 5),
        "one label": hidden.label(inside),
        "three labels": hidden.label(inside, 3),
        "pppoe": hidden.HEAD + b"\x88\x64\x11\0\0\1\0\0" + hidden.pppoe(inside),
        "ip in ip": frame(packet(*ends, inside, protocol)),
        "gre": frame(packet(*ends, hidden.gre(inside), hidden.GRE)),
        "gre with a key": frame(
            packet(*ends, hidden.gre(inside, 0x2000, bytes(4)), hidden.GRE)
        ),
        "vxlan": frame(packet(*ends, hidden.vxlan(inside), hidden.UDP)),
        "mpls in ip": frame(packet(*ends, hidden.label(inside)[14:], 137)),
        "vxlan in gre": frame(
            packet(
                *ends,
                hidden.gre(packet(*ends, hidden.vxlan(inside), hidden.UDP)),
                hidden.GRE,
            )
        ),
    }


@pytest.mark.parametrize("pool", [FOUR, SIX])
@pytest.mark.parametrize("way", list(around(packet(FOUR[0], FOUR[1], LIVE))))
def test_what_is_wrapped_is_judged_by_what_is_inside(
    program: Program, way: str, pool: tuple[str, str, str]
) -> None:
    flooded(program)
    program.tables.sources.update(guard.prefix_key("192.0.2.9"), stands())

    for source, body, end in (
        (pool[2], STRANGE, "unknown"),
        (pool[1], LIVE, "allowed"),
        (pool[2], segment(7, 22), "passed"),
    ):
        inside = packet(source, pool[0], body)
        assert program.ends(around(inside)[way]) == [end]


def test_who_is_blamed_is_not_washed_by_a_tunnel(program: Program) -> None:
    """The outermost sender counts as well, whatever lies inside."""
    flooded(program)
    program.tables.sources.update(guard.prefix_key(FOUR[2]), stands())
    inside = packet(FOUR[1], FOUR[0], LIVE)

    washed = frame(packet(FOUR[2], "192.0.2.2", hidden.gre(inside), hidden.GRE))
    assert program.ends(washed) == ["source"]
    assert program.ends(frame(inside)) == ["allowed"]


def pieces(loaded: bpf.Object) -> Table:
    return Table(loaded.map_fd("pieces"), "pieces", 40, 16)
