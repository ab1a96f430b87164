"""A wall clock that a test sets in other processes: clockstep.c, preloaded."""

import struct
import subprocess
from pathlib import Path

NS_PER_S = 1_000_000_000
YEAR_S = 365 * 86_400
SOURCE = Path(__file__).with_name("clockstep.c")


class WallClock:
    """Sets the wall clock of processes that are started with its `environment`."""

    def __init__(self, folder: Path) -> None:
        self._file, library = folder / "step", folder / "clockstep.so"
        self.step(0)
        command = ["gcc", "-Wall", "-Werror", "-O1", "-shared", "-fPIC"]
        subprocess.run([*command, "-o", str(library), str(SOURCE)], check=True)
        self.environment = {
            "LD_PRELOAD": str(library),
            "AIRNET_CLOCK_STEP": str(self._file),
        }

    def step(self, seconds: int) -> None:
        """Let it go wrong by so many seconds, from now on."""
        if not self._file.exists():
            self._file.write_bytes(bytes(8))
        with self._file.open("r+b") as file:  # mapped over there: never cut off
            file.write(struct.pack("q", seconds * NS_PER_S))
