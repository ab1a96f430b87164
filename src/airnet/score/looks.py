"""Looks: what session windows show of their sessions, when nothing is said of them.

Of each session one window a second is looked at, and taken for that second: a look at
each would cost the lane.
"""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from airnet._ext import rows as row_kernel
from airnet.domain.columns import SESSION_SCHEMA
from airnet.domain.session import Look
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import WINDOW_SESSION
from airnet.score.subjects import of_session

LOOK_NS = 1_000_000_000
#: Missing unless the gateway has answered an order: who is answered trades.
_ANSWERED = SESSION_SCHEMA.index("ack_mean_us")
_AGE = SESSION_SCHEMA.index("cancel_age_us")


class Looks:
    """Looks at one session window a second; the same ones at any batch size."""

    def __init__(self) -> None:
        self._turns = row_kernel.Turns(WINDOW_SESSION, LOOK_NS)

    def of(
        self,
        windows: NDArray[np.void],
        features: NDArray[np.float32],
        sessions: NDArray[np.void],
        verdicts: Iterable[Verdict],
    ) -> list[Look]:
        """Return what WINDOW[k] with float32[k, 64] features show; often nothing.

        What `verdicts` speak of is not normal.
        """
        chosen = self._turns.choose(windows)
        if not chosen:
            return []
        odd = {
            (one.subject, one.close_ns)
            for one in verdicts
            if one.session and one.cause is not Cause.NORMAL
        }
        found = []
        for place in chosen:
            opened, closed, frames, _, _, subject, *_ = row_kernel.window(
                windows, place
            )
            name, number = of_session(sessions, subject)
            age = float(features[place, _AGE])
            found.append(
                Look(
                    closed,
                    name,
                    number,
                    frames * LOOK_NS // max(closed - opened, 1),
                    not math.isnan(features[place, _ANSWERED]),
                    (subject, closed) not in odd,
                    None if math.isnan(age) else int(age),
                )
            )
        return found
