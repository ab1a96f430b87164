"""Same capture, site, policy, models: same answer in any batches, on any lanes."""

import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from airnet.replay import Order, Summary, replay
from airnet.twin.traffic import Episode, Params, generate
from airnet.twin.wire import write_pcapng

ENFORCE = (
    '[cause.flood]\naction = "drop_sources"\ntier_max = 2\nmode = "enforce"\n'
    '[cause.algo_fault]\naction = "throttle_session"\ntier_max = 4\nmode = "enforce"\n'
)
BATCHES = (1, 7, 64, 4096)
SHORT = Params(
    duration_s=3.0, onset_s=0.8, incident_s=1.5, sessions=6, flood_pps=3000.0
)
SCENARIOS = (
    "demo",
    "syn_flood",
    "spoofed_syn_flood",
    "udp_flood",
    "logon_flood",
    "volatility",
    "runaway",
    "runaway_in_volatility",
    "reconnect_storm",
    "mirror_loss",
    "clock_step",
)


def silently(frames: int, decisions: int) -> None:
    """Tell nobody how far a replay is."""


def episode_of(name: str) -> Episode:
    """Return a short episode; the demonstration's is cut where its trouble begins."""
    return generate(name, 3, params=None if name == "demo" else SHORT)


def answer(order: Order) -> tuple[Summary, bytes]:
    """Return a replay's summary and the bytes of its decisions."""
    assert order.decisions is not None
    return replay(order, silently), order.decisions.read_bytes()


def answers(
    name: str, folder: Path, runs: list[tuple[int, int]]
) -> list[tuple[Summary, bytes]]:
    """Replay a scenario with each of these (lanes, batch_frames)."""
    episode = episode_of(name)
    frames = episode.frames[-12_000:] if name == "demo" else episode.frames
    path, policy = folder / "in.pcapng", folder / "policy.toml"
    policy.write_text(ENFORCE)
    write_pcapng(path, frames)

    return [
        answer(
            Order(
                files=(path,),
                policy=policy,
                decisions=folder / "decisions.jsonl",
                batch_frames=batch,
                lanes=lanes,
            )
        )
        for lanes, batch in runs
    ]


@pytest.mark.parametrize("name", SCENARIOS)
def test_any_batch_size_gives_the_same_ledger_and_decisions(
    name: str, tmp_path: Path
) -> None:
    found = answers(name, tmp_path, [(1, batch) for batch in BATCHES])

    assert len({summary.ledger["root"] for summary, _ in found}) == 1
    assert len({lines for _, lines in found}) == 1
    assert len({summary.windows for summary, _ in found}) == 1
    for summary, _ in found:
        assert summary.seen == summary.processed + sum(summary.by_reason.values())


@pytest.mark.parametrize("name", SCENARIOS)
def test_any_number_of_lanes_gives_the_same_ledger_and_decisions(
    name: str, tmp_path: Path
) -> None:
    runs = [(1, 1024), (2, 4096), (2, 100), (4, 4096), (4, 7)]

    found = answers(name, tmp_path, runs)

    assert len({summary.ledger["root"] for summary, _ in found}) == 1
    assert len({lines for _, lines in found}) == 1
    first = found[0][0]
    for summary, _ in found:
        assert summary.messages == first.messages
        assert summary.streams == first.streams
        assert summary.windows == first.windows


def counted_by_tshark(path: Path, ports: set[int]) -> Counter[tuple[str, str]]:
    """Return tshark's count of messages by type and direction."""
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed (apt.txt)")
    command = ["tshark", "-r", str(path), "-T", "fields"]
    for port in sorted(ports):
        command += ["-d", f"tcp.port=={port},fix"]
    command += ["-e", "fix.MsgType", "-e", "tcp.dstport", "-Y", "fix"]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    counts: Counter[tuple[str, str]] = Counter()
    for line in found.stdout.splitlines():
        kinds, port_text = line.split("\t")
        side = "up" if int(port_text) in ports else "down"
        counts.update((kind, side) for kind in kinds.split(",") if kind)
    return counts


@pytest.mark.parametrize("name", ["quiet", "syn_flood", "runaway", "reconnect_storm"])
@pytest.mark.parametrize("has_site", [False, True])
def test_messages_are_those_that_were_sent_and_that_tshark_counts(
    name: str, tmp_path: Path, *, has_site: bool
) -> None:
    """With a site file, and without one: what speaks FIX is found by itself."""
    episode = generate(name, 4, params=SHORT)
    path, site = tmp_path / "in.pcapng", tmp_path / "site.toml"
    episode.write(path)
    gateways = episode.site.gateways
    site.write_text(
        "".join(f'[[gateway]]\nip = "{g.ip}"\nport = {g.port}\n' for g in gateways)
    )

    summary = replay(
        Order(files=(path,), site=site if has_site else None),
        silently,
    )

    assert summary.messages == episode.truth
    assert summary.malformed == {}
    ours = {
        (kind, side): count
        for kind, sides in summary.messages.items()
        for side, count in sides.items()
        if count
    }
    assert ours == counted_by_tshark(path, {gateway.port for gateway in gateways})
