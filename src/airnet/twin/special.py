"""Three distribution functions and their inverses, to double precision.

Enough for exact intervals without a dependency: the regularised incomplete beta and
gamma functions by continued fraction and series, and bisection, which cannot miss a
monotone function's quantile. Sources: NIST Digital Library of Mathematical Functions
8.17.22 (beta), 8.11.4 and 8.9.2 (gamma); the fractions are summed by Lentz's method.
"""

import math
from collections.abc import Callable

#: Terms after which a fraction or series has long converged for what is counted here.
TERMS_MAX = 200_000
TINY = 1e-300
RELATIVE = 1e-15


def beta_below(x: float, a: float, b: float) -> float:
    """Return the probability that Beta(a, b) is at most x."""
    assert a > 0, "a beta distribution's first parameter is positive"
    assert b > 0, "a beta distribution's second parameter is positive"
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    scale = math.exp(
        math.lgamma(a + b)
        - math.lgamma(a)
        - math.lgamma(b)
        + a * math.log(x)
        + b * math.log1p(-x)
    )
    if x < (a + 1) / (a + b + 2):  # where the fraction converges fast
        return scale * _beta_fraction(x, a, b) / a
    return 1.0 - scale * _beta_fraction(1.0 - x, b, a) / b


def _beta_fraction(x: float, a: float, b: float) -> float:
    def term(index: int) -> float:
        m, is_odd = divmod(index, 2)
        if is_odd:
            return -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        return m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))

    return 1.0 / _lentz(1.0, term, lambda _index: 1.0)


def gamma_below(x: float, shape: float) -> float:
    """Return the probability that Gamma(shape, 1) is at most x."""
    assert shape > 0, "a gamma distribution's shape is positive"
    if x <= 0.0:
        return 0.0
    scale = math.exp(shape * math.log(x) - x - math.lgamma(shape))
    if x < shape + 1:
        total = part = 1.0 / shape
        for n in range(1, TERMS_MAX):
            part *= x / (shape + n)
            total += part
            if part < total * RELATIVE:
                break
        return scale * total
    tail = _lentz(
        x + 1 - shape, lambda n: n * (shape - n), lambda n: x + 2 * n + 1 - shape
    )
    return 1.0 - scale / tail


def _lentz(
    first: float, upper: Callable[[int], float], lower: Callable[[int], float]
) -> float:
    """Return first + upper(1)/(lower(1) + upper(2)/(lower(2) + ...))."""
    found = c = first or TINY
    d = 0.0
    for index in range(1, TERMS_MAX):
        a, b = upper(index), lower(index)
        d = 1.0 / ((b + a * d) or TINY)
        c = (b + a / c) or TINY
        found *= c * d
        if abs(c * d - 1.0) < RELATIVE:
            break
    return found


def student_below(t: float, freedom: int) -> float:
    """Return the probability that Student's t is at most `t`. Source: DLMF 8.17.15."""
    inside = beta_below(t * t / (freedom + t * t), 0.5, freedom / 2)
    return (1.0 + math.copysign(inside, t)) / 2


def quantile_of(
    below: Callable[[float], float], share: float, low: float, high: float
) -> float:
    """Return where the rising function `below` reaches `share`, by bisection."""
    for _ in range(200):  # halves 1e60 to less than a double can tell
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if below(middle) < share:
            low = middle
        else:
            high = middle
    return high
