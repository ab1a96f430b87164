"""A firm's end of a FIX session of a street."""

from collections.abc import Callable
from typing import Any, Protocol

from strangers.street_fix import Dialect, Order, frame, stamp
from strangers.street_tcp import Conn, Host, World
from strangers.street_venue import Gate

SECOND = 1_000_000_000
MS = 1_000_000


class Streets(World, Protocol):
    """What a session needs of the world beyond what a connection does."""

    skew_ns: int
    endpoints: dict[str, str]


class Client:
    """A session as its firm runs it: logon, heartbeats, orders."""

    def __init__(
        self, world: Streets, comp: str, host: Host, gate: Gate, beat_s: int
    ) -> None:
        self.world, self.comp, self.host, self.gate = world, comp, host, gate
        self.beat_s = beat_s
        self.dice = world.dice
        self.dialect = Dialect(world.dice, comp)
        self.out = world.dice.between(2, 40_000)
        self.conn: Conn | None = None
        self.is_up = False
        self.desk: Any = None
        self.last_ns = self.beats = 0
        self.resets = world.dice.chance(0.3)
        self.on_logon: Callable[[], None] | None = None
        self.on_reject: Callable[[Order], None] | None = None

    @property
    def tap_ns(self) -> int:
        """When the tap saw what was sent last."""
        return self.conn.c.last_tap if self.conn else 0

    def adopt(self) -> None:
        """Have been logged on all day."""
        conn = self._dial(self.host)
        conn.is_open = True
        side = self.gate.join(conn, self.comp, self.dice.between(2, 60_000))
        side.client = self
        side.beat_s = self.beat_s
        conn.c.app = self.hear
        self.is_up = True
        self.last_ns = self.world.now - int(self.dice.random() * self.beat_s * SECOND)
        self._wind()
        side.last_ns = self.world.now - int(self.dice.random() * self.beat_s * SECOND)
        side.wind()

    def _dial(self, host: Host) -> Conn:
        conn = self.conn = Conn(self.world, host, self.gate.host, self.gate.port)
        self.world.endpoints[f"{host.address}:{conn.c.port}"] = self.comp

        def closed() -> None:
            if self.conn is conn:
                self.is_up = False
            for side in self.gate.known.values():
                if side.conn is conn:
                    side.is_up = False

        conn.on_close = closed
        return conn

    def login(self, host: Host | None = None, *, resets: bool | None = None) -> None:
        """Connect, from the usual machine or another, and log on."""
        conn = self._dial(host or self.host)
        conn.c.app = self.hear
        self.resets = self.resets if resets is None else resets
        if self.resets:
            self.out = 1

        def hello() -> None:
            more = "|141=Y" if self.resets else ""
            secret = f"|553={self.comp.lower()}|554=pw{sum(map(ord, self.comp)) % 97}"
            text = f"98=0|108={self.beat_s}{more}{secret}"
            self._say("A", text, ("A", self))

        conn.on_open = hello
        conn.connect()

    def hear(self, thing: tuple[Any, ...]) -> None:
        """Take what the venue says."""
        if thing[0] == "A":
            self.is_up = True
            self._wind()
            if self.on_logon:
                self.on_logon()
        elif thing[0] == "5" and self.conn:
            self.is_up = False
            self.world.after(300_000, self.conn.finish, self.conn.c)
        elif thing[0] == "reject" and self.on_reject:
            self.on_reject(thing[1])

    def _wind(self) -> None:
        self.beats += 1
        left = self.last_ns + self.beat_s * SECOND - self.world.now
        self.world.after(max(1000, left), self._beat, self.beats)

    def _beat(self, beats: int) -> None:
        if beats != self.beats or not self.is_up:
            return
        if self.world.now - self.last_ns >= self.beat_s * SECOND - 2 * MS:
            self.send("0", "", ("0", None))
        self._wind()

    def send(self, kind: str, body: str, thing: Any) -> bool:
        """Send a message if the session is up; return whether."""
        if not self.is_up:
            return False
        return self._say(kind, body, thing)

    def head(self) -> str:
        """Return the header of a message sent now."""
        now = stamp(self.world.now + self.world.skew_ns, self.dialect.digits)
        ends = f"49={self.comp}|56={self.gate.comp}"
        return f"{ends}|34={self.out}{self.dialect.trader}|52={now}"

    def _say(self, kind: str, body: str, thing: Any) -> bool:
        if self.conn is None or self.conn.is_dead:
            return False
        raw = frame(kind, self.head(), body)
        self.out += 1
        self.last_ns = self.world.now
        self.conn.send(self.conn.c, raw, thing)
        return True

    def order(self, symbol: str, side: str, price: float, **more: Any) -> Order:
        """Send a NewOrderSingle; `more` may hold quantity, tif, kind, id."""
        one = Order(more.pop("id", "") or self.dialect.next_id(), symbol, side, price)
        for name, value in more.items():
            setattr(one, name, value)
        self.send("D", self.dialect.order(one, self.world.now), ("D", one))
        return one

    def cancel(self, one: Order) -> None:
        """Cancel an order."""
        gone = Order(self.dialect.next_id(), one.symbol, one.side, one.price)
        gone.quantity, gone.origin = one.quantity, one.id
        self.send("F", self.dialect.cancel(gone, self.world.now), ("F", gone))

    def replace(self, one: Order, price: float, quantity: int = 0) -> Order:
        """Replace an order's price, or quantity."""
        new = Order(self.dialect.next_id(), one.symbol, one.side, price)
        new.quantity, new.tif, new.kind = quantity or one.quantity, one.tif, one.kind
        new.origin = one.id
        self.send("G", self.dialect.replace(new, self.world.now), ("G", new))
        return new

    def logout(self) -> None:
        """Log out in order."""
        self.send("5", "58=end of session", ("5", None))
        self.is_up = False

    def drop(self) -> None:
        """Reset the connection."""
        if self.conn:
            self.conn.reset(self.conn.c)
