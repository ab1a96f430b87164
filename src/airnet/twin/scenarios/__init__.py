"""Every scenario by name. A file is a scenario: `prepare` and `EXPECTATION`."""

from collections.abc import Callable
from types import ModuleType

import msgspec

from airnet.twin.scenario import Expectation, Params, World
from airnet.twin.scenarios import (
    ack_flood,
    clock_step,
    compid_wrong_host,
    demo,
    duplicate_clordid_loop,
    logon_flood,
    market_open,
    mass_requote,
    mirror_loss,
    quiet,
    reconnect_storm,
    reject_loop,
    runaway,
    runaway_in_volatility,
    scan,
    single_name_news,
    slow_runaway,
    spoofed_syn_flood,
    stuffing,
    syn_flood,
    udp_flood,
    venue_stall,
    volatility,
)

MODULES = (
    quiet,
    volatility,
    single_name_news,
    mass_requote,
    reconnect_storm,
    market_open,
    syn_flood,
    spoofed_syn_flood,
    udp_flood,
    ack_flood,
    logon_flood,
    runaway,
    runaway_in_volatility,
    stuffing,
    slow_runaway,
    reject_loop,
    duplicate_clordid_loop,
    compid_wrong_host,
    scan,
    venue_stall,
    mirror_loss,
    clock_step,
    demo,
)


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """One file: how it disturbs a World, what must come of it, its own parameters."""

    name: str
    about: str
    prepare: Callable[[World], None]
    expectation: Expectation
    params: Params


def _scenario(module: ModuleType) -> Scenario:
    return Scenario(
        name=module.__name__.rpartition(".")[2],
        about=(module.__doc__ or "").splitlines()[0],
        prepare=module.prepare,
        expectation=module.EXPECTATION,
        params=getattr(module, "PARAMS", Params()),
    )


SCENARIOS = {scenario.name: scenario for scenario in map(_scenario, MODULES)}
