"""Diversions: whether a fault of a line is driven round, and by which path.

The paths are the site's: no field of a frame chooses one. That one is up is proved by
its witness, a gateway spoken to by that path alone, whose answers the mirror shows. So
what makes every gateway slow, a market or our own mirror, proves no path better: it is
told, as ever, and the witness must not be slow itself.
"""

import msgspec

from airnet.config import Site
from airnet.decide import drafts, wording
from airnet.decide.divert import ANSWER_RULES, Divert
from airnet.decide.dwell import one_window
from airnet.decide.facts import Grounds
from airnet.decide.findings import Finding
from airnet.decide.guardrails import Guard
from airnet.decide.policy import NS_PER_MS, Policy
from airnet.decide.protection import canonical
from airnet.decide.streaks import Key, Streak, Streaks
from airnet.decide.terms import Terms
from airnet.domain.decision import Action, Decision, Mode, TargetType
from airnet.domain.session import Heard
from airnet.domain.verdict import PPM, Cause, Verdict
from airnet.domain.window import WINDOW_VENUE

#: A gateway is judged by what it answers, and few orders make few windows.
GAP_NS = 1_000_000_000
#: A path whose witness nothing was ever heard of.
NEVER_NS = 1 << 62


class Diversions:
    """Proposes to drive round a fault, where the site has another path."""

    def __init__(self, policy: Policy, site: Site, guard: Guard, terms: Terms) -> None:
        self._rule: Divert = policy.cause.venue_fault.divert
        self._guard = guard
        self._terms = terms
        self._streaks = Streaks(GAP_NS)
        self._paths: dict[str, list[str]] = {}
        self._witnesses: dict[str, str] = {}
        for path in site.paths:
            self._paths.setdefault(canonical(path.gateway), []).append(path.name)
            self._witnesses[path.name] = canonical(path.witness)
        watched = set(self._witnesses.values())
        self._heard_ns = dict.fromkeys(watched, 0)
        self._faulty_ns = dict.fromkeys(watched, 0)

    def hear(self, heard: Heard) -> None:
        """Take note that a gateway has answered."""
        if heard.address in self._heard_ns:
            self._heard_ns[heard.address] = heard.close_ns

    def of(
        self, verdict: Verdict, finding: Finding
    ) -> tuple[Decision, Grounds, Streak] | None:
        """Return what fits, on what grounds; None where there is nothing to do."""
        if verdict.window_kind != WINDOW_VENUE or not self._witnesses:
            return None
        now_ns = verdict.close_ns
        if verdict.address in self._faulty_ns:
            self._faulty_ns[verdict.address] = now_ns
        names = self._paths.get(verdict.address)
        if names is None or not self._is_answer(finding):
            return None
        if any(self._guard.stands(name, now_ns) for name in names):
            return None  # either it helps, or this fault is not the line's
        key = (verdict.address,)
        streak = self._streaks.extend(key, one_window(verdict, finding, None))
        has_dwelt = (
            streak.windows >= self._rule.dwell_windows
            and streak.span_ns >= self._rule.dwell_ms * NS_PER_MS
        )
        if not has_dwelt:
            return None
        age_ns, name = min(
            ((self._age_ns(name, now_ns), name) for name in names),
            key=lambda one: one[0],
        )
        decision = self._draft(verdict, finding, streak, name)
        asset, phase = self._terms.where(verdict)
        grounds = Grounds(
            is_hard=finding.is_hard,
            probability_ppm=finding.probability_ppm,
            p_value_ppm=verdict.p_value_ppm if not finding.is_hard else PPM,
            has_dwelt=has_dwelt,
            is_answered=finding.rule in ANSWER_RULES,
            path_age_ns=age_ns,
            asset=asset,
            phase=phase,
            is_enforced=decision.mode is Mode.ENFORCE,
        )
        return decision, grounds, streak

    def forget(self, address: str) -> None:
        """Begin anew with a gateway: what dwelt has been acted upon."""
        self._streaks.forget((address,))

    def state(self) -> tuple[tuple[tuple[Key, Streak], ...], tuple[int, ...]]:
        """Return everything remembered, as a value."""
        heard = (*self._heard_ns.values(), *self._faulty_ns.values())
        return self._streaks.state(), heard

    def _is_answer(self, finding: Finding) -> bool:
        is_fault = finding.cause is Cause.VENUE_FAULT and finding.is_hard
        return is_fault and finding.rule in self._rule.rules

    def _age_ns(self, name: str, now_ns: int) -> int:
        """Return how long ago a path was last known to be up, and not faulty itself."""
        witness = self._witnesses[name]
        heard_ns = self._heard_ns[witness]
        faulty_ns = self._faulty_ns[witness]
        least_ns = self._rule.path_age_ms * NS_PER_MS
        if not heard_ns or (faulty_ns and now_ns - faulty_ns <= least_ns):
            return NEVER_NS
        return max(0, now_ns - heard_ns)

    def _draft(
        self, verdict: Verdict, finding: Finding, streak: Streak, name: str
    ) -> Decision:
        """Return the reroute, of everything that goes to the gateway."""
        ttl_ns = self._rule.ttl_ms * NS_PER_MS
        done = wording.reroute_words(verdict.address, name, ttl_ns)
        why = wording.sentence(wording.seen_words(verdict, finding, streak), done)
        draft = drafts.draft(verdict, finding, streak, Action.REROUTE, why)
        rule = self._rule
        is_ours = not rule.assets or drafts.place(verdict) in rule.assets
        is_enforced = rule.mode is Mode.ENFORCE and is_ours
        return msgspec.structs.replace(
            draft,
            target_type=TargetType.PATH,
            target=(name,),
            until_ns=verdict.close_ns + ttl_ns,
            mode=Mode.ENFORCE if is_enforced else Mode.SHADOW,
            port=0,
        )
