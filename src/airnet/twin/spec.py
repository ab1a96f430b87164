"""Spec: what a scenario is and what must come of it, as data; Mark: one label of it."""

import msgspec

from airnet.domain.decision import PASSIVE, Action, TargetType, Tier
from airnet.domain.verdict import CONTAINABLE, Cause
from airnet.twin.scenario import Expectation, Label


class Mark(Label, frozen=True, kw_only=True):
    """A Label of a Plan: also which lines, how far, how grave, how hard.

    `number` is what rows and frames of the incident carry (from 1); `lines` are the
    culprits' rows in LINE; `tier` is the right answer's, `scope` what it aims at.
    `severity` is benign, mild, moderate or severe. `excess` is how many times the
    usual it is, in the unit `about` says.
    """

    number: int = 0
    lines: tuple[int, ...] = ()
    tier: Tier = Tier.OBSERVE
    scope: TargetType | None = None
    severity: str = "benign"
    excess: float = 1.0

    @property
    def is_benign(self) -> bool:
        """Whether nothing may be done about it but look."""
        return self.action in PASSIVE


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """What a scenario is: the Cause, the right answer, how soon, how grave.

    `axis` says what difficulty 0..1 does. A held-out mechanism is for reports alone:
    nothing is trained or tuned on it. `duration_s` is the shortest that shows it.
    """

    cause: Cause
    action: Action = Action.OBSERVE
    tier: Tier = Tier.OBSERVE
    tier_max: Tier = Tier.OBSERVE
    scope: TargetType | None = None
    within_ms: int = 0
    severity: str = "benign"
    axis: str
    is_held_out: bool = False
    duration_s: float = 20.0

    @property
    def is_benign(self) -> bool:
        """Whether nothing in it may be contained."""
        return self.cause not in CONTAINABLE

    @property
    def expectation(self) -> Expectation:
        """Return what must come of it."""
        return Expectation(
            cause=self.cause,
            action=self.action,
            tier_max=self.tier_max,
            within_ms=self.within_ms,
        )


def normal(axis: str, *, is_held_out: bool = False, duration_s: float = 20.0) -> Spec:
    """Return the Spec of an ordinary day that looks odd."""
    return Spec(
        cause=Cause.NORMAL, axis=axis, is_held_out=is_held_out, duration_s=duration_s
    )


def volatility(axis: str, *, is_held_out: bool = False) -> Spec:
    """Return the Spec of a legitimate burst."""
    return Spec(cause=Cause.VOLATILITY, axis=axis, is_held_out=is_held_out)


def watched(cause: Cause, axis: str, within_ms: int = 2000, **more: bool) -> Spec:
    """Return the Spec of what must be told, and may not be acted upon."""
    action = Action.EVIDENCE if cause is Cause.UNKNOWN else Action.ALERT
    return Spec(
        cause=cause,
        action=action,
        tier_max=Tier.EVIDENCE,
        within_ms=within_ms,
        axis=axis,
        is_held_out=more.get("is_held_out", False),
    )


def algorithm(axis: str, severity: str, within_ms: int = 1000, **more: bool) -> Spec:
    """Return the Spec of an algorithm that fails: its new orders are throttled."""
    return Spec(
        cause=Cause.ALGO_FAULT,
        action=Action.THROTTLE_SESSION,
        tier=Tier.LIMIT_ALGO,
        tier_max=Tier.KILL_ALGO,
        scope=TargetType.SESSION,
        within_ms=within_ms,
        severity=severity,
        axis=axis,
        is_held_out=more.get("is_held_out", False),
    )


def flooding(axis: str, severity: str, within_ms: int = 1000, **more: bool) -> Spec:
    """Return the Spec of a flood; without `spoofed`, its sources can be dropped."""
    spoofed = more.get("spoofed", False)
    return Spec(
        cause=Cause.FLOOD,
        action=Action.RATE_LIMIT_SOURCES if spoofed else Action.DROP_SOURCES,
        tier=Tier.PROTECT,
        tier_max=Tier.PROTECT,
        scope=TargetType.GATEWAY if spoofed else TargetType.SOURCE,
        within_ms=within_ms,
        severity=severity,
        axis=axis,
        is_held_out=more.get("is_held_out", False),
    )


def compromised(
    axis: str, severity: str, scope: TargetType, within_ms: int = 2000, **more: bool
) -> Spec:
    """Return the Spec of a machine that is not what it says it is."""
    is_session = scope is TargetType.SESSION
    return Spec(
        cause=Cause.COMPROMISE,
        action=Action.ISOLATE_SESSION if is_session else Action.DROP_SOURCES,
        tier=Tier.ISOLATE_HOST if is_session else Tier.PROTECT,
        tier_max=Tier.ISOLATE_HOST,
        scope=scope,
        within_ms=within_ms,
        severity=severity,
        axis=axis,
        is_held_out=more.get("is_held_out", False),
    )
