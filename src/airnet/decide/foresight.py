"""Foresight: what would be ordered if a hard rule of floods broke at a gateway now.

Asked before there is a flood, of the judge himself: the same rules, guardrails and
proofs, on the state of this moment. What he says is armed in the kernel's fast lane
(docs/adr, "Decided in advance"), and holds until something changes that he looked at.
Whoever floods is not known yet, so addresses that nobody has stand for the sources.
"""

from typing import NamedTuple

from airnet.config import Site
from airnet.decide.judge import Judge
from airnet.decide.outlook import Outlook
from airnet.decide.policy import NS_PER_MS, WINDOW_KINDS, Policy
from airnet.domain.decision import Action, Decision, Mode, with_id
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import WINDOW_GATEWAY

#: TEST-NET-1, of which nobody sends. Source: RFC 5737.
STRANGERS = tuple(f"192.0.2.{number}" for number in range(1, 9))
#: Never less sure than a fact (airnet.score.opinion).
SURE_PPM = 990_000


class Foreseen(NamedTuple):
    """What holds at one gateway from `from_ns` on, by capture time.

    `limit` is ordered where too many sources are named, or nobody; `drop`, of those who
    are, at most `targets_max` and not more than `few`. `at_once` are the rules of which
    one window is enough; `is_next` says that one window more of any is, until
    `streak_until_ns`. `port` is the only one it was asked for, 0: any will do.
    """

    from_ns: int
    until_ns: int
    port: int
    limit: Decision | None
    drop: Decision | None
    few: int
    targets_max: int
    at_once: tuple[str, ...]
    is_next: bool
    streak_until_ns: int
    streak_port: int
    sources: tuple[str, ...]


class Foresight:
    """Asks a Judge about floods that are not there.

    Args:
        judge: whose state it looks at and does not change.
        policy: his.
        site: his.
        span_ns: how far it looks ahead, in capture time.
    """

    def __init__(self, judge: Judge, policy: Policy, site: Site, span_ns: int) -> None:
        self._judge = judge
        self._policy = policy
        self._span_ns = span_ns
        flood = policy.contain(Cause.FLOOD)
        # What policy measures of gateways itself outranks what is foreseen here.
        self._is_blind = flood is None or any(
            WINDOW_KINDS[rule.window] == WINDOW_GATEWAY for rule in policy.rules
        )
        self._is_plain = flood is not None and not flood.assets and not flood.when
        self._has_limited = any(True for _ in judge.guard.targets)

    def heard(self, decision: Decision) -> None:
        """Take note of an order: ports count once a gateway has been limited."""
        self._has_limited |= decision.action is Action.RATE_LIMIT_SOURCES

    def of(
        self, address: str, port: int, now_ns: int, likely: Action | None = None
    ) -> Foreseen | None:
        """Return what would be ordered at a gateway; None: nothing at once.

        With `likely`, DROP_SOURCES or RATE_LIMIT_SOURCES, only that is asked for, and
        only of rules of which one window is enough: it takes a third of the time.
        """
        if self._is_blind:
            return None
        look = self._judge.outlook(_window(address, port, now_ns))
        rule, until_ns = look.rule, now_ns + self._span_ns
        later = self._judge.outlook(_window(address, port, until_ns))
        if rule is None or (later.phase, later.is_chasing, later.rule) != (
            look.phase,
            look.is_chasing,
            rule,
        ):
            return None
        alive_ns = self._alive_ns(look)
        at_once = tuple(rule.at_once)
        asked = at_once[0] if at_once else ""
        is_next = (
            likely is None
            and alive_ns >= now_ns
            and self._is_next(address, port, now_ns)
        )
        if not asked and is_next:
            asked = "gateway.any"
        if not asked:
            return None
        many = self._policy.few_sources_max + 1
        limit = drop = None
        if likely is not Action.RATE_LIMIT_SOURCES:
            drop = self._drop(address, port, now_ns, asked)
        few = self._policy.few_sources_max
        if drop is not None and drop.action is Action.RATE_LIMIT_SOURCES:
            drop, few, likely = None, 0, None
        if likely is not Action.DROP_SOURCES:
            limit = self._order(_window(address, port, now_ns, asked, (), many))
        if alive_ns >= now_ns and len(look.strangers) > len(STRANGERS):
            drop = None
        return Foreseen(
            from_ns=now_ns,
            until_ns=until_ns,
            port=0 if self._is_plain and not self._has_limited else port,
            limit=limit,
            drop=drop,
            few=few,
            targets_max=min(
                self._policy.budget.sources_per_decision_max, len(STRANGERS)
            ),
            at_once=at_once,
            is_next=is_next,
            streak_until_ns=alive_ns,
            streak_port=look.streak.port if look.streak is not None else 0,
            sources=look.strangers[: len(STRANGERS)],
        )

    def _alive_ns(self, look: Outlook) -> int:
        """Return until when a window continues its streak; 0: there is none."""
        if look.streak is None:
            return 0
        return look.streak.close_ns + self._policy.hysteresis.gap_ms * NS_PER_MS

    def _is_next(self, address: str, port: int, now_ns: int) -> bool:
        """Return whether any hard rule is enough now, as another window of a streak."""
        many = self._policy.few_sources_max + 1
        window = _window(address, port, now_ns, "gateway.any", (), many)
        return self._order(window) is not None

    def _drop(self, address: str, port: int, now_ns: int, rule: str) -> Decision | None:
        """Return what is ordered when as many as may be named are."""
        budget = self._policy.budget
        count = min(budget.sources_per_decision_max, self._policy.few_sources_max)
        named = STRANGERS[:count]
        if not named:
            return None
        window = _window(address, port, now_ns, rule, named, len(named))
        return self._order(window)

    def _order(self, verdict: Verdict) -> Decision | None:
        found = self._judge.foresee(verdict)
        if found is None or found.mode is not Mode.ENFORCE or found.approvals_needed:
            return None
        return with_id(found)


def _window(
    address: str,
    port: int,
    now_ns: int,
    rule: str = "",
    sources: tuple[str, ...] = (),
    fanout: int = 0,
) -> Verdict:
    """Return the Verdict of a gateway's window that breaks a hard rule."""
    return Verdict(
        window_kind=WINDOW_GATEWAY,
        subject=0,
        open_ns=now_ns,
        close_ns=now_ns,
        frame_count=0,
        first_ns=now_ns,
        accepted_ns=now_ns,
        cause=Cause.FLOOD,
        probability_ppm=SURE_PPM,
        abstains=False,
        rule=rule,
        measured=1,
        limit=0,
        features=(),
        schema="",
        model="",
        address=address,
        port=port,
        sources=sources,
        fanout=fanout,
    )
