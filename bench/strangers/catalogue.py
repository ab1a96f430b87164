"""Every family: importing this module registers them all."""

from strangers import (
    algorithms,
    benign,
    bourse_calm,
    bourse_close,
    bourse_faults,
    bourse_floods,
    bourse_intruders,
    bourse_lines,
    bourse_office,
    bourse_schemes,
    bourse_thieves,
    compromises,
    exchange_calm,
    exchange_faults,
    exchange_floods,
    exchange_intruders,
    exchange_lines,
    exchange_office,
    exchange_schemes,
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
    street_calm,
    street_faults,
    street_floods,
    street_intruders,
    street_lines,
    street_office,
    street_schemes,
)

FAMILIES = registry.FAMILIES
MODULES = (benign, floods, algorithms, compromises, latencies, mixed, oddities)
OTHERS = (floor_calm, floor_faults, floor_floods, floor_looks, lookalikes)
STREETS = (street_calm, street_faults, street_floods, street_intruders)
STREETS += (street_lines, street_office, street_schemes)
EXCHANGES = (exchange_calm, exchange_faults, exchange_floods, exchange_intruders)
EXCHANGES += (exchange_lines, exchange_office, exchange_schemes)
BOURSES = (bourse_calm, bourse_close, bourse_faults, bourse_floods, bourse_intruders)
BOURSES += (bourse_lines, bourse_office, bourse_schemes, bourse_thieves)
make = registry.make
