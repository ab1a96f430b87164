"""Tally: were the containments of a play right, and was the expectation met?

A containment is right when something that may be contained was going on, it named who
did it, and it reached no further than the label allows. Everything else is false, in
shadow as in force: before the onset too, however well it was meant.
"""

from collections.abc import Iterable, Sequence

from airnet.decide.protection import canonical
from airnet.domain.decision import PASSIVE, Action, Decision, TargetType
from airnet.domain.verdict import Cause
from airnet.twin.outcome import Act, Wrong
from airnet.twin.scenario import Expectation, Label

#: A session's windows reach back 200 ms and a streak may rest 250 ms between two of
#: them (Hysteresis.gap_ms): what is ordered within that of the offset saw the incident.
GRACE_NS = 450_000_000
NS_PER_MS = 1_000_000


def may_be_contained(label: Label) -> bool:
    """Return whether containing it is right at all."""
    return label.action not in PASSIVE


def judged(
    decision: Decision, labels: Sequence[Label], bystanders: frozenset[str]
) -> tuple[int, Wrong]:
    """Return which label a containment answers (-1: none), and why it is false.

    `bystanders` are the addresses of everybody who does nothing wrong.
    """
    reasons = [_fault(decision, label, bystanders) for label in labels]
    for number, reason in enumerate(reasons):
        if reason is Wrong.NO:
            return number, Wrong.NO
    for wanted in (Wrong.ABOVE_TIER, Wrong.BEFORE_ONSET, Wrong.AFTER_OFFSET):
        if wanted in reasons:
            return reasons.index(wanted), wanted
    is_any = any(
        may_be_contained(label) and _is_during(decision.t_ns, label) for label in labels
    )
    return -1, Wrong.WRONG_TARGET if is_any else Wrong.NO_INCIDENT


def act_of(
    decision: Decision, labels: Sequence[Label], bystanders: frozenset[str]
) -> Act:
    """Return a containment that was ordered, judged; nothing is known of its effect."""
    about = decision, labels, bystanders
    label, wrong = judged(*about)
    return Act(
        decision_id=decision.id,
        action=decision.action,
        tier=decision.tier,
        mode=decision.mode,
        target=decision.target,
        decided_ns=decision.t_ns,
        label=label,
        covers=covered(*about),
        wrong=wrong,
    )


def covered(
    decision: Decision, labels: Sequence[Label], bystanders: frozenset[str]
) -> tuple[int, ...]:
    """Return the labels that a containment answers while it stands, whatever was first.

    A shield against one flood holds the next one too.
    """
    return tuple(
        number
        for number, label in enumerate(labels)
        if may_be_contained(label)
        and decision.tier <= label.tier_max
        and _names(decision, label, bystanders)
    )


def first_onset(labels: Iterable[Label]) -> int | None:
    """Return when the first thing that may be contained began."""
    onsets = [label.onset_ns for label in labels if may_be_contained(label)]
    return min(onsets, default=None)


def detected_ns(acts: Iterable[Act], labels: Sequence[Label]) -> int | None:
    """Return how long after the onset the first right containment was ordered."""
    onset_ns = first_onset(labels)
    if onset_ns is None:
        return None
    right = [act.decided_ns - onset_ns for act in acts if act.wrong is Wrong.NO]
    return min(right, default=None)


def contained_ns(acts: Iterable[Act], labels: Sequence[Label]) -> int | None:
    """Return how long after the onset the world first obeyed a right containment."""
    onset_ns = first_onset(labels)
    if onset_ns is None:
        return None
    right = [
        act.effect_ns - onset_ns
        for act in acts
        if act.wrong is Wrong.NO and act.is_carried_out
    ]
    return min(right, default=None)


def missed(
    expected: Expectation,
    decisions: Sequence[Decision],
    acts: Sequence[Act],
    labels: Sequence[Label],
) -> tuple[str, ...]:
    """Return where the expectation failed, one sentence each; empty: it was met.

    What was decided counts, in force or in shadow: the expectation is about judgement.
    """
    found = [_sentence(act) for act in acts if act.wrong is not Wrong.NO]
    if not expected.within_ms:
        return (*found, *_unsaid(expected, decisions))
    took_ns = _answered(expected, decisions, acts, labels)
    limit_ns = expected.within_ms * NS_PER_MS
    if took_ns is None:
        found.append(
            f"no {expected.action} for {expected.cause} was ordered; it was expected "
            f"within {expected.within_ms} ms of the onset"
        )
    elif took_ns > limit_ns:
        found.append(
            f"{expected.action} for {expected.cause} was ordered "
            f"{took_ns // NS_PER_MS} ms after the onset; {expected.within_ms} ms are "
            "allowed"
        )
    return tuple(found)


def _answered(
    expected: Expectation,
    decisions: Sequence[Decision],
    acts: Sequence[Act],
    labels: Sequence[Label],
) -> int | None:
    """Return how long after the onset what is expected was decided; None: never.

    Of a compromise evidence is all that is autonomous: isolation needs two approvers
    (SR-12), who can only come when they are told.
    """
    if expected.action not in PASSIVE and expected.cause is not Cause.COMPROMISE:
        right = {act.decision_id for act in acts if act.wrong is Wrong.NO}
        fitting = [one for one in decisions if one.id in right]
        onset_ns = first_onset(labels)
    else:
        onset_ns = min((label.onset_ns for label in labels), default=None)
        fitting = [
            one
            for one in decisions
            if onset_ns is not None and one.t_ns >= onset_ns and one.action in PASSIVE
        ]
    if onset_ns is None:
        return None
    times = [one.t_ns - onset_ns for one in fitting if one.cause is expected.cause]
    return min(times, default=None)


def _unsaid(expected: Expectation, decisions: Sequence[Decision]) -> tuple[str, ...]:
    """Return what had to be said about a fault that nothing is contained for."""
    if expected.action is not Action.ALERT:
        return ()
    if any(one.cause is expected.cause for one in decisions):
        return ()
    return (f"nothing was said of {expected.cause}",)


def _sentence(act: Act) -> str:
    """Return what was wrong with a containment."""
    why = {
        Wrong.NO_INCIDENT: "nothing may be contained here",
        Wrong.BEFORE_ONSET: "nothing had happened yet",
        Wrong.AFTER_OFFSET: "it was over",
        Wrong.WRONG_TARGET: "that is not who did it",
        Wrong.ABOVE_TIER: "that reaches further than it may",
    }[act.wrong]
    return f"{act.action} of {' '.join(act.target)} ({act.mode}): {why}"


def _is_during(time_ns: int, label: Label) -> bool:
    return label.onset_ns <= time_ns <= label.offset_ns + GRACE_NS


def _fault(decision: Decision, label: Label, bystanders: frozenset[str]) -> Wrong:
    """Return why a containment does not answer a label rightly."""
    if not may_be_contained(label) or not _names(decision, label, bystanders):
        return Wrong.WRONG_TARGET
    if decision.t_ns < label.onset_ns:
        return Wrong.BEFORE_ONSET
    if decision.t_ns > label.offset_ns + GRACE_NS:
        return Wrong.AFTER_OFFSET
    if decision.tier > label.tier_max:
        return Wrong.ABOVE_TIER
    return Wrong.NO


def _names(decision: Decision, label: Label, bystanders: frozenset[str]) -> bool:
    """Return whether a containment names only who did it.

    Of a flood, a made-up address is nobody's: to drop it does not help, nor harm.
    """
    if decision.target_type is TargetType.SESSION:
        client, comp = decision.target
        return any(_is_same(client, comp, one) for one in label.sessions)
    if decision.target_type in (TargetType.SOURCE, TargetType.HOST):
        guilty = {canonical(host) for host in label.hosts}
        is_confined = decision.action is Action.CONFINE_HOST
        # Whom a confined host is kept from is named beside it, and accused of nothing.
        targets = decision.target[:1] if is_confined else decision.target
        named = {canonical(target) for target in targets}
        is_nobody = label.cause is Cause.FLOOD and not named & bystanders
        return named <= guilty or is_nobody
    # A shield for the attacked gateway spares all that trade there.
    return decision.target_type is TargetType.GATEWAY and label.cause is Cause.FLOOD


def _is_same(client: str, comp: str, culprit: tuple[str, str]) -> bool:
    """Return whether both are one session; its port may have changed since."""
    host, whose = culprit
    same_host = client.rpartition(":")[0] == host.rpartition(":")[0]
    return same_host and (not comp or comp == whose)
