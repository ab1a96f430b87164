"""Attacks that aim airnet at somebody else: frames to mix into a quiet market."""

import random
import struct
from collections.abc import Iterator

import msgspec

from airnet.domain.address import address_text
from airnet.twin.traffic import Episode, Params, generate
from airnet.twin.wire import Frame
from tests.fakes.frames import ethernet, packet, seal, tcp

MS, S = 1_000_000, 1_000_000_000
SYN, ACK, PSH = 2, 16, 8
ATTACKER = "198.51.100.66"
QUIET = Params(duration_s=12.0, sessions=8, rate=40.0)
ONSET_NS, LENGTH_NS = 4 * S, 6 * S
#: Of who logs on late.
LATE_ORDERS = 5


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """A live session as a wiretap knows it when the attack begins."""

    client: tuple[str, int]
    server: tuple[str, int]
    next_sequence: int
    acknowledged: int
    comps: tuple[bytes, bytes]
    number: int


def quiet(seed: int = 3) -> Episode:
    """Return a market in which nothing is wrong."""
    return generate("quiet", seed, params=QUIET)


def begin(episode: Episode) -> int:
    """Return when attacks begin."""
    return episode.frames[0][0] + ONSET_NS


def mixed(episode: Episode, attack: list[Frame]) -> list[Frame]:
    """Return the market and the attack, in order of time."""
    return sorted([*episode.frames, *attack], key=lambda one: one[0])


def times(start_ns: int, rate: int, length_ns: int = LENGTH_NS) -> Iterator[int]:
    """Yield `rate` times a second."""
    for index in range(rate * length_ns // S):
        yield start_ns + index * S // rate


def sessions(episode: Episode) -> list[Live]:
    """Return every session that is alive when attacks begin."""
    gateways = {(one.ip, one.port) for one in episode.site.gateways}
    found: dict[tuple[str, int], Live] = {}
    for time_ns, data in episode.frames:
        if time_ns >= begin(episode):
            break
        ends = ends_of(data)
        if ends is None or ends[1] not in gateways:
            continue
        client, server, sequence, acknowledged, payload = ends
        comps = found[client].comps if client in found else (b"", b"")
        number = found[client].number if client in found else 0
        if payload.startswith(b"8=FIX"):
            fields = dict(one.split(b"=", 1) for one in payload.split(b"\1") if one)
            comps = fields.get(b"49", b""), fields.get(b"56", b"")
            number = int(fields.get(b"34", b"0"))
        found[client] = Live(
            client=client,
            server=server,
            next_sequence=sequence + len(payload),
            acknowledged=acknowledged,
            comps=comps,
            number=number,
        )
    return [one for one in found.values() if one.comps[0]]


def ends_of(
    data: bytes,
) -> tuple[tuple[str, int], tuple[str, int], int, int, bytes] | None:
    """Return client, server, numbers and payload of a plain IPv4 TCP frame."""
    if data[12:14] != b"\x08\0" or data[23] != 6:
        return None
    head = 14 + (data[14] & 15) * 4
    source, target, sequence, acknowledged = struct.unpack_from(">HHII", data, head)
    total = struct.unpack_from(">H", data, 16)[0]
    payload = data[head + (data[head + 12] >> 4) * 4 : 14 + total]
    mapped = b"\0" * 10 + b"\xff\xff"
    return (
        (address_text(mapped + data[26:30]), source),
        (address_text(mapped + data[30:34]), target),
        sequence,
        acknowledged,
        payload,
    )


def hosts(episode: Episode) -> list[str]:
    """Return the firms' hosts."""
    return sorted({host for firm in episode.site.firms for host in firm.hosts})


def syn_flood(
    episode: Episode, sources: list[str], rate: int = 3000, *, ports: int = 60_000
) -> list[Frame]:
    """Return SYNs that bear these addresses."""
    rng = random.Random(1)
    gateway = episode.site.gateways[0]
    return [
        (
            at,
            ethernet(
                tcp(
                    (
                        (rng.choice(sources), 1024 + rng.randrange(ports)),
                        place(gateway),
                    ),
                    rng.randrange(1 << 32),
                    flags=SYN,
                    is_summed=True,
                )
            ),
        )
        for at in times(begin(episode), rate)
    ]


def udp_flood(episode: Episode, sources: list[str], rate: int = 3000) -> list[Frame]:
    """Return datagrams that bear these addresses."""
    rng = random.Random(2)
    gateway = episode.site.gateways[0]
    body = struct.pack(">HHHH", 4000, gateway.port, 108, 0) + bytes(100)
    return [
        (at, ethernet(packet(rng.choice(sources), gateway.ip, 17, body)))
        for at in times(begin(episode), rate)
    ]


def forged(episode: Episode, live: Live, rate: int, *, is_blind: bool) -> list[Frame]:
    """Return orders pressed into a live session: blind to its numbers, or not."""
    rng = random.Random(3)
    sequence, frames = live.next_sequence, []
    for index, at in enumerate(times(begin(episode), rate)):
        body = new_order(live, live.number + 1 + index)
        if is_blind:
            sequence = rng.randrange(1 << 32)
        frames.append((at, _segment(live, sequence, body)))
        sequence += 0 if is_blind else len(body)
    return frames


def replayed(episode: Episode, live: Live, rate: int) -> list[Frame]:
    """Return a session's own frames again, as they were, faster."""
    own = [
        data
        for time_ns, data in episode.frames
        if time_ns < begin(episode) and _is_of(data, live.client)
    ]
    every = list(times(begin(episode), rate))
    return [(at, own[index % len(own)]) for index, at in enumerate(every)]


def riding(episode: Episode, rate: int, on_ms: int, off_ms: int) -> list[Frame]:
    """Return a flood of one stranger that comes and goes."""
    period_ns = (on_ms + off_ms) * MS
    start_ns = begin(episode)
    flood = syn_flood(episode, [ATTACKER], rate)
    return [one for one in flood if (one[0] - start_ns) % period_ns < on_ms * MS]


def one_after_another(episode: Episode, count: int, rate: int) -> list[Frame]:
    """Return floods of many strangers, each in its turn: to use the budget up."""
    flood = syn_flood(episode, [ATTACKER], rate)
    each = -(-len(flood) // count)
    gateway = episode.site.gateways[0]
    return [
        (
            at,
            ethernet(
                tcp(
                    (
                        (f"203.0.113.{1 + index // each}", 1024 + index % 60_000),
                        place(gateway),
                    ),
                    index * 7919,
                    flags=SYN,
                    is_summed=True,
                )
            ),
        )
        for index, (at, _) in enumerate(flood)
    ]


def logged_on_without_number(
    episode: Episode, sources: list[str], rate: int
) -> list[Frame]:
    """Return connections that each are opened whole, and say a Logon the peer hears.

    The gateway answers, as it must; so each is a session to whoever reads along.
    """
    rng = random.Random(4)
    there = place(episode.site.gateways[0])
    head = b"8=FIX.4.4\1"
    frames: list[Frame] = []
    for index, at in enumerate(times(begin(episode), rate)):
        here = rng.choice(sources), 1024 + index % 60_000
        ours, theirs = rng.randrange(1 << 32), rng.randrange(1 << 32)
        after = (ours + 1) % (1 << 32), (theirs + 1) % (1 << 32)
        comp = b"49=X%d\1" % index
        body = seal(
            head, b"35=A\1" + comp + b"56=VENUE\1" + b"34=1\1" + b"98=0\1" + b"108=30\1"
        )
        heard = (after[0] + len(body)) % (1 << 32)
        steps = (
            tcp((here, there), ours, flags=SYN, is_summed=True),
            tcp((there, here), theirs, b"", SYN | ACK, after[0], is_summed=True),
            tcp((here, there), after[0], b"", ACK, after[1], is_summed=True),
            tcp((here, there), after[0], body, ACK | PSH, after[1], is_summed=True),
            tcp((there, here), after[1], b"", ACK, heard, is_summed=True),
        )
        frames += [
            (at + 10_000 * number, ethernet(one)) for number, one in enumerate(steps)
        ]
    return sorted(frames, key=lambda one: one[0])


def late_session(episode: Episode, comp_id: str, at_ns: int) -> list[Frame]:
    """Return a session of a firm's that logs on then, is answered, and orders."""
    there = place(episode.site.gateways[0])
    here = hosts(episode)[0], 61_001
    tails = [7_000_000, 9_000_000]
    names = comp_id.encode(), b"VENUE"
    numbers = [0, 0]
    sent: list[bytes] = []

    def add(way: int, flags: int, payload: bytes = b"") -> None:
        ends = (there, here) if way else (here, there)
        heard = tails[1 - way] if len(sent) else 0
        sent.append(tcp(ends, tails[way], payload, flags, heard, is_summed=True))
        tails[way] += len(payload) + (1 if flags & SYN else 0)

    def say(way: int, kind: bytes, *fields: bytes) -> None:
        numbers[way] += 1
        head = b"49=%s\x0156=%s\x0134=%d\x01" % (
            names[way],
            names[1 - way],
            numbers[way],
        )
        when = b"52=20261121-09:30:00.123\x01"
        body = b"35=" + kind + b"\1" + head + when
        body += b"".join(field + b"\1" for field in fields)
        add(way, ACK | PSH, seal(b"8=FIX.4.4\1", body))

    add(0, SYN)
    add(1, SYN | ACK)
    add(0, ACK)
    for way in (0, 1):
        say(way, b"A", b"98=0", b"108=30")
    for number in range(LATE_ORDERS):
        order = b"11=L%d" % number, b"55=ACME", b"54=1", b"38=100"
        say(0, b"D", *order, b"40=2", b"44=10.00")
        say(1, b"8", b"37=V%d" % number, b"17=E%d" % number, b"150=0", b"39=0", *order)
    return [
        (at_ns + number * 20 * MS, ethernet(one)) for number, one in enumerate(sent)
    ]


def place(gateway: object) -> tuple[str, int]:
    """Return where a gateway listens."""
    return gateway.ip, gateway.port


def new_order(live: Live, number: int) -> bytes:
    """Return a NewOrderSingle in the session's name."""
    parts = (
        b"35=D",
        b"49=" + live.comps[0],
        b"56=" + live.comps[1],
        b"34=%d" % number,
        b"52=20261121-09:30:00.123",
        b"11=F%d" % number,
        b"55=XYZ",
        b"54=1",
        b"38=100",
        b"40=2",
        b"44=10.00",
    )
    return seal(b"8=FIX.4.4\1", b"".join(part + b"\1" for part in parts))


def _segment(live: Live, sequence: int, body: bytes) -> bytes:
    return ethernet(
        tcp(
            (live.client, live.server),
            sequence,
            body,
            ACK | PSH,
            live.acknowledged,
            is_summed=True,
        )
    )


def _is_of(data: bytes, client: tuple[str, int]) -> bool:
    ends = ends_of(data)
    return ends is not None and ends[0] == client and bool(ends[4])
