"""Judge: Verdicts in, Decisions out. Pure of the world, time only from Verdicts.

Open loop: it never asks whether an action had an effect and never escalates because
one had none. Its whole memory is explicit (`state`) and bounded.
"""

import functools
from collections.abc import Iterator

import msgspec

from airnet.config import Site
from airnet.decide import drafts
from airnet.decide.diversions import Diversions
from airnet.decide.doubts import Doubts
from airnet.decide.dwell import evidence_of, has_dwelt, one_window, told_words
from airnet.decide.excess import Excess
from airnet.decide.facts import Facts, Grounds
from airnet.decide.fills import Fills
from airnet.decide.findings import Columns, Finding, Findings
from airnet.decide.guardrails import Guard
from airnet.decide.held import Helds
from airnet.decide.insist import Insists
from airnet.decide.outlook import Outlook
from airnet.decide.peers import Peers
from airnet.decide.policy import NS_PER_MS, Contain, Policy
from airnet.decide.proposals import Proposals
from airnet.decide.recovery import LATCH
from airnet.decide.refusals import refused_words
from airnet.decide.rules import Refusal
from airnet.decide.sayings import Sayings
from airnet.decide.streaks import NAMES, Streak, Streaks
from airnet.decide.terms import Terms
from airnet.domain.decision import Action, Decision, Mode
from airnet.domain.drift import Drift
from airnet.domain.session import Heard, Look
from airnet.domain.verdict import PPM, Cause, Verdict
from airnet.domain.window import WINDOW_GATEWAY

#: Before the key of a streak of opinions that are said and never acted upon.
VAGUE = "vague"


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
        is_weighing = policy.budget.flow_share_max_percent < 100
        self._peers = Peers(site, is_weighing=is_weighing)
        self._terms = Terms(policy, self._peers)
        self._findings = Findings(policy, site, columns or {}, self._terms)
        self._excess = Excess(policy, site, columns or {}, self._terms)
        self._fills = Fills(columns or {}, self._terms)
        self._helds = Helds(columns or {}, self._terms)
        self._insists = Insists(columns or {}, self._terms)
        self.guard = Guard(policy, site, self._peers)
        self.doubts = Doubts(policy)
        self._streaks = Streaks(policy.hysteresis.gap_ms * NS_PER_MS)
        self._sayings = Sayings(policy)
        self._proposals = Proposals(
            policy,
            self._findings,
            self.guard,
            self._streaks,
            self._peers,
            self._terms,
        )
        self._diversions = Diversions(policy, site, self.guard, self._terms)

    def meet(self, seen: Look | Heard) -> None:
        """Take note of a session, or a gateway, that a scorer may say nothing of."""
        if isinstance(seen, Heard):
            self._diversions.hear(seen)
        else:
            self._peers.see(seen)
            self._insists.meet(seen)

    def judge(self, verdict: Verdict) -> list[Decision]:
        """Return what policy orders because of `verdict`; often nothing."""
        self._peers.meet(verdict)
        if verdict.window_kind == WINDOW_GATEWAY:
            self._proposals.see(verdict)
        insisted = self._insists.of(verdict, drafts.subject(verdict))
        said = self._judge(verdict, insisted)
        if insisted is None or any(one.cause is insisted.cause for one in said):
            return said
        return [*said, *self._tell(verdict, insisted)]

    def _judge(self, verdict: Verdict, insisted: Finding | None) -> list[Decision]:
        """Return what is ordered, but for what is told of who insists."""
        finding, streak = self._weigh(verdict, insisted)
        is_venue = finding.cause is Cause.VENUE_FAULT
        is_venue = is_venue and not self._own_ns(verdict, finding)
        diverted = self._divert(verdict, finding) if is_venue else []
        if streak is None:
            return diverted or self._tell(verdict, finding)
        contain = self._terms.contain(finding.cause, verdict)
        if contain is not None:
            return self._contain(verdict, finding, streak, contain)
        watch = self._terms.watch(finding.cause)
        assert watch is not None
        if finding.cause is Cause.SENSOR_FAULT:
            self.guard.freeze(verdict.close_ns)
        return [*self._sayings.watch(verdict, finding, streak, watch), *diverted]

    def hear(self, drift: Drift) -> list[Decision]:
        """Raise a doubt because of a drift, unless it is part of a fault."""
        is_suspect = False
        if drift.session is not None:
            key = drafts.session_key(drift.session)
            is_suspect = drift.is_elevated or self._streaks.runs(key, drift.t_ns)
        return self.doubts.hear(drift, is_suspect=is_suspect)

    def distrust(self, lost: int, seen: int, now_ns: int) -> list[Decision]:
        """Weigh the mirror's own loss; above the limit, freeze and alert (SR-14).

        `lost` and `seen` are frames since the last call, `now_ns` capture time.
        """
        if lost * PPM // max(seen, 1) <= self._policy.trust.loss_ppm_max:
            return []
        self.guard.freeze(now_ns)
        return self._sayings.loss(lost, seen, now_ns)

    def foresee(self, verdict: Verdict) -> Decision | None:
        """Return the containment that `judge` would order, if it would; without id.

        The same steps on the same state, of which nothing is changed.
        """
        finding = self._findings.of(verdict)
        rule = self._terms.contain(finding.cause, verdict)
        if rule is None or self._proposals.stands(verdict, finding.cause):
            return None
        if not self._findings.is_likely(finding, verdict):
            return None
        window = one_window(verdict, finding, rule)
        streak = self._streaks.joined(drafts.subject(verdict), window)
        if not has_dwelt(streak, finding, rule):
            return None
        proposal = self._proposals.of(verdict, finding, streak, rule)
        if not isinstance(proposal, Decision):
            return None
        grounds = self._proposals.grounds(proposal, verdict, finding, streak, rule)
        facts = self.guard.facts(proposal, grounds)
        if self.guard.broken(proposal, facts) is not None:
            return None
        return self._let_out(proposal, facts)

    def outlook(self, verdict: Verdict) -> Outlook:
        """Return what `foresee` rests on at the gateway that a Verdict names."""
        address, now_ns = verdict.address, verdict.close_ns
        streak = self._streaks.of(drafts.subject(verdict))
        if streak is not None and streak.cause != NAMES[Cause.FLOOD]:
            streak = None
        return Outlook(
            streak=streak,
            rule=self._terms.contain(Cause.FLOOD, verdict),
            phase=self._terms.where(verdict)[1],
            is_chasing=self._proposals.is_chasing(address, now_ns),
            strangers=tuple(
                self._proposals.strangers(streak.sources if streak else ())
            ),
        )

    def unnameable(self) -> Iterator[str]:
        """Return who is not dropped without asking: who traded, who was contained."""
        yield from self._peers.clients
        yield from self.guard.targets

    def counters(self) -> dict[str, int]:
        """Return how often each guardrail refused, and how much was left unsaid."""
        counts = {why.value: n for why, n in self.guard.refused.items()}
        counts["latched"] = int(self.guard.is_latched)
        counts["muted"] = self._sayings.muted
        return counts

    def state(self) -> tuple[object, ...]:
        """Return everything the next judgement depends on, as a value."""
        return (
            self._streaks.state(),
            self._sayings.state(),
            self.guard.state(),
            self.doubts.state(),
            self._peers.state(),
            self._proposals.state(),
            self._diversions.state(),
            self._excess.state(),
            self._fills.state(),
            self._insists.state(),
            self._helds.state(),
        )

    def _weigh(
        self, verdict: Verdict, insisted: Finding | None
    ) -> tuple[Finding, Streak | None]:
        """Return the finding, and its streak when it has dwelt long enough."""
        key = drafts.subject(verdict)
        finding = self._findings.of(verdict)
        if finding.cause is not Cause.NORMAL:
            finding = self._excess.of(verdict, finding, key)
        finding = self._fills.of(verdict, finding, key)
        finding = self._helds.of(verdict, finding, key)
        if insisted is not None and not insisted.is_told and finding.is_weak:
            finding = insisted
        if finding.cause is Cause.NORMAL:
            if not finding.is_hard:  # what is only counted neither breaks nor mends
                self._streaks.forget(key)
                self._streaks.forget((VAGUE, *key))
            return finding, None
        contain = self._terms.contain(finding.cause, verdict)
        if finding.is_vague:
            # What is never acted upon lends no weight to what is.
            key = (VAGUE, *key)
        if finding.is_told and not finding.is_agreed:
            return finding, None
        if self._own_ns(verdict, finding):
            return finding, None
        if not self._findings.is_likely(finding, verdict):
            if contain is not None:
                evidence = evidence_of(verdict, finding, contain)
                self._streaks.weigh(key, finding.cause.value, evidence)
            return finding, None
        if self._proposals.stands(verdict, finding.cause):
            # What dwells while contained says nothing of what comes after.
            self._forget(verdict)
            return finding, self._above(verdict, finding, contain)
        watch = self._terms.watch(finding.cause)
        is_shared = watch is not None and finding.cause is not Cause.UNKNOWN
        if is_shared:
            # Not-contained causes move many sessions at once: one streak for the place.
            self._streaks.forget(key)
            key = ("place", NAMES[finding.cause], drafts.place(verdict))
        elif finding.cause is Cause.UNKNOWN:
            # Doubt neither counts towards another Cause nor breaks its streak.
            key = ("unknown", *key)
        streak = self._streaks.extend(key, one_window(verdict, finding, contain))
        if contain is not None:
            return finding, streak if has_dwelt(streak, finding, contain) else None
        assert watch is not None
        return finding, streak if streak.windows >= watch.dwell_windows else None

    def _own_ns(self, verdict: Verdict, finding: Finding) -> int:
        """Return how long what a window shows may be refusals of our own; 0: not."""
        feature = functools.partial(self._findings.feature, verdict)
        return self.guard.refusals.left_ns(verdict, finding, feature)

    def _tell(self, verdict: Verdict, finding: Finding) -> list[Decision]:
        """Say what is worth knowing before, or without, anything being done."""
        contain = self._terms.contain(finding.cause, verdict)
        window = one_window(verdict, finding, contain)
        if own_ns := self._own_ns(verdict, finding):
            reason = refused_words(finding.cause, own_ns)
            return self._sayings.evidence(verdict, finding, window, reason, kind="own")
        if contain is None:
            return []
        if self._proposals.stands(verdict, finding.cause):
            return []
        key = drafts.subject(verdict)
        streak = self._streaks.of((VAGUE, *key) if finding.is_vague else key)
        reason = told_words(streak, finding, contain)
        if not reason:
            return []
        return self._sayings.evidence(verdict, finding, window, reason, kind="told")

    def _above(
        self, verdict: Verdict, finding: Finding, rule: Contain | None
    ) -> Streak | None:
        """Return how long it has lasted against what stands, where that matters.

        For a rung above it; and, near its end, for whether to renew it.
        """
        if rule is None:
            return None
        has_rungs = bool(rule.rungs) and finding.cause is Cause.ALGO_FAULT
        if not has_rungs and not self._proposals.is_due(verdict, finding.cause, rule):
            return None
        window = msgspec.structs.replace(
            one_window(verdict, finding, rule), is_above=True
        )
        streak = self._streaks.extend(("above", *drafts.subject(verdict)), window)
        return streak if has_dwelt(streak, finding, rule) else None

    def _contain(
        self, verdict: Verdict, finding: Finding, streak: Streak, rule: Contain
    ) -> list[Decision]:
        """Propose a containment and pass it through the guardrails."""
        proposal = self._proposals.of(verdict, finding, streak, rule)
        if proposal is None:
            return []
        if isinstance(proposal, str):
            return self._sayings.evidence(verdict, finding, streak, proposal)
        if not streak.is_above:
            self._proposals.note(proposal)
        grounds = self._proposals.grounds(proposal, verdict, finding, streak, rule)
        ordered = self._pass(verdict, finding, streak, (proposal, grounds))
        asked = self._proposals.asked(verdict, finding, streak, rule, proposal)
        if asked is not None:
            ordered += self._pass(verdict, finding, streak, asked)
        return ordered

    def _divert(self, verdict: Verdict, finding: Finding) -> list[Decision]:
        """Drive round a fault of a line, where a path is proven up."""
        found = self._diversions.of(verdict, finding)
        if found is None:
            return []
        proposal, grounds, streak = found
        ordered = self._pass(verdict, finding, streak, (proposal, grounds))
        if any(one.action is Action.REROUTE for one in ordered):
            self._diversions.forget(verdict.address)
        return ordered

    def _pass(
        self,
        verdict: Verdict,
        finding: Finding,
        streak: Streak,
        proposed: tuple[Decision, Grounds],
    ) -> list[Decision]:
        """Pass a proposal through the guardrails; what they refuse is evidence."""
        proposal, grounds = proposed
        facts = self.guard.facts(proposal, grounds)
        refused = self.guard.weigh(proposal, facts)
        if refused is None:
            return self._issue(verdict, proposal, facts)
        if refused.why is Refusal.STANDING:
            return []
        if refused.why is Refusal.REPEATS:
            self.guard.refuse(proposal)
        return self._sayings.refuse(verdict, finding, streak, refused)

    def _issue(
        self, verdict: Verdict, proposal: Decision, facts: Facts
    ) -> list[Decision]:
        """Let a Decision out that passed every guardrail: to act, to people, or not."""
        decision = self._let_out(proposal, facts)
        is_quiet = self.guard.admit(decision)
        self.doubts.suspect(decision)
        self._forget(verdict)
        self._excess.forget(drafts.subject(verdict))
        self._fills.forget(drafts.subject(verdict))
        self._insists.forget(drafts.subject(verdict), decision.until_ns)
        if decision.cause is Cause.ALGO_FAULT and not decision.approvals_needed:
            self._fills.moved(drafts.subject(verdict), decision.until_ns)
        if not facts.left_ns:
            # And so does what stands from now on: it has its own time to work. What is
            # renewed has had it.
            self._streaks.forget(("above", *drafts.subject(verdict)))
        if is_quiet:
            return [drafts.with_id(decision)]
        budget = self._policy.budget
        page = drafts.latched(decision, LATCH, budget.actions_max, budget.window_ms)
        return [drafts.with_id(decision), page]

    def _let_out(self, proposal: Decision, facts: Facts) -> Decision:
        """Return a proposal that passed every guardrail in the mode it leaves in."""
        decision = self.doubts.lower(proposal)
        facts.is_doubted = int(decision.mode is not proposal.mode)
        mode = Mode.SHADOW
        if self.guard.leaves(facts):
            mode = Mode.PROPOSE if decision.approvals_needed else Mode.ENFORCE
        if mode is not decision.mode:
            decision = msgspec.structs.replace(decision, mode=mode)
        return decision

    def _forget(self, verdict: Verdict) -> None:
        """Start the subject's streak anew: what dwelt has been acted upon."""
        key = drafts.subject(verdict)
        self._streaks.forget(key)
        self._streaks.forget((VAGUE, *key))
