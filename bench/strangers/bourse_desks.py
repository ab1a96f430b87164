"""Desks of a bourse that trade for themselves or their clients."""

from strangers.bourse_clock import Steps
from strangers.bourse_desk import Desk
from strangers.bourse_makers import Iceberg, Maker, Pinger, Probe
from strangers.bourse_market import Instrument, Terms
from strangers.loop import MS, SECOND, US


class Idle(Desk):
    """Is there, and does nothing."""


class Taker(Desk):
    """Takes what is there, singly or in bursts, one way where it is told to."""

    def life(self) -> Steps:
        """Take, again and again."""
        r = self.rng
        mean = r.lognormvariate(-0.2, 0.7) / self.pace
        burst, tif = r.choice((1, 1, 2, 4)), r.choice("334")
        while True:
            yield self.pause(mean * burst)
            inst = r.choice(self.insts)
            side = self._side(inst)
            count = 1 if burst == 1 else 1 + int(r.expovariate(1 / burst))
            for _ in range(count):
                self.take(inst, side, through=r.choice((0, 0, 0, 1)), tif=tif)
                yield r.expovariate(1) * 4 * MS

    def _side(self, inst: Instrument) -> int:
        r = self.rng
        if self.bias and r.random() < 0.8:
            return self.bias
        u, held = r.random(), self.held.get(inst, 0) / (inst.lot * 60)
        return 1 if u < 0.5 + inst.drift * 0.8 - max(-0.3, min(0.3, held)) else -1


class Slicer(Desk):
    """Works a client's order in small parts, one after another."""

    def life(self) -> Steps:
        """Send the next part, and chase or cancel the last."""
        r = self.rng
        every = r.lognormvariate(0.3, 0.6) / self.pace
        inst, side, left = r.choice(self.insts), r.choice((1, -1)), r.randrange(15, 80)
        lots = r.choice((1, 2, 3, 4))
        is_regular = r.random() < 0.4
        while True:
            span = (0.97, 1.03) if is_regular else (0.4, 1.6)
            yield every * SECOND * r.uniform(*span)
            side = self.bias or side
            for ticket in self.orders():
                age = self.clock.now - ticket.t
                if ticket.tag == "slice" and age > every * SECOND * 0.8:
                    if r.random() < 0.5:
                        self.cancel(ticket)
                    else:
                        self.replace(ticket, inst.near(-side))
                    yield 200 * US
            one = Terms(inst, side, inst.near(side), lots * inst.lot)
            self.order(one, "slice")
            left -= 1
            if left <= 0:
                inst, side = r.choice(self.insts), r.choice((1, -1))
                left = r.randrange(15, 80)


class Human(Desk):
    """A person at a screen."""

    def life(self) -> Steps:
        """Enter, amend or cancel something every few seconds."""
        r = self.rng
        while True:
            yield r.expovariate(1) * 5 * SECOND / self.pace + 400 * MS
            tickets, u = self.orders(), r.random()
            if tickets and u < 0.3:
                self.cancel(r.choice(tickets))
            elif tickets and u < 0.55:
                ticket = r.choice(tickets)
                self.replace(ticket, ticket.price + r.choice((-2, -1, 1, 2)))
            else:
                self._enter()

    def _enter(self) -> None:
        r = self.rng
        inst, side = r.choice(self.insts), r.choice((1, -1))
        qty = inst.lot * r.choice((1, 5, 10, 10, 20, 25))
        if r.random() < 0.3:
            self.order(Terms(inst, side, 0, qty, "0", "1"))
        else:
            price = inst.near(side) - side * r.randrange(-1, 6)
            self.order(Terms(inst, side, price, qty))


class Program(Desk):
    """Trades lists of many instruments at once."""

    def wave(
        self, count: int, gap: float, share: float, pack: int, tif: str = "0"
    ) -> Steps:
        """Send a list of so many orders, this share to buy, so many at once."""
        r = self.rng
        names = self.market.insts.copy()
        r.shuffle(names)
        listed = []
        for rank in range(count):
            inst = names[rank % len(names)]
            side = 1 if r.random() < share else -1
            listed.append((inst, side, inst.lot * r.randrange(1, 12)))
        for at in range(0, count, pack):
            if self.is_dead:
                return
            terms = [
                Terms(inst, side, inst.near(-side), qty, tif)
                for inst, side, qty in listed[at : at + pack]
            ]
            if pack == 1:
                self.order(terms[0], "list", is_forced=True)
            else:
                self.order_all(terms, "list")
            yield gap * (0.3 + r.expovariate(1) * 0.7) * pack

    def life(self) -> Steps:
        """Send a list every few seconds, and chase or cancel what is left."""
        r = self.rng
        every = r.uniform(6, 18)
        while True:
            yield every * SECOND * r.uniform(0.5, 1.5)
            count, gap = r.randrange(8, 36), r.lognormvariate(1.2, 0.8) * MS
            yield from self.wave(
                count, gap, r.choice((0.5, 0.9, 0.1)), r.choice((1, 1, 4))
            )
            yield 2 * SECOND
            for ticket in self.orders():
                if r.random() < 0.6:
                    self.cancel(ticket)
                else:
                    self.replace(ticket, ticket.inst.near(-ticket.side))
                yield r.randrange(1, 6) * MS


class Pairs(Desk):
    """Buys one instrument and sells another, mostly the same way."""

    def life(self) -> Steps:
        """Trade both legs at once."""
        r = self.rng
        mean = r.lognormvariate(-0.5, 0.6) / self.pace
        legs = [self.insts[0], self.market.insts[0]]
        if len(self.insts) > 1:
            legs = r.sample(self.insts, 2)
        side, stays = r.choice((1, -1)), r.uniform(0.8, 0.985)
        while True:
            yield self.pause(mean)
            if r.random() > stays:
                side = -side
            lots = r.randrange(1, 4)
            self.take(legs[0], side, lots * legs[0].lot, through=1)
            yield r.uniform(0.01, 0.6) * MS
            self.take(legs[1], -side, lots * legs[1].lot, through=1)


class Hedger(Desk):
    """Trades away a risk that comes from elsewhere."""

    def life(self) -> Steps:
        """Trade when the risk is more than two lots."""
        r = self.rng
        mean = r.lognormvariate(0.2, 0.6) / self.pace
        inst, risk = self.insts[0], 0.0
        r.choice((1, -1))  # a side that nobody reads; the draw belongs to the stream
        while True:
            yield self.pause(mean)
            risk += r.gauss(0, 3)
            left = int(abs(risk))
            if left < 2:
                continue
            side = -1 if risk > 0 else 1
            while left > 0:
                lots = min(left, r.randrange(1, 4))
                left -= lots
                self.take(inst, side, lots * inst.lot)
                yield r.uniform(2, 40) * MS
            risk = 0.0


class Clocked(Desk):
    """Acts at the edges of its clock."""

    #: Orders at an edge; 0 before it has chosen.
    burst = 0

    def life(self) -> Steps:
        """Cancel what is left of the last edge and send the next orders."""
        r = self.rng
        every = r.choice((1, 1, 1, 0.5, 0.25, 2)) * SECOND
        burst = max(1, int(r.choice((1, 2, 4, 8)) * self.pace))
        offset = r.choice((0, 0, 0, r.randrange(int(every))))
        self.burst = burst
        jitter = r.uniform(0.05, 3) * MS
        tif = "0" if r.random() < 0.5 else "3"
        while True:
            phase = (self.w.mirror.day_ns - offset) % every
            yield every - phase + r.random() * jitter
            for ticket in self.orders():
                if ticket.tag == "edge":
                    self.cancel(ticket)
                    yield r.randrange(20, 200) * US
            for _ in range(self.burst):
                self._enter(tif)
                yield r.randrange(20, 300) * US

    def _enter(self, tif: str) -> None:
        r = self.rng
        inst, side = r.choice(self.insts), r.choice((1, -1))
        if abs(self.held.get(inst, 0)) > 30 * inst.lot:
            side = -1 if self.held[inst] > 0 else 1
        price = inst.near(side) - side * r.choice((-1, 0, 0, 1))
        self.order(Terms(inst, side, price, inst.lot, tif), "edge")


class Auction(Desk):
    """Trades at auctions."""

    def life(self) -> Steps:
        """Enter or amend an order for the opening or the close."""
        r, tif = self.rng, "7" if self.w.is_closing else "2"
        while True:
            yield r.expovariate(1) * 2.5 * SECOND / self.pace
            tickets = self.orders()
            if tickets and r.random() < 0.5:
                ticket = r.choice(tickets)
                price = ticket.price + r.choice((-1, 1)) * r.randrange(1, 4)
                qty = int(ticket.qty * r.choice((1, 1, 1.5, 0.5))) or 1
                self.replace(ticket, price, qty)
            else:
                inst, side = r.choice(self.insts), r.choice((1, -1))
                price = inst.mid + side * r.randrange(-2, 8)
                qty = inst.lot * r.randrange(5, 40)
                self.order(Terms(inst, side, price, qty, tif))


#: What the labels call each kind of desk, and its class.
KINDS: dict[str, type[Desk]] = {
    "Idle": Idle,
    "Health": Probe,
    "Maker": Maker,
    "Taker": Taker,
    "Scalper": Pinger,
    "Slicer": Slicer,
    "Iceberg": Iceberg,
    "Human": Human,
    "Program": Program,
    "Pairs": Pairs,
    "Hedger": Hedger,
    "Clocked": Clocked,
    "Auction": Auction,
}
