"""Every family: importing this module registers them all."""

from strangers import (
    algorithms,
    benign,
    compromises,
    floods,
    floor_calm,
    floor_faults,
    floor_floods,
    floor_looks,
    latencies,
    lookalikes,
    mixed,
    oddities,
    registry,
)

FAMILIES = registry.FAMILIES
MODULES = (benign, floods, algorithms, compromises, latencies, mixed, oddities)
OTHERS = (floor_calm, floor_faults, floor_floods, floor_looks, lookalikes)
make = registry.make
