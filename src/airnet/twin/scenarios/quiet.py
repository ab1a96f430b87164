"""Quiet: ordinary trading, nothing happens, nothing may be done."""

from airnet.twin.scenario import Expectation, World

EXPECTATION = Expectation()


def prepare(world: World) -> None:
    """Fill the world and leave it alone."""
    world.populate()
