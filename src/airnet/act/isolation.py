"""Isolation: nothing that trades is cut before its orders are known to be gone.

A silent cut leaves orders in the book until the venue misses heartbeats, and for ever
where it does not cancel on disconnect. So every session of what is to be cut is made
safe first, at its gateway, and what cannot be confirmed is not cut.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import msgspec

from airnet.act.actuator import Actuator, Recalling
from airnet.clock import Clock
from airnet.domain.containment import Containment
from airnet.domain.decision import Action, Decision, TargetType, with_id
from airnet.domain.session import SessionName
from airnet.errors import ActuationError

#: What cuts something off from its own orders; a frozen process cannot cancel either.
CUTS = frozenset(
    {
        Action.ISOLATE_SESSION,
        Action.ISOLATE_HOST,
        Action.ISOLATE_SUBNET,
        Action.FREEZE_PROCESS,
    }
)
#: Begins the name of who cuts when orders are gone.
WAITS = "isolation-"
#: How long all sessions together may take to be made safe.
SAFE_NS = 5_000_000_000
#: Cuts whose bars at gateways are remembered; they end within seconds by themselves.
KNOWN_MAX = 256


class Securing(Protocol):
    """Makes a session's orders safe at its gateway.

    Attributes:
        bars_orders: whether none is entered from then on until it is cut; else one may
            be, and so it is asked again when it is cut.
    """

    bars_orders: bool

    def accepts(self, decision: Decision) -> bool:
        """Return whether it can tell that gateway."""
        ...

    def secure(self, decision: Decision) -> str:
        """Return how it is confirmed that no order stays open.

        Raises:
            ActuationError: it is not.
        """
        ...

    def loosen(self, decision: Decision) -> None:
        """End what it barred for that Decision, if anything.

        Raises:
            ActuationError: it may go on, until it ends by itself.
        """
        ...


@runtime_checkable
class Sharing(Protocol):
    """Cuts what several sessions may share."""

    def shares(self, decision: Decision, session: SessionName) -> bool:
        """Return whether what the Decision cuts is that session's as well."""
        ...


class Isolation:
    """Cuts by another Actuator, once the orders of what is cut are gone.

    Args:
        cut: what cuts.
        gateways: who can make orders safe, asked in this order.
        sessions: every session that may be open now.
        clock: for the time all of it may take.
    """

    def __init__(
        self,
        cut: Actuator,
        gateways: Sequence[Securing],
        sessions: Callable[[], Sequence[SessionName]],
        clock: Clock,
    ) -> None:
        self.name = f"{WAITS}{cut.name}"
        #: Who cuts, and so must have been reconciled; what stands is left with it.
        self.cuts_by = cut.name
        self._cut = cut
        self._barred: OrderedDict[str, list[tuple[Securing, Decision]]] = OrderedDict()
        self._gateways = tuple(gateways)
        self._sessions = sessions
        self._clock = clock
        #: Called between two steps, of which each may take a few time-outs.
        self.between: Callable[[], None] = lambda: None
        #: Why nothing may leave now; asked before every command.
        self.closed: Callable[[], str] = str

    def accepts(self, decision: Decision) -> bool:
        """Return whether it is a cut that the other one can make."""
        return decision.action in CUTS and self._cut.accepts(decision)

    @property
    def cut(self) -> Actuator:
        """Who cuts."""
        return self._cut

    def apply(self, decision: Decision, ttl_ns: int) -> Containment:
        """Make every session safe, then cut; and look again where orders could come.

        What is barred for the cut is let go where it is not made.

        Raises:
            ActuationError: one is not safe, and nothing is cut; or the cut failed; or
                after it orders may be open, and it is to be taken back.
        """
        barred: list[tuple[Securing, Decision]] = []
        try:
            told = self._secured(decision, barred)
            self._require_open(decision)
            outcome = self._cut.apply(decision, ttl_ns)
            for gateway, asked in barred:
                if not gateway.bars_orders:
                    self.between()
                    otherwise = f"decision {decision.id}: cut, with orders open perhaps"
                    how = _made_safe(gateway, _again(asked), otherwise)
                    told.append(f"after the cut again {how}")
        except ActuationError:
            _loosen(barred)
            raise
        self._barred[decision.id] = barred
        if len(self._barred) > KNOWN_MAX:
            self._barred.popitem(last=False)
        return msgspec.structs.replace(
            outcome, detail="; ".join([*told, outcome.detail])
        )

    def bars(self, containment: Containment) -> bool:
        """Return whether orders may be barred still for what it has cut."""
        is_ours = containment.actuator == self.cuts_by
        return is_ours and containment.decision_id in self._barred

    def lift(self, decision_id: str) -> None:
        """Let orders in again after an undo, before what bars them ends by itself."""
        _loosen(self._barred.pop(decision_id, []))

    def _secured(
        self, decision: Decision, barred: list[tuple[Securing, Decision]]
    ) -> list[str]:
        """Make every session safe; return how, and add who was told what.

        Raises:
            ActuationError: one is not.
        """
        end_ns = self._clock.mono_ns() + SAFE_NS
        told: list[str] = []
        for session in self._concerned(decision):
            self._require_open(decision)
            gateway, asked = self._gateway(decision, session)
            barred.append((gateway, asked))
            told.append(_made_safe(gateway, asked, _refused(decision)))
            self.between()
            # After the last one too: what bars the first one's orders ends.
            if self._clock.mono_ns() > end_ns:
                raise ActuationError(
                    f"{_refused(decision)}: {len(told)} sessions were safe after more "
                    f"than {SAFE_NS // 10**9} s, the first no longer",
                    "cancel their orders at the venue, then do it by hand",
                )
        return told

    def recall(self, decision: Decision) -> None:
        """End a cut that nobody has answered yet, where that can be said."""
        if isinstance(self._cut, Recalling):
            self._cut.recall(decision)

    def release(self, containment: Containment) -> Containment:
        """Undo the cut; cancelled orders stay cancelled.

        Raises:
            ActuationError: it may still be in force.
        """
        inner = msgspec.structs.replace(containment, actuator=self._cut.name)
        released = self._cut.release(inner)
        self.lift(containment.decision_id)
        return released

    def _require_open(self, decision: Decision) -> None:
        """Raise when it was frozen meanwhile: it takes seconds, and several commands.

        What was cancelled by then stays so.
        """
        if why := self.closed():
            raise ActuationError(f"{_refused(decision)}: {why}", "see airnet unfreeze")

    def _concerned(self, decision: Decision) -> list[SessionName]:
        """Return the sessions that would be cut."""
        if decision.action is Action.ISOLATE_SESSION:
            return [] if decision.session is None else [decision.session]
        if decision.action is Action.FREEZE_PROCESS:
            return self._shared(decision)
        networks = [ipaddress.ip_network(one, strict=False) for one in decision.target]
        return [
            one
            for one in self._sessions()
            if any(ipaddress.ip_address(one.client) in network for network in networks)
        ]

    def _shared(self, decision: Decision) -> list[SessionName]:
        """Return the sessions of the process that would be frozen."""
        assert decision.session is not None, "it was accepted, so it names one"
        others = [
            one
            for one in self._sessions()
            if isinstance(self._cut, Sharing) and self._cut.shares(decision, one)
        ]
        return [decision.session, *(one for one in others if one != decision.session)]

    def _gateway(
        self, decision: Decision, session: SessionName
    ) -> tuple[Securing, Decision]:
        """Return who can make one session safe, and what it is asked.

        Raises:
            ActuationError: nobody can.
        """
        asked = _about(decision, session)
        for gateway in self._gateways:
            if gateway.accepts(asked):
                return gateway, asked
        raise ActuationError(
            f"{_refused(decision)}: nobody can cancel the orders of "
            f"{session.client_comp or session.client} at {session.gateway}",
            "give that gateway a `control` URL in site.toml",
        )


def _refused(decision: Decision) -> str:
    """Return the beginning of why it is not done."""
    is_frozen = decision.action is Action.FREEZE_PROCESS
    return f"decision {decision.id}: not {'frozen' if is_frozen else 'isolated'}"


def _made_safe(gateway: Securing, asked: Decision, otherwise: str) -> str:
    """Make one session safe, and return how.

    Raises:
        ActuationError: it is not; says what is the matter otherwise.
    """
    try:
        return gateway.secure(asked)
    except ActuationError as error:
        raise ActuationError(f"{otherwise}: {error.what}", error.remedy) from error


def _again(asked: Decision) -> Decision:
    """Return the same under another id: a gateway may refuse one that it knows."""
    return with_id(msgspec.structs.replace(asked, why=f"{asked.why} Again."))


def _loosen(barred: Sequence[tuple[Securing, Decision]]) -> None:
    """Let orders in again; where that fails, what bars them ends by itself.

    A gateway that does not answer is waited for once, and not for each session.
    """
    failed = set()
    for gateway, asked in barred:
        place = asked.gateway, asked.port
        if place in failed:
            continue
        try:
            gateway.loosen(asked)
        except ActuationError:
            failed.add(place)


def _about(decision: Decision, session: SessionName) -> Decision:
    """Return the cancelling of one session that a cut waits for."""
    host, port = session.client, session.client_port
    client = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return with_id(
        msgspec.structs.replace(
            decision,
            action=Action.CANCEL_ORDERS,
            target_type=TargetType.SESSION,
            target=(client, session.client_comp),
            session=session,
            gateway=session.gateway,
            port=session.gateway_port,
        )
    )
