"""Heeded: windows beyond a limit of the policy's, whatever the models think of them.

A model that finds a window normal has nothing said of it. What the policy's limits are
about is no opinion: a Verdict says that the window is normal, which limit it is beyond,
and by how much. What is done about that is decide's.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from airnet.domain.columns import SCHEMAS
from airnet.domain.heed import Heed
from airnet.domain.verdict import Cause
from airnet.domain.window import WINDOW_SESSION
from airnet.score.model import Model
from airnet.score.opinion import Opinion
from airnet.score.rule import ANY, Rule
from airnet.score.subjects import of_session


class Heeded:
    """Looks for windows that are beyond what is to be heeded.

    Args:
        heeds: the limits; of several that a window is beyond the first is named.
        model_of: the model of a kind of window.
    """

    def __init__(self, heeds: Sequence[Heed], model_of: Callable[[int], Model]) -> None:
        self._model_of = model_of
        self._heeds: dict[tuple[int, int], list[Heed]] = {}
        for heed in heeds:
            if heed.above < ANY:
                column = SCHEMAS[heed.window_kind].index(heed.feature)
                self._heeds.setdefault((heed.window_kind, column), []).append(heed)

    def rules(self) -> list[tuple[int, Rule]]:
        """Return, by window kind, rules that break wherever something may be said."""
        return [
            (
                kind,
                Rule(
                    name=heeds[0].name,
                    cause=Cause.NORMAL,
                    unit="",
                    feature=heeds[0].feature,
                    limit=min(heed.above for heed in heeds),
                ),
            )
            for (kind, _), heeds in self._heeds.items()
        ]

    def add(
        self,
        windows: NDArray[np.void],
        features: NDArray[np.float32],
        sessions: NDArray[np.void],
        opinions: dict[int, Opinion],
    ) -> None:
        """Add opinions of windows beyond a limit of whom nothing is said, by place."""
        kinds = windows["kind"]
        for (kind, column), heeds in self._heeds.items():
            least = min(heed.above for heed in heeds)
            beyond = (features[:, column] > least) & (kinds == kind)
            for place in beyond.nonzero()[0].tolist():
                if place in opinions:
                    continue
                comp = ""
                if kind == WINDOW_SESSION:
                    comp = _comp(sessions, int(windows[place]["subject"]))
                measured = int(features[place, column])
                heed = next(
                    (one for one in heeds if _is_beyond(one, comp, measured)), None
                )
                if heed is not None:
                    row = features[place : place + 1]
                    opinions[place] = self._of(heed, row, measured)

    def _of(self, heed: Heed, row: NDArray[np.float32], measured: int) -> Opinion:
        """Return that a window is normal, and which limit it is beyond."""
        model = self._model_of(heed.window_kind)
        return Opinion(
            cause=Cause.NORMAL,
            probability_ppm=model.probabilities_ppm(model.margins(row)[0])[0],
            abstains=False,
            rule=heed.name,
            measured=measured,
            limit=heed.above,
        )


def _comp(sessions: NDArray[np.void], subject: int) -> str:
    return of_session(sessions, subject)[0].client_comp


def _is_beyond(heed: Heed, comp: str, measured: int) -> bool:
    """Return whether what is measured of a session is beyond a limit that binds it."""
    return measured > heed.above and (heed.comps is None or comp in heed.comps)
