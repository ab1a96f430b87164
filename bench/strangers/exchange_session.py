"""The firm's end of a session at an exchange: orders, and what comes back."""

from strangers.exchange_answers import Answers
from strangers.exchange_seat import Harm, Order, Terms
from strangers.exchange_tcp import Context


class Session(Answers):
    """A session whose orders a firm enters, cancels and replaces."""

    def _next_id(self) -> str:
        self.nid += 1
        return f"{self.lead}{self.nid:06d}"

    def new(
        self,
        terms: Terms,
        harm: Harm | None = None,
        reject: str | None = None,
        clid: str = "",
    ) -> Order:
        """Enter an order; `reject` is why the venue will refuse it."""
        one = terms
        o = Order(clid or self._next_id(), *one)
        body = (
            f"11={o.id}\x011={self.acct}\x0121=1\x0155={one.sym.name}\x01"
            f"54={one.side}\x0160={self.w.stamp(self.w.now)}\x0138={one.qty}\x01"
            f"40=2\x0144={one.px:.2f}\x0159={one.tif}\x01"
        )
        if not self.csend("D", body, ("D", o, reject), harm):
            o.live = o.pend = False
        return o

    def cancel(self, o: Order, harm: Harm | None = None) -> None:
        """Cancel an order."""
        clid = self._next_id()
        o.pend = True
        body = (
            f"11={clid}\x0141={o.id}\x0137={o.oid or 'NONE'}\x0155={o.sym.name}\x01"
            f"54={o.side}\x0160={self.w.stamp(self.w.now)}\x0138={o.qty}\x01"
        )
        self.csend("F", body, ("F", o, clid), harm)

    def replace(self, o: Order, qty: int, px: float, harm: Harm | None = None) -> None:
        """Replace an order's size and price."""
        clid = self._next_id()
        o.pend = True
        body = (
            f"11={clid}\x0141={o.id}\x0137={o.oid or 'NONE'}\x011={self.acct}\x01"
            f"21=1\x0155={o.sym.name}\x0154={o.side}\x01"
            f"60={self.w.stamp(self.w.now)}\x0138={qty}\x0140=2\x0144={px:.2f}\x01"
            "59=0\x01"
        )
        self.csend("G", body, ("G", o, clid, qty, px), harm)

    def heard(self, context: Context) -> None:
        """Have what the firm runs hear of a fill or a reject."""
        kind, o = context
        if kind == "fill" and self.on_fill:
            self.on_fill(self, o)
        elif kind == "rej" and self.w.on_rej:
            self.w.on_rej(self, o)

    def living(self) -> list[Order]:
        """Return every order that is still in the book."""
        found = [o for o in self.work if o.live]
        for own in self.quotes.values():
            found += [o for o in own.values() if o.live]
        return found
