"""Exchanges: what was asked of switches and is not answered by all of them yet."""

import dataclasses
from collections.abc import Iterable, Sequence

import msgspec

from airnet.clock import Clock
from airnet.controller.entries import Flow, Group, Key, Meter
from airnet.controller.flows import Hop
from airnet.controller.messages import AskFlows, Barrier, Message, Send
from airnet.controller.standing import Held
from airnet.controller.sync import Actual

#: 31 bits: an xid is never 0, and never used twice while it is waited for.
XID_MAX = 0x7FFFFFFF


@dataclasses.dataclass(eq=False)
class Exchange:
    """One thing asked, of whom it is still awaited, and who refused it how."""

    kind: str
    limit_ns: int
    clients: list[int] = dataclasses.field(default_factory=list)
    held: Held | None = None
    waiting: dict[int, int] = dataclasses.field(default_factory=dict)
    confirmed: list[int] = dataclasses.field(default_factory=list)
    errors: list[str] = dataclasses.field(default_factory=list)
    xids: list[tuple[int, int]] = dataclasses.field(default_factory=list)
    #: What was read back, by switch, where a containment is to be seen standing.
    read: dict[int, dict[Key, Actual]] = dataclasses.field(default_factory=dict)
    #: What each is to hold, where a look goes whether it does.
    wanted: dict[int, list[Flow]] = dataclasses.field(default_factory=dict)
    unread: set[int] = dataclasses.field(default_factory=set)
    meters: dict[int, list[Meter]] = dataclasses.field(default_factory=dict)
    groups: dict[int, list[Group]] = dataclasses.field(default_factory=dict)
    #: The ports whose link is up, where that was asked.
    ports: dict[int, set[int]] = dataclasses.field(default_factory=dict)
    #: Those that go in one write with it, and hear from it what came of them.
    members: list["Exchange"] = dataclasses.field(default_factory=list)
    is_late: bool = False

    @property
    def is_seeing(self) -> bool:
        """Return whether what it asks for is read back."""
        return self.kind in {"apply", "together", "probe"}

    def unseen(self, wanted: Iterable[Flow]) -> list[str]:
        """Return what a switch confirmed and, asked again, does not hold."""
        return [
            f"switch {switch:016x} confirmed {flow.match} and does not hold it"
            for switch in self.confirmed
            for flow in wanted
            if not self._is_seen(switch, flow)
        ]

    def unmetered(self, wanted: Meter | None) -> list[str]:
        """Return where a meter, asked for again, is another than was confirmed."""
        return [
            f"switch {switch:016x} confirmed meter {wanted.id:#x} and has another"
            for switch in self.confirmed
            if wanted is not None and wanted not in self.meters.get(switch, ())
        ]

    def ungrouped(self, wanted: Iterable[Group]) -> list[str]:
        """Return where a group, asked for again, is another than was confirmed."""
        return [
            f"switch {switch:016x} confirmed group {group.id:#x} and has another"
            for switch in self.confirmed
            for group in wanted
            if group not in self.groups.get(switch, ())
        ]

    def pathless(self, path: Iterable[Hop]) -> list[str]:
        """Return where a reroute has nowhere to go: none of its links is up."""
        ports = [hop.port for hop in path]
        return [
            f"switch {switch:016x}: no link of the path is up, port "
            f"{', '.join(map(str, ports))}"
            for switch in self.confirmed
            if ports and not self.ports.get(switch, set()).intersection(ports)
        ]

    def _is_seen(self, switch: int, flow: Flow) -> bool:
        item = self.read.get(switch, {}).get(flow.key)
        if item is None:
            return False
        to = msgspec.structs.replace(item.flow, seconds=flow.seconds)
        return to == flow and bool(item.flow.seconds) == bool(flow.seconds)


class Exchanges:
    """The open exchanges, and the xids that lead an answer to its own."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.open: dict[Exchange, None] = {}
        self.barrier_us: dict[int, int] = {}
        self._owner: dict[tuple[int, int], Exchange] = {}
        self._sent_ns: dict[tuple[int, int], int] = {}
        self._xid = 0

    def _next(self) -> int:
        self._xid = self._xid % XID_MAX + 1
        return self._xid

    def begin(
        self, kind: str, limit_ns: int, client: int | None, held: Held | None
    ) -> Exchange:
        """Return a new exchange, to be answered within `limit_ns`."""
        clients = [] if client is None else [client]
        exchange = Exchange(kind, self.clock.mono_ns() + limit_ns, clients, held)
        self.open[exchange] = None
        return exchange

    def send(
        self, exchange: Exchange, switch: int, messages: Sequence[Message]
    ) -> Send:
        """Return messages and a barrier as one write; its reply is now awaited."""
        marked = tuple(
            msgspec.structs.replace(message, xid=self._next())
            for message in (*messages, Barrier())
        )
        for message in marked:
            self._owner[switch, message.xid] = exchange
            exchange.xids.append((switch, message.xid))
        if exchange.is_seeing and any(isinstance(m, AskFlows) for m in messages):
            exchange.unread.add(switch)
        barrier = exchange.waiting[switch] = marked[-1].xid
        self._sent_ns[switch, barrier] = self.clock.mono_ns()
        return Send(switch, marked)

    def answered(self, switch: int, xid: int) -> Exchange | None:
        """Take a barrier reply; return the exchange it confirms, if one awaits it."""
        sent_ns = self._sent_ns.pop((switch, xid), 0)
        if sent_ns:
            self.barrier_us[switch] = (self.clock.mono_ns() - sent_ns) // 1000
        exchange = self._owner.get((switch, xid))
        if exchange is None or exchange.waiting.get(switch) != xid:
            return None
        del exchange.waiting[switch]
        exchange.confirmed.append(switch)
        return exchange

    def told(
        self, switch: int, xid: int, items: Iterable[Actual], *, more: bool
    ) -> Exchange | None:
        """Take what was read back; return the exchange that had asked, if one had."""
        exchange = self._owner.get((switch, xid))
        if exchange is None or not exchange.is_seeing:
            return None
        read = exchange.read.setdefault(switch, {})
        read.update((item.flow.key, item) for item in items)
        if not more:
            exchange.unread.discard(switch)
        return exchange

    def metered(self, switch: int, xid: int, told: Iterable[Meter]) -> None:
        """Take the meters that were read back, where an exchange had asked."""
        exchange = self._owner.get((switch, xid))
        if exchange is not None:
            exchange.meters.setdefault(switch, []).extend(told)

    def grouped(self, switch: int, xid: int, told: Iterable[Group]) -> None:
        """Take the groups that were read back, where an exchange had asked."""
        exchange = self._owner.get((switch, xid))
        if exchange is not None:
            exchange.groups.setdefault(switch, []).extend(told)

    def ported(self, switch: int, xid: int, up: Iterable[int]) -> None:
        """Take the ports whose link is up, where an exchange had asked."""
        exchange = self._owner.get((switch, xid))
        if exchange is not None:
            exchange.ports.setdefault(switch, set()).update(up)

    def blame(self, switch: int, xid: int, reason: str) -> None:
        """Hold an error against the exchange whose message it answers."""
        exchange = self._owner.get((switch, xid))
        if exchange is not None:
            exchange.errors.append(f"switch {switch:016x}: {reason}")

    def lost(self, switch: int) -> list[Exchange]:
        """Await nothing more of a switch; return the exchanges this concerns."""
        both = ({*e.waiting, *e.unread} for e in self.open)
        concerned = [e for e, of in zip(self.open, both, strict=True) if switch in of]
        for exchange in concerned:
            exchange.waiting.pop(switch, None)
            exchange.unread.discard(switch)
        self.barrier_us.pop(switch, None)
        return concerned

    def late(self) -> list[Exchange]:
        """Return the exchanges past their limit."""
        now_ns = self.clock.mono_ns()
        return [exchange for exchange in self.open if now_ns > exchange.limit_ns]

    def of(self, held: Held) -> Exchange | None:
        """Return the open exchange that applies a containment."""
        same = (e for e in self.open if e.held is held and e.kind == "apply")
        return next(same, None)

    def end(self, exchange: Exchange) -> None:
        """Forget an exchange and its xids."""
        del self.open[exchange]
        for pair in exchange.xids:
            self._owner.pop(pair, None)
            self._sent_ns.pop(pair, None)
