"""Second: a larger model that is asked before anybody is contained on an opinion.

It learns from the same rows with other trees, and onnxruntime runs it, never our own
kernel: neither a quirk of the first model nor a fault of the kernel alone can contain.
Where it disagrees, the Verdict is that nobody knows. A hard rule needs no second.
"""

import functools
import math

import numpy as np
from numpy.typing import NDArray

from airnet.domain.verdict import PPM, Cause
from airnet.errors import ModelError
from airnet.score.card import REMEDY, Card
from airnet.score.golden import Golden, require
from airnet.score.kept import Place
from airnet.score.runtime import Runtime

FILE = "second.onnx"


class Second:
    """The second opinion beside a model; loaded when it is first asked.

    Args:
        folder: where the model is.
        card: of the model; it has the second's temperature, too.
        golden: what it must say of known rows.
    """

    def __init__(self, folder: Place, card: Card, golden: Golden | None) -> None:
        self._path, self._card, self._golden = folder / FILE, card, golden
        self.is_there = self._path.exists()

    @functools.cached_property
    def runtime(self) -> Runtime:
        """Return it, ready.

        Raises:
            ModelError: it cannot be read, or does not say what it said in training.
        """
        try:
            data = self._path.read_bytes()
        except OSError as error:
            raise ModelError(
                f"{self._path}: cannot be read: {error}", REMEDY
            ) from error
        runtime = Runtime(data, len(self._card.classes), str(self._path))
        if self._golden is not None:
            said = runtime.margins(self._golden.array())
            require(self._golden, FILE, said, "onnxruntime")
        return runtime

    def ask(self, rows: NDArray[np.float32]) -> list[tuple[Cause, int]]:
        """Return the likeliest Cause of each filled row, and how likely in ppm."""
        card = self._card
        out = []
        for margins in self.runtime.margins(rows).tolist():
            scaled = [value / card.second_temperature for value in margins]
            top = max(scaled)
            parts = [math.exp(value - top) for value in scaled]
            which = parts.index(max(parts))
            chance = round(parts[which] / math.fsum(parts) * PPM)
            out.append((card.classes[which], chance))
        return out
