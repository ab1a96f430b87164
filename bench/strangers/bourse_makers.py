"""Desks of a bourse that make markets, and those that answer to one instrument's."""

from strangers.bourse_clock import Steps
from strangers.bourse_desk import Desk
from strangers.bourse_market import Instrument, Terms
from strangers.bourse_ticket import Ticket
from strangers.loop import MS, SECOND


class Probe(Desk):
    """A monitor that asks a gateway whether it lives."""

    def life(self) -> Steps:
        """Send a TestRequest every few seconds."""
        every = self.rng.choice((1, 2, 3, 5))
        while True:
            asked = f"HC{self._count}"
            self._count += 1
            self.link.say("1", f"112={asked}\x01", ("1", asked))
            yield every * SECOND + self.rng.randrange(2 * MS)


class Maker(Desk):
    """Quotes both sides of several instruments, and follows their prices."""

    #: Whether it has chosen how it quotes.
    is_set_up = False
    #: Whether it is out of the market by its own will.
    is_off = False
    #: Ticks from the middle to its best quote.
    half = 1

    def _set_up(self) -> None:
        r = self.rng
        self.half, self._size = r.choice((1, 1, 2, 2, 3)), r.choice((1, 2, 5, 10))
        self._levels = r.choice((1, 1, 1, 2, 3))
        self._does_replace = r.random() < 0.7
        #: The least ns between two quotes of an instrument, about.
        self.least = r.lognormvariate(2.8, 1.0) * MS / self.pace
        self._last: dict[Instrument, int] = {}
        self._quotes: dict[Instrument, list[Ticket | None]] = {}
        self._waiting: set[Instrument] = set()
        self._slack, self.is_off = r.choice((0, 0, 1)), False
        self._stiffness = r.choice((1, 2, 3))
        for inst in self.insts:
            self.cover(inst, -SECOND)
        self.is_set_up = True

    def cover(self, inst: Instrument, last: int) -> None:
        """Quote an instrument, which it did not since `last` (ns)."""
        inst.watchers.append(self.follow)
        self._quotes[inst] = [None] * (2 * self._levels)
        self._last[inst] = last

    def life(self) -> Steps:
        """Quote, and quote again what was filled."""
        self._set_up()
        for inst in self.insts:
            self.quote(inst)
            yield self.rng.randrange(1, 40) * MS
        while True:
            for inst in self.insts:
                self.follow(inst)
            yield self.rng.uniform(0.3, 1.4) * SECOND

    def follow(self, inst: Instrument) -> None:
        """Quote an instrument anew, soon."""
        if inst in self._waiting or self._is_out():
            return
        self._waiting.add(inst)
        soon = self.reaction * (0.7 + self.rng.random() * 0.6)
        free = self._last[inst] + self.least * (0.5 + self.rng.random())
        self.clock.after(max(soon, free - self.clock.now), self.quote, inst)

    def _is_out(self) -> bool:
        return self.is_off or self.is_paused or self.is_dead

    def _price(self, inst: Instrument, rank: int) -> int:
        side, level = -1 if rank % 2 else 1, rank // 2
        much = self._size * inst.lot * 6 * self._stiffness
        skew = -int(max(-3, min(3, self.held.get(inst, 0) / much)))
        is_wild = self.market.activity(self.market.now_s()) > 4
        far = self.half + level + (2 if is_wild else 0) + (inst.spread - 1) // 2
        price = inst.mid - side * far + skew
        return min(price, inst.ask - 1) if side > 0 else max(price, inst.bid + 1)

    def quote(self, inst: Instrument) -> None:
        """Bring its quotes of an instrument to where they belong."""
        self._waiting.discard(inst)
        if self._is_out() or not self.link.is_up:
            return
        self._last[inst] = self.clock.now
        own = self._quotes[inst]
        for rank, ticket in enumerate(own):
            price = self._price(inst, rank)
            if ticket is None or ticket.state == "done":
                own[rank] = self._place(inst, rank, price)
            elif not ticket.is_live or abs(ticket.price - price) <= self._slack:
                continue
            elif not self._does_replace:
                if self.cancel(ticket):
                    own[rank] = self._place(inst, rank, price)
            elif self.replace(ticket, price):
                ticket.price = price

    def _place(self, inst: Instrument, rank: int, price: int) -> Ticket | None:
        side = -1 if rank % 2 else 1
        return self.order(Terms(inst, side, price, self._size * inst.lot), "quote")

    def on_fill(self, ticket: Ticket) -> None:
        """Quote again what was filled."""
        if ticket.tag == "quote":
            self.follow(ticket.inst)

    def on_up(self) -> None:
        """Quote everything anew."""
        self.live.clear()
        if not self.has_begun:
            self.start()
            return
        for inst in self.insts:
            self._quotes[inst] = [None] * len(self._quotes[inst])
            self.clock.after(self.rng.random() * 200 * MS, self.quote, inst)


class Pinger(Desk):
    """Joins the queue with small orders, and is off again in milliseconds."""

    def life(self) -> Steps:
        """Join a queue now and then."""
        r = self.rng
        mean = r.lognormvariate(-1.3, 0.6) / self.pace
        hold = r.lognormvariate(3.2, 1.0) * MS
        while True:
            yield self.pause(mean)
            inst, side = r.choice(self.insts), r.choice((1, -1))
            if abs(self.held.get(inst, 0)) > 8 * inst.lot:
                side = -1 if self.held[inst] > 0 else 1
            inside = side if inst.spread > 1 and r.random() < 0.5 else 0
            one = Terms(inst, side, inst.near(side) + inside, inst.lot)
            ticket = self.order(one)
            if ticket:
                late = hold * r.lognormvariate(0, 0.4)
                self.clock.after(late, self.cancel, ticket)


class Iceberg(Desk):
    """Works a large order of which only a small part is ever in the book."""

    def life(self) -> Steps:
        """Work one order after another."""
        r = self.rng
        while True:
            inst, side = r.choice(self.insts), r.choice((1, -1))
            self._work = inst, side
            self._hidden = r.randrange(10, 60)
            ticket = self._show("ice")
            for _ in range(r.randrange(4, 14)):
                yield r.uniform(0.5, 1.6) * SECOND / self.pace
                if ticket and ticket.is_live:
                    price = inst.near(side)
                    if abs(price - ticket.price) > 1:
                        self.replace(ticket, price)
                        ticket.price = price
                elif ticket is None or ticket.state == "done":
                    ticket = self._show("ice")
            if ticket:
                self.cancel(ticket)

    def _show(self, tag: str) -> Ticket | None:
        inst, side = self._work
        return self.order(Terms(inst, side, inst.near(side), inst.lot * 2), tag)

    def on_fill(self, ticket: Ticket) -> None:
        """Show the next part."""
        if ticket.state == "done" and ticket.tag == "ice" and self._hidden > 0:
            self._hidden -= 1
            inst, side = self._work
            wait = self.rng.uniform(1, 25) * MS
            self.clock.after(wait, self._show_more, inst, side)

    def _show_more(self, inst: Instrument, side: int) -> None:
        self.order(Terms(inst, side, inst.near(side), inst.lot * 2), "more ice")
