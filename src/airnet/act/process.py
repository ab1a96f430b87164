"""ProcessActuator: one algorithm's process held back, by the agent on its host.

A freeze stops it whole; a throttle leaves it a share of a processor and a rate of what
it sends. Both hold its cancels back as well, for neither knows one: so both are of tier
T5 and above, where people agree first, and T4's throttle, under which cancels pass,
stays the order gateway's. Before a freeze its orders are cancelled there, by
airnet.act.isolation. The protocol is in airnet.agent.server.
"""

import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from airnet.act.actuator import Reconciled
from airnet.act.agentline import AgentLine
from airnet.act.identity import identity
from airnet.clock import Clock, SystemClock
from airnet.config import Closed, Site
from airnet.domain.address import address_bytes
from airnet.domain.containment import Containment, State
from airnet.domain.decision import Action, Decision, Tier
from airnet.domain.session import SessionName
from airnet.errors import ActuationError

NS_PER_MS = 1_000_000
_ACTIONS = frozenset({Action.THROTTLE_PROCESS, Action.FREEZE_PROCESS})


class AgentPlace(Closed, frozen=True):
    """A host of the site, and where its agent listens."""

    host: str
    address: str

    def __post_init__(self) -> None:
        address_bytes(self.host)
        name, _, port = self.address.rpartition(":")
        if not name or not port.isdigit() or not 0 < int(port) < 65536:
            raise ValueError("`address` must be HOST:PORT")


class Agents(Closed, frozen=True):
    """`agents.toml`: the agents, and who we are to them. Paths relative to the file."""

    certificate: str
    key: str
    authority: str
    timeout_ms: int = 2000
    places: tuple[AgentPlace, ...] = msgspec.field(name="agent", default=())

    def __post_init__(self) -> None:
        # Two of them may pass between two of the hands' signs of life, 8 s at most.
        if not 0 < self.timeout_ms <= 3000:
            raise ValueError("`timeout_ms` must be 1..3000")


class _Left(msgspec.Struct, frozen=True):
    id: str
    left_ms: int


class _Reply(msgspec.Struct, frozen=True):
    id: str
    ok: bool
    standing: tuple[_Left, ...] = ()
    error: str = ""


#: Made while there is one thread: two that meet a type first at once crash msgspec.
_REPLIES = msgspec.json.Decoder(_Reply)


#: Made while there is one thread: two that meet a type first at once crash msgspec.
_REPLIES = msgspec.json.Decoder(_Reply)


class ProcessActuator:
    """Puts Decisions about processes in force through the agents of their hosts.

    Args:
        agents: where they are, and our identity.
        base: what its paths are relative to.
        site: which algorithm trades from which host under which CompID.
        clock: of command and acknowledgement.

    Raises:
        ConfigError: the identity cannot be used.
    """

    name = "process"

    def __init__(
        self, agents: Agents, base: Path, site: Site, clock: Clock | None = None
    ) -> None:
        self._clock = clock or SystemClock()
        self._timeout_ns = agents.timeout_ms * NS_PER_MS
        self._context = identity(
            ssl.Purpose.SERVER_AUTH,
            base,
            (agents.certificate, agents.key, agents.authority),
        )
        self._lines: dict[str, AgentLine] = {}
        self._places = {address_bytes(one.host): one.address for one in agents.places}
        self._algorithms = {
            (address_bytes(session.host), session.comp_id): session.algorithm
            for firm in site.firms
            for session in firm.sessions
            if session.algorithm
        }

    def accepts(self, decision: Decision) -> bool:
        """Return whether it is about a process whose algorithm and agent are known."""
        return (
            decision.action in _ACTIONS
            and decision.tier >= Tier.KILL_ALGO
            and decision.session is not None
            and self._of(decision.session) is not None
        )

    def shares(self, decision: Decision, session: SessionName) -> bool:
        """Return whether a session is of the process that the Decision is about."""
        found = None if decision.session is None else self._of(decision.session)
        return found is not None and found == self._of(session)

    def enforcer(self, what: Decision | Containment) -> str:
        """Return which agent enforces it."""
        if isinstance(what, Containment):
            return what.handle
        found = None if what.session is None else self._of(what.session)
        return found[0] if found else ""

    def apply(self, decision: Decision, ttl_ns: int) -> Containment:
        """Have the agent hold the process for `ttl_ns`; it reads its cgroup back.

        Raises:
            ActuationError: refused, unreachable, not answered in time; it may hold
                until its end.
        """
        found = None if decision.session is None else self._of(decision.session)
        if found is None:
            raise ActuationError(
                f"decision {decision.id}: no agent, or no algorithm, is known for it",
                "name the host in agents.toml and the session's algorithm in site.toml",
            )
        place, algorithm = found
        command_ns = self._clock.now_ns()
        reply = self._ask(
            place,
            {
                "command": "apply",
                "id": decision.id,
                "action": decision.action.value,
                "algorithm": algorithm,
                "ttl_ms": -(-ttl_ns // NS_PER_MS),
            },
        )
        applied_ns = self._clock.now_ns()
        if not reply.standing:
            raise ActuationError(
                f"decision {decision.id}: the agent at {place} holds nothing of it",
                "see its log",
            )
        return Containment(
            decision_id=decision.id,
            actuator=self.name,
            state=State.APPLIED,
            command_ns=command_ns,
            applied_ns=applied_ns,
            until_ns=applied_ns + reply.standing[0].left_ms * NS_PER_MS,
            handle=place,
            detail=f"{algorithm} on {place}: {decision.action}; cancels wait as well",
        )

    def release(self, containment: Containment) -> Containment:
        """Have the agent let the process go; without a handle, every agent.

        Raises:
            ActuationError: it may hold until its end.
        """
        places = [containment.handle] if containment.handle else self._all()
        failures = []
        for place in places:
            request = {"command": "release", "id": containment.decision_id}
            try:
                self._ask(place, request)
            except ActuationError as error:
                failures.append(error)
        if failures:
            raise failures[0]
        return containment

    def aim(self, decision: Decision) -> str:
        """Return the agent that is, or would be, told of a Decision."""
        found = None if decision.session is None else self._of(decision.session)
        return found[0] if found else ""

    def ended(self, containment: Containment) -> str:
        """Return how it ended by the agent's account, "" while it stands.

        Raises:
            ActuationError: the agent does not answer.
        """
        request = {"command": "query", "id": containment.decision_id}
        reply = self._ask(containment.handle, request)
        return "" if reply.standing else "ended by the agent, which says so"

    def reconcile(self, wanted: Sequence[tuple[Decision, Containment]]) -> Reconciled:
        """Do as the role says, at every agent.

        Raises:
            ActuationError: one cannot be asked.
        """
        standing, orphans = set(), 0
        ids = {decision.id for decision, _ in wanted}
        for place in self._all():
            for left in self._ask(place, {"command": "status"}).standing:
                if left.id in ids:
                    standing.add(left.id)
                else:
                    self._ask(place, {"command": "release", "id": left.id})
                    orphans += 1
        missing = (one.id for one, _ in wanted if one.id not in standing)
        return Reconciled(tuple(missing), orphans)

    def close(self) -> None:
        """Let go of the connections; a later command makes its own."""
        for line in self._lines.values():
            line.close()

    def _all(self) -> list[str]:
        return sorted(set(self._places.values()))

    def _of(self, session: SessionName) -> tuple[str, str] | None:
        """Return the agent and the algorithm of a session's process."""
        host = address_bytes(session.client)
        place = self._places.get(host)
        algorithm = self._algorithms.get((host, session.client_comp))
        return (place, algorithm) if place and algorithm else None

    def _ask(self, place: str, request: Mapping[str, object]) -> _Reply:
        """Send one request and return what is answered."""
        what = f"{request['command']} {request.get('id', '')}: agent at {place}"
        try:
            line = self._line(place).ask(msgspec.json.encode(request) + b"\n")
            reply = _REPLIES.decode(line)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ActuationError(
                f"{what}: {' '.join(str(error).split()) or type(error).__name__}",
                "check the agent and the identities; leases end by themselves",
            ) from error
        if not reply.ok:
            raise ActuationError(f"{what}: refused: {reply.error}", "see its log")
        return reply

    def _line(self, place: str) -> AgentLine:
        """Return the line to an agent, by whichever thread it is asked for first."""
        made = AgentLine(place, self._context, self._timeout_ns, self._clock)
        return self._lines.setdefault(place, made)
