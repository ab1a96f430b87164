"""The venue: an order gateway with its throttle, and a matching book, behind QuickFIX.

Run as a process in the venue's namespace: `python -m airnet.lab.venue SETTINGS
ADDRESS PORT [WORD...]`, address and port for the gateway's control over HTTP. Words:
`cod=off` leaves the orders of who is gone, `risk=COMPID` lets that session cancel for
others (35=q), `cancels=off`, `confirms=off` and `logs_out=off` break it so, and
`locked=SYMBOL,...` has orders that nobody can cancel now. The command `control` on
standard input sets `cod` and any of these to true or false, and `locked`. Every order
message is answered at once, in the callback that brought it.
"""

import contextlib
import sys
import threading

import msgspec
import quickfix

from airnet.clock import SystemClock
from airnet.lab import fix
from airnet.lab.book import Book, Fill, Order
from airnet.lab.channel import Channel, Json
from airnet.lab.control import Control, control_server
from airnet.lab.fix import Fields
from airnet.lab.mass import Mass
from airnet.lab.result import Tally
from airnet.lab.session_settings import BEGIN_STRING

TICKS = 100
STATUS_S = 0.25
#: Threads share one core: an acknowledgement does not wait 5 ms for another's turn.
SWITCH_INTERVAL_S = 0.0005


class Venue(quickfix.Application):  # type: ignore[misc] # it has no types
    """Answers order messages; what it may not accept, it says why.

    Args:
        control: whose new orders are stopped, who may not log on.
        clock: for TransactTime.
        risk: the CompID that may cancel for others, or "".
        has_cod: whether orders are cancelled when their session is gone.
    """

    def __init__(
        self,
        control: Control,
        clock: SystemClock,
        risk: str = "",
        *,
        has_cod: bool = True,
    ) -> None:
        super().__init__()
        self._throttle = control
        self._clock = clock
        self._mass = Mass(self, clock, risk, lambda: control.cancels)
        self.has_cod = has_cod
        # Orders come on the engine's thread, commands on the control's.
        self._lock = threading.RLock()
        self._books: dict[str, Book] = {}
        self._orders: dict[tuple[str, str], Order] = {}
        self._serial = 0
        self._sessions: dict[str, quickfix.SessionID] = {}
        self.tallies: dict[str, Tally] = {}
        self.online: set[str] = set()

    # QuickFIX calls these by the names it gave them.

    def onCreate(self, session: quickfix.SessionID) -> None:
        """Note a configured session."""
        comp_id = session.getTargetCompID().getValue()
        ours = session.getSenderCompID().getValue()
        self._sessions[comp_id] = quickfix.SessionID(BEGIN_STRING, ours, comp_id)
        self.tallies[comp_id] = Tally()

    def onLogon(self, session: quickfix.SessionID) -> None:
        """Note that a session is up."""
        self.online.add(session.getTargetCompID().getValue())

    def onLogout(self, session: quickfix.SessionID) -> None:
        """Note that a session is down; cancel on disconnect."""
        comp_id = session.getTargetCompID().getValue()
        self.online.discard(comp_id)
        if self.has_cod:
            self.cancel_all(comp_id)

    def toAdmin(self, *_: object) -> None:
        """Let session messages go as they are."""

    def fromAdmin(self, *_: object) -> None:
        """Leave session messages to the engine; see let_in."""

    def toApp(self, *_: object) -> None:
        """Let reports go as they are."""

    def fromApp(self, message: quickfix.Message, session: quickfix.SessionID) -> None:
        """Answer one order message."""
        comp_id = session.getTargetCompID().getValue()
        fields = fix.read(message)
        kind = fields["35"]
        if kind in (fix.MASS_CANCEL, fix.MASS_STATUS):
            self._about_many(comp_id, fields)
            return
        with self._lock:
            if kind == fix.NEW:
                self._enter(comp_id, fields)
            elif kind == fix.CANCEL:
                self._cancel(comp_id, fields)
            elif kind == fix.REPLACE:
                self._replace(comp_id, fields)

    # The control calls these, on its own threads.

    def cancel_all(self, comp_id: str) -> int:
        """Cancel every open order of a session and return how many there were."""
        with self._lock:
            locked = self._throttle.locked
            keys = [
                key
                for key, order in self._orders.items()
                if key[0] == comp_id and order.symbol not in locked
            ]
            orders = [self._orders.pop(key) for key in keys]
            for order in orders:
                self._books[order.symbol].remove(order)
                order.open = 0
        for order in orders:  # without the lock: the engine has its own
            self._report(order, fix.IS_CANCELED, fix.IS_CANCELED)
        return len(orders)

    def open_orders(self, comp_id: str) -> int:
        """Return how many orders of a session are open."""
        with self._lock:
            return sum(1 for key in self._orders if key[0] == comp_id)

    def reports(self, comp_id: str) -> list[dict[str, str]]:
        """Return an ExecutionReport's fields for each open order of a session."""
        with self._lock:
            return [
                self._account(
                    order, fix.IS_STATUS, fix.IS_PARTIAL if order.filled else fix.IS_NEW
                )
                for key, order in self._orders.items()
                if key[0] == comp_id
            ]

    def log_out(self, comp_id: str, why: str) -> None:
        """Send a session Logout(5) and let it go."""
        session = quickfix.Session.lookupSession(self._sessions[comp_id])
        if session is not None:
            session.logout(why)

    def let_in(self) -> None:
        """Have the engine take Logons again of who was logged out and is not barred.

        Until then it hangs up on them. A RejectLogon raised in fromAdmin would say why,
        but can end the whole process: it is not caught on every path of the engine.
        """
        for comp_id, named in self._sessions.items():
            session = quickfix.Session.lookupSession(named)
            if session is None or session.isEnabled() or session.isLoggedOn():
                continue
            if not self._throttle.bars(comp_id):
                session.logon()

    def is_connected(self, comp_id: str) -> bool:
        """Return whether a session is logged on."""
        return comp_id in self.online

    def cancels_on_disconnect(self, comp_id: str) -> bool:
        """Return whether its orders are cancelled when it is gone."""
        return self.has_cod

    def _about_many(self, comp_id: str, fields: Fields) -> None:
        """Answer a request about all orders, one's own or (115) another's."""
        for kind, answer in self._mass.answers(comp_id, fields, self._sessions):
            if self._throttle.confirms:
                fix.send(kind, answer, self._sessions[comp_id])

    def _enter(self, comp_id: str, fields: Fields) -> None:
        """Accept a new order and match it, or say why not."""
        tally = self.tallies[comp_id]
        tally.orders += 1
        stopped = self._throttle.stops(comp_id)
        problem = f"stopped by risk control {stopped}" if stopped else ""
        if not stopped:
            problem = self._problem(comp_id, fields)
        if problem:
            if stopped:
                tally.stopped += 1
            else:
                tally.refused += 1
            self._refuse(comp_id, fields, problem)
            return
        order = self._order(comp_id, fields)
        self._orders[comp_id, order.client_id] = order
        tally.accepted += 1
        self._report(order, fix.IS_NEW, fix.IS_NEW)
        self._trade(order)

    def _problem(self, comp_id: str, fields: Fields) -> str:
        """Return why an order cannot be accepted, or nothing."""
        if fields.get("40") != "2" or "44" not in fields or "38" not in fields:
            return "only limit orders with a price and a quantity"
        if (comp_id, fields["11"]) in self._orders:
            return "duplicate ClOrdID"
        if float(fields["38"]) < 1 or float(fields["44"]) <= 0:
            return "quantity and price must be positive"
        return ""

    def _order(self, comp_id: str, fields: Fields) -> Order:
        """Return the order that a NewOrderSingle describes."""
        quantity = int(float(fields["38"]))
        return Order(
            id=f"V{self._next():08d}",
            owner=comp_id,
            client_id=fields["11"],
            symbol=fields["55"],
            side=fields["54"],
            price=round(float(fields["44"]) * TICKS),
            quantity=quantity,
            open=quantity,
        )

    def _trade(self, order: Order) -> None:
        """Match an order and report every fill to both sides."""
        book = self._books.setdefault(order.symbol, Book())
        for fill in book.enter(order):
            for one in (fill.taker, fill.maker):
                self.tallies[one.owner].fills += 1
                status = fix.IS_PARTIAL if one.open else fix.IS_FILLED
                self._report(one, fix.IS_TRADE, status, fill=fill)
                if not one.open:
                    self._orders.pop((one.owner, one.client_id), None)

    def _cancel(self, comp_id: str, fields: Fields) -> None:
        """Take an order out; a containment never stands in a cancel's way."""
        tally = self.tallies[comp_id]
        tally.cancels += 1
        order = self._orders.get((comp_id, fields["41"]))
        if order is None or order.symbol in self._throttle.locked:
            tally.cancel_rejects += 1
            why = "unknown or done" if order is None else "no cancels of it now"
            self._reject_change(comp_id, fields, "1", why)
            return
        del self._orders[order.owner, order.client_id]
        self._books[order.symbol].remove(order)
        order.open = 0
        tally.canceled += 1
        self._report(order, fix.IS_CANCELED, fix.IS_CANCELED, renamed=fields["11"])

    def _replace(self, comp_id: str, fields: Fields) -> None:
        """Change price and quantity; under a containment that is a new order."""
        tally = self.tallies[comp_id]
        tally.replaces += 1
        stopped = self._throttle.stops(comp_id)
        order = self._orders.get((comp_id, fields["41"]))
        if stopped or order is None:
            tally.replace_rejects += 1
            why = f"stopped by risk control {stopped}" if stopped else "unknown or done"
            self._reject_change(comp_id, fields, "2", why)
            return
        self._books[order.symbol].remove(order)
        del self._orders[comp_id, order.client_id]
        order.price = round(float(fields["44"]) * TICKS)
        order.quantity = max(order.filled + 1, int(float(fields["38"])))
        order.open = order.quantity - order.filled
        old, order.client_id = order.client_id, fields["11"]
        self._orders[comp_id, order.client_id] = order
        tally.replaced += 1
        status = fix.IS_PARTIAL if order.filled else fix.IS_NEW
        self._report(order, fix.IS_REPLACED, status, renamed=fields["11"], old=old)
        self._trade(order)

    def _report(
        self,
        order: Order,
        exec_type: str,
        status: str,
        *,
        fill: Fill | None = None,
        renamed: str = "",
        old: str = "",
    ) -> None:
        """Send an ExecutionReport about an order."""
        fields = self._account(order, exec_type, status)
        if renamed:
            fields |= {"11": renamed, "41": old or order.client_id}
        if fill is not None:
            fields |= {"32": str(fill.quantity), "31": f"{fill.price / TICKS:.2f}"}
        fix.send(fix.REPORT, fields, self._sessions[order.owner])

    def _account(self, order: Order, exec_type: str, status: str) -> dict[str, str]:
        """Return how an order stands, as an ExecutionReport has it."""
        average = order.value / order.filled / TICKS if order.filled else 0.0
        return {
            "37": order.id,
            "11": order.client_id,
            "17": f"E{self._next():08d}",
            "150": exec_type,
            "39": status,
            "55": order.symbol,
            "54": order.side,
            "38": str(order.quantity),
            "44": f"{order.price / TICKS:.2f}",
            "151": str(order.open),
            "14": str(order.filled),
            "6": f"{average:.4f}",
            "60": fix.transact_time(self._clock.now_ns()),
        }

    def _refuse(self, comp_id: str, fields: Fields, why: str) -> None:
        """Answer a new order with ExecType and OrdStatus Rejected."""
        report = {
            "37": "NONE",
            "11": fields["11"],
            "17": f"E{self._next():08d}",
            "150": fix.IS_REJECTED,
            "39": fix.IS_REJECTED,
            "55": fields["55"],
            "54": fields["54"],
            "38": fields.get("38", "0"),
            "151": "0",
            "14": "0",
            "6": "0",
            "58": why,
            "60": fix.transact_time(self._clock.now_ns()),
        }
        fix.send(fix.REPORT, report, self._sessions[comp_id])

    def _reject_change(
        self, comp_id: str, fields: Fields, response_to: str, why: str
    ) -> None:
        """Send an OrderCancelReject, to a cancel ("1") or a replace ("2")."""
        report = {
            "37": "NONE",
            "11": fields["11"],
            "41": fields["41"],
            "39": fix.IS_REJECTED,
            "434": response_to,
            "58": why,
            "60": fix.transact_time(self._clock.now_ns()),
        }
        fix.send(fix.CANCEL_REJECT, report, self._sessions[comp_id])

    def _next(self) -> int:
        self._serial += 1
        return self._serial


def main() -> None:
    """Trade until the starter closes standard input."""
    settings, address, port = sys.argv[1:4]
    words = dict(word.partition("=")[::2] for word in sys.argv[4:])
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    clock = SystemClock()
    control = Control(clock)
    control.behave(words)
    has_cod = words.get("cod") != "off"
    venue = Venue(control, clock, words.get("risk", ""), has_cod=has_cod)
    control.floor = venue
    server = control_server(address, int(port), control)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    acceptor = quickfix.SocketAcceptor(
        venue, quickfix.MemoryStoreFactory(), quickfix.SessionSettings(settings)
    )
    acceptor.start()
    channel = Channel()
    channel.tell("ready", {})
    with contextlib.suppress(KeyboardInterrupt):
        while not channel.is_closed:
            for command in channel.poll(STATUS_S):
                obey(command, venue, control)
            venue.let_in()
            tell(channel, venue, control)
    acceptor.stop()
    server.shutdown()


def obey(command: Json, venue: Venue, control: Control) -> None:
    """Set how the gateway cancels and confirms; an unknown command does nothing."""
    if command.get("do") != "control":
        return
    venue.has_cod = bool(command.get("cod", venue.has_cod))
    control.behave(command)


def tell(channel: Channel, venue: Venue, control: Control) -> None:
    """Send the counts so far, and who allowed which session again."""
    counts = {one: msgspec.to_builtins(tally) for one, tally in venue.tallies.items()}
    holds = [msgspec.to_builtins(hold) for hold in control.standing()]
    body: Json = {"sessions": counts, "online": sorted(venue.online), "holds": holds}
    manner = {"cod": venue.has_cod, **control.manner()}
    channel.tell("counts", body | {"allowed": control.allowed, "manner": manner})


if __name__ == "__main__":
    main()
