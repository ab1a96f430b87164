"""News on one name: its specialist alone is busier than ever, and right to be."""

from airnet.domain.verdict import Cause
from airnet.twin.market import Burst
from airnet.twin.scenario import Expectation, World

EXPECTATION = Expectation(cause=Cause.NORMAL)


def prepare(world: World) -> None:
    """Let one symbol's rate rise; its specialist trades nothing else."""
    world.populate()
    specialist = world.pick("market_maker")
    symbol = specialist.symbols[0]
    specialist.symbols = (symbol,)
    onset_ns, offset_ns = world.span(3.0, 8.0)
    world.burst(
        Burst(
            onset_ns=onset_ns - world.start_ns,
            ramp_ns=int(world.rng.uniform(0.01e9, 0.5e9)),
            hold_ns=(offset_ns - onset_ns) // 3,
            decay_ns=(offset_ns - onset_ns) // 4,
            factor=world.excess(1.8, 3.5),
            symbol=symbol,
            response_min=1.0,
        ),
        Cause.NORMAL,
        f"news on one name, {specialist.comp} is its specialist",
    )
