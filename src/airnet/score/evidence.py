"""Evidence: what stands beside an opinion: p-value, regime, novelty, second opinion.

A containment on a model's opinion alone needs that the second opinion agrees: of the
window that speaks, and of every source that would be named. What a hard rule says needs
no second; it is calibrated all the same.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from airnet.domain.verdict import CONTAINABLE, Cause
from airnet.score.calibrate import GRID, Calibrated
from airnet.score.model import Model
from airnet.score.opinion import Opinion
from airnet.score.screening import KINDS

#: How the rule is called where a model speaks alone.
BY_MODEL = "model."
#: By place of a window, whose opinion it is, and which places it names.
Said = dict[int, tuple[int, list[int]]]
#: What is beside an opinion that nothing is done for.
NOTHING: dict[str, Any] = {}
Weighed = dict[int, tuple[Opinion, dict[str, Any], list[int]]]


class Answer(NamedTuple):
    """What the second opinion said of a row."""

    cause: Cause
    probability_ppm: int


class Evidence:
    """Weighs opinions against benign days, and asks for a second one.

    Args:
        model_of: the model of a kind of window.
    """

    def __init__(self, model_of: Callable[[int], Model]) -> None:
        self._model_of = model_of

    def of(
        self,
        kinds: list[int],
        features: NDArray[np.float32],
        opinions: dict[int, Opinion],
        said: Said,
    ) -> Weighed:
        """Return, by place, the opinion that holds, what is beside it, whom it names.

        Args:
            kinds: of each window.
            features: float32[k, 64].
            opinions: by place.
            said: which opinion each Verdict is of.
        """
        out: Weighed = {}
        for place, (speaker, below) in said.items():
            opinion = opinions[speaker]
            kind = kinds[speaker]
            is_told = opinion.cause not in CONTAINABLE and not below
            if is_told or kind not in KINDS:
                out[place] = (opinion, NOTHING, below)
                continue
            model = self._model_of(kind)
            about: dict[str, Any] = {}
            if opinion.cause in CONTAINABLE:
                # Of what is only told, nobody asks how rare it is on benign days.
                rows = model.fill(features[speaker : speaker + 1])
                about = calibrated(model, rows, opinion)
            opinion, answer, named = self._second(
                model, features, opinions, speaker, below
            )
            if answer is not None:
                about["second"] = answer.cause
                about["second_ppm"] = answer.probability_ppm
            out[place] = (opinion, about, named)
        return out

    def _second(
        self,
        model: Model,
        features: NDArray[np.float32],
        opinions: dict[int, Opinion],
        speaker: int,
        named: list[int],
    ) -> tuple[Opinion, Answer | None, list[int]]:
        """Return the opinion once the second was asked, its answer, who is named."""
        own = opinions[speaker]
        asked = [one for one in (speaker, *named) if needs_second(opinions[one])]
        if not asked or not model.second.is_there:
            return own, None, named
        places = list(dict.fromkeys(asked))
        found = model.second.ask(model.fill(features[places]))
        answers = {
            place: Answer(*answer) for place, answer in zip(places, found, strict=True)
        }
        named = [
            one
            for one in named
            if one not in answers or answers[one].cause is opinions[one].cause
        ]
        answer = answers.get(speaker)
        if answer is not None and answer.cause is not own.cause and not own.is_told:
            own = msgspec.structs.replace(own, cause=Cause.UNKNOWN, abstains=True)
        return own, answer, named


def needs_second(opinion: Opinion) -> bool:
    """Return whether somebody may be contained on a model's word, or with its help."""
    is_asked = opinion.is_told or opinion.rule.startswith(BY_MODEL)
    return opinion.cause in CONTAINABLE and is_asked


def calibrated(
    model: Model, row: NDArray[np.float32], opinion: Opinion
) -> dict[str, Any]:
    """Return p-value, regime and novelty of a filled row, as fields of a Verdict."""
    found: Calibrated | None = model.calibrated
    if found is None:
        return {}
    steps = np.rint(model.margins(row)[0].astype(np.float64) * GRID).astype(np.int64)
    causes = model.card.classes
    spoken = 1 + int(steps[1:].argmax())
    if opinion.cause in causes[1:]:
        spoken = causes.index(opinion.cause)
    regime = found.regime_of(row[0].tolist())
    lead = int(steps[spoken] - steps[0])
    out: dict[str, Any] = {
        "regime": found.name(regime),
        "p_value_ppm": found.p_value_ppm(regime, causes[spoken], lead),
    }
    if model.novelty is not None:
        strange = int(np.rint(float(model.novelty.scores(row)[0]) * GRID))
        out["novelty_ppm"] = found.novelty_ppm(regime, strange)
    return out
