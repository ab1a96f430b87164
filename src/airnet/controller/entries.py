"""Entries: what stands in a switch, as frozen values: flows, meters, groups. Pure.

Three tables (OpenFlow 1.3.5 section 5.1). Table 0, security: the rules of containments,
each with a hard timeout, and a miss that goes on. Table 1, forwarding: NORMAL. Table
2, which no packet comes to: when a containment that outlives its lease is to end. A
cookie is owner 8 bits | kind 8 | decision 48, so one masked delete undoes exactly one
containment.
"""

import functools
import ipaddress

import msgspec

from airnet.domain.address import address_bytes, address_text

SECURITY, FORWARDING, RECORDS = 0, 1, 2
OWNER = 0xA1
DECISION_BITS = 48
DECISION_MASK = (1 << DECISION_BITS) - 1
OWNER_MASK = 0xFF << 56
OWNER_COOKIE = OWNER << 56
#: Owner and decision: what a release deletes by, whatever the kind was.
UNDO_MASK = OWNER_MASK | DECISION_MASK

BASELINE = 0
KINDS = {
    "drop_sources": 1,
    "rate_limit_sources": 2,
    "isolate_host": 3,
    "isolate_subnet": 4,
    "isolate_session": 5,
    "reroute": 6,
    "mirror": 7,
}
#: The fast lane's: a rule that holds until the controller's own does, and the way
#: through a meter, which is armed for nobody's containment yet.
FAST_KIND, ARMED_KIND = 8, 9
#: What stands for a second beside a rule that has come or gone (`refresh`).
REFRESH_KIND = 10
ACTIONS = {number: name for name, number in KINDS.items()} | {FAST_KIND: "fast"}

#: Lowest priority of each kind of rule; containments alike take the ranks above.
ISOLATE, DROP, EXEMPT, LIMIT = 60000, 50000, 40000, 30000
FAST, REROUTE, MIRROR, ARMED = 55000, 20000, 15000, 10000
RANKS = 1000

#: Open vSwitch takes meter ids to 0x3ffff (measured); these are ours.
METER_FIRST, METER_COUNT = 0x20000, 0x10000
LANE_METER_FIRST = 0x30000
GROUP_FIRST, GROUP_COUNT = 0xA1000000, 0x10000
TCP, UDP = 6, 17

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Key = tuple[int, int, "Match"]


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """What a flow matches: IP addresses or prefixes as text, a protocol and port.

    `foreign` holds what a switch reported and no rule of ours can say.
    """

    source: str = ""
    target: str = ""
    protocol: int = 0
    port: int = 0
    source_port: int = 0
    metadata: int = 0
    foreign: str = ""

    @property
    def version(self) -> int:
        """Return 4, 6, or 0 when any packet matches."""
        text = self.source or self.target
        return (6 if ":" in text else 4) if text else 0


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a table. One that neither goes on nor outputs, drops.

    `seconds` is the hard timeout, 0 for ever; `meter` and `group` 0 are none, `goto`
    0 is nowhere; `output` is a port that gets a copy.
    """

    table: int
    priority: int
    cookie: int
    match: Match = Match()
    meter: int = 0
    goto: int = 0
    normal: bool = False
    output: int = 0
    group: int = 0
    seconds: int = 0

    @property
    def key(self) -> Key:
        """Return what tells this entry from every other of the switch."""
        return (self.table, self.priority, self.match)


class Meter(msgspec.Struct, frozen=True, kw_only=True):
    """A meter that drops above `rate` frames (or kilobits) a second after `burst`."""

    id: int
    rate: int
    burst: int
    is_kilobits: bool = False


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """One way on: a port, alive while its link is, or another group, or NORMAL.

    `mac` is the next hop's address, "" to leave the frame's.
    """

    port: int = 0
    group: int = 0
    mac: str = ""


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """The first of its ways that is alive (OFPGT_FF), or its only one."""

    id: int
    buckets: tuple[Bucket, ...]

    @property
    def is_failover(self) -> bool:
        """Return whether a way is chosen by what is alive."""
        return any(bucket.port or bucket.group for bucket in self.buckets)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """All a request puts on each switch. `rank` keeps like containments apart."""

    flows: tuple[Flow, ...]
    meters: tuple[Meter, ...] = ()
    groups: tuple[Group, ...] = ()
    rank: int


@functools.lru_cache(maxsize=8192)
def network(text: str) -> Network:
    """Return an address or prefix as a network; an IPv4-mapped address as IPv4.

    Raises:
        ValueError: it is neither, or has bits set right of its prefix.
    """
    if "/" in text:
        return ipaddress.ip_network(text)
    return ipaddress.ip_network(address_text(address_bytes(text)))


def text_of(place: Network) -> str:
    """Return a network as a Match holds it: a host without its prefix length."""
    whole = place.prefixlen == place.max_prefixlen
    return str(place.network_address if whole else place)


def decision_bits(identity: str) -> int:
    """Return the cookie's part of a decision id: its first 12 hex digits.

    Raises:
        ValueError: they are 0, which stands for the baseline.
    """
    bits = int(identity[: DECISION_BITS // 4], 16)
    if not bits:
        raise ValueError("the first 12 digits of `id` are 0")
    return bits


def cookie(kind: int, decision: int) -> int:
    """Return owner | kind | decision."""
    return OWNER_COOKIE | kind << DECISION_BITS | decision


def baseline() -> tuple[Flow, ...]:
    """Return the flows of a switch without any containment: it forwards."""
    mark = cookie(BASELINE, 0)
    return (
        Flow(table=SECURITY, priority=0, cookie=mark, goto=FORWARDING),
        Flow(table=FORWARDING, priority=0, cookie=mark, normal=True),
    )
