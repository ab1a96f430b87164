"""Every family: importing this module registers them all."""

from strangers import algorithms, benign, floods, registry

FAMILIES = registry.FAMILIES
MODULES = (benign, floods, algorithms)
make = registry.make
