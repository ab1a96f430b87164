"""Nothing is contained on the word of a mirror that is not to be trusted.

One flood, which is dropped within milliseconds where the mirror is well, in captures
that differ from that one by a fault of the mirror alone, each begun before the flood:
loss, frames shown twice, one direction missing, a clock that steps, a clock that
drifts. Each is told in its own words, and everything above evidence waits.
"""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airnet.cli import main
from airnet.shipped import policy_path
from airnet.twin.traffic import Episode
from airnet.twin.wire import Frame, write_pcapng
from tests.fakes import weapons
from tests.fakes.weapons import ATTACKER, MS, S, begin, ends_of, mixed, quiet
from tests.twin.test_weapons import site_text

pytestmark = pytest.mark.slow

PASSIVE = {"observe", "alert", "evidence"}
#: What the mirror has shown well by then, it can be held against.
WELL_NS = 2500 * MS
#: What is frozen is so for longer than that.
LENGTH_NS = 4 * S

Faulty = Callable[[Episode, list[Frame], int], list[Frame]]


def lossy(_: Episode, frames: list[Frame], from_ns: int) -> list[Frame]:
    """One frame in twenty is not shown."""
    rng = random.Random(1)
    return [one for one in frames if one[0] < from_ns or rng.random() > 0.05]


def twice(_: Episode, frames: list[Frame], from_ns: int) -> list[Frame]:
    """Every frame comes again 20 us later."""
    copies = [(at + 20_000, data) for at, data in frames if at >= from_ns]
    return sorted([*frames, *copies], key=lambda one: one[0])


def one_sided(episode: Episode, frames: list[Frame], from_ns: int) -> list[Frame]:
    """What gateways send is not shown."""
    gateways = {(one.ip, one.port) for one in episode.site.gateways}

    def is_shown(frame: Frame) -> bool:
        ends = ends_of(frame[1])
        return frame[0] < from_ns or ends is None or ends[0] not in gateways

    return [one for one in frames if is_shown(one)]


def stepped(by_ns: int) -> Faulty:
    """Return what sets the capture's clock, once."""

    def shifted(_: Episode, frames: list[Frame], from_ns: int) -> list[Frame]:
        return [(at + by_ns * (at >= from_ns), data) for at, data in frames]

    return shifted


def drifting(per_mille: int) -> Faulty:
    """Return what has the capture's clock run too fast from then on."""

    def shifted(_: Episode, frames: list[Frame], from_ns: int) -> list[Frame]:
        return [
            (at + max(0, at - from_ns) * per_mille // 1000, data) for at, data in frames
        ]

    return shifted


FAULTS: dict[str, tuple[Faulty, set[str]]] = {
    "capture loss": (lossy, {"sensor.loss_share", "sensor.unseen_share"}),
    "duplicates": (twice, {"sensor.twice_share"}),
    "one-sided mirror": (one_sided, {"sensor.one_way_sessions", "sensor.unseen_share"}),
    "clock steps ahead": (stepped(5 * S), {"sensor.clock_ahead_share"}),
    "clock steps back": (
        stepped(-S),
        {"sensor.clock_back_frames", "sensor.clock_behind_share"},
    ),
    "clock drifts": (drifting(10), {"sensor.clock_ahead_share"}),
}


def decided(folder: Path, episode: Episode, frames: list[Frame]) -> list[Any]:
    """Return every Decision on a capture, with everything in force."""
    write_pcapng(folder / "in.pcapng", frames)
    (folder / "site.toml").write_text(site_text(episode.site))
    policy, out = folder / "policy.toml", folder / "out.jsonl"
    shipped = policy_path().read_text()
    policy.write_text(shipped.replace('mode = "shadow"', 'mode = "enforce"'))
    words = ["--policy", str(policy), "--site", str(folder / "site.toml")]
    words += ["--decisions", str(out), "--json"]
    assert main(["replay", str(folder / "in.pcapng"), *words]) == 0
    return [json.loads(line) for line in out.read_text().splitlines()]


@pytest.fixture(scope="module")
def episode() -> Episode:
    return quiet()


@pytest.fixture(scope="module")
def frames(episode: Episode) -> list[Frame]:
    """Return the market with one host's flood of SYNs, which lasts 3 s."""
    flood = weapons.syn_flood(episode, [ATTACKER])
    end_ns = begin(episode) + LENGTH_NS - S
    return mixed(episode, [one for one in flood if one[0] < end_ns])


def test_where_the_mirror_is_well_the_flood_is_dropped(
    episode: Episode, frames: list[Frame], tmp_path: Path
) -> None:
    """So that what follows is the gate's doing."""
    made = decided(tmp_path, episode, frames)

    acting = [one for one in made if one["action"] not in PASSIVE]
    assert [one["mode"] for one in acting] == ["enforce"]
    assert acting[0]["target"] == [ATTACKER]
    assert not [one for one in made if one["cause"] == "sensor_fault"]


@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_mirror_contains_nobody(
    name: str, episode: Episode, frames: list[Frame], tmp_path: Path
) -> None:
    faulty, rules = FAULTS[name]
    from_ns = frames[0][0] + WELL_NS

    made = decided(tmp_path, episode, faulty(episode, frames, from_ns))

    told = {one["rule"] for one in made if one["cause"] == "sensor_fault"}
    assert told & rules, f"not told: {told}"
    held = [one for one in made if one["rule"] == "guard.sensor"]
    assert held, "the flood was not seen at all"
    assert {one["action"] for one in held} == {"evidence"}
    assert [one for one in made if one["action"] not in PASSIVE] == []
