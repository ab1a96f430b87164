"""Control, the controller's mind: what should stand, what was asked, what came back.

It does no I/O and never waits. Requests, switch messages and ticks go in; effects
(messages to switches, answers to clients) come out of `take`. So it runs the same in
Ryu, in os-ken and against tests/fakes/switch.py.
"""

from collections.abc import Iterable, Sequence

import msgspec

from airnet.clock import Clock
from airnet.controller import detours, flows
from airnet.controller.detours import Detours
from airnet.controller.entries import Network
from airnet.controller.exchange import Exchange
from airnet.controller.flows import Apply, Lead, Release, Status
from airnet.controller.looks import lost
from airnet.controller.messages import Answer, AskFlows, Json, Tell, malformed
from airnet.controller.standing import Held
from airnet.controller.together import ANSWER_LIMIT_NS, Together

STANDBY = "this controller is on standby: ask it to lead first"
#: Made while there is one thread: two that meet a type first at once crash msgspec.
_ASKED = msgspec.json.Decoder(Apply | Release | Status | Lead)


class Control(Together):
    """What should stand on the switches, and who asked for it.

    Args:
        protected: networks that no containment may match.
        clock: for durations only.
        framework: the name `status` reports.
        is_leading: whether to lead from the start, or wait until asked to.
        allowed: the ports that gateways' traffic may be led to; none said, any, but
            not of what is protected.
    """

    def __init__(
        self,
        protected: Sequence[Network],
        clock: Clock,
        framework: str = "",
        *,
        is_leading: bool = True,
        allowed: Detours | None = None,
    ) -> None:
        super().__init__(clock, is_leading=is_leading)
        self.protected = tuple(protected)
        self.framework = framework
        self.detours: Detours = allowed or {}

    # ---- clients ----

    def request(self, client: int, *lines: bytes) -> None:
        """Take lines of a client. Whatever they hold, each is answered."""
        for line in lines:
            self._request(client, line)
        self._flush()

    def _request(self, client: int, line: bytes) -> None:
        try:
            asked = _ASKED.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._effects.append(Answer(client, malformed(line, str(error))))
            return
        if not isinstance(asked, Apply):
            self._flush(is_urgent=True)  # in the order in which it was asked
        if isinstance(asked, Lead):
            self.lead(client)
        elif isinstance(asked, Status):
            self._status(client)
        elif not self.is_leading:
            self._fail([client], asked.id, STANDBY)
        elif isinstance(asked, Apply):
            self._apply(client, asked)
        else:
            self._release(client, asked)

    def _apply(self, client: int, asked: Apply) -> None:
        now_ns = self.clock.mono_ns()
        is_listed = detours.is_listed(asked, self.detours)
        reason = detours.refusal(asked, self.detours)
        reason = reason or flows.refusal(asked, self.protected, is_listed=is_listed)
        reason = reason or ("" if self.peers else "no switch is connected")
        reason = reason or self.standing.refusal(asked)
        if reason:
            self._fail([client], asked.id, reason)
            return
        held = self.standing.find(asked.id)
        pending = self._exchanges.of(held) if held else None
        if pending and held and not held.is_prolonged(asked, now_ns):
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
        self._queue(client, held)

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
        self._undo(exchange, [held])

    def _status(self, client: int) -> None:
        exchange = self._open("status", ANSWER_LIMIT_NS, client)
        for switch in sorted(self.peers):
            self._ask(exchange, switch, [AskFlows()])
        if not self.peers:
            self._finish(exchange)

    # ---- answers ----

    def _finish(self, exchange: Exchange) -> None:
        if exchange.kind == "apply":
            if not self._makes_room(exchange) and not self._settled(exchange):
                self._fail_together([exchange])
        else:
            self._exchanges.end(exchange)
        if exchange.kind == "status":
            line = self._status_line()
            self._effects += [Answer(client, line) for client in exchange.clients]
        elif exchange.kind == "sync":
            self._synced(exchange, "; ".join(exchange.errors))
        elif exchange.kind == "release":
            self._released(exchange)
        elif exchange.kind == "together":
            self._part(exchange)
        elif exchange.kind == "probe" and self.is_leading:
            self._looked(exchange)
        self._went(exchange)

    def _looked(self, exchange: Exchange) -> None:
        """End what a switch took rules of away, and said nothing: half is none."""
        now_ns, fallen = self.clock.mono_ns(), lost(exchange, self.standing)
        if fallen:
            self._crowd()
        for held in fallen:
            held.reason = "lost"
            line = held.ended_line(now_ns)
            self._effects.append(Tell(line))
            self._note("containment.ended", **line)
            self.standing.drop(held.id, now_ns)
            held.was_confirmed = False  # it was told
        if fallen and self.peers:
            self._undo(self._open("undo", ANSWER_LIMIT_NS), fallen)

    def _settled(self, exchange: Exchange) -> bool:
        """Close an apply; answer it and return whether it stands, as it was asked."""
        self._exchanges.end(exchange)
        held = exchange.held
        assert held is not None
        if not exchange.errors and not exchange.confirmed:
            lost = "the switch disconnected before it confirmed"
            exchange.errors.append(lost if self.is_leading else STANDBY)
        if not exchange.errors:
            exchange.errors += exchange.unseen(held.flows.values())
            exchange.errors += exchange.unmetered(held.meter)
            exchange.errors += exchange.ungrouped(held.groups)
            if held.request is not None and held.groups:
                exchange.errors += exchange.pathless(held.request.path)
        if not exchange.errors:
            self._applied(exchange.clients, held, exchange.confirmed)
            if self.standing.find(held.id) is held:
                self._refresh(held, exchange.confirmed, is_over=False)
        return not exchange.errors

    def _fail_together(self, failed: Sequence[Exchange]) -> None:
        now_ns = self.clock.mono_ns()
        fallen = []
        for exchange in failed:
            held = exchange.held
            assert held is not None
            if self.standing.find(held.id) is held:
                self.standing.drop(held.id, now_ns)
                held.reason = "rolled_back"
                fallen.append(held)
            self._fail(exchange.clients, held.id, "; ".join(exchange.errors))
        if fallen and self.peers:
            self._undo(self._open("undo", ANSWER_LIMIT_NS), fallen)

    def _synced(self, exchange: Exchange, errors: str) -> None:
        names = sorted({f"{switch:016x}" for switch in exchange.confirmed})
        role = "leader" if self.is_leading else "standby"
        self._note("switch.synced", errors=errors, switches=names, role=role)
        line: Json = {"id": "", "ok": not errors, "state": role, "switches": names}
        line |= {"error": errors} if errors else {}
        self._effects += [Answer(client, line) for client in exchange.clients]

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

    def _released(self, exchange: Exchange) -> None:
        held, errors = exchange.held, exchange.errors
        assert held is not None
        if not errors and not exchange.confirmed:
            errors = ["the switch disconnected before it confirmed"]
        if errors:
            self._fail(exchange.clients, held.id, "; ".join(errors))
            return
        line: Json = {"id": held.id, "ok": True, "state": "released"}
        self._effects += [Answer(client, line) for client in exchange.clients]
        self._note("containment.released", id=held.id)

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
            "role": "leader" if self.is_leading else "standby",
            "switches": switches,
            "containments": self.standing.lines(now_ns),
        }
