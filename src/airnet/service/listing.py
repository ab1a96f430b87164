"""Listing: what stands, what waits for people and what has ended, for people to see."""

import msgspec

from airnet.act.gate import Gate
from airnet.act.standing import Standing
from airnet.clock import Clock
from airnet.domain.decision import Decision

Json = dict[str, object]


def listing(standing: Standing, gate: Gate, clock: Clock) -> Json:
    """Return everything a person may want to approve, undo or understand."""
    note = gate.note()
    why = gate.closed()
    frozen: Json | None = None
    if why:
        frozen = {"why": why, "id": note.id if note else ""}
    return {
        "now_ns": clock.now_ns(),
        "frozen": frozen,
        "standing": [
            {
                **_decision(decision),
                "state": one.state.value,
                "until_ns": one.until_ns,
                "actuator": one.actuator,
                "detail": one.detail,
            }
            for one in standing.in_force
            if (decision := standing.decision(one.decision_id)) is not None
        ],
        "underway": _underway(standing),
        "retried": [
            {
                **_decision(one.decision),
                "state": one.last.state.value,
                "until_ns": one.until_ns,
                "detail": f"{one.last.detail}; tried again",
            }
            for one in standing.attempts
        ],
        "proposed": [
            {
                **_decision(one.decision),
                "state": "proposed",
                "until_ns": one.until_ns,
                "needed": one.needed,
                "approved_by": list(one.names()),
                "detail": "",
            }
            for one in standing.proposals
        ],
        "undone": standing.vetoes.listing(clock.now_ns()),
        "ended": [
            {
                **_decision(one.decision),
                "state": one.state,
                "until_ns": 0,
                "detail": one.detail,
            }
            for one in reversed(standing.ended)
        ],
    }


def _underway(standing: Standing) -> list[Json]:
    """Return what is ordered, or done, and of which nothing is on record yet."""
    shot = standing.underway.shot()
    found = [] if shot is None else [shot]
    kept = {one.decision_id for one in standing.in_force}
    orders = [one for one in standing.underway if one.decision.id not in kept]
    found += [(one.decision.id, one) for one in orders]
    lines: list[Json] = []
    for name, (decision, _, outcome) in found:
        line = _decision(decision) | {"id": name, "until_ns": 0, "actuator": ""}
        line |= {"state": "underway", "detail": "on its way"}
        if outcome is not None:
            line |= {"until_ns": outcome.until_ns, "actuator": outcome.actuator}
            line["detail"] = outcome.detail
        lines.append(line)
    return lines


def _decision(decision: Decision) -> Json:
    """Return of a Decision what people look at."""
    fields = msgspec.to_builtins(decision)
    names = ("id", "t_ns", "cause", "tier", "action", "target", "rule", "why")
    return {name: fields[name] for name in names}
