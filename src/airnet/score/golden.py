"""Golden: rows that a model was asked in training, and what it said, bit for bit.

`golden.json` beside the model. A host whose onnxruntime, kernel or processor gives
anything else would not decide as the model was tested to.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from airnet.config import Closed
from airnet.errors import ModelError
from airnet.score.calibrate import GRID
from airnet.score.kept import Place

FILE = "golden.json"
COLUMNS = 64
_REMEDY = "reinstall airnet, or train the model again: airnet models train"


class Golden(Closed, frozen=True):
    """`golden.json`, whole: rows of whole numbers, margins in steps of the grid.

    `margins` has a table by the name of each ONNX file.
    """

    rows: tuple[tuple[int, ...], ...]
    margins: dict[str, tuple[tuple[int, ...], ...]]

    def array(self) -> NDArray[np.float32]:
        """Return the rows as models take them."""
        return np.array(self.rows, np.float32).reshape(-1, COLUMNS)

    def expected(self, name: str) -> NDArray[np.float32]:
        """Return what the model in this file must say of them."""
        return (np.array(self.margins[name], np.float64) / GRID).astype(np.float32)


def steps_of(margins: NDArray[np.float32]) -> tuple[tuple[int, ...], ...]:
    """Return margins as whole steps of the grid."""
    steps = np.rint(margins.astype(np.float64) * GRID).astype(np.int64)
    return tuple(tuple(row) for row in steps.tolist())


def read(folder: Place) -> Golden | None:
    """Return the Golden rows beside a model, None when it has none.

    Raises:
        ModelError: they are damaged.
    """
    path = folder / FILE
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error}", _REMEDY) from error
    try:
        found = msgspec.json.decode(data, type=Golden)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: no golden rows: {error}", _REMEDY) from error
    if any(len(row) != COLUMNS for row in found.rows):
        raise ModelError(f"{path}: a row is not of {COLUMNS} columns", _REMEDY)
    return found


def require(golden: Golden, name: str, said: NDArray[np.float32], who: str) -> None:
    """Raise ModelError unless `who` said of the rows what was said in training."""
    if name in golden.margins and said.tobytes() != golden.expected(name).tobytes():
        raise ModelError(
            f"{name}: {who} does not give the golden rows' margins",
            "this host's onnxruntime or processor differs; do not use it",
        )
