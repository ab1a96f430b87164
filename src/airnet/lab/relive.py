"""Relive, a capture replayed at real time through a real switch, before the product.

    firms ---- br0 (sw) ---- venue          frames go up from `firms`, down from `venue`
                  |
               mirror of the venue's port, both ways ---- eth0 (cap): `airnet run`

The switch joins both ends like a patch cable: by port, whatever addresses a frame has,
so that nothing must be learnt and groups and strangers pass as all others. Nobody in
it speaks or answers. What airnet records there is then replayed by `airnet replay`.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec

from airnet.clock import SystemClock
from airnet.config import Site
from airnet.domain.decision import Decision
from airnet.lab.actor import Actor, ActorError, python
from airnet.lab.chronicle import Chronicle
from airnet.lab.generate import go_first
from airnet.lab.lent import Lent
from airnet.lab.likeness import Likeness, film
from airnet.lab.network import (
    BRIDGE,
    MIRROR_PORT,
    SWITCH,
    VENUE,
    Network,
    run,
)
from airnet.lab.papers import Papers
from airnet.lab.rerun import rerun
from airnet.lab.sender import DOWN, UP, End, Order, Sent
from airnet.lab.sensor import Sensor

EVERYBODY = "firms"
#: The links' MTU and an Ethernet header.
BYTES_MAX = 1514
SENDER_NAME = "sender"
READY_LIMIT_S = 30.0
#: The sender tells of itself five times a second; silent for so long, it hangs.
SILENCE_LIMIT_S = 30.0
#: Frames that the switch still holds when the last was sent.
SETTLE_LIMIT_S = 10.0
TURN_S = 0.1
#: Ports in the order in which Network plugs them in.
FLOWS = ("in_port=1,actions=output:2", "in_port=2,actions=output:1")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is replayed, to whom.

    `venue_macs` are those of whom the venue's port sends for, twelve hex digits each.
    `policy` is a policy file's text: as nothing is carried out, all of it in shadow.
    """

    capture: Path
    venue_macs: tuple[str, ...]
    site: Site
    policy: str
    speed: float = 1.0


class Relived(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the frames, and what was decided.

    `lost` is by reason, all frames that were sent and not recorded. `foreign` frames
    were recorded and not sent with these bytes, `unaccounted` ones passed on by a part
    of the way that never got them: both are 0 unless the lab itself is broken. `late`
    and `swapped` are as the mirror showed them: over 1 ms after their time, and after
    a frame that was sent later.
    """

    sent: Sent
    lost: dict[str, int]
    recorded: int
    foreign: int
    unaccounted: int
    late: int
    late_worst_ns: int
    swapped: int
    is_real_time: bool
    source: str
    decisions: tuple[Decision, ...]
    replayed: int
    is_same: bool


def relive(
    directory: Path, asked: Asked, moved: Callable[[int], None]
) -> tuple[Relived, Likeness]:
    """Build the network, replay into it, clear it; say what came of it.

    Args:
        directory: where the recording and everything else of the run goes; empty.
        asked: what is replayed.
        moved: told now and then how many ns have been replayed.

    Raises:
        AirnetError: the network could not be built, or somebody in it broke down.
    """
    papers = Papers(directory=directory)
    papers.write_watching(asked.site, asked.policy)
    papers.logs.mkdir(parents=True, exist_ok=True)
    with Network(hosts=(VENUE, EVERYBODY), is_silent=True) as network:
        wire = Wire(network, papers, asked)
        sent, hops = wire.carry(moved)
    again = directory / "replayed.jsonl"
    rerun(papers, again)
    live, replayed = papers.decisions.read_bytes(), again.read_bytes()
    chronicle = Chronicle(papers.ledger)
    seen = film(papers.recording)
    likeness = Likeness(film(asked.capture), seen, asked.speed)
    lost = hops.lost(sent, chronicle.counters(), len(seen.prints))
    late, late_worst_ns = likeness.late()
    return Relived(
        sent=sent,
        lost={name: count for name, count in lost.items() if count},
        recorded=len(seen.prints),
        foreign=likeness.foreign,
        unaccounted=-sum(count for count in lost.values() if count < 0),
        late=late,
        late_worst_ns=late_worst_ns,
        swapped=likeness.swapped,
        is_real_time=wire.is_real_time,
        source=chronicle.source(),
        decisions=chronicle.made(),
        replayed=len(replayed.splitlines()),
        is_same=live == replayed,
    ), likeness


class Hops(msgspec.Struct, frozen=True, kw_only=True):
    """How many frames each part of the way has passed on."""

    taken: int
    no_room: int
    mirrored: int

    def lost(
        self, sent: Sent, counters: dict[str, int], recorded: int
    ) -> dict[str, int]:
        """Return where frames were lost between the sender and the recording.

        `counters` are the capture's, whose reasons explain what it was shown.
        """
        seen, delivered = counters.get("seen", 0), counters.get("delivered", 0)
        reasons = {
            f"capture: {name}": count
            for name, count in counters.items()
            if name not in ("seen", "delivered")
        }
        return {
            "link to the switch": sent.sent - self.taken,
            "switch: no room": self.no_room,
            "switch": self.taken - self.no_room - self.mirrored,
            "link of the mirror": self.mirrored - seen,
            **reasons,
            "recording": delivered - recorded,
        }


class Wire:
    """The network with the product at its mirror and a sender at its ends."""

    def __init__(self, network: Network, papers: Papers, asked: Asked) -> None:
        self._network = network
        self._papers = papers
        self._asked = asked
        self._clock = SystemClock()
        assert network.switch is not None, "the network is up"
        self._switch = network.switch
        self._before = (0, 0)
        self.is_real_time = False

    def carry(self, moved: Callable[[int], None]) -> tuple[Sent, Hops]:
        """Send everything past the product; return once it has let go of all.

        Raises:
            ActorError: somebody ended, or hangs.
        """
        for flow in FLOWS:
            self._switch.ofctl("add-flow", BRIDGE, flow)
        lent = Lent(self._switch.pid)
        try:
            with Sensor(self._network, self._papers) as sensor:
                # Each would have a machine to itself; a burst of a market is over
                # before a busy host's scheduler has come round.
                self.is_real_time = go_first(self._switch.pid)
                go_first(sensor.actor.pid)
                self._before = self._counts()
                sent = self._send(sensor, moved)
                hops = self._settled(lent)
                sensor.finish()
        finally:
            lent.close()
        return sent, hops

    def _send(self, sensor: Sensor, moved: Callable[[int], None]) -> Sent:
        """Have the sender do its work, and look after everybody meanwhile."""
        order = Order(
            capture=str(self._asked.capture),
            ends=self._ends(),
            venue_macs=self._asked.venue_macs,
            bytes_max=BYTES_MAX,
            switch_pid=self._switch.pid,
            speed=self._asked.speed,
        )
        words = msgspec.json.encode(order).decode()
        command = python("airnet.lab.sender", words)
        sender = Actor(SENDER_NAME, command, self._papers.logs)
        try:
            sender.wait_for("ready", lambda _: True, READY_LIMIT_S)
            sender.tell(do="go")
            return self._followed(sender, sensor, moved)
        finally:
            sender.end(ask=False)

    def _ends(self) -> tuple[End, End]:
        """Return where frames go up and down."""
        roles = {UP: EVERYBODY, DOWN: VENUE}
        up, down = (
            End(
                namespace=self._network.name(roles[way]),
                interface="eth0",
                port=roles[way],
            )
            for way in (UP, DOWN)
        )
        return up, down

    def _followed(
        self, sender: Actor, sensor: Sensor, moved: Callable[[int], None]
    ) -> Sent:
        heard_ns = self._clock.mono_ns()
        while True:
            for said in sender.hear(TURN_S):
                heard_ns = self._clock.mono_ns()
                if said.get("kind") == "at":
                    moved(int(str(said["passed_ns"])))
                if said.get("kind") == "sent":
                    del said["kind"]
                    return msgspec.convert(said, Sent)
            sender.check()
            sensor.actor.check()
            sensor.actor.hear()
            sensor.hear()
            if self._clock.mono_ns() - heard_ns > SILENCE_LIMIT_S * 1e9:
                raise ActorError(f"{SENDER_NAME} hangs", f"see {sender.log}")

    def _settled(self, lent: Lent) -> Hops:
        """Wait until the switch has passed on what it holds; count what it did."""
        end_ns = self._clock.mono_ns() + int(SETTLE_LIMIT_S * 1e9)
        while True:
            (taken, mirrored), no_room = self._counts(), lent.lost()
            hops = Hops(
                taken=taken - self._before[0],
                mirrored=mirrored - self._before[1],
                no_room=no_room,
            )
            is_done = hops.taken == hops.mirrored + no_room
            if is_done or self._clock.mono_ns() > end_ns:
                return hops
            self._clock.sleep_s(TURN_S)

    def _counts(self) -> tuple[int, int]:
        """Return how many frames the switch got, and how many it mirrored."""
        got = (self._count(port, "rx_packets") for port in (VENUE, EVERYBODY))
        return sum(got), self._count(MIRROR_PORT, "tx_packets")

    def _count(self, port: str, what: str) -> int:
        path = f"/sys/class/net/{port}/statistics/{what}"
        return int(run(*self._network.inside(SWITCH, "cat", path)))
