"""Hiccup: how long this platform holds up a thread that only wants to run.

A process of its own reads the clock as fast as it can while the bench runs; each gap
between two readings is time it was not given. Nothing measured here can be better
than that. Idea: jHiccup (G. Tene).
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Self

from airnet.bench.host import environment

SPIN = Path(__file__).with_name("spin.py")
STOP_LIMIT_S = 10


class Floor:
    """Measures the platform's gaps while its `with` block runs; then see `found`."""

    def __init__(self) -> None:
        self.found: dict[str, int | float] = {}

    def __enter__(self) -> Self:
        command = [sys.executable, str(SPIN)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()  # it has begun
        return self

    def __exit__(self, *_error: object) -> None:
        try:
            output, _ = self._process.communicate(b"", STOP_LIMIT_S)
            self.found = json.loads(output) if output else {}
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
