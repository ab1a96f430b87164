"""What-if: an incident of a ledger as it was, and as it would have been otherwise.

A twin's incident is played again with its own seed, so what it says is exact: the same
world, in which somebody acted, did not, acted later or did something else. A recording
cannot react; of one only the recorded rates are known, and what they allow to say is an
upper bound under a stated assumption.
"""

from collections.abc import Iterable, Sequence

import msgspec

from airnet.decide.ladder import TIERS
from airnet.decide.policy import Policy
from airnet.domain.containment import State
from airnet.domain.decision import PASSIVE, Action, Decision, Mode
from airnet.domain.incident import Evidence, Incident
from airnet.domain.window import WINDOW_SESSION
from airnet.errors import UsageError
from airnet.features.schema import SCHEMAS
from airnet.twin.actuator import Latency
from airnet.twin.closed import How, Ordered, Terms
from airnet.twin.loop import Prepared, play_on
from airnet.twin.outcome import Harm, Outcome
from airnet.twin.staging import staged_again

NS_PER_S = 1_000_000_000
#: What else could have been ordered, by what was.
OTHERS = {
    Action.THROTTLE_SESSION: (Action.CANCEL_ORDERS, Action.DISABLE_SESSION),
    Action.DROP_SOURCES: (Action.RATE_LIMIT_SOURCES,),
    Action.RATE_LIMIT_SOURCES: (),
}
LATER_NS = NS_PER_S
EXACT = (
    "exact: the twin's world was played again with its seed; only what is said to "
    "differ does"
)
OPEN_LOOP = (
    "estimate: a recording cannot react. The rate at the decision is taken to have "
    "gone on for as long as the containment was to last: the most it can have been"
)


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """One way it was or could have been. None: nothing known says.

    `stopped` are orders (of a flood: packets) of the incident that did not get
    through, `avoided_cents` what those orders were for, `collateral` legitimate orders
    that did not either.
    """

    name: str
    contain_ns: int | None = None
    passed: int | None = None
    stopped: int | None = None
    avoided_cents: int | None = None
    collateral: int | None = None
    harm: Harm | None = None
    harm_cents: int | None = None


class WhatIf(msgspec.Struct, frozen=True, kw_only=True):
    """An incident and its variants; `basis` says how far they can be believed."""

    incident: str
    cause: str
    target: tuple[str, ...]
    basis: str
    is_exact: bool
    unit: str
    variants: tuple[Variant, ...]
    warnings: tuple[str, ...] = ()


def what_if(
    incident: Incident,
    evidence: Sequence[Evidence],
    *,
    later_ns: int = LATER_NS,
    actions: Iterable[Action] = (),
) -> WhatIf:
    """Return how an incident of a ledger could have gone.

    Args:
        incident: folded from `evidence`.
        evidence: the whole ledger.
        later_ns: how much later, for the variant that acts later.
        actions: what else to order; by default what fits the action taken.

    Raises:
        UsageError: nothing was ordered in it that could have been otherwise, or this
            version cannot play the recorded scenario.
    """
    orders = [one for one in incident.decisions if one.action not in PASSIVE]
    if not orders:
        raise UsageError(
            f"incident {incident.id} orders nothing: there is no other way it could "
            "have gone",
            "name one with a containment, in force or in shadow",
        )
    start = next((entry for entry in evidence if entry.kind == "start"), None)
    if start is None or start.body.get("mode") != "twin":
        return _estimate(incident, evidence, orders, later_ns)
    record = _record(start, evidence)
    others = tuple(actions) or OTHERS.get(orders[0].action, ())
    return _again(incident, record, orders, later_ns, others)


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What a twin's ledger says of its run."""

    prepared: Prepared
    policy: Policy
    how: How
    latency: Latency
    root: str


def _record(start: Evidence, evidence: Iterable[Evidence]) -> Record:
    """Return what the ledger's first and last entry say.

    Raises:
        UsageError: they are not a twin's, or of another version's twin.
    """
    body = start.body
    try:
        scenario, seed = str(body["scenario"]), msgspec.convert(body["seed"], int)
        origin = msgspec.convert(body["origin"], dict[str, str])
        prepared = Prepared(staged_again(scenario, seed, origin))
        policy = msgspec.json.decode(str(body["policy_text"]), type=Policy)
        how = msgspec.convert(body["loop"], How)
        latency = msgspec.convert(body["latency_ns"], Latency)
    except (KeyError, ValueError, msgspec.ValidationError) as error:
        raise UsageError(
            f"the ledger's first entry does not say how to play it again: {error}",
            "it was written by another version; use that one",
        ) from error
    last = [entry for entry in evidence if entry.kind == "end"]
    root = str(last[-1].body.get("root", "")) if last else ""
    return Record(prepared=prepared, policy=policy, how=how, latency=latency, root=root)


def _again(
    incident: Incident,
    record: Record,
    orders: Sequence[Decision],
    later_ns: int,
    others: Iterable[Action],
) -> WhatIf:
    """Play it again, as it was and otherwise."""
    is_done = any(one.mode is Mode.ENFORCE for one in orders) and record.how == "closed"
    base = play_on(
        record.prepared,
        record.policy,
        mode=record.how,
        terms=Terms(latency=record.latency),
    )
    variants = [_variant(f"as it was ({'acted' if is_done else 'in shadow'})", base)]
    idle = play_on(record.prepared, record.policy, mode="none")
    variants.append(_variant("not acted", idle))
    wanted: list[tuple[str, int, Action | None]] = []
    if not is_done:
        wanted.append(("acted at once", 0, None))
    wanted.append((f"acted {later_ns / NS_PER_S:g} s later", later_ns, None))
    wanted += [(f"{action} instead", 0, action) for action in others]
    for name, delay_ns, action in wanted:
        ordered = tuple(_ordered(one, delay_ns, action) for one in orders)
        terms = Terms(latency=record.latency, ordered=ordered)
        outcome = play_on(record.prepared, shadowed(record.policy), terms=terms)
        variants.append(_variant(name, outcome))
    differs = base.root != record.root
    return WhatIf(
        incident=incident.id,
        cause=incident.cause,
        target=incident.target,
        basis=EXACT,
        is_exact=not differs,
        unit="orders",
        variants=tuple(variants),
        warnings=(_OTHER_ROOT,) if differs else (),
    )


_OTHER_ROOT = (
    "played again, frames and decisions have another root than the ledger says: code, "
    "models or scenario differ from those of the record"
)


def shadowed(policy: Policy) -> Policy:
    """Return a policy with every cause in shadow."""
    cause = policy.cause
    changed = {
        name: msgspec.structs.replace(getattr(cause, name), mode=Mode.SHADOW, assets=())
        for name in ("flood", "algo_fault", "compromise")
    }
    return msgspec.structs.replace(
        policy, cause=msgspec.structs.replace(cause, **changed)
    )


def _ordered(decision: Decision, delay_ns: int, action: Action | None) -> Ordered:
    """Return a recorded Decision as a person's order, later or of something else."""
    changed = action or decision.action
    at_ns = decision.t_ns + delay_ns
    name = f"{decision.id}+{delay_ns}{changed if action else ''}"
    return Ordered(
        at_ns=at_ns,
        decision=msgspec.structs.replace(
            decision,
            id=name,
            t_ns=at_ns,
            until_ns=decision.until_ns + delay_ns,
            mode=Mode.ENFORCE,
            action=changed,
            tier=TIERS[changed],
        ),
    )


def _variant(name: str, outcome: Outcome) -> Variant:
    """Return what a play came to."""
    return Variant(
        name=name,
        contain_ns=outcome.contain_ns,
        passed=outcome.fault_orders,
        stopped=outcome.fault_orders_without - outcome.fault_orders,
        avoided_cents=outcome.exposure_without_cents - outcome.exposure_cents,
        collateral=outcome.collateral_orders,
        harm=outcome.harm,
        harm_cents=outcome.harm_cents,
    )


# ---- recordings ----


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """What a window said at the decision, a second: all of it, and what is usual."""

    now: float
    usual: float
    unit: str


def _estimate(
    incident: Incident,
    evidence: Iterable[Evidence],
    orders: Sequence[Decision],
    later_ns: int,
) -> WhatIf:
    """Return what the recorded rates allow to say."""
    found = {str(entry.body.get("id", "")): entry for entry in evidence}
    rates = [_rates(one, found.get(one.id)) for one in orders]
    known = [
        (one, rate) for one, rate in zip(orders, rates, strict=True) if rate is not None
    ]
    applied = {
        one.decision_id
        for one in incident.containments
        if one.state in (State.APPLIED, State.VERIFIED)
    }
    is_done = any(one.id in applied for one in orders)
    excess = sum(
        max(rate.now - rate.usual, 0) * (one.until_ns - one.t_ns) / NS_PER_S
        for one, rate in known
    )
    first = max((rate.now - rate.usual for _, rate in known), default=0)
    usual = sum(
        rate.usual * (one.until_ns - one.t_ns) / NS_PER_S
        for one, rate in known
        if rate.unit == "orders"
    )
    late = round(first * later_ns / NS_PER_S)
    most, spared = round(excess), round(usual)
    acted = Variant(name="acted", passed=0, stopped=most, collateral=spared)
    idle = Variant(name="not acted", passed=most, stopped=0, collateral=0)
    later = Variant(
        name=f"acted {later_ns / NS_PER_S:g} s later",
        passed=min(late, most),
        stopped=max(most - late, 0),
        collateral=spared,
    )
    was, other = (acted, idle) if is_done else (idle, acted)
    return WhatIf(
        incident=incident.id,
        cause=incident.cause,
        target=incident.target,
        basis=OPEN_LOOP,
        is_exact=False,
        unit=known[0][1].unit if known else "orders",
        variants=(
            msgspec.structs.replace(was, name=f"as it was ({was.name})"),
            other,
            later,
        ),
        warnings=() if known else ("the ledger keeps no rates of these decisions",),
    )


def _rates(decision: Decision, entry: Evidence | None) -> Rates | None:
    """Return the rates that the ledger keeps of a Decision, if its schema is known."""
    if entry is None or decision.window_kind not in SCHEMAS:
        return None
    schema = SCHEMAS[decision.window_kind]
    values = entry.body.get("features")
    if entry.body.get("schema") != schema.digest() or not isinstance(values, list):
        return None
    row = dict(zip(schema.names, values, strict=False))
    if "baseline" not in row:
        return None
    if decision.window_kind == WINDOW_SESSION:
        now = max(row["rate_fast"], row["rate_1s"]) / 10
        return Rates(now=now, usual=row["baseline"] / 10, unit="orders")
    return Rates(now=row["rate"], usual=row["baseline"], unit="packets")
