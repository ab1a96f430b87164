"""Lane, the fast lane's mind: containments as prebuilt bytes. Pure.

What may have to be contained is armed beforehand: its bytes are made, and where it is
told by addresses alone, its traffic passes a meter that is wide open. To fire is to
write, at once, the meter shut and the drop rule. The meter acts on what the switch has
cached already, within the switch's next turn; the rule is hard, but a switch's cache
may hide it for a while. Both end without us: the rule by its hard timeout, the meter
because the flow that leads through it is itself a lease.
"""

import ipaddress
import struct
from collections.abc import Iterable, Sequence

import msgspec

from airnet.controller import entries, flows
from airnet.controller.entries import (
    DECISION_BITS,
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
from airnet.controller.refresh import twins
from airnet.domain.address import address_text

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
#: Who a template is about until it is fired, and what tells where that stands: no byte
#: of it is 0. A source of 0.0.0.0 is none (RFC 1122, 3.2.1.3).
ANYBODY_4 = (str(ipaddress.IPv4Address(0)),)
ANYBODY_6 = (str(ipaddress.IPv6Address(0)),)
PLACEHOLDERS = ("85.85.85.85", ":".join(["5555"] * 8))
#: What was fired and is remembered, to write its rules again: so many bytes in all.
FIRED_BYTES_MAX = 1 << 24
#: What a client writes itself has xids of this bit, then the slot, then a count: so it
#: is known what was fired though nobody lived to tell.
DIRECT, SLOT_SHIFT = 1 << 31, 16
#: A cookie but for where the kinds of fast rules and of their twins differ.
RULES_MASK = (1 << 64) - 1 ^ (entries.FAST_KIND ^ entries.REFRESH_KIND) << DECISION_BITS
#: Where a flow-mod holds its cookie and hard timeout (OpenFlow 1.3.5, 7.3.4.1).
COOKIE_AT, SECONDS_AT, XID_AT = 8, 28, 4
_COOKIE, _SECONDS, _XID = (struct.Struct(kind).pack_into for kind in ("!Q", "!H", "!I"))


class Prepared(msgspec.Struct, frozen=True):
    """The bytes of one containment, and where what is told late stands in them.

    What `data` holds is put in for each address, where there are any; `end` comes once.
    """

    data: bytes
    end: bytes
    cookies: tuple[int, ...]
    seconds: tuple[int, ...]
    xids: tuple[int, ...]
    sources: tuple[int, ...] = ()
    address_bytes: int = 0
    mark: int = entries.cookie(entries.FAST_KIND, 0)
    seconds_max: int = RULE_S_MAX

    def filled(self, decision: int, ttl_s: int, xid: int, address: bytes) -> bytes:
        """Return `data` for one decision, and one source where there is room for it."""
        made = bytearray(self.data)
        for at in self.cookies:
            _COOKIE(made, at + COOKIE_AT, self.mark | decision)
        for at in self.seconds:
            _SECONDS(made, at + SECONDS_AT, min(ttl_s, self.seconds_max))
        for at in self.xids:
            _XID(made, at + XID_AT, xid)
        for at in self.sources:
            made[at : at + self.address_bytes] = address[-self.address_bytes :]
        return bytes(made)

    def shot(
        self, decision: int, ttl_s: int, xid: int, addresses: Sequence[bytes] = ()
    ) -> bytes:
        """Return what is written to put it in force: at last the barrier."""
        parts = [
            self.filled(decision, ttl_s, xid, address)
            for address in (addresses if self.sources else (b"",))
        ]
        end = bytearray(self.end)
        _XID(end, XID_AT, xid)
        return b"".join((*parts, end))


class Slot:
    """One armed containment, and the bytes that put it in force.

    Where its sources are not known yet (ANYBODY), it is a template: who it is about is
    told when it is fired, and no meter can be ready for them.

    Args:
        request: what is armed; its id and ttl do not count.
        number: which slot it is.
        ways: what of its traffic passes which meter.
    """

    def __init__(self, request: Apply, number: int, ways: dict[Match, int]) -> None:
        self.number = number
        self.request = request
        self.ways = ways
        self._priority = entries.FAST + number % flows.RANKS
        data = self._bytes(request)
        at = list(_messages(data))
        flow_mods = tuple(one for one in at if data[one + 1] == FLOW_MOD)
        #: The rules, which come last: those of the containment itself.
        rules = flow_mods[len(ways) :]
        self._rules_at = rules[0]
        self._is_wide = request.sources == ANYBODY_6
        width = 16 if self._is_wide else 4
        sources: tuple[int, ...] = ()
        if self.is_template:
            sources = tuple(_holes(data, self._bytes(_other(request)), width))
        self.prepared = Prepared(
            data=data,
            end=encode([Barrier()]),
            cookies=rules,
            seconds=flow_mods,
            xids=tuple(at),
            sources=sources,
            address_bytes=width,
        )

    @property
    def is_template(self) -> bool:
        """Return whether its source is told when it is fired."""
        return self.request.sources in (ANYBODY_4, ANYBODY_6)

    def _bytes(self, request: Apply) -> bytes:
        # The way through a shut meter is to end when the rule does, with us or without.
        shut = [meter_set(meter, SHUT_KILOBITS) for meter in self.ways.values()]
        leases = [AddFlow(flow=way(match, m)) for match, m in self.ways.items()]
        rules = [
            AddFlow(flow=msgspec.structs.replace(flow, priority=self._priority))
            for flow in ranked(request, 0).flows
            if flow.table == SECURITY
        ]
        return encode([*shut, *leases, *rules])

    def fire(
        self, decision: int, seconds: int, xid: int, addresses: Sequence[bytes] = ()
    ) -> bytes:
        """Return the bytes that put it in force, for one decision."""
        return self.prepared.shot(decision, seconds, xid, addresses)

    def rules(self, made: bytes) -> bytes:
        """Return the rules alone of what `fire` made: to have a switch look again."""
        size = len(self.prepared.data)
        end = len(made) - len(self.prepared.end)
        return b"".join(
            made[at + self._rules_at : at + size] for at in range(0, end, size)
        )

    def refusal(self, addresses: Sequence[bytes], protected: Sequence[Network]) -> str:
        """Return why a template must not be fired at these, or nothing."""
        if not self.is_template:
            return "it says itself whom it is about" if addresses else ""
        if not addresses:
            return "it is about nobody"
        if any((":" in address_text(one)) != self._is_wide for one in addresses):
            return "it is about the other version of IP"
        texts = tuple(address_text(one) for one in addresses)
        told = msgspec.structs.replace(self.request, sources=texts)
        return flows.refusal(told, protected)


def _other(request: Apply) -> Apply:
    """Return the same template with a source of which every byte is another."""
    other = PLACEHOLDERS[":" in request.sources[0]]
    return msgspec.structs.replace(request, sources=(other,))


def _holes(one: bytes, other: bytes, width: int) -> Iterable[int]:
    """Return where two templates differ: that is where their sources stand."""
    at = 0
    while at < len(one):
        if one[at] == other[at]:
            at += 1
            continue
        yield at
        at += width


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
        self._fired: dict[tuple[int, int], tuple[int, bytes]] = {}
        #: Where the rules of a decision are, as last fired for it.
        self._keys: dict[int, tuple[int, int]] = {}
        self._fired_bytes = 0

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
        is_known = request.sources not in (ANYBODY_4, ANYBODY_6)
        ways = self._ways(request) if is_metered and is_known else {}
        slot = Slot(request, number, ways)
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

    def fire(
        self,
        slot: Slot,
        decision: int,
        ttl_s: int,
        xid: int,
        addresses: Sequence[bytes] = (),
    ) -> bytes:
        """Return the bytes that put a slot in force, for one decision."""
        made = slot.fire(decision, ttl_s, xid, addresses)
        self.fired(slot, decision, made)
        return made

    def fired(self, slot: Slot, decision: int, made: bytes) -> None:
        """Take note of what a slot has made for one decision and was written."""
        for meter in slot.ways.values():
            self._shut[meter] = decision
        self._remember(slot, decision, slot.rules(made))

    def _remember(self, slot: Slot, decision: int, rules: bytes) -> None:
        """Keep what was fired: of a template each decision's, else the last one."""
        key = slot.number, decision if slot.is_template else 0
        self._forget(key)
        self._fired[key], self._keys[decision] = (decision, rules), key
        self._fired_bytes += len(rules)
        while self._fired_bytes > FIRED_BYTES_MAX:
            self._forget(next(iter(self._fired)))

    def _forget(self, key: tuple[int, int]) -> None:
        decision, rules = self._fired.pop(key, (0, b""))
        self._fired_bytes -= len(rules)
        if self._keys.get(decision) == key:
            del self._keys[decision]

    def again(self, number: int, decision: int) -> bytes:
        """Return the rules alone, as last fired, and their twins: to look anew."""
        is_template = self.slots[number].is_template
        rules = self._rules_of((number, decision if is_template else 0), decision)
        return rules + twins(rules)

    def _rules_of(self, key: tuple[int, int], decision: int) -> bytes:
        fired = self._fired.get(key, (0, b""))
        return fired[1] if fired[0] == decision else b""

    def reopened(self, decision: int) -> bytes:
        """Return what opens again the meters that a decision, the last, has shut."""
        mine = {meter for meter, d in self._shut.items() if d == decision}
        for meter in mine:
            del self._shut[meter]
        return self._opened(mine)

    def reopened_after(self, xid: int) -> bytes:
        """Return what opens the meters of a shot that nobody lived to tell of."""
        number = (xid & ~DIRECT) >> SLOT_SHIFT
        if number >= len(self.slots):
            return b""
        mine = set(self.slots[number].ways.values())
        return self._opened(mine - set(self._shut))

    def _opened(self, meters: set[int]) -> bytes:
        opened = [meter_set(meter, OPEN_KILOBITS) for meter in sorted(meters)]
        return encode([*opened, *self._leases(meters)])

    def released(self, decision: int, xid: int) -> bytes:
        """Return what ends whatever was fired for a decision."""
        mark = entries.cookie(entries.FAST_KIND, decision)
        gone = DeleteCookie(xid=xid, cookie=mark, mask=RULES_MASK)
        rules = self._rules_of(self._keys.get(decision, (0, 0)), decision)
        ended = self.reopened(decision) + encode([gone, Barrier(xid=xid)])
        return ended + twins(rules, is_over=True)


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
