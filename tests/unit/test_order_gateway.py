"""Order gateways under command: a real process, real FIX sessions, real cancels."""

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from airnet.act.fixline import Address, FixLine
from airnet.act.isolation import Isolation
from airnet.act.masscancel import MassCancelActuator, address_of
from airnet.act.orders import OrdersActuator
from airnet.act.simulated import SimulatedActuator
from airnet.act.standing import Standing
from airnet.clock import SimulatedClock, SystemClock
from airnet.domain.containment import Containment, State
from airnet.domain.decision import Action, Decision, TargetType, Tier, with_id
from airnet.errors import ActuationError, ConfigError
from airnet.record.memory import MemoryLedger
from tests.conformance.floor import Relay
from tests.fakes.market import HOST, LIMIT_S, RISK, Market, Trader
from tests.fakes.verdicts import session_name, throttle
from tests.netns.lab_links import wait_until

pytest.importorskip("quickfix", reason="quickfix: pip install airnet[lab]")
pytestmark = pytest.mark.slow

CLOCK = SystemClock()
S = 1_000_000_000


def about(trader: Trader, action: Action, **changes: object) -> Decision:
    """Return a Decision about a trader's session."""
    name = trader.name
    tier = Tier.LIMIT_ALGO if action is Action.THROTTLE_SESSION else Tier.KILL_ALGO
    plain = {
        "action": action,
        "tier": tier,
        "target": (f"{name.client}:{name.client_port}", name.client_comp),
        "session": name,
        "gateway": name.gateway,
        "port": name.gateway_port,
        **changes,
    }
    return with_id(msgspec.structs.replace(throttle(), **plain))


def isolate(trader: Trader) -> Decision:
    """Return the isolation of a trader's host."""
    return about(
        trader,
        Action.ISOLATE_HOST,
        tier=Tier.ISOLATE_HOST,
        target_type=TargetType.HOST,
        target=(HOST,),
        session=None,
    )


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    comp_ids = [f"T{number}" for number in range(12)]
    with Market(tmp_path_factory.mktemp("market"), comp_ids) as made:
        yield made


@pytest.fixture
def orders(market: Market) -> Iterator[OrdersActuator]:
    made = OrdersActuator([market.gateway], 1000, CLOCK)
    yield made
    made.close()


def test_throttle_refuses_new_orders_and_cancels_pass(
    market: Market, orders: OrdersActuator
) -> None:
    with Trader(market, "T0") as trader, Trader(market, "T1") as other:
        resting, accepted = trader.order()
        standing = orders.apply(about(trader, Action.THROTTLE_SESSION), 60 * S)

        assert accepted
        assert trader.order()[1] is False
        assert other.order()[1] is True
        assert trader.cancel(resting) == "8"
        orders.release(standing)
        assert trader.order()[1] is True


@pytest.mark.parametrize("way", ["openc2", "fix"])
def test_every_order_is_cancelled_and_each_is_told(
    market: Market, orders: OrdersActuator, way: str
) -> None:
    actuator = orders if way == "openc2" else MassCancelActuator([market.gateway])
    name = "T2" if way == "openc2" else "T3"
    with Trader(market, name) as trader, Trader(market, "T1") as other:
        mine = [trader.order()[0] for _ in range(5)]
        kept, _ = other.order()
        decision = about(trader, Action.CANCEL_ORDERS)
        assert actuator.accepts(decision)

        done = actuator.apply(decision, 60 * S)

        for one in mine:
            assert trader.report(one)["150"] == "4"
        assert trader.cancel(mine[0]) == "9"
        assert other.cancel(kept) == "8"
        assert trader.order()[1] is True, "nothing was disabled"
        assert done.until_ns == done.applied_ns
        assert actuator.ended(done).startswith("done")
        if way == "fix":
            assert "cancelled 5 orders of T3" in done.detail


def test_a_mass_cancel_for_others_is_for_the_risk_session_only(market: Market) -> None:
    fix = f"fix://{HOST}:{market.port}/T4/VENUE"
    gateway = msgspec.structs.replace(market.gateway, control_fix=fix)
    with Trader(market, "T5") as trader:
        kept, _ = trader.order()
        with pytest.raises(ActuationError, match="531=0: not for others"):
            MassCancelActuator([gateway]).apply(
                about(trader, Action.CANCEL_ORDERS), 60 * S
            )
        assert trader.cancel(kept) == "8"


def test_a_kill_cancels_disables_and_is_lifted_by_name(
    market: Market, orders: OrdersActuator
) -> None:
    ledger = MemoryLedger()
    standing = Standing([orders], ledger, CLOCK)
    with Trader(market, "T6") as trader:
        mine, _ = trader.order()
        decision = about(trader, Action.DISABLE_SESSION)
        outcome = standing.carry_out(decision)

        assert outcome is not None
        assert (outcome.state, outcome.until_ns) == (State.APPLIED, 0)
        assert trader.report(mine)["150"] == "4"
        assert trader.order()[1] is False
        heir = OrdersActuator([market.gateway], 1000, CLOCK)
        after = Standing([heir], MemoryLedger(), CLOCK)
        after.recover(list(ledger.evidence())[:1])
        assert [one.decision_id for one in after.in_force] == [decision.id]
        assert trader.order()[1] is False
        undone = after.undo(decision.id, "Jane Doe: mended", {})
        assert undone.state == "rolled_back"
        assert trader.order()[1] is True
        heir.close()


@pytest.mark.parametrize("action", [Action.THROTTLE_SESSION, Action.DISABLE_SESSION])
def test_an_end_that_is_none_is_said(market: Market, action: Action) -> None:
    """A gateway that takes the command and ends nothing: no undo that worked."""
    with contextlib.closing(Relay(market)) as relay, Trader(market, "T9") as trader:
        told = msgspec.structs.replace(market.gateway, control=relay.url)
        orders = OrdersActuator([told], 1000, CLOCK)
        standing = orders.apply(about(trader, action), 60 * S)
        named = msgspec.structs.replace(standing, detail="released by Jane Doe")

        with relay.be("lying"), pytest.raises(ActuationError, match="it stands"):
            orders.release(named)

        assert trader.order()[1] is False
        orders.release(named)
        assert trader.order()[1] is True
        orders.close()


def test_a_session_is_logged_out_in_order_and_kept_out(
    market: Market, orders: OrdersActuator
) -> None:
    with Trader(market, "T7") as trader:
        mine, _ = trader.order()
        decision = about(trader, Action.ISOLATE_SESSION)
        done = threading.Thread(target=orders.apply, args=(decision, 60 * S))
        done.start()

        assert trader.report(mine)["150"] == "4"
        assert "risk control" in trader.logout().get("58", "")
        trader.drop()
        done.join(LIMIT_S)
    with pytest.raises(ActuationError, match=r"hung up|answered 5"):
        Trader(market, "T7")
    held = orders.find(decision)
    assert held is not None
    orders.release(held)

    def is_back() -> bool:
        try:
            Trader(market, "T7").drop()
        except ActuationError:
            return False
        return True

    wait_until(is_back, LIMIT_S)


def test_a_gateway_says_what_it_speaks(market: Market, orders: OrdersActuator) -> None:
    """`query features` is what every OpenC2 consumer answers (Language 1.0, 4.1)."""
    place = (HOST, market.control)
    asked = orders._consumer.ask(place, "query", "f1", {"features": ["pairs"]})

    assert asked.state == ""


class Switch(SimulatedActuator):
    """What cuts, and remembers that it did."""

    def __init__(self) -> None:
        super().__init__(CLOCK, State.APPLIED)
        self.cut: list[tuple[str, ...]] = []

    def accepts(self, decision: Decision) -> bool:
        return decision.action is Action.ISOLATE_HOST

    def apply(self, decision: Decision, ttl_ns: int) -> Containment:
        self.cut.append(decision.target)
        return super().apply(decision, ttl_ns)


def test_a_host_is_cut_once_its_orders_are_gone(
    market: Market, orders: OrdersActuator
) -> None:
    switch = Switch()
    with Trader(market, "T8") as one, Trader(market, "T9") as two:
        sessions = [one.name, two.name]
        open_orders = [one.order()[0], two.order()[0]]
        isolation = Isolation(switch, [orders], lambda: sessions, CLOCK)

        outcome = isolation.apply(isolate(one), 60 * S)

        assert one.report(open_orders[0])["150"] == "4"
        assert two.report(open_orders[1])["150"] == "4"
    assert switch.cut == [(HOST,)]
    assert outcome.actuator == switch.name
    assert "no order of T8 is open" in outcome.detail
    # What bars them is found again, in the record and at the gateway, by the same id.
    bars = re.findall(r"barred for \d+ ms as ([0-9a-f]+)", outcome.detail)
    assert len(bars) == 2
    for bar in bars:
        place = (HOST, market.control)
        assert orders._consumer.ask(place, "query", bar, {}).state == "applied"


class Refusing(Switch):
    """What refuses to cut."""

    def apply(self, decision: Decision, ttl_ns: int) -> Containment:
        raise ActuationError(f"decision {decision.id}: no room", "make some")


@pytest.mark.parametrize("words", [(), ("confirms=off",)])
@pytest.mark.parametrize("ending", ["refused", "undone"])
def test_orders_are_let_in_again_when_nothing_is_cut(
    tmp_path: Path, words: tuple[str, ...], ending: str
) -> None:
    """What bars them for 10 s ends with the cut that it was for, and not after it."""
    with Market(tmp_path, ["T1"], *words) as market:
        orders = OrdersActuator([market.gateway], 3000, CLOCK)
        trader = Trader(market, "T1")
        switch = Refusing() if ending == "refused" else Switch()
        isolation = Isolation(switch, [orders], lambda: [trader.name], CLOCK)
        standing = Standing([isolation, switch], MemoryLedger(), CLOCK)
        hears = threading.Thread(target=leave_when_told, args=(trader, bool(words)))
        hears.start()
        decision = isolate(trader)
        bar = with_id(barring(decision, trader))

        outcome = standing.carry_out(decision)

        hears.join(LIMIT_S)
        began_ns = CLOCK.mono_ns()
        assert outcome is not None
        assert (outcome.state is State.FAILED) is (ending == "refused")
        if ending == "undone":
            place = (HOST, market.control)
            seen = orders._consumer.ask(place, "query", bar.id, {})
            assert seen.state == "applied", "nothing was barred"
            standing.undo(decision.id, "Jane Doe: not he", {})
        if words:  # logged out as well: he comes back
            wait_until(lambda: is_logged_on(market, "T1"), 5.0)
        else:
            assert trader.order()[1] is True
            trader.drop()
        assert CLOCK.mono_ns() - began_ns < 6 * S
        orders.close()


def test_a_bar_that_has_ended_makes_nobody_safe(
    market: Market, orders: OrdersActuator
) -> None:
    """A gateway that knows the command does nothing; orders could be entered."""
    with Trader(market, "T4") as trader:
        decision = about(trader, Action.CANCEL_ORDERS)
        orders.secure(decision)
        assert trader.order()[1] is False
        orders.loosen(decision)
        assert trader.order()[1] is True

        with pytest.raises(ActuationError, match="does not bar new orders of T4"):
            orders.secure(decision)


def barring(decision: Decision, trader: Trader) -> Decision:
    """Return what bars a session's orders while it is being cut."""
    name = trader.name
    return msgspec.structs.replace(
        decision,
        action=Action.THROTTLE_SESSION,
        target_type=TargetType.SESSION,
        target=(f"{name.client}:{name.client_port}", name.client_comp),
        session=name,
        gateway=name.gateway,
        port=name.gateway_port,
    )


def is_logged_on(market: Market, comp_id: str) -> bool:
    """Log on and order, if that is let."""
    market.counts()
    try:
        trader = Trader(market, comp_id)
    except ActuationError:
        return False
    is_taken = trader.order()[1]
    trader.drop()
    return is_taken


class Busy(Switch):
    """What cuts, while the one to be cut goes on ordering until it is."""

    def __init__(self, trader: Trader) -> None:
        super().__init__()
        self.trader = trader
        self.order = ""

    def apply(self, decision: Decision, ttl_ns: int) -> Containment:
        self.order, is_taken = self.trader.order()
        assert is_taken, "the gateway took no order"
        return super().apply(decision, ttl_ns)


def test_an_order_entered_before_the_cut_is_gone_after_it(market: Market) -> None:
    """By FIX alone no order can be barred: so it is asked twice."""
    gateway = msgspec.structs.replace(market.gateway, control="")
    with Trader(market, "T11") as trader:
        fix = MassCancelActuator([gateway], 2000, CLOCK)
        switch = Busy(trader)
        isolation = Isolation(switch, [fix], lambda: [trader.name], CLOCK)

        outcome = isolation.apply(isolate(trader), 60 * S)

        assert switch.cut
        assert trader.report(switch.order)["150"] == "4"
        assert "after the cut again" in outcome.detail


class Fatal(Switch):
    """What cuts, whereupon the gateway dies."""

    def __init__(self, market: Market) -> None:
        super().__init__()
        self.market = market
        self.released: list[str] = []

    def apply(self, decision: Decision, ttl_ns: int) -> Containment:
        self.market.process.kill()
        return super().apply(decision, ttl_ns)

    def release(self, containment: Containment) -> Containment:
        self.released.append(containment.decision_id)
        return super().release(containment)


def test_a_cut_is_taken_back_where_an_order_may_be_open(tmp_path: Path) -> None:
    with Market(tmp_path, ["T1"]) as market, Trader(market, "T1") as trader:
        gateway = msgspec.structs.replace(market.gateway, control="")
        switch = Fatal(market)
        fix = MassCancelActuator([gateway], 2000, CLOCK)
        isolation = Isolation(switch, [fix], lambda: [trader.name], CLOCK)
        standing = Standing([isolation], MemoryLedger(), CLOCK)
        decision = isolate(trader)

        outcome = standing.carry_out(decision)
        trader.drop()

    assert outcome is not None
    assert outcome.state is State.FAILED
    assert "cut, with orders open perhaps" in outcome.detail
    assert outcome.detail.endswith("taken back")
    assert switch.released == [decision.id]


class Slow:
    """Makes every session safe, and takes its time."""

    bars_orders = True

    def __init__(self, clock: SimulatedClock) -> None:
        self.clock = clock

    def accepts(self, decision: Decision) -> bool:
        return decision.action is Action.CANCEL_ORDERS

    def secure(self, decision: Decision) -> str:
        self.clock.time_ns += 3 * S
        return f"{decision.target[1]} is safe"

    def loosen(self, decision: Decision) -> None:
        """Bar nobody."""


def test_a_freeze_meanwhile_stops_the_cut() -> None:
    """Making sessions safe takes seconds: what is frozen by then is not cut."""
    clock = SimulatedClock(0)
    switch = Switch()
    names = [session_name(0)]
    isolation = Isolation(switch, [Slow(clock)], lambda: names, clock)
    standing = Standing(
        [isolation],
        MemoryLedger(),
        clock,
        closed=lambda: "frozen by a test" if clock.time_ns else "",
    )
    standing.attend(lambda: None)
    decision = throttle(
        action=Action.ISOLATE_HOST,
        target_type=TargetType.HOST,
        target=(names[0].client,),
    )

    outcome = standing.carry_out(decision)

    assert outcome is not None
    assert outcome.state is State.FAILED
    assert "not isolated: frozen by a test" in outcome.detail
    assert not switch.cut


def test_what_took_too_long_is_not_cut() -> None:
    """The last one is safe; the first, whose orders were barred for a while, is not."""
    clock = SimulatedClock(0)
    names = [session_name(0), session_name(1)]
    switch = Switch()
    isolation = Isolation(switch, [Slow(clock)], lambda: names, clock)
    decision = throttle(
        action=Action.ISOLATE_HOST,
        target_type=TargetType.HOST,
        target=(names[0].client,),
    )

    with pytest.raises(ActuationError, match="the first no longer"):
        isolation.apply(decision, 60 * S)

    assert not switch.cut


@pytest.mark.parametrize(
    ("words", "is_cut"),
    [
        (("confirms=off", "cod=off"), False),
        (("cancels=off", "cod=off"), False),
        (("confirms=off", "cod=on"), True),
        (("cancels=off", "cod=on"), True),
    ],
)
def test_without_confirmation_nothing_is_isolated(
    tmp_path: Path, words: tuple[str, ...], is_cut: bool
) -> None:
    """Neither cancels nor cancel-on-disconnect confirmed: the host stays."""
    switch = Switch()
    with Market(tmp_path, ["T1"], *words) as market, Trader(market, "T1") as trader:
        orders = OrdersActuator([market.gateway], 1500 if is_cut else 500, CLOCK)
        trader.order()
        isolation = Isolation(switch, [orders], lambda: [trader.name], CLOCK)
        hears = threading.Thread(target=leave_when_told, args=(trader, is_cut))
        hears.start()

        if is_cut:
            outcome = isolation.apply(isolate(trader), 60 * S)
            assert "the gateway cancels on disconnect" in outcome.detail
        else:
            with pytest.raises(ActuationError, match="not isolated"):
                isolation.apply(isolate(trader), 60 * S)
        hears.join(LIMIT_S)
        orders.close()
    assert bool(switch.cut) is is_cut


def leave_when_told(trader: Trader, is_told: bool) -> None:
    """Log out when the gateway says so."""
    if is_told:
        trader.logout()
        trader.drop()


@pytest.mark.parametrize("way", ["gone", "no control", "silent fix"])
def test_a_gateway_that_cannot_be_asked_isolates_nothing(
    market: Market, way: str
) -> None:
    switch = Switch()
    with Trader(market, "T10") as trader, socket.create_server((HOST, 0)) as silent:
        quiet = f"fix://{HOST}:{silent.getsockname()[1]}/{RISK}/VENUE"
        gateway = market.gateway
        changes = {
            "gone": {"control": "http://127.0.0.1:1"},
            "no control": {"control": "", "control_fix": ""},
            "silent fix": {"control": "", "control_fix": quiet},
        }[way]
        gateway = msgspec.structs.replace(gateway, **changes)
        orders = OrdersActuator([gateway], 300, CLOCK)
        fix = MassCancelActuator([gateway], 300, CLOCK)
        isolation = Isolation(switch, [orders, fix], lambda: [trader.name], CLOCK)
        began_ns = CLOCK.mono_ns()

        with pytest.raises(ActuationError, match="not isolated") as caught:
            isolation.apply(isolate(trader), 60 * S)

        assert CLOCK.mono_ns() - began_ns < 3 * S
        assert "\n" not in str(caught.value)
        assert switch.cut == []


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"8=FIX.4.4\x019=99999999\x0135=A\x01",
        b"8=FIX.4.4\x019=-1\x0135=A\x01",
        b"8=FIX.4.4\x019=5\x0135=A\x0110=000\x01",
        b"8=FIX.4.4\x01" + b"9" * 5000,
        b"8=FIX.4.4\x019=7\x0135=5\x0158\x0110=172\x01",
        b"",
        bytes(70_000),
    ],
)
def test_a_fix_peer_that_says_nonsense_is_an_error_in_time(said: bytes) -> None:
    with socket.create_server((HOST, 0)) as server:

        def answer() -> None:
            peer, _ = server.accept()
            with peer, contextlib.suppress(OSError):
                peer.recv(4096)
                peer.sendall(said)
                peer.shutdown(socket.SHUT_WR)
                peer.recv(4096)

        talks = threading.Thread(target=answer)
        talks.start()
        address = Address(host=HOST, port=server.getsockname()[1], ours="A", theirs="B")
        began_ns = CLOCK.mono_ns()
        with pytest.raises(ActuationError), FixLine(address, S, CLOCK):
            pass
        assert CLOCK.mono_ns() - began_ns < 2 * S
        talks.join(LIMIT_S)


@pytest.mark.parametrize(
    "text", ["fix://h:1/A", "http://h:1/A/B", "fix://h/A/B", "fix://h:x/A/B", "x"]
)
def test_a_fix_control_that_cannot_be_used_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="control_fix"):
        address_of(text)


def test_isolating_a_host_without_sessions_waits_for_nothing() -> None:
    switch = Switch()
    isolation = Isolation(switch, [], tuple, CLOCK)
    decision = with_id(
        msgspec.structs.replace(
            throttle(),
            action=Action.ISOLATE_HOST,
            tier=Tier.ISOLATE_HOST,
            target=("198.51.100.1",),
        )
    )

    isolation.apply(decision, 60 * S)

    assert switch.cut == [("198.51.100.1",)]
