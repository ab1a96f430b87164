"""act.orders: the OpenC2 profile against a small gateway that may misbehave."""

import socket
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from airnet.act.openc2 import COMMAND_TYPE
from airnet.act.orders import OrdersActuator
from airnet.act.standing import Standing
from airnet.clock import Clock, SimulatedClock, SystemClock
from airnet.config import Gateway
from airnet.domain.containment import Containment, State
from airnet.domain.decision import Action
from airnet.errors import ActuationError, ConfigError
from airnet.record.memory import MemoryLedger
from tests.fakes.gateway import FakeGateway
from tests.fakes.verdicts import MS, T0, throttle

CLIENT = "10.0.1.1:40001"


class Steady(SystemClock):
    """Real durations, a simulated time of day."""

    def now_ns(self) -> int:
        return T0


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    with FakeGateway(now_ns=T0) as fake:
        yield fake


def gateways(url: str) -> tuple[Gateway, ...]:
    return (Gateway(ip="10.0.0.10", port=9878, control=url),)


def orders(fake: FakeGateway, timeout_ms: int = 2000) -> OrdersActuator:
    clock: Clock = Steady()
    return OrdersActuator(gateways(fake.url), timeout_ms, clock)


def test_a_throttle_stands_at_the_gateway_and_is_read_back(
    gateway: FakeGateway,
) -> None:
    actuator = orders(gateway)

    outcome = actuator.apply(throttle(), 10_000 * MS)

    assert outcome.state is State.APPLIED
    assert outcome.until_ns == outcome.applied_ns + 10_000 * MS
    assert gateway.is_limited(CLIENT)
    contain, query = gateway.commands
    assert contain == {
        "action": "contain",
        "target": {"x-airnet:session": {"comp_id": "ALGO1", "client": CLIENT}},
        "args": {"duration": 10_000, "x-airnet": {"limit": "new_orders"}},
        "command_id": throttle().id,
    }
    assert query["action"] == "query"
    assert gateway.content_types == [COMMAND_TYPE] * 2
    actuator.close()


def test_release_ends_exactly_that_one_and_twice_is_harmless(
    gateway: FakeGateway,
) -> None:
    actuator = orders(gateway)
    first = actuator.apply(throttle(1), 1000 * MS)
    actuator.apply(throttle(2), 1000 * MS)

    actuator.release(first)
    actuator.release(first)

    assert not gateway.is_limited(CLIENT)
    assert gateway.is_limited("10.0.1.1:40002")
    actuator.close()


def test_the_gateway_says_when_it_has_ended(gateway: FakeGateway) -> None:
    actuator = orders(gateway)
    outcome = actuator.apply(throttle(), 1000 * MS)

    assert actuator.ended(outcome) == ""
    gateway.now_ns += 1000 * MS

    assert "ended by the gateway" in actuator.ended(outcome)
    actuator.close()


def test_an_intent_without_outcome_is_restored_at_every_gateway(
    gateway: FakeGateway,
) -> None:
    actuator = orders(gateway)
    actuator.apply(throttle(), 1000 * MS)
    lost = Containment(
        decision_id=throttle().id,
        actuator="orders",
        state=State.INTENDED,
        command_ns=0,
        applied_ns=0,
        until_ns=0,
        handle="",
    )

    actuator.release(lost)

    assert not gateway.is_limited(CLIENT)
    actuator.close()


def test_it_takes_throttles_of_gateways_it_can_reach_only(
    gateway: FakeGateway,
) -> None:
    actuator = orders(gateway)

    assert actuator.accepts(throttle())
    assert not actuator.accepts(throttle(action=Action.DROP_SOURCES))
    assert not actuator.accepts(throttle(gateway="10.0.0.11"))
    assert not OrdersActuator(gateways("")).accepts(throttle())
    actuator.close()


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        ("broken", "HTTP status 500"),
        ("refusing", "status 501: not here"),
        ("garbage", "no OpenC2 response"),
        ("huge", "no OpenC2 response"),
        ("lying", "says state 'released' when asked"),
        ("silent", "timed out|no answer in time"),
        ("dripping", "timed out|no answer in time"),
    ],
)
def test_a_gateway_that_misbehaves_is_an_error_within_the_time_out(
    gateway: FakeGateway, behaviour: str, says: str
) -> None:
    gateway.behaviour = behaviour
    actuator = orders(gateway, timeout_ms=400)
    clock = SystemClock()
    began_ns = clock.mono_ns()

    with pytest.raises(ActuationError, match=says) as caught:
        actuator.apply(throttle(), 1000 * MS)

    assert clock.mono_ns() - began_ns < 1500 * MS
    assert "\n" not in str(caught.value)
    actuator.close()


def test_a_dead_gateway_is_an_error_and_no_containment(gateway: FakeGateway) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        actuator = OrdersActuator(gateways(f"http://127.0.0.1:{port}"), 400)
        standing = Standing([actuator], MemoryLedger(), SimulatedClock(T0))

        outcome = standing.carry_out(throttle())

    assert outcome is not None
    assert outcome.state is State.FAILED
    assert "refused" in outcome.detail
    assert standing.in_force == ()


def test_a_gateway_that_closes_each_answer_is_served_anew(
    gateway: FakeGateway,
) -> None:
    gateway.behaviour = "closing"
    actuator = orders(gateway)

    outcome = actuator.apply(throttle(), 1000 * MS)
    actuator.release(outcome)

    assert not gateway.is_limited(CLIENT)
    actuator.close()


def test_a_gateway_that_does_not_end_a_limit_is_made_to(gateway: FakeGateway) -> None:
    gateway.behaviour = "endless"
    ledger = MemoryLedger()
    actuator = orders(gateway)
    standing = Standing([actuator], ledger, SimulatedClock(T0))
    outcome = standing.carry_out(throttle())
    assert outcome is not None

    gateway.now_ns = outcome.until_ns
    assert standing.tick(outcome.until_ns) == []
    (ended,) = standing.tick(outcome.until_ns + 2000 * MS)

    assert "released to be sure" in ended.detail
    assert not gateway.is_limited(CLIENT)
    actuator.close()


def test_the_intent_is_in_the_ledger_when_the_command_arrives(
    gateway: FakeGateway,
) -> None:
    ledger = MemoryLedger()
    actuator = orders(gateway)
    standing = Standing([actuator], ledger, SimulatedClock(T0))
    seen: list[list[str]] = []
    gateway.on_command = lambda _: seen.append([e.kind for e in ledger.evidence()])

    standing.carry_out(throttle())

    assert seen[0] == ["decision"]
    actuator.close()


@pytest.mark.parametrize("url", ["ftp://gw:1", "gw:8080", "http://gw", "https://gw:x"])
def test_a_control_url_that_cannot_be_used_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="control"):
        OrdersActuator(gateways(url))


@pytest.fixture
def dead() -> Iterator[str]:
    """Give the URL of a gateway that is gone."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{reserved.getsockname()[1]}"


def two(*urls: str) -> OrdersActuator:
    """Return an actuator of two gateways, asked in this order."""
    places = (Gateway(ip="10.0.0.9", port=9878, control=urls[0]), *gateways(urls[1]))
    return OrdersActuator(places, 400, Steady())


def test_a_dead_gateway_keeps_no_other_one_standing(
    gateway: FakeGateway, dead: str
) -> None:
    """What may stand anywhere is restored everywhere that answers."""
    actuator = two(dead, gateway.url)
    standing = actuator.apply(throttle(), 10_000 * MS)
    assert gateway.is_limited(CLIENT)

    with pytest.raises(ActuationError, match="refused"):
        actuator.release(replace(standing, handle=""))

    assert not gateway.is_limited(CLIENT)
    actuator.close()


def test_what_may_have_left_is_taken_back_where_it_went(
    gateway: FakeGateway, dead: str
) -> None:
    """Asking all the others, dead ones among them, is neither needed nor quick."""
    gateway.behaviour = "lying"
    actuator = two(dead, gateway.url)
    standing = Standing([actuator], MemoryLedger(), SimulatedClock(T0))

    outcome = standing.carry_out(throttle())
    actuator.close()

    assert outcome is not None
    assert "; taken back; attempt 1 of 4" in outcome.detail
    last = [one["action"] for one in gateway.commands[-2:]]
    assert last == ["restore", "query"], "ended, and asked whether it has"
