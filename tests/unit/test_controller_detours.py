"""controller: where a reroute may lead, and whether there is anything there."""

import pytest

from airnet.controller import detours
from airnet.controller.flows import Hop
from airnet.controller.messages import SetGroup
from airnet.errors import ConfigError
from tests.fakes.switch import Loop, Reply

ID, GATEWAY = "abcdef0123456789", "10.9.0.2"
MAC = "02:00:00:00:00:07"


def reroute(loop: Loop, *ports: int, mac: str = "") -> dict[str, object]:
    """Ask for a reroute to these ports; return the answer."""
    return loop.ask(
        command="apply",
        id=ID,
        action="reroute",
        ttl_ms=5000,
        gateway=GATEWAY,
        path=[{"port": port, "mac": mac} for port in ports],
    )


def loop_of(*allowed: str, protected: tuple[str, ...] = (GATEWAY,)) -> Loop:
    loop = Loop(*protected)
    loop.control.detours = detours.detours(allowed)
    return loop.connect()


def test_what_is_protected_goes_only_where_the_operator_said() -> None:
    listed = loop_of(f"{GATEWAY}=7@{MAC}", f"{GATEWAY}=8")

    assert reroute(listed, 7, mac=MAC)["ok"]
    assert "told of no such path" in str(reroute(loop_of(f"{GATEWAY}=8"), 7)["error"])
    assert "no such path" in str(reroute(listed, 7, 8)["error"])  # 7 without its MAC
    assert "protected" in str(reroute(loop_of(), 7)["error"])
    other = loop_of("10.9.0.3=7", protected=())
    assert "no such path" in str(reroute(other, 7)["error"])


def test_a_path_none_of_whose_links_is_up_is_refused_and_leaves_nothing() -> None:
    loop = loop_of(protected=())
    before = loop.states()
    loop.switches[1].up = {1, 2, 8}

    refused = reroute(loop, 7)

    assert "no link of the path is up, port 7" in str(refused["error"])
    assert loop.states() == before
    assert reroute(loop, 7, 8)["ok"]  # the second is


def test_a_switch_with_another_group_than_it_confirmed_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = loop_of(protected=())
    before = loop.states()
    switch = loop.switches[1]
    honest = switch._number

    def forgetting(message: object) -> list[Reply]:
        if isinstance(message, SetGroup):
            group = message.group
            wrong = SetGroup(
                group=type(group)(id=group.id, buckets=group.buckets[-1:]),
                modify=message.modify,
            )
            return honest(wrong)
        return honest(message)

    monkeypatch.setattr(switch, "_number", forgetting)

    assert "has another" in str(reroute(loop, 7)["error"])
    assert loop.states() == before


def test_ports_are_written_as_they_are_read() -> None:
    found = detours.detours([f"{GATEWAY}=7@{MAC}", f"{GATEWAY}=8", "fd00::2=9"])

    assert found == {
        GATEWAY: {Hop(port=7, mac=MAC), Hop(port=8)},
        "fd00::2": {Hop(port=9)},
    }


@pytest.mark.parametrize("text", ["", GATEWAY, f"{GATEWAY}=", f"{GATEWAY}=x", "x=7"])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="GATEWAY=PORT"):
        detours.detours([text])
