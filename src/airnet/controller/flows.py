"""What a request becomes on a switch: flows and meters as frozen values. Pure.

Two tables (OpenFlow 1.3.5 section 5.1). Table 0, security: the rules of containments,
each with a hard timeout, and a miss that goes on. Table 1, forwarding: NORMAL. A
cookie is owner 8 bits | kind 8 | decision 48, so one masked delete undoes exactly one
containment. Only a rate limit of one port matches above layer 3: matches on ports
multiply the megaflows of Open vSwitch, and those can outlive a rule (sdn.md 3.4).
"""

import ipaddress
from collections.abc import Collection, Sequence
from typing import Annotated, Literal

import msgspec

from airnet.domain.session import address_bytes, address_text

SECURITY, FORWARDING = 0, 1
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
}
ACTIONS = {number: name for name, number in KINDS.items()}

#: Lowest priority of each kind of rule; containments alike take the ranks above.
ISOLATE, DROP, EXEMPT, LIMIT = 60000, 50000, 40000, 30000
RANKS = 1000

#: Open vSwitch takes meter ids to 0x3ffff (measured); these are ours.
METER_FIRST, METER_COUNT = 0x20000, 0x10000
TTL_MS_MAX = 65_535_000  # hard_timeout is 16 bits of seconds
SOURCES_MAX, KNOWN_MAX = 512, 2048
#: A wider source than this is a mistake or an attack on us, not a containment.
PREFIX_MIN = {4: 16, 6: 32}
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
    foreign: str = ""

    @property
    def version(self) -> int:
        """Return 4, 6, or 0 when any packet matches."""
        text = self.source or self.target
        return (6 if ":" in text else 4) if text else 0


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a table. One that neither goes on nor outputs, drops.

    `seconds` is the hard timeout, 0 for ever; `meter` 0 is none, `goto` 0 nowhere.
    """

    table: int
    priority: int
    cookie: int
    match: Match = Match()
    meter: int = 0
    goto: int = 0
    normal: bool = False
    seconds: int = 0

    @property
    def key(self) -> Key:
        """Return what tells this entry from every other of the switch."""
        return (self.table, self.priority, self.match)


class Meter(msgspec.Struct, frozen=True, kw_only=True):
    """A meter that drops above `packets_per_second`, after a burst of `burst`."""

    id: int
    packets_per_second: int
    burst: int


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """All a request puts on each switch. `rank` keeps like containments apart."""

    flows: tuple[Flow, ...]
    meters: tuple[Meter, ...]
    rank: int


Id = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{1,64}$")]


class Request(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="command",
):
    """One line of the northbound socket; `command` says which kind."""


class Apply(Request, frozen=True, kw_only=True, tag="apply"):
    """Contain `sources` for `ttl_ms`; `known` hosts are never to be touched.

    `gateway` and `port` narrow it to what is sent there; "" and 0 do not.
    """

    id: Id
    action: Literal[
        "drop_sources", "rate_limit_sources", "isolate_host", "isolate_subnet"
    ]
    ttl_ms: Annotated[int, msgspec.Meta(ge=1, le=TTL_MS_MAX)]
    sources: Annotated[tuple[str, ...], msgspec.Meta(max_length=SOURCES_MAX)] = ()
    gateway: str = ""
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    known: Annotated[tuple[str, ...], msgspec.Meta(max_length=KNOWN_MAX)] = ()
    packets_per_second: Annotated[int, msgspec.Meta(ge=1, le=10_000_000)] = 100

    def __post_init__(self) -> None:
        decision_bits(self.id)
        for text in (*self.sources, *self.known):
            network(text)
        if self.gateway:
            address_bytes(self.gateway)
        if self.action == "rate_limit_sources":
            if not self.gateway:
                raise ValueError("`gateway` is needed for rate_limit_sources")
        elif not self.sources:
            raise ValueError(f"`sources` is needed for {self.action}")


class Release(Request, frozen=True, kw_only=True, tag="release"):
    """End the containment `id` now."""

    id: Id

    def __post_init__(self) -> None:
        decision_bits(self.id)


class Named(msgspec.Struct, frozen=True):
    """As much of a refused request as its answer needs to be recognised."""

    id: str = ""


class Status(Request, frozen=True, kw_only=True, tag="status"):
    """Say which switches are there and what stands on them."""


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


def refusal(request: Apply, protected: Sequence[Network]) -> str:
    """Return why `request` must not be carried out, or nothing.

    A source may not overlap the gateway itself, a protected network or (for a drop,
    whose victims nobody named one by one) a known host.
    """
    spared = [(place, "protected") for place in protected]
    if request.gateway:
        spared.append((network(request.gateway), "the gateway itself"))
    if request.action == "drop_sources":
        spared += [(network(text), "a known host") for text in request.known]
    for text in request.sources:
        source = network(text)
        if source.prefixlen < PREFIX_MIN[source.version]:
            return f"{text} is wider than /{PREFIX_MIN[source.version]}"
        for place, why in spared:
            if source.version == place.version and source.overlaps(place):
                return f"{text} is {why}" + (f" ({place})" if "/" in text else "")
        to = request.gateway if request.action == "drop_sources" else ""
        if to and source.version != network(to).version:
            return f"{text} and {to} are of different IP versions"
    return ""


def plan(request: Apply, taken: Collection[Key], meter: int) -> Plan:
    """Return what `request` puts on each switch, beside the entries `taken`.

    Raises:
        ValueError: every rank is taken by containments of the same match.
    """
    for rank in range(RANKS):
        made = ranked(request, rank, meter)
        if not any(flow.key in taken for flow in made.flows):
            return made
    raise ValueError(f"{RANKS} containments already match the same")


def ranked(request: Apply, rank: int, meter: int) -> Plan:
    """Return what `request` puts on each switch at `rank` of its priorities."""
    mark = cookie(KINDS[request.action], decision_bits(request.id))
    seconds = -(-request.ttl_ms // 1000)

    def rule(priority: int, match: Match, *, goto: int = 0, meter: int = 0) -> Flow:
        return Flow(
            table=SECURITY,
            priority=priority + rank,
            cookie=mark,
            match=match,
            goto=goto,
            meter=meter,
            seconds=seconds,
        )

    sources = [text_of(place) for place in _merged(request.sources)]
    gateway = text_of(network(request.gateway)) if request.gateway else ""
    if request.action == "drop_sources":
        drops = [rule(DROP, Match(source=text, target=gateway)) for text in sources]
        return Plan(flows=tuple(drops), meters=(), rank=rank)
    if request.action in {"isolate_host", "isolate_subnet"}:
        both = [(Match(source=text), Match(target=text)) for text in sources]
        drops = [rule(ISOLATE, match) for pair in both for match in pair]
        return Plan(flows=tuple(drops), meters=(), rank=rank)
    matches = [Match(target=gateway)]
    if request.port:
        matches = [
            Match(target=gateway, protocol=protocol, port=request.port)
            for protocol in (TCP, UDP)
        ]
    flows = [
        rule(EXEMPT, Match(source=text_of(place), target=gateway), goto=FORWARDING)
        for place in _merged(request.known)
        if place.version == network(request.gateway).version
    ]
    flows += [rule(LIMIT, match, goto=FORWARDING, meter=meter) for match in matches]
    rate = request.packets_per_second
    # A tenth of a second of burst: a meter starts with a full bucket (sdn.md 3.2a).
    limit = Meter(id=meter, packets_per_second=rate, burst=max(1, rate // 10))
    return Plan(flows=tuple(flows), meters=(limit,), rank=rank)


def rank_of(flow: Flow) -> int:
    """Return the rank a reported flow of ours was made at."""
    return flow.priority % RANKS


def free_meter(decision: int, taken: Collection[int]) -> int:
    """Return a meter id of ours that is not in `taken`, the same for the same asker.

    Raises:
        ValueError: all are taken.
    """
    for step in range(METER_COUNT):
        meter = METER_FIRST + (decision + step) % METER_COUNT
        if meter not in taken:
            return meter
    raise ValueError(f"all {METER_COUNT} meters are taken")


def _merged(texts: Sequence[str]) -> list[Network]:
    """Return each network once, in the order given."""
    return list(dict.fromkeys(network(text) for text in texts))
