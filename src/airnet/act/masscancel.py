"""MassCancelActuator: every order of one session cancelled, asked for over FIX.

For gateways whose only kill interface is FIX: OrderMassCancelRequest (35=q) with
MassCancelRequestType(530)=7, all orders, on behalf of (115) the session, answered by an
OrderMassCancelReport (35=r) with MassCancelResponse(531). That report acknowledges; it
does not say that any order is gone. So which are open is asked before and after
(OrderMassStatusRequest, 35=AF), and none of the first may be among the second: what is
entered meanwhile is nothing that was to be cancelled. Source: FIX 4.4, volume 4.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from urllib.parse import urlsplit

from airnet.act.actuator import Span
from airnet.act.fixline import Address, Fields, FixLine
from airnet.clock import Clock, SystemClock
from airnet.config import Gateway
from airnet.domain.address import address_bytes
from airnet.domain.containment import Containment, State
from airnet.domain.decision import Action, Decision
from airnet.errors import ActuationError, ConfigError

NS_PER_MS = 1_000_000
CANCEL_ALL, STATUS_ALL = "7", "7"
#: OrdStatus(39) of what is reported in the place of an order.
NO_ORDER = "8"
#: Between two looks whether orders are gone, in seconds.
LOOK_S = 0.02
#: Decisions remembered, so that applying one twice is applying it once.
KNOWN_MAX = 1024


class MassCancelActuator:
    """Carries cancel_orders out over FIX.

    Args:
        gateways: the site's; those with `control_fix` can be told.
        timeout_ms: how long a whole session for one command may take.
        clock: the time of command and answer.

    Raises:
        ConfigError: a `control_fix` is not fix://HOST:PORT/OURS/THEIRS.
    """

    name = "mass_cancel"
    #: There is no word in FIX for it.
    bars_orders = False
    holds_to_ids = True

    def __init__(
        self,
        gateways: Sequence[Gateway],
        timeout_ms: int = 1000,
        clock: Clock | None = None,
    ) -> None:
        self._timeout_ns = timeout_ms * NS_PER_MS
        self._clock = clock or SystemClock()
        self._lines = {
            (address_bytes(one.ip), one.port): address_of(one.control_fix)
            for one in gateways
            if one.control_fix
        }
        self._done: OrderedDict[str, Containment] = OrderedDict()
        self._pause = threading.Event()

    def accepts(self, decision: Decision) -> bool:
        """Return whether it cancels orders of a session at a gateway that hears FIX."""
        is_cancel = decision.action is Action.CANCEL_ORDERS
        return is_cancel and self._line(decision) is not None

    def apply(self, decision: Decision, ttl_ns: int) -> Containment:
        """Have every order of the session cancelled, once, and see that it is.

        Raises:
            ActuationError: refused, or not confirmed.
        """
        if decision.id in self._done:
            return self._done[decision.id]
        command_ns = self._clock.now_ns()
        detail = self.secure(decision)
        applied_ns = self._clock.now_ns()
        done = self._done[decision.id] = Containment(
            decision_id=decision.id,
            actuator=self.name,
            state=State.APPLIED,
            command_ns=command_ns,
            applied_ns=applied_ns,
            until_ns=applied_ns,
            handle=decision.id,
            detail=detail,
        )
        if len(self._done) > KNOWN_MAX:
            self._done.popitem(last=False)
        return done

    def span(self, what: Decision | Containment) -> Span:
        """Return that it is done at once, and never undone."""
        return Span.DEED

    def release(self, containment: Containment) -> Containment:
        """Do nothing: what is cancelled is cancelled."""
        return containment

    def ended(self, containment: Containment) -> str:
        """Return that it is done: it held for a moment only."""
        return "done: what is cancelled is cancelled"

    def secure(self, decision: Decision) -> str:
        """Have every order of the session cancelled, and return that it is.

        Raises:
            ActuationError: refused, or not confirmed.
        """
        address, session = self._line(decision), decision.session
        if address is None or session is None or not session.client_comp:
            raise ActuationError(
                f"decision {decision.id}: no FIX control, or no CompID to cancel for",
                "give the gateway a `control_fix` in site.toml",
            )
        whose = session.client_comp
        with FixLine(address, self._timeout_ns, self._clock) as line:
            # In one go: the cancel does not wait for the answer before it.
            _ask(line, f"{decision.id}-0", whose)
            asked = {"11": decision.id, "530": CANCEL_ALL, "60": line.now_text()}
            line.send("q", asked, whose)
            _ask(line, f"{decision.id}-1", whose)
            before, unsaid = _open_if_said(line, f"{decision.id}-0")
            report = line.hear("r", tag_11=decision.id)
            if report.get("531", "") != CANCEL_ALL:
                raise _not_done(decision, address, report)
            if unsaid:
                raise ActuationError(
                    f"decision {decision.id}: {address.text()} answers 531=7, and "
                    f"does not say which orders are open: {unsaid}",
                    "see at the venue that they are cancelled",
                )
            left = before & _open(line, f"{decision.id}-1")
            self._await(line, decision, whose, left)
        count = report.get("533", "all")
        return (
            f"{address.text()} cancelled {count} orders of {whose}; asked then, it "
            f"reports none of the {len(before)} that were open"
        )

    def loosen(self, decision: Decision) -> None:
        """Do nothing: no order is barred."""

    def _await(
        self, line: FixLine, decision: Decision, whose: str, left: frozenset[str]
    ) -> None:
        """Return once none of these orders is open.

        Raises:
            ActuationError: some are when the time is over, or it does not say.
        """
        number = 1
        while left:
            self._pause.wait(LOOK_S)
            number += 1
            try:
                _ask(line, f"{decision.id}-{number}", whose)
                left &= _open(line, f"{decision.id}-{number}")
            except ActuationError as error:
                raise ActuationError(
                    f"decision {decision.id}: cancelled, and {len(left)} orders of "
                    f"{whose} were open when asked last: {error.what}",
                    "cancel them at the venue",
                ) from error

    def _line(self, decision: Decision) -> Address | None:
        if not decision.gateway:
            return None
        key = (address_bytes(decision.gateway), decision.port)
        return self._lines.get(key)


def _ask(line: FixLine, request: str, whose: str) -> None:
    """Ask which orders of a session are open."""
    line.send("AF", {"584": request, "585": STATUS_ALL}, whose)


def _open_if_said(line: FixLine, request: str) -> tuple[frozenset[str], str]:
    """Return which orders are open, or why that is not said."""
    try:
        return _open(line, request), ""
    except ActuationError as error:
        return frozenset(), error.what


def _open(line: FixLine, request: str) -> frozenset[str]:
    """Return the OrderID(37) of each open order, as it answers that request.

    Raises:
        ActuationError: it does not say, in time, how many there are and which.
    """
    found: set[str] = set()
    while True:
        report = line.hear("8", tag_584=request)
        count, is_last = report.get("911", ""), report.get("912") == "Y"
        if count == "0" or (not count and report.get("39") == NO_ORDER):
            return frozenset()
        found.add(report.get("37", ""))
        if is_last or len(found) >= int(count if count.isdecimal() else 1 << 31):
            return frozenset(found)


def _not_done(decision: Decision, address: Address, report: Fields) -> ActuationError:
    """Return that a gateway refused, in its own words."""
    why = report.get("58") or f"reason {report.get('532', 'none given')}"
    return ActuationError(
        f"decision {decision.id}: {address.text()} answers mass cancel with "
        f"531={report.get('531') or 'nothing'}: {why}",
        "cancel at the venue",
    )


def address_of(text: str) -> Address:
    """Return what fix://HOST:PORT/OURS/THEIRS names.

    Raises:
        ConfigError: it is not of that form.
    """
    url = urlsplit(text)
    try:
        port = url.port
    except ValueError:
        port = None
    comps = url.path.strip("/").split("/")
    is_whole = len(comps) == 2 and all(comps)
    if url.scheme != "fix" or not url.hostname or not port or not is_whole:
        raise ConfigError(
            f"site: gateway.control_fix {text!r} is not fix://HOST:PORT/OURS/THEIRS",
            "name the session on which the gateway takes mass cancels",
        )
    return Address(host=url.hostname, port=port, ours=comps[0], theirs=comps[1])
