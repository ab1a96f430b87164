"""Bench: what each stage costs on this host, how late it is, and the host's floor.

Wall time on a shared machine says as much of the neighbours as of the code: read the
best beside the median, and both beside the floor measured at the same time. What
guards this code is bench/, which counts instructions.
"""

from collections.abc import Sequence

import msgspec

from airnet.bench.guard import measure as measure_guard
from airnet.bench.hiccup import Floor
from airnet.bench.host import describe
from airnet.bench.lab import measure
from airnet.bench.lanes import lanes
from airnet.bench.live import SECONDS, measure as measure_live
from airnet.bench.replay import measure as measure_replay
from airnet.bench.stages import STAGES as ROWS, Load
from airnet.bench.table import render
from airnet.bench.twin import measure as measure_twin
from airnet.clock import SystemClock
from airnet.errors import UsageError

__all__ = ["STAGES", "render", "run"]

TIMED = {**ROWS, "lanes": lanes}
STAGES = (*TIMED, "lab")
#: Only when named: replay writes half a gigabyte, live takes both processors, each
#: for a minute or more; twin plays minutes of virtual time; guard floods for one.
LONG = ("replay", "live", "twin", "guard")
#: How long the floor is looked at where nothing else takes time beside it.
FLOOR_S = 2.0


def run(names: Sequence[str], seconds: float = SECONDS) -> dict[str, object]:
    """Measure the stages named, or all of them, and return what was found.

    Args:
        names: of stages.
        seconds: how long `live` holds its steady rate.

    Raises:
        UsageError: there is no such stage.
    """
    unknown = sorted(set(names) - {*STAGES, *LONG})
    if unknown:
        every = ", ".join((*STAGES, *LONG))
        raise UsageError(f"there is no stage {unknown[0]!r}", f"choose from {every}")
    chosen = [name for name in STAGES if not names or name in names]
    found: dict[str, object] = {"host": describe()}
    if "replay" in names:
        # Not beside the floor: its thread would be counted as ours.
        found["replay"] = measure_replay()
    if "live" in names:
        # Nor beside this: it would be off its processor for the floor's sake.
        found["live"] = measure_live(seconds)
    if "twin" in names:
        found["twin"] = measure_twin()
    if "guard" in names:
        found["guard"] = measure_guard()
    with Floor() as floor:
        if chosen:
            load = Load()
            found["input"] = load.describe()
            found["stages"] = {
                name: msgspec.to_builtins(TIMED[name](load))
                for name in chosen
                if name in TIMED
            }
        else:
            SystemClock().sleep_s(FLOOR_S)
        if "lab" in chosen:
            found["lab"] = measure()
    found["floor"] = floor.found
    return found
