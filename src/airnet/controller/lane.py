"""Lane, the fast lane's mind: containments as prebuilt bytes. Pure.

What may have to be contained is armed beforehand: its bytes are made, and where it is
told by addresses alone, its traffic passes a meter that is wide open. To fire is to
write, at once, the meter shut and the drop rule. The meter acts on what the switch has
cached already, within the switch's next turn; the rule is hard, but a switch's cache
may hide it for a while. Both end without us: the rule by its hard timeout, the meter
because the flow that leads through it is itself a lease.
"""

import struct
from collections.abc import Iterable, Sequence

import msgspec

from airnet.controller import entries, flows
from airnet.controller.entries import (
    FORWARDING,
    SECURITY,
    Flow,
    Match,
    Meter,
    Network,
)
from airnet.controller.flows import Apply, ranked
from airnet.controller.messages import (
    AddFlow,
    Barrier,
    DeleteCookie,
    DeleteMeter,
    Message,
    SetMeter,
)
from airnet.controller.openflow import FLOW_MOD, HEADER, encode

SLOTS_MAX, METERS_MAX = 8192, 4096
#: The fast rule holds until the controller's own is there, and not much longer.
RULE_S_MAX = 10
#: Without us the way through a meter is gone after this, whatever the meter is.
LEASE_S = 60
#: What a shut meter lets pass: one frame of at most 125 bytes a second. A rate of 0 is
#: refused (OpenFlow 1.3.5 leaves it open; Open vSwitch says OFPMMFC_BAD_RATE).
SHUT_KILOBITS = 1
OPEN_KILOBITS = 0xFFFFFFFF
#: Actions that only take away, and whose victims are named one by one.
ACTIONS = frozenset({"drop_sources", "isolate_host", "isolate_session"})
#: Where a flow-mod holds its cookie and hard timeout (OpenFlow 1.3.5, 7.3.4.1).
COOKIE_AT, SECONDS_AT, XID_AT = 8, 28, 4


class Slot:
    """One armed containment, and the bytes that put it in force.

    Args:
        request: what is armed; its id and ttl do not count.
        number: which slot it is.
        ways: what of its traffic passes which meter.
    """

    def __init__(self, request: Apply, number: int, ways: dict[Match, int]) -> None:
        self.number = number
        self.ways = ways
        self.decision = 0
        priority = entries.FAST + number % flows.RANKS
        self._rules = [
            msgspec.structs.replace(flow, priority=priority, seconds=1)
            for flow in ranked(request, 0).flows
            if flow.table == SECURITY
        ]
        self._shot = bytearray(encode(self._messages()))
        self._xids = list(_messages(self._shot))
        flow_mods = [at for at in self._xids if self._shot[at + 1] == FLOW_MOD]
        self._timed = flow_mods
        self._marks = flow_mods[-len(self._rules) :]

    def _messages(self) -> list[Message]:
        # The way through a shut meter is to end when the rule does, with us or without.
        shut = [meter_set(meter, SHUT_KILOBITS) for meter in self.ways.values()]
        leases = [AddFlow(flow=way(match, m)) for match, m in self.ways.items()]
        rules = [AddFlow(flow=flow) for flow in self._rules]
        return [*shut, *leases, *rules, Barrier()]

    def fire(self, decision: int, seconds: int, xid: int) -> bytes:
        """Return the bytes that put it in force, for one decision."""
        self.decision = decision
        mark = entries.cookie(entries.FAST_KIND, decision)
        for at in self._marks:
            struct.pack_into("!Q", self._shot, at + COOKIE_AT, mark)
        for at in self._timed:
            struct.pack_into("!H", self._shot, at + SECONDS_AT, seconds)
        for at in self._xids:
            struct.pack_into("!I", self._shot, at + XID_AT, xid)
        return bytes(self._shot)

    def again(self) -> bytes:
        """Return the rules alone, as last fired: to have a switch look again."""
        end = self._xids[-1]
        return bytes(self._shot[self._marks[0] : end])


def way(match: Match, meter: int) -> Flow:
    """Return the leased rule that leads what it matches through a meter, and on."""
    return Flow(
        table=SECURITY,
        priority=entries.ARMED + bool(match.source) + bool(match.target),
        cookie=entries.cookie(entries.ARMED_KIND, meter),
        match=match,
        meter=meter,
        goto=FORWARDING,
        seconds=LEASE_S,
    )


def meter_set(meter: int, kilobits: int, *, modify: bool = True) -> SetMeter:
    """Return the message that opens or shuts a meter."""
    made = Meter(id=meter, rate=kilobits, burst=kilobits, is_kilobits=True)
    return SetMeter(meter=made, modify=modify)


def is_told_by_addresses(flow: Flow) -> bool:
    """Return whether a rule can have a meter in an always-on table.

    Ports there would multiply what a switch caches.
    """
    return not flow.match.protocol


def _messages(data: bytes | bytearray) -> Iterable[int]:
    at = 0
    while at < len(data):
        yield at
        at += HEADER.unpack_from(data, at)[2]


class Lane:
    """All that is armed.

    Args:
        protected: networks that no containment may match.
    """

    def __init__(self, protected: Sequence[Network]) -> None:
        self.protected = tuple(protected)
        self.slots: list[Slot] = []
        self._numbers: dict[bytes, int] = {}
        self._meters: dict[Match, int] = {}
        self._shut: dict[int, int] = {}

    def arm(self, request: Apply, *, is_metered: bool = True) -> Slot:
        """Return the slot of a containment, the same for the same one.

        Raises:
            ValueError: it must not be contained, or not in this way, or all are taken.
        """
        key = _key(request)
        number = self._numbers.get(key)
        if number is not None:
            return self.slots[number]
        if request.action not in ACTIONS:
            raise ValueError(f"{request.action} does not go by the fast lane")
        reason = flows.refusal(request, self.protected)
        if reason:
            raise ValueError(reason)
        if len(self.slots) >= SLOTS_MAX:
            raise ValueError(f"{SLOTS_MAX} containments are armed: the limit")
        number = len(self.slots)
        slot = Slot(request, number, self._ways(request) if is_metered else {})
        self._numbers[key] = number
        self.slots.append(slot)
        return slot

    def _ways(self, request: Apply) -> dict[Match, int]:
        """Return the meters of a containment; what matches the same shares one."""
        made = [flow for flow in ranked(request, 0).flows if is_told_by_addresses(flow)]
        found = {}
        for flow in made:
            if flow.table == SECURITY and len(self._meters) < METERS_MAX:
                meter = entries.LANE_METER_FIRST + len(self._meters)
                found[flow.match] = self._meters.setdefault(flow.match, meter)
        return found

    def armed(self, meters: Iterable[int] = ()) -> bytes:
        """Return what a switch needs to have: all of it, or that of some meters."""
        wanted = set(meters) or set(self._meters.values())
        messages: list[Message] = []
        for meter in sorted(wanted):
            # A switch keeps meters over reconnections, and reusing one is refused.
            messages.append(DeleteMeter(meter=meter))
            messages.append(meter_set(meter, OPEN_KILOBITS, modify=False))
        self._shut = {m: d for m, d in self._shut.items() if m not in wanted}
        return encode([*messages, *self._leases(wanted)])

    def renewed(self) -> bytes:
        """Return what prolongs every way through a meter."""
        return encode(self._leases(set(self._meters.values())))

    def _leases(self, meters: set[int]) -> list[Message]:
        return [
            AddFlow(flow=way(match, meter))
            for match, meter in self._meters.items()
            if meter in meters
        ]

    def fire(self, slot: Slot, decision: int, ttl_s: int, xid: int) -> bytes:
        """Return the bytes that put a slot in force, for one decision."""
        for meter in slot.ways.values():
            self._shut[meter] = decision
        return slot.fire(decision, min(ttl_s, RULE_S_MAX), xid)

    def reopened(self, decision: int) -> bytes:
        """Return what opens again the meters that a decision, the last, has shut."""
        mine = sorted(meter for meter, d in self._shut.items() if d == decision)
        for meter in mine:
            del self._shut[meter]
        opened = [meter_set(meter, OPEN_KILOBITS) for meter in mine]
        return encode([*opened, *self._leases(set(mine))])

    def released(self, decision: int, xid: int) -> bytes:
        """Return what ends whatever was fired for a decision."""
        mark = entries.cookie(entries.FAST_KIND, decision)
        gone = DeleteCookie(xid=xid, cookie=mark, mask=(1 << 64) - 1)
        return self.reopened(decision) + encode([gone, Barrier(xid=xid)])


def _key(request: Apply) -> bytes:
    """Return what tells one containment from another, whoever decides it, how long."""
    return msgspec.json.encode(
        (
            request.action,
            request.sources,
            request.source_port,
            request.gateway,
            request.port,
        )
    )
