"""IP fragments put together the slow way: a dict of bytes a datagram.

Sources: RFC 791 section 3.2, RFC 8200 section 4.5, RFC 5722.
"""

from collections import Counter
from dataclasses import dataclass, field

LIVE = 64
WAIT_NS = 30_000_000_000
LONGEST = 65535


@dataclass
class Fragment:
    """One fragment, as its IP header tells; `data` is what was captured."""

    key: tuple[object, ...]
    time_ns: int
    offset: int
    stated: int
    has_more: bool
    protocol: int
    data: bytes
    is_v6: bool


@dataclass
class Datagram:
    """What is there of a datagram."""

    time_ns: int
    octets: dict[int, int] = field(default_factory=dict)
    bytes: int | None = None
    protocol: int = 0
    is_rejected: bool = False

    @property
    def end(self) -> int:
        """Return where what is there ends."""
        return max(self.octets, default=-1) + 1


class Datagrams:
    """The table of datagrams under way, oldest first."""

    def __init__(self) -> None:
        self.live: dict[tuple[object, ...], Datagram] = {}
        self.counts: Counter[str] = Counter()

    def expire(self, now_ns: int) -> None:
        """Drop what waited too long, from the oldest to the first that did not."""
        for key, datagram in list(self.live.items()):
            if now_ns - datagram.time_ns <= WAIT_NS:
                break
            self.counts["datagrams_expired"] += not datagram.is_rejected
            del self.live[key]

    def find(self, piece: Fragment) -> Datagram:
        """Return the fragment's datagram, a new one if need be."""
        if piece.key not in self.live:
            if len(self.live) == LIVE:
                gone = self.live.pop(next(iter(self.live)))
                self.counts["datagrams_evicted"] += not gone.is_rejected
            self.live[piece.key] = Datagram(piece.time_ns)
        return self.live[piece.key]

    def take(self, piece: Fragment) -> tuple[bytes, int] | None:
        """Take a fragment; return the datagram it completes, and its protocol."""
        self.expire(piece.time_ns)
        end = piece.offset + piece.stated
        is_whole = len(piece.data) >= piece.stated > 0
        is_uneven = piece.has_more and piece.stated % 8 != 0
        if not is_whole or is_uneven or end > LONGEST:
            self.counts["fragments_bad"] += 1
            return None
        datagram = self.find(piece)
        if datagram.is_rejected:
            return None
        known = datagram.bytes
        if piece.has_more:
            fits = known is None or end <= known
        else:
            fits = end == known if known is not None else end >= datagram.end
        if not fits:
            self.counts["fragments_bad"] += 1
            return None
        self.merge(piece, datagram)
        if datagram.is_rejected:
            return None
        if not piece.has_more:
            datagram.bytes = end
        if datagram.bytes is None or len(datagram.octets) != datagram.bytes:
            return None
        del self.live[piece.key]
        self.counts["datagrams"] += 1
        octets = bytes(octet for _, octet in sorted(datagram.octets.items()))
        return octets, datagram.protocol

    def merge(self, piece: Fragment, datagram: Datagram) -> None:
        """Put a fragment's bytes where none are; IPv6 suffers no overlap."""
        if piece.offset == 0 and 0 not in datagram.octets:
            datagram.protocol = piece.protocol
        places = range(piece.offset, piece.offset + piece.stated)
        new = dict(zip(places, piece.data, strict=False))
        there = {at for at in new if at in datagram.octets}
        differs = any(datagram.octets[at] != new[at] for at in there)
        if len(there) == len(new) and not differs:
            self.counts["fragments_repeated"] += 1
        elif there and piece.is_v6:
            self.counts["fragment_conflicts"] += 1
            self.counts["datagrams_rejected"] += 1
            datagram.is_rejected = True
        else:
            self.counts["fragment_conflicts"] += differs
            datagram.octets = {**new, **datagram.octets}
