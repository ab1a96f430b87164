"""act.guard and who hides his ports, on a live link: rules beside rules come and go."""

import pytest

from airnet.act.known import Known
from airnet.clock import SystemClock
from airnet.domain.containment import Containment
from airnet.domain.decision import Action, Decision, TargetType
from airnet.kernel import guard
from tests.bpf.test_guard import CLIENT, GATEWAY, STRANGER
from tests.fakes import hidden
from tests.fakes.hidden import frame, packet, segment
from tests.fakes.verdicts import drop, session_name, throttle
from tests.netns.test_act_guard import TTL_NS, Limit, Port, act, port, sessions

pytestmark = pytest.mark.root
__all__ = ["port"]

STRANGE, LIVE = segment(7, 9878), segment(40_001, 9878)
LATER = frame(packet(STRANGER, GATEWAY, bytes(64), part=(5, 1280, 1)))
FIRM_LATER = frame(packet(CLIENT, GATEWAY, bytes(64), part=(6, 1280, 0)))
SIX = "2001:db8::10", "2001:db8::9"


def throttled(address: str = GATEWAY, number: int = 9878) -> Decision:
    return drop(
        f"{address}:{number}",
        action=Action.RATE_LIMIT_SOURCES,
        target_type=TargetType.GATEWAY,
        gateway=address,
        port=number,
        why=f"Port {number}.",
    )


def chained(count: int) -> bytes:
    """Return a SYN of a stranger behind so many extension headers."""
    protocol, body = hidden.chain([hidden.DESTINATION] * count, hidden.TCP, STRANGE)
    return frame(packet(SIX[1], SIX[0], body, protocol))


def test_a_flood_that_hides_its_ports_is_held_to_the_limit(port: Port) -> None:
    """By parts and by headers, and a firm whose path cuts its segments is not cut."""
    actuator = act(port, limit=Limit(1, 2))
    Known(port.guard.known, SystemClock()).keep(*sessions(session_name(1)))

    four = actuator.apply(throttled(), TTL_NS)
    six = actuator.apply(throttled(SIX[0]), TTL_NS)

    assert port.ends(LATER, 20) == {"allowed": 2, "unknown": 18}
    assert port.ends(chained(3), 20) == {"allowed": 2, "unknown": 18}
    assert port.ends(chained(30), 20) == {"allowed": 2, "unknown": 18}
    first = frame(packet(CLIENT, GATEWAY, LIVE, part=(6, 0, 1)))
    for _ in range(30):
        assert port.ends(first) == {"allowed": 1}
        assert port.ends(FIRM_LATER, 3) == {"allowed": 3}
    for standing in (four, six):
        actuator.release(standing)
    for hiding in (LATER, chained(3), chained(30)):
        assert port.ends(hiding, 5) == {"passed": 5}
    assert list(port.guard.unread.keys()) == []


def test_undoing_one_port_leaves_the_other_closed_to_who_hides(port: Port) -> None:
    actuator = act(port, limit=Limit(1, 1))
    first = actuator.apply(throttled(), TTL_NS)
    second = actuator.apply(throttled(number=9879), TTL_NS // 2)
    assert port.ends(LATER, 5) == {"allowed": 1, "unknown": 4}

    actuator.release(first)

    assert port.ends(LATER, 5)["unknown"] >= 4
    (rule,) = [rule for _, rule in port.guard.rules(port.guard.unread)]
    assert rule.until_ns < SystemClock().mono_ns() + TTL_NS // 2
    actuator.release(second)
    assert port.ends(LATER, 5) == {"passed": 5}


def test_a_contained_session_cannot_hide(port: Port) -> None:
    decision = throttle(1, action=Action.ISOLATE_SESSION)
    standing = act(port).apply(decision, TTL_NS)
    short = frame(packet(CLIENT, GATEWAY, LIVE[:2], part=(6, 0, 1)))

    assert port.ends(short) == {"session": 1}
    assert port.ends(FIRM_LATER) == {"passed": 1}, "of no use without its first"
    other = frame(packet(CLIENT, GATEWAY, segment(40_002, 9878), part=(7, 0, 1)))
    assert port.ends(other) == {"passed": 1}
    assert "2 of 2 rules" in standing.detail


def test_rules_beside_rules_end_with_them(port: Port) -> None:
    """In the kernel; and who sweeps takes them away."""
    actuator = act(port, limit=Limit(1, 1))
    actuator.apply(throttled(), 50_000_000)
    (rule,) = [rule for _, rule in port.guard.rules(port.guard.unread)]

    while SystemClock().mono_ns() <= rule.until_ns:
        pass

    assert port.ends(LATER, 5) == {"passed": 5}
    actuator.sweep()
    assert list(port.guard.unread.keys()) == []


def test_the_next_process_makes_them_again(port: Port) -> None:
    """Of every rule that stands and is wanted, also one made by another hand."""
    decision, gone = throttled(), throttled(number=9879)
    before = act(port, limit=Limit(1, 1))
    standing: Containment = before.apply(decision, TTL_NS)
    before.apply(gone, 2 * TTL_NS)
    for key in list(port.guard.unread.keys()):
        port.guard.unread.delete(key)
    stray = port.guard.unread_key(port.guard.gateways, guard.gateway_key("10.9.9.9", 1))
    assert stray is not None
    port.guard.unread.update(stray, guard.Rule(until_ns=1 << 62).packed())

    heir = act(port, limit=Limit(1, 1))
    assert heir.reconcile([(decision, standing)]).orphans == 1

    (rule,) = [rule for _, rule in port.guard.rules(port.guard.unread)]
    assert rule.until_ns < SystemClock().mono_ns() + TTL_NS
    assert port.ends(LATER, 5) == {"allowed": 1, "unknown": 4}
    heir.release(standing)
    assert port.ends(LATER, 5) == {"passed": 5}
