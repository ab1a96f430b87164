"""Lift: the Verdicts by which a judge would come to a counterexample's Decision.

A counterexample is of the guardrails alone: whatever proposes, they must refuse. Where
what proposes today does come to it, from windows like these, it is no remote danger
but what happens on that day.
"""

from collections.abc import Iterator

import msgspec

from airnet.decide.facts import Facts, Grounds
from airnet.decide.guardrails import Refused
from airnet.decide.judge import Judge
from airnet.domain.columns import SCHEMAS
from airnet.domain.decision import Action, Decision
from airnet.domain.verdict import PPM, Cause, Verdict
from airnet.domain.window import WINDOW_GATEWAY, WINDOW_HOST, WINDOW_SESSION
from airnet.prove import claims
from airnet.prove.incident import Incident, grounds_of, truth_of

#: Windows of one subject, and the time between them: longer than any dwell.
WINDOWS, STEP_NS = 120, 100_000_000
COLUMNS = {
    kind: {name: column for column, name in enumerate(schema.names)}
    for kind, schema in SCHEMAS.items()
}


def verdicts_of(incident: Incident) -> Iterator[Verdict]:
    """Yield windows in which what the Decision is against goes on and on."""
    decision, grounds = incident.decision, incident.grounds
    kind = {
        Cause.ALGO_FAULT: WINDOW_SESSION,
        Cause.FLOOD: WINDOW_GATEWAY,
    }.get(decision.cause, WINDOW_HOST)
    names = SCHEMAS[kind].names
    row = tuple(int(grounds.is_answered and name == "met") for name in names)
    is_many = decision.action is Action.RATE_LIMIT_SOURCES
    fanout = 1 + incident.policy.few_sources_max if is_many else len(decision.target)
    gateway = incident.site.gateways[0] if incident.site.gateways else None
    for number in range(WINDOWS):
        close_ns = decision.t_ns + number * STEP_NS
        plain = Verdict(
            window_kind=kind,
            subject=0,
            open_ns=close_ns - STEP_NS,
            close_ns=close_ns,
            frame_count=100,
            first_ns=close_ns - STEP_NS,
            accepted_ns=0,
            cause=decision.cause,
            probability_ppm=grounds.probability_ppm or PPM,
            abstains=False,
            rule="proof" if grounds.is_hard else "",
            measured=1,
            limit=0,
            features=row,
            schema="",
            model="proof",
            p_value_ppm=grounds.p_value_ppm,
            session_number=incident.before.session_count,
        )
        if kind == WINDOW_SESSION:
            yield msgspec.structs.replace(plain, session=decision.session)
        elif kind == WINDOW_HOST:
            address = decision.target[0].partition("/")[0]
            yield msgspec.structs.replace(plain, address=address, known=True)
        else:
            place = decision.gateway or (gateway.ip if gateway else "192.0.2.1")
            sources = () if is_many else decision.target
            yield msgspec.structs.replace(
                plain, address=place, port=9878, sources=sources, fanout=fanout
            )


def lifted(incident: Incident) -> Decision | None:
    """Return the Decision by which the judge that runs breaks the claim, if it does."""
    judge = Judge(incident.policy, incident.site, COLUMNS)
    seen: list[tuple[Decision, Grounds, list[Facts], bool]] = []
    weigh = judge.guard.weigh

    def noted(decision: Decision, facts: Facts) -> Refused | None:
        grounds = grounds_of(msgspec.structs.asdict(facts))
        victims, leaves = judge.guard.victims(decision, grounds), judge.guard.leaves
        refused = weigh(decision, facts)
        if refused is None:
            seen.append((decision, grounds, victims, leaves(facts)))
        return refused

    judge.guard.weigh = noted  # type: ignore[method-assign] # to look on
    for verdict in verdicts_of(incident):
        judge.judge(verdict)
    for decision, grounds, facts, leaves in seen:
        for each in facts:
            truth = truth_of(
                msgspec.structs.replace(incident, decision=decision, grounds=grounds),
                each,
                leaves=leaves,
            )
            if any(one.name == incident.claim for one in claims.broken(each, truth)):
                return decision
    return None
