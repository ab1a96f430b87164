"""Mass cancels under the kit: a real gateway, its FIX session for them, real orders."""

import contextlib
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from airnet.act.actuator import Actuator
from airnet.act.masscancel import MassCancelActuator
from airnet.clock import SystemClock
from airnet.domain.decision import Action, Decision, Tier, with_id
from airnet.lab.roster import VENUE_COMP
from tests.conformance.role import Breaking, Fault
from tests.fakes.market import HOST, RISK, Market, Trader
from tests.fakes.verdicts import MS, throttle

MARKS = (pytest.mark.slow,)
SESSIONS = 64
TIMEOUT_MS = 600
#: Has no order of its own, and is nobody that may cancel for others.
PROBE = "PROBE"
PRICE, SIZE = "10.00", 5000


def rest(trader: Trader) -> bool:
    """Enter one order in each of two symbols that nobody else trades; all taken?"""
    symbols = (f"{trader.comp_id}A", f"{trader.comp_id}B")
    taken = [trader.order(PRICE, of=one, size=SIZE)[1] for one in symbols]
    return all(taken)


def open_orders(probe: Trader, comp_id: str) -> list[bool]:
    """Return for both symbols whether who sells one there finds somebody who buys."""
    found = []
    for symbol in (f"{comp_id}A", f"{comp_id}B"):
        asked, is_taken = probe.order(PRICE, of=symbol, side="2", size=1)
        assert is_taken, "the probe's order was refused"
        found.append(probe.cancel(asked) == "9")  # it was filled: nothing to cancel
    return found


class MassCancelRig:
    """An order gateway; a Decision cancels the orders of a session of its own."""

    ttl_ns = 600 * MS
    late_ns = 500 * MS
    call_ns = 2 * TIMEOUT_MS * MS

    def __init__(self, folder: Path) -> None:
        self._comps = [f"ALGO{number}" for number in range(SESSIONS)]
        self._market = Market(folder, [*self._comps, PROBE], "cod=off")
        self._traders: dict[str, Trader] = {}
        self._ours = RISK
        self.actuator: Actuator = self.heir()
        self.faults: dict[Fault, Breaking | str] = {
            Fault.GONE: self._gone,
            Fault.SLOW: self._slow,
            Fault.FULL: self._taken,
            Fault.LYING: lambda: self._behaves(cancels=False),
            Fault.REFUSES: self._somebody_else,
            Fault.PARTIAL: lambda: self._behaves(
                locked=",".join(sorted(f"{one}B" for one in self._comps))
            ),
        }

    def decision(self, number: int) -> Decision:
        comp_id = self._comps[number]
        if comp_id not in self._traders:
            assert rest(self._trader(comp_id))
        name = self._traders[comp_id].name
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
        return not any(self._open(decision))

    def is_free(self, decision: Decision) -> bool:
        return all(self._open(decision))

    def renew(self, decision: Decision) -> bool:
        """Have the session enter such orders again; return whether it may."""
        return rest(self._trader(decision.target[1]))

    def heir(self) -> Actuator:
        control = f"fix://{HOST}:{self._market.port}/{self._ours}/{VENUE_COMP}"
        gateway = msgspec.structs.replace(self._market.gateway, control_fix=control)
        return MassCancelActuator([gateway], TIMEOUT_MS, SystemClock())

    def close(self) -> None:
        self._drop()
        self._market.kill()

    def _open(self, decision: Decision) -> list[bool]:
        return open_orders(self._trader(PROBE), decision.target[1])

    def _trader(self, comp_id: str) -> Trader:
        if comp_id not in self._traders:
            self._traders[comp_id] = Trader(self._market, comp_id)
        return self._traders[comp_id]

    def _drop(self) -> None:
        for trader in self._traders.values():
            trader.drop()
        self._traders.clear()

    @contextlib.contextmanager
    def _gone(self) -> Iterator[None]:
        """The gateway's power goes; when it comes back, everybody orders anew."""
        self._market.kill()
        names = sorted(set(self._traders) - {PROBE})
        self._drop()
        yield
        self._market.restart()
        for comp_id in names:
            assert rest(self._trader(comp_id))

    @contextlib.contextmanager
    def _slow(self) -> Iterator[None]:
        """It does nothing for a while, and then all that it was told."""
        self._market.process.send_signal(signal.SIGSTOP)
        yield
        self._market.process.send_signal(signal.SIGCONT)

    @contextlib.contextmanager
    def _taken(self) -> Iterator[None]:
        """Somebody is logged on already where it takes mass cancels."""
        with Trader(self._market, self._ours):
            yield

    @contextlib.contextmanager
    def _somebody_else(self) -> Iterator[None]:
        """Who asks is not the one who may cancel for others."""
        self._ours = self._comps[-1]
        self.actuator = self.heir()
        yield
        self._ours = RISK
        self.actuator = self.heir()

    @contextlib.contextmanager
    def _behaves(self, **words: object) -> Iterator[None]:
        honest: dict[str, object] = {"cancels": True, "locked": ""}
        self._market.behave(**words)
        yield
        self._market.behave(**{key: honest[key] for key in words})


@contextlib.contextmanager
def rig(kind: type[MassCancelRig] = MassCancelRig) -> Iterator[MassCancelRig]:
    """Give a gateway process of its own."""
    pytest.importorskip("quickfix", reason="quickfix: pip install airnet[lab]")
    with tempfile.TemporaryDirectory() as place:
        made = kind(Path(place))
        try:
            yield made
        finally:
            made.close()
