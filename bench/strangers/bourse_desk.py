"""A trading desk at a bourse: what it enters and cancels, and what it knows."""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from strangers import bourse_fix as fix
from strangers.bourse_clock import Steps
from strangers.bourse_link import Link
from strangers.bourse_market import Instrument, Terms
from strangers.bourse_ticket import Ticket
from strangers.exchange_dice import Dice
from strangers.loop import MS, SECOND, US

if TYPE_CHECKING:
    from strangers.bourse import Bourse

Harm = list[int]
#: Orders a second that a desk's own throttle lets pass.
CAP = 250
NO_CAP = 10**6


class Desk:
    """One desk, which may stand idle; its kinds say what it does."""

    def __init__(
        self, w: "Bourse", link: Link, rng: Dice, insts: list[Instrument], pace: float
    ) -> None:
        self.w, self.clock, self.market = w, w.clock, w.market
        self.link, self.rng, self.insts, self.pace = link, rng, insts, pace
        link.desk = self
        self.live: dict[str, Ticket] = {}
        #: What it holds of each instrument.
        self.held: dict[Instrument, int] = {}
        self._count = rng.randrange(1, 60000)
        self.cap = CAP
        self._sent: deque[int] = deque()
        self.account = link.manner.firm.account
        #: How many ns it takes to react.
        self.reaction = rng.lognormvariate(4.5, 0.8) * US
        self.is_paused = self.is_dead = self.has_begun = False
        #: The side on which it trades now, 0 for both, and how eagerly.
        self.bias, self.zeal = 0, 1.0
        #: By how many ticks its price of a symbol is wrong.
        self.stale: dict[str, int] = {}
        #: Who else hears of a ticket and an ExecType, and of each order.
        self.on_report: Callable[[Ticket, str], None] | None = None
        self.on_order: Callable[[Terms], None] | None = None
        #: What the identifiers of a new version of its software have in them.
        self.version = ""
        self._style = link.manner.firm.id_style
        self._salt = fix.in_36(rng.randrange(36**4), 4)
        self._last_id = 0

    # -- its life ------------------------------------------------------------------

    def start(self) -> None:
        """Begin to trade."""
        self.has_begun = True
        self.clock.play(self._live(), self.rng.random() * 0.4 * SECOND)

    def _live(self) -> Steps:
        for wait in self.life():
            yield wait
            while (self.is_paused or not self.link.is_on) and not self.is_dead:
                yield 30 * MS
            if self.is_dead:
                return

    def life(self) -> Steps:
        """Do what it does, for ever."""
        while True:
            yield SECOND

    def on_up(self) -> None:
        """Begin anew on a new connection."""
        self.live.clear()
        if not self.has_begun:
            self.start()

    def on_down(self) -> None:
        """Forget what the lost connection had in the book."""
        self.live.clear()

    def pause(self, mean_s: float) -> float:
        """Return the ns until it acts again, which depend on the market."""
        zeal = max(0.05, self.market.activity(self.market.now_s()) * self.zeal)
        return self.rng.expovariate(1) * mean_s * SECOND / zeal

    # -- how it writes -------------------------------------------------------------

    def new_id(self) -> str:
        """Return a fresh ClOrdID, in its firm's style."""
        self._count += 1
        count, style, salt, version = self._count, self._style, self._salt, self.version
        if style == 0:
            return f"{salt}{count:07d}{version}"
        if style == 1:
            day = fix.stamp(self.w.mirror.start_ns, is_us=False)[:8]
            return f"{day}-{salt}-{count}{version}"
        if style == 2:
            least = self.w.mirror.day_ns // 1000 * 8
            self._last_id = max(self._last_id + 1, least)
            return version + fix.in_36(self._last_id, 11)
        if style == 3:
            return f"{self.link.comp[:3]}{version}.{count:x}"
        if style == 4:
            mixed = (count * 2654435761 + int(salt, 36)) % (1 << 32)
            return f"{version}{mixed:08x}-{count % 65536:04x}"
        return f"{count + 10**9}{version}"

    def _next_id(self, ticket: Ticket) -> str:
        """Return the ClOrdID of a request about an order."""
        if self._style not in {1, 3}:
            return self.new_id()
        ticket.revisions += 1
        return f"{ticket.root}/{ticket.revisions}"

    def _body(self, clid: str, one: Terms) -> str:
        inst, firm = one.inst, self.link.manner.firm
        lead, side = f"11={clid}\x01", f"54={1 if one.side > 0 else 2}\x01"
        symbol, qty = f"55={inst.symbol}\x01", f"38={one.qty}\x01"
        kind, layout = f"40={one.kind}\x01", firm.layout
        kind += f"44={inst.price(one.price)}\x01" if one.kind == "2" else ""
        account = f"1={self.account}\x01" if self.account else ""
        if inst.is_listed and firm.says_secid:
            symbol += f"48={inst.secid}\x0122={inst.source}\x01"
        tif, sent = f"59={one.tif}\x01", f"60={self.link.stamp()}\x01"
        if layout == 0:
            fields = [lead, account, "21=1\x01", symbol, side, sent, qty, kind, tif]
        elif layout == 1:
            fields = [account, lead, qty, kind, side, symbol, tif, sent]
        elif layout == 2:
            fields = [sent, lead, symbol, side, kind, qty, tif, "47=P\x01", account]
        else:
            capacity = f"528=P\x01529={1 if one.side > 0 else 9}\x01"
            fields = [lead, symbol, side, qty, kind, tif, account, capacity, sent]
        return "".join(fields)

    def _may(self, *, is_forced: bool) -> bool:
        return self.link.is_up and (is_forced or not self._is_throttled())

    def _is_throttled(self) -> bool:
        now, sent = self.clock.now, self._sent
        while sent and sent[0] < now - SECOND:
            sent.popleft()
        if len(sent) >= self.cap:
            return True
        sent.append(now)
        return False

    # -- what it sends -------------------------------------------------------------

    def _ticket(self, one: Terms, tag: str) -> Ticket:
        clid = self.new_id()
        sizes = one.price, one.qty, one.qty
        ticket = Ticket(clid, clid, one.inst, one.side, *sizes, tag, self.clock.now)
        self.live[clid] = ticket
        return ticket

    def _meant(self, one: Terms) -> Terms:
        """Return terms with the price that the desk believes in."""
        price = max(1, one.price + self.stale.get(one.inst.symbol, 0))
        return one._replace(price=price)

    def enter(
        self,
        one: Terms,
        tag: str = "",
        harm: Harm | None = None,
        *,
        is_forced: bool = False,
        more: str = "",
    ) -> Ticket | None:
        """Send an order, past the throttle if forced; `more` is its last field."""
        if not self._may(is_forced=is_forced):
            return None
        terms = self._meant(one)
        ticket = self._ticket(terms, tag)
        body = self._body(ticket.clid, terms) + more
        t = self.link.say("D", body, ("D", ticket, ticket.clid, terms))
        if harm is not None and t is not None:
            harm.append(t)
        return ticket

    def order(
        self,
        one: Terms,
        tag: str = "",
        harm: Harm | None = None,
        *,
        is_forced: bool = False,
    ) -> Ticket | None:
        """Send an order, of which who listens to orders hears."""
        ticket = self.enter(one, tag, harm, is_forced=is_forced)
        if ticket and self.on_order:
            self.on_order(one)
        return ticket

    def order_all(self, every: list[Terms], tag: str) -> list[Ticket]:
        """Send orders in one go."""
        if not self.link.is_up:
            return []
        tickets, sent = [], []
        for one in every:
            terms = self._meant(one)
            ticket = self._ticket(terms, tag)
            tickets.append(ticket)
            body = self._body(ticket.clid, terms)
            sent.append((body, ("D", ticket, ticket.clid, terms)))
        if sent:
            self.link.say_all(sent)
        return tickets

    def take(
        self,
        inst: Instrument,
        side: int,
        qty: int = 0,
        *,
        through: int = 0,
        tif: str = "3",
        harm: Harm | None = None,
    ) -> Ticket | None:
        """Send an order at the other side's price; one with harm is forced."""
        price = inst.near(-side) + side * through
        qty = qty or inst.lot * self.rng.choice((1, 1, 2, 3, 5))
        one = Terms(inst, side, price, qty, tif)
        return self.order(one, harm=harm, is_forced=harm is not None)

    def replace(
        self,
        ticket: Ticket,
        price: int,
        qty: int = 0,
        harm: Harm | None = None,
        *,
        is_forced: bool = False,
    ) -> bool:
        """Replace an order's price and quantity, 0 being the old one."""
        if not ticket.is_live or not self._may(is_forced=is_forced):
            return False
        clid, orig = self._next_id(ticket), ticket.clid
        ticket.state = "replacing"
        self.live[clid] = ticket
        one = Terms(ticket.inst, ticket.side, max(1, price), qty or ticket.qty)
        told = ("G", ticket, clid, orig, one.price, one.qty)
        t = self.link.say("G", f"41={orig}\x01{self._body(clid, one)}", told)
        if harm is not None and t is not None:
            harm.append(t)
        return True

    def cancel(self, ticket: Ticket) -> bool:
        """Cancel an order."""
        return self._cancel(ticket, is_forced=False)

    def withdraw(self, ticket: Ticket) -> None:
        """Cancel an order, past the throttle."""
        self._cancel(ticket, is_forced=True)

    def _cancel(self, ticket: Ticket, *, is_forced: bool) -> bool:
        if not ticket.is_live or not self._may(is_forced=is_forced):
            return False
        clid = self._next_id(ticket)
        ticket.state = "leaving"
        body = (
            f"41={ticket.clid}\x0111={clid}\x0155={ticket.inst.symbol}\x01"
            f"54={1 if ticket.side > 0 else 2}\x0138={ticket.qty}\x01"
            f"60={self.link.stamp()}\x01"
        )
        self.link.say("F", body, ("F", ticket, clid, ticket.clid))
        return True

    def withdraw_all(self, gap: Callable[[], float] = lambda: 60000) -> Steps:
        """Cancel what is in the book, in steps."""
        for ticket in self.orders():
            self.withdraw(ticket)
            yield gap()

    def cancel_mass(self) -> None:
        """Cancel what is in the book with one message."""
        clid = self.new_id()
        body = f"11={clid}\x01530=7\x0160={self.link.stamp()}\x01"
        self.link.say("q", body, ("q", self.new_id()))

    def orders(self) -> list[Ticket]:
        """Return what is in the book and neither being replaced nor cancelled."""
        every = self.live.items()
        return [one for clid, one in every if one.clid == clid and one.is_live]

    # -- what it hears -------------------------------------------------------------

    def hear(
        self, ticket: Ticket, kind: str, size: int, _price: int, clid: str
    ) -> None:
        """Learn of an ExecutionReport's ExecType, or of a refused cancel (9)."""
        if kind == "0":
            if ticket.state == "new":
                ticket.state = "live"
        elif kind == "F":
            self._hear_fill(ticket, size)
        elif kind == "5":
            self.live.pop(ticket.clid, None)
            ticket.clid = clid
            if ticket.state != "done":
                ticket.state = "live"
        elif kind in "4C8":
            self._forget(ticket)
            if kind == "8" and self.rng.random() < 0.35:
                self.stale.pop(ticket.inst.symbol, None)
        elif kind == "9" and ticket.state in {"replacing", "leaving"}:
            self._forget(ticket)
        if self.on_report:
            self.on_report(ticket, kind)

    def _hear_fill(self, ticket: Ticket, size: int) -> None:
        ticket.left -= size
        held = self.held.get(ticket.inst, 0)
        self.held[ticket.inst] = held + ticket.side * size
        if ticket.left <= 0:
            self._forget(ticket)
        self.on_fill(ticket)

    def _forget(self, ticket: Ticket) -> None:
        ticket.state = "done"
        self.live.pop(ticket.clid, None)
        self.live.pop(ticket.root, None)

    def on_fill(self, ticket: Ticket) -> None:
        """Do what it does when an order is filled."""
