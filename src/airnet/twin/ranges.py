"""Domains: the ranges an episode's world is drawn from, with one held out for reports.

A model is trained on worlds of TRAIN, thresholds are tuned on TUNE, and what is
published is measured on REPORT, whose latencies, sizes, dialects, ports and mirrors
are others. Which mechanisms are held out says each scenario of the catalogue itself.

Together they span 10 to 200 sessions, 5 to 200 symbols, an exchange's round trip of 10
to 500 us, lognormal latencies with a sigma up to 1.4, a Hawkes branching below 0.95
(about 0.8 in Lallouache and Challet, arXiv:1406.3967) and size tails of 1.3 to 2.2.
"""

import msgspec

from airnet.errors import UsageError

Span = tuple[float, float]


class Ranges(msgspec.Struct, frozen=True, kw_only=True):
    """From what a world is drawn; a pair is least and most, log-uniform between.

    `versions`, `orders`, `ids`, `prices` and `digits` are choices of FIX dialects
    (rows of airnet.twin.rows_line); `loss` to `reorder` are the most a healthy
    mirror of the domain has, `jitter_ns` the span of its stamps' noise. `clocks_us`
    is how far the traders' clocks are off.
    """

    name: str
    sessions: tuple[int, int]
    symbols: tuple[int, int]
    exchange_ns: Span
    latency_ns: Span
    latency_sigma: Span
    coalesce_ns: tuple[int, ...]
    heartbeats_ms: tuple[int, ...]
    versions: tuple[int, ...]
    orders: tuple[int, ...]
    ids: tuple[int, ...]
    prices: tuple[int, ...]
    digits: tuple[int, ...]
    ticks: tuple[int, ...]
    lots: tuple[int, ...]
    size_alpha: Span
    branching: Span
    factor: Span
    reaction_ns: Span
    levels: tuple[int, int]
    covered: tuple[int, int]
    roles: tuple[float, float, float, float, float]
    concentration: float
    ports: tuple[int, ...]
    networks: tuple[int, int]
    ttls: tuple[int, ...]
    tagged: float
    midstream: float
    split: float
    loss: float
    duplicate: float
    reorder: float
    jitter_ns: tuple[int, int]
    difficulty: tuple[float, float]


TRAIN = Ranges(
    name="train",
    sessions=(10, 80),
    symbols=(5, 80),
    exchange_ns=(10_000.0, 150_000.0),
    latency_ns=(5_000.0, 120_000.0),
    latency_sigma=(0.3, 1.2),
    coalesce_ns=(0, 0, 20_000),
    heartbeats_ms=(10_000, 30_000, 30_000),
    versions=(42, 44, 44, 44),
    orders=(0, 0, 1),
    ids=(0, 1, 2),
    prices=(0, 2),
    digits=(3, 3, 3, 6),
    ticks=(1, 1, 5),
    lots=(1, 100),
    size_alpha=(1.3, 1.9),
    branching=(0.6, 0.85),
    factor=(1.1, 1.7),
    reaction_ns=(30e3, 20e6),
    levels=(8, 14),
    covered=(10, 20),
    roles=(0.35, 0.3, 0.2, 0.1, 0.05),
    concentration=12.0,
    ports=(9878, 5001, 9100, 4100),
    networks=(1, 120),
    ttls=(64, 64, 64, 63, 128),
    tagged=0.1,
    midstream=0.3,
    split=0.01,
    loss=0.0005,
    duplicate=0.0005,
    reorder=0.0005,
    jitter_ns=(0, 200),
    difficulty=(0.0, 0.7),
)
TUNE = msgspec.structs.replace(
    TRAIN,
    name="tune",
    sessions=(20, 120),
    symbols=(10, 120),
    exchange_ns=(30_000.0, 250_000.0),
    latency_ns=(10_000.0, 300_000.0),
    coalesce_ns=(0, 10_000, 50_000),
    heartbeats_ms=(5_000, 10_000, 60_000),
    versions=(42, 44, 50),
    orders=(0, 1, 2),
    ids=(0, 2, 4),
    prices=(0, 1, 2),
    ticks=(1, 5, 10),
    size_alpha=(1.4, 2.0),
    branching=(0.65, 0.9),
    factor=(1.1, 1.7),
    roles=(0.4, 0.25, 0.2, 0.1, 0.05),
    concentration=8.0,
    ports=(30_001, 15_500, 7001),
    networks=(121, 180),
    ttls=(64, 62, 127, 255),
    tagged=0.2,
    loss=0.001,
    duplicate=0.001,
    reorder=0.001,
    jitter_ns=(0, 1000),
    difficulty=(0.0, 0.9),
)
REPORT = msgspec.structs.replace(
    TRAIN,
    name="report",
    sessions=(30, 200),
    symbols=(15, 200),
    exchange_ns=(150_000.0, 500_000.0),
    latency_ns=(60_000.0, 900_000.0),
    latency_sigma=(0.8, 1.4),
    coalesce_ns=(0, 50_000, 200_000),
    heartbeats_ms=(1_000, 20_000, 45_000),
    versions=(42, 50, 50),
    orders=(1, 2, 2),
    ids=(3, 4, 1),
    prices=(1, 2),
    digits=(0, 3, 9),
    ticks=(1, 10, 25),
    lots=(1, 10),
    size_alpha=(1.6, 2.2),
    branching=(0.7, 0.93),
    factor=(1.5, 2.3),
    reaction_ns=(20e3, 6e6),
    levels=(10, 16),
    covered=(14, 30),
    roles=(0.25, 0.35, 0.25, 0.1, 0.05),
    concentration=5.0,
    ports=(25_000, 6060, 40_404, 11_001),
    networks=(181, 250),
    ttls=(61, 126, 254, 64),
    tagged=0.4,
    midstream=0.6,
    split=0.03,
    loss=0.002,
    duplicate=0.002,
    reorder=0.002,
    jitter_ns=(0, 5000),
    difficulty=(0.0, 1.0),
)
DOMAINS = {ranges.name: ranges for ranges in (TRAIN, TUNE, REPORT)}


def domain(name: str) -> Ranges:
    """Return a domain by its name.

    Raises:
        UsageError: there is no such domain.
    """
    if name not in DOMAINS:
        raise UsageError(f"no domain {name!r}", f"domains: {', '.join(DOMAINS)}")
    return DOMAINS[name]
