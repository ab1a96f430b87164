"""The scenario families, by name and kind."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from strangers.floor import Floor
from strangers.world import World

Play = Callable[[World], None] | Callable[[Floor], None]
Made = Callable[[str, int], World | Floor]

#: Kind of each family, in the order in which they are printed.
KINDS = ("benign", "flood", "algorithm", "compromise", "latency", "mixed", "sensor")
FAMILIES: dict[str, tuple[str, Any]] = {}
PLACES: dict[str, Made] = {}


def family(kind: str, place: Made = World) -> Callable[[Any], Any]:
    """Register a function as the family of its name, on a world or a floor."""

    def register(play: Play) -> Play:
        FAMILIES[play.__name__] = (kind, play)
        PLACES[play.__name__] = place
        return play

    return register


def make(name: str, seed: int, path: Path) -> dict[str, Any]:
    """Write the capture of one family and seed; return its labels."""
    kind, play = FAMILIES[name]
    world = PLACES[name](name, seed)
    play(world)
    return {"kind": kind, "file": path.name} | world.finish(path)
