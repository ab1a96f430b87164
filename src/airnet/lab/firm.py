"""A trading firm: its FIX sessions through QuickFIX, one algorithm each.

Run as a process in the firm's namespace: `python -m airnet.lab.firm SETTINGS PLANS
SEED`; PLANS is JSON. Commands on standard input: `trade` begins, `rate` sets the pace
of all its sessions by a factor over a ramp, `runaway` sets one session looping (rate 0
mends it), `finish` takes every order off.
"""

import contextlib
import sys
from collections import deque
from statistics import median

import msgspec
import quickfix

from airnet.clock import SystemClock
from airnet.lab import fix
from airnet.lab.algorithm import NEW, Algorithm, Answer, Wish
from airnet.lab.channel import Channel, Json
from airnet.lab.roster import VENUE_COMP, Plan
from airnet.lab.session_settings import BEGIN_STRING
from airnet.lab.venue import SWITCH_INTERVAL_S, TICKS

NS_PER_S, NS_PER_MS = 1_000_000_000, 1_000_000
STATUS_NS = 250 * NS_PER_MS
PACE_S = 0.003
#: A process that was held up does not make up for more than this.
BEHIND_MAX_NS = 250 * NS_PER_MS


class Desk(quickfix.Application):  # type: ignore[misc] # it has no types
    """The firm's end of its sessions: what came, with the time it came."""

    def __init__(self, clock: SystemClock) -> None:
        super().__init__()
        self._clock = clock
        self.came: deque[tuple[str, fix.Fields, int]] = deque()
        self.online: set[str] = set()

    # QuickFIX calls these by the names it gave them.

    def onCreate(self, session: quickfix.SessionID) -> None:
        """Leave it: sessions are known from the plans."""

    def onLogon(self, session: quickfix.SessionID) -> None:
        """Note that a session is up."""
        self.online.add(session.getSenderCompID().getValue())

    def onLogout(self, session: quickfix.SessionID) -> None:
        """Note that a session is down."""
        self.online.discard(session.getSenderCompID().getValue())

    def toAdmin(self, *_: object) -> None:
        """Let session messages go as they are."""

    def fromAdmin(self, *_: object) -> None:
        """Leave session messages to the engine."""

    def toApp(self, *_: object) -> None:
        """Let orders go as they are."""

    def fromApp(self, message: quickfix.Message, session: quickfix.SessionID) -> None:
        """Keep a report for the trader, who works on another thread."""
        comp_id = session.getSenderCompID().getValue()
        self.came.append((comp_id, fix.read(message), self._clock.mono_ns()))


class Trader:
    """Runs the algorithms: when each acts, and how fast."""

    def __init__(self, plans: list[Plan], seed: int, clock: SystemClock) -> None:
        self._clock = clock
        self.algorithms = {plan.comp_id: Algorithm(plan, seed) for plan in plans}
        self._due_ns = dict.fromkeys(self.algorithms, 0)
        self._loops: dict[str, tuple[float, int]] = {}
        self._factor = (1.0, 1.0, 0, 1)  # from, to, since when, over how long
        self._is_trading = False
        self._sent_ns: dict[str, int] = {}
        self.latency_us: dict[str, list[int]] = {one: [] for one in self.algorithms}

    def obey(self, command: Json, now_ns: int) -> None:
        """Do as one command says; an unknown one does nothing."""
        match command.get("do"):
            case "trade":
                self._is_trading = True
                self._due_ns = dict.fromkeys(self.algorithms, now_ns)
            case "rate":
                target = float(str(command["factor"]))
                ramp_ns = max(1, int(str(command["ramp_ms"])) * NS_PER_MS)
                self._factor = (self.factor(now_ns), target, now_ns, ramp_ns)
            case "runaway":
                comp_id, rate = str(command["comp_id"]), float(str(command["rate"]))
                if rate and comp_id in self.algorithms:
                    self._loops[comp_id] = (rate, now_ns)
                else:
                    self._loops.pop(comp_id, None)
            case "finish":
                self._loops.clear()
                for algorithm in self.algorithms.values():
                    algorithm.is_leaving = True

    def factor(self, now_ns: int) -> float:
        """Return how much faster than usual everybody trades now."""
        begin, end, since_ns, ramp_ns = self._factor
        share = min(1.0, (now_ns - since_ns) / ramp_ns)
        return begin + (end - begin) * share

    def due(self, now_ns: int) -> list[tuple[str, Wish]]:
        """Return what is to be sent now."""
        if not self._is_trading:
            return []
        wishes = []
        factor = self.factor(now_ns)
        for comp_id, algorithm in self.algorithms.items():
            due_ns = max(self._due_ns[comp_id], now_ns - BEHIND_MAX_NS)
            while due_ns <= now_ns:
                wish = algorithm.want(now_ns)
                if wish is not None:
                    wishes.append((comp_id, wish))
                due_ns += int(algorithm.pause_s(factor) * NS_PER_S)
            self._due_ns[comp_id] = due_ns
        return wishes + self._looped(now_ns)

    def _looped(self, now_ns: int) -> list[tuple[str, Wish]]:
        """Return what algorithms that run away send on top."""
        wishes = []
        for comp_id, (rate, due_ns) in self._loops.items():
            next_ns = max(due_ns, now_ns - BEHIND_MAX_NS)
            while next_ns <= now_ns:
                wishes.append((comp_id, self.algorithms[comp_id].loop(now_ns)))
                next_ns += int(NS_PER_S / rate)
            self._loops[comp_id] = (rate, next_ns)
        return wishes

    def sent(self, wish: Wish) -> None:
        """Remember when a new order left."""
        if wish.kind == NEW:
            self._sent_ns[wish.id] = self._clock.mono_ns()

    def hear(self, comp_id: str, fields: fix.Fields, came_ns: int) -> None:
        """Give one report to its algorithm."""
        if fields["35"] not in (fix.REPORT, fix.CANCEL_REJECT):
            return
        answer = Answer(
            kind=fields["35"],
            id=fields["11"],
            original=fields.get("41", ""),
            exec_type=fields.get("150", ""),
            left=int(float(fields.get("151", "0"))),
            text=fields.get("58", ""),
            response_to=fields.get("434", ""),
        )
        sent_ns = self._sent_ns.pop(answer.id, 0)
        if sent_ns:
            self.latency_us[comp_id].append((came_ns - sent_ns) // 1000)
        self.algorithms[comp_id].hear(answer)

    def is_idle(self) -> bool:
        """Return whether nothing is open and nothing unanswered."""
        return all(algorithm.is_idle() for algorithm in self.algorithms.values())


def fields_of(wish: Wish, now_ns: int) -> fix.Fields:
    """Return the FIX fields of an order message."""
    fields = {
        "11": wish.id,
        "55": wish.symbol,
        "54": wish.side,
        "38": str(wish.quantity),
        "60": fix.transact_time(now_ns),
    }
    if wish.original:
        fields["41"] = wish.original
    if wish.kind != fix.CANCEL:
        fields |= {"40": "2", "44": f"{wish.price / TICKS:.2f}", "59": "0"}
    return fields


def tell(channel: Channel, trader: Trader, desk: Desk) -> None:
    """Send the counts so far, and the median latency since the last time."""
    counts = {
        one: msgspec.to_builtins(algorithm.tally)
        for one, algorithm in trader.algorithms.items()
    }
    latency = {
        one: int(median(values)) for one, values in trader.latency_us.items() if values
    }
    for values in trader.latency_us.values():
        values.clear()
    channel.tell(
        "counts",
        {
            "sessions": counts,
            "online": sorted(desk.online),
            "latency_us": latency,
            "idle": trader.is_idle(),
        },
    )


def work(channel: Channel, trader: Trader, desk: Desk, clock: SystemClock) -> None:
    """Trade until the starter closes the channel."""
    sessions = {
        one: quickfix.SessionID(BEGIN_STRING, one, VENUE_COMP)
        for one in trader.algorithms
    }
    told_ns = 0
    while not channel.is_closed:
        for command in channel.poll(PACE_S):
            trader.obey(command, clock.mono_ns())
        while desk.came:
            trader.hear(*desk.came.popleft())
        for comp_id, wish in trader.due(clock.mono_ns()):
            trader.sent(wish)
            fix.send(wish.kind, fields_of(wish, clock.now_ns()), sessions[comp_id])
        now_ns = clock.mono_ns()
        if now_ns - told_ns >= STATUS_NS:
            told_ns = now_ns
            tell(channel, trader, desk)


def main() -> None:
    """Connect, say so, and trade as told."""
    settings, plans, seed = sys.argv[1:4]
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    clock = SystemClock()
    desk = Desk(clock)
    trader = Trader(msgspec.json.decode(plans, type=list[Plan]), int(seed), clock)
    initiator = quickfix.SocketInitiator(
        desk, quickfix.MemoryStoreFactory(), quickfix.SessionSettings(settings)
    )
    initiator.start()
    channel = Channel()
    with contextlib.suppress(KeyboardInterrupt):
        work(channel, trader, desk, clock)
    initiator.stop()


if __name__ == "__main__":
    main()
