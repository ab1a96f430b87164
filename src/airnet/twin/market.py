"""Market: what all sessions share: symbols, prices, and how busy the moment is.

Arrivals are clusters: Poisson parents at a rate that follows the market, each with a
Poisson number of children at exponential delays (a Hawkes process in its branching
form; endogeneity about 0.8 below one, Lallouache and Challet arXiv:1406.3967). Far
from Poisson at 100 ms and 1 s, as real order flow is.
"""

import hashlib

import msgspec
import numpy as np
from numpy.typing import NDArray

GRID_NS = 10_000_000  # of rates
PRICE_GRID_NS = 50_000_000
SECOND_NS = 1_000_000_000


def stream(seed: int, *names: object) -> np.random.Generator:
    """Return the generator of one agent: same seed and names, same numbers."""
    text = "\0".join(str(name) for name in names).encode()
    # As SeedSequence reads [seed, *words], which takes it three times as long.
    size = max((seed.bit_length() + 31) // 32, 1) * 4
    raw = seed.to_bytes(size, "little") + hashlib.sha256(text).digest()[:16]
    sequence = np.random.SeedSequence(np.frombuffer(raw, np.uint32))
    return np.random.Generator(np.random.Philox(sequence))


class Burst(msgspec.Struct, frozen=True, kw_only=True):
    """The market, or one symbol, gets busier for a while.

    Times are ns since the episode's start; it rises to `factor` within `ramp_ns`,
    stays for `hold_ns` and decays with time constant `decay_ns`.
    """

    onset_ns: int
    ramp_ns: int
    hold_ns: int
    decay_ns: int
    factor: float
    symbol: int = -1
    response_min: float = 0.8

    @property
    def offset_ns(self) -> int:
        """Return when it has decayed to a twentieth."""
        return self.onset_ns + self.ramp_ns + self.hold_ns + 3 * self.decay_ns


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How an agent's activity arrives.

    `rate` is a mean per second; `response` the power of the market's multiplier it
    follows; `fast` and `slow` the share of children in two kernels with time
    constants `fast_ns` and `slow_ns`; `drift` the spread of its slow modulation.
    """

    rate: float
    response: float = 1.0
    fast: float = 0.45
    slow: float = 0.25
    fast_ns: int = 8_000_000
    slow_ns: int = 400_000_000
    drift: float = 0.35


class Market:
    """What all sessions share.

    Args:
        seed: of the episode.
        symbols: how many instruments.
        duration_ns: of the episode.
    """

    def __init__(self, seed: int, symbols: int, duration_ns: int) -> None:
        self.duration_ns = duration_ns
        self.bursts: list[Burst] = []
        rng = stream(seed, "market")
        self.symbols = tuple(_names(rng, symbols))
        weights = 1.0 / np.arange(1, symbols + 1) ** 0.8
        self.weights = weights / weights.sum()
        steps = duration_ns // PRICE_GRID_NS + 2
        start = rng.integers(1_000, 40_000, (symbols, 1))
        walk = np.cumsum(rng.normal(0.0, 1.2, (symbols, steps)), axis=1)
        self._prices = np.maximum(start + walk, 100).astype(np.int64).tolist()

    def price(self, symbol: int, since_ns: int) -> int:
        """Return the mid price in cents at a time since the start."""
        path = self._prices[symbol]
        return int(path[min(max(since_ns, 0) // PRICE_GRID_NS, len(path) - 1)])

    def multiplier(
        self, symbols: tuple[int, ...], response: float
    ) -> NDArray[np.float64]:
        """Return how much busier than usual each 10 ms is, for who trades `symbols`."""
        centres = (np.arange(self.duration_ns // GRID_NS + 1) + 0.5) * GRID_NS
        total = np.ones(len(centres))
        for burst in self.bursts:
            if burst.symbol >= 0 and burst.symbol not in symbols:
                continue
            share = 1.0 if burst.symbol < 0 else 1.0 / len(symbols) ** 0.5
            since = centres - burst.onset_ns
            shape = np.clip(since / max(burst.ramp_ns, 1), 0.0, 1.0)
            over = since - burst.ramp_ns - burst.hold_ns
            shape *= np.exp(-np.clip(over / max(burst.decay_ns, 1), 0.0, 50.0))
            power = max(response, burst.response_min)
            total *= 1.0 + (burst.factor**power - 1.0) * share * shape
        return total

    def arrivals(
        self, rng: np.random.Generator, pace: Pace, symbols: tuple[int, ...]
    ) -> NDArray[np.int64]:
        """Return the times of an agent's activity, sorted, ns since the start."""
        rates = self.multiplier(symbols, pace.response)
        seconds = int(self.duration_ns // SECOND_NS) + 2
        drift = np.exp(rng.normal(-(pace.drift**2) / 2, pace.drift, seconds))
        at = np.arange(len(rates)) * (GRID_NS / SECOND_NS)
        rates = rates * np.interp(at, np.arange(seconds), drift)
        parents = pace.rate * (1.0 - pace.fast - pace.slow)
        mass = np.concatenate([[0.0], np.cumsum(rates)]) * GRID_NS / SECOND_NS * parents
        count = rng.poisson(mass[-1])
        edges = np.arange(len(mass)) * float(GRID_NS)
        born = np.interp(rng.random(count) * mass[-1], mass, edges)
        born = np.concatenate([born, self._before(rng, pace, parents)])
        return self._family(rng, pace, born)

    def _before(
        self, rng: np.random.Generator, pace: Pace, parents: float
    ) -> NDArray[np.float64]:
        """Return parents of the seconds before the start, whose children count."""
        span_ns = 4.0 * pace.slow_ns
        count = rng.poisson(parents * span_ns / SECOND_NS)
        return np.asarray(-rng.random(count) * span_ns)

    def _family(
        self, rng: np.random.Generator, pace: Pace, born: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """Return parents and all their descendants within the episode, sorted."""
        everyone = [born]
        while len(born):
            children = []
            for share, scale in ((pace.fast, pace.fast_ns), (pace.slow, pace.slow_ns)):
                each = rng.poisson(share, len(born))
                delays = rng.exponential(scale, int(each.sum()))
                children.append(np.repeat(born, each) + delays)
            born = np.concatenate(children)
            born = born[born < self.duration_ns]
            everyone.append(born)
        times = np.sort(np.concatenate(everyone)).astype(np.int64)
        return times[(times >= 0) & (times < self.duration_ns)]


def _names(rng: np.random.Generator, count: int) -> list[bytes]:
    """Return distinct symbols of three to five letters."""
    names: dict[bytes, None] = {}
    while len(names) < count:
        letters = rng.integers(65, 91, int(rng.integers(3, 6))).astype(np.uint8)
        names[letters.tobytes()] = None
    return list(names)
