"""Sayings: alerts, observations and evidence, each once an episode and at a pace.

What is only said changes nothing outside airnet; its budget keeps an incident from
burying its reader.
"""

import msgspec

from airnet.decide import drafts, wording
from airnet.decide.drafts import with_id
from airnet.decide.findings import Finding
from airnet.decide.guardrails import Refused
from airnet.decide.policy import NS_PER_MS, Policy
from airnet.decide.streaks import NAMES, Episodes, Key, Streak
from airnet.decide.watch import Watch
from airnet.domain.decision import Action, Decision, TargetType
from airnet.domain.verdict import PPM, Cause, Verdict


class Sayings:
    """Makes the Decisions that only say something."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._episodes = Episodes()
        self._passive = 0
        self._passive_since_ns = 0
        self.muted = 0

    def refuse(
        self, verdict: Verdict, finding: Finding, streak: Streak, refused: Refused
    ) -> list[Decision]:
        """Keep evidence of what the guardrails refused."""
        told = msgspec.structs.replace(
            finding,
            rule=refused.why.value,
            measured=refused.measured,
            limit=refused.limit,
        )
        return self.evidence(
            verdict,
            told,
            streak,
            wording.refused_words(refused),
            seen=wording.seen_words(verdict, finding, streak),
        )

    def evidence(
        self,
        verdict: Verdict,
        finding: Finding,
        streak: Streak,
        reason: str,
        *,
        seen: str = "",
        kind: str = "evidence",
    ) -> list[Decision]:
        """Keep evidence once an episode, saying why nothing further is done.

        What is of another `kind` is another episode: it is said beside this.
        """
        gap_ns = self._policy.cause.unknown.episode_gap_ms * NS_PER_MS
        key = (kind, finding.cause.value, *drafts.subject(verdict))
        if not self._says(key, verdict.close_ns, gap_ns):
            return []
        told = seen or wording.seen_words(verdict, finding, streak)
        why = wording.sentence(told, reason)
        return [with_id(drafts.draft(verdict, finding, streak, Action.EVIDENCE, why))]

    def watch(
        self, verdict: Verdict, finding: Finding, streak: Streak, watch: Watch
    ) -> list[Decision]:
        """Say once an episode what is seen and that nothing is done about it."""
        is_unknown = finding.cause is Cause.UNKNOWN
        where = drafts.subject(verdict) if is_unknown else (drafts.place(verdict),)
        key = ("watch", NAMES[finding.cause], *where)
        if not self._says(key, verdict.close_ns, watch.episode_gap_ms * NS_PER_MS):
            return []
        why = wording.sentence(
            wording.seen_words(verdict, finding, streak), "nothing is contained for it"
        )
        action = Action(watch.action)
        draft = drafts.draft(verdict, finding, streak, action, why)
        if not is_unknown and verdict.session is not None:
            draft = msgspec.structs.replace(
                draft, target_type=TargetType.GATEWAY, target=(drafts.place(verdict),)
            )
        return [with_id(draft)]

    def loss(self, lost: int, seen: int, now_ns: int) -> list[Decision]:
        """Alert to frames lost by the mirror itself."""
        gap_ns = self._policy.cause.sensor_fault.episode_gap_ms * NS_PER_MS
        if not self._says(("trust",), now_ns, gap_ns):
            return []
        limit = self._policy.trust.loss_ppm_max
        freeze_ms = self._policy.trust.freeze_ms
        why = wording.sentence(wording.loss_words(lost, seen, limit, freeze_ms))
        loss_ppm = lost * PPM // max(seen, 1)
        return [drafts.sensor_alert(now_ns, loss_ppm, limit, why)]

    def state(self) -> tuple[object, ...]:
        """Return everything remembered, as a value."""
        return (self._episodes.state(), self._passive, self._passive_since_ns)

    def _says(self, key: Key, now_ns: int, gap_ns: int) -> bool:
        """Return whether to say it: first of its episode, within the pace."""
        if not self._episodes.begins(key, now_ns, gap_ns):
            return False
        window_ns = self._policy.budget.window_ms * NS_PER_MS
        if now_ns - self._passive_since_ns >= window_ns:
            self._passive_since_ns, self._passive = now_ns, 0
        self._passive += 1
        if self._passive > self._policy.budget.passive_max:
            self.muted += 1
            return False
        return True
