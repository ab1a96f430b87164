"""The scenario families, by name and kind."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from strangers.world import World


class Place(Protocol):
    """What a family is played on: a world, a street, an exchange, a bourse."""

    def finish(self, path: Path) -> dict[str, Any]:
        """Write the capture; return its labels."""
        ...


Play = Callable[[Any], None]
Made = Callable[[str, int], Place]

#: Kind of each family, in the order in which they are printed.
KINDS = ("benign", "flood", "algorithm", "compromise", "latency", "mixed", "sensor")
FAMILIES: dict[str, tuple[str, Any]] = {}
PLACES: dict[str, Made] = {}


def family(kind: str, place: Made = World) -> Callable[[Any], Any]:
    """Register a function as the family of its name, on a place."""

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
