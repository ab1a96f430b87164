"""Whatever is asked for, in whatever order: undone exactly, known hosts never hit."""

from hypothesis import given, strategies as st

from airnet.controller import flows
from airnet.controller.sync import Tables, difference
from tests.fakes.switch import Loop, Packet

GATEWAYS = ("10.9.0.2", "2001:db8::2")
HOSTS = [f"10.9.0.{i}" for i in range(3, 9)] + ["2001:db8::7"]
KNOWN = [f"10.9.1.{i}" for i in range(1, 4)] + ["2001:db8::9"]
PREFIXES = ["10.9.0.4/30", "10.9.4.0/24", "2001:db8:1::/64"]
PORTS = (0, 9000, 9001)
WAYS = ({"port": 7}, {"port": 8, "mac": "00:11:22:33:44:55"})


@st.composite
def requests(draw: st.DrawFn, number: int = 0) -> dict[str, object]:
    action = draw(st.sampled_from(sorted(flows.KINDS)))
    needed = "gateway" in flows.NEEDED[action]
    gateway = draw(st.sampled_from(GATEWAYS if needed else ("", *GATEWAYS)))
    is_session = action == "isolate_session"
    places = [
        text
        for text in HOSTS + PREFIXES
        if not gateway or (":" in text) == (":" in gateway)
    ]
    return {
        "command": "apply",
        "id": f"{number:x}{draw(st.integers(1, 9)):011x}",
        "action": action,
        "sources": draw(
            st.lists(
                st.sampled_from(places), min_size=1, max_size=1 if is_session else 4
            )
        ),
        "gateway": gateway,
        "port": draw(st.sampled_from(PORTS[1:] if is_session else PORTS)),
        "source_port": draw(st.sampled_from(PORTS[1:])),
        "path": draw(st.lists(st.sampled_from(WAYS), min_size=1, max_size=3)),
        "known": draw(st.lists(st.sampled_from(KNOWN), max_size=3)),
        "ttl_ms": draw(st.integers(1, 30_000)),
    }


SEVERAL = st.lists(requests(), min_size=1, max_size=6, unique_by=lambda r: r["id"])
PACKETS = st.builds(
    Packet,
    st.sampled_from([text for text in HOSTS + KNOWN if ":" not in text]),
    st.sampled_from([text for text in (*GATEWAYS, *HOSTS) if ":" not in text]),
    st.sampled_from([1, 6, 17]),
    st.sampled_from(PORTS),
)


@given(SEVERAL, requests(number=15))
def test_apply_then_release_is_identity(
    before: list[dict[str, object]], asked: dict[str, object]
) -> None:
    """Whatever stands, releasing a containment leaves what was there before it."""
    loop = Loop(switches=2).connect()
    for other in before:
        assert loop.ask(**other)["ok"]
    standing = loop.states()

    assert loop.ask(**asked)["ok"]
    released = loop.ask(command="release", id=asked["id"])

    assert released["ok"]
    assert loop.states() == standing


@given(requests())
def test_apply_twice_is_apply_once(asked: dict[str, object]) -> None:
    """The same request again changes nothing on the switch."""
    loop = Loop().connect()
    first = loop.ask(**asked)
    standing = loop.states()

    assert loop.ask(**asked) == first
    assert loop.states() == standing


@given(requests(), st.sampled_from(KNOWN), st.sampled_from(HOSTS), PACKETS)
def test_known_host_is_never_dropped_or_metered(
    asked: dict[str, object], known: str, target: str, packet: Packet
) -> None:
    """A host the request calls known passes, to whomever is not isolated."""
    loop = Loop().connect()
    loop.ask(**{**asked, "known": [known]})

    to = str(asked["gateway"]) or target
    if asked["action"] in {"isolate_host", "isolate_subnet"} or (":" in known) != (
        ":" in to
    ):
        # What is cut off gets nothing, and no packet has addresses of two versions.
        to = "2001:db8::99" if ":" in known else "10.9.9.9"
    route = loop.switches[1].route(Packet(known, to, packet.protocol, packet.port))

    assert route.forwarded
    assert not route.meters


@given(SEVERAL, PACKETS)
def test_what_no_containment_matches_reaches_forwarding(
    several: list[dict[str, object]], packet: Packet
) -> None:
    """A packet goes on unless a drop names it, and always through table 1."""
    loop = Loop().connect()
    for asked in several:
        loop.ask(**asked)

    route = loop.switches[1].route(packet)

    table, priority, _ = route.matched[-1]
    assert route.forwarded == (table == flows.FORWARDING or bool(route.groups))
    assert route.forwarded or priority >= flows.DROP


@given(SEVERAL)
def test_everything_ends_by_itself(several: list[dict[str, object]]) -> None:
    """Once the longest ttl is over only the baseline is left, and each end was told."""
    loop = Loop().connect()
    empty = loop.states()
    for asked in several:
        assert loop.ask(**asked)["ok"]

    loop.wait(31)

    assert loop.states() == empty
    assert sorted(str(event["id"]) for event in loop.events) == sorted(
        str(asked["id"]) for asked in several
    )
    assert {event["reason"] for event in loop.events} == {"expired"}


@given(SEVERAL, st.data())
def test_restart_and_reconnect_leave_what_should_stand(
    several: list[dict[str, object]], data: st.DataObject
) -> None:
    """A new controller adopts what stands; the old one puts back what is missing."""
    loop = Loop().connect()
    for asked in several:
        loop.ask(**{**asked, "ttl_ms": 30_000})
    switch = loop.switches[1]
    standing = switch.state()

    reborn = Loop()
    reborn.switches = loop.switches
    reborn.connect()

    assert switch.state() == standing
    lost = data.draw(st.lists(st.sampled_from(sorted(switch.flows, key=repr))))
    for key in lost:
        switch.flows.pop(key, None)
    loop.control.disconnected(1)
    loop.connect()
    assert switch.state() == standing
    desired = [*flows.baseline(), *loop.control.standing.remaining(loop.clock.now_ns())]
    found = difference(
        desired,
        [switch.actual(key) for key in switch.flows],
        asked=loop.control.standing.tables(),
        found=Tables(
            meters=tuple(switch.meters.values()), groups=tuple(switch.groups.values())
        ),
        adopts=False,
    )
    assert not found.added
    assert not found.deleted
    assert not found.meters_added
    assert not found.meters_deleted
    assert not found.groups_added
    assert not found.groups_deleted
