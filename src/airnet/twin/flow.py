"""Flow: one TCP connection as a mirror at the switch sees it.

Callers say when application bytes pass the mirror; the Flow adds what TCP does:
handshake, sequence and acknowledgement numbers that respect the round trip between
mirror and host, delayed acknowledgements (RFC 9293 section 3.8.6.3), segmentation,
and, where asked, retransmissions and reordering.
"""

from collections.abc import Iterator

import msgspec

from airnet.twin.wire import (
    ACK,
    FIN,
    MSS_BYTES,
    PSH,
    RST,
    SYN,
    Frame,
    Host,
    Path,
    stamp_options,
    syn_options,
)

UP, DOWN = 0, 1
NEVER = 1 << 62
SPACING_NS = 900  # the least time between two frames of one direction
DELAYED_NS = 40_000_000  # Linux's delayed acknowledgement


class Ends(msgspec.Struct, frozen=True, kw_only=True):
    """Both ends of a connection and how far each is from the mirror."""

    client: Host
    server: Host
    client_port: int
    server_port: int
    turn_ns: tuple[int, int] = (60_000, 25_000)


class Impairment(msgspec.Struct, frozen=True, kw_only=True):
    """What the network does to segments: shares of them, 0..1."""

    split: float = 0.0
    retransmit: float = 0.0
    reorder: float = 0.0


class Flow:
    """One connection. Calls come in time order; frames are appended to `frames`.

    Args:
        ends: who talks, and from where.
        frames: where frames go.
        chance: numbers in [0, 1), at least three for each call.
        impairment: what the network does.
        since_ns: frames before this are not kept (the capture began later).
    """

    def __init__(
        self,
        ends: Ends,
        frames: list[Frame],
        chance: Iterator[float],
        impairment: Impairment,
        since_ns: int = 0,
    ) -> None:
        ports = (ends.client_port, ends.server_port)
        first = int(next(chance) * 65536)
        self._paths = (
            Path(ends.client, ends.server, ports, first),
            Path(ends.server, ends.client, ports[::-1], first * 7 & 0xFFFF),
        )
        self._turn = ends.turn_ns
        self._has_stamps = ends.client.has_stamps and ends.server.has_stamps
        self._frames = frames
        self._chance = chance
        self._impairment = impairment
        self._is_impaired = bool(impairment.retransmit or impairment.reorder)
        self._since = since_ns
        self._sequence = [int(next(chance) * (1 << 32)), int(next(chance) * (1 << 32))]
        self._stamp = [int(next(chance) * (1 << 31)), int(next(chance) * (1 << 31))]
        self._echo = [0, 0]
        self._last = [0, 0]
        self._acked = [0, 0]  # what each side has acknowledged
        # Segments on their way to each side: when it can answer, and their end.
        self._arriving: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])
        self._due = [NEVER, NEVER]

    def _emit(self, side: int, time_ns: int, flags: int, payload: bytes) -> int:
        """Append one segment and return when it passed the mirror."""
        time_ns = max(time_ns, self._last[side] + SPACING_NS)
        self._last[side] = time_ns
        sequence = self._sequence[side]
        if self._has_stamps:
            stamp = self._stamp[side] + time_ns // 1_000_000
            options = stamp_options(stamp, self._echo[side])
            self._echo[1 - side] = stamp
            frame = self._paths[side].tcp(
                sequence, self._acked[side], flags, options + payload, 12
            )
        else:
            frame = self._paths[side].tcp(
                sequence, self._acked[side], flags, payload, 0
            )
        seen_ns = time_ns
        if payload:
            if self._is_impaired and time_ns >= self._since:
                seen_ns = self._impair(time_ns, frame)
            end = (sequence + len(payload)) & 0xFFFFFFFF
            self._sequence[side] = end
            other = 1 - side
            arriving = self._arriving[other]
            ready = seen_ns + self._turn[other]
            arriving.append((ready, end))
            waits = DELAYED_NS if len(arriving) % 2 else 0
            self._due[other] = min(self._due[other], ready + waits)
        if time_ns >= self._since:
            self._frames.append((seen_ns, frame))
        return time_ns

    def _impair(self, time_ns: int, frame: bytes) -> int:
        """Perhaps send the segment once more, perhaps let it come late."""
        if next(self._chance) < self._impairment.retransmit:
            again = 200_000_000 + int(next(self._chance) * 50_000_000)
            self._frames.append((time_ns + again, frame))
        if next(self._chance) < self._impairment.reorder:
            return time_ns + 20_000 + int(next(self._chance) * 300_000)
        return time_ns

    def _catch_up(self, side: int, time_ns: int) -> bool:
        """Acknowledge what has reached `side` by `time_ns`; return whether any has.

        A segment that comes late holds up those after it: acknowledgements are
        cumulative.
        """
        arriving = self._arriving[side]
        taken = 0
        for ready, end in arriving:
            if ready > time_ns:
                break
            self._acked[side] = end
            taken += 1
        del arriving[:taken]
        self._due[side] = NEVER
        if len(arriving) >= 2:
            self._due[side] = max(arriving[0][0], arriving[1][0])
        elif arriving:
            self._due[side] = arriving[0][0] + DELAYED_NS
        return taken > 0

    def advance(self, time_ns: int) -> None:
        """Send the bare acknowledgements that are due by `time_ns`."""
        while min(self._due) <= time_ns:
            side = UP if self._due[UP] <= self._due[DOWN] else DOWN
            due = max(self._due[side], self._last[side] + SPACING_NS)
            if self._catch_up(side, due):
                self._emit(side, due, ACK, b"")

    def open(self, time_ns: int) -> int:
        """Shake hands from `time_ns` on; return when the client may send."""
        isn = list(self._sequence)
        times = [time_ns, time_ns + self._turn[DOWN]]
        for side, at in ((UP, times[0]), (DOWN, times[1])):
            stamp = self._stamp[side] + at // 1_000_000
            options = syn_options(
                has_stamps=self._has_stamps,
                stamp=stamp & 0xFFFFFFFF,
                echo=self._echo[side] & 0xFFFFFFFF,
            )
            self._echo[1 - side] = stamp
            acknowledged = 0 if side == UP else (isn[UP] + 1) & 0xFFFFFFFF
            flags = SYN if side == UP else SYN | ACK
            frame = self._paths[side].tcp(
                isn[side], acknowledged, flags, options, len(options)
            )
            self._last[side] = at
            if at >= self._since:
                self._frames.append((at, frame))
        self._sequence = [(number + 1) & 0xFFFFFFFF for number in isn]
        self._acked = [self._sequence[DOWN], self._sequence[UP]]
        return self._emit(UP, times[1] + self._turn[UP], ACK, b"")

    def send(self, side: int, time_ns: int, data: bytes) -> int:
        """Send application bytes; return when the last of them passed the mirror."""
        if min(self._due) <= time_ns:
            self.advance(time_ns)
        time_ns = max(time_ns, self._last[side] + SPACING_NS)
        if self._arriving[side]:
            self._catch_up(side, time_ns)
        count = len(data)
        if count <= MSS_BYTES - 12:
            if (
                self._impairment.split == 0.0
                or count < 3
                or next(self._chance) >= self._impairment.split
            ):
                return self._emit(side, time_ns, PSH | ACK, data)
            cut = 1 + int(next(self._chance) * (count - 1))
            self._emit(side, time_ns, PSH | ACK, data[:cut])
            later = time_ns + 2_000 + int(next(self._chance) * 60_000)
            return self._emit(side, later, PSH | ACK, data[cut:])
        step = MSS_BYTES - 12
        for start in range(0, count, step):
            flags = ACK if start + step < count else PSH | ACK
            time_ns = self._emit(side, time_ns, flags, data[start : start + step])
        return time_ns

    def close(self, side: int, time_ns: int) -> int:
        """Close in order, `side` first; return when the last frame passed."""
        self.advance(time_ns)
        # Whatever is still on its way arrives before the end does.
        for first in (side, 1 - side):
            ready = self._arriving[first][-1][0] if self._arriving[first] else 0
            time_ns = max(time_ns, ready, self._last[first] + SPACING_NS)
            self._catch_up(first, time_ns)
            time_ns = self._emit(first, time_ns, FIN | ACK, b"")
            self._sequence[first] = (self._sequence[first] + 1) & 0xFFFFFFFF
            self._acked[1 - first] = self._sequence[first]
            self._arriving[1 - first].clear()
            self._due[1 - first] = NEVER
            time_ns += self._turn[1 - first]
        return self._emit(side, time_ns, ACK, b"")

    def reset(self, side: int, time_ns: int) -> int:
        """Cut the connection with a reset from `side`."""
        self.advance(time_ns)
        self._catch_up(side, time_ns)
        self._due = [NEVER, NEVER]
        return self._emit(side, time_ns, RST | ACK, b"")
