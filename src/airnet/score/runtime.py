"""Runtime: an ONNX file in onnxruntime, which says what is right."""

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import (
    Fail,
    InvalidArgument,
    InvalidGraph,
    InvalidProtobuf,
    NoSuchFile,
    NotImplemented as NotSupported,
    RuntimeException,
)

from airnet.errors import ModelError
from airnet.score.card import REMEDY

COLUMNS = 64
_FAILURES = (
    Fail,
    InvalidArgument,
    InvalidGraph,
    InvalidProtobuf,
    NoSuchFile,
    NotSupported,
    RuntimeException,
)


class Runtime:
    """A graph of float32[n, 64] rows to float32[n, outputs] margins.

    Args:
        data: the ONNX file.
        outputs: how many margins a row has.
        where: the file's name, for errors.

    Raises:
        ModelError: it cannot be loaded, or gives something else.
    """

    def __init__(self, data: bytes, outputs: int, where: str) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                data, options, providers=["CPUExecutionProvider"]
            )
            self._input = self._session.get_inputs()[0].name
            width = self.margins(np.zeros((1, COLUMNS), np.float32)).shape
        except _FAILURES as error:
            first = str(error).splitlines()[0]
            raise ModelError(f"{where}: {first}", REMEDY) from error
        if width != (1, outputs):
            raise ModelError(f"{where}: gives {width}, not {outputs} margins", REMEDY)

    def margins(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the margins of rows."""
        (out,) = self._session.run(None, {self._input: rows})
        return np.asarray(out)
