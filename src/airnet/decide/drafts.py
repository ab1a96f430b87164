"""Drafts: Decisions as values, their subjects' names, and the id each hashes to."""

import functools

import msgspec

from airnet.decide.findings import Finding
from airnet.decide.ladder import TIERS
from airnet.decide.policy import Contain
from airnet.decide.protection import endpoint
from airnet.decide.streaks import Key, Streak
from airnet.domain.decision import Action, Decision, Mode, TargetType, with_id
from airnet.domain.session import SessionName
from airnet.domain.verdict import PPM, Cause, Verdict
from airnet.domain.window import WINDOW_HOST


def place(verdict: Verdict) -> str:
    """Return the gateway the Verdict is about as `ip:port`, or the mirror."""
    if verdict.session is not None:
        return endpoint(verdict.session.gateway, verdict.session.gateway_port)
    return endpoint(verdict.address, verdict.port) if verdict.address else "sensor"


def subject(verdict: Verdict) -> Key:
    """Return what the Verdict is about as a key that outlives table indices."""
    name = verdict.session
    if name is not None:
        return session_key(name)
    # Not by port: a flood may change it with every packet.
    return (str(verdict.window_kind), verdict.address)


def session_key(name: SessionName) -> Key:
    """Return the key of a session."""
    return _session(name.client, name.client_port, name.gateway, name.gateway_port)


@functools.lru_cache(maxsize=16384)
def _session(client: str, client_port: int, gateway: str, gateway_port: int) -> Key:
    """Return a session's key: it is asked for with every Verdict."""
    return (
        "session",
        endpoint(client, client_port),
        endpoint(gateway, gateway_port),
    )


def draft(
    verdict: Verdict,
    finding: Finding,
    streak: Streak,
    action: Action,
    why: str,
) -> Decision:
    """Return a passive Decision about the Verdict's own subject."""
    session = verdict.session
    if session is not None:
        kind = TargetType.SESSION
        client = endpoint(session.client, session.client_port)
        target: tuple[str, ...] = (client, session.client_comp)
        gateway, port = session.gateway, session.gateway_port
    elif not verdict.address:
        gateway, port = "", 0
        kind, target = TargetType.HOST, (place(verdict),)
    elif verdict.window_kind == WINDOW_HOST:
        kind, target, gateway, port = TargetType.HOST, (verdict.address,), "", 0
    else:
        gateway, port = verdict.address, streak.port
        kind, target = TargetType.GATEWAY, (endpoint(gateway, port),)
    return Decision(
        id="",
        t_ns=verdict.close_ns,
        cause=finding.cause,
        tier=TIERS[action],
        action=action,
        target_type=kind,
        target=target,
        until_ns=0,
        mode=Mode.SHADOW,
        rule=finding.rule,
        measured=finding.measured,
        limit=finding.limit,
        probability=round(finding.probability_ppm / PPM, 6),
        why=why,
        first_ns=streak.first_ns,
        window_kind=verdict.window_kind,
        subject=verdict.subject,
        session=session,
        gateway=gateway,
        port=port,
    )


def latched(decision: Decision, rule: str, most: int, window_ms: int) -> Decision:
    """Return the alert that from this Decision on everything stays in shadow."""
    page = msgspec.structs.replace(
        decision,
        tier=TIERS[Action.ALERT],
        action=Action.ALERT,
        until_ns=0,
        mode=Mode.SHADOW,
        rule=rule,
        measured=most + 1,
        limit=most,
        why=f"More than {most} containments were ordered within {window_ms} ms: every "
        "later one stays in shadow until a person starts airnet anew.",
    )
    return with_id(page)


def sensor_alert(now_ns: int, loss_ppm: int, limit: int, why: str) -> Decision:
    """Return the alert that the mirror's own loss is above its limit."""
    alert = Decision(
        id="",
        t_ns=now_ns,
        cause=Cause.SENSOR_FAULT,
        tier=TIERS[Action.ALERT],
        action=Action.ALERT,
        target_type=TargetType.HOST,
        target=("sensor",),
        until_ns=0,
        mode=Mode.SHADOW,
        rule="trust.loss_ppm",
        measured=loss_ppm,
        limit=limit,
        probability=1.0,
        why=why,
        first_ns=now_ns,
        window_kind=0,
        subject=0,
    )
    return with_id(alert)


def mode(rule: Contain, assets: tuple[str, ...]) -> Mode:
    """Return the mode for these assets: enforced only where the policy says so."""
    if rule.mode is Mode.ENFORCE and rule.assets:
        return Mode.ENFORCE if set(assets) & set(rule.assets) else Mode.SHADOW
    return rule.mode


__all__ = [
    "draft",
    "mode",
    "place",
    "sensor_alert",
    "session_key",
    "subject",
    "with_id",
]
