"""The wire of the twin: same seed, same bytes; what tshark and our decoder read."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from airnet._ext import stream, twin
from airnet.domain import frame, message, session
from tests.twin import lines

#: What tshark may not find in frames that nothing has impaired.
WRONG = (
    "tcp.checksum.status==0 || ip.checksum.status==0 || udp.checksum.status==0 || "
    "_ws.malformed || tcp.analysis.flags || fix.checksum_bad==1"
)


def tshark(path: Path, *options: str) -> str:
    """Return what tshark says of a file, with every check on."""
    program = shutil.which("tshark")
    if program is None:
        pytest.skip("tshark is not installed")
    checks = [f"{name}.check_checksum:TRUE" for name in ("ip", "tcp", "udp")]
    command = [program, "-r", str(path), "-d", "tcp.port==9001,fix"]
    command += [word for check in checks for word in ("-o", check)]
    done = subprocess.run(
        [*command, *options], check=True, capture_output=True, text=True
    )
    return done.stdout


def decode(world: twin.World, seconds: float) -> stream.Stream:
    """Run a world and read its frames with the product's decoder."""
    decoder = stream.Stream(np.zeros(session.SESSIONS_MAX, session.SESSION))
    headers = np.zeros(twin.FRAMES_LIMIT, frame.HEADER)
    rows = np.zeros(message.MESSAGES_MAX, message.MESSAGE)
    for count in lines.batches(world, seconds):
        done = 0
        while done < count:
            rest = world.frames[done:count]
            first, last, _ = decoder.decode(rest, world.buffer, headers, rows)
            done += last - first
    decoder.finish()
    return decoder


def truth(world: twin.World) -> dict[str, tuple[int, int]]:
    """Return the messages past the mirror by type: up, down."""
    counts = world.truth().sum(axis=0)
    pairs = zip(twin.TYPES, counts[0].tolist(), counts[1].tolist(), strict=True)
    return {kind: (up, down) for kind, up, down in pairs if up or down}


@pytest.mark.parametrize("seed", [1, 2])
def test_a_seed_makes_the_same_bytes_in_pieces_of_any_length(seed: int) -> None:
    """SHA-256 over frames and times; another seed makes other bytes."""
    rows = lines.world_rows(split=0.02)
    whole = lines.digest(lines.build(rows, seed), [0.5])
    pieces = [0.5 * part / 97 for part in range(1, 98)]
    assert lines.digest(lines.build(rows, seed), pieces) == whole
    assert lines.digest(lines.build(rows, seed + 1), [0.5]) != whole


def test_the_decoder_reads_what_was_said() -> None:
    """By type and direction, with writes cut over two segments."""
    world = lines.build(lines.world_rows(20, split=0.02))
    decoder = decode(world, 2)
    read = {chr(kind): (up, down) for kind, up, down in decoder.messages()}
    assert read == truth(world)
    assert sum(decoder.malformed()) == 0
    assert not any(decoder.counts().values())


def test_tshark_finds_nothing_wrong(tmp_path: Path) -> None:
    """No bad sum, no malformed FIX, no analysis flag; and it counts as we do."""
    path = tmp_path / "twin.pcap"
    world = lines.build(lines.world_rows(20, split=0.02))
    assert lines.write_pcap(world, 7, path) > 100_000
    assert tshark(path, "-Y", WRONG) == ""
    found = tshark(path, "-Y", "fix", "-T", "fields", "-e", "fix.MsgType")
    read = found.replace("\n", ",").strip(",").split(",")
    assert {kind: read.count(kind) for kind in sorted(set(read))} == {
        kind: sum(counts) for kind, counts in sorted(truth(world).items())
    }


@pytest.mark.timeout(600)
def test_tshark_finds_nothing_wrong_in_a_million(tmp_path: Path) -> None:
    """Sequence numbers, sums and FIX stay right for as long as a world runs."""
    path = tmp_path / "twin.pcap"
    world = lines.build(lines.world_rows(50, split=0.02), seed=3)
    assert lines.write_pcap(world, 30, path) >= 1_000_000
    assert tshark(path, "-Y", WRONG) == ""
