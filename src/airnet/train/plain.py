"""Plain: markets as a simple generator makes them, drawn anew for every episode.

Models that only knew our twin would learn its habits: clustered orders, cancels, market
data. Here sessions send at random, by the clock or in bursts, 1 to 2000 a second, 3 to
200 of them; many send new orders alone, some the same order for ever; answers take
always as long, or are never seen; and an incident may come 2 s after the capture began.

What honest sessions do is as wild as faults are: a headline is answered by one of them
half a second before the others, quotes are pulled and placed anew, an open comes after
silence, a large order is sent in pieces at once.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

#: Messages of one episode, about: more would say no more.
MESSAGES_MAX = 30_000
STEP_S = 0.01
#: Before this, nothing happens.
WARM_S = 2.0

ARRIVALS = ("poisson", "poisson", "clock", "jitter", "burst", "gamma", "regular")
MIXES = {
    "new": (1.0, 0.0, 0.0),
    "pairs": (1.0, 0.0, 0.0),
    "maker": (0.4, 0.35, 0.25),
    "replacer": (0.2, 0.1, 0.7),
    "taker": (0.85, 0.1, 0.05),
}
FAULTS = (
    "runaway",
    "runaway",
    "runaway",
    "identical",
    "identical",
    "loop",
    "cancels",
    "replaces",
    "replaces",
    "stuffing",
    "stuffing",
    "stuffing",
    "duplicates",
    "refused",
    "ramp",
    "ramp",
    "pulse",
    "one_sided",
    "one_sided",
    "one_sided",
    "riding",
    "riding",
)
#: Drawn for reports alone: whole mechanisms that no model is trained on.
HELD_FAULTS = ("cancels", "pulse")
SINGLES = ("requote", "slicing", "surge", "start", "reconnect", "sweep", "sweep")
HELD_SINGLES = ("slicing",)
#: Troubles in which sessions do more of what they always do.
BURSTS = ("volatility", "slicing", "surge")
#: What a fault of orders unlike each other must be above its session's own rate: less
#: is what honest sessions do, and nobody can tell. Others must only be noticed.
UNLIKE_FACTOR, ALIKE_FACTOR = 8.0, 3.0


@dataclass(kw_only=True)
class Trouble:
    """What happens, from when to when, in seconds; `lines` are whose it is.

    Of bursts, `lag_s` is how much later than the first the others answer on average,
    `leader` who the first is (-1: nobody), `calm` the share of activity before, and
    `is_fading` says that it dies away. Of faults, `hold_s` is how long an order lives,
    `fill` the chance that one is filled (-1: a tenth of what is usual), `is_same` says
    that all orders are alike, and `states` between how many prices one is replaced.
    """

    kind: str
    start_s: float
    end_s: float
    factor: float = 1.0
    lines: tuple[int, ...] = ()
    ramp_s: float = 0.0
    lag_s: float = 0.0
    leader: int = -1
    calm: float = 1.0
    is_fading: bool = False
    hold_s: float = 0.0
    fill: float = -1.0
    is_same: bool = False
    is_withdrawing: bool = False
    states: int = 1


@dataclass(kw_only=True)
class Trader:
    """One session: how it sends and how it is answered."""

    number: int
    rate: float
    arrival: str
    mix: str
    symbols: int
    is_same: bool
    fill_share: float
    hold_s: float
    answer_s: float
    spread: float
    start_s: float = 0.0


@dataclass(kw_only=True)
class Market:
    """One episode's draw."""

    seed: int
    seconds: float
    traders: list[Trader]
    troubles: list[Trouble] = field(default_factory=list)
    is_answered: bool = True
    is_midstream: bool = False
    has_acks: bool = False
    has_site: bool = True
    common: float = 0.0
    refuse_share: float = 0.0


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """Return a number between two, log-uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def peaceful(rng: np.random.Generator, seed: int) -> Market:
    """Return a market in which nothing happens yet."""
    seconds = float(rng.choice([10.0, 12.0, 16.0, 20.0, 30.0]))
    count = round(between(rng, 3, 200)) if rng.random() < 0.5 else rng.integers(15, 50)
    return Market(
        seed=seed,
        seconds=seconds,
        traders=_traders(rng, int(count), seconds),
        is_answered=bool(rng.random() < 0.85),
        is_midstream=bool(rng.random() < 0.3),
        has_acks=bool(rng.random() < 0.25),
        has_site=bool(rng.random() < 0.5),
        common=float(rng.choice([0.0, 0.0, 0.2, 0.5])),
        refuse_share=float(rng.choice([0.0, 0.0, 0.005, 0.03])),
    )


def _traders(rng: np.random.Generator, count: int, seconds: float) -> list[Trader]:
    """Return sessions of one maker, alike or not."""
    spread = float(rng.choice([0.0, 0.3, 0.8, 1.5]))
    rates = between(rng, 1, 400) * rng.lognormal(0.0, spread, count)
    rates = np.clip(rates, 0.5, 2000.0)
    rates *= min(1.0, MESSAGES_MAX / 2 / (rates.sum() * seconds))
    alike = rng.random() < 0.5
    arrivals = rng.choice(ARRIVALS, count)
    mixes = rng.choice(list(MIXES), count)
    if alike:
        arrivals[:], mixes[:] = arrivals[0], mixes[0]
    is_same = rng.random() < 0.15
    answer_s = between(rng, 2e-5, 5e-3)
    blur = float(rng.choice([0.0, 0.0, 0.1, 0.5, 0.9]))
    fills = float(rng.choice([0.0, 0.05, 0.2, 0.6]))
    return [
        Trader(
            number=number,
            rate=float(rates[number]),
            arrival=str(arrivals[number]),
            mix=str(mixes[number]),
            symbols=int(rng.integers(1, 12)),
            is_same=bool(is_same or rng.random() < 0.03),
            fill_share=min(fills * float(rng.uniform(0.5, 1.5)), 1.0),
            hold_s=between(rng, 0.002, 2.0),
            answer_s=answer_s * float(rng.lognormal(0, 0.2)),
            spread=blur,
        )
        for number in range(count)
    ]


def intensity(
    rng: np.random.Generator,
    market: Market,
    trader: Trader,
    common: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return a session's expected messages in each step of the episode."""
    out = trader.rate * STEP_S * common
    times = np.arange(len(common)) * STEP_S
    out[times < trader.start_s] = 0.0
    for trouble in market.troubles:
        if trader.number not in trouble.lines or trouble.kind not in BURSTS:
            continue
        factor, lag = trouble.factor, 0.0
        if trouble.kind == "volatility":
            factor = max(factor * float(rng.lognormal(0.0, 0.3)), 1.0)
            lag = float(rng.exponential(trouble.lag_s)) if trouble.lag_s else 0.0
        if trader.number == trouble.leader:
            factor, lag = factor * float(rng.uniform(1.0, 3.0)), 0.0
        start = min(trouble.start_s + lag, trouble.end_s - STEP_S)
        out[times < trouble.start_s] *= trouble.calm
        rise = (times - start) / max(trouble.ramp_s, STEP_S)
        inside = (times >= start) & (times < trouble.end_s)
        level = np.full(len(times), factor)
        if trouble.is_fading:
            part = (times - start) / (trouble.end_s - start)
            level = factor ** (1 - np.clip(part, 0.0, 1.0))
        level = 1.0 + (level - 1.0) * np.clip(rise + 0.1, 0.0, 1.0)
        out[inside] *= level[inside]
    return out


def shared(rng: np.random.Generator, market: Market) -> NDArray[np.float64]:
    """Return how lively everybody is in each step: a slow walk around 1."""
    count = int(market.seconds / STEP_S)
    if not market.common:
        return np.ones(count)
    knots = rng.normal(0.0, market.common, count // 50 + 2)
    place = np.arange(count) / 50
    level = np.interp(place, np.arange(len(knots)), knots)
    out: NDArray[np.float64] = np.exp(level - market.common**2 / 2)
    return out


def arrivals(
    rng: np.random.Generator, kind: str, expected: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return sorted times, in seconds, of a process with this intensity."""
    total = np.concatenate([[0.0], np.cumsum(expected)])
    count = int(total[-1] * 1.2 + 6 * np.sqrt(total[-1] + 1) + 10)
    points: NDArray[np.float64]
    if kind == "poisson":
        points = np.cumsum(rng.exponential(1.0, count))
    elif kind == "clock":
        points = np.arange(count, dtype=np.float64) + rng.random()
    elif kind == "jitter":
        points = np.sort(np.arange(count) + rng.uniform(-0.4, 0.4, count))
    elif kind == "gamma":
        points = np.cumsum(rng.gamma(0.3, 1 / 0.3, count))
    elif kind == "regular":
        points = np.cumsum(rng.gamma(6.0, 1 / 6.0, count))
    else:
        size = int(rng.integers(2, 20))
        points = np.cumsum(rng.exponential(size, count // size + 2)).repeat(size)
    points = np.asarray(points[(points >= 0) & (points < total[-1])], np.float64)
    # Where nothing is expected, cumulated intensity stands still: nothing falls there.
    edges = np.arange(len(total)) * STEP_S
    out: NDArray[np.float64] = np.interp(
        points, total + np.arange(len(total)) * 1e-12, edges
    )
    if kind == "burst":
        out = np.sort(out + rng.uniform(0, 2e-3, len(out)))
    return out
