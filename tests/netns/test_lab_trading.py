"""Real FIX sessions by QuickFIX through Open vSwitch, as the mirror shows them.

One network for the module: everybody trades once, and each test looks at it from its
own side.
"""

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airnet.lab.cast import Cast
from airnet.lab.needs import missing
from airnet.lab.network import (
    ADDRESSES,
    BRIDGE,
    CAPTURE,
    CONTROL_ADDRESS,
    CONTROL_PORT,
    UNKNOWN,
    VENUE,
    Network,
    run,
)
from airnet.lab.result import SessionCounts
from airnet.lab.scenes import RUNAWAY

LACKS = [
    *missing(),
    *(
        f"program {program}: apt-get install {program}"
        for program in ("tcpdump", "tshark")
        if subprocess.run(
            ["which", program], capture_output=True, check=False
        ).returncode
    ),
]
pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.skipif(bool(LACKS), reason="; ".join(LACKS)),
]

LIMIT_S = 20.0
GATEWAY_LINE = "tcp.port==9001,fix"
ASK = """
import http.client, sys
connection = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]), timeout=5)
connection.request("POST", sys.argv[3], sys.argv[4])
answer = connection.getresponse()
print(answer.status, answer.read().decode())
"""


class Recording:
    """tcpdump at the mirror's end."""

    def __init__(self, network: Network, path: Path) -> None:
        self.path = path
        words = ("tcpdump", "-i", "eth0", "-U", "--immediate-mode", "-Z", "root")
        self._process = subprocess.Popen(
            network.inside(CAPTURE, *words, "-w", str(path)),
            stderr=subprocess.PIPE,
        )
        assert self._process.stderr is not None
        while b"listening on" not in (line := self._process.stderr.readline()):
            assert line, "tcpdump ended"

    def end(self) -> None:
        """Write everything and end."""
        self._process.send_signal(signal.SIGINT)
        self._process.communicate(timeout=LIMIT_S)


class Lab:
    """A network with everybody on it, recorded."""

    def __init__(self, network: Network, cast: Cast, recording: Recording) -> None:
        self.network = network
        self.cast = cast
        self.recording = recording

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Listen until something holds."""
        end = time.monotonic() + LIMIT_S
        while not holds():
            assert time.monotonic() < end, f"not within {LIMIT_S} s: {what}"
            self.cast.listen(0.05)

    def session(self, comp_id: str) -> SessionCounts:
        """Return one session's counts as last told."""
        return next(one for one in self.cast.sessions() if one.comp_id == comp_id)

    def ask(self, request: dict[str, object]) -> dict[str, object]:
        """Send the gateway a command from the capture host, over management."""
        body = {
            "headers": {"request_id": "r"},
            "body": {"openc2": {"request": request}},
        }
        place = (CONTROL_ADDRESS, str(CONTROL_PORT), "/.well-known/openc2")
        words = (sys.executable, "-c", ASK, *place, json.dumps(body))
        status, _, said = run(*self.network.inside(CAPTURE, *words)).partition(" ")
        assert status == "200"
        answer: dict[str, object] = json.loads(said)["body"]["openc2"]["response"]
        return answer


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with tempfile.TemporaryDirectory() as place, Network(is_open=True) as network:
        recording = Recording(network, Path(place) / "mirror.pcap")
        with Cast(network, Path(place), seed=7) as cast:
            made = Lab(network, cast, recording)
            cast.tell_firms(do="trade")
            cast.tell_firms(do="rate", factor=2, ramp_ms=100)
            yield made


def test_every_session_trades_both_ways(lab: Lab) -> None:
    lab.until(
        lambda: all(
            one.by_firm.accepted > 10 and one.by_firm.canceled > 3 and one.by_firm.fills
            for one in lab.cast.sessions()
        ),
        "orders, cancels and fills in all six sessions",
    )

    quoters = [one for one in lab.cast.sessions() if one.comp_id.endswith("MM")]
    assert len(lab.cast.sessions()) == 6
    lab.until(
        lambda: all(lab.session(one.comp_id).by_firm.replaced for one in quoters),
        "replaces of the quoters",
    )
    assert sum(one.by_firm.refused for one in lab.cast.sessions()) == 0


def test_throttle_stops_new_orders_passes_cancels_and_ends_by_itself(lab: Lab) -> None:
    target = {"comp_id": RUNAWAY, "client": f"{ADDRESSES['beta']}:1"}
    lab.cast.actors["beta"].tell(do="runaway", comp_id=RUNAWAY, rate=300)
    lab.until(lambda: lab.session(RUNAWAY).by_firm.accepted > 150, "a runaway")
    said = lab.ask(
        {
            "action": "contain",
            "target": {"x-airnet:session": target},
            "args": {"duration": 2000, "x-airnet": {"limit": "new_orders"}},
            "command_id": "d1",
        }
    )
    assert said["status"] == 200, said
    lab.until(lambda: lab.session(RUNAWAY).by_firm.stopped > 0, "stopped orders")
    before = lab.session(RUNAWAY)
    others = [one for one in lab.cast.sessions() if one.comp_id != RUNAWAY]
    lab.until(
        lambda: lab.session(RUNAWAY).by_firm.stopped > before.by_firm.stopped + 200,
        "more stopped orders",
    )
    during = lab.session(RUNAWAY)
    # What the venue accepted before the command may still have been on its way.
    assert during.by_venue.accepted - before.by_venue.accepted <= 150
    lab.until(
        lambda: lab.session(RUNAWAY).by_firm.canceled > before.by_firm.canceled,
        "cancels that pass",
    )
    assert sum(one.by_venue.stopped for one in others) == 0

    lab.cast.actors["beta"].tell(do="runaway", comp_id=RUNAWAY, rate=0)
    lab.until(
        lambda: lab.session(RUNAWAY).by_firm.accepted > during.by_firm.accepted + 5,
        "new orders accepted again",
    )
    query = lab.ask({"action": "query", "command_id": "d1"})
    assert query["results"]["x-airnet"]["state"] == "released"


def test_flood_is_on_the_mirror_until_a_rule_drops_it(lab: Lab) -> None:
    stranger, switch = lab.cast.actors[UNKNOWN], lab.network.switch
    assert switch is not None
    assert lab.cast.can_connect(2.0)
    stranger.tell(do="flood", rate=2000, seconds=1.5)
    lab.until(lambda: lab.cast.flooded() > 800, "a flood")
    source = f"ip,nw_src={ADDRESSES[UNKNOWN]}"
    switch.ofctl("add-flow", BRIDGE, f"priority=100,{source},actions=drop")
    ruled = time.time()
    lab.until(lambda: lab.cast.flooded() > 2500, "the whole flood")
    assert not lab.cast.can_connect(0.5)
    switch.ofctl("del-flows", BRIDGE, source)
    assert lab.cast.can_connect(2.0)
    fields = ("-T", "fields", "-e", "frame.time_epoch")
    syns = f"tcp.flags==0x002 && ip.src=={ADDRESSES[UNKNOWN]}"
    times = [float(one) for one in tshark(lab, "-Y", syns, *fields)]

    flood = [one for one in times if one <= ruled + 0.3]
    assert len(flood) > 500
    assert len(times) - len(flood) <= 3, "frames passed after the rule"


def test_nothing_is_lost_and_the_mirror_shows_it_all(lab: Lab) -> None:
    lab.until(
        lambda: sum(one.by_firm.accepted for one in lab.cast.sessions()) > 500,
        "500 orders",
    )
    assert lab.cast.finish(LIMIT_S), "orders are unanswered"
    sessions = lab.cast.sessions()
    for one in sessions:
        assert one.by_firm == one.by_venue, one.comp_id
        assert one.by_firm.unanswered() == 0
    # Idle sessions keep each other alive: wait for a heartbeat in each direction.
    lab.until(lambda: len(tshark(lab, "-Y", "fix.MsgType==0")) >= 12, "heartbeats")
    lab.cast.end()
    lab.recording.end()

    sent = Counter[str]()
    for kinds in tshark(lab, "-Y", "fix", "-T", "fields", "-e", "fix.MsgType"):
        sent.update(kinds.split(","))
    assert sent["A"] == sent["5"] == 12
    assert sent["D"] == sum(one.by_firm.orders for one in sessions)
    assert sent["F"] == sum(one.by_firm.cancels for one in sessions)
    assert sent["G"] == sum(one.by_firm.replaces for one in sessions)
    check = ("-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE")
    # 0xffff is the other way to write 0 in ones' complement (RFC 1624 section 3); the
    # kernel sends it once in 65,536 segments and tshark calls it bad.
    bad = (
        "(tcp.checksum.status==0 && tcp.checksum != 0xffff)"
        " || ip.checksum.status==0 || frame.len > 1514"
    )
    assert tshark(lab, *check, "-Y", bad) == []
    assert tshark(lab, "-Y", "fix.checksum_bad == 1") == []
    for way in ("src", "dst"):
        seen = tshark(lab, "-Y", f"fix && ip.{way}=={ADDRESSES[VENUE]}")
        assert len(seen) > 300


def tshark(lab: Lab, *words: str) -> list[str]:
    """Return the lines that tshark prints of the recording so far."""
    line = ("tshark", "-n", "-r", str(lab.recording.path), "-d", GATEWAY_LINE, *words)
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout.split("\n")[:-1]
