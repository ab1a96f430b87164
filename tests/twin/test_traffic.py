"""The twin's traffic is the same for the same seed, and real enough for tshark."""

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from airnet.bench.stages import decode_all, frames_of
from airnet.decode import Decoder
from airnet.errors import UsageError
from airnet.twin.scenario import World, randomised
from airnet.twin.scenarios import SCENARIOS
from airnet.twin.traffic import Episode, Params, _activity, generate

SHORT = Params(duration_s=4.0, sessions=8)
#: What tshark says of a connection that something went wrong on.
FLAGS = (
    "retransmission",
    "out-of-order",
    "Duplicate ACK",
    "wasn't captured",
    "not captured",
    "Malformed",
    "Bad checksum",
    "incorrect",
    "zero window",
    "window full",
    "reused",
)


def dissect(episode: Episode, path: Path) -> tuple[Counter[str], dict[str, int]]:
    """Return tshark's complaints, and its message counts as `TYPE direction`."""
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed (apt.txt)")
    episode.write(path)
    ports = sorted({gateway.port for gateway in episode.site.gateways})
    command = ["tshark", "-r", str(path), "-T", "fields"]
    for port in ports:
        command += ["-d", f"tcp.port=={port},fix"]
    for layer in ("ip", "tcp", "udp"):
        command += ["-o", f"{layer}.check_checksum:TRUE"]
    for field in ("_ws.expert.message", "fix.MsgType", "tcp.dstport"):
        command += ["-e", field]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    complaints: Counter[str] = Counter()
    messages: Counter[str] = Counter()
    for line in found.stdout.splitlines():
        expert, kinds, port_text = line.split("\t")
        complaints.update(flag for flag in FLAGS if flag.lower() in expert.lower())
        if kinds:
            side = "up" if int(port_text) in ports else "down"
            messages.update(f"{kind} {side}" for kind in kinds.split(","))
    return complaints, dict(messages)


def truth(episode: Episode) -> dict[str, int]:
    return {
        f"{kind} {side}": count
        for kind, sides in episode.truth.items()
        for side, count in sides.items()
        if count
    }


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_generate_when_the_seed_is_the_same_then_the_bytes_are(name: str) -> None:
    """Every scenario: same seed, same bytes; another seed, other bytes."""
    first = generate(name, 7, params=SHORT if name != "demo" else None)

    again = generate(name, 7, params=SHORT if name != "demo" else None)
    other = generate(name, 8, params=SHORT if name != "demo" else None)

    assert first.digest() == again.digest()
    assert first.digest() != other.digest()
    assert first.labels == again.labels


def test_generate_when_another_process_does_it_then_the_bytes_are_the_same() -> None:
    """Neither hash seeds nor the process reach the bytes."""
    code = (
        "from airnet.twin.traffic import generate, Params;"
        "print(generate('runaway', 3, params=Params(duration_s=2.0)).digest())"
    )
    digests = set()
    for salt in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": salt}
        found = subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            text=True,
            env={**environment, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        digests.add(found.stdout)

    assert len(digests) == 1


def test_generate_when_the_scenario_is_unknown_then_it_says_which_there_are() -> None:
    with pytest.raises(UsageError, match="quiet, volatility"):
        generate("nothing", 1)


def test_frames_are_in_time_order_within_the_episode() -> None:
    episode = generate("market_open", 5, params=SHORT)

    times = [time_ns for time_ns, _ in episode.frames]

    assert times == sorted(times)
    assert times[-1] - times[0] < 4_000_000_000


@pytest.mark.slow
def test_tshark_when_the_network_is_clean_then_it_finds_nothing_wrong(
    tmp_path: Path,
) -> None:
    """50 000 packets: FIX well-formed, sums right, no analysis flag, counts equal."""
    episode = generate(
        "volatility", 11, params=Params(duration_s=20.0, sessions=30, excess=5.0)
    )

    complaints, messages = dissect(episode, tmp_path / "clean.pcapng")

    assert len(episode.frames) > 50_000
    assert not complaints
    assert messages == truth(episode)


@pytest.mark.parametrize("name", ["runaway", "stuffing", "reconnect_storm"])
def test_tshark_when_something_fails_then_counts_are_still_the_truth(
    name: str, tmp_path: Path
) -> None:
    episode = generate(name, 2, params=SHORT)

    complaints, messages = dissect(episode, tmp_path / "failing.pcapng")

    assert not complaints
    assert messages == truth(episode)


@pytest.mark.parametrize("version", ["FIX.4.2", "FIX.4.4", "FIXT.1.1"])
def test_tshark_when_the_dialect_is_another_then_it_reads_it_too(
    version: str, tmp_path: Path
) -> None:
    params = Params(duration_s=2.0, sessions=6, version=version)
    episode = generate("quiet", 9, params=params)

    complaints, messages = dissect(episode, tmp_path / "dialect.pcapng")

    assert not complaints
    assert messages == truth(episode)


def test_arrivals_are_far_burstier_than_poisson() -> None:
    """The Fano factor (variance over mean of counts; Poisson: 1) is well above 1."""
    world = World("quiet", 3, Params(duration_s=60.0, sessions=20))
    world.populate()
    working = [plan for plan in world.sessions if not plan.period_ns]

    factors: dict[int, list[float]] = {100_000_000: [], 1_000_000_000: []}
    for plan in working:
        times = np.array([when for when, _ in _activity(world, plan)])
        for width_ns, found in factors.items():
            bins = np.bincount((times - world.start_ns) // width_ns)
            found.append(float(bins.var() / bins.mean()))

    assert np.median(factors[100_000_000]) > 2.0
    assert np.median(factors[1_000_000_000]) > 4.0


def test_runaway_when_difficulty_is_given_then_the_session_exceeds_by_it() -> None:
    params = Params(duration_s=12.0, sessions=6, rate=40.0, excess=10.0, onset_s=4.0)
    episode = generate("runaway", 4, params=params)
    label = episode.labels[0]
    address, port = label.sessions[0][0].split(":")
    pattern = bytes(int(octet) for octet in address.split("."))

    counts = [0, 0]
    for time_ns, frame in episode.frames:
        at = 16 if frame[12:14] == b"\x81\x00" else 12
        sender = frame[at + 14 : at + 18], frame[at + 22 : at + 24]
        if sender == (pattern, int(port).to_bytes(2, "big")):
            counts[label.onset_ns <= time_ns < label.offset_ns] += frame.count(
                b"\x0135=D"
            )

    seconds = (label.offset_ns - label.onset_ns) / 1e9
    assert counts[1] / seconds > 300.0
    assert counts[0] / (12.0 - seconds) < 100.0


def test_strangers_and_firms_share_their_header_trivia() -> None:
    """No TTL, padding or port range tells an attacker from a customer."""
    strangers, hosts = set(), set()
    for seed in range(60):
        world = World("syn_flood", seed, randomised(seed))
        world.populate()
        hosts |= {(host.ttl, host.has_stamps) for host in world.hosts}
        stranger = world.stranger()
        strangers.add((stranger.ttl, stranger.has_stamps))

    assert strangers <= hosts
    assert len(strangers) > 4


@pytest.mark.parametrize(
    ("name", "impairment", "midstream"),
    [
        ("volatility", 0.0, 0.0),
        ("volatility", 0.01, 0.0),
        ("stuffing", 0.005, 1.0),
        ("logon_flood", 0.0, 0.5),
        ("reconnect_storm", 0.002, 0.0),
    ],
)
def test_decode_when_segments_come_twice_and_late_then_it_counts_the_truth(
    name: str, impairment: float, midstream: float
) -> None:
    """Whatever the network does to segments, every message sent is decoded once."""
    params = Params(
        duration_s=6.0, impairment=impairment, midstream=midstream, split=0.02
    )
    episode = generate(name, 6, params=params)
    rows, buffer = frames_of(episode)
    decoder = Decoder([(g.ip, g.port) for g in episode.site.gateways])

    decode_all(decoder, rows, buffer)

    counted = decoder.counters()
    assert counted["messages"] == episode.truth
    assert not any(counted["malformed"].values())
