"""Mass cancels under the kit: a real gateway, its FIX session for them, real orders."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from airnet.act.actuator import Actuator
from airnet.act.masscancel import MassCancelActuator
from airnet.clock import SystemClock
from airnet.domain.decision import Action, Decision, Tier, with_id
from airnet.lab.roster import VENUE_COMP
from tests.conformance.floor import COMPS, PROBE, Floor, standing
from tests.conformance.role import Breaking, Fault
from tests.fakes.market import HOST, RISK, Market, Trader
from tests.fakes.verdicts import MS, throttle

MARKS = (pytest.mark.slow,)
TIMEOUT_MS = 600


class MassCancelRig:
    """An order gateway; a Decision cancels the orders of a session of its own."""

    ttl_ns = 600 * MS
    late_ns = 500 * MS
    call_ns = 2 * TIMEOUT_MS * MS

    def __init__(self, folder: Path) -> None:
        self._market = Market(folder, [*COMPS, PROBE], "cod=off")
        self._floor = Floor(self._market)
        self._ours = RISK
        self.actuator: Actuator = self.heir()
        self.faults: dict[Fault, Breaking | str] = {
            Fault.GONE: self._gone,
            Fault.SLOW: self._floor.hung,
            Fault.FULL: self._taken,
            Fault.LYING: lambda: self._floor.behaving(cancels=False),
            Fault.REFUSES: self._somebody_else,
            Fault.PARTIAL: lambda: self._floor.behaving(
                locked=",".join(sorted(f"{one}B" for one in COMPS))
            ),
        }

    def decision(self, number: int) -> Decision:
        comp_id = COMPS[number]
        if comp_id not in self._floor.traders:
            assert self._floor.rest(comp_id)
        name = self._floor.trader(comp_id).name
        return with_id(
            msgspec.structs.replace(
                throttle(number),
                action=Action.CANCEL_ORDERS,
                tier=Tier.KILL_ALGO,
                target=(f"{name.client}:{name.client_port}", comp_id),
                session=name,
                gateway=HOST,
                port=self._market.port,
            )
        )

    def holds(self, decision: Decision) -> bool:
        return not any(self._floor.open_orders(decision.target[1]))

    def is_free(self, decision: Decision) -> bool:
        return all(self._floor.open_orders(decision.target[1]))

    def renew(self, decision: Decision) -> bool:
        """Have the session enter such orders again; return whether it may."""
        return self._floor.rest(decision.target[1])

    def heir(self) -> Actuator:
        control = f"fix://{HOST}:{self._market.port}/{self._ours}/{VENUE_COMP}"
        gateway = msgspec.structs.replace(self._market.gateway, control_fix=control)
        return MassCancelActuator([gateway], TIMEOUT_MS, SystemClock())

    def close(self) -> None:
        self._floor.close()
        self._market.kill()

    @contextlib.contextmanager
    def _gone(self) -> Iterator[None]:
        """The gateway's power goes; when it comes back, everybody orders anew."""
        names = sorted(set(self._floor.traders) - {PROBE})
        with self._floor.dead():
            yield
        for comp_id in names:
            assert self._floor.rest(comp_id)

    @contextlib.contextmanager
    def _taken(self) -> Iterator[None]:
        """Somebody is logged on already where it takes mass cancels."""
        with Trader(self._market, self._ours):
            yield

    @contextlib.contextmanager
    def _somebody_else(self) -> Iterator[None]:
        """Who asks is not the one who may cancel for others."""
        self._ours = COMPS[-1]
        self.actuator = self.heir()
        yield
        self._ours = RISK
        self.actuator = self.heir()


@contextlib.contextmanager
def rig() -> Iterator[MassCancelRig]:
    """Give a gateway process of its own."""
    with standing(MassCancelRig) as found:
        yield found
