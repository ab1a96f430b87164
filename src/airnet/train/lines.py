"""Lines: the sessions of a plain market as frames, handshake to last report."""

import numpy as np
from numpy.typing import NDArray

from airnet.train import orders, packets, plain
from airnet.train.packets import ACK, PSH, SYN, TCP, Bytes, Capture, Ends, Template
from airnet.train.rows import CANCEL, NEW, REPLACE

START_NS = 1_794_839_400 * packets.SECOND_NS
GATEWAY = 0x0A09_0001
CLIENTS = 0x0A01_0001
#: The mark of a failing algorithm's messages and of a flood's packets.
FAULT_MARK, FLOOD_MARK = 1, 2
Parts = list[tuple[NDArray[np.float64], Bytes, NDArray[np.uint32]]]


class Dialect:
    """How one maker's FIX looks: order of fields, widths, what is left out."""

    def __init__(self, rng: np.random.Generator, comp: bytes) -> None:
        stamp = b"20261116-{hour:2}:{minute:2}:{second:2}.{ms:3}"
        if rng.random() < 0.2:
            stamp = b"20261116-{hour:2}:{minute:2}:{second:2}"
        tail = b"|49=%s|56=%s|34={sequence:6}|52=" + stamp + b"|"
        if rng.random() < 0.4:
            tail = b"|34={sequence:6}|49=%s|52=" + stamp + b"|56=%s|"
        self._up, self._down = tail % (comp, b"EXCH"), tail % (b"EXCH", comp)
        self._id = bytes(rng.choice([b"", b"O", b"C-", b"ORD"])) + comp[-3:]
        self._more = bytes(rng.choice([b"", b"21=1|", b"1=ACC7|59=0|", b"59=3|"]))
        self._time = b"60=" + stamp + b"|" if rng.random() < 0.7 else b""

    def order(self, kind: int) -> Template:
        """Return what an order, a cancel or a replace looks like."""
        name = self._id + b"{order:9}|"
        body = b"55=SYM{symbol:2}|54={side:1}|" + self._time
        price = b"38={quantity:4}|40=2|44={whole:4}.{cents:2}|"
        if kind == NEW:
            return Template(
                b"35=D" + self._up + b"11=" + name + self._more + body + price
            )
        start = b"11=" + name + b"41=" + self._id + b"{original:9}|"
        if kind == CANCEL:
            return Template(b"35=F" + self._up + start + body + b"38={quantity:4}|")
        return Template(b"35=G" + self._up + start + body + price)

    def report(self, exec_type: int) -> Template:
        """Return what an ExecutionReport of this ExecType looks like."""
        kind = bytes([exec_type])
        status = {b"F": b"2"}.get(kind, kind)
        filled = b"32={quantity:4}|31={whole:4}.{cents:2}|" if kind == b"F" else b""
        left = b"151=0|14={quantity:4}|" if kind == b"F" else b"151={quantity:4}|14=0|"
        return Template(
            b"35=8" + self._down + b"37=X{order:9}|11=" + self._id + b"{order:9}|"
            b"17={execution:9}|150=" + kind + b"|39=" + status + b"|55=SYM{symbol:2}|"
            b"54={side:1}|38={quantity:4}|44={whole:4}.{cents:2}|"
            + filled
            + left
            + b"6=0|"
        )

    def admin(self, kind: bytes, *, is_up: bool) -> Template:
        """Return a Logon or a Heartbeat."""
        rest = b"98=0|108=30|" if kind == b"A" else b""
        return Template(b"35=" + kind + (self._up if is_up else self._down) + rest)


class Side:
    """One direction of a connection: messages gathered, then numbered and framed."""

    def __init__(self) -> None:
        self._parts: list[
            tuple[
                NDArray[np.float64],
                Template,
                dict[str, NDArray[np.int64]],
                NDArray[np.uint32],
            ]
        ] = []

    def add(
        self,
        times: NDArray[np.float64],
        template: Template,
        columns: dict[str, NDArray[np.int64]],
        marks: NDArray[np.uint32] | None = None,
    ) -> None:
        """Append messages of one shape."""
        if len(times):
            blank = np.zeros(len(times), np.uint32)
            self._parts.append(
                (times, template, columns, blank if marks is None else marks)
            )

    def frames(
        self, capture: Capture, ends: Ends, first: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Write all frames; return their times and the bytes sent by then."""
        if not self._parts:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        seconds = np.concatenate([part[0] for part in self._parts])
        sizes = np.concatenate([np.full(len(p[0]), p[1].size) for p in self._parts])
        order = np.argsort(seconds, kind="stable")
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        sent = np.concatenate([[0], np.cumsum(sizes[order])])
        times = START_NS + (seconds * 1e9).astype(np.int64)
        at = 0
        for own, template, columns, marks in self._parts:
            rows = slice(at, at + len(own))
            at += len(own)
            known = {"sequence": first + place[rows], **columns}
            known |= packets.clock_columns(times[rows])
            payload = template.render(len(own), known)
            sequence = 1000 + sent[place[rows]]
            tcp = sequence, 1000, PSH | ACK
            capture.add(times[rows], packets.frames_of(ends, TCP, payload, tcp), marks)
        return times[order], 1000 + sent[1:]


def columns_of(rows: NDArray[np.void]) -> dict[str, NDArray[np.int64]]:
    """Return what templates write of orders."""
    price = np.abs(rows["price"]) % 1_000_000
    return {
        "order": rows["order"],
        "original": rows["original"],
        "symbol": rows["symbol"] % 100,
        "side": rows["side"].astype(np.int64) - 48,
        "quantity": rows["quantity"],
        "whole": price // 100,
        "cents": price % 100,
    }


def add_session(
    rng: np.random.Generator,
    market: plain.Market,
    trader: plain.Trader,
    expected: NDArray[np.float64],
    capture: Capture,
) -> None:
    """Write one session's frames, in one or two connections."""
    rows = orders.sent(rng, market, trader, expected)
    answers = orders.answered(rng, market, trader, rows)
    if not market.is_answered:
        answers = answers[:0]
    cuts = [
        (one.start_s, min(one.end_s, one.start_s + 1.5))
        for one in market.troubles
        if one.kind == "reconnect" and trader.number in one.lines
    ]
    first, sequence, since = True, 1, trader.start_s
    for start, end in [*cuts[:1], (market.seconds, market.seconds)]:
        own = (rows["time"] >= since) & (rows["time"] < start)
        said = (answers["time"] >= since) & (answers["time"] < start)
        is_open = first and market.is_midstream and trader.start_s == 0
        connection = _Connection(
            rng, trader, (since, start), sequence, is_midstream=is_open
        )
        connection.write(capture, rows, (own, answers[said]), has_acks=market.has_acks)
        sequence += int(own.sum()) + 1
        first, since = False, end


class _Connection:
    """One TCP connection of a session."""

    def __init__(
        self,
        rng: np.random.Generator,
        trader: plain.Trader,
        span: tuple[float, float],
        sequence: int,
        *,
        is_midstream: bool,
    ) -> None:
        self._span, self._sequence, self._is_midstream = span, sequence, is_midstream
        comp = b"CLI%03d" % trader.number
        self._dialect = Dialect(
            np.random.Generator(np.random.PCG64(trader.number % 3)), comp
        )
        port = 40_000 + trader.number + (20_000 if sequence > 1 else 0)
        self._ends = Ends(CLIENTS + trader.number * 3, GATEWAY, (port, 9878))
        self._trip = trader.answer_s
        self._open = span[0] + float(rng.uniform(0, 0.3))

    def write(
        self,
        capture: Capture,
        rows: NDArray[np.void],
        chosen: tuple[NDArray[np.bool_], NDArray[np.void]],
        *,
        has_acks: bool,
    ) -> None:
        """Write handshake, Logon, orders, answers, heartbeats and the end."""
        up, down = Side(), Side()
        own, answers = chosen
        if not self._is_midstream:
            self._greet(capture, up, down)
            own &= rows["time"] > self._open + 3 * self._trip
        for kind in (NEW, CANCEL, REPLACE):
            part = rows[own & (rows["kind"] == kind)]
            marks = np.where(part["bad"], FAULT_MARK, 0).astype(np.uint32)
            up.add(part["time"], self._dialect.order(kind), columns_of(part), marks)
        answers = answers[answers["time"] > self._open + 3 * self._trip]
        for exec_type in np.unique(answers["exec"]).tolist():
            part = answers[answers["exec"] == exec_type]
            columns = columns_of(rows[part["of"]])
            columns["execution"] = part["of"] * 2 + (exec_type == 70)
            down.add(part["time"], self._dialect.report(exec_type), columns)
        beats = np.arange(self._open + 5.0, self._span[1], 10.0)
        up.add(beats, self._dialect.admin(b"0", is_up=True), {})
        down.add(beats + self._trip, self._dialect.admin(b"0", is_up=False), {})
        times, sent = up.frames(capture, self._ends, self._sequence)
        down.frames(capture, self._ends.back(), 1)
        if has_acks and len(times):
            blank = np.zeros((len(times), 0), np.uint8)
            later = times + int(self._trip * 0.3e9)
            tcp = 1000, sent, ACK
            capture.add(later, packets.frames_of(self._ends.back(), TCP, blank, tcp))

    def _greet(self, capture: Capture, up: Side, down: Side) -> None:
        """Write the handshake and the Logons."""
        blank = np.zeros((1, 0), np.uint8)
        steps = ((SYN, 999, False), (SYN | ACK, 999, True), (ACK, 1000, False))
        for turn, (flags, sequence, is_back) in enumerate(steps):
            at = np.array([START_NS + int((self._open + turn * self._trip / 3) * 1e9)])
            ends = self._ends.back() if is_back else self._ends
            capture.add(
                at, packets.frames_of(ends, TCP, blank, (sequence, 1000, flags))
            )
        at = np.array([self._open + 1.5 * self._trip])
        up.add(at, self._dialect.admin(b"A", is_up=True), {})
        down.add(at + self._trip, self._dialect.admin(b"A", is_up=False), {})
