"""The order gateway under the kit: a real process, real sessions, real orders."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from airnet.act.orders import OrdersActuator
from airnet.clock import SystemClock
from airnet.config import Gateway
from airnet.domain.decision import Action, Decision, Tier, with_id
from airnet.errors import ActuationError
from airnet.lab.throttle import COMMANDS_MAX
from tests.conformance.floor import COMPS, PROBE, Floor, Relay, standing
from tests.conformance.role import Breaking, Fault
from tests.fakes.market import HOST, Market
from tests.fakes.verdicts import MS, throttle

MARKS = (pytest.mark.slow,)
TIMEOUT_MS = 400


class OrdersRig:
    """An order gateway; a Decision refuses the new orders of a session of its own."""

    ttl_ns = 600 * MS
    late_ns = 500 * MS
    timeout_ms = TIMEOUT_MS
    call_ns = 4 * TIMEOUT_MS * MS
    words: tuple[str, ...] = ()
    action, tier = Action.THROTTLE_SESSION, Tier.LIMIT_ALGO

    def __init__(self, folder: Path) -> None:
        self._market = Market(folder, [*COMPS, PROBE], *self.words)
        self._floor = Floor(self._market)
        self._relay = Relay(self._market)
        self._made: list[OrdersActuator] = []
        self.actuator = self.heir()
        self.faults: dict[Fault, Breaking | str] = {
            Fault.GONE: self._floor.dead,
            Fault.SLOW: self._floor.hung,
            Fault.FULL: self._full,
            Fault.LYING: lambda: self._relay.be("lying"),
            Fault.REFUSES: lambda: self._relay.be("refusing"),
            Fault.PARTIAL: "One session is one limit; it is there or it is not.",
        }

    def decision(self, number: int) -> Decision:
        plain = throttle(number, action=self.action, tier=self.tier)
        assert plain.session is not None
        place = {"gateway": HOST, "gateway_port": self._market.port}
        return with_id(
            msgspec.structs.replace(
                plain,
                session=msgspec.structs.replace(plain.session, **place),
                gateway=HOST,
                port=self._market.port,
            )
        )

    def holds(self, decision: Decision) -> bool:
        return not self.is_free(decision)

    def is_free(self, decision: Decision) -> bool:
        """Send a new order in that session, and see what the venue says."""
        return self._floor.trader(decision.target[1]).order()[1]

    def heir(self) -> OrdersActuator:
        gateway = Gateway(ip=HOST, port=self._market.port, control=self._relay.url)
        made = OrdersActuator([gateway], self.timeout_ms, SystemClock())
        self._made.append(made)
        return made

    def close(self) -> None:
        for made in self._made:
            made.close()
        self._floor.close()
        self._relay.close()
        self._market.kill()

    @contextlib.contextmanager
    def _full(self) -> Iterator[None]:
        """As many limits stand as it can keep."""
        filler = OrdersActuator([self._market.gateway], 5000, SystemClock())
        plain = OrdersRig.decision(self, 63)
        limit = {"action": Action.THROTTLE_SESSION, "tier": Tier.LIMIT_ALGO}
        with contextlib.suppress(ActuationError):
            for number in range(COMMANDS_MAX + 1):
                one = msgspec.structs.replace(plain, measured=number, **limit)
                filler.apply(with_id(one), 600_000 * MS)
        filler.close()
        yield
        with self._floor.dead():
            pass


@contextlib.contextmanager
def rig() -> Iterator[OrdersRig]:
    """Give a gateway process of its own."""
    with standing(OrdersRig) as found:
        yield found
