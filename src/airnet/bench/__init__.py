"""Bench: what each stage costs on this host, how late it is, and the host's floor.

Wall time on a shared machine says as much of the neighbours as of the code: read the
best beside the median, and both beside the floor measured at the same time. What
guards this code is bench/, which counts instructions.
"""

from collections.abc import Sequence

import msgspec

from airnet.bench.hiccup import Floor
from airnet.bench.host import describe
from airnet.bench.lab import measure
from airnet.bench.lanes import lanes
from airnet.bench.stages import STAGES as ROWS, Load
from airnet.bench.table import render
from airnet.errors import UsageError

__all__ = ["STAGES", "render", "run"]

TIMED = {**ROWS, "lanes": lanes}
STAGES = (*TIMED, "lab")


def run(names: Sequence[str]) -> dict[str, object]:
    """Measure the stages named, or all of them, and return what was found.

    Raises:
        UsageError: there is no such stage.
    """
    unknown = sorted(set(names) - set(STAGES))
    if unknown:
        raise UsageError(
            f"there is no stage {unknown[0]!r}", f"choose from {', '.join(STAGES)}"
        )
    chosen = [name for name in STAGES if not names or name in names]
    found: dict[str, object] = {"host": describe()}
    with Floor() as floor:
        load = Load()
        found["input"] = load.describe()
        found["stages"] = {
            name: msgspec.to_builtins(TIMED[name](load))
            for name in chosen
            if name in TIMED
        }
        if "lab" in chosen:
            found["lab"] = measure()
    found["floor"] = floor.found
    return found
