"""What the shipped session model learned from is still what this tree generates.

`airnet models train` takes minutes of a whole machine, so a sample stands for it: of
episodes that the model learned from, was tuned or calibrated on, the rows and labels
must be the same, bit for bit. Where this fails, a generator, a feature or a label
changed: the model must be trained again, and `python -m tests.twin.test_learned` then
writes the sample anew. That the rest follows from rows alone is test_train's to show;
the whole, byte for byte, `.ci/retrain`'s. The flood model is older than its windows
(ADR 0044): nothing is kept of what it learned from.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from airnet.train import gather, run
from airnet.train.gather import TRAIN, TUNE, Budget, Maker

KEPT = Path(__file__).with_name("learned.json")
#: Of so many episodes, one is looked at.
EVERY = 57
SHIFT = run.SEED % 1000 * 10_000_000


def shares() -> Iterator[tuple[str, int, Maker]]:
    """Yield (what for, seed, maker) of every episode of the shipped models."""
    budget = Budget()
    for name, share in (("train", TRAIN), ("tune", TUNE)):
        moved = gather.Share(domain=share.domain, first=share.first + SHIFT)
        part = budget if share is TRAIN else budget.scaled(run.TUNE_SHARE)
        for seed, maker in gather.makers(moved, part):
            yield name, seed, maker
        for seed, maker in gather.benign_makers(moved, budget.scaled(0.5)):
            yield f"{name} benign", seed, maker


def sample() -> dict[str, tuple[int, Maker]]:
    """Return (seed, maker) of one episode of so many, by what it is for."""
    every = list(shares())
    return {f"{what} {seed}": (seed, maker) for what, seed, maker in every[::EVERY]}


def digest(seed: int, maker: Maker) -> str:
    """Return a hash of what the session model took of an episode; "" of none."""
    taken = gather.found(seed, maker, with_scenes=False)
    if taken is None:
        return ""
    data = hashlib.sha256(taken[0].rows.tobytes())
    data.update(taken[0].labels.tobytes())
    return f"{len(taken[0].labels)} rows {data.hexdigest()}"


@pytest.mark.parametrize("name", sorted(sample()))
def test_an_episode_gives_the_rows_that_were_learned_from(name: str) -> None:
    kept = json.loads(KEPT.read_text("utf-8"))

    assert digest(*sample()[name]) == kept[name]


def main() -> None:
    """Write the sample anew, of the tree that the models were trained with."""
    found = {name: digest(*made) for name, made in sample().items()}
    KEPT.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main()
