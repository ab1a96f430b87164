"""What the shipped models learned from is still what this tree generates.

`airnet models train` takes minutes of a whole machine, so a sample stands for it: of
episodes that the models learned from, were tuned or calibrated on, the rows and labels
must be the same, bit for bit. Where this fails, a generator, a feature or a label
changed: the models must be trained again, and `python tests/twin/test_learned.py` then
writes the sample anew. That the rest follows from rows alone is test_train's to show;
the whole, byte for byte, `.ci/retrain`'s.
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


def digests(seed: int, maker: Maker) -> dict[str, str]:
    """Return by model a hash of what it took of an episode; nothing of none."""
    taken = gather.found(seed, maker, with_scenes=False)
    found = {}
    for name, one in zip(run.KINDS, taken or (), strict=False):
        data = hashlib.sha256(one.rows.tobytes())
        data.update(one.labels.tobytes())
        found[name] = f"{len(one.labels)} rows {data.hexdigest()}"
    return found


@pytest.mark.parametrize("name", sorted(sample()))
def test_an_episode_gives_the_rows_that_were_learned_from(name: str) -> None:
    kept = json.loads(KEPT.read_text("utf-8"))

    assert digests(*sample()[name]) == kept[name]


@pytest.mark.parametrize("model", run.KINDS)
def test_the_sample_has_rows_of_each_model(model: str) -> None:
    """Of what has no rows, anything would be the same."""
    kept = json.loads(KEPT.read_text("utf-8"))
    rows = [int(one.get(model, "0").split()[0]) for one in kept.values()]

    assert sum(count > 0 for count in rows) >= len(rows) // 2
    assert sum(rows) > 1000


def main() -> None:
    """Write the sample anew, of the tree that the models were trained with."""
    found = {name: digests(*made) for name, made in sample().items()}
    KEPT.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main()
