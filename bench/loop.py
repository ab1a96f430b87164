"""Bench of the closed loop: a busy market, every stage of the product deciding.

It plays so many times as the second argument says: check.py takes the difference of
two and one, what a play costs once everything is loaded.
"""

import sys

from airnet.bench.twin import SCENARIO, SEED, SESSIONS, SYMBOLS
from airnet.decide.policy import Policy
from airnet.twin.closed import Loop, Terms
from airnet.twin.loop import enforced, shipped_scorer
from airnet.twin.staging import stage_of

stage = stage_of(
    SCENARIO, SEED, 0.5, sessions=SESSIONS, symbols=SYMBOLS, duration_s=6.0
)
policy, scorer, terms = enforced(Policy()), shipped_scorer(), Terms(is_rooted=False)
loops = [Loop(stage, policy, scorer, "closed", terms) for _ in range(2)]
events = [loop.run().ran.events for loop in loops[: int(sys.argv[2])]]
print(events[0])
