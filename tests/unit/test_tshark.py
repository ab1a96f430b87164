"""Messages by type and sender equal tshark's, an independent decoder (4.0)."""

import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from airnet.capture.pcap import PcapSource
from airnet.decode import Decoder, type_text
from airnet.domain.address import address_text
from airnet.domain.frame import FRAME
from tests.fakes.frames import (
    CLIENT,
    FIN,
    GATEWAY,
    Conversation,
    Frame,
    message,
    order,
    write_pcap,
)

Count = Counter[tuple[str, int, str]]
DATA = Path(
    os.environ.get("AIRNET_TEST_DATA", Path(__file__).parents[3] / "shared" / "data")
)
REORDER = ("-o", "tcp.reassemble_out_of_order:TRUE")
#: Settings with which tshark counts what was sent; docs/tshark.md says why.
AGREEING = (*REORDER, "-d", f"tcp.port=={GATEWAY[1]},fix")


@pytest.fixture(autouse=True)
def _tshark() -> None:
    if not shutil.which("tshark"):
        pytest.skip("tshark is not installed")


def tshark_counts(path: Path, *options: str) -> Count:
    """Return messages by source address, source port and MsgType, as tshark counts."""
    columns = ("ip.src", "ipv6.src", "tcp.srcport", "fix.MsgType")
    fields = [part for column in columns for part in ("-e", column)]
    command = ["tshark", "-n", "-r", str(path), *options, "-Y", "fix", "-T", "fields"]
    done = subprocess.run(
        [*command, *fields, "-E", "occurrence=a"],
        check=True,
        capture_output=True,
        text=True,
    )
    counts: Count = Counter()
    for line in done.stdout.splitlines():
        v4, v6, port, kinds = line.split("\t")
        for kind in filter(None, kinds.split(",")):
            counts[v4 or v6, int(port), kind] += 1
    return counts


def our_counts(path: Path) -> tuple[Count, Decoder]:
    """Return the same of airnet."""
    decoder = Decoder([])
    source = PcapSource([path])
    rows = np.zeros(512, FRAME)
    counts: Count = Counter()
    while not source.is_exhausted:
        left = rows[: source.poll(rows, 0)]
        while len(left):
            headers, messages = decoder.decode(left, source.buffer)
            left = left[len(headers) :]
            for row in messages[messages["type"] != 0]:
                session = decoder.sessions[row["session"]]
                end = "gateway" if row["direction"] else "client"
                address = address_text(bytes(session[end]))
                port = int(session[f"{end}_port"])
                counts[address, port, type_text(int(row["type"]))] += 1
    source.close()
    return counts, decoder


def session(
    number: int, gateway: tuple[str, int] = GATEWAY, **how: object
) -> list[Frame]:
    """Return a session: cut, joined, repeated and reordered segments."""
    client = (
        ("2001:db8::5", 41000) if ":" in gateway[0] else (CLIENT[0], 42000 + number)
    )
    talk = Conversation(client, gateway, (number * 977, 2**32 - 300), **how)
    talk.handshake()
    talk.logon()
    talk.add(0, b"".join(order(n) for n in range(2, 6)))
    long = order(6, extra="58=" + "z" * 4000)
    for at in range(0, len(long), 1400):
        talk.add(0, long[at : at + 1400])
    stream = b"".join(order(n) for n in range(7, 30))
    for at in range(0, len(stream), 97 + number):
        talk.add(0, stream[at : at + 97 + number])
    for n in range(1, 20):
        talk.add(1, message("8", f"34={n}", f"11=ID{n}", "39=0", "150=0"))
        talk.add(0, message("F", f"34={n}", f"11=C{n}", f"41=ID{n}", "54=1"))
    talk.add(1, message("0", "34=50"))
    talk.add(0, message("A", "34=51", "95=11", b"96=a\x018=FIX\x0110=", "108=30"))
    talk.add(0, order(31).replace(b"54=1", b"54=2"))
    talk.add(0, message("5", "34=60"))
    talk.add(1, message("5", "34=60"), flags=FIN | 16)
    return talk.frames


def interleave(sessions: list[list[Frame]]) -> list[Frame]:
    """Return all frames by time."""
    return sorted((frame for one in sessions for frame in one), key=lambda one: one[0])


def test_clean_capture_counts_equal(tmp_path: Path) -> None:
    """Several messages a segment, messages over segments, IPv6, VLANs, RawData."""
    frames = interleave(
        [
            session(0),
            session(1, ("10.0.0.11", 9002)),
            session(2, ("2001:db8::1", 9003)),
            session(3, ("10.0.0.12", 9004), tags=(0x8100,)),
            session(4, ("10.0.0.12", 9004), tags=(0x88A8, 0x8100)),
        ]
    )
    write_pcap(tmp_path / "clean.pcap", frames)

    ours, decoder = our_counts(tmp_path / "clean.pcap")

    assert ours == tshark_counts(tmp_path / "clean.pcap")
    assert sum(ours.values()) == 5 * 73
    malformed = decoder.counters()["malformed"]
    assert malformed["checksum"] == 5
    assert sum(malformed.values()) == 5


def test_repeated_and_reordered_counts_equal(tmp_path: Path) -> None:
    """Retransmissions and swapped segments are decoded once, as tshark does."""
    frames = session(0)
    data = [n for n, (_, _, frame) in enumerate(frames) if len(frame) > 60]
    for n in data[5:25:5]:
        frames[n], frames[n + 1] = frames[n + 1], frames[n]
    for n in reversed(data[6:40:7]):
        frames.insert(n + 3, frames[n])
    frames = [(10**18 + n * 1000, 1, one[2]) for n, one in enumerate(frames)]
    write_pcap(tmp_path / "network.pcap", frames)

    ours, decoder = our_counts(tmp_path / "network.pcap")

    assert ours == tshark_counts(tmp_path / "network.pcap", *REORDER)
    assert decoder.counters()["retransmits"] > 0
    assert decoder.counters()["out_of_order"] > 0
    assert decoder.counters()["gaps"] == 0


def test_public_capture_counts_equal() -> None:
    """A public capture of a session that mixes FIX with a dialect of its own."""
    path = DATA / "fix" / "fix.pcap"
    if not path.exists():
        pytest.skip("shared test data is not here (set AIRNET_TEST_DATA)")

    ours, _ = our_counts(path)

    assert ours == tshark_counts(path)
    assert sum(ours.values()) == 34
