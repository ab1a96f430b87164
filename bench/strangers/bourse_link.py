"""A FIX session between a desk and a gateway of a bourse."""

from typing import TYPE_CHECKING, Any, NamedTuple

from strangers import bourse_fix as fix
from strangers.bourse_clock import Steps
from strangers.bourse_firms import Firm
from strangers.bourse_gateway import Gateway
from strangers.bourse_market import Order
from strangers.bourse_tcp import Conn, Context
from strangers.bourse_wire import Host, Mirror
from strangers.exchange_dice import Dice
from strangers.loop import MS, SECOND, US

if TYPE_CHECKING:
    from strangers.bourse_desk import Desk

#: The messages that count as a session's own activity.
ORDERS = "DGFq"


class Manner(NamedTuple):
    """How a session's client writes, how often it says it lives, whose it is."""

    firm: Firm
    beat_s: int
    layout: int
    is_us: bool
    extra: str = ""


class Link:
    """One session, on one connection after another."""

    def __init__(
        self, mirror: Mirror, comp: str, host: Host, gw: Gateway, manner: Manner
    ) -> None:
        self.mirror, self.clock, self.rng = mirror, mirror.clock, mirror.rng
        self.comp, self.host, self.gw, self.manner = comp, host, gw, manner
        self.password = manner.firm.password
        #: What the labels call the desk behind it, and the chances it has.
        self.agent = ""
        self.own_rng: Dice = mirror.rng
        self.client_seq = self.gateway_seq = 0
        self.conn: Conn | None = None
        self.desk: Desk | None = None
        self.is_on = False
        self.orders: dict[str, Order] = {}
        #: Sessions that are told of its fills.
        self.copies: list[Link] = []
        #: When its gateway is done with the last message.
        self.done_at = 0.0
        self._last_said = self._last_told = self._last_heard = self._last_asked = 0
        #: How many orders it sent.
        self.count = 0
        #: How many messages its gateway will say it missed.
        self.missed = 0
        self.does_reset = self.is_leaving = self.was_kicked = self.is_locked = False

    @property
    def is_up(self) -> bool:
        """Return whether orders can be sent."""
        return self.is_on and self.conn is not None and self.conn.is_up

    def stamp(self) -> str:
        """Return the time now as its client writes it."""
        return fix.stamp(self.mirror.day_ns, is_us=self.manner.is_us)

    # -- on and off --------------------------------------------------------------

    def join(self) -> None:
        """Be on when the capture begins."""
        self.client_seq = int(10 ** self.rng.uniform(1, 4.7))
        self.gateway_seq = int(self.client_seq * self.rng.uniform(1, 2.4)) + 3
        conn = self._dial()
        conn.join()
        self.is_on = True
        self.clock.play(self._beat(conn), self.rng.random() * SECOND)

    def _dial(self) -> Conn:
        port = self.host.port()
        self.mirror.endpoints[f"{self.host.ip}:{port}"] = self.comp
        ends = (self.host, port), (self.gw.host, self.gw.port)
        self.conn = Conn(self.mirror, *ends, self._hear, self._fall)
        self._last_said = self._last_told = self._last_heard = self.clock.now
        return self.conn

    def connect(self, *, is_refused: bool = False, is_silent: bool = False) -> int:
        """Open a connection and log on; return when its first segment is seen."""
        conn = self._dial()
        ways = {"is_refused": is_refused, "is_silent": is_silent}
        return conn.open(self._log_on, **ways, tries=3)

    def give_up(self) -> None:
        """Forget a connection that did not come about."""
        if self.conn:
            self.conn.state = "closed"

    def _log_on(self) -> None:
        if self.does_reset:
            self.client_seq = self.gateway_seq = 0
        body = f"98=0\x01108={self.manner.beat_s}\x01"
        body += "141=Y\x01" if self.does_reset else ""
        if self.password:
            body += f"553={self.comp.lower()}\x01554={self.password}\x01"
        self.say("A", body, ("A", self.does_reset))

    def _fall(self, side: int) -> None:
        was_on, self.is_on = self.is_on, False
        if side == 1 and self.desk and was_on:
            self.desk.on_down()

    def log_out(self, text: str = "") -> None:
        """Ask to end the session."""
        if self.is_on:
            self.is_leaving = True
            self.say("5", f"58={text}\x01" if text else "", ("5",))

    # -- messages ----------------------------------------------------------------

    def _written(self, kind: str, body: str) -> bytes:
        self.client_seq += 1
        names = self.comp, self.gw.comp
        form = self.manner.layout, self.manner.extra
        head = fix.Header(kind, self.client_seq, *names, self.stamp(), *form)
        return fix.message(head, body)

    def say(self, kind: str, body: str, told: Context) -> int | None:
        """Send a message to the gateway; return when the mirror sees it."""
        if self.conn is None:
            return None
        self._last_said = self.clock.now
        self.count += kind in ORDERS
        return self.conn.write(0, self._written(kind, body), told)

    def say_all(self, orders: list[tuple[str, Context]]) -> None:
        """Send orders in one go."""
        if self.conn is None:
            return
        data = b"".join(self._written("D", body) for body, _ in orders)
        self.count += len(orders)
        self._last_said = self.clock.now
        self.conn.write(0, data, ("batch", [told for _, told in orders]))

    def tell(self, kind: str, body: str, told: Context = ("0",)) -> None:
        """Have the gateway send a message."""
        self.gateway_seq += 1
        if self.conn is None or (not self.is_on and kind not in "A5"):
            return
        self._last_told = self.clock.now
        names = self.gw.comp, self.comp
        layout = self.gw.conduct.layout
        head = fix.Header(kind, self.gateway_seq, *names, self.gw.stamp(), layout)
        self.conn.write(1, fix.message(head, body), told)

    def _hear(self, side: int, told: Context) -> None:
        if told[0] == "batch":
            for one in told[1]:
                self._hear(side, one)
        elif side == 0:
            self.gw.take(self, told)
        else:
            self._last_heard = self.clock.now
            self._obey(told)

    def _obey(self, told: Context) -> None:
        """Do what a client does about a message."""
        kind: Any = told[0]
        if kind == "A" and self.conn:
            self.is_on = True
            self.clock.play(self._beat(self.conn), self.rng.random() * SECOND)
            if self.desk:
                self.clock.after(self.rng.uniform(1, 60) * MS, self.desk.on_up)
        elif kind == "1":
            answer = f"112={told[1]}\x01"
            self.clock.after(self.host.near + 30000, self.say, "0", answer, ("0",))
        elif kind == "5" and self.conn:
            if not self.is_leaving:
                self.is_leaving = True
                self.say("5", "", ("5",))
            self.is_on = False
            self.clock.after(200 * US, self.conn.close, 0)
        elif kind == "2":
            self.say("4", f"123=Y\x0136={self.client_seq + 2}\x01", ("4",))
        elif kind == "er" and self.desk:
            self.desk.hear(*told[1:])

    # -- heartbeats --------------------------------------------------------------

    def _beat(self, conn: Conn) -> Steps:
        beat = self.manner.beat_s * SECOND
        while self.is_on and self.conn is conn and conn.is_up:
            now = self.clock.now
            if now - self._last_said >= beat:
                self.say("0", "", ("0",))
            if now - self._last_told >= beat and not self.gw.is_frozen:
                self.tell("0", "")
            is_quiet = now - self._last_heard > beat * 1.4 + 500 * MS
            if is_quiet and now - self._last_asked > beat:
                self._last_asked = now
                asked = fix.stamp(self.mirror.start_ns + now, is_us=False)[-9:]
                self.say("1", f"112={asked}\x01", ("1", asked))
            said, told = now - self._last_said, now - self._last_told
            left = min(beat - said if said < beat else beat, _left(beat, told))
            yield left + self.rng.randrange(1, 9) * MS


def _left(beat: int, passed: int) -> int:
    return beat - passed if passed < beat else beat
