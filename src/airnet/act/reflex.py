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
        return shot

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
        if shot is None or pending is None:
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
