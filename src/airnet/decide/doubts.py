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
from airnet.decide.policy import NS_PER_MS, Policy, Resigned
from airnet.decide.streaks import Episodes
from airnet.domain.decision import (
    PASSIVE,
    Action,
    Decision,
    Mode,
    TargetType,
)
from airnet.domain.drift import CHOSEN, Drift, DriftKind
from airnet.domain.session import SessionName
from airnet.domain.verdict import Cause
from airnet.domain.window import KINDS, WINDOW_GATEWAY

RULE = "drift."
#: Of a drift that came with a fault: it raises no doubt.
SUSPICION = "suspicion."
#: Of a drift in a scope that a person has signed for later than this: the same.
SIGNED = "signed."
#: Sessions in doubt that are remembered, more than can be tracked at once.
DOUBTS_MAX = 16_384
#: What begins so soon after a session changed its habits is one story with the change.
COINCIDENT_NS = 5_000_000_000

_WORDS = {
    DriftKind.POPULATION: "{scope} windows are no longer distributed as in training",
    DriftKind.SCOPE: "session {scope} is no longer what it was at first",
    DriftKind.SEQUENTIAL: "what the model makes of session {scope} has crept away",
    DriftKind.NEW_PEER: "the site file knows no session {scope}",
    DriftKind.NEW_TEMPLATE: "session {scope} sends orders with tags in an order that "
    "was never seen from it",
    DriftKind.NEW_VERSION: "session {scope} logged on with another version",
    DriftKind.UNSIGNED_VERSION: "nobody signed what session {scope} runs",
    DriftKind.NEW_FEED: "market data comes on a channel that was never seen: {scope}",
}

#: A session's CompID and its host; or the word for a kind of window, and nothing: so
#: no CompID, whatever it says, is a kind.
Scope = tuple[str, str]


class Doubt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Since when a scope is in doubt, and what raised it."""

    since_ns: int
    kind: DriftKind


class Doubts:
    """Which scopes are in doubt, since when.

    A scope is a session's CompID at its host, or a kind of window: everything that
    such windows can lead to. Who uses a CompID elsewhere lowers nobody's autonomy but
    its own. And who changes its habits while it is under suspicion does not get out
    of it that way: what was ordered of it lately, or is beginning, makes the change
    evidence, and no doubt.
    """

    def __init__(self, policy: Policy) -> None:
        latest = sorted(policy.resigned, key=lambda one: one.at_ns)
        self._resigned = {one.scope: one for one in latest}
        self._is_lowering = policy.drift.lowers
        self._cooldown_ns = policy.hysteresis.cooldown_ms * NS_PER_MS
        self._doubts: dict[Scope, Doubt] = {}
        self._suspected_ns: dict[Scope, int] = {}
        self._told = Episodes()

    def hear(self, drift: Drift, *, is_suspect: bool = False) -> list[Decision]:
        """Take note of a drift; return the alert that says so, once.

        What a person has signed is said all the same: only the lowering hangs on that.
        `is_suspect`: something is brewing about that session already.
        """
        scope = _scope(drift)
        by = self._signed_by(scope)
        if scope in self._doubts:
            return []
        if by is not None and drift.t_ns <= by.at_ns:
            signed = (SIGNED, drift.kind.value, *scope)
            if not self._told.begins(signed, drift.t_ns, self._cooldown_ns):
                return []
            done = f"{by.by} has signed it, so its autonomy stays as it is"
            return [_alert(drift, scope, SIGNED, done)]
        if _is_said_only(drift.kind, drift.window_kind):
            return [_alert(drift, scope, RULE, "policy leaves its autonomy as it is")]
        until_ns = self._suspected_ns.get(scope, 0)
        if drift.session and (is_suspect or drift.t_ns <= until_ns):
            key = (drift.kind.value, *scope)
            if not self._told.begins(key, drift.t_ns, self._cooldown_ns):
                return []
            done = "it does so under suspicion, so its autonomy stays as it is"
            return [_alert(drift, scope, SUSPICION, done)]
        self._doubts[scope] = Doubt(since_ns=drift.t_ns, kind=drift.kind)
        _bound(self._doubts)
        done = "policy leaves its autonomy as it is"
        if self._is_lowering:
            done = "nothing is enforced there until a person has signed it again"
        return [_alert(drift, scope, RULE, done)]

    def recover(self, decisions: Iterable[Decision]) -> list[Resigned]:
        """Take up the doubts of an earlier run: its alerts, as the ledger has them.

        Returns who ended which of them by signing its scope again.
        """
        ended: dict[str, Resigned] = {}
        for decision in decisions:
            if not decision.rule.startswith(RULE):
                continue
            kind = DriftKind(decision.rule.removeprefix(RULE))
            if _is_said_only(kind, decision.window_kind):
                continue
            scope = (decision.target[0], "") if decision.target else ("", "")
            if decision.session is not None:
                scope = _of(decision.session)
            by = self._signed_by(scope)
            if by is None or decision.t_ns > by.at_ns:
                doubt = Doubt(since_ns=decision.t_ns, kind=kind)
                self._doubts.setdefault(scope, doubt)
            else:
                ended[by.scope] = by
        return list(ended.values())

    def lower(self, decision: Decision) -> Decision:
        """Return the Decision, in shadow if its scope is in doubt."""
        reason = self._reason(decision)
        if decision.mode is Mode.SHADOW or not reason:
            return decision
        why = f"{decision.why} {reason}"
        return msgspec.structs.replace(decision, mode=Mode.SHADOW, why=why)

    def suspect(self, decision: Decision) -> None:
        """Remember of whom something was ordered, in whatever mode, and until when."""
        if decision.session is None or decision.action in PASSIVE:
            return
        until_ns = decision.until_ns + self._cooldown_ns
        self._suspected_ns[_of(decision.session)] = until_ns
        _bound(self._suspected_ns)

    def _signed_by(self, scope: Scope) -> Resigned | None:
        """Return who signed a scope again last.

        A session is signed by its CompID, or as COMPID@HOST; one whose CompID is the
        word for a kind of window only so.
        """
        word, host = scope
        names = [scope_text(scope)]
        if host and word not in KINDS.values():
            names.append(word)
        found = [self._resigned[name] for name in names if name in self._resigned]
        return max(found, key=lambda one: one.at_ns, default=None)

    def _reason(self, decision: Decision) -> str:
        """Return why the Decision stays in shadow, a sentence; "" where none is."""
        if not self._is_lowering or not self._doubts:
            return ""
        scopes = [(KINDS[decision.window_kind], "")]
        if decision.session is not None:
            scopes.append(_of(decision.session))
        for scope in scopes:
            doubt = self._doubts.get(scope)
            if doubt is None or _is_one_story(doubt, decision):
                continue
            return (
                f"It stays in shadow: {scope[0]} drifted at {doubt.since_ns} ns and "
                "nobody has signed it again."
            )
        return ""

    def state(self) -> tuple[object, ...]:
        """Return everything remembered, oldest first, as a value."""
        return (
            tuple(self._doubts.items()),
            tuple(self._suspected_ns.items()),
            self._told.state(),
        )

    @property
    def scopes(self) -> dict[str, Doubt]:
        """The scopes in doubt, as the policy's `resigned` names them."""
        return {scope_text(scope): doubt for scope, doubt in self._doubts.items()}

    @property
    def count(self) -> int:
        """How many scopes are in doubt."""
        return len(self._doubts)


def _is_said_only(kind: DriftKind, window_kind: int) -> bool:
    """Return whether a drift lowers nothing: strangers may bring it about."""
    return kind is DriftKind.POPULATION and window_kind == WINDOW_GATEWAY


def scope_text(scope: Scope) -> str:
    """Return a scope as the policy's `resigned` names it."""
    word, host = scope
    return f"{word}@{host}" if host else word


def _is_one_story(doubt: Doubt, decision: Decision) -> bool:
    """Return whether a change of habits came with the fault, not before it."""
    is_before = decision.first_ns > doubt.since_ns + COINCIDENT_NS
    return doubt.kind in CHOSEN and not is_before


def _of(name: SessionName) -> Scope:
    return (name.client_comp, name.client)


def _scope(drift: Drift) -> Scope:
    if drift.session is not None:
        return _of(drift.session)
    return (drift.about or KINDS[drift.window_kind], "")


def _bound(remembered: "dict[Scope, Doubt] | dict[Scope, int]") -> None:
    """Forget the oldest of too many."""
    if len(remembered) > DOUBTS_MAX:
        del remembered[next(iter(remembered))]


def _alert(drift: Drift, scope: Scope, prefix: str, done: str) -> Decision:
    """Return what is said of a drift."""
    word = scope[0] or "without CompID"
    said = _WORDS[drift.kind].format(scope=word)
    moved = ""
    if drift.feature:
        moved = f" ({drift.feature}: {drift.measured} against a limit of {drift.limit})"
    elif drift.session is not None and drift.about:
        moved = f" ({drift.about})"
    text = f"{said}{moved}; {done}."
    alert = Decision(
        id="",
        t_ns=drift.t_ns,
        cause=Cause.UNKNOWN,
        tier=TIERS[Action.ALERT],
        action=Action.ALERT,
        target_type=TargetType.SESSION if drift.session else TargetType.HOST,
        target=(scope[0] or scope[1],),
        until_ns=0,
        mode=Mode.SHADOW,
        rule=f"{prefix}{drift.kind.value}",
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
