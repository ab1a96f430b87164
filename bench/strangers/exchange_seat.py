"""A FIX session at an exchange, both ends of it: logon, heartbeats, numbers."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

from strangers.exchange_tcp import Conn, Context, Gateway, Line
from strangers.exchange_venue import Symbol, Venue
from strangers.exchange_wire import MS, US, S

Harm = list[int]


class Terms(NamedTuple):
    """What an order asks for; `takes` is whether it trades at once."""

    sym: Symbol
    side: int
    qty: int
    px: float
    tif: str = "0"
    takes: bool = False


@dataclasses.dataclass(slots=True, eq=False)
class Order:
    """An order as both ends know it."""

    id: str
    sym: Symbol
    side: int
    qty: int
    px: float
    tif: str
    takes: bool
    cum: int = 0
    oid: str = ""
    live: bool = True
    pend: bool = True


class Seat:
    """One session: who, from where, over which connection, at which numbers."""

    def __init__(
        self,
        w: Venue,
        comp: str,
        host: str,
        gw: Gateway,
        line: Line,
        trade: tuple[str, float],
    ) -> None:
        r = w.rng
        self.w, self.comp, self.host, self.gw, self.line = w, comp, host, gw, line
        self.agent, self.rate = trade
        self.cseq = self.gseq = 1
        self.conn: Conn | None = None
        self.on, self.boost = False, 1.0
        self.beat_s = r.choice([5, 10, 10, 20, 30])
        is_fast = self.agent in ("Maker", "Taker", "Clocked")
        self.beta = r.uniform(0.4, 1.2) if is_fast else r.uniform(0.1, 0.5)
        self.nid = r.randrange(1, 90000)
        leads = [comp[:3] + "-", "", "O", f"{r.randrange(10, 99)}", comp[-2:] + "/"]
        self.lead = r.choice(leads)
        self.lot = r.choice([1, 10, 50, 100, 100])
        is_narrow = self.agent == "Maker" and r.random() < 0.5
        self.syms = w.pick_syms(r.randint(1, 4) if is_narrow else r.randint(2, 12))
        self.quotes: dict[str, dict[int, Order]] = {}
        self.work: list[Order] = []
        self.parent: tuple[Symbol, int] | None = None
        self.last_c = self.last_g = 0
        self.resp = 0
        self.batch: list[tuple[bytes, Context, Harm | None]] | None = None
        self.port = w.port()
        self.paused = False
        self.has_gap = False
        #: Nothing asks for it; what is drawn after it counts on it.
        self.think_us = r.uniform(4, 60)
        self.acct = f"{comp[:4]}{r.randrange(100, 999)}"
        self.on_fill: Callable[[Any, Order], None] | None = None
        self.running: Conn | None = None

    # -- what the two sides do about a message: told by those who know ----------

    def served(self, context: Context) -> None:
        """Have the gateway's application read a message."""
        raise NotImplementedError

    def heard(self, context: Context) -> None:
        """Have the firm read a message."""
        raise NotImplementedError

    # -- the session -----------------------------------------------------------

    def _connect(self, *, is_up: bool) -> Conn:
        w, ends = self.w, (self.host, self.port)
        conn = Conn(w, ends, self.gw, self.line, self._logon, is_up=is_up)
        conn.rx_g, conn.rx_c = self.served, self.heard
        w.endpoints[f"{self.host}:{self.port}"] = self.comp
        self.conn = conn
        return conn

    def start(self) -> None:
        """Connect and log on."""
        self._connect(is_up=False).connect()

    def join(self) -> None:
        """Have been up for long."""
        self._connect(is_up=True)
        self.cseq = self.w.rng.randint(200, 60000)
        self.gseq = self.w.rng.randint(300, 90000)
        self.on = True
        self.begin_beats()

    def reconnect(self) -> None:
        """Log on again from a new port."""
        self.port = self.w.port()
        self.on = False
        self.start()

    def _logon(self) -> None:
        extra = f"98=0\x01108={self.beat_s}\x01"
        if self.cseq == 1:
            extra += "141=Y\x01"
        password = self.w.password(self.comp)
        extra += f"553={self.comp.lower()}\x01554={password}\x01"
        self.csend("A", extra, ("A", None))

    def begin_beats(self) -> None:
        """Have both ends send heartbeats, and the firm trade."""
        w = self.w
        w.at(w.now + w.rng.randrange(self.beat_s * S), self._c_beat)
        w.at(w.now + w.rng.randrange(self.beat_s * S), self._g_beat)
        if w.rng.random() < 0.3:
            w.at(w.now + w.rng.randrange(1, 400) * MS, self.test_request)
        w.at(w.now + w.rng.randrange(20, 900) * MS, w.run_agent, self)

    def _is_over(self) -> bool:
        return not self.on or self.conn is None or self.conn.closed

    def _c_beat(self) -> None:
        if self._is_over():
            return
        w, every = self.w, self.beat_s * S
        if w.now - self.last_c >= every - 50 * MS:
            self.csend("0", "", ("0", None))
        w.at(max(self.last_c + every, w.now + 100 * MS), self._c_beat)

    def _g_beat(self) -> None:
        if self._is_over():
            return
        w, every = self.w, self.beat_s * S
        if w.now - self.last_g >= every - 50 * MS:
            self.gsend("0", "")
        w.at(max(self.last_g + every, w.now + 100 * MS), self._g_beat)

    def test_request(self) -> None:
        """Have the firm ask whether the gateway is there."""
        key = self.w.rng.randrange(10**6)
        if self.on:
            self.csend("1", f"112=TR{key}\x01", ("1", key))

    def logout(self) -> None:
        """Have the firm log out."""
        if self.on:
            self.csend("5", "58=End of session\x01", ("5", None))

    # -- messages --------------------------------------------------------------

    def csend(
        self, kind: str, body: str, context: Context, harm: Harm | None = None
    ) -> bool:
        """Have the firm send a message; return whether it could."""
        if self.conn is None or self.conn.closed or not self.conn.up:
            return False
        w = self.w
        whole = w.fix(kind, (self.comp, w.venue), self.cseq, w.now, body)
        self.cseq += 1
        self.last_c = w.now
        if self.batch is not None:
            self.batch.append((whole, context, harm))
        else:
            marks = None if harm is None else [(len(whole), harm)]
            self.conn.csend(whole, [(len(whole), context)], marks)
        return True

    def begin(self) -> None:
        """Have what follows go out together."""
        self.batch = []

    def flush(self) -> None:
        """Send what was gathered."""
        batch, self.batch = self.batch or [], None
        data, contexts, harms = b"", [], []
        for whole, context, harm in batch:
            data += whole
            contexts.append((len(data), context))
            if harm is not None:
                harms.append((len(data), harm))
        if data and self.conn is not None:
            self.conn.csend(data, contexts, harms or None)

    def gsend(self, kind: str, body: str, context: Context | None = None) -> None:
        """Have the gateway send a message."""
        w = self.w
        if self.conn is None or self.conn.closed:
            return
        whole = w.fix(kind, (w.venue, self.comp), self.gseq, w.now, body)
        self.gseq += 1
        self.last_g = w.now
        self.conn.gsend(whole, context)

    # -- what its firm deals in ------------------------------------------------

    def any_sym(self) -> Symbol:
        """Return one of its symbols, what is traded often more often."""
        return self.w.rng.choices(self.syms, [one.weight for one in self.syms])[0]

    def any_qty(self) -> int:
        """Return a size as this session trades it."""
        return self.lot * (1 + int(self.w.rng.expovariate(0.6)))

    def leave(self) -> int:
        """Return how long after an answer the firm hears of it, in ns."""
        return self.line.owd + 100 * US
