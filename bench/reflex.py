"""Bench of ext/reflex.pyx: windows into what is foreseen of them, mostly nothing."""

from inputs import Input

from airnet.domain.window import WINDOW_GATEWAY
from airnet.score import load
from airnet.shipped import models_path

given = Input()
arms = load(models_path(), is_signed=False).arms()
assert arms is not None
windows, rows = given.array("windows"), given.array("rows")
arms.gateways_left = 1 << 62
for place in range(len(windows)):
    arms.aim(windows[place : place + 1], rows[place : place + 1])
print(max(1, int((windows["kind"] == WINDOW_GATEWAY).sum())))
