"""Doubts: in scopes that drifted nothing is done alone until a person has looked.

A doubt lowers a scope's autonomy to shadow: what would be ordered there is decided and
recorded as ever, and not sent. It ends when the policy says that a named person has
signed the scope again, later than the doubt was raised; so that the policy's hash, in
every record, says who answered for it.
"""

from collections.abc import Iterable

import msgspec

from airnet.decide import drafts
from airnet.decide.ladder import TIERS
from airnet.decide.policy import Policy
from airnet.domain.decision import Action, Decision, Mode, TargetType
from airnet.domain.drift import Drift, DriftKind
from airnet.domain.verdict import Cause
from airnet.domain.window import KINDS

RULE = "drift."
#: Sessions in doubt that are remembered, more than can be tracked at once.
DOUBTS_MAX = 16_384

_WORDS = {
    DriftKind.POPULATION: "{scope} windows are no longer distributed as in training",
    DriftKind.SCOPE: "session {scope} is no longer what it was at first",
    DriftKind.SEQUENTIAL: "what the model makes of session {scope} has crept away",
    DriftKind.NEW_PEER: "the site file knows no session {scope}",
}


class Doubts:
    """Which scopes are in doubt, since when.

    A scope is a session's CompID, or the word for a kind of window: everything that
    such windows can lead to.
    """

    def __init__(self, policy: Policy) -> None:
        self._resigned = {one.scope: one.at_ns for one in policy.resigned}
        self._is_lowering = policy.drift.lowers
        self._since_ns: dict[str, int] = {}

    def hear(self, drift: Drift) -> list[Decision]:
        """Take note of a drift; return the alert that says so, unless it was signed."""
        scope = _scope(drift)
        if drift.t_ns <= self._resigned.get(scope, 0) or scope in self._since_ns:
            return []
        self._since_ns[scope] = drift.t_ns
        if len(self._since_ns) > DOUBTS_MAX:
            del self._since_ns[next(iter(self._since_ns))]
        return [_alert(drift, scope, is_lowering=self._is_lowering)]

    def recover(self, decisions: Iterable[Decision]) -> None:
        """Take up the doubts of an earlier run: its alerts, as the ledger has them."""
        for decision in decisions:
            scope = decision.target[0] if decision.target else ""
            is_drift = decision.rule.startswith(RULE)
            if is_drift and decision.t_ns > self._resigned.get(scope, 0):
                self._since_ns.setdefault(scope, decision.t_ns)

    def lower(self, decision: Decision) -> Decision:
        """Return the Decision, in shadow if its scope is in doubt."""
        reason = self._reason(decision)
        if decision.mode is Mode.SHADOW or not reason:
            return decision
        why = f"{decision.why} {reason}"
        return msgspec.structs.replace(decision, mode=Mode.SHADOW, why=why)

    def _reason(self, decision: Decision) -> str:
        """Return why the Decision stays in shadow, a sentence; "" where none is."""
        if not self._is_lowering or not self._since_ns:
            return ""
        session = decision.session
        scopes = [KINDS[decision.window_kind]]
        if session is not None:
            scopes.append(session.client_comp)
        doubted = [scope for scope in scopes if scope in self._since_ns]
        if not doubted:
            return ""
        since_ns = self._since_ns[doubted[0]]
        return (
            f"It stays in shadow: {doubted[0]} drifted at {since_ns} ns and nobody has "
            "signed it again."
        )

    def state(self) -> tuple[tuple[str, int], ...]:
        """Return everything remembered, oldest first, as a value."""
        return tuple(self._since_ns.items())


def _scope(drift: Drift) -> str:
    if drift.session is None:
        return KINDS[drift.window_kind]
    return drift.session.client_comp


def _alert(drift: Drift, scope: str, *, is_lowering: bool) -> Decision:
    """Return what is said of a drift."""
    said = _WORDS[drift.kind].format(scope=scope or "without CompID")
    moved = ""
    if drift.feature:
        moved = f" ({drift.feature}: {drift.measured} against a limit of {drift.limit})"
    done = "nothing is enforced there until a person has signed it again"
    what = done if is_lowering else "policy leaves its autonomy as it is"
    text = f"{said}{moved}; {what}."
    alert = Decision(
        id="",
        t_ns=drift.t_ns,
        cause=Cause.UNKNOWN,
        tier=TIERS[Action.ALERT],
        action=Action.ALERT,
        target_type=TargetType.SESSION if drift.session else TargetType.HOST,
        target=(scope,),
        until_ns=0,
        mode=Mode.SHADOW,
        rule=f"{RULE}{drift.kind.value}",
        measured=drift.measured,
        limit=drift.limit,
        probability=1.0,
        why=text[:1].upper() + text[1:],
        first_ns=drift.t_ns,
        window_kind=drift.window_kind,
        subject=drift.subject,
        session=drift.session,
        gateway=drift.session.gateway if drift.session else "",
        port=drift.session.gateway_port if drift.session else 0,
    )
    return drafts.with_id(alert)
