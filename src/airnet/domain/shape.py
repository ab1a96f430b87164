"""Shape: what a window of a session shows that is counted over windows."""

from typing import NamedTuple

from airnet.domain.window import FEATURE_LIMIT

ANY = FEATURE_LIMIT


class Shape(NamedTuple):
    """What a window shows that is counted: (feature, least, most), all must hold.

    Of so many messages it is `told`, of so many acted upon (`limit`, 0: never); or of
    so many milliseconds, where time is counted. A message of another window takes
    `taken` of them. Units of features are those of airnet.domain.columns.
    """

    name: str
    bounds: tuple[tuple[str, int, int], ...]
    told: int
    limit: int
    taken: int = 1


__all__ = ["ANY", "Shape"]
