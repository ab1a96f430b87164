"""Judge: Verdicts in, Decisions out. Pure of the world, time only from Verdicts.

Open loop: it never asks whether an action had an effect and never escalates because
one had none. Its whole memory is explicit (`state`) and bounded.
"""

import msgspec

from airnet.config import Site
from airnet.decide import drafts, expulsion, wording
from airnet.decide.doubts import Doubts
from airnet.decide.drafts import with_id
from airnet.decide.dwell import has_dwelt, one_window
from airnet.decide.findings import ENVELOPE_RULE, Columns, Finding, Findings
from airnet.decide.guardrails import Guard, Refusal, Refused
from airnet.decide.policy import NS_PER_MS, TIERS, Contain, Policy, Watch
from airnet.decide.protection import canonical, endpoint
from airnet.decide.streaks import STREAKS_MAX, Episodes, Key, Streak, Streaks
from airnet.domain.decision import Action, Decision, Mode, TargetType
from airnet.domain.verdict import PPM, Cause, Verdict
from airnet.domain.window import WINDOW_GATEWAY, WINDOW_SESSION

#: Fewer sessions moving together are no market, however few there are in all.
MARKET_SESSIONS_MIN = 3


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
        self._contained = {cause: policy.contain(cause) for cause in Cause}
        self._watched = {cause: policy.watch(cause) for cause in Cause}
        self._findings = Findings(policy, site, columns or {})
        self._guard = Guard(policy, site)
        self.doubts = Doubts(policy)
        self._streaks = Streaks(policy.hysteresis.gap_ms * NS_PER_MS)
        self._gateways: dict[str, tuple[str, ...]] = {}
        for gateway in site.gateways:
            address = canonical(gateway.ip)
            places = (*self._gateways.get(address, ()), endpoint(address, gateway.port))
            self._gateways[address] = places
        self._episodes = Episodes()
        self._clients: dict[str, None] = {}
        self._session_count = sum(len(firm.sessions) for firm in site.firms)
        self._passive = 0
        self._passive_since_ns = 0
        self._muted = 0

    def judge(self, verdict: Verdict) -> list[Decision]:
        """Return what policy orders because of `verdict`; often nothing."""
        if verdict.session is not None and verdict.window_kind == WINDOW_SESSION:
            count = max(self._session_count, verdict.session_number)
            self._session_count = count
            self._remember_client(verdict.session.client)
        finding, streak = self._weigh(verdict)
        if streak is None:
            return []
        contain = self._contained[finding.cause]
        if contain is not None:
            return self._contain(verdict, finding, streak, contain)
        watch = self._watched[finding.cause]
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
        freeze_ms = self._policy.trust.freeze_ms
        why = wording.sentence(wording.loss_words(lost, seen, limit, freeze_ms))
        return [drafts.sensor_alert(now_ns, loss_ppm, limit, why)]

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
            self._episodes.state(),
            self._guard.state(),
            self.doubts.state(),
            tuple(self._clients),
            (self._session_count, self._passive, self._passive_since_ns),
        )

    def _weigh(self, verdict: Verdict) -> tuple[Finding, Streak | None]:
        """Return the finding, and its streak when it has dwelt long enough."""
        key = drafts.subject(verdict)
        finding = self._findings.of(verdict)
        if finding.cause is Cause.NORMAL:
            self._streaks.forget(key)
            return finding, None
        if not self._findings.is_likely(finding):
            return finding, None
        if self._stands(verdict, finding.cause):
            # What dwells while contained says nothing of what comes after.
            self._forget(verdict)
            return finding, None
        watch = self._watched[finding.cause]
        is_shared = watch is not None and finding.cause is not Cause.UNKNOWN
        if is_shared:
            # Not-contained causes move many sessions at once: one streak for the place.
            self._streaks.forget(key)
            key = ("place", finding.cause.value, drafts.place(verdict))
        elif finding.cause is Cause.UNKNOWN:
            # Doubt neither counts towards another Cause nor breaks its streak.
            key = ("unknown", *key)
        streak = self._streaks.extend(key, one_window(verdict, finding))
        contain = self._contained[finding.cause]
        if contain is not None:
            return finding, streak if has_dwelt(streak, contain) else None
        assert watch is not None
        return finding, streak if streak.windows >= watch.dwell_windows else None

    def _contain(
        self, verdict: Verdict, finding: Finding, streak: Streak, rule: Contain
    ) -> list[Decision]:
        """Propose a containment and pass it through the guardrails."""
        if rule.action == "evidence":
            return self._evidence(
                verdict, finding, streak, "policy keeps evidence only"
            )
        proposal: Decision | str | None
        if finding.cause is Cause.ALGO_FAULT:
            proposal = self._throttle(verdict, finding, streak, rule)
        elif finding.cause is Cause.FLOOD:
            proposal = self._shield(verdict, finding, streak, rule)
        else:
            proposal = self._expel(verdict, finding, streak, rule)
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
        moving = self._streaks.alive(Cause.ALGO_FAULT, verdict.close_ns)
        percent = self._policy.budget.together_max_percent
        if (
            finding.rule != ENVELOPE_RULE
            and moving >= MARKET_SESSIONS_MIN
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
        draft = drafts.draft(verdict, finding, streak, Action.THROTTLE_SESSION, why)
        return msgspec.structs.replace(
            draft,
            target_type=TargetType.SESSION,
            target=(client, session.client_comp),
            until_ns=verdict.close_ns + ttl_ns,
            mode=_mode(rule, (session.client_comp, drafts.place(verdict))),
        )

    def _shield(
        self, verdict: Verdict, finding: Finding, streak: Streak, rule: Contain
    ) -> Decision | str | None:
        if verdict.window_kind != WINDOW_GATEWAY or not verdict.address:
            return "no attacked gateway is named"
        place = endpoint(verdict.address, streak.port)
        ttl_ns = rule.ttl_ms * NS_PER_MS
        seen = wording.seen_words(verdict, finding, streak)
        fanout = max(verdict.fanout, len(verdict.sources))
        is_many = fanout > self._policy.few_sources_max
        if is_many or rule.action == "rate_limit_sources":
            target: tuple[str, ...] = (place,)
            action = Action.RATE_LIMIT_SOURCES
            kind, done = TargetType.GATEWAY, wording.rate_words(place, fanout, ttl_ns)
        else:
            strangers = self._strangers(streak.sources)
            if not strangers:
                return (
                    "every source named bears the address of a known or protected "
                    "host, which may be forged: none is cut"
                )
            fresh = [
                source
                for source in strangers
                if not self._guard.stands(source, verdict.close_ns)
            ]
            if not fresh:
                return None
            target = tuple(fresh[: self._policy.budget.sources_per_decision_max])
            spared = len(streak.sources) - len(strangers)
            action, kind = Action.DROP_SOURCES, TargetType.SOURCE
            done = wording.drop_words(target, spared, ttl_ns)
        draft = drafts.draft(
            verdict, finding, streak, action, wording.sentence(seen, done)
        )
        return msgspec.structs.replace(
            draft,
            target_type=kind,
            target=target,
            until_ns=verdict.close_ns + ttl_ns,
            mode=_mode(rule, (place, *self._gateways.get(verdict.address, ()))),
        )

    def _expel(
        self, verdict: Verdict, finding: Finding, streak: Streak, rule: Contain
    ) -> Decision | str:
        protected = self._guard.protection.source_reason(verdict.address)
        feature = self._findings.feature
        reason = expulsion.objection(verdict, finding, feature, protected)
        if reason:
            return reason
        ttl_ns = rule.ttl_ms * NS_PER_MS
        seen = wording.seen_words(verdict, finding, streak)
        done = wording.drop_words((verdict.address,), 0, ttl_ns)
        draft = drafts.draft(
            verdict, finding, streak, Action.DROP_SOURCES, wording.sentence(seen, done)
        )
        return msgspec.structs.replace(
            draft,
            target_type=TargetType.SOURCE,
            target=(verdict.address,),
            until_ns=verdict.close_ns + ttl_ns,
            mode=_mode(rule, (verdict.address,)),
        )

    def _issue(self, verdict: Verdict, decision: Decision) -> list[Decision]:
        """Let a Decision out that passed every guardrail."""
        decision = self.doubts.lower(decision)
        is_quiet = self._guard.admit(decision)
        self._forget(verdict)
        if not self._guard.is_latched:
            return [with_id(decision)]
        shadowed = with_id(msgspec.structs.replace(decision, mode=Mode.SHADOW))
        if is_quiet:
            return [shadowed]
        budget = self._policy.budget
        why = wording.sentence(
            f"more than {budget.actions_max} containments were ordered within "
            f"{budget.window_ms} ms: every later one stays in shadow until a person "
            "starts airnet anew"
        )
        page = msgspec.structs.replace(
            decision,
            tier=TIERS[Action.ALERT],
            action=Action.ALERT,
            until_ns=0,
            mode=Mode.SHADOW,
            rule="budget.latch",
            measured=budget.actions_max + 1,
            limit=budget.actions_max,
            why=why,
        )
        return [shadowed, with_id(page)]

    def _refuse(
        self, verdict: Verdict, finding: Finding, streak: Streak, refused: Refused
    ) -> list[Decision]:
        told = msgspec.structs.replace(
            finding,
            rule=refused.why.value,
            measured=refused.measured,
            limit=refused.limit,
        )
        return self._evidence(
            verdict,
            told,
            streak,
            wording.refused_words(refused),
            seen=wording.seen_words(verdict, finding, streak),
        )

    def _evidence(
        self,
        verdict: Verdict,
        finding: Finding,
        streak: Streak,
        reason: str,
        *,
        seen: str = "",
    ) -> list[Decision]:
        """Keep evidence once an episode, saying why nothing further is done."""
        gap_ns = self._policy.cause.unknown.episode_gap_ms * NS_PER_MS
        key = ("evidence", finding.cause.value, *drafts.subject(verdict))
        if not self._says(key, verdict.close_ns, gap_ns):
            return []
        told = seen or wording.seen_words(verdict, finding, streak)
        why = wording.sentence(told, reason)
        return [with_id(drafts.draft(verdict, finding, streak, Action.EVIDENCE, why))]

    def _watch(
        self, verdict: Verdict, finding: Finding, streak: Streak, watch: Watch
    ) -> list[Decision]:
        """Say once an episode what is seen and that nothing is done about it."""
        is_unknown = finding.cause is Cause.UNKNOWN
        where = drafts.subject(verdict) if is_unknown else (drafts.place(verdict),)
        key = ("watch", finding.cause.value, *where)
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

    def _says(self, key: Key, now_ns: int, gap_ns: int) -> bool:
        """Return whether to say it: first of its episode, within the pace."""
        if not self._episodes.begins(key, now_ns, gap_ns):
            return False
        window_ns = self._policy.budget.window_ms * NS_PER_MS
        if now_ns - self._passive_since_ns >= window_ns:
            self._passive_since_ns, self._passive = now_ns, 0
        self._passive += 1
        if self._passive > self._policy.budget.passive_max:
            self._muted += 1
            return False
        return True

    def _strangers(self, sources: tuple[str, ...]) -> list[str]:
        """Return the sources that may be cut: strangers to site and sessions."""
        return [
            source
            for source in sources
            if not self._guard.protection.source_reason(source)
            and canonical(source) not in self._clients
        ]

    def _remember_client(self, address: str) -> None:
        self._clients.pop(address, None)
        self._clients[address] = None
        if len(self._clients) > STREAKS_MAX:
            del self._clients[next(iter(self._clients))]

    def _stands(self, verdict: Verdict, cause: Cause) -> bool:
        """Return whether what could be ordered about this stands already."""
        now_ns = verdict.close_ns
        if cause is Cause.ALGO_FAULT and verdict.session is not None:
            return self._guard.stands(drafts.subject(verdict)[1], now_ns)
        if cause is Cause.COMPROMISE and verdict.address:
            return self._guard.stands(verdict.address, now_ns)
        if cause is not Cause.FLOOD or verdict.window_kind != WINDOW_GATEWAY:
            return False
        for port in (verdict.port, 0):
            if self._guard.stands(endpoint(verdict.address, port), now_ns):
                return True
        if verdict.fanout > self._policy.few_sources_max or not verdict.sources:
            return False
        return all(self._guard.stands(source, now_ns) for source in verdict.sources)

    def _forget(self, verdict: Verdict) -> None:
        """Start the subject's streak anew: what dwelt has been acted upon."""
        self._streaks.forget(drafts.subject(verdict))


def _mode(rule: Contain, assets: tuple[str, ...]) -> Mode:
    """Return the mode for these assets: enforced only where the policy says so."""
    if rule.mode is Mode.ENFORCE and rule.assets:
        return Mode.ENFORCE if set(assets) & set(rule.assets) else Mode.SHADOW
    return rule.mode
