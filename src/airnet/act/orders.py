"""OrdersActuator: what an order gateway is told about one session, over OpenC2.

| Decision | command | ends |
|---|---|---|
| throttle_session (T4) | contain, new_orders | by the gateway's clock, or restore |
| cancel_orders (T5) | delete orders | at once: what is cancelled is cancelled |
| disable_session (T5) | deny | by a named person: allow |
| isolate_session (T6) | stop: cancel, Logout, no Logon | by its clock, or restore |

Cancels pass whatever stands. The profile is in docs/openc2.md. Nothing flattens: there
is no word for it.
"""

import ssl
import threading
from collections.abc import Callable, Sequence

import msgspec

from airnet.act.actuator import Span
from airnet.act.openc2 import Consumer, Json, Results, control_of, place_text
from airnet.act.orderhandle import Handle, handle_of
from airnet.clock import Clock, SystemClock
from airnet.config import Gateway
from airnet.domain.address import address_bytes
from airnet.domain.containment import Containment, State
from airnet.domain.decision import Action, Decision, with_id
from airnet.errors import ActuationError

NS_PER_MS = 1_000_000
#: For how long who is about to be cut enters no order, and does not come back once
#: logged out: the cut is made by then, and nothing stays at the gateway beyond it.
BARRED_MS = 10_000
#: Between two looks whether orders are gone, in seconds.
LOOK_S = 0.01

#: What begins each action, and what ends it; "" where nothing can.
_VERBS = {
    Action.THROTTLE_SESSION: ("contain", "restore"),
    Action.CANCEL_ORDERS: ("delete", ""),
    Action.DISABLE_SESSION: ("deny", "allow"),
    Action.ISOLATE_SESSION: ("stop", "restore"),
}
#: What is not ended by the gateway's own clock.
_SPANS = {Action.CANCEL_ORDERS: Span.DEED, Action.DISABLE_SESSION: Span.LASTING}


class OrdersActuator:
    """Puts Decisions about order sessions in force at their gateways.

    Args:
        gateways: the site's, with their control URLs; one without is left alone.
        timeout_ms: how long one command, and one wait for its effect, may take.
        clock: the time of command and acknowledgement.
        identity: who airnet is to gateways with an https URL.
        barred_ms: for how long who is about to be cut enters no order.

    Raises:
        ConfigError: a control URL is none, or is https and no identity is given.
    """

    name = "orders"
    bars_orders = True
    holds_to_ids = True

    def __init__(
        self,
        gateways: Sequence[Gateway],
        timeout_ms: int = 1000,
        clock: Clock | None = None,
        identity: ssl.SSLContext | None = None,
        *,
        barred_ms: int = BARRED_MS,
    ) -> None:
        self.timeout_ms = timeout_ms
        self._barred_ms = barred_ms
        self._timeout_ns = timeout_ms * NS_PER_MS
        self._clock = clock or SystemClock()
        self._controls: dict[tuple[bytes, int], tuple[str, int]] = {}
        secured = {}
        for gateway in gateways:
            if not gateway.control:
                continue
            host, port, is_secured = control_of(gateway.control)
            self._controls[address_bytes(gateway.ip), gateway.port] = host, port
            if is_secured and identity is not None:
                secured[host, port] = identity
        self._consumer = Consumer(self._timeout_ns, self._clock, secured)
        self._pause = threading.Event()

    def accepts(self, decision: Decision) -> bool:
        """Return whether it is about a session of a gateway that can be told so."""
        if decision.action not in _VERBS or decision.session is None:
            return False
        return self._control(decision) is not None

    def apply(self, decision: Decision, ttl_ns: int) -> Containment:
        """Have the gateway do it, and read back that it stands.

        Raises:
            ActuationError: refused, unreachable, or the gateway does not say that it
                stands when asked; it may stand for at most its duration.
        """
        handle = self._handle(decision)
        command_ns = self._clock.now_ns()
        if decision.action is Action.CANCEL_ORDERS:
            detail = self._cancel(handle)
        else:
            detail = self._hold(handle, ttl_ns)
        applied_ns = self._clock.now_ns()
        # By our clock: the gateway's may differ, and its own timer is what ends it.
        until_ns = applied_ns + ttl_ns
        if decision.action is Action.DISABLE_SESSION:
            until_ns = 0
        elif decision.action is Action.CANCEL_ORDERS:
            until_ns = applied_ns
        return Containment(
            decision_id=decision.id,
            actuator=self.name,
            state=State.APPLIED,
            command_ns=command_ns,
            applied_ns=applied_ns,
            until_ns=until_ns,
            handle=handle.text(),
            detail=detail,
        )

    def release(self, containment: Containment) -> Containment:
        """End what the gateway holds, and see that it has; `detail` says who says so.

        A Containment without a handle (a command that may have left before a crash)
        is restored at every gateway; where it never stood, that does nothing. A
        session that was disabled is not enabled so.

        Raises:
            ActuationError: it may stand until its duration is over, or for ever.
        """
        if not containment.handle:
            self._restore_anywhere(containment.decision_id)
            return containment
        handle = handle_of(containment)
        verb = _VERBS[handle.action][1]
        if not verb:
            return containment
        by: Json = {"x-airnet": {"by": containment.detail}} if verb == "allow" else {}
        self._let_go(handle.control, verb, handle.id, handle.target(), by)
        return containment

    def ended(self, containment: Containment) -> str:
        """Return how it ended by the gateway's account, "" while it stands.

        Raises:
            ActuationError: the gateway does not answer.
        """
        handle = handle_of(containment)
        if handle.action is Action.CANCEL_ORDERS:
            return "done: what is cancelled is cancelled"
        seen = self._query(handle)
        return "" if seen.state == "applied" else "ended by the gateway, which says so"

    def span(self, what: Decision | Containment) -> Span:
        """Return how long it stays at the gateway."""
        if isinstance(what, Decision):
            return _SPANS.get(what.action, Span.TIMED)
        try:
            return _SPANS.get(handle_of(what).action, Span.TIMED)
        except ActuationError:
            return Span.TIMED  # nobody knows: it is restored, to be sure

    def enforcer(self, what: Decision | Containment) -> str:
        """Return which gateway enforces it.

        Raises:
            ActuationError: nobody knows.
        """
        handle = self._handle(what) if isinstance(what, Decision) else handle_of(what)
        return place_text(handle.control)

    def find(self, decision: Decision) -> Containment | None:
        """Return what the gateway says stands of a Decision, None for nothing.

        Raises:
            ActuationError: it does not say.
        """
        handle = self._handle(decision)
        if self._query(handle).state != "applied":
            return None
        now_ns = self._clock.now_ns()
        return Containment(
            decision_id=decision.id,
            actuator=self.name,
            state=State.APPLIED,
            command_ns=now_ns,
            applied_ns=now_ns,
            until_ns=0,
            handle=handle.text(),
            detail="found at the gateway after a restart",
        )

    def secure(self, decision: Decision) -> str:
        """Have no order of the Decision's session left open, or none that stays.

        And none entered, until it is cut.

        Returns:
            How that was confirmed: every order is cancelled; or the gateway cancels
            on disconnect, and has logged the session out. And under which ids the
            gateway was told, that whoever reads its log finds them.

        Raises:
            ActuationError: neither is confirmed.
        """
        barred: Json = {"duration": self._barred_ms}
        # No order is open, and another is entered before the cut: so none may be.
        holding = self._handle(_as(decision, Action.THROTTLE_SESSION))
        target, limit = holding.target(), {"x-airnet": {"limit": "new_orders"}}
        bar = self._consumer.ask(
            holding.control, "contain", holding.id, target, barred | limit
        )
        if bar.state == "released":  # it was heard before, and has ended
            raise ActuationError(
                f"contain {holding.id}: gateway {place_text(holding.control)} does not "
                f"bar new orders of {holding.comp_id}",
                "see the gateway's log",
            )
        told = f"new orders barred for {self._barred_ms} ms as {holding.id}"
        handle = self._handle(decision)
        try:
            return f"{self._cancel(handle)}, as {handle.id}; {told}"
        except ActuationError as error:
            failure, remedy = f"{error.what}; {told}", error.remedy
        if not self._query(handle).cancel_on_disconnect:
            raise ActuationError(failure, remedy)
        handle = self._handle(_as(decision, Action.ISOLATE_SESSION))
        self._consumer.ask(handle.control, "stop", handle.id, target, barred)
        told = f"{told}, and from coming back as {handle.id}"
        seen = self._await(handle, lambda now: now.is_connected is False)
        if seen.is_connected is not False:
            raise ActuationError(
                f"{failure}; nor does it say that the session is logged out, as "
                f"{handle.id}",
                "see the gateway's log",
            )
        return f"logged out; the gateway cancels on disconnect; {told}"

    def loosen(self, decision: Decision) -> None:
        """End what `secure` bars for that Decision; the cancelled stays so.

        Raises:
            ActuationError: it ends by itself, when BARRED_MS are over.
        """
        for action in (Action.THROTTLE_SESSION, Action.ISOLATE_SESSION):
            one = self._handle(_as(decision, action))
            self._consumer.ask(one.control, "restore", one.id, one.target())

    def aim(self, decision: Decision) -> str:
        """Return the handle that a Decision would have, or has."""
        return self._handle(decision).text()

    def _restore_anywhere(self, decision_id: str) -> None:
        """Restore it at every gateway: one that is dead leaves the others standing.

        Raises:
            ActuationError: one did not answer, or refused.
        """
        failures = []
        for control in dict.fromkeys(self._controls.values()):
            try:
                self._let_go(control, "restore", decision_id, {}, {})
            except ActuationError as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def _let_go(
        self, control: tuple[str, int], verb: str, name: str, target: Json, by: Json
    ) -> None:
        """End one command, and ask whether it has ended.

        Raises:
            ActuationError: it has not, or nobody answers.
        """
        self._consumer.ask(control, verb, name, target, by)
        if self._consumer.ask(control, "query", name, target).state == "applied":
            what = f"{verb} {name}: gateway {place_text(control)} acknowledged"
            raise ActuationError(f"{what}, and says that it stands", "see its log")

    def close(self) -> None:
        """Let go of the connections."""
        self._consumer.close()

    def _cancel(self, handle: Handle) -> str:
        """Have every order cancelled, and return that it is.

        Raises:
            ActuationError: some may be open.
        """
        self._consumer.ask(handle.control, "delete", handle.id, handle.target("orders"))
        seen = self._await(handle, lambda now: now.open_orders == 0)
        where = f"gateway {place_text(handle.control)}"
        if seen.open_orders != 0:
            number = (
                "an unknown number of" if seen.open_orders < 0 else seen.open_orders
            )
            raise ActuationError(
                f"cancel {handle.id}: {where} was told, {number} orders of "
                f"{handle.comp_id} are open",
                "cancel them at the venue",
            )
        return f"{where} says that no order of {handle.comp_id} is open"

    def _hold(self, handle: Handle, ttl_ns: int) -> str:
        """Have the gateway hold the session, and return how it stands.

        Raises:
            ActuationError: it does not say that it does.
        """
        arguments: Json = {"duration": -(-ttl_ns // NS_PER_MS)}
        if handle.action is Action.THROTTLE_SESSION:
            arguments["x-airnet"] = {"limit": "new_orders"}
        elif handle.action is Action.DISABLE_SESSION:
            arguments = {}
        verb = _VERBS[handle.action][0]
        target, where = handle.target(), f"gateway {place_text(handle.control)}"
        self._consumer.ask(handle.control, verb, handle.id, target, arguments)
        if handle.action is Action.THROTTLE_SESSION:
            seen, done = self._query(handle), "refuses new orders; cancels pass"
        elif handle.action is Action.ISOLATE_SESSION:
            seen = self._await(handle, lambda now: now.is_connected is False)
            done = "has logged the session out"
        else:
            seen = self._await(handle, lambda now: now.open_orders == 0)
            done = "refuses new orders until a named person allows them"
        if seen.state != "applied":
            raise ActuationError(
                f"{verb} {handle.id}: {where} acknowledged, but says state "
                f"{seen.state!r} when asked",
                "check the gateway's control service",
            )
        if handle.action is Action.ISOLATE_SESSION:
            self._require_gone(handle, seen)
        is_open = handle.action is Action.DISABLE_SESSION and seen.open_orders
        left = f"; open orders: {seen.open_orders}" if is_open else ""
        return f"{where} {done}{left}"

    def _require_gone(self, handle: Handle, seen: Results) -> None:
        """Raise unless the session is logged out and leaves no order behind."""
        is_clean = seen.open_orders == 0 or seen.cancel_on_disconnect
        if seen.is_connected is False and is_clean:
            return
        raise ActuationError(
            f"stop {handle.id}: gateway {place_text(handle.control)} does not say that "
            f"{handle.comp_id} is logged out and leaves no order",
            "see the gateway's log",
        )

    def _await(self, handle: Handle, is_done: Callable[[Results], bool]) -> Results:
        """Return what the gateway says once it is done, or when the time is over."""
        end_ns = self._clock.mono_ns() + self._timeout_ns
        while True:
            seen = self._query(handle)
            if is_done(seen) or self._clock.mono_ns() >= end_ns:
                return seen
            self._pause.wait(LOOK_S)

    def _query(self, handle: Handle) -> Results:
        return self._consumer.ask(handle.control, "query", handle.id, handle.target())

    def _control(self, decision: Decision) -> tuple[str, int] | None:
        if not decision.gateway:
            return None
        key = (address_bytes(decision.gateway), decision.port)
        return self._controls.get(key)

    def _handle(self, decision: Decision) -> Handle:
        """Return how its gateway knows a Decision.

        Raises:
            ActuationError: nobody can tell that gateway anything.
        """
        control, session = self._control(decision), decision.session
        if control is None or session is None:
            raise ActuationError(
                f"decision {decision.id}: no control URL for gateway "
                f"{decision.gateway}:{decision.port}",
                "give the gateway a `control` URL in site.toml",
            )
        return Handle(
            action=decision.action,
            host=control[0],
            port=control[1],
            comp_id=decision.target[1],
            client=decision.target[0],
            id=decision.id,
        )


def _as(decision: Decision, action: Action) -> Decision:
    """Return the same about another action: a command_id of its own."""
    return with_id(msgspec.structs.replace(decision, action=action))
