"""On the wire: what of a world a real mirror can show, and what must come of it there.

The frames of a world are sent again, at their time, past a real switch. There the
mirror's stamps are the capture host's own: what a world does to stamps is left out,
and a scenario that is about nothing else cannot be played so.
"""

from collections.abc import Callable, Sequence

import msgspec

from airnet.decide.policy import Policy
from airnet.domain.decision import PASSIVE, Decision, Mode
from airnet.errors import UsageError
from airnet.twin import catalogue, tally
from airnet.twin.outcome import Act
from airnet.twin.plan import Plan, Size, Table
from airnet.twin.rows_strike import Impairment
from airnet.twin.spec import Mark, Spec
from airnet.twin.staging import PlanStage

#: What is wrong with stamps, not with frames.
STAMPS = (Impairment.STEP, Impairment.JITTER, Impairment.DRIFT)


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided, judged: each containment, and where the expectation failed."""

    acts: tuple[Act, ...]
    held: tuple[str, ...]


def plan_of(scenario: str, seed: int, size: Size, domain: str) -> Plan:
    """Return a scenario's Plan with stamps as the world's own clock has them.

    Raises:
        UsageError: there is no such scenario, or it is about stamps.
    """
    plan = catalogue.build(scenario, seed, size=size, of=domain)
    kept = Table(plan.tables["sensor"].dtype)
    for row in plan.tables["sensor"].array():
        if int(row["kind"]) not in STAMPS:
            kept.add(**{name: row[name] for name in kept.dtype.names or ()})
        elif row["incident"]:
            raise UsageError(
                f"{scenario} is about the stamps of a mirror, and in the lab the "
                "kernel makes them",
                "play it by `airnet twin run`",
            )
    plan.tables["sensor"] = kept
    return plan


def venue_macs(plan: Plan) -> tuple[str, ...]:
    """Return the MACs of whoever sends from the venue's side, in hex digits.

    The gateways and the feed; everybody else is beyond the switch's other ports.
    """
    feeds = range(plan.count("feed"))
    hosts = {*plan.gateways, *(int(plan.row("feed", n)["host"]) for n in feeds)}
    return tuple(
        plan.row("host", host)["mac"].tobytes().hex() for host in sorted(hosts)
    )


def in_shadow(policy: Policy) -> Policy:
    """Return a policy that decides the same and carries nothing out."""
    names = policy.cause.__struct_fields__
    rules = {name: getattr(policy.cause, name) for name in names}
    shadows = {
        name: msgspec.structs.replace(rule, mode=Mode.SHADOW)
        for name, rule in rules.items()
        if getattr(rule, "mode", None) is Mode.ENFORCE
    }
    return msgspec.structs.replace(
        policy, cause=msgspec.structs.replace(policy.cause, **shadows)
    )


def judged(
    plan: Plan, decisions: Sequence[Decision], at: Callable[[int], int]
) -> Heard:
    """Judge what was decided live against what the scenario expects.

    Args:
        plan: what was sent.
        decisions: what was decided, in the capture's own time.
        at: says when, in the capture's own time, a time of the plan was.
    """
    spec: Spec = catalogue.scenario(plan.scenario).spec
    stage = PlanStage(plan, spec, {})
    labels: list[Mark] = [
        msgspec.structs.replace(
            label, onset_ns=at(label.onset_ns), offset_ns=at(label.offset_ns)
        )
        for label in plan.labels
    ]
    labels.sort(key=lambda label: label.onset_ns)
    acts = tuple(
        tally.act_of(decision, labels, stage.bystanders)
        for decision in decisions
        if decision.action not in PASSIVE
    )
    held = tally.missed(stage.expectation, decisions, acts, labels)
    return Heard(acts=acts, held=held)
