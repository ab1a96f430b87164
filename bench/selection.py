"""Bench of ext/selection.pyx: FRAME rows into those of order traffic."""

from inputs import Input

from airnet.capture.selection import Selection
from airnet.domain.frame import FRAMES_MAX

given = Input()
frames, buffer = given.array("frames"), given.array("buffer")
addresses, ports = zip(*given.gateways(), strict=True)
selection = Selection(
    mode="order", addresses=addresses, ports=tuple(sorted(set(ports)))
)
selector = selection.selector()
left = frames
while len(left):
    count = len(left[:FRAMES_MAX])
    selector.select_batch(left, count, buffer)
    left = left[count:]
print(len(frames))
