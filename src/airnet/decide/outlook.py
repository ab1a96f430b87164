"""Outlook: what of a judge's memory bears on a gateway's next window."""

from typing import NamedTuple

from airnet.decide.market import Phase
from airnet.decide.policy import Contain
from airnet.decide.streaks import Streak


class Outlook(NamedTuple):
    """What of a judge's memory bears on a gateway's next window, and what policy says.

    `strangers` are those that the streak named and that may be dropped.
    """

    streak: Streak | None
    rule: Contain | None
    phase: Phase
    is_chasing: bool
    strangers: tuple[str, ...]


__all__ = ["Outlook"]
