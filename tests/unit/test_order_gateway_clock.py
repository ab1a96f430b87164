"""The order gateway's control under a wrong clock: a limit holds for its time."""

from pathlib import Path

import pytest

from airnet.act.orders import OrdersActuator
from airnet.clock import SystemClock
from airnet.domain.containment import State
from airnet.domain.decision import Action
from tests.fakes.clocks import YEAR_S, WallClock
from tests.fakes.market import Market, Trader
from tests.netns.lab_links import wait_until
from tests.unit.test_order_gateway import about

pytest.importorskip("quickfix", reason="quickfix: pip install airnet[lab]")
pytestmark = pytest.mark.slow
LIMIT_S, S = 30.0, 1_000_000_000


@pytest.mark.parametrize("years", [-20, 20])
def test_a_limit_is_kept_by_no_wall_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, years: int
) -> None:
    """Set while it stands, and before it is asked for: it ends in its time."""
    clock = WallClock(tmp_path)
    for name, value in clock.environment.items():
        monkeypatch.setenv(name, value)
    with Market(tmp_path, ["T0"]) as market, Trader(market, "T0") as trader:
        orders = OrdersActuator([market.gateway], 1000, SystemClock())
        standing = orders.apply(about(trader, Action.THROTTLE_SESSION), 60 * S)
        assert standing.state is State.APPLIED

        clock.step(years * YEAR_S)

        assert orders.ended(standing) == ""
        orders.release(standing)
        assert "gateway" in orders.ended(standing)
        other = about(trader, Action.THROTTLE_SESSION, why="By a wrong clock.")
        short = orders.apply(other, 2 * S)
        assert 0 < short.until_ns - SystemClock().now_ns() <= 2 * S
        wait_until(lambda: bool(orders.ended(short)), LIMIT_S)
        orders.close()
