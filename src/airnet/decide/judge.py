"""Judge: Verdicts in, Decisions out. Pure of the world, time only from Verdicts.

Open loop: it never asks whether an action had an effect and never escalates because
one had none. Its whole memory is explicit (`state`) and bounded.
"""

import hashlib

import msgspec

from airnet.config import Site
from airnet.decide import wording
from airnet.decide.findings import Columns, Finding, Findings, rate_per_second
from airnet.decide.guardrails import Guard, Refusal, Refused
from airnet.decide.policy import NS_PER_MS, TIERS, Contain, Policy, Watch
from airnet.decide.protection import canonical, endpoint
from airnet.decide.streaks import STREAKS_MAX, Episodes, Key, Streak, Streaks
from airnet.domain.decision import Action, Decision, Mode, TargetType
from airnet.domain.verdict import PPM, Cause, Verdict
from airnet.domain.window import WINDOW_GATEWAY, WINDOW_SESSION

_ID_HEX = 16


def with_id(decision: Decision) -> Decision:
    """Return `decision` with the id its other fields hash to (SHA-256, 16 hex)."""
    bare = msgspec.structs.replace(decision, id="")
    digest = hashlib.sha256(msgspec.json.encode(bare, order="sorted")).hexdigest()
    return msgspec.structs.replace(bare, id=digest[:_ID_HEX])


class Judge:
    """Applies a Policy to Verdicts, in their order.

    Args:
        policy: what may be done.
        site: whom it may be done to; an empty site is legal.
        columns: by window kind, the column of each feature name. Without it, limits
            on features (envelopes, policy rules) cannot be looked at.
    """

    def __init__(
        self, policy: Policy, site: Site, columns: Columns | None = None
    ) -> None:
        self._policy = policy
        self._findings = Findings(policy, site, columns or {})
        self._guard = Guard(policy, site)
        gap_ns = policy.hysteresis.gap_ms * NS_PER_MS
        self._streaks = Streaks(gap_ns)
        self._envelopes = Streaks(gap_ns)
        self._episodes = Episodes()
        self._clients: dict[str, None] = {}
        self._session_count = sum(len(firm.sessions) for firm in site.firms)
        self._passive = 0
        self._passive_since_ns = 0
        self._muted = 0

    def judge(self, verdict: Verdict) -> list[Decision]:
        """Return what policy orders because of `verdict`; often nothing."""
        if verdict.session is not None and verdict.window_kind == WINDOW_SESSION:
            self._session_count = max(self._session_count, verdict.subject + 1)
            self._remember_client(verdict.session.client)
        finding, streak = self._weigh(verdict)
        if streak is None:
            return []
        contain = self._policy.contain(finding.cause)
        if contain is not None:
            return self._contain(verdict, finding, streak, contain)
        watch = self._policy.watch(finding.cause)
        assert watch is not None
        if finding.cause is Cause.SENSOR_FAULT:
            self._guard.freeze(verdict.close_ns)
        return self._watch(verdict, finding, streak, watch)

    def distrust(self, lost: int, seen: int, now_ns: int) -> list[Decision]:
        """Weigh the mirror's own loss; above the limit, freeze and alert (SR-14).

        `lost` and `seen` are frames since the last call, `now_ns` capture time.
        """
        loss_ppm = lost * PPM // max(seen, 1)
        limit = self._policy.trust.loss_ppm_max
        if loss_ppm <= limit:
            return []
        self._guard.freeze(now_ns)
        gap_ns = self._policy.cause.sensor_fault.episode_gap_ms * NS_PER_MS
        if not self._says(("trust",), now_ns, gap_ns):
            return []
        why = wording.sentence(
            f"the mirror lost {lost} of {seen} frames, {loss_ppm} per million against a "
            f"limit of {limit}: nothing above evidence is ordered for "
            f"{self._policy.trust.freeze_ms} ms"
        )
        alert = Decision(
            id="",
            t_ns=now_ns,
            cause=Cause.SENSOR_FAULT,
            tier=TIERS[Action.ALERT],
            action=Action.ALERT,
            target_type=TargetType.HOST,
            target=("sensor",),
            until_ns=0,
            mode=Mode.SHADOW,
            rule="trust.loss_ppm",
            measured=loss_ppm,
            limit=limit,
            probability=1.0,
            why=why,
            first_ns=now_ns,
            window_kind=0,
            subject=0,
        )
        return [with_id(alert)]

    def counters(self) -> dict[str, int]:
        """Return how often each guardrail refused, and how much was left unsaid."""
        counts = {why.value: n for why, n in self._guard.refused.items()}
        counts["latched"] = int(self._guard.is_latched)
        counts["muted"] = self._muted
        return counts

    def state(self) -> tuple[object, ...]:
        """Return everything the next judgement depends on, as a value."""
        return (
            self._streaks.state(),
            self._envelopes.state(),
            self._episodes.state(),
            self._guard.state(),
            tuple(self._clients),
            (self._session_count, self._passive, self._passive_since_ns),
        )

    def _weigh(self, verdict: Verdict) -> tuple[Finding, Streak | None]:
        """Return the finding, and its streak when it has dwelt long enough."""
        key = _subject(verdict)
        breach = self._findings.envelope(verdict)
        if breach is not None:
            streak = self._envelopes.extend(key, _one_window(verdict, breach))
            # Windows close early in a burst: only the rate over all of them counts.
            rate = rate_per_second(streak.count, streak.span_ns)
            rule = self._policy.cause.algo_fault
            if rate > breach.limit and _has_dwelt(streak, rule):
                return msgspec.structs.replace(breach, measured=rate), streak
        finding = self._findings.of(verdict)
        if finding.cause is Cause.NORMAL:
            self._streaks.forget(key)
            return finding, None
        if not self._findings.is_likely(finding):
            return finding, None
        place = _place(verdict)
        watch = self._policy.watch(finding.cause)
        is_shared = watch is not None and finding.cause is not Cause.UNKNOWN
        # Not-contained causes move many sessions at once: one streak for the place.
        shared = ("place", finding.cause.value, place)
        streak = self._streaks.extend(
            shared if is_shared else key, _one_window(verdict, finding)
        )
        if is_shared:
            self._streaks.forget(key)
        contain = self._policy.contain(finding.cause)
        if contain is not None:
            return finding, streak if _has_dwelt(streak, contain) else None
        assert watch is not None
        return finding, streak if streak.windows >= watch.dwell_windows else None

    def _contain(
        self, verdict: Verdict, finding: Finding, streak: Streak, rule: Contain
    ) -> list[Decision]:
        """Propose a containment and pass it through the guardrails."""
        if rule.action == "evidence":
            return self._evidence(verdict, finding, streak, "policy keeps evidence only")
        proposal: Decision | str | None
        if finding.cause is Cause.ALGO_FAULT:
            proposal = self._throttle(verdict, finding, streak, rule)
        elif finding.cause is Cause.FLOOD:
            proposal = self._shield(verdict, finding, streak, rule)
        else:
            proposal = "nothing autonomous is fitting"
        if proposal is None:
            return []
        if isinstance(proposal, str):
            return self._evidence(verdict, finding, streak, proposal)
        refused = self._guard.check(proposal, self._session_count)
        if refused is None:
            return self._issue(verdict, proposal)
        if refused.why is Refusal.STANDING:
            return []
        return self._refuse(verdict, finding, streak, refused)

    def _throttle(
        self, verdict: Verdict, finding: Finding, streak: Streak, rule: Contain
    ) -> Decision | str | None:
        session = verdict.session
        if session is None or verdict.window_kind != WINDOW_SESSION:
            return "no single session is named"
        client = endpoint(session.client, session.client_port)
        if self._guard.stands(client, verdict.close_ns):
            # What dwells while contained says nothing of what comes after.
            self._streaks.forget(_subject(verdict))
            self._envelopes.forget(_subject(verdict))
            return None
        moving = self._streaks.alive(Cause.ALGO_FAULT, verdict.close_ns)
        percent = self._policy.budget.together_max_percent
        if (
            not finding.is_hard
            and moving > 1
            and moving * 100 > percent * self._session_count
        ):
            return (
                f"{moving} of {self._session_count} sessions misbehave together, more "
                f"than {percent} percent: that is a market, not one algorithm"
            )
        ttl_ns = rule.ttl_ms * NS_PER_MS
        why = wording.sentence(
            wording.seen_words(verdict, finding, streak), wording.throttle_words(ttl_ns)
        )
        draft = self._draft(verdict, finding, streak, Action.THROTTLE_SESSION, why)
        return msgspec.structs.replace(
            draft,
            target_type=TargetType.SESSION,
            target=(client, session.client_comp),
            until_ns=verdict.close_ns + ttl_ns,
            mode=_mode(rule, (session.client_comp, _place(verdict))),
        )

    def _shield(
        self, verdict: Verdict, finding: Finding, streak: Streak, rule: Contain
    ) -> Decision | str | None:
        if verdict.window_kind != WINDOW_GATEWAY or not verdict.address:
            return "no attacked gateway is named"
        place = _place(verdict)
        ttl_ns = rule.ttl_ms * NS_PER_MS
        seen = wording.seen_words(verdict, finding, streak)
        fanout = max(verdict.fanout, len(verdict.sources))
        is_many = fanout > self._policy.few_sources_max or not verdict.sources
        if is_many or rule.action == "rate_limit_sources":
            if self._guard.stands(place, verdict.close_ns):
                return None
            action, target = Action.RATE_LIMIT_SOURCES, (place,)
            kind, done = TargetType.GATEWAY, wording.rate_words(place, fanout, ttl_ns)
        else:
            strangers = self._strangers(verdict.sources)
            if not strangers:
                return (
                    "every source bears the address of a known or protected host, which "
                    "may be forged: none is cut"
                )
            fresh = [
                source
                for source in strangers
                if not self._guard.stands(source, verdict.close_ns)
            ]
            if not fresh:
                return None
            target = tuple(fresh[: self._policy.budget.sources_per_decision_max])
            spared = len(verdict.sources) - len(strangers)
            action, kind = Action.DROP_SOURCES, TargetType.SOURCE
            done = wording.drop_words(target, spared, ttl_ns)
        draft = self._draft(
            verdict, finding, streak, action, wording.sentence(seen, done)
        )
        return msgspec.structs.replace(
            draft,
            target_type=kind,
            target=target,
            until_ns=verdict.close_ns + ttl_ns,
            mode=_mode(rule, (place,)),
        )
