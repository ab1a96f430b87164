"""Reflex: the fast lane, for a Decision that a rule of this host's kernel carries out.

Called by who decides, in its own thread, before anything slower: intent, then rule.
The ledger gets both from the hands, a disk's time later.
"""

from collections.abc import Iterator

import msgspec

from airnet.act.actuator import Actuator
from airnet.act.intentlog import IntentLog
from airnet.domain.containment import Containment
from airnet.domain.decision import Action, Decision, Mode
from airnet.domain.verdict import Verdict
from airnet.errors import ActuationError

#: What may be done before anything is asked: of strangers. What cuts a session waits
#: until its orders are known to be gone, and that takes longer than a disk.
REFLEXES = frozenset({Action.DROP_SOURCES, Action.RATE_LIMIT_SOURCES})


class Reflex:
    """Carries out what it can at once; everything else takes the ordinary way.

    Args:
        actuator: whose effect lasts no longer than `intents`; never one that waits.
        intents: kept before the actuator is asked.
    """

    def __init__(self, actuator: Actuator, intents: IntentLog) -> None:
        self._actuator = actuator
        self._intents = intents
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
        ttl_ns = decision.until_ns - decision.t_ns
        try:
            standing = self._actuator.apply(decision, ttl_ns)
        except ActuationError:
            self._intents.settle(1)
            return None
        self.acted += 1
        return standing


def intended(intents: IntentLog) -> Iterator[tuple[Decision, Verdict | None]]:
    """Return what an earlier process intended and did not bring into the ledger."""
    for text in intents.pending():
        yield msgspec.json.decode(text, type=tuple[Decision, Verdict | None])
