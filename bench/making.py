"""Make the input of every bench once, outside valgrind: rows of each stage."""

import sys
from pathlib import Path

import numpy as np

from airnet.bench.stages import Load
from airnet.score import graph
from airnet.shipped import models_path

SCENARIO, SEED, FRAMES = "demo", 1, 40_000


def make(directory: Path) -> None:
    """Write the arrays every bench reads: rows of each stage of one capture."""
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


if __name__ == "__main__":
    make(Path(sys.argv[1]))
