"""What a switch has cached of a containment is deleted, not changed (docs/adr/0092)."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.netns.ovs import (
    TWINS,
    Controller,
    Network,
    controller,
    network,
    wait_until,
)
from tests.netns.traffic import SEND

pytestmark = pytest.mark.root

BAD, GATEWAY, GOOD = "10.9.0.1", "10.9.0.2", "10.9.0.3"
DROP = {"command": "apply", "id": "abcdef0123456789", "action": "drop_sources"}
#: Bits of the TOS byte (RFC 2474, 3168), as a switch tells which it has looked at.
ECN, DSCP = "0/0x3", "0/0xfc"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Controller]:
    with network(tmp_path) as net, controller(net, "os-ken") as made:
        yield made


def cached(net: Network, source: str) -> dict[str, str]:
    """Return what is done with frames of a source, by which of TOS it goes by."""
    found = re.compile(rf"ipv4\(src={source},.*tos=([^,]*),.*actions:([^,\s]*)")
    lines = net.switch.appctl("dpctl/dump-flows", "-m").splitlines()
    return {one[1]: one[2] for line in lines if (one := found.search(line))}


def twins(net: Network) -> list[str]:
    return [line for line in net.switch.flows("br0") if TWINS in line]


def test_what_is_cached_goes_when_a_rule_comes_and_when_it_goes(
    running: Controller,
) -> None:
    """Its frames keep coming; each time they are looked up anew, at once."""
    net = running.net
    senders = [net.run(host, SEND, "5000", "0.002") for host in (1, 3)]
    try:
        with running.client() as client:
            wait_until(lambda: "udp(" in net.switch.appctl("dpctl/dump-flows", "-m"))
            answer = client.ask(
                {**DROP, "sources": [BAD], "gateway": GATEWAY, "ttl_ms": 60_000}
            )
            assert answer["ok"], answer
            wait_until(lambda: cached(net, BAD) == {ECN: "drop"})
            (line,) = twins(net)
            assert "nw_ecn=3" in line
            assert "hard_timeout=1" in line
            counted = client.ask({"command": "status"})["containments"][0]

            assert client.ask({"command": "release", "id": DROP["id"]})["ok"]
            wait_until(lambda: DSCP in cached(net, BAD))
            assert "drop" not in cached(net, BAD).values()
        wait_until(lambda: not twins(net))
    finally:
        for sender in senders:
            sender.kill()
            sender.communicate()

    assert counted["flows"] == 1
