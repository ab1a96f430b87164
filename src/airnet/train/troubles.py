"""Troubles: what happens in a plain market: bursts, faults, what a day brings."""

import numpy as np

from airnet.train.plain import (
    ALIKE_FACTOR,
    FAULTS,
    HELD_FAULTS,
    HELD_SINGLES,
    SINGLES,
    UNLIKE_FACTOR,
    WARM_S,
    Market,
    Trouble,
    between,
    peaceful,
)

#: Faults whose orders are unlike each other, unless drawn to be the same.
UNLIKE = ("runaway", "one_sided", "ramp")


def draw(seed: int, *, is_held_out: bool = False, is_benign: bool = False) -> Market:
    """Return an episode; `is_held_out` has only mechanisms kept for reports."""
    rng = np.random.Generator(np.random.PCG64([seed, 11]))
    market = peaceful(rng, seed)
    out = market.troubles
    what = rng.random()
    if what < 0.5:
        out.append(_volatile(rng, market))
    if what < 0.5 and rng.random() < 0.4:
        out += _answers(rng, market, out[0])
    for _ in range(int(rng.integers(0, 3))):
        out.append(_single(rng, market, is_held_out=is_held_out))
    if rng.random() < 0.12:
        out += _requotes(rng, market)
    if not is_benign and what > 0.3:
        out += _fault(rng, market, is_held_out=is_held_out)
    if rng.random() < 0.1:
        start = float(rng.uniform(WARM_S, market.seconds - 2))
        kind = str(rng.choice(["slow", "refusing", "silent"]))
        end = min(start + float(rng.uniform(0.3, 4)), market.seconds)
        out.append(Trouble(kind=kind, start_s=start, end_s=end, factor=20.0))
    return market


def _span(
    rng: np.random.Generator, market: Market, most_s: float
) -> tuple[float, float]:
    start = float(rng.uniform(WARM_S, max(market.seconds - 2.0, WARM_S + 0.5)))
    return start, min(start + float(rng.uniform(0.5, most_s)), market.seconds)


def _volatile(rng: np.random.Generator, market: Market) -> Trouble:
    """Return a burst of all, or of most; perhaps one is first, perhaps all slept."""
    start, end = _span(rng, market, 8.0)
    count = len(market.traders)
    share = float(rng.choice([1.0, 1.0, 0.8, 0.5, 0.3]))
    chosen = tuple(
        sorted(rng.permutation(count)[: max(int(np.ceil(share * count)), 2)].tolist())
    )
    is_open = bool(rng.random() < 0.2)
    return Trouble(
        kind="volatility",
        start_s=start,
        end_s=end,
        factor=between(rng, 1.8, 30.0),
        lines=chosen,
        ramp_s=float(rng.choice([0.0, 0.05, 0.3, 1.0])),
        lag_s=float(rng.choice([0.0, 0.0, 0.05, 0.2, 0.5])),
        leader=int(rng.choice(chosen)) if rng.random() < 0.5 else -1,
        calm=float(rng.uniform(0.0, 0.2)) if is_open else 1.0,
        is_fading=bool(rng.random() < 0.5),
    )


def _answers(rng: np.random.Generator, market: Market, news: Trouble) -> list[Trouble]:
    """Return how some answer a headline: their quotes are pulled and placed anew."""
    count = int(rng.integers(1, 6))
    chosen = rng.choice(news.lines, min(count, len(news.lines)), replace=False)
    return [
        Trouble(
            kind="requote",
            start_s=news.start_s + float(rng.exponential(0.1)),
            end_s=market.seconds,
            factor=between(rng, 5, 80),
            hold_s=between(rng, 2e-5, 3e-3),
            lines=(line,),
        )
        for line in chosen.tolist()
    ]


def _requotes(rng: np.random.Generator, market: Market) -> list[Trouble]:
    """Return quotes of many pulled and placed anew, all at once, some times over."""
    start, _ = _span(rng, market, 1.0)
    share = float(rng.uniform(0.1, 0.7))
    lines = tuple(np.flatnonzero(rng.random(len(market.traders)) < share).tolist())
    every = float(rng.uniform(1.0, 5.0))
    return [
        Trouble(
            kind="requote",
            start_s=start + turn * every,
            end_s=market.seconds,
            factor=between(rng, 8, 40),
            hold_s=between(rng, 2e-5, 2e-3),
            ramp_s=0.08,
            lines=lines,
        )
        for turn in range(int(rng.integers(1, 4)))
    ]


def _single(rng: np.random.Generator, market: Market, *, is_held_out: bool) -> Trouble:
    """Return something ordinary that one session does."""
    kinds = [one for one in SINGLES if is_held_out or one not in HELD_SINGLES]
    kind = str(rng.choice(HELD_SINGLES if is_held_out else kinds))
    start, end = _span(rng, market, 8.0)
    line = int(rng.integers(len(market.traders)))
    found = Trouble(kind=kind, start_s=start, end_s=end, lines=(line,))
    found.factor = between(rng, 1.3, 6.0)
    found.ramp_s = float(rng.choice([0.0, 0.2, 1.0, 2.0]))
    found.hold_s = between(rng, 2e-5, 3e-3)
    if kind == "requote":
        found.factor = between(rng, 5, 150)
        found.ramp_s = 0.0
    elif kind == "sweep":
        found.factor = between(rng, 6, 80)
        found.hold_s = between(rng, 5e-5, 2e-2)
    elif kind == "start":
        market.traders[line].start_s = start
    return found


def _fault(
    rng: np.random.Generator, market: Market, *, is_held_out: bool
) -> list[Trouble]:
    """Return an algorithm that fails, perhaps after it taught us to expect more."""
    kinds = [one for one in FAULTS if one not in HELD_FAULTS]
    kind = str(rng.choice(HELD_FAULTS if is_held_out else kinds))
    start, end = _span(rng, market, 6.0)
    busy = [one.number for one in market.traders if one.start_s == 0.0]
    line = int(rng.choice(busy or [0]))
    rate = market.traders[line].rate
    is_same = bool(rng.random() < 0.35)
    found = Trouble(
        kind=kind,
        start_s=start,
        end_s=end,
        factor=between(rng, 4, 60),
        lines=(line,),
        ramp_s=float(rng.choice([0.0, 0.0, 0.1, 0.5])),
        hold_s=between(rng, 5e-5, 2e-2),
        fill=float(rng.choice([-1.0, -1.0, 0.0, 0.3])),
        is_same=is_same,
        is_withdrawing=bool(rng.random() < 0.5),
        states=int(rng.choice([1, 2, 2, 5])),
    )
    if kind == "one_sided":
        found.fill, found.is_same = float(rng.choice([-1.0, 0.7, 0.95, 1.0])), False
    if kind in ("duplicates", "refused"):
        found.factor = between(rng, 1, 30)
    least = UNLIKE_FACTOR if kind in UNLIKE and not found.is_same else ALIKE_FACTOR
    if kind == "riding":
        found.factor, least = float(rng.uniform(35, 100)) / rate, ALIKE_FACTOR
    # At least 40 a second, or there is no harm; at most 3000.
    least = max(least, 35 / rate)
    found.factor = min(max(found.factor, least), max(3000 / rate, least))
    if rng.random() > 0.15:
        return [found]
    taught = Trouble(
        kind="surge",
        start_s=max(start - float(rng.uniform(2, 10)), 0.5),
        end_s=start,
        factor=float(rng.uniform(1.5, 4)),
        lines=(line,),
        ramp_s=5.0,
    )
    found.factor = max(found.factor, taught.factor * 4)
    return [taught, found]
