"""Incident: a counterexample as something that happens, written and played again.

Played by the guardrails that run, from the state in which it would happen. What breaks
is then weighed by the claims alone: neither the solver nor the model is asked again.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from airnet import durable
from airnet.config import Closed, Firm, Gateway, Protected, Site
from airnet.decide.aims import FROM, named
from airnet.decide.facts import ACTIONS, ASSETS, CAUSES, TARGET_TYPES, Facts, Grounds
from airnet.decide.guardrails import Guard, Refused
from airnet.decide.ladder import step_of
from airnet.decide.market import PHASES
from airnet.decide.peers import Peers
from airnet.decide.policy import NS_PER_MS, Policy
from airnet.decide.protection import endpoint
from airnet.decide.stands import Stand
from airnet.domain.decision import Action, Decision, Mode, TargetType, Tier
from airnet.domain.session import SessionName
from airnet.errors import UsageError
from airnet.paths import LinePath
from airnet.prove import claims, places, prefixes
from airnet.prove.claims import Claim, Truth

#: The kind of file, so that `airnet twin run` knows one.
SUFFIX = ".incident.json"
PORT = 9878
TRADER = "203.0.113.77"  # RFC 5737
BY_NAME = (TargetType.SESSION, TargetType.GATEWAY, TargetType.PATH)


class Before(Closed, frozen=True):
    """What stood already when it happens, and what was known."""

    standing: int = 0
    recent: int = 0
    repeats: int = 0
    left_ns: int = 0
    held_ns: int = 0
    is_latched: bool = False
    is_client: bool = False
    is_peer: bool = False
    frozen_until_ns: int = 0
    session_count: int = 0
    flow_part: int = 0
    flow_whole: int = 0


class Incident(Closed, frozen=True):
    """One Decision that breaks a claim: under which policy and site, on what grounds.

    `rule` is the place of the policy's own limit that broke, from 1; `unnamed` are
    addresses of what airnet cannot do without and the site does not name.
    """

    claim: str
    promise: str
    policy: Policy
    site: Site
    decision: Decision
    grounds: Grounds
    before: Before
    rule: int = 0
    unnamed: dict[str, str] = msgspec.field(default_factory=dict)


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an Incident: refused, or accepted and these claims broken."""

    refused: Refused | None
    broken: tuple[str, ...]
    facts: tuple[Facts, ...]


def incident_of(
    claim: Claim, values: dict[str, int], policy: Policy, site: Site | None
) -> Incident:
    """Return what values of a Model say, as something that happens.

    Addresses that no prefix is made of alone are several prefixes, or within a larger
    one; one of them breaks the claim.
    """
    first = _incident(claim, values, policy, site)
    if first.decision.target_type is not TargetType.SUBNET:
        return first
    here = values["first"], values["last"]
    for prefix in (prefixes.covering(*here), *prefixes.all_of(*here)):
        decision = msgspec.structs.replace(first.decision, target=(prefix,))
        found = msgspec.structs.replace(first, decision=decision)
        if claim.name in play(found).broken:
            return found
    return first


def _incident(
    claim: Claim, values: dict[str, int], policy: Policy, site: Site | None
) -> Incident:
    place = site if site is not None else _site_of(values)
    unnamed = {
        name.removeprefix("unnamed_"): prefixes.text(value)
        for name, value in values.items()
        if name.startswith("unnamed_")
    }
    return Incident(
        claim=claim.name,
        promise=claim.promise,
        policy=policy,
        site=place,
        decision=_decision(values, place),
        grounds=grounds_of(values),
        before=Before(
            standing=values["standing"],
            recent=values["recent"],
            repeats=values["repeats"],
            left_ns=values["left_ns"],
            held_ns=values["held_ns"],
            is_latched=bool(values["is_latched"]),
            is_client=bool(values["is_client"]),
            is_peer=bool(values["is_peer"]),
            frozen_until_ns=values["frozen_until_ns"],
            session_count=values["session_count"],
            flow_part=values["flow_part"],
            flow_whole=values["flow_whole"],
        ),
        rule=values["rule"],
        unnamed=unnamed,
    )


def grounds_of(values: Mapping[str, int]) -> Grounds:
    """Return the grounds that Facts, by name, were made of."""
    return Grounds(
        is_hard=bool(values["is_hard"]),
        is_presigned=bool(values["is_presigned"]),
        probability_ppm=values["probability_ppm"],
        p_value_ppm=values["p_value_ppm"],
        has_dwelt=bool(values["has_dwelt"]),
        is_answered=bool(values["is_answered"]),
        stood_ns=values["stood_ns"],
        hosts_beside=values["hosts_beside"],
        path_age_ns=values["path_age_ns"],
        asset=ASSETS[values["asset"]],
        phase=PHASES[values["phase"]],
        is_enforced=bool(values["is_enforced"]),
        is_doubted=bool(values["is_doubted"]),
    )


def play(incident: Incident) -> Played:
    """Let the guardrails decide on an Incident, and weigh what they let through."""
    decision, grounds, before = incident.decision, incident.grounds, incident.before
    peers = Peers(incident.site, is_weighing=True)
    guard = Guard(incident.policy, incident.site, peers)
    clients = [_address(decision)] if before.is_client else []
    if before.is_peer:  # who is kept from him trades
        clients = list(decision.target[: 1 + before.is_client])
    frames = {
        decision.target[0] if decision.target else "": before.flow_part,
        "all others": before.flow_whole - before.flow_part,
    }
    peers.recall(clients, before.session_count, frames)
    guard.recall(
        _stands(incident),
        [decision.t_ns] * before.recent,
        before.frozen_until_ns,
        is_latched=before.is_latched,
    )
    refused = guard.check(decision, grounds)
    facts = tuple(guard.victims(decision, grounds)) or (guard.facts(decision, grounds),)
    broken: dict[str, None] = {}
    if refused is None:
        leaves = guard.may_leave(decision, grounds)
        for each in facts:
            truth = truth_of(incident, each, leaves=leaves)
            broken |= {one.name: None for one in claims.broken(each, truth)}
    return Played(refused=refused, broken=tuple(broken), facts=facts)


def save(incident: Incident, path: Path) -> None:
    """Write an Incident as one JSON document, whole or not at all."""
    durable.put(path, msgspec.json.format(msgspec.json.encode(incident)) + b"\n")


def read(path: Path) -> Incident:
    """Read an Incident.

    Raises:
        UsageError: it cannot be read, or is none.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Incident)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path}: no incident: {error}", "give a file that `airnet prove` wrote"
        ) from error


def story(incident: Incident) -> list[str]:
    """Return what happens, a line each, for whoever has to change the policy."""
    decision, grounds, before = incident.decision, incident.grounds, incident.before
    lines = [f"broken: {incident.promise}"]
    state = [
        f"{before.standing} others of that kind are contained" * (before.standing > 0),
        f"{before.recent} actions were taken in the window" * (before.recent > 0),
        f"the target was contained {before.repeats} times" * (before.repeats > 0),
        f"the target is contained for {before.left_ns} ns more" * (before.left_ns > 0),
        "the target was seen trading" * before.is_client,
        "the pace is latched" * before.is_latched,
        "the sensor is not to be trusted" * (before.frozen_until_ns > decision.t_ns),
        f"{before.session_count} sessions are known",
    ]
    lines.append("before: " + "; ".join(part for part in state if part))
    lines += [
        f"unknown to the site: {role} is at {address}"
        for role, address in sorted(incident.unnamed.items())
    ]
    spoken = "spoken with" if grounds.is_answered else "an address anybody can forge"
    sure = (
        "a hard limit broke"
        if grounds.is_hard
        else f"probability {grounds.probability_ppm} ppm, p-value "
        f"{grounds.p_value_ppm} ppm"
    )
    asset = f", {grounds.asset}" if grounds.asset else ""
    lines.append(
        f"seen: {decision.cause}, {sure}; the target is {spoken}; market "
        f"{grounds.phase}{asset}"
    )
    lines.append(
        f"ordered: T{decision.tier:d} {decision.action} of {decision.target_type} "
        f"{', '.join(decision.target) or 'nothing'} for "
        f"{(decision.until_ns - decision.t_ns) / NS_PER_MS:g} ms, "
        f"{decision.approvals_needed} approvals"
    )
    return lines


def truth_of(incident: Incident, facts: Facts, *, leaves: bool) -> Truth:
    """Return what is so of one target, by the claims' own reading of the files."""
    policy, site, decision = incident.policy, incident.site, incident.decision
    roles = {role: places.vital(site, role) for role in claims.ROLES}
    for role, address in incident.unnamed.items():
        roles[role].append(places.span(address))
    every = [place for places in roles.values() for place in places]
    meets = places.meets
    here = facts.first, facts.last
    comps = places.comps(site)
    session = decision.session
    by_comp = session is not None and comps.get(session.client_comp, False)
    told = claims.said(
        policy,
        decision.cause,
        decision.action,
        incident.grounds.asset,
        incident.grounds.phase,
    )
    rule = policy.rules[incident.rule - 1] if incident.rule else None
    return Truth(
        leaves=int(leaves),
        meets_protected=int(meets(places.protected(site), *here) or by_comp),
        meets_vital=int(meets(every, *here)),
        is_own=int(meets(places.own(site), *here)),
        people=claims.people(rule) if rule is not None else 0,
        ways=len(site.paths),
        **claims.budgets(policy),
        **told,
    )


def _stands(incident: Incident) -> Iterator[tuple[str, Stand]]:
    """Yield what stood before: others of the kind, and the target itself."""
    decision, before = incident.decision, incident.before
    plain = Stand(
        target_type=decision.target_type, until_ns=decision.t_ns + 1, repeats=1
    )
    kept = f"{FROM}stranger" if decision.action is Action.CONFINE_HOST else ""
    for n in range(before.standing):
        yield f"other {n}{kept}", plain
    if before.repeats or before.left_ns:
        again = before.repeats + int(before.left_ns > 0)
        for target in named(decision):
            yield (
                target,
                msgspec.structs.replace(
                    plain,
                    until_ns=decision.t_ns + before.left_ns,
                    repeats=again,
                    tier=Tier(decision.tier),
                    step=step_of(decision.action)[1],
                    since_ns=decision.t_ns - before.held_ns,
                ),
            )


def _site_of(values: dict[str, int]) -> Site:
    """Return a site that is as the values say of the target."""
    first, last = values["first"], values["last"]
    listed = []
    if values["meets_protected"] or values["meets_vital"]:
        network = prefixes.first_of(first, last)
        plain = Protected(network=network, why="of the site")
        clock = Protected(network=network, why="of the site", role="clock")
        listed.append(clock if values["meets_vital"] else plain)
    hosts = (prefixes.text(first),) if values["is_own"] else ()
    paths = (_path(prefixes.text(first)),) if values["has_path"] else ()
    return Site(
        gateways=(Gateway(ip="192.0.2.1", port=PORT),),
        paths=paths,
        firms=(Firm(name="firm", hosts=hosts),),
        protected=tuple(listed),
    )


def _decision(values: dict[str, int], site: Site) -> Decision:
    """Return the Decision that the values say."""
    action = ACTIONS[values["action"]]
    kind = TARGET_TYPES[values["target_type"]]
    victim = prefixes.text(values["first"])
    comps = list(places.comps(site))
    comp = comps[values["comp"]] if values["comp"] < len(comps) else "ALGO"
    gateway = site.gateways[0].ip if site.gateways else "192.0.2.1"
    session = None
    port = 0
    if kind is TargetType.SESSION:
        session = SessionName(
            client=victim,
            client_port=40_001,
            gateway=gateway,
            gateway_port=PORT,
            client_comp=comp,
            gateway_comp="",
        )
        target: tuple[str, ...] = (endpoint(victim, 40_001), comp)
    elif kind is TargetType.GATEWAY:
        gateway, port = victim, PORT
        target = (endpoint(victim, PORT),)
    elif kind is TargetType.PATH:
        # Whom the path leads to is the site's word: the victim is that gateway.
        target = tuple(one.name for one in site.paths if one.gateway == victim)[:1]
        gateway, target = victim, target or ("nowhere",)
    elif kind is TargetType.SUBNET:
        target = (prefixes.first_of(values["first"], values["last"]),)
    else:
        target = _hosts(values, action, victim)
    if not values["is_named"] and kind in BY_NAME:
        target = ("somebody",)
    if not values["targets"]:
        target = ()
    t_ns = values["t_ns"]
    return Decision(
        id="",
        t_ns=t_ns,
        cause=CAUSES[values["cause"]],
        tier=Tier(values["tier"]),
        action=Action(action),
        target_type=kind,
        target=target,
        until_ns=t_ns + values["ttl_ns"],
        mode=Mode.ENFORCE,
        rule="proof",
        measured=0,
        limit=0,
        probability=values["probability_ppm"] / 1_000_000,
        why="A counterexample.",
        first_ns=t_ns,
        window_kind=1,
        subject=0,
        session=session,
        gateway=gateway,
        port=port,
        approvals_needed=values["approvals"],
    )


def _hosts(values: dict[str, int], action: Action, victim: str) -> tuple[str, ...]:
    """Return the hosts or sources that the values name, of whom one is the victim."""
    if values["is_peer"]:
        return TRADER, victim
    if action is Action.CONFINE_HOST:
        return (victim,)
    return victim, *(f"203.0.113.{n}" for n in range(1, values["targets"]))


def _path(gateway: str) -> LinePath:
    """Return a second path to a gateway, whose witness is another address."""
    witness = "192.0.2.3" if gateway == "192.0.2.2" else "192.0.2.2"
    return LinePath(name="second-path", gateway=gateway, witness=witness)


def _address(decision: Decision) -> str:
    if decision.session is not None:
        return decision.session.client
    if decision.target_type is TargetType.PATH:
        return decision.gateway
    return decision.target[0].partition("/")[0]
