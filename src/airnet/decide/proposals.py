"""Proposals: the containment that fits a finding, before the guardrails look at it.

A proposal is a Decision, the reason why nothing autonomous fits (a string), or None
when everything that fits stands already.
"""

import msgspec

from airnet.decide import confinement, drafts, dwell, expulsion, forgery, wording
from airnet.decide.drops import Drops
from airnet.decide.dwell import has_dwelt
from airnet.decide.facts import Grounds
from airnet.decide.findings import ENVELOPE_RULE, Finding, Findings
from airnet.decide.guardrails import Guard
from airnet.decide.peers import Peers
from airnet.decide.policy import NS_PER_MS, Contain, Policy
from airnet.decide.protection import endpoint
from airnet.decide.rungs import Rungs
from airnet.decide.streaks import Streak, Streaks
from airnet.decide.terms import Terms
from airnet.domain.decision import Action, Decision, Mode, TargetType
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import OF_SESSIONS, WINDOW_GATEWAY, WINDOW_HOST

#: Fewer sessions moving together are no market, however few there are in all.
MARKET_SESSIONS_MIN = 3

#: Datagrams of hosts that belong here are market data sooner than a flood: what
#: strangers may not send, they may, so many times over.
KNOWN_DATAGRAMS = 8
DATAGRAMS_RULE = "gateway.datagrams_per_second"
PORT_SHARE = "busiest_port_share"
#: A gateway is used to datagrams that come at this rate, and half of its packets
#: (thousandths).
USUAL_PER_SECOND, HALF = 4, 500
#: Nearly all of them to one port; or to so many ports that they are of no service; and
#: hardly any of those who trade. Thousandths.
ONE_PORT, MANY_PORTS, FEW_KNOWN = 800, 300, 100


class Proposals:
    """Turns a finding into what policy would have done about it."""

    def __init__(
        self,
        policy: Policy,
        findings: Findings,
        guard: Guard,
        streaks: Streaks,
        peers: Peers,
        terms: Terms,
    ) -> None:
        self._policy = policy
        self._findings = findings
        self._guard = guard
        self._streaks = streaks
        self._peers = peers
        self._drops = Drops()
        self._terms = terms
        self._rungs = Rungs(guard, peers)

    def see(self, verdict: Verdict) -> None:
        """Take note of a flood whose sources are likely forged."""
        if forgery.is_likely(verdict, self._findings.feature):
            self._drops.doubt(verdict.address, verdict.close_ns)

    def state(self) -> tuple[object, ...]:
        """Return everything remembered, as a value."""
        return self._drops.state()

    def of(
        self, verdict: Verdict, finding: Finding, streak: Streak, rule: Contain
    ) -> Decision | str | None:
        """Return what fits the finding."""
        if rule.action == "evidence":
            return "policy keeps evidence only"
        if finding.cause is Cause.ALGO_FAULT:
            forged = forgery.objection(verdict, self._findings.feature)
            if forged:
                return forged
            if streak.is_above:
                _, phase = self._terms.where(verdict)
                found = self._rungs.above(verdict, finding, streak, rule, phase)
                if found is not None:
                    return self._wanted(found, rule, verdict)
                if not self.is_due(verdict, finding.cause, rule):
                    return None
            return self._throttle(verdict, finding, streak, rule)
        if finding.cause is Cause.FLOOD and verdict.window_kind != WINDOW_HOST:
            return self._shield(verdict, finding, streak, rule)
        return self._expel(verdict, finding, streak, rule)

    def stands(self, verdict: Verdict, cause: Cause) -> bool:
        """Return whether what airnet could order alone about this stands already."""
        now_ns = verdict.close_ns
        groups = self._targets(verdict, cause)
        return any(
            group and all(self._guard.stands(one, now_ns) for one in group)
            for group in groups
        )

    def is_due(self, verdict: Verdict, cause: Cause, rule: Contain) -> bool:
        """Return whether what stands of this is near its end, and may be renewed."""
        now_ns, ttl_ns = verdict.close_ns, rule.ttl_ms * NS_PER_MS
        return any(
            self._guard.is_due(one, now_ns, ttl_ns)
            for group in self._targets(verdict, cause)
            for one in group
        )

    def _targets(self, verdict: Verdict, cause: Cause) -> tuple[tuple[str, ...], ...]:
        """Return what could be contained about this: any of it, of each all."""
        if cause is Cause.ALGO_FAULT and verdict.session is not None:
            return ((drafts.subject(verdict)[1],),)
        if cause is Cause.COMPROMISE or verdict.window_kind == WINDOW_HOST:
            if not verdict.address:
                return ()
            return ((verdict.address,), *confinement.things(verdict))
        if cause is not Cause.FLOOD or verdict.window_kind != WINDOW_GATEWAY:
            return ()
        places = [(endpoint(verdict.address, port),) for port in (verdict.port, 0)]
        if verdict.fanout > self._policy.few_sources_max:
            return tuple(places)
        return (*places, verdict.sources)

    def note(self, proposal: Decision) -> None:
        """Remember that this was proposed, whatever becomes of it."""
        if proposal.cause is Cause.FLOOD and proposal.action is Action.DROP_SOURCES:
            ttl_ns = proposal.until_ns - proposal.t_ns
            self._drops.note(proposal.gateway, proposal.t_ns, ttl_ns)

    def is_chasing(self, gateway: str, now_ns: int) -> bool:
        """Return whether none is dropped: too many were, or they may be forged."""
        is_doubted = self._drops.is_doubted(gateway, now_ns)
        return is_doubted or self._drops.are_many(gateway, now_ns)

    def grounds(
        self,
        decision: Decision,
        verdict: Verdict,
        finding: Finding,
        streak: Streak,
        rule: Contain,
    ) -> Grounds:
        """Return what a proposal rests on, for the guardrails."""
        asset, phase = self._terms.where(verdict)
        is_host = verdict.window_kind == WINDOW_HOST
        # A session is aimed at by its connection, in which a Logon was read; a host,
        # when a gateway has answered it; a flood's sources are what frames claim.
        is_answered = (
            expulsion.is_answered(verdict, finding, self._findings.feature)
            if is_host
            else decision.target_type is TargetType.SESSION
        )
        if decision.action is Action.CONFINE_HOST:
            is_answered = confinement.is_own(verdict, self._findings.feature)
        return Grounds(
            is_hard=finding.is_hard,
            is_presigned=finding.is_presigned,
            probability_ppm=finding.probability_ppm,
            p_value_ppm=verdict.p_value_ppm,
            has_dwelt=has_dwelt(streak, finding, rule),
            is_answered=is_answered,
            stood_ns=streak.span_ns if streak.is_above else 0,
            hosts_beside=self._rungs.beside(verdict) if is_host else 0,
            asset=asset,
            phase=phase,
            is_enforced=decision.mode is not Mode.SHADOW,
        )

    def _wanted(self, decision: Decision, rule: Contain, verdict: Verdict) -> Decision:
        """Return the Decision in the mode that policy wants for its assets."""
        session = verdict.session
        assets: tuple[str, ...] = (verdict.address,)
        if session is not None:
            assets = (session.client_comp, drafts.place(verdict))
        return msgspec.structs.replace(decision, mode=drafts.mode(rule, assets))

    def _throttle(
        self, verdict: Verdict, finding: Finding, streak: Streak, rule: Contain
    ) -> Decision | str | None:
        session = verdict.session
        if session is None or verdict.window_kind not in OF_SESSIONS:
            return "no single session is named"
        client = endpoint(session.client, session.client_port)
        moving = self._streaks.alive(Cause.ALGO_FAULT, verdict.close_ns)
        percent = self._policy.budget.together_max_percent
        if (
            finding.rule != ENVELOPE_RULE
            and moving >= MARKET_SESSIONS_MIN
            and moving * 100 > percent * self._peers.session_count
        ):
            return (
                f"{moving} of {self._peers.session_count} sessions misbehave together, "
                f"more than {percent} percent: that is a market, not one algorithm"
            )
        ttl_ns = rule.ttl_ms * NS_PER_MS
        why = wording.sentence(
            wording.seen_words(verdict, finding, streak),
            dwell.words(streak, finding, rule),
            wording.throttle_words(ttl_ns),
        )
        draft = drafts.draft(verdict, finding, streak, Action.THROTTLE_SESSION, why)
        return msgspec.structs.replace(
            draft,
            target_type=TargetType.SESSION,
            target=(client, session.client_comp),
            until_ns=verdict.close_ns + ttl_ns,
            mode=drafts.mode(rule, (session.client_comp, drafts.place(verdict))),
        )

    def _shield(
        self, verdict: Verdict, finding: Finding, streak: Streak, rule: Contain
    ) -> Decision | str | None:
        if verdict.window_kind != WINDOW_GATEWAY or not verdict.address:
            return "no attacked gateway is named"
        streak = self._renewed(verdict, streak)
        place = endpoint(verdict.address, streak.port)
        fanout = max(verdict.fanout, len(verdict.sources))
        is_limited = self._guard.stands(place, verdict.close_ns)
        are_many = self._drops.are_many(verdict.address, verdict.close_ns)
        if (
            fanout > self._policy.few_sources_max
            or rule.action == "rate_limit_sources"
            or is_limited
            or (are_many and not streak.is_above)
        ):
            why = wording.rate_words(place, fanout, rule.ttl_ms * NS_PER_MS)
            return self._limit(verdict, finding, streak, rule, why)
        is_forged = self._drops.is_doubted(verdict.address, verdict.close_ns)
        strangers = [] if is_forged else self.strangers(streak.sources)
        is_data = _is_data(finding) and not self._is_astray(verdict, streak)
        if not strangers and is_data:
            if self._is_usual(verdict):
                return None
            return wording.data_words(KNOWN_DATAGRAMS, is_any=bool(streak.sources))
        if not strangers and not finding.is_hard:
            return wording.spared_words(is_any=bool(streak.sources))
        if not strangers:
            ttl_ns, is_any = rule.ttl_ms * NS_PER_MS, bool(streak.sources)
            why = wording.spare_words(place, ttl_ns, is_any=is_any)
            return self._limit(verdict, finding, streak, rule, why)
        now_ns, ttl_ns = verdict.close_ns, rule.ttl_ms * NS_PER_MS
        fresh = [
            source
            for source in strangers
            if not self._guard.stands(source, now_ns)
            or self._guard.is_due(source, now_ns, ttl_ns)
        ]
        if not fresh:
            return None
        target = tuple(fresh[: self._policy.budget.sources_per_decision_max])
        spared = len(streak.sources) - len(strangers)
        return self._drop(verdict, finding, streak, rule, (target, spared))

    def _is_usual(self, verdict: Verdict) -> bool:
        """Return whether one stranger, found guilty of nothing, sends more of its own.

        Where datagrams always came, of no service that answers, they are market data.
        """
        feature = self._findings.feature
        return (
            verdict.fanout == 1
            and not verdict.sources
            and (feature(verdict, "baseline") or 0) >= USUAL_PER_SECOND
            and not feature(verdict, "reflector_share")
            and (feature(verdict, "known_share") or 0) < HALF
        )

    def _is_astray(self, verdict: Verdict, streak: Streak) -> bool:
        """Return whether datagrams go where none belong, of nobody who belongs here.

        Where orders are taken, by TCP, or to ports at random; and hardly any before.
        """
        feature = self._findings.feature
        known, share = feature(verdict, "known_share"), feature(verdict, PORT_SHARE)
        if streak.sources or known is None or share is None or known > FEW_KNOWN:
            return False
        if (feature(verdict, "baseline") or 0) >= USUAL_PER_SECOND:
            return False
        is_at_orders = self._peers.is_venue(verdict.address, verdict.port)
        return share <= MANY_PORTS or (share >= ONE_PORT and is_at_orders)

    def _renewed(self, verdict: Verdict, streak: Streak) -> Streak:
        """Return the streak with the port that a standing limit is for."""
        is_any = self._guard.stands(endpoint(verdict.address, 0), verdict.close_ns)
        if streak.is_above and is_any:
            return msgspec.structs.replace(streak, port=0)
        return streak

    def _limit(
        self,
        verdict: Verdict,
        finding: Finding,
        streak: Streak,
        rule: Contain,
        done: str,
    ) -> Decision:
        """Return a limit on who has no session at the gateway: it names no source."""
        place = endpoint(verdict.address, streak.port)
        why = wording.sentence(wording.seen_words(verdict, finding, streak), done)
        draft = drafts.draft(verdict, finding, streak, Action.RATE_LIMIT_SOURCES, why)
        return msgspec.structs.replace(
            draft,
            target_type=TargetType.GATEWAY,
            target=(place,),
            until_ns=verdict.close_ns + rule.ttl_ms * NS_PER_MS,
            mode=drafts.mode(rule, (place, *self._peers.places(verdict.address))),
        )

    def _drop(
        self,
        verdict: Verdict,
        finding: Finding,
        streak: Streak,
        rule: Contain,
        named: tuple[tuple[str, ...], int],
    ) -> Decision:
        """Return a drop of the sources `named`, with how many others were spared."""
        target, spared = named
        place = endpoint(verdict.address, streak.port)
        ttl_ns = rule.ttl_ms * NS_PER_MS
        done = wording.drop_words(target, spared, ttl_ns)
        why = wording.sentence(wording.seen_words(verdict, finding, streak), done)
        draft = drafts.draft(verdict, finding, streak, Action.DROP_SOURCES, why)
        return msgspec.structs.replace(
            draft,
            target_type=TargetType.SOURCE,
            target=target,
            until_ns=verdict.close_ns + ttl_ns,
            mode=drafts.mode(rule, (place, *self._peers.places(verdict.address))),
        )

    def _expel(
        self, verdict: Verdict, finding: Finding, streak: Streak, rule: Contain
    ) -> Decision | str:
        protected = self._guard.protection.source_reason(verdict.address)
        feature = self._findings.feature
        reason = expulsion.objection(verdict, finding, feature, protected)
        if reason:
            how = verdict, finding, streak, rule
            if not confinement.lacks(how, feature, self._peers):
                return self._wanted(confinement.draft(*how), rule, verdict)
            return self._isolation(verdict, finding, streak, rule) or reason
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
            mode=drafts.mode(rule, (verdict.address,)),
        )

    def asked(
        self,
        verdict: Verdict,
        finding: Finding,
        streak: Streak,
        rule: Contain,
        proposal: Decision,
    ) -> tuple[Decision, Grounds] | None:
        """Return what people are asked beside what airnet does alone: to isolate."""
        if proposal.action is not Action.CONFINE_HOST:
            return None
        found = self._isolation(verdict, finding, streak, rule)
        if found is None:
            return None
        return found, self.grounds(found, verdict, finding, streak, rule)

    def _isolation(
        self, verdict: Verdict, finding: Finding, streak: Streak, rule: Contain
    ) -> Decision | None:
        """Return the isolation of a known host, for people, if policy has it."""
        if finding.rule in expulsion.STANDBY_RULES:
            return None
        _, phase = self._terms.where(verdict)
        found = self._rungs.isolation(verdict, finding, streak, rule, phase)
        return self._wanted(found, rule, verdict) if found else None

    def strangers(self, sources: tuple[str, ...]) -> list[str]:
        """Return the sources that may be cut: strangers to site and sessions."""
        return [
            source
            for source in sources
            if not self._guard.protection.source_reason(source)
            and not self._peers.is_client(source)
        ]


def _is_data(finding: Finding) -> bool:
    """Return whether that many datagrams may be data among hosts that belong here."""
    if finding.rule != DATAGRAMS_RULE:
        return False
    return finding.measured < KNOWN_DATAGRAMS * finding.limit
