"""MassCancelActuator: every order of one session cancelled, asked for over FIX.

For gateways whose only kill interface is FIX: OrderMassCancelRequest (35=q) with
MassCancelRequestType(530)=7, all orders, on behalf of (115) the session, answered by an
OrderMassCancelReport (35=r) with MassCancelResponse(531). Source: FIX 4.4, volume 4.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

from airnet.act.fixline import Address, FixLine
from airnet.clock import Clock, SystemClock
from airnet.config import Gateway
from airnet.domain.address import address_bytes
from airnet.domain.containment import Containment, State
from airnet.domain.decision import Action, Decision
from airnet.errors import ActuationError, ConfigError

NS_PER_MS = 1_000_000
CANCEL_ALL, REJECTED = "7", "0"


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

    def accepts(self, decision: Decision) -> bool:
        """Return whether it cancels orders of a session at a gateway that hears FIX."""
        is_cancel = decision.action is Action.CANCEL_ORDERS
        return is_cancel and self._line(decision) is not None

    def apply(self, decision: Decision, ttl_ns: int) -> Containment:
        """Have every order of the session cancelled.

        Raises:
            ActuationError: refused, or not confirmed.
        """
        command_ns = self._clock.now_ns()
        detail = self.secure(decision)
        applied_ns = self._clock.now_ns()
        return Containment(
            decision_id=decision.id,
            actuator=self.name,
            state=State.APPLIED,
            command_ns=command_ns,
            applied_ns=applied_ns,
            until_ns=applied_ns,
            handle=decision.id,
            detail=detail,
        )

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
        with FixLine(address, self._timeout_ns, self._clock) as line:
            asked = {"11": decision.id, "530": CANCEL_ALL, "60": line.now_text()}
            line.send("q", asked, session.client_comp)
            report = line.hear("r", tag_11=decision.id)
        response = report.get("531", "")
        if response != CANCEL_ALL:
            why = report.get("58") or f"reason {report.get('532', 'none given')}"
            raise ActuationError(
                f"decision {decision.id}: {address.text()} answers mass cancel with "
                f"531={response or 'nothing'}: {why}",
                "cancel at the venue",
            )
        count = report.get("533", "all")
        return f"{address.text()} cancelled {count} orders of {session.client_comp}"

    def _line(self, decision: Decision) -> Address | None:
        if not decision.gateway:
            return None
        key = (address_bytes(decision.gateway), decision.port)
        return self._lines.get(key)


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
