"""Frames to rows and sessions, the slow way: one dict a row, every byte in a list.

Written from RFC 9293 and the words of docs/nouns.md and `bpf/airnet.h`.
Pools are endless here; what the kernel does when one is full is tested apart.
"""

from dataclasses import dataclass, field

from tests.reference import fix, headers

NONE = 0xFFFFFFFF
WINDOW = 1 << 20
HOLE_NS = 200_000_000
#: No sender waits longer before it sends again (RFC 6298 section 2.5).
WANTED_NS = 60_000_000_000
#: A mirror may show an acknowledgement before the bytes it acknowledges.
LATE_NS = 5_000_000
PIECE = 2048
#: Delivered bytes that are remembered, to see who says otherwise of them.
RECENT = 2048
FIN, SYN, RST, ACK, URG = 1, 2, 4, 16, 32
TAKEN = 0x800
RETRANSMIT, OUT_OF_ORDER, GAP, CONFLICT, MIDSTREAM, OPENED, CLOSED = (
    1 << n for n in range(7)
)
TWICE, UNSEEN, LOST, AGREED = 0x100, 0x200, 0x400, 0x1000
OPEN, LOGGED_ON, ENDED = 1, 2, 3
End = tuple[bytes, int]


def distance(a: int, b: int) -> int:
    """Return how far `a` lies behind `b`, modulo 2**32."""
    return ((a - b + (1 << 31)) % (1 << 32)) - (1 << 31)


def is_near(sequence: int, first: int) -> bool:
    """Return whether `sequence` lies in the window that begins at `first`."""
    return (sequence - first) % (1 << 32) < WINDOW


def is_like(data: bytes) -> bool:
    """Return whether `data` agrees with "8=FIX" as far as either goes."""
    return data[:5] == b"8=FIX"[: len(data)]


@dataclass
class Prelude:
    """Fewer bytes than "8=FIX" that a stream may begin with."""

    data: bytes
    sequence: int
    time_ns: int

    @property
    def end(self) -> int:
        """Return the sequence number that follows."""
        return (self.sequence + len(self.data)) % (1 << 32)


@dataclass
class Handshake:
    """A SYN, and its answer when that was seen."""

    sender: End
    isn: int
    syn_ns: int
    answer_isn: int = 0
    syn_ack_ns: int = 0
    shift: int | None = None  # of windows
    answer_shift: int | None = None
    data_bytes: int = 0  # that the SYN carried
    data: bytes = b""  # of them, those kept
    taken: int = 0  # of them, acknowledged by the SYN-ACK
    cross: "Handshake | None" = None  # the other end's SYN

    def agree(self) -> None:
        """Take the other end's SYN as the answer."""
        assert self.cross is not None
        self.answer_isn, self.syn_ack_ns = self.cross.isn, self.cross.syn_ns
        self.answer_shift = self.cross.shift

    def join(self, source: End, seen: headers.Headers) -> None:
        """Take a segment that acknowledges the other end's SYN, where both sent one."""
        if self.cross is None or self.syn_ack_ns:
            return
        own, other = self.isn, self.cross.isn
        if source != self.sender:
            own, other = other, own
        is_agreed = is_near(seen.acknowledged, other + 1)
        if is_agreed and is_near(seen.sequence, own + 1):
            self.agree()

    @property
    def taken_data(self) -> bytes:
        """Return what was kept of the data that the SYN-ACK took."""
        return self.data[: self.taken]

    def fits(self, source: End, seen: headers.Headers) -> bool:
        """Return whether a segment belongs to the flow this began."""
        if source == self.sender:
            return is_near(seen.sequence, self.isn + 1)
        return bool(self.syn_ack_ns) and is_near(seen.sequence, self.answer_isn + 1)

    def is_complete(self, source: End, seen: headers.Headers) -> bool:
        """Return whether a segment also acknowledges the other end's ISN."""
        other = self.answer_isn if source == self.sender else self.isn
        return (
            self.fits(source, seen)
            and bool(self.syn_ack_ns)
            and bool(seen.tcp_flags & ACK)
            and is_near(seen.acknowledged, other + 1)
        )


@dataclass
class Side:
    """One direction: what is next, what is held, what is not yet a message."""

    next: int | None = None
    acknowledged: int | None = None
    taken: int | None = None  # acknowledged of what lies before `next`
    fin: int | None = None
    is_done: bool = False
    is_lost: bool = True
    may_start: bool = False  # whether a message may start at pending[0]
    pending: bytes = b""
    recent: bytes = b""  # delivered last, up to `next`
    starts: list[int] = field(default_factory=list)
    held: dict[int, tuple[bytes, bool]] = field(default_factory=dict)
    hole_ns: int = 0
    region: dict[str, int] | None = None
    wanted: int | None = None  # the receiver asked for bytes before it
    asks: int = 0
    unproved: list[int] = field(default_factory=list)  # bytes of holes given up
    unproved_end: int = 0
    number: int | None = None  # the next MsgSeqNum
    checked: int | None = 0  # good payloads so far; None: never look
    bad_end: int | None = None  # of a segment that was left out
    window: int | None = None  # that the receiver last advertised
    shift: int | None = None  # of that


@dataclass
class Session:
    """A row of the session table and the two directions behind it."""

    row: dict[str, object]
    client: End
    isn: int | None = None
    has_new_syn: bool = False
    logons: set[int] = field(default_factory=set)
    sides: tuple[Side, Side] = field(default_factory=lambda: (Side(), Side()))


class Framing:
    """Messages out of one direction's bytes; the decoder gives rows a place."""

    rows: list[dict[str, int]]
    malformed: list[int]

    def new_row(self, session: int, direction: int) -> dict[str, int]:
        raise NotImplementedError

    def take(self, session: int, direction: int, reading: fix.Reading) -> None:
        raise NotImplementedError

    def find(self, side: Side, data: bytes, at: int, start: int | None) -> int:
        """Return where in `data`, from `at`, a message may start."""
        while at < len(data):
            is_allowed = side.may_start if at == 0 else data[at - 1] == 1
            is_allowed |= at == start or at in side.starts
            if is_allowed and is_like(data[at:]):
                break
            at += 1
        return at

    def parse(
        self, where: tuple[int, int], side: Side, old: int, start: int | None
    ) -> None:
        """Read what can be read of the pending bytes; `old` came before."""
        data, at = side.pending, 0
        while at < len(data):
            if side.is_lost:
                found = self.find(side, data, at, start)
                if side.region is not None:
                    side.region["bytes"] += found - at
                at = found
                if len(data) - at < 5:
                    break
                side.is_lost = False
                side.region = None
            reason, head, body, version = fix.head(data[at:])
            size = head + body + 7
            if reason == fix.MORE or (not reason and len(data) - at < size):
                break
            message = data[at : at + size]
            if not reason and fix.is_framed(message):
                reading = fix.read(message, head)
                reading.row["flags"] |= 0x10 if at < old else 0
                self.take(*where, reading)
                row = self.sessions[where[0]].row
                if not reading.row["malformed"]:
                    row["version"] = row["version"] or version
                at += size
                continue
            reason = reason or fix.BODY_LENGTH
            side.region = self.new_row(*where)
            side.region.update(malformed=reason, bytes=1)
            self.malformed[reason] += 1
            self.sessions[where[0]].row["malformed"] += 1
            side.is_lost, side.number = True, None
            at += 1
        side.may_start = at < len(data) or data[at - 1 : at] == b"\x01"
        side.starts = [one - at for one in side.starts if one >= at]
        side.pending = data[at:]
        if not side.pending:
            side.starts = []

    def feed(
        self, where: tuple[int, int], side: Side, data: bytes, start: bool
    ) -> None:
        """Take the next bytes of a direction."""
        old = len(side.pending)
        place = old if start else None
        if old and start and is_like(data) and len(side.starts) < 8:
            side.starts.append(old)
        side.pending += data
        self.parse(where, side, old, place)


def forget(side: Side) -> None:
    """Drop the partial message and look for the next."""
    side.pending, side.starts, side.region = b"", [], None
    side.is_lost, side.may_start, side.number = True, False, None
