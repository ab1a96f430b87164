"""Control, the controller's mind: what should stand, what was asked, what came back.

It does no I/O and never waits. Requests, switch messages and ticks go in; effects
(messages to switches, answers to clients) come out of `take`. So it runs the same in
Ryu, in os-ken and against tests/fakes/switch.py.
"""

import dataclasses
from collections.abc import Iterable, Sequence

import msgspec

from airnet.clock import Clock
from airnet.controller import flows
from airnet.controller.exchange import Exchange, Exchanges
from airnet.controller.flows import Apply, Meter, Network, Release, Status
from airnet.controller.messages import (
    AddFlow,
    Answer,
    AskFlows,
    AskMeters,
    Close,
    DeleteCookie,
    DeleteFlow,
    DeleteMeter,
    Effect,
    Json,
    Message,
    Note,
    SetMeter,
    Tell,
    malformed,
)
from airnet.controller.standing import Held, Standing
from airnet.controller.sync import Actual, difference

#: The caller gives up after 1 s (config.Actuators); it shall hear the reason first.
ANSWER_LIMIT_NS = 800_000_000
SYNC_LIMIT_NS = 5_000_000_000
PROBE_EVERY_NS = 5_000_000_000


@dataclasses.dataclass(eq=False)
class Peer:
    """A connected switch, and what it has told so far of what stands there."""

    address: str
    probed_ns: int
    flows: list[Actual] = dataclasses.field(default_factory=list)
    meters: list[Meter] = dataclasses.field(default_factory=list)
    asked: set[int] = dataclasses.field(default_factory=set)
    sync: Exchange | None = None
    is_synced: bool = False


class Control:
    """What should stand on the switches, and the exchanges that make it so.

    Args:
        protected: networks that no containment may match.
        clock: for durations only.
        framework: the name `status` reports.
    """

    def __init__(
        self, protected: Sequence[Network], clock: Clock, framework: str = ""
    ) -> None:
        self.protected = tuple(protected)
        self.clock = clock
        self.framework = framework
        self.standing = Standing()
        self.peers: dict[int, Peer] = {}
        self._exchanges = Exchanges(clock)
        self._seen: set[int] = set()
        self._effects: list[Effect] = []

    def take(self) -> list[Effect]:
        """Return what is to be done now, in order, and forget it."""
        effects, self._effects = self._effects, []
        return effects

    # ---- clients ----

    def request(self, client: int, line: bytes) -> None:
        """Take one line of a client. Whatever it holds, it is answered."""
        try:
            asked = msgspec.json.decode(line, type=Apply | Release | Status)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._effects.append(Answer(client, malformed(line, str(error))))
            return
        if isinstance(asked, Apply):
            self._apply(client, asked)
        elif isinstance(asked, Release):
            self._release(client, asked)
        else:
            self._status(client)

    def _apply(self, client: int, asked: Apply) -> None:
        now_ns = self.clock.mono_ns()
        reason = flows.refusal(asked, self.protected)
        reason = reason or ("" if self.peers else "no switch is connected")
        reason = reason or self.standing.refusal(asked)
        if reason:
            self._fail([client], asked.id, reason)
            return
        held = self.standing.find(asked.id)
        pending = self._exchanges.of(held) if held else None
        if pending:
            pending.clients.append(client)
            return
        if held and held.covers(asked, now_ns, self.peers):
            self._applied([client], held, sorted(self.peers))
            return
        try:
            held = self.standing.hold(asked, now_ns)
        except ValueError as error:
            self._fail([client], asked.id, str(error))
            return
        exchange = self._open("apply", ANSWER_LIMIT_NS, client, held)
        for switch in sorted(self.peers):
            self._ask(exchange, switch, self._install(switch, held))

    def _install(self, switch: int, held: Held) -> list[Message]:
        """Return the messages that put `held` on a switch; it counts as there now."""
        there = held.put(switch)
        dropped = [flow for key, flow in there.items() if key not in held.flows]
        messages: list[Message] = [DeleteFlow(flow=flow) for flow in dropped]
        if held.meter:
            known = switch in held.metered
            held.metered.add(switch)
            messages.append(SetMeter(meter=held.meter, modify=known))
        return messages + [AddFlow(flow=flow) for flow in held.flows.values()]

    def _release(self, client: int, asked: Release) -> None:
        now_ns = self.clock.mono_ns()
        if not self.peers:
            # Forgotten, so that it is deleted as an orphan when a switch is back.
            self.standing.drop(asked.id, now_ns)
            self._fail([client], asked.id, "no switch is connected")
            return
        held = self.standing.drop(asked.id, now_ns) or Held.unknown(asked.id)
        held.reason = "released"
        exchange = self._open("release", ANSWER_LIMIT_NS, client, held)
        self._undo(exchange, held)

    def _undo(self, exchange: Exchange, held: Held) -> None:
        """Delete exactly what `held` put anywhere, by its cookie."""
        for switch in sorted(self.peers):
            messages: list[Message] = [
                DeleteCookie(
                    cookie=flows.OWNER_COOKIE | held.decision,
                    mask=flows.UNDO_MASK,
                )
            ]
            if held.meter and switch in held.metered:
                held.metered.discard(switch)
                messages.append(DeleteMeter(meter=held.meter.id))
            self._ask(exchange, switch, messages)

    def _status(self, client: int) -> None:
        exchange = self._open("status", ANSWER_LIMIT_NS, client)
        for switch in sorted(self.peers):
            self._ask(exchange, switch, [AskFlows()])
        if not self.peers:
            self._finish(exchange)

    # ---- switches ----

    def connected(self, switch: int, address: str) -> None:
        """Take note of a switch, and ask it what stands there."""
        if switch in self.peers:
            self.disconnected(switch)
        peer = Peer(address=address, probed_ns=self.clock.mono_ns())
        self.peers[switch] = peer
        peer.sync = self._open("sync", SYNC_LIMIT_NS)
        sent = self._ask(peer.sync, switch, [AskFlows(), AskMeters()])
        peer.asked = {message.xid for message in sent[:2]}

    def disconnected(self, switch: int) -> None:
        """Take note that a switch is gone. Its rules stand, and end by themselves."""
        self.peers.pop(switch, None)
        self.standing.lost(switch)
        for exchange in self._exchanges.lost(switch):
            self._settle(exchange, switch)

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
        for item in told:
            self.standing.count(switch, item)

    def meters_told(
        self, switch: int, xid: int, told: Iterable[Meter], *, more: bool
    ) -> None:
        """Take one part of the answer to AskMeters."""
        peer = self.peers.get(switch)
        if peer is not None and xid in peer.asked:
            peer.meters.extend(told)
            self._told(switch, peer, xid, more=more)

    def _told(self, switch: int, peer: Peer, xid: int, *, more: bool) -> None:
        if not more:
            peer.asked.discard(xid)
        if not peer.asked and not peer.is_synced and peer.sync is not None:
            peer.is_synced = True
            self._synchronise(switch, peer, peer.sync)

    def _synchronise(self, switch: int, peer: Peer, exchange: Exchange) -> None:
        now_ns = self.clock.mono_ns()
        desired = [*flows.baseline(), *self.standing.remaining(now_ns)]
        # Only a controller that has never seen this switch lacks its own memory.
        found = difference(
            desired,
            peer.flows,
            meters=self.standing.meters(),
            found=peer.meters,
            adopts=switch not in self._seen,
        )
        self._seen.add(switch)
        meters = {meter.id: meter for meter in peer.meters}
        self.standing.adopt(switch, found.adopted, meters, now_ns)
        known = self.standing.put_all(switch)
        messages: list[Message] = [
            DeleteCookie(cookie=cookie, mask=(1 << 64) - 1) for cookie in found.wiped
        ]
        messages += [DeleteFlow(flow=f) for f in found.deleted]
        messages += [DeleteMeter(meter=m) for m in found.meters_deleted]
        messages += [
            SetMeter(meter=m, modify=m.id in known) for m in found.meters_added
        ]
        messages += [AddFlow(flow=f) for f in found.added]
        self._ask(exchange, switch, messages)

    def barrier(self, switch: int, xid: int) -> None:
        """Take a barrier reply: the switch has done, or refused, all before it."""
        exchange = self._exchanges.answered(switch, xid)
        if exchange is not None:
            self._settle(exchange, switch)

    def refused(self, switch: int, xid: int, reason: str) -> None:
        """Take an OFPT_ERROR and hold it against what it answers."""
        peer = self.peers.get(switch)
        if peer and xid in peer.asked:
            # A switch without meters refuses the question: it has none.
            self._told(switch, peer, xid, more=False)
            return
        self._exchanges.blame(switch, xid, reason)

    def removed(self, switch: int, item: Actual, reason: str) -> None:
        """Take an OFPT_FLOW_REMOVED; `reason` is `expired` or `removed`."""
        flow = item.flow
        if flow.cookie == flows.cookie(flows.BASELINE, 0):
            # Without it a fail-secure switch forwards nothing: put it back at once.
            again = [AddFlow(flow=f) for f in flows.baseline()]
            self._ask(self._open("repair", SYNC_LIMIT_NS), switch, again)
            return
        held = self.standing.gone(switch, item, reason)
        if held is None:
            return
        if switch in held.metered and held.meter and not held.is_metered(switch):
            held.metered.discard(switch)
            message = DeleteMeter(meter=held.meter.id)
            self._ask(self._open("tidy", SYNC_LIMIT_NS), switch, [message])
        if held.is_over():
            self._ended(held)

    # ---- time ----

    def tick(self) -> None:
        """Give up on what takes too long; close records whose end nobody told."""
        now_ns = self.clock.mono_ns()
        for exchange in self._exchanges.late():
            late = sorted(exchange.waiting) or [
                switch for switch, peer in self.peers.items() if peer.sync is exchange
            ]
            names = ", ".join(f"{switch:016x}" for switch in late)
            exchange.errors.append(f"no answer in time from switch {names}")
            if exchange.kind in {"sync", "probe"}:
                self._effects += [Close(switch) for switch in late]
            exchange.waiting.clear()
            self._finish(exchange)
        for held in self.standing.overdue(now_ns):
            self._ended(held)
        for switch in sorted(self.peers):
            peer = self.peers[switch]
            if now_ns - peer.probed_ns > PROBE_EVERY_NS:
                peer.probed_ns = now_ns
                self._ask(self._open("probe", SYNC_LIMIT_NS), switch, [])

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

    def _settle(self, exchange: Exchange, switch: int) -> None:
        """Go on once a switch has answered, or is gone."""
        peer = self.peers.get(switch)
        # The first barrier of a synchronisation may overtake the tables asked for.
        if exchange.kind == "sync" and peer and not peer.is_synced:
            return
        if not exchange.waiting:
            self._finish(exchange)

    def _finish(self, exchange: Exchange) -> None:
        self._exchanges.end(exchange)
        held, errors = exchange.held, "; ".join(exchange.errors)
        if exchange.kind == "status":
            line = self._status_line()
            self._effects += [Answer(client, line) for client in exchange.clients]
        if exchange.kind == "sync":
            names = [f"{switch:016x}" for switch in exchange.confirmed]
            self._note("switch.synced", errors=errors, switches=names)
        if held is None or exchange.kind == "undo":
            return
        if not errors and not exchange.confirmed:
            errors = "the switch disconnected before it confirmed"
        if not errors and exchange.kind == "apply":
            self._applied(exchange.clients, held, exchange.confirmed)
        elif not errors:
            self._released(exchange.clients, held)
        else:
            self._failed(exchange, held, errors)

    def _failed(self, exchange: Exchange, held: Held, errors: str) -> None:
        """Undo what may stand of an apply, on every switch, and say so."""
        if exchange.kind == "apply" and self.standing.find(held.id) is held:
            self.standing.drop(held.id, self.clock.mono_ns())
            held.reason = "rolled_back"
            if self.peers:
                self._undo(self._open("undo", ANSWER_LIMIT_NS, held=held), held)
        self._fail(exchange.clients, held.id, errors)

    # ---- lines ----

    def _fail(self, clients: Iterable[int], identity: str, error: str) -> None:
        line: Json = {"id": identity, "ok": False, "error": error}
        self._note("containment.refused", id=identity, error=error)
        self._effects += [Answer(client, line) for client in clients]

    def _applied(
        self, clients: Iterable[int], held: Held, switches: Sequence[int]
    ) -> None:
        held.was_confirmed = True
        line = held.line("applied", self.clock.mono_ns(), switches)
        self._effects += [Answer(client, line) for client in clients]
        self._note("containment.applied", **line)

    def _released(self, clients: Iterable[int], held: Held) -> None:
        line: Json = {"id": held.id, "ok": True, "state": "released"}
        self._effects += [Answer(client, line) for client in clients]
        self._note("containment.released", id=held.id)

    def _note(self, event: str, /, **fields: object) -> None:
        fields.pop("event", None)  # structlog's own word for the name of a line
        self._effects.append(Note(event, fields))

    def _status_line(self) -> Json:
        now_ns = self.clock.mono_ns()
        switches = [
            {
                "id": f"{switch:016x}",
                "address": peer.address,
                "synced": peer.is_synced and peer.sync not in self._exchanges.open,
                "barrier_us": self._exchanges.barrier_us.get(switch, 0),
            }
            for switch, peer in sorted(self.peers.items())
        ]
        return {
            "ok": True,
            "framework": self.framework,
            "switches": switches,
            "containments": self.standing.lines(now_ns),
        }
