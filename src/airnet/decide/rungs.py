"""Rungs: what is proposed above T4, to people, when what is below does not suffice.

Of a session, while what stands of it stands in vain or a hard limit broke: its process
is slowed, its orders are cancelled, it is disabled, its process is frozen, as far as a
policy has these. Of a known host that is compromised: it is isolated; of
several in one subnet: the subnet.
"""

from collections.abc import Iterator

import msgspec

from airnet.decide import drafts, wording
from airnet.decide.aims import FROM
from airnet.decide.findings import Finding
from airnet.decide.guardrails import Guard
from airnet.decide.ladder import Rung, step_of
from airnet.decide.limits import FITTING
from airnet.decide.market import Phase
from airnet.decide.peers import Peers
from airnet.decide.policy import NS_PER_MS, Contain
from airnet.decide.protection import endpoint, number
from airnet.decide.streaks import Streak
from airnet.domain.decision import Action, Decision, TargetType, Tier
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import OF_SESSIONS, WINDOW_HOST


def is_signed(rung: Rung, finding: Finding) -> bool:
    """Return whether two people signed beforehand what broke."""
    return rung.presigned and finding.is_hard and finding.is_presigned


def approvals_of(rung: Rung, finding: Finding, phase: Phase) -> int:
    """Return how many people must agree before the rung is taken."""
    if is_signed(rung, finding):
        return 0
    if rung.alone_when_closed and phase is Phase.CLOSED:
        return 0
    return rung.approvals


class Rungs:
    """Chooses the next rung of a Cause's rule, and drafts it."""

    def __init__(self, guard: Guard, peers: Peers) -> None:
        self._guard = guard
        self._peers = peers

    def above(
        self,
        verdict: Verdict,
        finding: Finding,
        streak: Streak,
        rule: Contain,
        phase: Phase,
    ) -> Decision | None:
        """Return what goes beyond what stands of the Verdict's session, if anything."""
        session = verdict.session
        if session is None or verdict.window_kind not in OF_SESSIONS:
            return None
        client = endpoint(session.client, session.client_port)
        height = self._guard.height_of(client, verdict.close_ns)
        for rung in _ordered(rule, Cause.ALGO_FAULT):
            if step_of(Action(rung.action)) <= height:
                continue
            # A hard limit goes beyond T4 at once. What stands there is given its time.
            is_first = height[0] < Tier.KILL_ALGO and finding.is_hard
            if not is_first and streak.span_ns < rung.after_ms * NS_PER_MS:
                return None
            draft = self._draft(verdict, finding, streak, rung, phase)
            return msgspec.structs.replace(
                draft,
                target_type=TargetType.SESSION,
                target=(client, session.client_comp),
            )
        return None

    def isolation(
        self,
        verdict: Verdict,
        finding: Finding,
        streak: Streak,
        rule: Contain,
        phase: Phase,
    ) -> Decision | None:
        """Return the isolation of a known host, or of its subnet, if policy has it."""
        if verdict.window_kind != WINDOW_HOST or not verdict.address:
            return None
        if not verdict.known and not self._guard.protection.is_host(verdict.address):
            return None
        subnet = self._peers.subnet(number(verdict.address))
        is_wide = bool(subnet) and self.beside(verdict) > 0
        for rung in reversed(_ordered(rule, Cause.COMPROMISE)):
            is_subnet = rung.action == "isolate_subnet"
            if is_subnet and not is_wide:
                continue
            draft = self._draft(verdict, finding, streak, rung, phase)
            kind = TargetType.SUBNET if is_subnet else TargetType.HOST
            target = subnet if is_subnet else verdict.address
            return msgspec.structs.replace(draft, target_type=kind, target=(target,))
        return None

    def beside(self, verdict: Verdict) -> int:
        """Return how many other hosts of the host's subnet are isolated or to be."""
        subnet = self._peers.subnet(number(verdict.address))
        if not subnet:
            return 0
        hosts = self._hosts(verdict.close_ns)
        return sum(
            1
            for host in hosts
            if host != verdict.address and self._peers.subnet(number(host)) == subnet
        )

    def _hosts(self, now_ns: int) -> Iterator[str]:
        for target in self._guard.standing(TargetType.HOST, now_ns):
            if "/" not in target and FROM not in target:
                yield target

    def _draft(
        self,
        verdict: Verdict,
        finding: Finding,
        streak: Streak,
        rung: Rung,
        phase: Phase,
    ) -> Decision:
        ttl_ns = rung.ttl_ms * NS_PER_MS
        approvals = approvals_of(rung, finding, phase)
        signed = is_signed(rung, finding)
        leave = wording.leave_words(approvals, is_presigned=signed)
        why = wording.sentence(
            wording.seen_words(verdict, finding, streak),
            wording.rung_words(rung.action, leave, ttl_ns),
        )
        draft = drafts.draft(verdict, finding, streak, Action(rung.action), why)
        return msgspec.structs.replace(
            draft, until_ns=verdict.close_ns + ttl_ns, approvals_needed=approvals
        )


def _ordered(rule: Contain, cause: Cause) -> list[Rung]:
    """Return the rungs that speak of a Cause's kind of target, lowest first."""
    is_session = cause is Cause.ALGO_FAULT
    fitting = {action.value for action in FITTING[Cause.ALGO_FAULT]}
    found = [rung for rung in rule.rungs if (rung.action in fitting) is is_session]
    return sorted(found, key=lambda rung: step_of(Action(rung.action)))
