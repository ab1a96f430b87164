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

import msgspec

from airnet.clock import SimulatedClock
from airnet.controller.control import Control
from airnet.controller.entries import (
    REFRESH_KIND,
    Flow,
    Group,
    Key,
    Match,
    Meter,
)
from airnet.controller.messages import (
    AddFlow,
    Answer,
    AskFlows,
    AskGroups,
    AskMeters,
    AskPorts,
    AskRole,
    Barrier,
    BundleStep,
    Close,
    DeleteCookie,
    DeleteFlow,
    DeleteGroup,
    DeleteMeter,
    Message,
    Refresh,
    Send,
    SetGroup,
    SetMeter,
    TakeRole,
    Tell,
)
from airnet.controller.sync import Actual

MASTER, SLAVE, EQUAL = 2, 3, 1
#: What a slave may not send (section 6.3.6).
WRITES = (
    AddFlow
    | DeleteFlow
    | DeleteCookie
    | SetMeter
    | DeleteMeter
    | SetGroup
    | DeleteGroup
    | Refresh
)
Reply = tuple[str, tuple[object, ...], dict[str, object]]


@dataclasses.dataclass(frozen=True)
class Packet:
    """An IP packet, as far as our rules look."""

    source: str
    target: str
    protocol: int = 6
    port: int = 0
    source_port: int = 0


@dataclasses.dataclass(frozen=True)
class Route:
    """Where a packet goes: to forwarding or nowhere, through which meters."""

    forwarded: bool
    meters: tuple[int, ...] = ()
    groups: tuple[int, ...] = ()
    copies: tuple[int, ...] = ()
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
        self.groups: dict[int, Group] = {}
        self.is_silent = False
        self.has_bundles = True
        self.has_roles = True
        #: The ports whose link is up.
        self.up = set(range(1, 10))
        self.is_lying = False
        #: What it looked up anew, in order; that ends of itself, and is not kept.
        self.refreshed: list[Refresh] = []
        self.has_refresh = True
        #: Whether twins take room and end after a second, as they do; else they only
        #: are on the list.
        self.keeps_refresh = False
        self.generation = (1 << 64) - 1
        self.roles: dict[int, int] = {}
        self._staged: dict[int, list[Message]] = {}

    def take(self, messages: Iterable[Message], who: int = 1) -> list[Reply]:
        """Carry the messages of one controller out in order; return the answers."""
        replies: list[Reply] = []
        for message in messages:
            bundle = getattr(message, "bundle", 0)
            if isinstance(message, AskRole | TakeRole):
                replies += self._role(message, who)
            elif isinstance(message, WRITES) and self.roles.get(who, 1) == SLAVE:
                replies.append(("refused", (message.xid, "OFPBRC_IS_SLAVE"), {}))
            elif isinstance(message, BundleStep):
                replies += self._bundle(message)
            elif bundle and bundle in self._staged:
                self._staged[bundle].append(message)
            else:
                replies += self._carry_out(message)
        return [] if self.is_silent else replies

    def _role(self, message: Message, who: int) -> list[Reply]:
        """Section 6.3.6: one master; a generation before the newest is stale."""
        if not self.has_roles:
            return [("refused", (message.xid, "OFPBRC_BAD_TYPE"), {})]
        if isinstance(message, TakeRole):
            unset = self.generation == (1 << 64) - 1
            if not unset and message.generation < self.generation:
                return [("refused", (message.xid, "OFPRRFC_STALE"), {})]
            self.generation = message.generation
            if message.role == MASTER:
                for other, role in self.roles.items():
                    self.roles[other] = SLAVE if role == MASTER else role
            self.roles[who] = message.role
        told = (message.xid, self.roles.get(who, EQUAL), self.generation)
        return [("role_told", told, {})]

    def _bundle(self, message: BundleStep) -> list[Reply]:
        """EXT-230: what a bundle holds is carried out whole, or leaves no trace."""
        if not self.has_bundles:
            return [("refused", (message.xid, "OFPBRC_BAD_EXPERIMENTER"), {})]
        if message.step == "open":
            self._staged[message.bundle] = []
            return []
        staged = self._staged.pop(message.bundle, [])
        if message.step == "discard":
            return []
        before = dict(self.flows), dict(self.groups)
        replies = [reply for each in staged for reply in self._carry_out(each)]
        failed = [reply for reply in replies if reply[0] == "refused"]
        if failed:
            self.flows, self.groups = before
            return [*failed, ("refused", (message.xid, "MSG_FAILED"), {})]
        return replies

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
        groups: list[int] = []
        copies: list[int] = []

        def ended(*, forwarded: bool) -> Route:
            made = map(tuple, (meters, groups, copies, matched))
            return Route(forwarded, *made)

        while True:
            found = [
                flow
                for flow, _ in self.flows.values()
                if flow.table == table and matches(flow.match, packet)
            ]
            if not found:
                return ended(forwarded=False)
            flow = max(found, key=lambda each: each.priority)
            matched.append(flow.key)
            meters += [flow.meter] if flow.meter else []
            groups += [flow.group] if flow.group else []
            copies += [flow.output] if flow.output else []
            if not flow.goto:
                return ended(forwarded=flow.normal or bool(flow.group))
            assert flow.goto > table, "a table may only go on to a later one"
            table = flow.goto

    def state(self) -> tuple[frozenset[Flow | Meter | Group], ...]:
        """Return what stands, to be compared."""
        flows = frozenset(flow for flow, _ in self.flows.values())
        meters, groups = self.meters.values(), self.groups.values()
        return flows, frozenset(meters), frozenset(groups)

    def actual(self, key: Key) -> Actual:
        """Return a flow as the switch reports it."""
        flow, since_ns = self.flows[key]
        return Actual(flow=flow, age_ms=(self.clock.now_ns() - since_ns) // 1_000_000)

    def _carry_out(self, message: Message) -> list[Reply]:
        xid = message.xid
        if self.is_lying and isinstance(message, AddFlow):
            return []
        match message:
            case AddFlow(flow=flow):
                if len(self.flows) >= self.capacity and flow.key not in self.flows:
                    return [("refused", (xid, "OFPFMFC_TABLE_FULL"), {})]
                if flow.meter and flow.meter not in self.meters:
                    return [("refused", (xid, "OFPMMFC_INVALID_METER"), {})]
                if flow.group and flow.group not in self.groups:
                    return [("refused", (xid, "OFPBAC_BAD_OUT_GROUP"), {})]
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
            case Refresh() if not self.has_refresh:
                return [("refused", (xid, "OFPBMC_BAD_FIELD"), {})]
            case Refresh():
                self.refreshed.append(message)
                if self.keeps_refresh:
                    return self._carry_out(AddFlow(xid=xid, flow=twin_of(message)))
            case Barrier():
                return [("barrier", (xid,), {})]
            case _:
                return self._number(message) + self._answer(message)
        return []

    def _number(self, message: Message) -> list[Reply]:
        """Carry out what is about a meter or a group."""
        xid = message.xid
        match message:
            case SetMeter(meter=meter, modify=modify):
                if modify != (meter.id in self.meters):
                    return [("refused", (xid, "OFPMMFC_METER_EXISTS"), {})]
                self.meters[meter.id] = meter
            case DeleteMeter(meter=number):
                self.meters.pop(number, None)
                using = [k for k, (f, _) in self.flows.items() if f.meter == number]
                return [self._remove(key, "removed") for key in using]
            case SetGroup(group=group, modify=modify):
                if modify != (group.id in self.groups):
                    return [("refused", (xid, "OFPGMFC_GROUP_EXISTS"), {})]
                self.groups[group.id] = group
            case DeleteGroup(group=number):
                self.groups.pop(number, None)
                using = [k for k, (f, _) in self.flows.items() if f.group == number]
                return [self._remove(key, "removed") for key in using]
        return []

    def _answer(self, message: Message) -> list[Reply]:
        """Answer a question about what stands."""
        xid = message.xid
        match message:
            case AskGroups():
                described = list(self.groups.values())
                return [("groups_told", (xid, described), {"more": False})]
            case AskPorts():
                return [("ports_told", (xid, sorted(self.up)), {})]
            case AskFlows(cookie=cookie, mask=mask):
                ours = [
                    self.actual(key)
                    for key, (flow, _) in self.flows.items()
                    if flow.cookie & mask == cookie & mask
                ]
                return [("flows_told", (xid, ours), {"more": False})]
            case AskMeters(meter=number):
                told = [m for m in self.meters.values() if number in {0, m.id}]
                return [("meters_told", (xid, told), {"more": False})]
        return []

    def _remove(self, key: Key, reason: str) -> Reply:
        item = self.actual(key)
        del self.flows[key]
        return ("removed", (item, reason), {})


def twin_of(message: Refresh) -> Flow:
    """Return what stands beside a rule, as far as a Flow can say it."""
    flow = message.flow
    kept = flow.cookie & ~(0xFF << 48) | REFRESH_KIND << 48
    foreign = f"{flow.match} and a TOS"
    return msgspec.structs.replace(
        flow, cookie=kept, seconds=1, match=Match(foreign=foreign)
    )


class Loop:
    """A Control, its switches and one client; whatever is said arrives at once."""

    def __init__(
        self, *protected: str, switches: int = 1, capacity: int = 10**5
    ) -> None:
        self.clock = SimulatedClock(10**9)
        self.who = 1
        networks = [ipaddress.ip_network(text) for text in protected]
        self.control = Control(networks, self.clock)
        self.switches = {
            i: FakeSwitch(i, self.clock, capacity) for i in range(1, switches + 1)
        }
        self.events: list[dict[str, object]] = []
        self.answers: list[dict[str, object]] = []
        self.closed: list[int] = []

    def second(self, *, is_leading: bool = False) -> "Loop":
        """Return another controller of the same switches, connected."""
        other = Loop()
        other.clock, other.who, other.switches = self.clock, 2, self.switches
        other.control = Control([], self.clock, is_leading=is_leading)
        return other.connect()

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
                    replies = self.switches[number].take(messages, self.who)
                    self._hear(number, replies)
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
    if match.foreign:  # it asks for what our packets have none of
        return False
    for place, address in (
        (match.source, packet.source),
        (match.target, packet.target),
    ):
        if place and not _is_in(address, place):
            return False
    if match.protocol:
        if match.protocol != packet.protocol:
            return False
        pairs = ((match.port, packet.port), (match.source_port, packet.source_port))
        return all(asked in {0, found} for asked, found in pairs)
    return not match.metadata


def _is_in(address: str, place: str) -> bool:
    network = ipaddress.ip_network(place)
    found = ipaddress.ip_address(address)
    return found.version == network.version and found in network
