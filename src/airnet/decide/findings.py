"""Findings: what one Verdict amounts to once hard limits have been looked at.

A hard limit is a fact: it outranks the model's opinion, an abstention included. Three
of them, strongest first: the registered envelope of the session's algorithm, the
policy's own rules over features, and a rule the scorer says has fired.
"""

import functools
from collections.abc import Mapping

import msgspec

from airnet.config import Site
from airnet.decide import lasting, likeness
from airnet.decide.errands import is_errand
from airnet.decide.policy import WINDOW_KINDS, Policy, ppm
from airnet.decide.terms import Terms
from airnet.domain.address import address_bytes, address_text
from airnet.domain.drift import Run
from airnet.domain.verdict import PPM, Cause, Verdict
from airnet.domain.window import WINDOW_SESSION
from airnet.errors import ConfigError

#: What a rule's name begins with when a model's opinion, not a limit, is meant.
MODEL = "model."

ENVELOPE_RULE = "envelope.orders_per_second"

#: The client's new orders, an exponential mean of 1 s, in tenths of an order a second
#: (airnet.features.schema): a burst inside a second is no breach, a second of it is.
ORDERS_FEATURE = "rate_new_1s"
ORDERS_PER_SECOND = 10

#: Rules whose second witness no model is. That one doubts how fast a session is says
#: nothing of prices and sizes, which have long tails in news as well. Like orders one
#: after the other, faster than usual, are what a loop sends and what an iceberg or a
#: large order in pieces does: models trained on loops are sure of both. What tells them
#: apart, refusals, cancels, or that it goes on without end, other rules ask for. Nor
#: of lists of names that are filled, which pairs, baskets and creations are.
UNSECONDED = frozenset(
    {
        "session.quantity_over_usual",
        "session.likely_loop_per_second",
        "session.one_order_without_a_past",
        "order.turned_at_a_loss",
        "order.undone",
        "order.undone_at_length",
        "order.undone_from_the_start",
        "order.quantity_over_largest",
        "order.quantity_over_own",
        "order.price_over_trades",
        "order.price_and_quantity",
        "order.met_by_one_session",
        "order.sent_on_while_refused",
        "session.filled_in_all_symbols",
        "session.filled_in_many_symbols",
        "session.filled_while_others_rest",
        "session.filled_evenly",
        "session.filled_at_length",
    }
)

Columns = Mapping[int, Mapping[str, int]]


class Finding(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a window shows, by which rule, measured against which limit.

    `is_hard` says that a limit, not a model, spoke; `is_presigned`, that two people
    had signed that limit for what takes people otherwise. A limit that policy has only
    told (`is_told`) is acted upon where the models agree (`is_agreed`). An opinion of
    what no fault does (`is_vague`) gathers evidence, and is never acted upon.
    """

    cause: Cause
    rule: str
    measured: int
    limit: int
    probability_ppm: int
    is_hard: bool = False
    is_presigned: bool = False
    is_told: bool = False
    is_agreed: bool = False
    is_vague: bool = False

    @property
    def is_weak(self) -> bool:
        """Return whether no limit that is acted upon has spoken."""
        return not self.is_hard or self.is_told or self.cause is Cause.NORMAL


class Findings:
    """Turns Verdicts into Findings, by policy, site and the columns' names.

    An envelope of the policy binds sessions of its algorithm in its version; one of
    the site file, those whose algorithm has none in the policy.

    Raises:
        ConfigError: a rule names a feature that the schema of its window lacks.
    """

    def __init__(
        self, policy: Policy, site: Site, columns: Columns, terms: Terms
    ) -> None:
        self._policy = policy
        self._columns = columns
        self._terms = terms
        self._envelopes = envelopes(policy, site)
        for rule in policy.rules:
            names = columns.get(WINDOW_KINDS[rule.window])
            if names is not None and rule.feature not in names:
                raise ConfigError(
                    f"policy: rule {rule.name}: {rule.window} windows have no feature "
                    f"{rule.feature}",
                    f"use one of {', '.join(sorted(names))}",
                )

    def of(self, verdict: Verdict) -> Finding:
        """Return what the window shows: the strongest finding only."""
        return self._envelope(verdict) or self._limit(verdict) or self._opinion(verdict)

    def is_likely(self, finding: Finding, verdict: Verdict) -> bool:
        """Return whether the finding is sure enough for its Cause's policy."""
        if finding.cause is Cause.NORMAL:
            return False
        if finding.is_hard:
            return True
        rule = self._terms.contain(finding.cause, verdict)
        if rule is not None and verdict.p_value_ppm > ppm(rule.p_value_max):
            return False
        least = self._terms.least_ppm(finding.cause, verdict)
        return finding.probability_ppm >= least

    def _envelope(self, verdict: Verdict) -> Finding | None:
        if verdict.window_kind != WINDOW_SESSION or verdict.session is None:
            return None
        limit = self._envelopes.get(verdict.session.client_comp)
        if limit is None:
            return None
        tenths = self.feature(verdict, ORDERS_FEATURE)
        if tenths is None or tenths <= limit * ORDERS_PER_SECOND:
            return None
        return Finding(
            cause=Cause.ALGO_FAULT,
            rule=ENVELOPE_RULE,
            measured=-(-tenths // ORDERS_PER_SECOND),
            limit=limit,
            probability_ppm=PPM,
            is_hard=True,
        )

    def _limit(self, verdict: Verdict) -> Finding | None:
        for rule in self._policy.rules:
            if WINDOW_KINDS[rule.window] != verdict.window_kind:
                continue
            value = self.feature(verdict, rule.feature)
            if value is not None and value > rule.limit:
                return Finding(
                    cause=Cause(rule.cause),
                    rule=rule.name,
                    measured=value,
                    limit=rule.limit,
                    probability_ppm=PPM,
                    is_hard=True,
                    is_presigned=rule.is_presigned,
                )
        return None

    def _opinion(self, verdict: Verdict) -> Finding:
        """Return what the scorer said; an abstention without a rule is unknown.

        A model names itself (`model.NAME`) with the feature that stands for its Cause.
        Where that feature is not above its benign limit, the probability is what is
        measured, in parts per million: a value below its limit explains nothing.
        """
        is_hard = bool(verdict.rule) and not verdict.rule.startswith(MODEL)
        cause = verdict.cause
        if not is_hard and (verdict.abstains or self._is_honest(verdict)):
            cause = Cause.UNKNOWN
        rule = verdict.rule or f"{MODEL}{cause.value}"
        measured, limit = verdict.measured, verdict.limit
        if not is_hard and measured <= limit:
            rule = f"{rule}.probability_ppm"
            measured, limit = (
                verdict.probability_ppm,
                self._terms.least_ppm(cause, verdict),
            )
        return Finding(
            cause=cause,
            rule=rule,
            measured=measured,
            limit=limit,
            probability_ppm=verdict.probability_ppm,
            is_hard=is_hard,
            is_told=is_hard and self._is_told(verdict),
            is_agreed=is_hard and self._is_agreed(verdict),
            is_vague=not is_hard and self._is_vague(verdict),
        )

    def _is_told(self, verdict: Verdict) -> bool:
        """Return whether a rule is said, and not acted upon alone: policy has it so.

        Or what broke it may pass by itself.
        """
        rule = self._terms.contain(verdict.cause, verdict)
        if rule is None:
            return False
        if verdict.rule in rule.told:
            return True
        feature = functools.partial(self.feature, verdict)
        return lasting.may_pass(verdict.rule, feature)

    def _is_agreed(self, verdict: Verdict) -> bool:
        """Return whether both models agree with a rule that alone is only told."""
        rule = self._terms.contain(verdict.cause, verdict)
        if rule is None or not rule.agreed_min or verdict.rule not in rule.told:
            return False
        if verdict.rule in UNSECONDED:
            return False
        least = ppm(rule.agreed_min)
        if verdict.probability_ppm < least:
            return False
        is_seconded = verdict.second is verdict.cause and verdict.second_ppm >= least
        if verdict.second is not None and not is_seconded:
            return False
        feature = functools.partial(self.feature, verdict)
        if lasting.may_pass(verdict.rule, feature):
            return False
        if is_errand(feature):
            return False
        return not any(looks_so(feature) for looks_so in likeness.HONEST)

    def _is_honest(self, verdict: Verdict) -> bool:
        """Return whether what a model takes for a fault is honest all the same."""
        if verdict.cause is not Cause.ALGO_FAULT:
            return False
        return likeness.is_honest(functools.partial(self.feature, verdict))

    def _is_vague(self, verdict: Verdict) -> bool:
        """Return whether an opinion is of nothing that a fault does."""
        if verdict.cause is not Cause.ALGO_FAULT:
            return False
        feature = functools.partial(self.feature, verdict)
        return is_errand(feature) or likeness.is_vague(feature)

    def feature(self, verdict: Verdict, name: str) -> int | None:
        """Return a feature of the Verdict's window; None when it has none of it."""
        index = self._columns.get(verdict.window_kind, {}).get(name)
        if index is None or index >= len(verdict.features):
            return None
        return verdict.features[index]


def runs(policy: Policy, site: Site) -> dict[tuple[str, str], Run]:
    """Return what each session runs and what of it is signed, by CompID and host."""
    signed: dict[str, tuple[str, ...]] = {}
    for one in policy.envelopes:
        signed[one.algorithm] = (*signed.get(one.algorithm, ()), one.version)
    return {
        (each.comp_id, address_text(address_bytes(each.host))): Run(
            algorithm=each.algorithm,
            version=each.version,
            signed=signed.get(each.algorithm, ()),
        )
        for firm in site.firms
        for each in firm.sessions
    }


def envelopes(policy: Policy, site: Site) -> dict[str, int]:
    """Return new orders a second that each session may send, by CompID."""
    signed = {
        (e.algorithm, e.version): e.orders_per_second_max for e in policy.envelopes
    }
    bound = {algorithm for algorithm, _ in signed}
    listed = {a.id: a.orders_per_second_max for a in site.algorithms}
    found = {}
    for session in (each for firm in site.firms for each in firm.sessions):
        algorithm = session.algorithm
        limit = signed.get((algorithm, session.version), 0)
        if algorithm not in bound:
            limit = listed.get(algorithm, 0)
        if limit > 0:
            found[session.comp_id] = limit
    return found
