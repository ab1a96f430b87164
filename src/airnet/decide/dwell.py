"""Dwell: how long something must look bad before anything is done about it.

A sequential test (Page, Biometrika 41, 1954; Wald 1945): each window adds evidence in
thousandths of a nat, the natural logarithm of odds, as much as it is sure, and no more
than each of three allows: the model's probability, that of its second opinion, and how
rare such a score is among benign windows of the same regime. Policy takes a toll of
each, so that what is merely likely adds nothing. A window counts for the time it
covers: neighbours look back at the same messages, and ten of them are not ten looks. A
hard limit says itself how much must be seen before it breaks: it counts for whatever
time, but as one sure opinion at most: broken once, it is no reason to believe a
doubtful one that follows.
What is sure is acted upon early, what is doubtful late or never. Where a policy asks
for no evidence, the fixed dwell of opinions is what it falls back upon.
"""

import math

from airnet.decide.findings import Finding
from airnet.decide.policy import NS_PER_MS, Contain
from airnet.decide.streaks import NAMES, Streak
from airnet.domain import beyond
from airnet.domain.believed import BELIEFS, ENDLESS
from airnet.domain.insistence import ACTED, LASTING
from airnet.domain.risen import RISEN
from airnet.domain.verdict import PPM, Cause, Verdict

#: Thousandths in a nat: evidence is kept in integers, so that sums are exact.
MILLI = 1000

#: As much is a fact worth beside opinions, as rules of the scorer's have it, whoever
#: wrote the limit. That it is one counts elsewhere: so many facts need no opinion.
FACT_PPM = 990_000

#: What airnet.decide.excess finds: neither a window's limit nor an opinion.
EXCESS_RULE = "session.above_own_envelope"
#: What airnet.decide.spree finds, likewise.
SPREE_RULE = "session.filled_without_end"
#: What airnet.decide.surge finds.
SURGE_RULE = "session.filled_far_above_its_past"
_LASTING = frozenset(shape.name for shape in LASTING)
_BEYOND = frozenset(shape.name for shape in beyond.SHAPES)
_BELIEFS = frozenset(shape.name for shape in BELIEFS)
ENDLESS_RULE = ENDLESS[1].name
#: Of these, what is far above its past whatever it does.
_RISEN = frozenset(shape.name for shape in RISEN)

#: What lists of names, large orders and makers at the bell do as well, for a moment:
#: both models were sure of each within 0.2 s. Where they are, it has to go on for this.
UNHURRIED = frozenset(
    {
        "session.one_sided_orders",
        "session.one_sided_orders_of_a_name",
        "session.one_sided_orders_of_names",
        "session.one_sided_orders_at_length",
        "session.one_sided_rate_over_own_baseline",
        "session.order_rate_over_own_baseline",
        "session.orders_and_cancels_in_a_loop",
    }
)
AGREED_NS = 500 * NS_PER_MS

#: What one order breaks, sent twice. It is seen for two slots of 100 ms, and windows
#: that look back at it are no two facts: what is seen for longer is another.
OF_ONE = frozenset({"session.duplicate_clordid_refused"})
ANOTHER_NS = 400 * NS_PER_MS


def fact(rule: str, measured: int, limit: int, *, is_told: bool) -> Finding:
    """Return what was counted of an algorithm: a fact, whatever models make of it."""
    return Finding(
        cause=Cause.ALGO_FAULT,
        rule=rule,
        measured=measured,
        limit=limit,
        probability_ppm=FACT_PPM,
        is_hard=True,
        is_told=is_told,
    )


def one_window(verdict: Verdict, finding: Finding, rule: Contain | None) -> Streak:
    """Return a streak of one window."""
    return Streak(
        cause=NAMES[finding.cause],
        windows=1,
        open_ns=verdict.open_ns,
        close_ns=verdict.close_ns,
        first_ns=verdict.first_ns or verdict.open_ns,
        held=int(verdict.first_ns > 0),
        port=verdict.port,
        facts=int(finding.is_hard and not finding.is_agreed),
        sources=verdict.sources,
        evidence=0 if rule is None else evidence_of(verdict, finding, rule),
    )


def evidence_of(verdict: Verdict, finding: Finding, rule: Contain) -> int:
    """Return what a window adds, or takes, in thousandths of a nat."""
    if not rule.evidence_min:
        return 0
    sure = strength(verdict, finding) - round(rule.evidence_toll * MILLI)
    if finding.is_hard and not _is_unhurried(finding):
        return sure
    span_ns = rule.evidence_span_ms * NS_PER_MS
    covered_ns = min(max(verdict.close_ns - verdict.open_ns, 0), span_ns)
    return sure * covered_ns // span_ns


def strength(verdict: Verdict, finding: Finding) -> int:
    """Return how sure a window is, in thousandths of a nat; a fact as its rule says.

    What was not asked or measured (no second opinion, no calibration) limits nothing.
    """
    if finding.is_hard and not _is_unhurried(finding):
        return log_odds(min(finding.probability_ppm, FACT_PPM))
    least = log_odds(finding.probability_ppm)
    if verdict.second is not None:
        least = min(least, log_odds(verdict.second_ppm))
    if verdict.regime:
        least = min(least, _surprise(verdict.p_value_ppm))
    return least


def _is_unhurried(finding: Finding) -> bool:
    """Return whether both models agree with what others do as well, for a moment."""
    return finding.is_agreed and finding.rule in UNHURRIED


def log_odds(chance_ppm: int) -> int:
    """Return the logarithm of the odds; of certainty, that of a million to one."""
    chance = min(max(chance_ppm, 1), PPM - 1)
    return round(math.log(chance / (PPM - chance)) * MILLI)


def _surprise(p_value_ppm: int) -> int:
    """Return how surprising it is to see as much on a benign day."""
    return round(-math.log(max(p_value_ppm, 1) / PPM) * MILLI)


def has_dwelt(streak: Streak, finding: Finding, rule: Contain) -> bool:
    """Return whether a streak is long enough, and sure enough, to act upon.

    One window is, where it breaks a limit that policy takes for enough, or one that is
    only told and both models agree: of what else traders do, for half a second. Of an
    opinion of what no fault does, none is.
    """
    if finding.is_agreed:
        is_long = streak.windows > 1 and streak.span_ns >= AGREED_NS
        return is_long or not _is_unhurried(finding)
    if finding.is_hard and finding.rule in rule.at_once:
        return True
    if finding.is_vague:
        return False
    if streak.windows < rule.dwell_windows:
        return False
    least_ns = ANOTHER_NS if finding.rule in OF_ONE else 0
    if streak.span_ns < max(rule.dwell_ms * NS_PER_MS, least_ns):
        return False
    if streak.facts >= rule.dwell_windows:
        return True
    if rule.evidence_min:
        return streak.evidence >= round(rule.evidence_min * MILLI)
    span_ns = streak.span_ns
    if finding.cause is Cause.FLOOD:
        # Its window was open long before the first packet of it came; and two volleys
        # with silence between them are two, not one that lasted.
        if streak.held < rule.dwell_windows:
            return False
        span_ns = streak.close_ns - streak.held_ns
    return span_ns >= rule.opinion_dwell_ms * NS_PER_MS


def told_words(streak: Streak | None, finding: Finding, rule: Contain) -> str:
    """Return why something is said that is not acted upon (yet); "": it is not."""
    if finding.is_told:
        return (
            "alone that is said and not acted upon: honest sessions did it, if rarely"
        )
    told = round(rule.evidence_told * MILLI)
    if finding.is_hard or streak is None or not 0 < told <= streak.evidence:
        return ""
    if streak.cause != NAMES[finding.cause]:
        return ""
    gathered = f"evidence of {streak.evidence / MILLI:.3f} nats has gathered, and "
    if finding.is_vague:
        return f"{gathered}is not acted upon: it does nothing that only faults do"
    return f"{gathered}of {rule.evidence_min:g} it is acted upon"


def words(streak: Streak, finding: Finding, rule: Contain) -> str:
    """Return why a streak was long enough, with the policy's numbers."""
    if finding.rule == EXCESS_RULE:
        return (
            f"{finding.measured / MILLI:.3f} nats above its own envelope had gathered "
            f"of {rule.excess_min:g} needed, {rule.excess_toll:g} taken of each message"
        )
    if finding.rule == SPREE_RULE:
        return (
            f"orders filled one name after the other had come to {finding.measured} of "
            f"{finding.limit} needed"
        )
    if finding.rule == SURGE_RULE:
        return (
            "orders filled in all names, far above its past while others rest, had "
            f"come to {finding.measured} of {finding.limit} needed"
        )
    if finding.rule in _BELIEFS:
        return (
            f"every model had taken it for a faulty algorithm for {finding.measured} "
            f"ms of {finding.limit} needed"
        )
    if finding.rule == ENDLESS_RULE:
        return (
            "messages for which every model had taken it for a faulty algorithm had "
            f"come to {finding.measured} of {finding.limit} needed"
        )
    if finding.rule in _BEYOND:
        return (
            "messages beyond its past, and the others, had come to what its busiest "
            f"second had {finding.measured / MILLI:.3f} times, of "
            f"{finding.limit / MILLI:g} needed"
        )
    if finding.rule in _RISEN:
        return (
            f"windows that each showed the same had covered {finding.measured} ms of "
            f"{finding.limit} needed"
        )
    if finding.rule in _LASTING:
        return (
            f"orders withdrawn at once had gone on for {finding.measured} ms of "
            f"{finding.limit} needed"
        )
    if finding.rule in ACTED:
        shown = f"{finding.measured} of {finding.limit} needed"
        return f"messages of which each window showed the same had come to {shown}"
    if finding.is_agreed:
        return f"both models are at least {rule.agreed_min:g} sure of the same"
    if finding.is_hard and finding.rule in rule.at_once:
        return "one window is enough of this limit"
    if streak.facts >= rule.dwell_windows:
        return f"{streak.facts} windows broke a hard limit"
    if rule.evidence_min:
        return (
            f"evidence of {streak.evidence / MILLI:.3f} nats had gathered of "
            f"{rule.evidence_min:g} needed, {rule.evidence_toll:g} taken of each "
            f"{rule.evidence_span_ms} ms"
        )
    return f"an opinion that held for {rule.opinion_dwell_ms} ms"
