"""Bench of ext/twin.pyx: two seconds of a busy market, every frame of them made."""

from airnet.twin.stage import FULL, Kind
from airnet.twin.staging import stage_of

stage = stage_of("market_news", 1, 0.5, sessions=50, symbols=20, duration_s=2.0)
world = stage.world(Kind.WHOLE, is_seen=True)
end_ns = stage.span_ns[1]
frames = world.run(end_ns)
while world.ended == FULL:
    frames += world.run(end_ns)
print(frames)
