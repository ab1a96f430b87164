"""Bench of the decode kernels, ext/stream.pyx over ext/fix.pyx: FRAME into rows."""

from inputs import Input

from airnet.decode import Decoder
from airnet.domain.frame import FRAMES_MAX

given = Input()
frames, buffer = given.array("frames"), given.array("buffer")
decoder = Decoder(given.gateways())
left = frames
while len(left):
    headers, _ = decoder.decode(left[:FRAMES_MAX], buffer)
    left = left[len(headers) :]
print(len(frames))
