"""Make the input of every bench once, outside valgrind, and load it inside.

Inside valgrind everything runs some fifty times slower, so a bench there imports
numpy, the stage it measures, and nothing that makes input.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from airnet.shipped import models_path

SCENARIO, SEED, FRAMES = "demo", 1, 40_000


def make(directory: Path) -> None:
    """Write the arrays every bench reads: rows of each stage of one capture."""
    from airnet.bench.stages import Load  # noqa: PLC0415 -- heavy, not for valgrind
    from airnet.score import graph  # noqa: PLC0415 -- onnxruntime

    load = Load(SCENARIO, SEED, FRAMES)
    load.episode.write(directory / "capture.pcapng")
    np.save(directory / "frames.npy", load.frames)
    np.save(directory / "buffer.npy", load.buffer)
    np.save(directory / "sessions.npy", load.sessions)
    np.save(directory / "windows.npy", load.windows)
    np.save(directory / "rows.npy", load.rows)
    for number, (headers, messages) in enumerate(load.decoded):
        np.save(directory / f"headers{number}.npy", headers)
        np.save(directory / f"messages{number}.npy", messages)
    ensemble = graph.read((models_path() / "session" / "model.onnx").read_bytes())
    np.save(directory / "nodes.npy", ensemble.nodes)
    np.save(directory / "weights.npy", ensemble.weights)
    gateways = "\n".join(f"{ip} {port}" for ip, port in load.gateways)
    (directory / "gateways.txt").write_text(gateways, "utf-8")


class Input:
    """What `make` left in a directory; `sys.argv[1]` names it."""

    def __init__(self) -> None:
        self.directory = Path(sys.argv[1])

    def array(self, name: str) -> NDArray[np.void]:
        """Return one array by name."""
        return np.load(self.directory / f"{name}.npy")

    def gateways(self) -> list[tuple[str, int]]:
        """Return the gateways of the capture's site."""
        lines = (self.directory / "gateways.txt").read_text("utf-8").splitlines()
        return [(ip, int(port)) for ip, port in map(str.split, lines)]

    def batches(self) -> list[tuple[NDArray[np.void], NDArray[np.void]]]:
        """Return (HEADER[n], MESSAGE[m]) of each batch."""
        count = len(list(self.directory.glob("headers*.npy")))
        return [
            (self.array(f"headers{number}"), self.array(f"messages{number}"))
            for number in range(count)
        ]
