"""The slow, obvious twin of ext/world.h's chance: what airnet._ext.twin draws from.

The finalizer is SplitMix64's (Steele, Lea and Flood, OOPSLA 2014); the normal draw is
Marsaglia and Bray's polar method, its second value let go.
"""

import math

MASK = (1 << 64) - 1


def mix(x: int) -> int:
    """Return SplitMix64's finalizer of a 64-bit number."""
    x = ((x ^ x >> 30) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ x >> 27) * 0x94D049BB133111EB) & MASK
    return x ^ x >> 31


class Chance:
    """One stream: draw n is a function of the stream's key and n alone."""

    def __init__(self, seed: int, role: int, number: int) -> None:
        key = mix((seed + 0x9E3779B97F4A7C15) & MASK)
        key = mix(key ^ mix((role * 0xD1342543DE82EF95 + 1) & MASK))
        self.key = mix(key ^ mix((number * 0xAF251AF3B0F025B5 + 2) & MASK))
        self.count = 0

    def integer(self) -> int:
        """Return 64 bits."""
        self.count += 1
        return mix((self.key + self.count * 0x9E3779B97F4A7C15) & MASK)

    def unit(self) -> float:
        """Return a number in [0, 1)."""
        return math.ldexp(self.integer() >> 11, -53)

    def exponential(self) -> float:
        """Return an exponential draw of mean 1."""
        return -math.log(1 - self.unit())

    def normal(self) -> float:
        """Return a normal draw."""
        while True:
            u, v = 2 * self.unit() - 1, 2 * self.unit() - 1
            s = u * u + v * v
            if 0 < s < 1:
                return u * math.sqrt(-2 * math.log(s) / s)
