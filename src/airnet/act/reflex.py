"""Reflex: the fast lane, for a Decision that a rule of this host's kernel carries out.

Called by who decides, in its own thread, before anything slower: intent, then rule.
The ledger gets both from the hands, a disk's time later. What was foreseen is in force
already when the Decision is made (`Trigger`): then it takes over what it finds.
"""

import contextlib
from collections.abc import Iterator

import msgspec

from airnet._ext.reflex import WHY, Arms
from airnet.act.actuator import Actuator
from airnet.act.guard import GuardActuator, decision_number
from airnet.act.intentlog import IntentLog
from airnet.act.intents import Order
from airnet.act.shot import Order as Foreseen, Shot, Slot
from airnet.act.vetoes import Vetoes
from airnet.domain.containment import Containment, State
from airnet.domain.decision import Action, Decision, Mode
from airnet.domain.verdict import Verdict
from airnet.errors import ActuationError

#: What may be done before anything is asked: of strangers. What cuts a session waits
#: until its orders are known to be gone, and that takes longer than a disk.
REFLEXES = frozenset({Action.DROP_SOURCES, Action.RATE_LIMIT_SOURCES})
#: Of so many shots it is remembered what became of them.
FATES_MAX = 64
TAKEN_BACK = "taken back"
#: Said of what a person ends before anybody has decided it.
UNDECIDED = "Done as foreseen; a person ended it before it was decided."
#: Made while there is one thread: two that meet a type first at once crash msgspec.
_SEEN = msgspec.json.Decoder(tuple[Decision, Verdict | None])


class Trigger:
    """What fires in C, and what becomes of it.

    Args:
        arms: what is foreseen, and what was done of it last.
        actuator: whose rules it writes.
        slot: where it leaves its intent.
    """

    def __init__(self, arms: Arms, actuator: GuardActuator, slot: Slot) -> None:
        self.arms = arms
        self.confirmed = self.withdrawn = 0
        self.vetoes = Vetoes()
        self._last: Shot | None = None  # that was confirmed
        #: What became of each shot: the Decision that took it over, or by which it is
        #: recorded that a person ended it. Who comes first says; any thread may.
        self._fates: dict[tuple[int, int], str] = {}
        #: What a person has ended, and whether that is on record.
        self._ended: Shot | None = None
        self._is_recorded = False
        self._actuator = actuator
        self._slot = slot

    def order(self, decision: Decision | None) -> Foreseen | None:
        """Return what C needs to carry out a foreseen Decision; None: it may not."""
        if decision is None or decision.action not in REFLEXES:
            return None
        if not self._actuator.accepts(decision) or self.vetoes.touches(decision):
            return None
        number, ttl_ns = decision_number(decision.id), decision.until_ns - decision.t_ns
        rule = self._actuator.rule(decision, ttl_ns, number)
        text = msgspec.json.encode(decision)
        return Foreseen(number, ttl_ns, rule.interval_ns, rule.slack_ns, text)

    def shot(self) -> Shot | None:
        """Return what was done and is not confirmed."""
        found = self.arms.shot
        return None if found is None else Shot(*found)

    def confirms(self, decision: Decision) -> Shot | None:
        """Return what was done, where a Decision orders the very same."""
        shot = self.shot()
        if shot is None or not self._actuator.is_of(decision, shot):
            return None
        return shot if self._decide(shot, decision.id) else None

    def confirm(self, decision: Decision, shot: Shot) -> Containment:
        """Let a Decision, whose intent lies in the log, take over what was done.

        Raises:
            ActuationError: not all of it is there; nothing of it stands then.
        """
        try:
            standing = self._actuator.adopt(decision, shot)
        finally:
            self.arms.forget()
        self.confirmed += 1
        self._last = shot
        return standing

    def told(self, decision: Decision) -> dict[str, object]:
        """Return how a Decision came about, for the log.

        Done in advance, or why not; by CLOCK_MONOTONIC when its window was looked at,
        and since when it holds. Empty where no hard rule of a gateway was broken.
        """
        shot = self._last
        if shot is not None and shot.close_ns == decision.t_ns:
            return {
                "foreseen": "done",
                "looked_mono_ns": shot.begun_ns,
                "done_mono_ns": shot.done_ns,
            }
        close_ns, looked_ns, why = self.arms.left
        if close_ns != decision.t_ns:
            return {}
        return {"foreseen": WHY[why], "looked_mono_ns": looked_ns}

    def withdraw(self, intents: IntentLog, why: str) -> Order | None:
        """Take back what nobody confirmed; return what is to be recorded of it.

        None where nothing is to be withdrawn, or its intent cannot be kept but where
        it lies: then it stays there, and no other is done.
        """
        shot, pending = self.shot(), self._slot.pending()
        if shot is None or pending is None or not self._decide(shot, TAKEN_BACK):
            return None
        self.withdrawn += 1
        detail = why
        try:
            self._actuator.withdraw(shot)
        except ActuationError as error:
            detail = f"{why}; {error.what}"
        decision = shot.decision(
            pending[0], f"Done as foreseen, and taken back: {why}."
        )
        if not intents.write(msgspec.json.encode((decision, None))):
            self.arms.hold()
            return None
        self.arms.forget()
        undone = Containment(
            decision_id=decision.id,
            actuator=self._actuator.name,
            state=State.ROLLED_BACK,
            command_ns=shot.close_ns,
            applied_ns=shot.close_ns,
            until_ns=shot.close_ns,
            handle=decision.id,
            detail=detail,
        )
        return Order(decision, None, undone)

    def is_undone(self) -> bool:
        """Return whether a person has ended what is not confirmed. For the lane.

        Its rules may have been on their way when he did; its intent is not needed any
        more as soon as that is on record.
        """
        shot = self.shot()
        if shot is None or self._fates.get(_key(shot), TAKEN_BACK) == TAKEN_BACK:
            return False
        self._end(shot)
        if self._is_recorded:
            self._ended, self._is_recorded = None, False
            self.arms.forget()
        return True

    @property
    def has_undone(self) -> bool:
        """Whether there is something left of what a person ended."""
        return self._ended is not None

    # ---- what people undo: for the hands (airnet.act.underway.Foreseen) ----

    def became(self, identity: str) -> str:
        """Return which Decision an id, of what was done in advance, became."""
        for (number, _), fate in reversed(list(self._fates.items())):
            if _name(number) == identity:
                return fate
        return ""

    def pending(self) -> tuple[str, Order] | None:
        """Return what was done and nobody has decided, taken back or undone yet.

        By the id that its rules bear.
        """
        found = self._slot.pending()
        if found is None or _key(found[1]) in self._fates:
            return None
        decision = found[1].decision(found[0], UNDECIDED)
        detail = "done as foreseen, not decided yet"
        standing = self._actuator.standing_of(decision, found[1], detail)
        return _name(found[1].number), Order(decision, None, standing)

    def claim(self, order: Order) -> bool:
        """Have it be the hands' to end; False: another came first."""
        found = self._slot.pending()
        if (
            found is None
            or found[1].decision(found[0], UNDECIDED).id != order.decision.id
        ):
            return False
        if not self._decide(found[1], order.decision.id):
            return False
        self._ended, self._is_recorded = found[1], False
        return True

    def end(self) -> None:
        """Take back what was claimed; `tidy` does it again, until the lane has seen."""
        if self._ended is not None:
            self._end(self._ended)

    tidy = end

    def recorded(self) -> None:
        """Say that it is on record, durable: its intent may be forgotten."""
        self._is_recorded = True

    def _end(self, shot: Shot) -> None:
        with contextlib.suppress(ActuationError):  # its rules end by themselves
            self._actuator.withdraw(shot)

    def _decide(self, shot: Shot, fate: str) -> bool:
        """Say what becomes of a shot; return whether nobody has said otherwise."""
        found = self._fates.setdefault(_key(shot), fate)  # one step, for any thread
        if len(self._fates) > FATES_MAX:
            oldest, *_ = tuple(self._fates)  # one step as well
            self._fates.pop(oldest, None)
        return found == fate


def _name(number: int) -> str:
    return f"{number:016x}"


def _key(shot: Shot) -> tuple[int, int]:
    return shot.number, shot.begun_ns


class Reflex:
    """Carries out what it can at once; everything else takes the ordinary way.

    Args:
        actuator: whose effect lasts no longer than `intents`; never one that waits.
        intents: kept before the actuator is asked.
        trigger: what may have done it already.
    """

    def __init__(
        self, actuator: Actuator, intents: IntentLog, trigger: Trigger | None = None
    ) -> None:
        self._actuator = actuator
        self._intents = intents
        self._trigger = trigger
        self.acted = 0

    def act(self, decision: Decision, verdict: Verdict | None) -> Containment | None:
        """Return what stands of a Decision now; None: the ordinary way is to be taken.

        Also when the actuator failed: applying is idempotent, and that way takes back
        what it cannot be sure of.
        """
        if decision.mode is not Mode.ENFORCE or decision.action not in REFLEXES:
            return None
        if not self._actuator.accepts(decision):
            return None
        if not self._intents.write(msgspec.json.encode((decision, verdict))):
            return None
        try:
            standing = self._apply(decision)
        except ActuationError:
            self._intents.settle(1)
            return None
        self.acted += 1
        return standing

    def _apply(self, decision: Decision) -> Containment:
        """Put it in force, or find that it is."""
        shot = self._trigger.confirms(decision) if self._trigger is not None else None
        if self._trigger is not None and shot is not None:
            with contextlib.suppress(ActuationError):  # then it is done as ever
                return self._trigger.confirm(decision, shot)
        return self._actuator.apply(decision, decision.until_ns - decision.t_ns)


def intended(intents: IntentLog) -> Iterator[tuple[Decision, Verdict | None]]:
    """Return what an earlier process intended and did not bring into the ledger."""
    for text in intents.pending():
        yield _SEEN.decode(text)
