"""When things happen: Poisson, on/off bursts, a jittered period, Pareto gaps."""

import numpy as np

FORMS = ("poisson", "bursts", "period", "pareto")


def _gaps(rng: np.random.Generator, form: str, count: int) -> np.ndarray:
    if form == "poisson":
        return rng.exponential(1.0, count)
    if form == "period":
        return 1.0 + float(rng.uniform(0.01, 0.3)) * rng.standard_normal(count)
    if form == "pareto":
        shape = float(rng.uniform(1.6, 2.8))
        return np.minimum(rng.pareto(shape, count), 60.0) * (shape - 1)
    inside = float(rng.uniform(0.02, 0.25))
    length = float(rng.uniform(3, 25))
    pauses = rng.random(count) < 1 / length
    rest = (1 - inside) * length
    return rng.exponential(inside, count) + pauses * rng.exponential(rest, count)


def arrivals(
    rng: np.random.Generator,
    rate: float,
    seconds: float,
    levels: list[tuple[float, float]],
) -> np.ndarray:
    """Return times in seconds: a process of mean `rate`, stretched by `levels`.

    `levels` are (second, factor) joined by straight lines; the process is drawn in
    operational time and mapped back through the integral of the factor.
    """
    grid = np.linspace(0, seconds, int(seconds * 200) + 2)
    factor = np.interp(grid, [t for t, _ in levels], [level for _, level in levels])
    steps = (factor[1:] + factor[:-1]) / 2 * np.diff(grid)
    passed = np.concatenate([[0.0], np.cumsum(steps)])
    form = str(rng.choice(FORMS))
    count = int(rate * passed[-1] * 1.5) + 20
    drawn = np.cumsum(np.maximum(_gaps(rng, form, count), 1e-4)) / rate
    drawn += float(rng.uniform(0, 1 / rate)) - 1 / rate
    drawn = drawn[(drawn > 0) & (drawn < passed[-1])]
    return np.interp(drawn, passed, grid)
