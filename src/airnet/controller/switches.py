"""Switches: who is connected, in which role, and what stands there.

The half of the controller's mind that speaks with switches; it does no I/O. Roles are
OpenFlow's own (1.3.5 section 6.3.6): the master of the newest generation writes, and
the switch itself refuses everybody else, so that two controllers are never of two
minds. Whoever takes the lead reads what stands and adopts it.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from airnet.clock import Clock
from airnet.controller import flows
from airnet.controller.entries import RECORDS, Group, Meter
from airnet.controller.exchange import Exchange, Exchanges
from airnet.controller.looks import Looks
from airnet.controller.messages import (
    AddFlow,
    AskFlows,
    AskGroups,
    AskMeters,
    AskRole,
    BundleStep,
    Close,
    DeleteCookie,
    DeleteGroup,
    DeleteMeter,
    Effect,
    Message,
    Note,
    Send,
    TakeRole,
    Tell,
    bundled,
)
from airnet.controller.peer import Peer
from airnet.controller.standing import Held, Standing
from airnet.controller.sync import Actual, Tables, changes, difference

SYNC_LIMIT_NS = 5_000_000_000
PROBE_EVERY_NS = 5_000_000_000
MASTER, SLAVE = 2, 3
GENERATION_MASK = (1 << 64) - 1
#: Section 7.3.9: what a switch says that nobody has given a generation yet.
NO_GENERATION = GENERATION_MASK


class Switches(ABC):
    """The connected switches, and the exchanges that make them hold what they should.

    Args:
        clock: for durations only.
        is_leading: whether to take the lead over every switch that connects.
    """

    def __init__(self, clock: Clock, *, is_leading: bool = True) -> None:
        self.clock = clock
        self.is_leading = is_leading
        self.standing = Standing()
        self._looks = Looks()
        self.peers: dict[int, Peer] = {}
        self._exchanges = Exchanges(clock)
        self._seen: set[int] = set()
        self._generations: dict[int, int] = {}
        self._bundle = 0
        self._effects: list[Effect] = []

    def take(self) -> list[Effect]:
        """Return what is to be done now, and forget it: one write for each switch."""
        effects, self._effects = self._effects, []
        writes: dict[int, list[Message]] = {}
        for effect in effects:
            if isinstance(effect, Send):
                writes.setdefault(effect.switch, []).extend(effect.messages)
        sent = [Send(switch, tuple(messages)) for switch, messages in writes.items()]
        return [*sent, *(one for one in effects if not isinstance(one, Send))]

    # ---- connections and roles ----

    def connected(self, switch: int, address: str) -> None:
        """Take note of a switch, and ask it who leads."""
        if switch in self.peers:
            self.disconnected(switch)
        self.peers[switch] = Peer(address=address, probed_ns=self.clock.mono_ns())
        self._ask_role(self._open("sync", SYNC_LIMIT_NS), switch)

    def disconnected(self, switch: int) -> None:
        """Take note that a switch is gone. Its rules stand, and end by themselves."""
        self.peers.pop(switch, None)
        self.standing.lost(switch)
        for exchange in self._exchanges.lost(switch):
            self._settle(exchange)

    def lead(self, client: int) -> None:
        """Take the lead over every switch; the client hears when all is read."""
        exchange = self._open("sync", SYNC_LIMIT_NS, client)
        self.is_leading = True
        for switch, peer in sorted(self.peers.items()):
            peer.is_synced = False
            self._ask_role(exchange, switch)
        if not self.peers:
            self._finish(exchange)

    def _ask_role(self, exchange: Exchange, switch: int) -> None:
        peer = self.peers[switch]
        peer.sync = exchange
        peer.role_asked = self._ask(exchange, switch, [AskRole()])[0].xid

    def role_told(self, switch: int, xid: int, role: int, generation: int) -> None:
        """Take an OFPT_ROLE_REPLY: what is so, or what now is."""
        peer = self.peers.get(switch)
        if peer is None or peer.sync is None:
            return
        if xid == peer.role_taken:
            self._role_taken(switch, peer, peer.sync)
        if xid != peer.role_asked:
            return
        ours = self._generations.get(switch)
        if ours is not None and generation not in {ours, NO_GENERATION}:
            # Another led since. What it did stands in the switch; ours is of old.
            self._forget()
            if not peer.sync.clients:  # nobody asked us to lead again
                self._depose("another controller leads")
        wanted = MASTER if self.is_leading else SLAVE
        known = 0 if generation == NO_GENERATION else generation
        if wanted == MASTER and role != MASTER:
            known = (generation + 1) & GENERATION_MASK
        self._generations[switch] = known
        taken = TakeRole(role=wanted, generation=known)
        peer.role_taken = self._ask(peer.sync, switch, [taken])[0].xid

    def _role_taken(self, switch: int, peer: Peer, exchange: Exchange) -> None:
        """Go on: a leader reads what stands, a standby is done."""
        peer.role_taken = 0
        if not self.is_leading:
            peer.is_synced = True
            return
        self._bundle += 1
        trial = [BundleStep(step=s, bundle=self._bundle) for s in ("open", "discard")]
        questions = [AskFlows(), AskMeters(), AskGroups()]
        sent = self._ask(exchange, switch, [*trial, *questions])
        peer.trial = {message.xid for message in sent[:2]}
        peer.asked = {message.xid for message in sent[2:5]}
        peer.flows, peer.meters, peer.groups = [], [], []

    def _depose(self, reason: str) -> None:
        """Stop leading: what stands is read anew before leading again."""
        if self.is_leading:
            self.is_leading = False
            self._note("controller.deposed", reason=reason)
            self._forget()

    def _forget(self) -> None:
        """Forget what stood: it is read from the switches before it is used again."""
        self.standing = Standing()
        self._seen.clear()
        self._generations.clear()
        for peer in self.peers.values():
            peer.is_synced = False

    # ---- what stands there ----

    def flows_told(
        self, switch: int, xid: int, told: Iterable[Actual], *, more: bool
    ) -> None:
        """Take one part of the answer to AskFlows."""
        peer = self.peers.get(switch)
        if peer is None:
            return
        if xid in peer.asked:
            peer.flows.extend(told)
            self._told(switch, peer, xid, more=more)
            return
        items = list(told)
        exchange = self._exchanges.told(switch, xid, items, more=more)
        if exchange is not None:
            self._settle(exchange)
        for item in items:
            self.standing.count(switch, item)

    def meters_told(
        self, switch: int, xid: int, told: Iterable[Meter], *, more: bool
    ) -> None:
        """Take one part of the answer to AskMeters."""
        if (peer := self.peers.get(switch)) and xid in peer.asked:
            peer.meters.extend(told)
            self._told(switch, peer, xid, more=more)
        else:
            self._exchanges.metered(switch, xid, told)

    def groups_told(
        self, switch: int, xid: int, told: Iterable[Group], *, more: bool
    ) -> None:
        """Take one part of the answer to AskGroups."""
        if (peer := self.peers.get(switch)) and xid in peer.asked:
            peer.groups.extend(told)
            self._told(switch, peer, xid, more=more)
        else:
            self._exchanges.grouped(switch, xid, told)

    def ports_told(self, switch: int, xid: int, up: Iterable[int]) -> None:
        """Take one part of the answer to AskPorts: those whose link is up."""
        self._exchanges.ported(switch, xid, up)

    def _told(self, switch: int, peer: Peer, xid: int, *, more: bool) -> None:
        if not more:
            peer.asked.discard(xid)
        if not peer.asked and not peer.is_synced and peer.sync is not None:
            peer.is_synced = True
            self._synchronise(switch, peer, peer.sync)

    def _synchronise(self, switch: int, peer: Peer, exchange: Exchange) -> None:
        now_ns = self.clock.mono_ns()
        desired = [*flows.baseline(), *self.standing.remaining(now_ns)]
        there = Tables(meters=tuple(peer.meters), groups=tuple(peer.groups))
        # Only a controller that has never seen this switch lacks its own memory.
        found = difference(
            desired,
            peer.flows,
            asked=self.standing.tables(),
            found=there,
            adopts=switch not in self._seen,
        )
        self._seen.add(switch)
        self.standing.adopt(switch, found.adopted, there, now_ns)
        messages = changes(found, self.standing.put_all(switch))
        self._ask(exchange, switch, self._at_once(peer, messages))

    def _at_once(self, peer: Peer, messages: list[Message]) -> list[Message]:
        """Return messages in a bundle, where the switch can."""
        if not peer.has_bundles:
            return messages
        self._bundle = self._bundle % 0xFFFFFFFF + 1
        return bundled(messages, self._bundle)

    def _tidied(self, switch: int, held: Held) -> list[Message]:
        """Return the messages that take a containment's meter and groups away."""
        messages: list[Message] = []
        if held.meter and switch in held.metered:
            held.metered.discard(switch)
            messages.append(DeleteMeter(meter=held.meter.id))
        if held.groups and switch in held.grouped:
            held.grouped.discard(switch)
            messages += [DeleteGroup(group=g.id) for g in reversed(held.groups)]
        return messages

    def barrier(self, switch: int, xid: int) -> None:
        """Take a barrier reply: the switch has done, or refused, all before it."""
        exchange = self._exchanges.answered(switch, xid)
        if exchange is not None:
            self._settle(exchange)

    def refused(self, switch: int, xid: int, reason: str) -> None:
        """Take an OFPT_ERROR and hold it against what it answers."""
        peer = self.peers.get(switch)
        if peer is None:
            return
        if xid in peer.trial:
            peer.has_bundles = False
        elif xid in peer.asked:
            # A switch without meters or groups refuses the question: it has none.
            self._told(switch, peer, xid, more=False)
        elif xid in {peer.role_asked, peer.role_taken} and peer.sync:
            self._role_refused(switch, peer, peer.sync, reason)
        else:
            self._exchanges.blame(switch, xid, reason)
            if "IS_SLAVE" in reason:
                self._depose(reason)

    def _role_refused(
        self, switch: int, peer: Peer, exchange: Exchange, reason: str
    ) -> None:
        if "STALE" in reason:
            self._ask_role(exchange, switch)  # somebody was faster: by its generation
            return
        # A switch without roles: everybody is equal there.
        self._role_taken(switch, peer, exchange)

    def removed(self, switch: int, item: Actual, reason: str) -> None:
        """Take an OFPT_FLOW_REMOVED; `reason` is `expired` or `removed`."""
        flow = item.flow
        if not self.is_leading:
            return
        if flow.cookie == flows.cookie(flows.BASELINE, 0):
            # Without it a fail-secure switch forwards nothing: put it back at once.
            again = [AddFlow(flow=f) for f in flows.baseline()]
            self._ask(self._open("repair", SYNC_LIMIT_NS), switch, again)
            return
        held = self.standing.gone(switch, item, reason)
        if held is None:
            return
        messages: list[Message] = []
        if not held.is_used(switch):
            messages += self._tidied(switch, held)
        if held.reason == reason and not held.acts_on(switch):
            self._refresh(held, [switch], is_over=True)
        if held.is_over():
            if held.left.get(switch):  # the record of an end that has come early
                mark = flows.OWNER_COOKIE | held.decision
                messages.append(DeleteCookie(cookie=mark, mask=flows.UNDO_MASK))
            self._ended(held)
        if messages:
            self._ask(self._open("tidy", SYNC_LIMIT_NS), switch, messages)

    # ---- time ----

    def tick(self) -> None:
        """Give up on what takes too long; renew leases; close silent records."""
        now_ns = self.clock.mono_ns()
        for exchange in self._exchanges.late():
            late = sorted({*exchange.waiting, *exchange.unread}) or [
                switch for switch, peer in self.peers.items() if peer.sync is exchange
            ]
            names = ", ".join(f"{switch:016x}" for switch in late)
            whom = f"switch {names}" if late else "those it had to wait for"
            exchange.errors.append(f"no answer in time from {whom}")
            exchange.is_late = True
            if exchange.kind in {"sync", "probe"}:
                self._effects += [Close(switch) for switch in late]
            exchange.waiting.clear()
            exchange.unread.clear()
            self._finish(exchange)
        for held in self.standing.overdue(now_ns):
            self._ended(held)
        if self.is_leading:
            self._renew(now_ns)
        for switch in sorted(self.peers):
            peer = self.peers[switch]
            if now_ns - peer.probed_ns > PROBE_EVERY_NS:
                peer.probed_ns = now_ns
                probe = self._open("probe", SYNC_LIMIT_NS)
                ours = self.standing.all() if self.is_leading else []
                self._ask(probe, switch, self._looks.questions(probe, switch, ours))

    def _renew(self, now_ns: int) -> None:
        """Prolong leases up to what was decided, all of a switch in one write."""
        due = self.standing.to_renew(now_ns)
        for held in due:
            lease_ns = flows.LEASE_S * 1_000_000_000
            held.leased_ns = min(held.deadline_ns, now_ns + lease_ns)
        for switch in sorted(self.peers) if due else ():
            messages: list[Message] = [
                AddFlow(flow=flow)
                for held in due
                for flow in held.leased(now_ns)
                if flow.table != RECORDS
            ]
            exchange = self._open("renew", SYNC_LIMIT_NS)
            self._ask(exchange, switch, self._at_once(self.peers[switch], messages))

    def _ended(self, held: Held) -> None:
        if self.standing.end(held):
            line = held.ended_line(self.clock.mono_ns())
            self._effects.append(Tell(line))
            self._note("containment.ended", **line)

    # ---- exchanges ----

    def _open(
        self,
        kind: str,
        limit_ns: int,
        client: int | None = None,
        held: Held | None = None,
    ) -> Exchange:
        return self._exchanges.begin(kind, limit_ns, client, held)

    def _ask(
        self, exchange: Exchange, switch: int, messages: Sequence[Message]
    ) -> tuple[Message, ...]:
        """Send messages and a barrier in one write; return them with their xids."""
        self._effects.append(send := self._exchanges.send(exchange, switch, messages))
        return send.messages

    def _settle(self, exchange: Exchange) -> None:
        """Go on once a switch has answered, or is gone."""
        # The first barriers of a synchronisation come before the tables asked for.
        reading = (p.sync is exchange and not p.is_synced for p in self.peers.values())
        is_told = not exchange.waiting and not exchange.unread
        if is_told and exchange in self._exchanges.open and not any(reading):
            self._finish(exchange)

    @abstractmethod
    def _finish(self, exchange: Exchange) -> None:
        """Close an exchange and tell whoever asked."""

    @abstractmethod
    def _refresh(self, held: Held, switches: Iterable[int], *, is_over: bool) -> None:
        """Have switches look up anew what they have cached of a containment."""

    def _note(self, event: str, /, **fields: object) -> None:
        fields.pop("event", None)  # structlog's own word for the name of a line
        self._effects.append(Note(event, fields))
