"""WorldActuator: carries Decisions out in the twin's world, as the real ones would.

It keeps the Actuator's contract: the world keeps the time and ends what it enforces,
applying twice is applying once, a release undoes exactly what the handle names. A
command takes as long to arrive as the real one does, in virtual time.
"""

import heapq
from collections.abc import Callable, Sequence

import msgspec

from airnet.clock import SimulatedClock
from airnet.decide.protection import canonical, endpoint
from airnet.domain.address import address_bytes
from airnet.domain.containment import Containment, State
from airnet.domain.decision import Action, Decision, TargetType
from airnet.errors import ActuationError
from airnet.twin.stage import BOTH, DROP, LOGOUT, UP, Place, World


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """From a window's close to the world's obedience, in ns, by what obeys.

    Each has in it 2.3 ms for the intent to be durable before the command leaves (an
    entry with fdatasync and a signed checkpoint, p50 measured; ADR 0006).
    `gateway_ns`: one OpenC2 request over a kept HTTP connection and its read-back
    (1.2 ms). `switch_ns`: a flow-mod through the controller (p99 0.7 ms measured with
    Open vSwitch). `venue_ns`: a mass cancel or a session's disabling through a venue's
    risk interface (a round trip of 5 ms, ours).
    """

    gateway_ns: int = 3_500_000
    switch_ns: int = 3_000_000
    venue_ns: int = 7_300_000

    @property
    def least_ns(self) -> int:
        """The shortest: a slice of virtual time must not be longer."""
        return min(self.gateway_ns, self.switch_ns, self.venue_ns)

    def of(self, action: Action) -> int:
        """Return how long an action takes to be in force."""
        if action is Action.THROTTLE_SESSION:
            return self.gateway_ns
        if action in _BY_VENUE:
            return self.venue_ns
        return self.switch_ns


_BY_SOURCE = frozenset({Action.DROP_SOURCES, Action.RATE_LIMIT_SOURCES})
_BY_VENUE = frozenset({Action.CANCEL_ORDERS, Action.DISABLE_SESSION})
#: A switch's meter for strangers, as controller/flows.py makes it by default.
STRANGERS_PER_S = 100
STRANGERS_BURST = STRANGERS_PER_S // 10
#: A way round is this much longer, each direction: another building's fibre.
DETOUR_NS = 150_000


class Hold(msgspec.Struct, kw_only=True):
    """One command: when the world obeys, until when, and whom it reaches."""

    decision: Decision
    effect_ns: int
    until_ns: int
    lines: tuple[int, ...]
    known: tuple[str, ...] = ()
    is_in_force: bool = False
    ended_ns: int = 0


class WorldActuator:
    """Role Actuator, for the loop that owns the world.

    Args:
        world: what obeys.
        lines: who speaks on each line.
        clock: virtual time of the command; the loop sets it.
        latency: how long commands take.
        known: the addresses that a switch lets pass whatever strangers send.
    """

    name = "twin"

    def __init__(
        self,
        world: World,
        lines: tuple[Place, ...],
        clock: SimulatedClock,
        latency: Latency,
        known: Callable[[], Sequence[str]] = lambda: (),
    ) -> None:
        self._world = world
        self._lines = lines
        self._clock = clock
        self._latency = latency
        self._known = known
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._queued = 0
        self.holds: dict[str, Hold] = {}

    def accepts(self, decision: Decision) -> bool:
        """Return whether the world can do it."""
        return decision.action in _DOERS

    def apply(self, decision: Decision, ttl_ns: int) -> Containment:
        """Send the command; the world obeys after its latency, for `ttl_ns`.

        Raises:
            ActuationError: it names no line of this world, or drops a known host,
                which the controller refuses.
        """
        command_ns = self._clock.now_ns()
        known = self.holds.get(decision.id)
        if known is None:
            lines = self.reached(decision)
            if decision.target_type is TargetType.SESSION and not lines:
                raise ActuationError(
                    f"decision {decision.id}: nobody knows a session "
                    f"{' '.join(decision.target)}",
                    "this is a fault of the decision, or of the scenario",
                )
            passing = tuple(self._passing(decision))
            effect_ns = command_ns + self._latency.of(decision.action)
            known = Hold(
                decision=decision,
                effect_ns=effect_ns,
                until_ns=effect_ns + ttl_ns,
                lines=lines,
                known=passing,
            )
            self.holds[decision.id] = known
            self._at(effect_ns, lambda: self._begin(known))
        return Containment(
            decision_id=decision.id,
            actuator=self.name,
            state=State.APPLIED,
            command_ns=command_ns,
            applied_ns=known.effect_ns,
            until_ns=known.until_ns,
            handle=decision.id,
            detail=f"the world obeys {(known.effect_ns - command_ns) // 1000} us later",
        )

    def release(self, containment: Containment) -> Containment:
        """Undo it, after the same latency; what has ended stays so."""
        known = self.holds.get(containment.handle)
        if known is not None and not known.ended_ns:
            latency_ns = self._latency.of(known.decision.action)
            at_ns = max(self._clock.now_ns() + latency_ns, known.effect_ns)
            self._at(at_ns, lambda: self._end(known, at_ns))
        return containment

    def ended(self, containment: Containment) -> str:
        """Return how it ended by the world's account, "" while it stands."""
        known = self.holds.get(containment.handle)
        is_over = known is None or self._clock.now_ns() >= known.until_ns
        return "ended by the world" if is_over else ""

    @property
    def next_ns(self) -> int | None:
        """When the next command arrives; None without one."""
        return self._queue[0][0] if self._queue else None

    def arrive(self, now_ns: int) -> None:
        """Have the world obey what has arrived by `now_ns`."""
        while self._queue and self._queue[0][0] <= now_ns:
            heapq.heappop(self._queue)[2]()

    def finish(self, now_ns: int) -> None:
        """Note when what stood ended, with the world at `now_ns`."""
        for one in self.holds.values():
            if one.is_in_force and not one.ended_ns:
                one.ended_ns = min(one.until_ns, now_ns)

    def _at(self, time_ns: int, work: Callable[[], None]) -> None:
        self._queued += 1
        heapq.heappush(self._queue, (time_ns, self._queued, work))

    def _begin(self, known: Hold) -> None:
        if known.ended_ns:
            return
        known.is_in_force = True
        _DOERS[known.decision.action](self._world, known)
        if known.decision.action is Action.DISABLE_SESSION:
            # A venue's risk interface keeps no time; whoever disables must re-enable.
            self._at(known.until_ns, lambda: self._end(known, known.until_ns))

    def _end(self, known: Hold, now_ns: int) -> None:
        """Undo it early; what the world has ended by itself stays as it is."""
        if known.ended_ns or not known.is_in_force or known.until_ns < now_ns:
            return
        known.ended_ns = now_ns
        for line in known.lines:
            self._world.release(line)
        _steer(self._world, known, now_ns)

    def _passing(self, decision: Decision) -> Sequence[str]:
        """Return who passes a switch's rules for sources; a known one is not dropped.

        Raises:
            ActuationError: a source to be dropped is known.
        """
        if decision.action not in _BY_SOURCE:
            return ()
        known = [canonical(address) for address in self._known()]
        if decision.action is Action.DROP_SOURCES:
            for source in decision.target:
                if canonical(source) in known:
                    raise ActuationError(
                        f"decision {decision.id}: {source} is a known host",
                        "the controller drops no host of the site or of a session",
                    )
        return known

    def reached(self, decision: Decision) -> tuple[int, ...]:
        """Return the lines a Decision names: a session's, or those of its sources."""
        if decision.target_type is TargetType.SOURCE:
            sources = {canonical(source) for source in decision.target}
            return self._where(lambda place: canonical(place.client) in sources)
        if decision.action is Action.CONFINE_HOST:
            return ()  # no line of its own is touched
        if decision.target_type is TargetType.HOST:
            hosts = {canonical(host) for host in decision.target}
            return self._where(lambda place: canonical(place.client) in hosts)
        if decision.target_type is not TargetType.SESSION:
            return ()
        client, comp = decision.target
        return self._where(lambda place: is_named(place, client, comp))

    def _where(self, is_meant: Callable[[Place], bool]) -> tuple[int, ...]:
        return tuple(n for n, place in enumerate(self._lines) if is_meant(place))


def is_named(place: Place, client: str, comp: str) -> bool:
    """Return whether `client` ("ip:port") and CompID name a line.

    The port says nothing: a session that came again has another one. A session of which
    no message was read yet has no CompID; then the port has to agree.
    """
    if not comp:
        return endpoint(place.client, place.port) == client
    same_host = endpoint(place.client, 0).rpartition(":")[0]
    return place.comp == comp and client.rpartition(":")[0] == same_host


def _steer(world: World, hold: Hold, until_ns: int) -> None:
    """Have the switch do what controller/flows.py would for a Decision about sources.

    A source is dropped towards the gateway, a confined host towards a stranger or
    anywhere; what it says in its sessions is no stray packet, and passes. A rate limit
    is one meter for all that is sent there, except by known addresses: a forged one of
    them passes as well.
    """
    decision = hold.decision
    if decision.action is Action.DROP_SOURCES:
        target = address_bytes(decision.gateway) if decision.gateway else bytes(16)
        for source in decision.target:
            world.drop_source(address_bytes(source), 128, 0, until_ns, target)
    elif decision.action is Action.CONFINE_HOST:
        host, peer = decision.target[0], "".join(decision.target[1:2])
        to = address_bytes(peer) if peer else bytes(16)
        world.drop_source(address_bytes(host), 128, 0, until_ns, to)
    elif decision.action is Action.RATE_LIMIT_SOURCES:
        known = sorted({address_bytes(address) for address in hold.known})
        world.limit_strangers(
            address_bytes(decision.gateway),
            decision.port,
            b"".join(known),
            STRANGERS_PER_S,
            STRANGERS_BURST,
            until_ns,
        )


def _throttle(world: World, known: Hold) -> None:
    for line in known.lines:
        world.throttle(line, 0, 0, known.until_ns)


def _cancel(world: World, known: Hold) -> None:
    for line in known.lines:
        world.cancel_all(line)


def _disable(world: World, known: Hold) -> None:
    for line in known.lines:
        world.cancel_all(line)
        world.disable(line)


def _log_out(world: World, known: Hold) -> None:
    for line in known.lines:
        world.block(line, LOGOUT, BOTH, known.until_ns)


def _cut(world: World, known: Hold) -> None:
    for line in known.lines:
        world.block(line, DROP, BOTH, known.until_ns)


def _reroute(world: World, known: Hold) -> None:
    for line in known.lines:
        world.delay(line, DETOUR_NS, known.until_ns)


def _confine(world: World, known: Hold) -> None:
    _steer(world, known, known.until_ns)


def _drop(world: World, known: Hold) -> None:
    _steer(world, known, known.until_ns)
    for line in known.lines:  # of a source that was none of the attackers
        world.block(line, DROP, UP, known.until_ns)


_DOERS: dict[Action, Callable[[World, Hold], None]] = {
    Action.THROTTLE_SESSION: _throttle,
    Action.CANCEL_ORDERS: _cancel,
    Action.DISABLE_SESSION: _disable,
    Action.ISOLATE_SESSION: _log_out,
    Action.ISOLATE_HOST: _cut,
    Action.REROUTE: _reroute,
    Action.DROP_SOURCES: _drop,
    Action.CONFINE_HOST: _confine,
    Action.RATE_LIMIT_SOURCES: _drop,
}
