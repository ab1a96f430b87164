"""SdnActuator: carries network Decisions to the controller over a Unix stream socket.

One JSON object a line, one request at a time (docs/operating, the controller's
northbound). Requests:

    {"command": "apply", "id": DECISION_ID, "action": "drop_sources" |
     "rate_limit_sources" | "isolate_host" | "isolate_subnet" | "isolate_session" |
     "reroute", "sources": [ip...], "gateway": ip, "port": n, "known": [ip...],
     "ttl_ms": n, "source_port": n, "path": [{"port": n, "mac": text}...]}
    {"command": "release", "id": DECISION_ID}
    {"command": "status"}
    {"command": "lead"}

Replies carry the id: {"id", "ok": true, "state", "switches", "flows", "until_ns"} or
{"id", "ok": false, "error"}. In between come events, which answer nothing:
{"event": "ended", "id", "reason", "packets"}.
"""

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from airnet.act.actuator import Begun, Reconciled
from airnet.act.fastlane import ID_DIGITS, FastLane
from airnet.act.northbound import Line, Northbound
from airnet.clock import Clock, SystemClock
from airnet.domain.containment import Containment, State
from airnet.domain.decision import Action, Decision
from airnet.errors import ActuationError
from airnet.paths import Hop

NS_PER_MS, NS_PER_S = 1_000_000, 1_000_000_000
#: The most that a hard_timeout counts: 16 bits. What was decided for longer ends then.
SECONDS_MAX = 65_535
#: How an ending begins that nobody asked for: taken away by hand, or to make room.
EARLY = ("ended by the switch: lost", "ended by the switch: removed")

_ACTIONS = frozenset(
    {
        Action.DROP_SOURCES,
        Action.RATE_LIMIT_SOURCES,
        Action.ISOLATE_SESSION,
        Action.ISOLATE_HOST,
        Action.ISOLATE_SUBNET,
    }
)


class Ways(NamedTuple):
    """How containments get to the switches beside the usual way.

    `standby` are sockets of controllers that may lead in the first one's place; `lane`
    is the fast lane's socket; `paths` are the ports of second paths, by their names: a
    reroute is carried out by those.
    """

    standby: tuple[str, ...] = ()
    lane: str = ""
    paths: Mapping[str, Sequence[Hop]] = {}


def _nobody() -> Sequence[str]:
    return ()


class SdnActuator:
    """Puts network Decisions in force on the switches, by way of the controller.

    What is armed goes by the fast lane as well, a little earlier; whether it stands,
    the controller says.

    Args:
        socket_path: the controller's Unix socket.
        known: the addresses that must pass whatever stands: hosts of the site,
            protected things, clients of established sessions.
        timeout_ms: how long one request may take in all.
        clock: the time of command and acknowledgement.
        ways: other controllers, the fast lane, ways round.
    """

    name = "sdn"

    def __init__(
        self,
        socket_path: Path | str,
        *,
        known: Callable[[], Sequence[str]] = _nobody,
        timeout_ms: int = 1000,
        clock: Clock | None = None,
        ways: Ways | None = None,
    ) -> None:
        self._ways = ways or Ways()
        self._known = known
        self._clock = clock or SystemClock()
        paths = (str(socket_path), *self._ways.standby)
        self._controller = Northbound(paths, timeout_ms * NS_PER_MS, self._clock)
        self._lane = FastLane(self._ways.lane) if self._ways.lane else None
        self._early: dict[str, tuple[int, Line]] = {}

    def accepts(self, decision: Decision) -> bool:
        """Return whether this is an action of the network that switches can do."""
        if decision.action is Action.REROUTE:
            return bool(decision.gateway and self._hops(decision))
        if decision.action is Action.ISOLATE_SESSION:
            return decision.session is not None
        return decision.action in _ACTIONS

    def arm(self, decisions: Iterable[Decision]) -> int:
        """Have the fast lane ready for what may be decided; return how much is."""
        if self._lane is None:
            return 0
        known = sorted(set(self._known()))
        return self._lane.arm(
            [self._request(one, NS_PER_S, known) for one in decisions]
        )

    def arm_hosts(self, hosts: Iterable[str]) -> int:
        """Have the fast lane ready to isolate hosts; return how much is ready."""
        if self._lane is None:
            return 0
        plain: Line = {"command": "apply", "action": "isolate_host", "known": []}
        return self._lane.arm([plain | {"sources": [host]} for host in hosts])

    def arm_anybody(self, gateways: Iterable[str]) -> int:
        """Have the fast lane ready for strangers that flood a gateway.

        Return how much is ready in all.
        """
        if self._lane is None:
            return 0
        return self._lane.arm_anybody(Action.DROP_SOURCES.value, list(gateways))

    def rehearse(self) -> bool:
        """Go through a shot of the fast lane that hits nobody: the next is sooner.

        False where nothing is armed, so that there is nothing to go through.
        """
        return self._lane is not None and self._lane.rehearse()

    def begin(
        self, orders: Sequence[tuple[Decision, int]], closed: Callable[[], str]
    ) -> Begun:
        """Ask for several at once; `apply` then tells what came of each."""
        mine = [one for one in orders if self.accepts(one[0])]
        self._early.clear()
        if len(mine) < 2:
            return Begun()
        command_ns = self._clock.now_ns()
        known = sorted(set(self._known()))
        requests = [self._request(decision, ttl_ns, known) for decision, ttl_ns in mine]
        fired: set[str] = set()
        if self._lane is not None and not closed():
            seconds = [_seconds(ttl_ns) for _, ttl_ns in mine]
            shots = list(zip(requests, seconds, strict=True))
            fired = self._lane.fire_all(shots, lambda: known)
        found, left = self._controller.ask_all(requests, closed)
        good = {key: reply for key, reply in found.items() if reply.get("ok") is True}
        self._early = {key: (command_ns, reply) for key, reply in good.items()}
        # Refused is answered too, but what the lane did of it may stand.
        lost = fired | (left - set(found))
        return Begun(frozenset(good), frozenset(lost - set(good)))

    def apply(self, decision: Decision, ttl_ns: int) -> Containment:
        """Have the controller put `decision` on every switch it holds.

        Raises:
            ActuationError: refused, unreachable, or not answered in time; after a
                time-out it may be in force, until its hard timeout at the latest.
        """
        seconds = _seconds(ttl_ns)
        command_ns = self._clock.now_ns()
        early = self._early.pop(decision.id, None)
        self._controller.endings.pop(decision.id, None)  # of an attempt before
        is_fired = self._lane is not None and early is not None
        if early is not None:
            command_ns, reply = early
        else:
            what = self._what(decision)
            if self._lane is not None:  # before anything that can be done later
                is_fired = self._lane.fire(what, seconds, self._known)
            known = sorted(set(self._known()))
            request = self._request(decision, ttl_ns, known)
            reply = self._controller.ask(request, decision.id)
            if self._lane is not None and decision.action is Action.DROP_SOURCES:
                self._lane.learn(what)
        applied_ns = self._clock.now_ns()
        if reply.get("state") != "applied" or not reply.get("switches"):
            raise ActuationError(
                f"decision {decision.id}: the controller says state "
                f"{reply.get('state')!r} on switches {reply.get('switches')!r}",
                "see the controller's log",
            )
        fast = self._lane.confirmed() if self._lane and is_fired else ""
        if self._lane is not None:
            self._lane.tend()
        rounded = "" if seconds * NS_PER_S == ttl_ns else f", rounded up to {seconds} s"
        if seconds * NS_PER_S < ttl_ns:
            rounded = f", cut to {seconds} s"
        return Containment(
            decision_id=decision.id,
            actuator=self.name,
            state=State.APPLIED,
            command_ns=command_ns,
            applied_ns=applied_ns,
            # The controller's own end is on another clock; the switch counts from the
            # flow-mod, which is no later than its acknowledgement.
            until_ns=applied_ns + seconds * NS_PER_S,
            handle=decision.id,
            detail=f"{reply.get('flows', 0)} flow entries on switches "
            f"{_switches(reply)}; OpenFlow hard_timeout is whole seconds{rounded}"
            f"{'; ' if fast else ''}{fast}",
        )

    def recall(self, decision: Decision) -> None:
        """Have the fast lane end what it fired; the controller may not answer."""
        if self._lane is not None:
            self._lane.recall(decision.id)

    def release(self, containment: Containment) -> Containment:
        """Have the controller delete exactly what the Decision put anywhere.

        Raises:
            ActuationError: it may stand until its hard timeout.
        """
        handle = containment.handle or containment.decision_id
        if self._lane is not None:
            self._lane.release(handle)
        self._controller.ask({"command": "release", "id": handle}, handle)
        return containment

    def ended(self, containment: Containment) -> str:
        """Return how the switches ended it, "" while they have not said so.

        Raises:
            ActuationError: the connection is gone.
        """
        for _ in range(2):
            for name in (containment.handle, containment.handle[:ID_DIGITS]):
                told = self._controller.endings.pop(name, "")
                if told:
                    return told
            self._controller.poll()
        return ""

    def heralds(self) -> Mapping[str, str]:
        """Return what switches were found to hold no longer, before its time."""
        with contextlib.suppress(ActuationError):  # whoever asks next says so
            self._controller.poll()
        return {
            name[:ID_DIGITS]: told
            for name, told in self._controller.endings.items()
            if told.startswith(EARLY)
        }

    def reconcile(self, wanted: Sequence[tuple[Decision, Containment]]) -> Reconciled:
        """Adopt what of `wanted` stands on the switches; take away all else of ours.

        Raises:
            ActuationError: no controller that leads could be asked.
        """
        if self._ways.standby:  # a standby knows nothing of what stands
            self._controller.ask({"command": "lead"}, "")
        told = self.status().get("containments")
        lines = told if isinstance(told, list) else []
        standing = {str(line["id"])[:ID_DIGITS]: str(line["id"]) for line in lines}
        ids = {decision.id[:ID_DIGITS] for decision, _ in wanted}
        orphans = [name for key, name in standing.items() if key not in ids]
        for name in orphans:
            self._controller.ask({"command": "release", "id": name}, name)
        missing = tuple(
            decision.id
            for decision, _ in wanted
            if decision.id[:ID_DIGITS] not in standing
        )
        return Reconciled(missing=missing, orphans=len(orphans))

    def status(self) -> Line:
        """Return the controller's own account of switches and containments.

        Raises:
            ActuationError: no answer in time.
        """
        return self._controller.ask({"command": "status"}, "")

    def close(self) -> None:
        """Let go of the connections."""
        self._controller.close()
        if self._lane is not None:
            self._lane.close()

    def _request(self, decision: Decision, ttl_ns: int, known: list[str]) -> Line:
        """Return what the controller is asked."""
        ttl_ms = min(-(-ttl_ns // NS_PER_MS), SECONDS_MAX * 1000)
        late: Line = {"known": known, "ttl_ms": ttl_ms}
        return self._what(decision) | late

    def _what(self, decision: Decision) -> Line:
        """Return what is asked, but for how long and who is known."""
        is_limit = decision.action is Action.RATE_LIMIT_SOURCES
        request: Line = {
            "command": "apply",
            "id": decision.id,
            "action": decision.action.value,
            "sources": [] if is_limit else list(decision.target),
            "gateway": decision.gateway,
            # A stranger's other ports are no better: only a limit is narrowed.
            "port": decision.port if is_limit else 0,
        }
        session = decision.session
        if decision.action is Action.ISOLATE_SESSION and session is not None:
            request |= {
                "sources": [session.client],
                "source_port": session.client_port,
                "gateway": session.gateway,
                "port": session.gateway_port,
            }
        if decision.action is Action.REROUTE:
            # Everything that goes to that gateway: not only those the target names.
            path = [{"port": hop.port, "mac": hop.mac} for hop in self._hops(decision)]
            request |= {"sources": [], "port": 0, "path": path}
        return request

    def _hops(self, decision: Decision) -> Sequence[Hop]:
        """Return the ports of the path that a reroute names."""
        return self._ways.paths.get(decision.target[0] if decision.target else "", ())


def _seconds(ttl_ns: int) -> int:
    """Return for how many whole seconds a rule stands; never longer than it can."""
    return min(max(1, -(-ttl_ns // NS_PER_S)), SECONDS_MAX)


def _switches(reply: Line) -> str:
    switches = reply.get("switches")
    if isinstance(switches, list):
        return ", ".join(str(switch) for switch in switches)
    return str(switches)
