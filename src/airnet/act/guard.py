"""GuardActuator: network Decisions as rules of the XDP guard on this host's port.

The fastest way there is where the guard is on the path: one write into the kernel, in
force with the next frame. A rule ends by itself, in the kernel; nothing renews it.
"""

import contextlib
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec

from airnet.act.actuator import Reconciled
from airnet.act.guardplaces import places_of
from airnet.act.shot import Shot
from airnet.act.unread import Place, Unread, covers
from airnet.clock import Clock
from airnet.domain.address import address_bytes, address_text
from airnet.domain.containment import Containment, State
from airnet.domain.decision import Action, Decision
from airnet.errors import ActuationError, UnsupportedError
from airnet.kernel.guard import (
    KernelGuard,
    Rule,
    gateway_key,
    prefix_key,
    rate,
)
from airnet.kernel.tables import Table

_ACTIONS = frozenset(
    {Action.DROP_SOURCES, Action.RATE_LIMIT_SOURCES, Action.ISOLATE_SESSION}
)
#: Of what foresees nothing: a Decision is no shot.
_SLOW = frozenset({Action.ISOLATE_SESSION, Action.CONFINE_HOST})
#: Containments remembered for idempotence and for telling how they ended.
KNOWN_MAX = 4096


class Limit(NamedTuple):
    """What strangers may send to a gateway under flood, all together."""

    frames_per_second: int = 1000
    burst_frames: int = 100


class GuardActuator:
    """Puts network Decisions in force on one guarded interface.

    A key that another Decision holds is taken over only by what is at least as strict
    and lasts as long; undoing a Decision never undoes another's rule.

    Args:
        guard: the tables; it stays the caller's.
        clock: of command and acknowledgement, and CLOCK_MONOTONIC for the kernel.
        spared: asked with a source; what it says yes to is never held back.
        behind: gateways whose frames come in by this interface; none named: all.
        limit: for who is not known there.

    One thread may apply while another releases and looks at what ended.
    """

    name = "guard"

    def __init__(
        self,
        guard: KernelGuard,
        clock: Clock,
        *,
        spared: Callable[[str], bool] = lambda _: False,
        behind: Iterable[str] = (),
        limit: Limit | None = None,
    ) -> None:
        self._guard = guard
        self._clock = clock
        self._spared = spared
        self._behind = frozenset(address_bytes(address) for address in behind)
        self._limit = limit or Limit()
        self._unread = Unread(guard, clock.mono_ns)
        self._lock = threading.Lock()
        self._applied: dict[str, tuple[Containment, list[Place]]] = {}

    def accepts(self, decision: Decision) -> bool:
        """Return whether frames can tell what it is against, and they come by here."""
        if decision.action is Action.CONFINE_HOST:
            # A port in front of some gateways sees nothing of what goes elsewhere.
            return not self._behind and bool(decision.target)
        if decision.action not in _ACTIONS or not decision.gateway:
            return False
        return not self._behind or address_bytes(decision.gateway) in self._behind

    def apply(self, decision: Decision, ttl_ns: int) -> Containment:
        """Write the rules of `decision`, read them back, return what stands.

        Raises:
            ActuationError: a table is full or refused; nothing of it stands then.
        """
        command_ns, now_ns = self._clock.now_ns(), self._clock.mono_ns()
        number = decision_number(decision.id)
        known = self._applied.get(decision.id)
        if known is not None and known[0].until_ns > command_ns:
            return known[0]
        places = self._places(decision)
        if not places:
            raise ActuationError(
                f"decision {decision.id}: every source of it is spared",
                "see `protected` and the hosts in site.toml",
            )
        until_ns = now_ns + ttl_ns
        rule = self.rule(decision, until_ns, number)
        written: list[Place] = []
        try:
            packed = rule.packed()
            for place in places:
                if place.table.insert(place.key, packed):  # in force from here
                    written.append(place)
                else:
                    until_ns = min(until_ns, self._write(place, rule, written))
            self._require_enforced(decision.id, written, number)
            self._unread.cast(written, rule)
        except UnsupportedError as error:
            with contextlib.suppress(UnsupportedError):  # then they end by themselves
                self._take_back(written, number)
            raise ActuationError(
                f"decision {decision.id}: {error.what}",
                "rules end by themselves; see `airnet actions`",
            ) from error
        applied_ns = self._clock.now_ns()
        standing = Containment(
            decision_id=decision.id,
            actuator=self.name,
            state=State.APPLIED,
            command_ns=command_ns,
            applied_ns=applied_ns,
            until_ns=command_ns + until_ns - now_ns,
            handle=decision.id,
            detail=f"{len(written)} of {len(places)} rules written on "
            f"{self._guard.interface}",
        )
        self._note(decision.id, standing, places)
        return standing

    def places_of(self, shot: Shot) -> list[Place]:
        """Return where the rules of a shot are."""
        if shot.is_limit:
            key = gateway_key(address_text(shot.gateway), shot.port)
            return [Place(self._guard.gateways, key)]
        return [
            Place(self._guard.sources, prefix_key(address_text(source)))
            for source in shot.sources
        ]

    def is_of(self, decision: Decision, shot: Shot) -> bool:
        """Return whether a Decision orders exactly what a shot did already."""
        if not self.accepts(decision) or decision.action in _SLOW:
            return False
        wanted, done = self._places(decision), self.places_of(shot)
        ours = {(place.table.fd, place.key) for place in wanted}
        is_same = ours == {(place.table.fd, place.key) for place in done}
        return is_same and decision.until_ns - decision.t_ns == shot.ttl_ns

    def adopt(self, decision: Decision, shot: Shot) -> Containment:
        """Make a shot's rules those of the Decision that orders the same; as `apply`.

        Raises:
            ActuationError: one of them is not there, or nothing holds to it; nothing
                of it stands then.
        """
        places, number = self.places_of(shot), decision_number(decision.id)
        taken: list[Place] = []
        try:
            for place in places:
                ours = msgspec.structs.replace(
                    self._found(place, shot.number), decision=number
                )
                place.table.update(place.key, ours.packed())
                taken.append(place)
            self._require_enforced(decision.id, taken, number)
            self._unread.cast(taken, ours)
        except UnsupportedError as error:
            with contextlib.suppress(UnsupportedError):  # then they end by themselves
                self._take_back(taken, number)
                self._take_back(places, shot.number)
            raise ActuationError(
                f"decision {decision.id}: {error.what}",
                "rules end by themselves; see `airnet actions`",
            ) from error
        detail = (
            f"{len(taken)} of {len(places)} rules written on "
            f"{self._guard.interface}, as foreseen"
        )
        standing = self.standing_of(decision, shot, detail)
        self._note(decision.id, standing, places)
        return standing

    def standing_of(self, decision: Decision, shot: Shot, detail: str) -> Containment:
        """Return what stands of a shot, as that of a Decision."""
        offset_ns = self._clock.now_ns() - self._clock.mono_ns()
        return Containment(
            decision_id=decision.id,
            actuator=self.name,
            state=State.APPLIED,
            command_ns=shot.begun_ns + offset_ns,
            applied_ns=(shot.done_ns or shot.begun_ns) + offset_ns,
            until_ns=shot.until_ns + offset_ns,
            handle=decision.id,
            detail=detail,
        )

    def withdraw(self, shot: Shot) -> None:
        """Take a shot's rules back.

        Raises:
            ActuationError: one may stand, until its end at the latest.
        """
        try:
            self._take_back(self.places_of(shot), shot.number)
        except UnsupportedError as error:
            raise ActuationError(
                f"what was foreseen: {error.what}", "its rules end by themselves"
            ) from error

    def release(self, containment: Containment) -> Containment:
        """Take away exactly this Decision's rules; what has ended is gone already.

        Raises:
            ActuationError: a rule may stand, until its end at the latest.
        """
        number = decision_number(containment.decision_id)
        try:
            self._take_back(self._places_of(containment.decision_id), number)
        except UnsupportedError as error:
            raise ActuationError(
                f"decision {containment.decision_id}: {error.what}",
                "its rules end by themselves",
            ) from error
        with self._lock:
            self._applied.pop(containment.decision_id, None)
        return containment

    def reconcile(self, wanted: Sequence[tuple[Decision, Containment]]) -> Reconciled:
        """Do as the role says: every rule is one of `wanted`'s, or taken away.

        Raises:
            ActuationError: the tables cannot be read.
        """
        numbers = {decision_number(decision.id) for decision, _ in wanted}
        missing, orphans = [], 0
        try:
            self.sweep()
            for table in self._tables:
                for key, rule in self._guard.rules(table):
                    if rule.decision not in numbers:
                        orphans += table.delete(key)
            for decision, containment in wanted:
                places = self._places(decision)
                if any(self._at(place) is not None for place in places):
                    self._note(decision.id, containment, places)
                else:
                    missing.append(decision.id)
            self._unread.rebuild()
        except UnsupportedError as error:
            raise ActuationError(
                f"the guard's tables: {error.what}", "see `airnet doctor`"
            ) from error
        return Reconciled(tuple(missing), orphans)

    def ended(self, containment: Containment) -> str:
        """Return how it ended and what it held back, "" while a rule of it stands."""
        number, now_ns = (
            decision_number(containment.decision_id),
            self._clock.mono_ns(),
        )
        refused = 0
        for place in self._places_of(containment.decision_id):
            rule = self._at(place)
            if rule is None or rule.decision != number:
                continue
            if rule.until_ns > now_ns:
                return ""
            refused += rule.refused
        return f"ended by the guard: its time was over, {refused} frames refused"

    def sweep(self) -> int:
        """Take away rules that have ended; how many. They hold back nothing."""
        now_ns, count = self._clock.mono_ns(), 0
        for table in self._tables:
            for key, rule in self._guard.rules(table):
                if rule.until_ns <= now_ns:
                    count += table.delete(key)
        self._unread.sweep()
        return count

    def _require_enforced(
        self, decision_id: str, written: list[Place], number: int
    ) -> None:
        """Read back what was written, and whether anything holds to it.

        Raises:
            UnsupportedError: a rule is not there.
            ActuationError: the guard is off, or no longer on its interface; what was
                written is taken back.
        """
        for place in written:
            self._found(place, number)
        if self._guard.is_on and self._guard.is_attached:
            return
        self._take_back(written, number)
        where = f"decision {decision_id}: the guard on {self._guard.interface}"
        if not self._guard.is_on:
            raise ActuationError(f"{where} is switched off", "airnet guard on")
        raise ActuationError(
            f"{where} is no longer attached", "restart airnet to attach it again"
        )

    @property
    def _tables(self) -> tuple[Table, ...]:
        guard = self._guard
        return guard.sessions, guard.sources, guard.gateways, guard.confined

    def _places(self, decision: Decision) -> list[Place]:
        """Return where the rules of a Decision go; never where it is spared."""
        return places_of(self._guard, decision, self._spared)

    def rule(self, decision: Decision, until_ns: int, number: int) -> Rule:
        """Return the rule that each place of a Decision is given."""
        if decision.action is not Action.RATE_LIMIT_SOURCES:
            return Rule(until_ns=until_ns, decision=number)
        found = rate(*self._limit, until_ns)
        return Rule(
            until_ns=until_ns,
            interval_ns=found.interval_ns,
            slack_ns=found.slack_ns,
            decision=number,
        )

    def _write(self, place: Place, rule: Rule, written: list[Place]) -> int:
        """Write one rule where one is; return when that key's rule ends."""
        standing = self._at(place)
        if standing is not None and standing.until_ns > self._clock.mono_ns():
            is_ours = standing.decision == rule.decision
            if is_ours:
                written.append(place)
            if is_ours or not covers(rule, standing):
                return standing.until_ns
        place.table.update(place.key, rule.packed())
        written.append(place)
        return rule.until_ns

    def _found(self, place: Place, number: int) -> Rule:
        """Return the rule there of `number`, or raise UnsupportedError."""
        rule = self._at(place)
        if rule is None or rule.decision != number:
            raise UnsupportedError("a rule was not there when read back", "retry")
        return rule

    def _at(self, place: Place) -> Rule | None:
        return self._guard.rule(place.table, place.key)

    def _places_of(self, decision_id: str) -> list[Place]:
        """Return where a Decision's rules are: as remembered, or as found."""
        _, places = self._applied.get(decision_id, (None, []))
        return places or list(self._rules_of(decision_number(decision_id)))

    def _rules_of(self, number: int) -> Iterable[Place]:
        """Return where rules of a Decision are, also of one made before a restart."""
        for table in self._tables:
            for key in self._guard.rules_of(table, number):
                yield Place(table, key)

    def _take_back(self, places: Iterable[Place], number: int) -> None:
        for place in places:
            rule = self._at(place)
            if rule is not None and rule.decision == number:
                place.table.delete(place.key)
                self._unread.lift([place])

    def _note(self, key: str, standing: Containment, places: list[Place]) -> None:
        with self._lock:
            self._applied[key] = standing, places
            while len(self._applied) > KNOWN_MAX:
                del self._applied[next(iter(self._applied))]


def decision_number(decision_id: str) -> int:
    """Return the first eight bytes of a Decision's id (hex), as a number."""
    return int(decision_id[:16], 16)
