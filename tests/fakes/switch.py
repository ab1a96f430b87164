"""FakeSwitch, a little OpenFlow 1.3 table machine, and Loop, which joins it to Control.

It takes the controller's messages, answers them in the order a switch would, lets
rules expire, and says where a packet goes. Source: OpenFlow 1.3.5, sections 5.1
(pipeline), 6.4 (flow mods: an add of the same match and priority overwrites without
a removal message; a delete of a meter deletes the flows that use it).
"""

import dataclasses
import ipaddress
import json
from collections.abc import Iterable, Iterator

from airnet.clock import SimulatedClock
from airnet.controller.control import Control
from airnet.controller.flows import OWNER, Flow, Key, Match, Meter
from airnet.controller.messages import (
    AddFlow,
    Answer,
    AskFlows,
    AskMeters,
    Barrier,
    Close,
    DeleteCookie,
    DeleteFlow,
    DeleteMeter,
    Message,
    Send,
    SetMeter,
    Tell,
)
from airnet.controller.sync import Actual

Reply = tuple[str, tuple[object, ...], dict[str, object]]


@dataclasses.dataclass(frozen=True)
class Packet:
    """An IP packet, as far as our rules look."""

    source: str
    target: str
    protocol: int = 6
    port: int = 0


@dataclasses.dataclass(frozen=True)
class Route:
    """Where a packet goes: to forwarding or nowhere, through which meters."""

    forwarded: bool
    meters: tuple[int, ...] = ()
    matched: tuple[Key, ...] = ()


class FakeSwitch:
    """The tables and meters of one switch.

    Args:
        number: its datapath id.
        clock: what its hard timeouts are measured by.
        capacity: how many flows fit; one more is refused with OFPFMFC_TABLE_FULL.
    """

    def __init__(
        self, number: int, clock: SimulatedClock, capacity: int = 100_000
    ) -> None:
        self.number = number
        self.clock = clock
        self.capacity = capacity
        self.flows: dict[Key, tuple[Flow, int]] = {}
        self.meters: dict[int, Meter] = {}
        self.is_silent = False

    def take(self, messages: Iterable[Message]) -> list[Reply]:
        """Carry messages out in order; return what the switch answers."""
        replies: list[Reply] = []
        for message in messages:
            replies += self._carry_out(message)
        return [] if self.is_silent else replies

    def expire(self) -> list[Reply]:
        """Remove what has come to its hard timeout."""
        over = [
            flow
            for flow, since_ns in self.flows.values()
            if flow.seconds and self.clock.now_ns() - since_ns >= flow.seconds * 10**9
        ]
        return [self._remove(flow.key, "expired") for flow in over]

    def route(self, packet: Packet) -> Route:
        """Return where `packet` goes."""
        table, meters, matched = 0, [], []
        while True:
            found = [
                flow
                for flow, _ in self.flows.values()
                if flow.table == table and matches(flow.match, packet)
            ]
            if not found:
                return Route(False, tuple(meters), tuple(matched))
            flow = max(found, key=lambda each: each.priority)
            matched.append(flow.key)
            meters += [flow.meter] if flow.meter else []
            if not flow.goto:
                return Route(flow.normal, tuple(meters), tuple(matched))
            assert flow.goto > table, "a table may only go on to a later one"
            table = flow.goto

    def state(self) -> tuple[frozenset[Flow], frozenset[Meter]]:
        """Return what stands, to be compared."""
        flows = frozenset(flow for flow, _ in self.flows.values())
        return flows, frozenset(self.meters.values())

    def actual(self, key: Key) -> Actual:
        """Return a flow as the switch reports it."""
        flow, since_ns = self.flows[key]
        return Actual(flow=flow, age_ms=(self.clock.now_ns() - since_ns) // 1_000_000)

    def _carry_out(self, message: Message) -> list[Reply]:
        xid = message.xid
        match message:
            case AddFlow(flow=flow):
                if len(self.flows) >= self.capacity and flow.key not in self.flows:
                    return [("refused", (xid, "OFPFMFC_TABLE_FULL"), {})]
                if flow.meter and flow.meter not in self.meters:
                    return [("refused", (xid, "OFPMMFC_INVALID_METER"), {})]
                self.flows[flow.key] = (flow, self.clock.now_ns())
            case DeleteFlow(flow=flow):
                if flow.key in self.flows:
                    return [self._remove(flow.key, "removed")]
            case DeleteCookie(cookie=cookie, mask=mask):
                found = [
                    key
                    for key, (flow, _) in self.flows.items()
                    if flow.cookie & mask == cookie & mask
                ]
                return [self._remove(key, "removed") for key in found]
            case SetMeter(meter=meter, modify=modify):
                if modify != (meter.id in self.meters):
                    return [("refused", (xid, "OFPMMFC_METER_EXISTS"), {})]
                self.meters[meter.id] = meter
            case DeleteMeter(meter=number):
                self.meters.pop(number, None)
                using = [k for k, (f, _) in self.flows.items() if f.meter == number]
                return [self._remove(key, "removed") for key in using]
            case AskFlows():
                ours = [
                    self.actual(key)
                    for key, (flow, _) in self.flows.items()
                    if flow.cookie >> 56 == OWNER
                ]
                return [("flows_told", (xid, ours), {"more": False})]
            case AskMeters():
                told = list(self.meters.values())
                return [("meters_told", (xid, told), {"more": False})]
            case Barrier():
                return [("barrier", (xid,), {})]
        return []

    def _remove(self, key: Key, reason: str) -> Reply:
        item = self.actual(key)
        del self.flows[key]
        return ("removed", (item, reason), {})


class Loop:
    """A Control, its switches and one client; whatever is said arrives at once."""

    def __init__(
        self, *protected: str, switches: int = 1, capacity: int = 10**5
    ) -> None:
        self.clock = SimulatedClock(10**9)
        networks = [ipaddress.ip_network(text) for text in protected]
        self.control = Control(networks, self.clock)
        self.switches = {
            i: FakeSwitch(i, self.clock, capacity) for i in range(1, switches + 1)
        }
        self.events: list[dict[str, object]] = []
        self.answers: list[dict[str, object]] = []
        self.closed: list[int] = []

    def connect(self, *numbers: int) -> "Loop":
        """Connect switches, all unless named."""
        for number in numbers or self.switches:
            self.control.connected(number, "")
        self.pump()
        return self

    def ask(self, **request: object) -> dict[str, object]:
        """Send one request; return its answer."""
        before = len(self.answers)
        self.control.request(1, json.dumps(request).encode())
        self.pump()
        return self.answers[before] if len(self.answers) > before else {}

    def wait(self, seconds: float) -> None:
        """Let time pass, rules expire, and Control look at the clock."""
        self.clock.time_ns += round(seconds * 1e9)
        for number, switch in self.switches.items():
            self._hear(number, switch.expire())
        self.control.tick()
        self.pump()

    def pump(self) -> None:
        """Carry effects out until there are none."""
        for effect in self._effects():
            match effect:
                case Send(number, messages):
                    self._hear(number, self.switches[number].take(messages))
                case Answer(_, line):
                    self.answers.append(json.loads(json.dumps(line)))
                case Tell(line):
                    self.events.append(line)
                case Close(number):
                    self.closed.append(number)
                    self.control.disconnected(number)

    def states(self) -> list[object]:
        """Return what stands on every switch, to be compared."""
        return [switch.state() for switch in self.switches.values()]

    def _effects(self) -> Iterator[object]:
        while effects := self.control.take():
            yield from effects

    def _hear(self, number: int, replies: list[Reply]) -> None:
        if number in self.control.peers:
            for name, words, options in replies:
                getattr(self.control, name)(number, *words, **options)


def matches(match: Match, packet: Packet) -> bool:
    """Return whether a packet is matched."""
    for place, address in (
        (match.source, packet.source),
        (match.target, packet.target),
    ):
        if place and not _is_in(address, place):
            return False
    if match.protocol:
        return (match.protocol, match.port) == (packet.protocol, packet.port)
    return True


def _is_in(address: str, place: str) -> bool:
    network = ipaddress.ip_network(place)
    found = ipaddress.ip_address(address)
    return found.version == network.version and found in network
