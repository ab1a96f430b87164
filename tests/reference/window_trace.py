"""What a host did, and who speaks in sessions: the other half of window_host."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from airnet.domain.window import FEATURE_LIMIT
from tests.reference.window_flood import MAPPED
from tests.reference.window_sketch import estimate, mix
from tests.reference.window_venue import Venues

EPOCH = 10**10
EXCURSION = 10**9
SPELLS = 5 * 10**9
OPENING = 5 * 10**9
VENUE_USE = 255
NOBODY = bytes(16)
RETRANSMIT, OUT_OF_ORDER, CONFLICT, TWICE, TAKEN = 1, 2, 8, 0x100, 0x800
#: Closed, a hole given up, bytes lost by the mirror or not shown.
OPENED, MUTE_MIN, UNREAD_MIN = 0x20, 64, 16
DOUBTFUL, AGREED = 0x40 | 4 | 0x400 | 0x200, 0x1000
DEEDS = (
    "edges",
    "failed",
    "refused",
    "silent",
    "unreachable",
    "queries",
    "name_bytes",
    "answers",
    "missing",
    "logons",
    "refusals",
    "claims",
    "contested",
    "displaced",
    "strangers",
    "moved",
    "ousted",
    "shells",
    "loss",
    "foreign",
    "foreign_new",
    "foreign_old",
    "conflicts",
    "replays",
    "unasked",
    "newcomers",
    "unread",
    "venues_outside",
    "venues_inside",
    "own",
)
SETS = ("targets", "ports", "names", "comps")

Key = tuple[bytes, bytes, int, int]


def path_of(header: np.void) -> int:
    return int(header["link_source"]) << 8 | int(header["ttl"])


def bit(value: int) -> int:
    return mix(value) % 64


class Deeds:
    """What a host did in one epoch."""

    def __init__(self) -> None:
        self.count = dict.fromkeys(DEEDS, 0)
        self.bits: dict[str, set[int]] = {name: set() for name in SETS}


@dataclass
class Edge:
    """Who calls whom for what; a service has no caller, a place no service."""

    key: Key
    first: int
    learned: bool
    up: int = 0
    contact: int = 0
    gaps: list[int] = field(default_factory=list)
    contacts: int = 0
    out: int = 0
    back: int = 0
    port: int = 0
    user: bytes | None = None
    shared: bool = False
    unread: int = 0
    answered: bool = False
    failed: bool = False
    talked: bool = False
    waits: bool = False
    own: bool = False
    told: bool = False


@dataclass
class Host:
    """One machine."""

    address: bytes
    number: int
    first: int
    open: int = 0
    bad: int = 0
    alarm: int = 0
    epoch: int = 0
    now: Deeds = field(default_factory=Deeds)
    before: Deeds = field(default_factory=Deeds)
    pending: list[tuple[Edge, int]] = field(default_factory=list)
    domain: int = 0
    votes: int = 0
    beat: Edge | None = None
    carry: Edge | None = None
    contacts: int = 0
    venue_sessions: int = 0
    logon: int = 0
    logon_gap: int = 0
    loss_ratio: int = 0
    loss_past: int = 0
    unread_held: int = 0
    unread_since: int = 0
    port: int = 0
    listed: bool = False
    active: bool = False
    urgent: bool = False
    member: bool = False
    met: int = 0
    peer: bytes = bytes(16)
    peer_is: int = 0

    def both(self, name: str) -> int:
        return self.now.count[name] + self.before.count[name]

    def distinct(self, name: str) -> int:
        return estimate(len(self.now.bits[name] | self.before.bits[name]), 64)


@dataclass
class Trace:
    """One direction of a session: its path, and the last segments."""

    usual: int = 0
    odd: int = 0
    since: int = 0
    run: int = 0
    new: int = 0
    old: int = 0
    next: int = 0


@dataclass
class Party:
    """What is known of who speaks in a session."""

    traces: tuple[Trace, Trace] = field(default_factory=lambda: (Trace(), Trace()))
    comp: int = 0
    own: Host | None = None
    rival: Host | None = None
    asking: bool = False
    asked: bool = False
    contesting: bool = False
    is_own: bool = False
    contested: int = 0
    agreed: bool = False
    begun: bool = False
    unasked: int = 0
    unread: int = 0
    mute: int = 0
    unread_host: Host | None = None
    client: bytes = b""
    closed: bool = False
    ups: bool = False
    first: int = 0
    odd_at: list[int] = field(default_factory=lambda: [0, 0])
    heard: set[int] = field(default_factory=set)
    spells: list[int] = field(default_factory=list)


def network(address: bytes) -> bytes:
    return address[:14] if address[:12] == MAPPED else b"6" + address[:6]


def is_near(one: bytes, other: bytes) -> bool:
    count = 15 if one[:12] == MAPPED else 8
    return one[:count] == other[:count]


class Traces:
    """Who speaks in sessions, and under whose name."""

    def __init__(self, gateways: Sequence[bytes], hosts: Sequence[bytes]) -> None:
        self.registered = set(hosts)
        self.lawful: set[bytes] = set()
        self.paths: dict[bytes, int] = {}
        self.networks = {network(one) for one in (*gateways, *hosts)}
        self.parties: dict[int, Party] = {}
        self.comps: dict[int, tuple[bytes, int]] = {}
        self.start = self.newcomer_at = 0
        self.now = self.refused_epoch = self.refused_hosts = 0
        self.lossy_epoch = self.lossy_hosts = 0
        self.moved_at: list[int] = []
        self.opened = 0

    def service(self, target: bytes, port: int, protocol: int) -> Edge:
        raise NotImplementedError

    def host(self, address: bytes) -> Host:
        raise NotImplementedError

    def touch(self, x: Host) -> dict[str, int]:
        raise NotImplementedError

    def alarm(self, x: Host) -> None:
        raise NotImplementedError

    def renew(self, index: int, gateway: bytes, header: np.void) -> None:
        self.read(self.party(index))
        agreed = bool(header["stream_flags"] & AGREED)
        self.parties[index] = Party(agreed=agreed, begun=agreed)
        self.service(gateway, 0, 0).learned = True
        up = header["direction"] == 0
        client = header["source" if up else "target"].tobytes()
        use = self.service(gateway, 0, VENUE_USE)
        use.shared |= use.user not in (None, client)
        if use.user is None:
            late = bool(self.opened) and self.now - self.opened >= OPENING
            use.user, use.waits = client, late and not use.learned
            self.opened = self.now

    def holds(self, address: bytes) -> int:
        raise NotImplementedError

    def is_listed(self, address: bytes) -> bool:
        raise NotImplementedError

    def let_in(self, x: Host, gateway: bytes) -> None:
        """Tell of a Logon at an address where nobody else trades."""
        use = self.service(gateway, 0, VENUE_USE)
        is_odd = use.waits and not use.shared and not self.is_listed(gateway)
        use.waits = False
        if is_odd and x.address in self.lawful and self.holds(x.address):
            is_inside = network(gateway) in self.networks
            self.touch(x)["venues_inside" if is_inside else "venues_outside"] += 1
            x.peer, x.peer_is = gateway, 4 + 8
            self.alarm(x)

    def party(self, index: int) -> Party:
        return self.parties.setdefault(index, Party())

    def client(self, header: np.void) -> Host:
        up = header["direction"] == 0
        x = self.host(header["source" if up else "target"].tobytes())
        self.touch(x)
        x.port = int(header["target_port" if up else "source_port"])
        return x

    def is_familiar(self, address: bytes) -> bool:
        raise NotImplementedError

    def read(self, one: Party) -> None:
        """Forget what was not read of a connection."""
        if one.unread_host:
            one.unread_host.unread_held -= 1
        one.unread, one.agreed, one.unread_host = 0, False, None

    def is_unread(self, header: np.void) -> bool:
        """Return whether something is said with this."""
        is_again = header["stream_flags"] & (RETRANSMIT | TWICE | OUT_OF_ORDER)
        return bool(header["payload_bytes"]) and not is_again

    def is_worth(self, header: np.void, count: int) -> bool:
        """Return whether so many segments are told of."""
        return count >= UNREAD_MIN or not self.is_familiar(header["source"].tobytes())

    def unread(self, index: int, header: np.void, v: Venues, is_read: bool) -> None:
        """Take a session's frame, whose messages have been looked at."""
        one = self.party(index)
        if not one.agreed:
            return
        flags, way = header["stream_flags"], header["direction"]
        is_known = self.is_familiar(header["target" if way else "source"].tobytes())
        if is_read or flags & 0x40 or (flags & DOUBTFUL and not is_known):
            self.read(one)
            return
        if flags & DOUBTFUL:
            one.unread = 0
            return
        is_used = v.clients[index].venue.used
        if header["direction"] or not is_used or not self.is_unread(header):
            return
        one.unread += 1
        if not self.is_worth(header, one.unread):
            return
        x = self.client(header)
        if one.unread_host is None:
            if not x.unread_held:
                x.unread_since = self.now
            x.unread_held += 1
            one.unread_host = x
        self.more(x, one.unread)

    def unasked(
        self, index: int, header: np.void, messages: NDArray[np.void], v: Venues
    ) -> None:
        """Take a session's frame: orders before anybody logged on are counted."""
        one, up = self.party(index), header["direction"] == 0
        if not one.begun:
            return
        is_over = one.closed or bool(header["stream_flags"] & DOUBTFUL)
        is_over |= bool(not up and header["payload_bytes"])
        for m in messages:
            is_over |= bool(m["malformed"] or m["direction"]) or m["kind"] in (8, 9)
        one.begun = not is_over
        orders = sum(int(m["kind"]) in (1, 2, 3, 4) for m in messages)
        if is_over or not orders:
            return
        one.unasked += orders
        venue, client = v.clients[index].venue, header["source"].tobytes()
        if not venue.used or v.joined(index) < 2 or self.is_familiar(client):
            return
        x = self.client(header)
        deeds = self.touch(x)
        deeds["unasked"] = max(deeds["unasked"], one.unasked)
        self.alarm(x)

    def newcomer(self, one: Party, x: Host) -> None:
        """Tell of a Logon let in of whom nobody knew, late and alone."""
        if self.is_familiar(x.address):
            return
        before, self.newcomer_at = self.newcomer_at, self.now
        is_alone = not before or self.now - before >= 5 * 10**9
        if one.comp in self.comps or self.now - self.start < 8 * 10**9 or not is_alone:
            return
        self.touch(x)["newcomers"] += 1
        self.alarm(x)

    def mute(
        self, index: int, header: np.void, *, is_held: bool, is_sound: bool
    ) -> None:
        """Take a session's frame: what goes up without a sound message is counted."""
        one = self.party(index)
        if header["stream_flags"] & OPENED:
            one.mute = 0
        if header["direction"] or not (is_sound or header["payload_bytes"]):
            return
        if is_sound or header["stream_flags"] & DOUBTFUL:
            one.mute = 0
            return
        if is_held and not header["stream_flags"] & (RETRANSMIT | TWICE | OUT_OF_ORDER):
            one.mute += 1
            if one.mute >= MUTE_MIN:
                self.more(self.client(header), one.mute)

    def more(self, x: Host, count: int) -> None:
        deeds = self.touch(x)
        deeds["unread"] = max(deeds["unread"], count)
        self.alarm(x)

    def segment(self, index: int, header: np.void) -> None:
        """Take a session's segment, if it has a payload."""
        self.loss(index, header)
        flags, size = int(header["stream_flags"]), int(header["payload_bytes"])
        if not size or flags & TWICE:
            return
        t = self.party(index).traces[int(header["direction"]) & 1]
        path = path_of(header)
        end = (int(header["sequence"]) + size) % (1 << 32)
        if path != t.usual or t.run or flags & (RETRANSMIT | CONFLICT):
            self.odd(t, header, path, end)
        if not flags & (RETRANSMIT | OUT_OF_ORDER):
            t.next = end

    def odd(self, t: Trace, header: np.void, path: int, end: int) -> None:
        flags = int(header["stream_flags"])
        again = bool(flags & RETRANSMIT)
        is_taken = again and bool(flags & TAKEN)
        behind = (t.next - end + (1 << 31)) % (1 << 32) - (1 << 31)
        if not t.usual:
            self.settle(t, header, path)
        if path == t.usual and t.run:
            if self.now - t.since <= EXCURSION and (t.new or t.old):
                x = self.client(header)
                x.now.count["foreign"] += 1
                x.now.count["foreign_new"] += t.new
                x.now.count["foreign_old"] += t.old
                self.alarm(x)
            t.run = 0
        elif path != t.usual:
            self.away(t, header, again=again, old=is_taken)
        is_replay = is_taken and behind >= 1024
        if flags & CONFLICT or is_replay:
            x = self.client(header)
            x.now.count["conflicts"] += bool(flags & CONFLICT)
            x.now.count["replays"] += is_replay
            self.alarm(x)

    def settle(self, t: Trace, header: np.void, path: int) -> None:
        t.usual = path
        client = header["source"].tobytes()
        if header["direction"] == 0 and client in self.lawful:
            self.paths[client] = path

    def is_own_path(self, header: np.void) -> bool:
        path = self.paths.get(header["source"].tobytes(), 0)
        return bool(path) and path == path_of(header)

    def away(self, t: Trace, header: np.void, *, again: bool, old: bool) -> None:
        path = path_of(header)
        is_over = self.now - t.since > EXCURSION or t.run == 64
        if t.run and (t.odd != path or is_over):
            self.settle(t, header, t.odd)
            t.run = 0
        if t.usual == path:
            return
        if not t.run:
            t.odd, t.since, t.new, t.old = path, self.now, 0, 0
        t.run += 1
        t.new += not again
        t.old += old

    def holder(self, comp: int, address: bytes) -> Party | None:
        owner, index = self.comps.get(comp, (b"", 0))
        one = self.parties.get(index)
        if not owner or owner == address or one is None:
            return None
        is_up = one.comp == comp and not one.closed and one.client == owner
        return one if is_up else None

    def witness(self, index: int, header: np.void, m: np.void, sessions: int) -> None:
        """Take a message, of a venue with so many sessions."""
        one, up, kind = self.party(index), m["direction"] == 0, int(m["kind"])
        if m["malformed"]:
            return
        one.ups |= bool(up)
        if one.contested and up and kind != 9 and one.rival:
            one.contested -= 1
            self.touch(one.rival)["contested"] += 1
            self.alarm(one.rival)
        if one.asking and not up:
            if kind == 8 and one.own:
                self.let_in(one.own, header["source"].tobytes())
            self.told(one, sessions, met=True, refused=kind != 8)
        if m["comp_key"]:
            self.claim(one, header, m)
        is_over = one.comp and not up and kind == 9 and one.ups
        is_known = one.asked or one.client or one.closed or one.comp in self.comps
        if is_over and not is_known:
            self.comps[one.comp] = header["target"].tobytes(), index

    def claim(self, one: Party, header: np.void, m: np.void) -> None:
        one.comp = int(m["comp_key"])
        if m["kind"] != 8 or m["direction"] != 0:
            return
        x = self.client(header)
        gap = min((self.now - x.logon) // 1000 + 1, FEATURE_LIMIT)
        if x.logon_gap:
            x.logon_gap = (3 * x.logon_gap + gap) // 4
        elif x.logon:
            x.logon_gap = gap
        x.logon = self.now
        x.now.count["logons"] += 1
        x.now.bits["comps"].add(bit(one.comp))
        one.asking, one.asked, one.own = True, True, x
        address = header["source"].tobytes()
        one.is_own = self.comps.get(one.comp, (b"", 0))[0] == address
        holder = self.holder(one.comp, address)
        one.contesting = holder is not None
        if holder is not None:
            x.now.count["claims"] += 1
            holder.contested, holder.rival = 3, x

    def told(self, one: Party, sessions: int, *, met: bool, refused: bool) -> None:
        x, one.asking = one.own, False
        assert x is not None
        x.met = max(x.met, int(met))
        if met and not refused and one.contesting:
            x.met = 2
            if x.now.count["contested"]:
                self.alarm(x)
        if met and not refused:
            self.newcomer(one, x)
        if one.is_own:
            return
        owner = self.comps.get(one.comp, (b"", 0))[0]
        if refused:
            count = self.touch(x)
            if self.refused_epoch != x.epoch:
                self.refused_epoch, self.refused_hosts = x.epoch, 0
            self.refused_hosts += not count["refusals"]
            count["refusals"] += 1
            x.venue_sessions = sessions
        elif one.contesting or not owner or x.address in self.registered:
            return
        elif is_near(owner, x.address):
            self.touch(x)["moved"] += 1
            self.moved_at.append(self.now)
        else:
            self.touch(x)["displaced"] += 1
            one.contesting = True
        self.alarm(x)

    def moves(self) -> int:
        hours = [at // (3600 * 10**9) for at in self.moved_at]
        return sum(hours[-1] - hour < 2 for hour in hours)

    def ousted(self, index: int) -> None:
        one = self.party(index)
        if not one.contested or one.closed:
            return
        one.contested = 0
        x = one.rival
        if x and self.now - x.logon <= 10**9:
            self.touch(x)["ousted"] += 1
            self.alarm(x)

    def loss(self, index: int, header: np.void) -> None:
        one, way = self.party(index), int(header["direction"]) & 1
        one.first = one.first or self.now
        flags = int(header["stream_flags"])
        if flags & TWICE:
            return
        one.heard.add(way)
        if not flags & (RETRANSMIT | OUT_OF_ORDER):
            return
        last, one.odd_at[way] = one.odd_at[way], self.now
        if 1 - way not in one.heard or (last and self.now - last < 10**8):
            return
        one.heard.discard(1 - way)
        one.spells.append(self.now)
        since = (self.now // SPELLS - 1) * SPELLS
        recent = sum(at >= since for at in one.spells)
        if recent < 3:
            return
        past = max(since - one.first, 0) // 1000
        span = (self.now - since) // 1000
        usual = (len(one.spells) - recent) * span // past if past else 0
        x = self.client(header)
        count = self.touch(x)
        if self.lossy_epoch != x.epoch:
            self.lossy_epoch, self.lossy_hosts = x.epoch, 0
        self.lossy_hosts += not count["loss"]
        count["loss"] = max(count["loss"], recent)
        x.loss_ratio, x.loss_past = recent * 1000 // (usual + 1), past // 1000
        self.alarm(x)

    def hang_up(self, index: int, header: np.void, sessions: int) -> None:
        one = self.party(index)
        if one.asking:
            self.told(one, sessions, met=False, refused=True)
        if not header["tcp_flags"] & 4:
            self.ousted(index)

    def establish(self, index: int, client: bytes, gateway: bytes) -> None:
        one = self.party(index)
        one.client = client
        if not gateway or one.contesting:  # or over with this frame
            return
        if one.comp and self.holder(one.comp, client):
            return
        self.lawful.add(client)
        self.paths[client] = one.traces[0].usual
        self.networks |= {network(client), network(gateway)}
        if one.comp:
            self.comps[one.comp] = client, index
