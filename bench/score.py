"""Bench of the scoring kernel, ext/trees.pyx: session windows into margins.

Valgrind has no AVX-512: the walk that every processor can do is what is counted.
"""

from inputs import Input

from airnet._ext.trees import Trees
from airnet.domain.window import WINDOW_SESSION

given = Input()
nodes, weights = given.array("nodes"), given.array("weights")
trees = Trees(nodes, weights, int(weights["target"].max()) + 1, "portable")
rows = given.array("rows")[given.array("windows")["kind"] == WINDOW_SESSION]
trees.score(rows)
print(len(rows))
