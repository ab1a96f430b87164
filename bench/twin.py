"""Bench of ext/twin.pyx: events of an empty world; grows with its parts."""

from airnet._ext import twin

world = twin.World(1, 0, 10**9, twin.WIRE)
world.run(10**9)
print(world.events + 1)
