"""Refusals: what a containment of our own makes a gateway answer, and for how long.

Whoever may send no new order is refused, by us. That is no evidence against him: while
what refuses stands, and until a window has forgotten it, refusals alone neither begin
nor prolong anything. Who sends more than his own past goes on with what he was stopped
for, refused or not, and counts as ever. What is ordered in shadow refuses nobody, and
is weighed the same: the mode changes no Decision.
"""

from airnet.decide import likeness
from airnet.decide.enough import OF_REFUSALS
from airnet.decide.findings import Finding
from airnet.decide.policy import NS_PER_MS, WINDOW_KINDS, Policy
from airnet.decide.stands import STANDS_MAX
from airnet.domain.decision import Action, Decision
from airnet.domain.session import SessionName
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import WINDOW_SESSION, WINDOW_VENUE

#: What makes an order gateway refuse: new orders, or changes of what it cancelled.
REFUSING = frozenset(
    {Action.THROTTLE_SESSION, Action.CANCEL_ORDERS, Action.DISABLE_SESSION}
)
#: The features that count refusals (airnet.features.schema).
FEATURES = frozenset({"rejects", "retries", "reject_share"})
#: The longest of their memories is a mean of 10 s. A hundredth of it is left then: of
#: 150 orders refused again each second, less than the 1.5 that a rule takes for many.
SEEN_NS = 46_000_000_000
#: A gateway refuses sooner than it matches, and its quickest answer is what is usual of
#: it. When nothing is refused any more all are slower, until that is learned: a minute
#: (WINDOW_RISEN_NS in ext/window_venue.h), and the batches that are full by then.
ANSWERS_NS = 90_000_000_000
ANSWERS_RULE, ANSWERS_FEATURE = "venue.ack_rise_us", "ack_rise_us"
#: Two names of each target that can stand, and of its gateway.
REFUSED_MAX = 3 * STANDS_MAX

Name = tuple[str, str, int]


class Refusals:
    """Until when what we ordered makes each session's orders be refused.

    Args:
        policy: its own limits, some of which may count refusals.
    """

    def __init__(self, policy: Policy) -> None:
        self._rules = OF_REFUSALS | {
            rule.name
            for rule in policy.rules
            if rule.feature in FEATURES and WINDOW_KINDS[rule.window] == WINDOW_SESSION
        }
        self._answers = {ANSWERS_RULE} | {
            rule.name
            for rule in policy.rules
            if rule.feature == ANSWERS_FEATURE
            and WINDOW_KINDS[rule.window] == WINDOW_VENUE
        }
        self._until_ns: dict[Name, int] = {}

    def note(self, decision: Decision) -> None:
        """Count what was ordered, unless people must agree to it first."""
        session = decision.session
        if session is None or decision.action not in REFUSING:
            return
        if decision.approvals_needed:
            return
        venue = _venue(session.gateway, session.gateway_port)
        for name in (*_names(session), venue):
            until_ns = max(self._until_ns.pop(name, 0), decision.until_ns)
            self._until_ns[name] = until_ns
        while len(self._until_ns) > REFUSED_MAX:
            del self._until_ns[next(iter(self._until_ns))]

    def left_ns(
        self, verdict: Verdict, finding: Finding, feature: likeness.Feature
    ) -> int:
        """Return how long what a window shows may be no more than what we made.

        0 where it is more: another limit, or a rate above the session's own past. Of a
        gateway, how long its answers may seem slow for ours that were quick.
        """
        session = verdict.session
        if finding.cause is Cause.VENUE_FAULT and finding.rule in self._answers:
            until_ns = self._until_ns.get(_venue(verdict.address, verdict.port), 0)
            return max(0, until_ns + ANSWERS_NS - verdict.close_ns) if until_ns else 0
        if session is None or finding.cause is not Cause.ALGO_FAULT:
            return 0
        if finding.rule not in self._rules or not self._until_ns:
            return 0
        until_ns = max(self._until_ns.get(name, 0) for name in _names(session))
        left_ns = until_ns + SEEN_NS - verdict.close_ns
        return 0 if left_ns <= 0 or likeness.is_risen(feature) else left_ns

    def state(self) -> tuple[tuple[Name, int], ...]:
        """Return everything remembered, oldest first, as a value."""
        return tuple(self._until_ns.items())


def refused_words(cause: Cause, left_ns: int) -> str:
    """Return why refusals are no evidence now, of whoever refuses or is refused."""
    if cause is Cause.VENUE_FAULT:
        return (
            "a gateway refuses sooner than it matches, airnet itself has had orders "
            "refused there, and its other answers may seem slow for "
            f"{left_ns // NS_PER_MS} ms more: that is no evidence of a fault"
        )
    return (
        "refusals of orders that airnet itself has stopped are no evidence, and for "
        f"{left_ns // NS_PER_MS} ms more they may be that: it is no faster than ever"
    )


def _venue(gateway: str, port: int) -> Name:
    return (f"at {gateway}", "", port)


def _names(session: SessionName) -> tuple[Name, ...]:
    """Return by what a gateway stops a session: who connects, and who he says he is.

    A session that logs on again, from another port, is stopped as before.
    """
    by_client = (session.client, session.gateway, session.client_port)
    if not session.client_comp:
        return (by_client,)
    by_comp = (f"comp {session.client_comp}", session.gateway, session.gateway_port)
    return by_client, by_comp
