"""The scenario families, by name and kind."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from strangers.world import World

Play = Callable[[World], None]

#: Kind of each family, in the order in which they are printed.
KINDS = ("benign", "flood", "algorithm", "compromise", "latency", "mixed", "sensor")
FAMILIES: dict[str, tuple[str, Play]] = {}


def family(kind: str) -> Callable[[Play], Play]:
    """Register a function as the family of its name."""

    def register(play: Play) -> Play:
        FAMILIES[play.__name__] = (kind, play)
        return play

    return register


def make(name: str, seed: int, path: Path) -> dict[str, Any]:
    """Write the capture of one family and seed; return its labels."""
    kind, play = FAMILIES[name]
    world = World(name, seed)
    play(world)
    return {"kind": kind, "file": path.name} | world.finish(path)
