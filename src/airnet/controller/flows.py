"""What a request becomes on a switch: flows, meters and groups. Pure.

Only what must tell one session or one port from others matches above layer 3: matches
on ports multiply the megaflows of Open vSwitch, and those can outlive a rule.
"""

from collections.abc import Collection, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec.structs import replace

from airnet.controller.entries import (
    ACTIONS,
    BASELINE,
    DECISION_BITS,
    DECISION_MASK,
    DROP,
    EXEMPT,
    FORWARDING,
    GROUP_COUNT,
    GROUP_FIRST,
    ISOLATE,
    KINDS,
    LIMIT,
    METER_COUNT,
    METER_FIRST,
    MIRROR,
    OWNER,
    OWNER_COOKIE,
    OWNER_MASK,
    RANKS,
    RECORDS,
    REROUTE,
    SECURITY,
    TCP,
    UDP,
    UNDO_MASK,
    Bucket,
    Flow,
    Group,
    Key,
    Match,
    Meter,
    Network,
    Plan,
    baseline,
    cookie,
    decision_bits,
    network,
    text_of,
)
from airnet.domain.address import address_bytes

__all__ = [
    "ACTIONS",
    "BASELINE",
    "DECISION_BITS",
    "DECISION_MASK",
    "DROP",
    "EXEMPT",
    "FORWARDING",
    "GROUP_COUNT",
    "GROUP_FIRST",
    "ISOLATE",
    "KINDS",
    "LIMIT",
    "METER_COUNT",
    "METER_FIRST",
    "MIRROR",
    "OWNER",
    "OWNER_COOKIE",
    "OWNER_MASK",
    "RANKS",
    "RECORDS",
    "REROUTE",
    "SECURITY",
    "TCP",
    "UDP",
    "UNDO_MASK",
    "Apply",
    "Bucket",
    "Flow",
    "Group",
    "Key",
    "Lead",
    "Match",
    "Meter",
    "Network",
    "Plan",
    "Release",
    "Status",
    "baseline",
    "cookie",
    "decision_bits",
    "network",
    "text_of",
]

#: How long rules stand without us; what is to stand longer is renewed while we live.
LEASE_S = 60
#: Actions whose rules hold source and gateway, which must be of one IP version.
FROM_TO = frozenset({"drop_sources", "isolate_session", "reroute", "mirror"})
TTL_MS_MAX = 65_535_000  # hard_timeout is 16 bits of seconds
SOURCES_MAX, KNOWN_MAX, HOPS_MAX = 512, 2048, 8
#: What each action cannot do without.
NEEDED = {
    "drop_sources": ("sources",),
    "rate_limit_sources": ("gateway",),
    "isolate_host": ("sources",),
    "isolate_subnet": ("sources",),
    "isolate_session": ("sources", "gateway", "port", "source_port"),
    "reroute": ("gateway", "path"),
    "mirror": ("sources", "path"),
}
#: A wider source than this is a mistake or an attack on us, not a containment.
PREFIX_MIN = {4: 16, 6: 32}

Id = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{1,64}$")]


class Request(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="command",
):
    """One line of the northbound socket; `command` says which kind."""


class Hop(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A way round: a port of the switch, and the next hop's address behind it."""

    port: Annotated[int, msgspec.Meta(ge=1, le=0xFFFFFF00)]
    mac: Annotated[str, msgspec.Meta(pattern="^(|([0-9a-f]{2}:){5}[0-9a-f]{2})$")] = ""


class Apply(Request, frozen=True, kw_only=True, tag="apply"):
    """Contain `sources` for `ttl_ms`; `known` hosts are never to be touched.

    `gateway` and `port` narrow it to what is sent there; "" and 0 do not. A session is
    its client (the one source), `source_port`, `gateway` and `port`. `path` is where a
    reroute goes, the first way that is alive, and where a mirror copies to.
    """

    id: Id
    action: Literal[
        "drop_sources",
        "rate_limit_sources",
        "isolate_host",
        "isolate_subnet",
        "isolate_session",
        "reroute",
        "mirror",
    ]
    ttl_ms: Annotated[int, msgspec.Meta(ge=1, le=TTL_MS_MAX)]
    sources: Annotated[tuple[str, ...], msgspec.Meta(max_length=SOURCES_MAX)] = ()
    gateway: str = ""
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    source_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    known: Annotated[tuple[str, ...], msgspec.Meta(max_length=KNOWN_MAX)] = ()
    packets_per_second: Annotated[int, msgspec.Meta(ge=1, le=10_000_000)] = 100
    path: Annotated[tuple[Hop, ...], msgspec.Meta(max_length=HOPS_MAX)] = ()

    def __post_init__(self) -> None:
        decision_bits(self.id)
        for text in (*self.sources, *self.known):
            network(text)
        if self.gateway:
            address_bytes(self.gateway)
        for name in NEEDED[self.action]:
            if not getattr(self, name):
                raise ValueError(f"`{name}` is needed for {self.action}")
        if self.action == "isolate_session" and len(self.sources) != 1:
            raise ValueError("a session has one client: one source")


class Release(Request, frozen=True, kw_only=True, tag="release"):
    """End the containment `id` now."""

    id: Id

    def __post_init__(self) -> None:
        decision_bits(self.id)


class Named(msgspec.Struct, frozen=True):
    """As much of a refused request as its answer needs to be recognised."""

    id: str = ""


class Lead(Request, frozen=True, kw_only=True, tag="lead"):
    """Take the lead over every switch, from whichever controller has it."""


class Status(Request, frozen=True, kw_only=True, tag="status"):
    """Say which switches are there and what stands on them."""


def refusal(
    request: Apply, protected: Sequence[Network], *, is_listed: bool = False
) -> str:
    """Return why `request` must not be carried out, or nothing.

    What is protected goes only where the operator listed. A source may not overlap the
    gateway itself, a protected network or (for a drop, whose victims nobody named one
    by one) a known host.
    """
    spared = [(place, "protected") for place in protected]
    if request.action == "reroute" and not is_listed:
        ours = network(request.gateway)
        for place in protected:
            if ours.version == place.version and ours.overlaps(place):
                return f"{request.gateway} is protected ({place})"
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
        to = request.gateway if request.action in FROM_TO else ""
        if to and source.version != network(to).version:
            return f"{text} and {to} are of different IP versions"
    return ""


def plan(
    request: Apply, taken: Collection[Key], meter: int = 0, group: int = 0
) -> Plan:
    """Return what `request` puts on each switch, beside the entries `taken`.

    Raises:
        ValueError: every rank is taken by containments of the same match.
    """
    for rank in range(RANKS):
        made = ranked(request, rank, meter, group)
        if not any(flow.key in taken for flow in made.flows):
            return made
    raise ValueError(f"{RANKS} containments already match the same")


def whole_seconds(request: Apply) -> int:
    """Return how long a containment stands in all, in a switch's whole seconds."""
    return -(-request.ttl_ms // 1000)


def ranked(request: Apply, rank: int, meter: int = 0, group: int = 0) -> Plan:
    """Return what `request` puts on each switch at `rank` of its priorities."""
    mark = cookie(KINDS[request.action], decision_bits(request.id))
    seconds = whole_seconds(request)
    make = Rules(request, rank, mark, min(seconds, LEASE_S))
    flows, meters, groups = make.made(meter, group)
    if seconds > LEASE_S:
        note = Match(metadata=decision_bits(request.id))
        flows.append(
            Flow(table=RECORDS, priority=1, cookie=mark, match=note, seconds=seconds)
        )
    return Plan(flows=tuple(flows), meters=meters, groups=groups, rank=rank)


Made = tuple[list[Flow], tuple[Meter, ...], tuple[Group, ...]]


class Rules(msgspec.Struct, frozen=True):
    """The rules of one request, at one rank, under one cookie, for one lease."""

    request: Apply
    rank: int
    cookie: int
    seconds: int

    def rule(self, priority: int, match: Match, goto: int = 0) -> Flow:
        """Return one leased rule of the security table; without `goto` it drops."""
        return Flow(
            table=SECURITY,
            priority=priority + self.rank,
            cookie=self.cookie,
            match=match,
            seconds=self.seconds,
            goto=goto,
        )

    def made(self, meter: int, group: int) -> Made:
        """Return flows, meters and groups."""
        match self.request.action:
            case "rate_limit_sources":
                return self._limit(meter)
            case "reroute":
                return self._reroute(group)
            case "mirror":
                port = self.request.path[0].port
                copies = [
                    replace(self.rule(MIRROR, match, FORWARDING), output=port)
                    for match in self._matches()
                ]
                return copies, (), ()
            case "drop_sources":
                return [self.rule(DROP, match) for match in self._matches()], (), ()
        return [self.rule(ISOLATE, match) for match in self._both_ways()], (), ()

    def _gateway(self) -> str:
        gateway = self.request.gateway
        return text_of(network(gateway)) if gateway else ""

    def _matches(self) -> list[Match]:
        sources = [text_of(place) for place in _merged(self.request.sources)] or [""]
        return [Match(source=text, target=self._gateway()) for text in sources]

    def _both_ways(self) -> list[Match]:
        request = self.request
        sources = [text_of(place) for place in _merged(request.sources)]
        if request.action != "isolate_session":
            pairs = [(Match(source=text), Match(target=text)) for text in sources]
            return [match for pair in pairs for match in pair]
        ends = [(sources[0], request.source_port), (self._gateway(), request.port)]
        return [
            Match(
                source=here[0],
                target=there[0],
                protocol=TCP,
                source_port=here[1],
                port=there[1],
            )
            for here, there in (ends, ends[::-1])
        ]

    def _limit(self, meter: int) -> Made:
        request, gateway = self.request, self._gateway()
        matches = [Match(target=gateway)]
        if request.port:
            matches = [
                Match(target=gateway, protocol=protocol, port=request.port)
                for protocol in (TCP, UDP)
            ]
        version = network(gateway).version
        flows = [
            self.rule(EXEMPT, Match(source=text_of(place), target=gateway), FORWARDING)
            for place in _merged(request.known)
            if place.version == version
        ]
        flows += [
            replace(self.rule(LIMIT, one, FORWARDING), meter=meter) for one in matches
        ]
        rate = request.packets_per_second
        # A tenth of a second of burst: a meter starts with a full bucket.
        limit = Meter(id=meter, rate=rate, burst=max(1, rate // 10))
        return flows, (limit,), ()

    def _reroute(self, group: int) -> Made:
        """Return rules to a group whose last way, if none is alive, is as before."""
        ways = [Bucket(port=hop.port, mac=hop.mac) for hop in self.request.path]
        usual = Group(id=group + 1, buckets=(Bucket(),))
        chosen = Group(id=group, buckets=(*ways, Bucket(group=usual.id)))
        rules = [self.rule(REROUTE, match) for match in self._matches()]
        return [replace(one, group=group) for one in rules], (), (usual, chosen)


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


def free_group(decision: int, taken: Collection[int]) -> int:
    """Return the first of two group ids of ours that are not in `taken`.

    Raises:
        ValueError: all are taken.
    """
    pairs = GROUP_COUNT // 2
    for step in range(pairs):
        group = GROUP_FIRST + 2 * ((decision + step) % pairs)
        if group not in taken:
            return group
    raise ValueError(f"all {GROUP_COUNT} groups are taken")


def _merged(texts: Sequence[str]) -> list[Network]:
    """Return each network once, in the order given."""
    return list(dict.fromkeys(network(text) for text in texts))
