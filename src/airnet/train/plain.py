"""Plain: markets as a simple generator makes them, drawn anew for every episode.

Models that only knew our twin would learn its habits: clustered orders, cancels, market
data. Here sessions send at random, by the clock or in bursts, 1 to 2000 a second, 3 to
200 of them; many send new orders alone, some the same order for ever; answers take
always as long, or are never seen; and an incident may come 2 s after the capture began.
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
    "identical",
    "identical",
    "loop",
    "cancels",
    "replaces",
    "stuffing",
    "duplicates",
    "refused",
    "ramp",
    "pulse",
    "one_sided",
)
#: Drawn for reports alone: whole mechanisms that no model is trained on.
HELD_FAULTS = ("replaces", "pulse")
SINGLES = ("requote", "slicing", "surge", "start", "reconnect")
HELD_SINGLES = ("slicing",)


@dataclass(kw_only=True)
class Trouble:
    """What happens, from when to when, in seconds; `lines` are whose it is."""

    kind: str
    start_s: float
    end_s: float
    factor: float = 1.0
    lines: tuple[int, ...] = ()
    ramp_s: float = 0.0


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


def draw(seed: int, *, is_held_out: bool = False, is_benign: bool = False) -> Market:
    """Return an episode; `is_held_out` has only mechanisms kept for reports."""
    rng = np.random.Generator(np.random.PCG64([seed, 11]))
    seconds = float(rng.choice([10.0, 12.0, 16.0, 20.0, 30.0]))
    count = round(between(rng, 3, 200)) if rng.random() < 0.5 else rng.integers(15, 50)
    market = Market(
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
    market.troubles = _troubles(
        rng, market, is_held_out=is_held_out, is_benign=is_benign
    )
    return market


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


def _troubles(
    rng: np.random.Generator, market: Market, *, is_held_out: bool, is_benign: bool
) -> list[Trouble]:
    """Return what happens: bursts, faults, both, and the small things of a day."""
    out: list[Trouble] = []
    what = rng.random()
    if what < 0.5:
        out.append(_volatile(rng, market))
    for _ in range(int(rng.integers(0, 3))):
        out.append(_single(rng, market, is_held_out=is_held_out))
    if not is_benign and what > 0.3:
        out.append(_fault(rng, market, is_held_out=is_held_out))
    if rng.random() < 0.1:
        start = float(rng.uniform(WARM_S, market.seconds - 2))
        kind = str(rng.choice(["slow", "refusing", "silent"]))
        end = min(start + float(rng.uniform(0.3, 4)), market.seconds)
        out.append(Trouble(kind=kind, start_s=start, end_s=end, factor=20.0))
    return out


def _span(
    rng: np.random.Generator, market: Market, most_s: float
) -> tuple[float, float]:
    start = float(rng.uniform(WARM_S, max(market.seconds - 2.0, WARM_S + 0.5)))
    return start, min(start + float(rng.uniform(0.5, most_s)), market.seconds)


def _volatile(rng: np.random.Generator, market: Market) -> Trouble:
    """Return a burst of all, or of most."""
    start, end = _span(rng, market, 8.0)
    count = len(market.traders)
    share = float(rng.choice([1.0, 1.0, 0.8, 0.5, 0.3]))
    chosen = rng.permutation(count)[: max(int(np.ceil(share * count)), 2)]
    return Trouble(
        kind="volatility",
        start_s=start,
        end_s=end,
        factor=between(rng, 1.8, 15.0),
        lines=tuple(sorted(chosen.tolist())),
        ramp_s=float(rng.choice([0.0, 0.05, 0.3, 1.0])),
    )


def _single(rng: np.random.Generator, market: Market, *, is_held_out: bool) -> Trouble:
    """Return something ordinary that one session does."""
    kinds = [one for one in SINGLES if is_held_out or one not in HELD_SINGLES]
    kind = str(rng.choice(HELD_SINGLES if is_held_out else kinds))
    start, end = _span(rng, market, 4.0)
    line = int(rng.integers(len(market.traders)))
    factor = between(rng, 1.3, 4.0)
    if kind == "requote":
        factor = between(rng, 5, 150)
    if kind == "start":
        market.traders[line].start_s = start
    return Trouble(kind=kind, start_s=start, end_s=end, factor=factor, lines=(line,))


def _fault(rng: np.random.Generator, market: Market, *, is_held_out: bool) -> Trouble:
    """Return an algorithm that fails."""
    kinds = [one for one in FAULTS if one not in HELD_FAULTS]
    kind = str(rng.choice(HELD_FAULTS if is_held_out else kinds))
    start, end = _span(rng, market, 6.0)
    busy = [one.number for one in market.traders if one.start_s == 0.0]
    line = int(rng.choice(busy or [0]))
    rate = market.traders[line].rate
    factor = between(rng, 4, 60)
    if kind in ("duplicates", "refused"):
        factor = between(rng, 1, 30)
    # At least 40 a second, or there is no harm; at most 3000.
    factor = min(max(factor, 40 / rate), 3000 / rate)
    return Trouble(
        kind=kind,
        start_s=start,
        end_s=end,
        factor=factor,
        lines=(line,),
        ramp_s=float(rng.choice([0.0, 0.0, 0.1, 0.5])),
    )


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
        if trader.number not in trouble.lines:
            continue
        if trouble.kind not in ("volatility", "slicing", "surge"):
            continue
        factor = trouble.factor
        if trouble.kind == "volatility":
            factor = max(factor * float(rng.lognormal(0.0, 0.3)), 1.0)
        rise = (times - trouble.start_s) / max(trouble.ramp_s, STEP_S)
        inside = (times >= trouble.start_s) & (times < trouble.end_s)
        out[inside] *= 1.0 + (factor - 1.0) * np.minimum(rise[inside] + 0.1, 1.0)
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
