"""Dwell: how long something must look bad before anything is done about it."""

from airnet.decide.findings import Finding
from airnet.decide.policy import NS_PER_MS, Contain
from airnet.decide.streaks import NAMES, Streak
from airnet.domain.verdict import Cause, Verdict


def one_window(verdict: Verdict, finding: Finding) -> Streak:
    """Return a streak of one window."""
    return Streak(
        cause=NAMES[finding.cause],
        windows=1,
        open_ns=verdict.open_ns,
        close_ns=verdict.close_ns,
        first_ns=verdict.first_ns or verdict.open_ns,
        port=verdict.port,
        facts=int(finding.is_hard),
        sources=verdict.sources,
    )


def has_dwelt(streak: Streak, finding: Finding, rule: Contain) -> bool:
    """Return whether a streak is long enough to act upon.

    One window is, where it breaks a limit that policy takes for enough.
    """
    if finding.is_hard and finding.rule in rule.at_once:
        return True
    dwell_ms = rule.dwell_ms
    span_ns = streak.span_ns
    if streak.facts < rule.dwell_windows:
        dwell_ms = max(dwell_ms, rule.opinion_dwell_ms)
        if finding.cause is Cause.FLOOD:
            # Its window was open long before the first packet of it came.
            span_ns = streak.close_ns - streak.first_ns
    return streak.windows >= rule.dwell_windows and span_ns >= dwell_ms * NS_PER_MS
