"""SimulatedActuator: acknowledges everything and touches nothing."""

from airnet.clock import Clock
from airnet.domain.containment import Containment, State
from airnet.domain.decision import PASSIVE, Decision


class SimulatedActuator:
    """Carries Decisions out on nothing, at the Clock's time.

    A recording cannot react, so what it acknowledges is `unverifiable`; a closed loop
    (the twin) asks for `applied` instead and looks at the effect.
    """

    name = "simulated"
    #: No enforcer is behind it, so there is none to hold it to its role against.
    touches_nothing = True

    def __init__(self, clock: Clock, state: State = State.UNVERIFIABLE) -> None:
        self._clock = clock
        self._state = state
        self._standing: dict[str, Containment] = {}

    def accepts(self, decision: Decision) -> bool:
        """Return true for every Decision that would change something."""
        return decision.action not in PASSIVE

    def apply(self, decision: Decision, ttl_ns: int) -> Containment:
        """Remember `decision` as in force for `ttl_ns` from now."""
        now_ns = self._clock.now_ns()
        standing = self._standing.get(decision.id)
        if standing is not None and standing.until_ns > now_ns:
            return standing
        standing = Containment(
            decision_id=decision.id,
            actuator=self.name,
            state=self._state,
            command_ns=now_ns,
            applied_ns=now_ns,
            until_ns=now_ns + ttl_ns,
            handle=decision.id,
            detail="simulated: nothing was sent",
        )
        self._standing[decision.id] = standing
        return standing

    def release(self, containment: Containment) -> Containment:
        """Forget what the handle names."""
        self._standing.pop(containment.handle, None)
        return containment

    def in_force(self) -> tuple[str, ...]:
        """Return the ids of what stands now, in the order applied."""
        now_ns = self._clock.now_ns()
        return tuple(
            key
            for key, standing in self._standing.items()
            if standing.until_ns > now_ns
        )
