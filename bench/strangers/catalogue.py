"""Every family: importing this module registers them all."""

from strangers import (
    algorithms,
    benign,
    compromises,
    floods,
    latencies,
    mixed,
    oddities,
    registry,
)

FAMILIES = registry.FAMILIES
MODULES = (benign, floods, algorithms, compromises, latencies, mixed, oddities)
make = registry.make
