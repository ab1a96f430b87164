"""The venue of a street: gateways, prices, and what becomes of orders."""

from typing import Any

from strangers.street_fix import Order, frame, stamp
from strangers.street_tcp import Conn, Host, World

US, MS, SECOND = 1_000, 1_000_000, 1_000_000_000


class Market:
    """Prices; each moves, when asked for, by how long it was not."""

    def __init__(self, world: World, symbols: list[str]) -> None:
        dice = world.dice
        self.world = world
        self.middle = {one: round(dice.lognormal(3.8, 0.9), 2) for one in symbols}
        self.spread = {one: 1e-4 * dice.lognormal(0, 0.4) for one in symbols}
        self._asked: dict[str, int] = {}

    def list(self, symbol: str, price: float, spread: float) -> None:
        """Have one more symbol."""
        self.middle[symbol], self.spread[symbol] = price, spread

    def price(self, symbol: str) -> float:
        """Return the middle now."""
        now = self.world.now
        gap = (now - self._asked.setdefault(symbol, now)) / SECOND
        if gap > 0.002:
            move = self.world.dice.gauss(self.spread[symbol] * gap**0.5)
            self.middle[symbol] *= 1 + move
            self._asked[symbol] = now
        return self.middle[symbol]


class Side:
    """A gateway's end of a session."""

    def __init__(self, gate: "Gate", conn: Conn, comp: str, out: int) -> None:
        self.gate, self.conn, self.comp, self.out = gate, conn, comp, out
        self.client: Any = None
        self.is_up = True
        self.used: set[str] = set()
        self.orders: dict[str, Order] = {}
        self.ready_ns = self.last_ns = self.beats = 0
        self.beat_s = 30
        conn.s.app = self.hear

    def hear(self, thing: tuple[Any, ...]) -> None:
        """Take what the firm says."""
        self.gate.take(self, thing)

    def wind(self) -> None:
        """Set the timer of the next Heartbeat."""
        self.beats += 1
        left = self.last_ns + self.beat_s * SECOND - self.gate.world.now
        self.gate.world.after(max(1000, left), self._beat, self.beats)

    def _beat(self, beats: int) -> None:
        if beats != self.beats or not self.is_up:
            return
        if self.gate.world.now - self.last_ns >= self.beat_s * SECOND - 2 * MS:
            self.send("0", "", ("0", None))
        self.wind()

    def send(self, kind: str, body: str, thing: Any) -> None:
        """Send a message."""
        if self.conn.is_dead:
            return
        now = self.gate.world.now
        ends = f"49={self.gate.comp}|56={self.comp}"
        head = f"{ends}|34={self.out}|52={stamp(now, self.gate.digits)}"
        self.out += 1
        self.last_ns = now
        self.conn.send(self.conn.s, frame(kind, head, body), thing)


class Gate:
    """An order gateway, and what matches behind it."""

    def __init__(self, world: World, host: Host, port: int, comp: str) -> None:
        dice = world.dice
        self.world, self.host, self.port, self.comp = world, host, port, comp
        self.name = f"{host.address}:{port}"
        self.base_ns = dice.choice((60, 120, 250, 500, 900)) * US
        self.service_ns = dice.choice((6, 12, 25)) * US
        self.spread = dice.uniform(0.15, 0.5)
        self.digits = dice.choice((3, 6))
        self.style = dice.below(2)
        self.refuses = dice.choice((0.001, 0.003, 0.01))
        self.kicks = dice.chance(0.3)
        self.count = dice.between(10**6, 10**8)
        self.slow, self.extra_ns = 1.0, 0
        self.busy_ns = self.pause_ns = 0
        self.is_open = True
        self.market: Market | None = None
        self.known: dict[str, Side] = {}
        self.copies: list[Side] = []
        host.listen[port] = self.accept

    def join(self, conn: Conn, comp: str, out: int) -> Side:
        """Take a session on; what it had before is still there."""
        side, old = Side(self, conn, comp, out), self.known.get(comp)
        if old:
            side.used, side.orders = old.used, old.orders
            side.out = out or old.out
        self.known[comp] = side
        return side

    def accept(self, conn: Conn) -> bool:
        """Take a connection; its Logon says what becomes of it."""
        conn.s.app = lambda thing: self._logon(conn, thing)
        return True

    def _logon(self, conn: Conn, thing: tuple[Any, ...]) -> None:
        if thing[0] == "bad":
            self.world.after(MS, self._refuse, conn, thing[1], "Invalid credentials")
        if thing[0] != "A":
            return
        client = thing[1]
        old = self.known.get(client.comp)
        if old and old.is_up and old.conn is not conn:
            if not self.kicks:
                self.world.after(
                    300 * US, self._refuse, conn, client.comp, "Already logged on"
                )
                return
            old.is_up = False
            self.world.after(200 * US, old.conn.finish, old.conn.s)
        self.world.after(self.base_ns * 3, self._welcome, conn, client)

    def _refuse(self, conn: Conn, comp: str, text: str) -> None:
        side = Side(self, conn, comp, 1)
        side.is_up = False
        side.send("5", f"58={text}", ("5", None))
        self.world.after(500 * US, conn.finish, conn.s)

    def _welcome(self, conn: Conn, client: Any) -> None:
        side = self.join(conn, client.comp, 1 if client.resets else 0)
        side.client = client
        side.beat_s = client.beat_s
        more = "|141=Y" if client.resets else ""
        side.send("A", f"98=0|108={client.beat_s}{more}", ("A", None))
        side.wind()

    def take(self, side: Side, thing: tuple[Any, ...]) -> None:
        """Queue a message; answer it later, in order."""
        if thing[0] == "5":
            self.world.after(self.base_ns, self._bye, side)
        if thing[0] not in "DFG":
            return
        start = max(self.world.now, self.busy_ns, self.pause_ns)
        self.busy_ns = start + int(self.service_ns * self.slow)
        late = self.base_ns * self.world.dice.lognormal(0, self.spread) * self.slow
        ready = self.busy_ns + int(late) + self.extra_ns
        side.ready_ns = max(side.ready_ns + 2 * US, ready)
        self.world.at(side.ready_ns, self._answer, side, thing)

    def _bye(self, side: Side) -> None:
        side.send("5", "58=Logout acknowledged", ("5", None))
        side.is_up = False

    def _answer(self, side: Side, thing: tuple[Any, ...]) -> None:
        if self.world.now < self.pause_ns:
            later = self.pause_ns + self.world.dice.below(5 * MS)
            side.ready_ns = max(side.ready_ns + 2 * US, later)
            self.world.at(side.ready_ns, self._answer, side, thing)
        elif thing[0] == "D":
            self._new(side, thing[1])
        elif thing[0] == "F":
            self._cancel(side, thing[1])
        else:
            self._replace(side, thing[1])

    def _report(self, side: Side, one: Order, kind: str, more: str = "") -> None:
        self.count += 1
        one.number = one.number or f"{self.count:x}"
        is_filled = one.filled >= one.quantity
        status = {"5": "0", "F": "2" if is_filled else "1"}.get(kind, kind)
        left = one.quantity - one.filled if status in "01" else 0
        now, own = stamp(self.world.now, self.digits), f"|11={one.id}"
        own += f"|41={one.origin}" if one.origin else ""
        price = f"|44={one.price:.2f}" if one.kind != "1" else ""
        mean = one.price if one.filled else 0
        name = f"|55={one.symbol}|54={one.side}|38={one.quantity}|40={one.kind}{price}"
        state = f"|150={kind}|39={status}"
        sums = f"|151={left}|14={one.filled}|6={mean:.2f}|60={now}"
        if self.style:
            body = f"37={one.number}{own}|17={self.count}{state}{name}{more}{sums}"
        else:
            body = f"17=E{self.count}{own}{more}|37={one.number}{name}{state}{sums}"
        side.send("8", body, ("reject" if kind == "8" else "report", one))
        if kind == "F":
            for copy in self.copies:
                if copy.is_up:
                    copy.send("8", f"{body}|109={side.comp}", ("report", one))

    def _why(self, side: Side, one: Order) -> str:
        middle = self.market.middle.get(one.symbol) if self.market else None
        if one.id in side.used:
            return "|103=6|58=Duplicate ClOrdID"
        if not self.is_open:
            return "|103=2|58=Market closed"
        if middle is None:
            return "|103=1|58=Unknown symbol"
        if one.kind != "1" and abs(one.price / middle - 1) > 0.15:
            return "|103=99|58=Price outside collar"
        if self.world.dice.chance(self.refuses):
            return "|103=99|58=Insufficient buying power"
        return ""

    def _new(self, side: Side, one: Order) -> None:
        why = self._why(side, one)
        if why:
            self._report(side, one, "8", why)
            return
        side.used.add(one.id)
        self._report(side, one, "0")
        self._rest(side, one)

    def _rest(self, side: Side, one: Order) -> None:
        dice = self.world.dice
        middle = self.market.price(one.symbol) if self.market else one.price
        edge = (one.price - middle) / middle * (1 if one.side == "1" else -1)
        one.is_live = True
        side.orders[one.id] = one
        if one.kind == "1" or edge >= 0.0001:
            self.world.after(dice.between(5, 90) * US, self._fill, side, one, 0.75)
        elif one.tif == "3" and dice.chance(0.75):
            self._expire(side, one)
        elif one.tif == "3":
            self.world.after(20 * US, self._fill, side, one, 1.0)
        elif dice.chance(0.3 * min(1.0, 0.0004 / max(1e-6, 0.0001 - edge))):
            self.world.after(dice.wait(4) * SECOND, self._fill, side, one, 0.6)

    def _expire(self, side: Side, one: Order) -> None:
        one.is_live = False
        side.orders.pop(one.id, None)
        self._report(side, one, "4")

    def _fill(self, side: Side, one: Order, whole: float) -> None:
        if not one.is_live or side.orders.get(one.id) is not one or not side.is_up:
            return
        dice, left = self.world.dice, one.quantity - one.filled
        share = 1 if left < 200 or dice.chance(whole) else dice.uniform(0.1, 0.7)
        part = max(1, int(left * share))
        one.filled += part
        is_done = one.filled >= one.quantity
        if is_done:
            one.is_live = False
            side.orders.pop(one.id, None)
        self._report(side, one, "F", f"|32={part}|31={one.price:.2f}")
        if is_done:
            return
        if one.tif == "3":
            self._expire(side, one)
        else:
            self.world.after(dice.wait(0.5) * SECOND, self._fill, side, one, 0.6)

    def _found(self, side: Side, one: Order, by: str) -> bool:
        """Return whether an order to cancel or replace is there, and take it."""
        old = side.orders.pop(one.origin, None)
        if old is None:
            text = f"37=NONE|11={one.id}|41={one.origin}|39=8|434={by}|102=1"
            side.send("9", f"{text}|58=Unknown order", ("refused", one))
            return False
        old.is_live = False
        one.filled, one.number = old.filled, old.number
        return True

    def _cancel(self, side: Side, one: Order) -> None:
        if self._found(side, one, "1"):
            self._report(side, one, "4")

    def _replace(self, side: Side, one: Order) -> None:
        if self._found(side, one, "2"):
            side.used.add(one.id)
            self._report(side, one, "5")
            self._rest(side, one)
