"""Watch: what is said of Causes that nothing is ever done about."""

from typing import Literal

from airnet.config import Closed, require
from airnet.decide.divert import Divert


class Watch(Closed, frozen=True):
    """What to say of a Cause that is never contained. Once an episode.

    `probability_min` is 0..1. An episode ends when no Verdict of that Cause has come
    for `episode_gap_ms` of capture time.
    """

    action: Literal["observe", "alert", "evidence"] = "alert"
    probability_min: float = 0.5
    dwell_windows: int = 1
    episode_gap_ms: int = 1000

    def __post_init__(self) -> None:
        require(0 <= self.probability_min <= 1, "`probability_min` must be 0..1")
        require(self.dwell_windows >= 1, "`dwell_windows` must be 1 or more")
        require(self.episode_gap_ms > 0, "`episode_gap_ms` must be positive")


class Line(Watch, frozen=True):
    """What to say of a fault of a venue or its line, and when to drive round it."""

    divert: Divert = Divert()
