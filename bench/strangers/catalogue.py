"""Every family: importing this module registers them all."""

from strangers import (
    algorithms,
    benign,
    compromises,
    floods,
    latencies,
    mixed,
    registry,
)

FAMILIES = registry.FAMILIES
MODULES = (benign, floods, algorithms, compromises, latencies, mixed)
make = registry.make
