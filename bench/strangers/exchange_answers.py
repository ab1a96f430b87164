"""What an exchange's gateway answers to the messages of a session."""

from typing import NamedTuple

from strangers.exchange_seat import Order, Seat
from strangers.exchange_tcp import Context
from strangers.exchange_wire import US, S

REASONS = ("Price exceeds collar", "Unknown account", "Qty not a lot multiple")


class Said(NamedTuple):
    """What an execution report says of an order."""

    ex: str
    status: str
    qty: int = 0
    px: float = 0.0
    orig: str = ""
    clid: str = ""
    text: str = ""


class Answers(Seat):
    """The gateway's end of a session."""

    def served(self, context: Context) -> None:
        """Queue a message for the application, which answers when it has time."""
        w, gw = self.w, self.gw
        start = max(w.now, gw.free, gw.stall_till)
        gw.free = start + int(gw.svc * w.rng.uniform(0.6, 1.6))
        done = gw.free + int(gw.lat * w.rng.scatter(gw.sigma))
        if gw.lat_add:
            done += int(gw.lat_add())
        self.resp = max(done, self.resp + 900)
        w.at(self.resp, self._answer, context)

    def report(self, o: Order, said: Said, context: Context | None = None) -> None:
        """Send an execution report."""
        w = self.w
        w.exec_n += 1
        orig = f"41={said.orig}\x01" if said.orig else ""
        leaves = o.qty - o.cum if said.status in "015" else 0
        last = f"32={said.qty}\x0131={said.px:.2f}\x01" if said.qty else ""
        text = f"58={said.text}\x01" if said.text else ""
        if said.status == "8":
            text = "103=99\x01" + text
        mean = said.px if o.cum else 0
        body = (
            f"37={o.oid or 'NONE'}\x0111={said.clid or o.id}\x01{orig}"
            f"17=E{w.exec_n}\x01150={said.ex}\x0139={said.status}\x01"
            f"1={self.acct}\x0155={o.sym.name}\x0154={o.side}\x0138={o.qty}\x01"
            f"40=2\x0144={o.px:.2f}\x01{last}151={leaves}\x0114={o.cum}\x01"
            f"6={mean:.2f}\x0160={w.stamp(w.now)}\x01{text}"
        )
        self.gsend("8", body, context)

    def _answer(self, context: Context) -> None:
        if self.conn is None or self.conn.closed:
            return
        kind = context[0]
        if kind == "D":
            self._on_new(context[1], context[2])
        elif kind == "F":
            self._on_cancel(context[1], context[2])
        elif kind == "G":
            self._on_replace(*context[1:])
        elif kind == "A":
            self._on_logon()
        elif kind == "1":
            self.gsend("0", f"112=TR{context[1]}\x01")
        elif kind == "5":
            self.gsend("5", "58=Logout acknowledged\x01")
            self.on = False
            self.conn.close(1)
        elif kind == "q":
            self._on_mass_cancel(context[1], context[2])
        elif kind == "2":
            self._on_resend(context[1])

    def _on_new(self, o: Order, text: str | None) -> None:
        w, r = self.w, self.w.rng
        if text is None and r.random() < w.p_rej:
            text = r.choice(REASONS)
        o.pend = False
        if text:
            o.live = False
            self.report(o, Said("8", "8", text=text), ("rej", o))
            return
        w.order_n += r.randint(1, 3)
        o.oid = f"{w.order_lead}{w.order_n}"
        self.report(o, Said("0", "0"), ("ack", o))
        if o.takes:
            self._trade(o)
        elif o.tif == "3":
            w.at(w.now + 6 * US, self._done, o)
        elif r.random() < 0.18:
            t = w.now + int(r.expovariate(1 / 1.5) * S)
            size = o.qty if r.random() < 0.7 else max(1, o.qty // 2)
            w.at(t, self._fill, o, size)

    def _trade(self, o: Order) -> None:
        w, r = self.w, self.w.rng
        parts = 1 if r.random() < 0.6 else r.randint(2, 4)
        is_full = r.random() < 0.85
        total = o.qty if is_full else max(1, int(o.qty * r.uniform(0.2, 0.9)))
        t = w.now
        for at in range(parts):
            size = total // parts
            if at == parts - 1:
                size = total - size * at
            if size > 0:
                t += r.randrange(3, 90) * US
                w.at(t, self._fill, o, size)
        if o.tif == "3" and not is_full:
            w.at(t + 8 * US, self._done, o)

    def _too_late(self, o: Order, clid: str, kind: int, word: str) -> str:
        what = f"37={o.oid or 'NONE'}\x0111={clid}\x0141={o.id}\x0139=2\x01"
        return f"{what}434={kind}\x01102=0\x0158=Too late to {word}\x01"

    def _on_cancel(self, o: Order, clid: str) -> None:
        o.pend = False
        if not o.live:
            self.gsend("9", self._too_late(o, clid, 1, "cancel"))
            return
        o.live = False
        self.report(o, Said("4", "4", orig=o.id, clid=clid), ("cxl", o))

    def _on_replace(self, o: Order, clid: str, qty: int, px: float) -> None:
        w, r = self.w, self.w.rng
        o.pend = False
        if not o.live:
            self.gsend("9", self._too_late(o, clid, 2, "replace"), ("rep", o))
            return
        old, o.id, o.qty, o.px = o.id, clid, max(qty, o.cum + 1), px
        self.report(o, Said("5", "1" if o.cum else "0", orig=old), ("rep", o))
        if r.random() < 0.02:
            t = w.now + int(r.expovariate(1 / 0.4) * S)
            w.at(t, self._fill, o, o.qty - o.cum)

    def _on_logon(self) -> None:
        reset = "141=Y\x01" if self.cseq == 2 else ""
        self.gsend("A", f"98=0\x01108={self.beat_s}\x01{reset}")
        if not self.on:
            self.on = True
            self.w.at(self.w.now + self.leave(), self.begin_beats)

    def _on_mass_cancel(self, orders: list[Order], clid: str) -> None:
        count = 0
        for o in orders:
            if o.live:
                o.live = False
                count += 1
                self.report(o, Said("4", "4"), ("cxl", o))
        body = (
            f"37=MC{self.w.order_n}\x0111={clid}\x01530=7\x01531=7\x01533={count}\x01"
        )
        self.gsend("r", body)

    def _on_resend(self, seq: int) -> None:
        w = self.w
        body = f"43=Y\x01122={w.stamp(w.now)}\x01123=Y\x0136={self.gseq}\x01"
        whole = w.fix("4", (w.venue, self.comp), seq, w.now, body)
        self.last_g = w.now
        if self.conn is not None:
            self.conn.gsend(whole)

    def _fill(self, o: Order, qty: int) -> None:
        if not o.live or self.conn is None or self.conn.closed:
            return
        qty = min(qty, o.qty - o.cum)
        if qty <= 0:
            return
        o.cum += qty
        is_full = o.cum >= o.qty
        if is_full:
            o.live = False
        self.report(o, Said("F", "2" if is_full else "1", qty, o.px), ("fill", o))

    def _done(self, o: Order) -> None:
        if o.live and self.conn is not None and not self.conn.closed:
            o.live = False
            self.report(o, Said("4", "4"), ("cxl", o))
