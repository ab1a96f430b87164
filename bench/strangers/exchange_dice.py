"""The chances of an exchange's captures: Python's own, and two more."""

import math
import random


class Dice(random.Random):
    """A generator that a text seeds, the same on every machine."""

    def between_logs(self, low: float, high: float) -> float:
        """Return a number in [low, high], each power as likely."""
        return math.exp(self.uniform(math.log(low), math.log(high)))

    def scatter(self, sigma: float) -> float:
        """Return a factor around 1, lognormal."""
        return math.exp(self.gauss(0, sigma))

    def wait(self, mean: float) -> float:
        """Return how long what has no memory lasts."""
        return self.expovariate(1 / mean)
