"""Chance of a street: one stream of uniform numbers, drawn in blocks."""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import TypeVar

import numpy as np

T = TypeVar("T")
BLOCK = 4096
NORMAL = NormalDist()


class Dice:
    """Everything that is drawn for one capture, from its name and seed alone."""

    def __init__(self, name: str, seed: int) -> None:
        self._generator = np.random.default_rng([seed, *name.encode()])
        self._left: list[float] = []

    def random(self) -> float:
        """Return a number in [0, 1)."""
        if not self._left:
            self._left = self._generator.random(BLOCK).tolist()
        return self._left.pop()

    def uniform(self, low: float, high: float) -> float:
        """Return a number between two."""
        return low + (high - low) * self.random()

    def below(self, limit: int) -> int:
        """Return an integer in [0, limit)."""
        return int(self.random() * limit)

    def between(self, low: int, high: int) -> int:
        """Return an integer in [low, high)."""
        return low + int(self.random() * (high - low))

    def chance(self, share: float) -> bool:
        """Return true with that probability."""
        return self.random() < share

    def choice(self, given: Sequence[T]) -> T:
        """Return one of them."""
        return given[int(self.random() * len(given))]

    def sample(self, given: Sequence[T], count: int) -> list[T]:
        """Return some of them, each once."""
        left = list(given)
        return [left.pop(self.below(len(left))) for _ in range(min(count, len(left)))]

    def wait(self, mean: float) -> float:
        """Return an exponential time."""
        return -mean * math.log(1 - self.random())

    def gauss(self, spread: float) -> float:
        """Return a normal number around 0."""
        return spread * NORMAL.inv_cdf(max(1e-12, self.random()))

    def lognormal(self, mean: float, spread: float) -> float:
        """Return the exponential of a normal number."""
        return math.exp(mean + self.gauss(spread))

    def pareto(self, shape: float) -> float:
        """Return a number above 1 with a long tail."""
        return float((1 - self.random()) ** (-1 / shape))

    def octets(self, count: int) -> bytes:
        """Return bytes that mean nothing."""
        return self._generator.bytes(count)
