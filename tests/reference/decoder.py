"""The reference of the stream kernel as a whole: sessions and reassembly."""

from collections import Counter

from tests.reference import fix, holes, shakes, sums, tunnels
from tests.reference.stream import (
    ACK,
    AGREED,
    CLOSED,
    CONFLICT,
    ENDED,
    FIN,
    GAP,
    HOLE_NS,
    LOGGED_ON,
    LOST,
    MIDSTREAM,
    NONE,
    OPEN,
    OPENED,
    OUT_OF_ORDER,
    PIECE,
    RECENT,
    RETRANSMIT,
    RST,
    SYN,
    TAKEN,
    TWICE,
    UNSEEN,
    URG,
    WINDOW,
    End,
    Framing,
    Handshake,
    Prelude,
    Session,
    Side,
    distance,
    forget,
    is_like,
    is_near,
)

Where = tuple[int, int]
#: A mirror's copy of a segment follows it sooner.
TWICE_NS = 200_000


class ReferenceDecoder(Framing):
    """Decodes (time_ns, link, bytes) frames into dicts."""

    def __init__(self, gateways: list[End]) -> None:
        self.gateways = set(gateways)
        self.headers: list[dict[str, object]] = []
        self.rows: list[dict[str, int]] = []
        self.malformed = [0] * 9
        self.counts: Counter[str] = Counter()
        self.sessions: list[Session] = []
        self.flows: dict[frozenset[End], int] = {}
        self.handshakes: dict[frozenset[End], Handshake] = {}
        self.preludes: dict[tuple[frozenset[End], End], Prelude] = {}
        self.now_ns = 0
        self.late: dict[tuple[bytes, int], int] = {}
        self.reader = tunnels.open_reader()

    def frame(self, time_ns: int, link: int, data: bytes) -> None:
        """Decode one frame."""
        seen = self.reader.read(time_ns, link, data)
        self.seen, self.time_ns = seen, time_ns
        self.now_ns = max(self.now_ns, time_ns)
        self.header = {
            "time_ns": time_ns,
            "frame_count": len(self.headers),
            "source": seen.source,
            "target": seen.target,
            "source_port": seen.source_port,
            "target_port": seen.target_port,
            "payload_bytes": seen.payload_bytes,
            "session": NONE,
            "stream_flags": seen.stream_flags,
            "protocol": seen.protocol,
            "tcp_flags": seen.tcp_flags,
            "direction": 0,
            "reason": seen.reason,
            "feed_sequence": seen.feed_sequence,
            "lost_bytes": 0,
            "feed_messages": seen.feed_messages,
            "feed": seen.feed,
            "ttl": seen.ttl,
        }
        self.headers.append(self.header)
        self.source = (seen.source, seen.source_port)
        self.target = (seen.target, seen.target_port)
        count = len(self.rows)
        if seen.reason == 0 and seen.protocol == 6:
            self.header["stream_flags"] |= self.twice()
            self.tcp()
        if self.header["session"] == NONE:
            is_down = self.source in self.gateways and self.target not in self.gateways
            self.header["direction"] = int(is_down)
        self.header["message_count"] = len(self.rows) - count

    def twice(self) -> int:
        """Return the flag of a segment that was seen a moment ago, to the bit."""
        seen = self.seen
        if not seen.payload_bytes:
            return 0
        print_ = (seen.segment[:20], seen.segment[-8:], seen.identification)
        before = self.late.get(print_)
        self.late[print_] = self.time_ns
        is_near = before is not None and abs(self.time_ns - before) < TWICE_NS
        return TWICE if is_near else 0

    def lose(self, count: int, size: int) -> None:
        """Say what turned out to be lost by the capture since it was counted so."""
        if self.counts["capture_losses"] > count:
            self.header["stream_flags"] |= LOST
            size = self.counts["capture_loss_bytes"] - size
            self.header["lost_bytes"] = self.header.get("lost_bytes", 0) + size

    def tcp(self) -> None:
        """Take a TCP segment."""
        flow = frozenset((self.source, self.target))
        if self.seen.tcp_flags & SYN:
            self.syn(flow)
            return
        number = self.session_of(flow)
        if number is None:
            return
        session = self.sessions[number]
        direction = int(session.client != self.source)
        self.header.update(session=number, direction=direction)
        session.row["last_ns"] = self.time_ns
        for side in session.sides:
            side.region = None
        if self.seen.tcp_flags & ACK:
            self.acknowledge(session.sides[1 - direction])
        self.check_holes((number, 0))
        self.check_holes((number, 1))
        side = session.sides[direction]
        self.counts["urgent"] += bool(self.seen.tcp_flags & URG)
        ends = self.seen.tcp_flags & (RST | FIN)
        if ends and sums.are_bad(self.counts, side, self.seen):
            return
        if self.seen.tcp_flags & RST:
            self.reset(session, side)
        elif not side.is_done:
            self.segment((number, direction), side)
        else:
            self.counts["after_close"] += self.seen.payload_bytes > 0

    def syn(self, flow: frozenset[End]) -> None:
        """Note a SYN or a SYN-ACK."""
        seen = self.seen
        shake = self.handshakes.get(flow)
        self.counts["syn_data"] += seen.payload_bytes > 0
        if seen.tcp_flags & ACK:
            answered = shakes.answer(
                self.counts, shake, self.source, seen, self.time_ns
            )
            if answered:
                self.handshakes[flow] = answered
            return
        number = self.flows.get(flow)
        if number is not None:
            if self.sessions[number].isn == seen.sequence:
                return
            self.sessions[number].has_new_syn = True
            is_open = self.sessions[number].row["state"] != ENDED
            self.counts["syns_on_sessions"] += is_open
        shake = shakes.syn(shake, self.source, seen, self.time_ns)
        self.handshakes[flow] = shake
        shakes.keep(shake, self.source, seen, is_gateway=bool(self.gateways & flow))

    def session_of(self, flow: frozenset[End]) -> int | None:
        """Return the segment's session, opening one when this shows it is ours."""
        former, seen = self.flows.get(flow), self.seen
        old = None if former is None else self.sessions[former]
        if old and not old.has_new_syn and old.row["state"] != ENDED:
            return former
        is_gateway = bool(self.gateways & flow)
        shake = self.handshakes.get(flow) if is_gateway or seen.payload else None
        if shake is not None and seen.tcp_flags & ACK:
            shake.join(self.source, seen)
        fits = shake is not None and shake.fits(self.source, seen)
        is_complete = shake is not None and shake.is_complete(self.source, seen)
        self.header["stream_flags"] |= AGREED * is_complete
        begins = seen.payload.startswith(b"8=FIX")
        if old:
            side = old.sides[int(old.client != self.source)]
            is_far = side.next is not None and (
                abs(distance(seen.sequence, side.next)) > WINDOW
            )
            is_same = fits and shake.isn == old.isn
            is_over = old.row["state"] == ENDED and begins and (fits or is_far)
            if is_same or not (is_complete or is_over):
                return former
        is_first = False
        if fits and seen.payload and b"8=FIX".startswith(seen.payload[:5]):
            isn = shake.isn if self.source == shake.sender else shake.answer_isn
            is_first = seen.sequence == (isn + 1) % (1 << 32)
        contains = not fits and b"\x018=FIX" in seen.payload
        is_fast = is_complete and shake.taken_data.startswith(b"8=FIX")
        is_known = contains or (is_gateway and is_complete) or is_fast
        prelude = self.prelude_before(flow)
        is_begun = prelude is not None and len(prelude.data + seen.payload) >= 5
        if not (begins or is_first or is_begun or is_known):
            if not old and not fits:
                self.note_prelude(flow, prelude)
            return former
        if old:
            self.settle(former)
            old.row["state"] = ENDED
        self.flows[flow] = self.open(shake if fits else None)
        if fits:
            self.use_syn_data(self.flows[flow], shake)
        if shake:
            del self.handshakes[flow]
        self.use_preludes(flow, self.flows[flow])
        return self.flows[flow]

    def prelude_before(self, flow: frozenset[End]) -> Prelude | None:
        """Return the beginning of "8=FIX" that the segment goes on from."""
        prelude, data = self.preludes.get((flow, self.source)), self.seen.payload
        if prelude is None or not data or prelude.end != self.seen.sequence:
            return None
        return prelude if is_like(prelude.data + data) else None

    def note_prelude(self, flow: frozenset[End], prelude: Prelude | None) -> None:
        """Note a segment too short to tell whether a stream begins with it."""
        data = self.seen.payload
        if not data or len(data) != self.seen.payload_bytes or len(data) > 4:
            return
        if prelude is not None:
            prelude.data += data
        elif is_like(data):
            noted = Prelude(data, self.seen.sequence, self.now_ns)
            self.preludes[flow, self.source] = noted

    def use_preludes(self, flow: frozenset[End], number: int) -> None:
        """Deliver what came before a session was opened."""
        session = self.sessions[number]
        for end in sorted(flow):
            prelude = self.preludes.pop((flow, end), None)
            direction = int(session.client != end)
            side = session.sides[direction]
            if prelude is None or side.next is not None:
                continue
            is_next = prelude.end == self.seen.sequence
            if end != self.source:
                is_next = self.now_ns - prelude.time_ns <= HOLE_NS
            if is_next:
                side.next = prelude.sequence
                self.deliver((number, direction), prelude.data, True)

    def use_syn_data(self, number: int, shake: Handshake) -> None:
        """Deliver what a SYN carried and the SYN-ACK took."""
        direction = int(self.sessions[number].client != shake.sender)
        data = shake.taken_data
        self.counts["syn_data_bytes"] += len(data)
        if data:
            self.deliver((number, direction), data, True)

    def client_of(self, shake: Handshake | None) -> End:
        """Return which end is the client."""
        source, target = self.source, self.target
        if (source in self.gateways) != (target in self.gateways):
            return target if source in self.gateways else source
        if shake:
            return shake.sender
        reason, size, _, _ = fix.head(self.seen.payload)
        is_logon = not reason and self.seen.payload[size:].startswith(b"35=A\x01")
        if is_logon or source[1] == target[1]:
            return source
        return max(source, target, key=lambda end: end[1])

    def open(self, shake: Handshake | None) -> int:
        """Make a row."""
        client = self.client_of(shake)
        gateway = self.target if client == self.source else self.source
        row: dict[str, object] = {
            "opened_ns": self.time_ns,
            "last_ns": self.time_ns,
            "syn_ns": shake.syn_ns if shake else 0,
            "syn_ack_ns": shake.syn_ack_ns if shake else 0,
            "messages": [0, 0],
            "malformed": 0,
            "gap_bytes": 0,
            "retransmits": 0,
            "client": client[0],
            "gateway": gateway[0],
            "client_port": client[1],
            "gateway_port": gateway[1],
            "state": OPEN,
            "midstream": int(shake is None),
            "version": 0,
            "client_comp": b"",
            "gateway_comp": b"",
        }
        session = Session(row, client)
        self.header["stream_flags"] |= OPENED if shake else OPENED | MIDSTREAM
        if shake:
            session.isn = shake.isn
            syn_side = int(client != shake.sender)
            self.know(session.sides[syn_side], shake.isn)
            if shake.syn_ack_ns:
                self.know(session.sides[1 - syn_side], shake.answer_isn)
                shakes.scale(session.sides, syn_side, shake)
        self.sessions.append(session)
        return len(self.sessions) - 1

    @staticmethod
    def know(side: Side, isn: int) -> None:
        """Expect the first byte after an ISN."""
        side.next, side.is_lost = (isn + 1) % (1 << 32), False

    def close(self, session: Session) -> None:
        """End a row."""
        if session.row["state"] != ENDED:
            session.row["state"] = ENDED
            self.header["stream_flags"] |= CLOSED

    @staticmethod
    def finish(side: Side) -> None:
        """Take no more bytes of a direction."""
        forget(side)
        side.held.clear()
        side.is_done = True

    def reset(self, session: Session, side: Side) -> None:
        """Take a RST near enough to what is expected."""
        if side.is_done:
            return
        self.counts["resets_with_data"] += self.seen.payload_bytes > 0
        if not self.takes_reset(side):
            self.counts["resets_ignored"] += 1
            return
        for direction, one in enumerate(session.sides):
            self.flush((self.header["session"], direction))
            self.finish(one)
        self.close(session)

    def room(self, side: Side) -> int:
        """Return how far ahead the receiver takes bytes, 64 KiB at least."""
        if side.window is None or side.shift is None:
            return WINDOW
        window = max(65536, min(side.window << side.shift, WINDOW))
        if side.next is None or side.acknowledged is None:
            return window
        return window + distance(side.acknowledged, side.next)

    def takes_reset(self, side: Side) -> bool:
        """Return whether a RST is exactly next, or in the window advertised."""
        if side.next is None:
            return True
        window = 65536
        if side.window is not None and side.shift is not None:
            window = min(side.window << side.shift, WINDOW)
        ahead = 0
        if side.acknowledged is not None:
            ahead = distance(side.acknowledged, side.next)
        offset = (self.seen.sequence - side.next) % (1 << 32)
        return offset in (0, ahead) or offset < ahead + window

    def acknowledge(self, side: Side) -> None:
        """Note what the other end says it has."""
        ack = self.seen.acknowledged
        side.window = self.seen.window
        is_seen = side.next is not None and distance(ack, side.next) <= 0
        if is_seen and (side.taken is None or distance(ack, side.taken) > 0):
            side.taken = ack
        lost = self.counts["capture_losses"], self.counts["capture_loss_bytes"]
        holes.prove(self.counts, side, ack)
        self.lose(*lost)
        holes.ask(side, self.seen)
        if side.next is None or not 0 < distance(ack, side.next) <= WINDOW:
            return
        if side.acknowledged is None or distance(ack, side.acknowledged) > 0:
            side.acknowledged = ack
            if side.fin is None or ack != (side.fin + 1) % (1 << 32):
                self.header["stream_flags"] |= UNSEEN

    def deliver(self, where: Where, data: bytes, start: bool) -> None:
        """Take the next bytes of a direction."""
        side = self.sessions[where[0]].sides[where[1]]
        side.next = (side.next + len(data)) % (1 << 32)
        side.recent = (side.recent + data)[-RECENT:]
        if side.acknowledged is not None and distance(side.next, side.acknowledged) > 0:
            side.acknowledged = None
        if data:
            self.feed(where, side, data, start)

    def give_up(self, where: Where, sequence: int) -> None:
        """Give up the hole before `sequence`."""
        session = self.sessions[where[0]]
        side = session.sides[where[1]]
        missing = distance(sequence, side.next)
        session.row["gap_bytes"] += max(missing, 0)
        self.header["stream_flags"] |= GAP
        lost = self.counts["capture_losses"], self.counts["capture_loss_bytes"]
        holes.skip(self.counts, side, sequence)
        self.lose(*lost)
        forget(side)
        side.next, side.recent = sequence, b""
        if side.acknowledged is not None and distance(side.next, side.acknowledged) > 0:
            side.acknowledged = None
        self.drain(where)

    def drain(self, where: Where) -> None:
        """Deliver the held pieces that are next."""
        side = self.sessions[where[0]].sides[where[1]]
        side.asks = 0
        while side.held:
            first = holes.first_held(side)
            behind = distance(side.next, first)
            if behind < 0:
                break
            data, start = side.held.pop(first)
            self.deliver(where, data[behind:], start and behind == 0)
            side.hole_ns = self.now_ns

    def check_holes(self, where: Where) -> None:
        """Give up holes that were acknowledged or are too old."""
        session = self.sessions[where[0]]
        side = session.sides[where[1]]
        while side.held:
            first = holes.first_held(side)
            if self.now_ns - side.hole_ns <= holes.patience_ns(session, side, first):
                break
            self.give_up(where, first)

    def flush(self, where: Where) -> None:
        """Give up the holes of a direction."""
        side = self.sessions[where[0]].sides[where[1]]
        while side.held:
            self.give_up(where, holes.first_held(side))
        forget(side)

    def settle(self, number: int) -> None:
        """Give up a session's holes; what is behind them makes no rows."""
        header, made = self.header, len(self.rows)
        self.header = {"frame_count": 0, "stream_flags": 0}
        self.flush((number, 0))
        self.flush((number, 1))
        self.header = header
        del self.rows[made:]

    def end(self) -> None:
        """Give up every hole; the capture is over."""
        for number in range(len(self.sessions)):
            self.settle(number)

    def segment(self, where: Where, side: Side) -> None:
        """Take payload and FIN."""
        seen, session = self.seen, self.sessions[where[0]]
        if seen.payload_bytes:
            self.payload(where, side)
        if seen.tcp_flags & FIN:
            end = (seen.sequence + seen.payload_bytes) % (1 << 32)
            side.next = end if side.next is None else side.next
            if side.fin is None and is_near(end, side.next):
                side.fin = end
        self.check_holes(where)
        for one in session.sides:
            is_due = one.fin is not None and distance(one.next, one.fin) >= 0
            if is_due and not one.is_done:
                self.finish(one)
                self.close(session)

    def payload(self, where: Where, side: Side) -> None:
        """Take payload: old, next, or ahead."""
        seen = self.seen
        side.next = seen.sequence if side.next is None else side.next
        sums.sample(side, seen)
        ahead = distance(seen.sequence, side.next)
        if sums.are_bad(self.counts, side, seen):
            return
        if abs(ahead) > WINDOW:
            if not seen.payload.startswith(b"8=FIX"):
                return
            side.held.clear()
            side.acknowledged = side.taken = None
            self.give_up(where, seen.sequence)
            side.unproved = []
            side.fin = None if ahead < 0 else side.fin
            ahead = 0
        if ahead > self.room(side):
            return
        if ahead == -1 and seen.payload_bytes == 1:
            return
        known = dict(enumerate(side.pending, -len(side.pending)))
        for place, (data, _) in side.held.items():
            known.update(enumerate(data, distance(place, side.next)))
        said = dict(enumerate(side.recent, -len(side.recent))) | known
        if any(said.get(n, b) != b for n, b in enumerate(seen.payload, ahead)):
            self.header["stream_flags"] |= CONFLICT
        if ahead > 0:
            self.hold(side, ahead, known)
        elif ahead + seen.payload_bytes <= 0:
            self.repeat(where)
            ends = (seen.sequence + seen.payload_bytes) % (1 << 32)
            if side.taken is not None and distance(ends, side.taken) <= 0:
                self.header["stream_flags"] |= TAKEN
        else:
            self.in_order(where, side)

    def repeat(self, where: Where) -> None:
        """Count a segment with nothing new in it."""
        self.header["stream_flags"] |= RETRANSMIT
        self.sessions[where[0]].row["retransmits"] += 1

    def hold(self, side: Side, ahead: int, known: dict[int, int]) -> None:
        """Hold what is new of a segment that lies ahead, in pieces."""
        data = self.seen.payload
        at = last = 0
        is_new = False
        while at < len(data):
            end = at
            while end < len(data) and ahead + end not in known and end - at < PIECE:
                end += 1
            if end == at:
                at += 1
                continue
            if not side.held:
                side.hole_ns, side.wanted, side.asks = self.now_ns, None, 0
            place = (self.seen.sequence + at) % (1 << 32)
            side.held[place] = (data[at:end], at == 0)
            holes.refill(self.counts, side, place, end - at)
            is_joined = ahead + at - 1 in known or (is_new and at == last)
            if is_joined and ahead + end in known:
                holes.close(self.counts, side, place)
            last = end
            is_new, at = True, end
        if is_new:
            self.header["stream_flags"] |= OUT_OF_ORDER
        elif data:
            self.repeat((self.header["session"], self.header["direction"]))

    def in_order(self, where: Where, side: Side) -> None:
        """Deliver a segment and the held pieces in and behind it."""
        seen = self.seen
        end = (seen.sequence + seen.payload_bytes) % (1 << 32)
        while distance(end, side.next) > 0:
            until = end
            for place in side.held:
                if distance(place, until) < 0:
                    until = place
            offset = distance(side.next, seen.sequence)
            data = seen.payload[offset : offset + distance(until, side.next)]
            if not data:
                self.give_up(where, until)
                continue
            before = side.next
            holes.refill(self.counts, side, before, len(data))
            self.deliver(where, data, offset == 0)
            if side.next in side.held:
                holes.close(self.counts, side, before)
            self.drain(where)

    def new_row(self, session: int, direction: int) -> dict[str, int]:
        """Return a row of this frame, nothing read yet."""
        row = dict(fix.FIELDS)
        row.update(
            time_ns=self.time_ns,
            frame_count=self.header["frame_count"],
            session=session,
            direction=direction,
        )
        self.rows.append(row)
        return row

    def take(self, session: int, direction: int, reading: fix.Reading) -> None:
        """Take a message: a row, and what it says of its session."""
        self.new_row(session, direction).update(reading.row)
        state = self.sessions[session]
        row = state.row
        row["messages"][direction] += 1
        kind = reading.row["kind"]
        if reading.row["malformed"]:
            self.malformed[reading.row["malformed"]] += 1
            row["malformed"] += 1
            state.sides[direction].number = None
            return
        holes.number(self.counts, state.sides[direction], reading.row)
        names = [reading.sender, reading.target][:: -1 if direction else 1]
        is_named = row["client_comp"] or row["gateway_comp"]
        if None not in names and (kind == 8 or not is_named):
            self.rows[-1]["comp_key"] = fix.key(names[0]) >> 32 | 1
        if None not in names and not (row["client_comp"] or row["gateway_comp"]):
            row["client_comp"], row["gateway_comp"] = (name[:24] for name in names)
        if kind == 8:
            state.logons.add(direction)
        is_trading = 1 <= kind <= 5
        if row["state"] == OPEN and (is_trading or len(state.logons) == 2):
            row["state"] = LOGGED_ON
