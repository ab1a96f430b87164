"""Innermost addresses and ports equal tshark's (4.0), on public captures and ours.

What tshark follows and we do not (teredo, VXLAN-GPE, headers quoted in ICMP errors) is
left out by name; a frame that we refuse shows the addresses tshark has, or none.
"""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from airnet.capture.pcap import PcapSource
from airnet.decode import Decoder
from airnet.domain.address import address_text
from airnet.domain.frame import FRAME
from tests.fakes.frames import Frame, ethernet, packet, tcp, write_pcap
from tests.fakes.trailers import exablaze, extension, metamako
from tests.property.test_decode_tunnels import WAYS, shimmed

Ends = tuple[str, str, int, int]
COLUMNS = (
    "frame.protocols",
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "tcp.srcport",
    "tcp.dstport",
    "udp.srcport",
    "udp.dstport",
)
DATA = Path(
    os.environ.get("AIRNET_TEST_DATA", Path(__file__).parents[3] / "shared" / "data")
)
TORTURE = DATA / "torture"
NAMES = (
    "802.1ad",
    "defrag",
    "erspan",
    "frag6",
    "geneve",
    "gre",
    "gso-",
    "ipv6-evasion",
    "mpls",
    "pppoe",
    "qinq",
    "tunnel-pkt",
    "vlan",
    "vxlan",
)
NOT_FOLLOWED = ("nsh-over-vxlan-gpe",)
#: Ways that lead nowhere, and where tshark 4.0 goes its own: it follows VXLAN without
#: the flag, and no IP packet in ERSPAN III (frame type 2).
OURS_ALONE = {
    "erspan_3_ip",
    "erspan_3_odd",
    "gre_1",
    "gre_routed",
    "mpls_deep",
    "vxlan_flagless",
}
NONE: Ends = ("::", "::", 0, 0)


@pytest.fixture(autouse=True)
def _tshark() -> None:
    if not shutil.which("tshark"):
        pytest.skip("tshark is not installed")


def fields(path: Path, *columns: str) -> list[list[str]]:
    """Return tshark's values of `columns`, a frame a line."""
    command = ["tshark", "-n", "-r", str(path), "-d", "udp.port==8472,vxlan"]
    command += ["-o", "eth.fcs:Never", "--enable-heuristic", "metamako_eth"]
    command += [
        "--enable-heuristic",
        "exablaze_eth",
        "-T",
        "fields",
        "-E",
        "occurrence=a",
        "-E",
        "separator=|",
    ]
    command += [part for column in columns for part in ("-e", column)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return [line.split("|") for line in done.stdout.splitlines()]


def innermost(row: list[str]) -> Ends | None:
    """Return the ends of the innermost IP header tshark names, None without one."""
    protocols = row[0].split(":")
    for quoting in ("icmp", "icmpv6"):
        if quoting in protocols:
            protocols = protocols[: protocols.index(quoting)]
    headers = [name for name in protocols if name in ("ip", "ipv6")]
    if not headers:
        return None
    at = 1 if headers[-1] == "ip" else 3
    number = headers.count(headers[-1]) - 1
    sources, targets = (row[at + n].split(",") for n in (0, 1))
    if number >= min(len(sources), len(targets)) or not sources[number]:
        return None
    last = len(protocols) - protocols[::-1].index(headers[-1])
    ports = [0, 0]
    for name, column in (("tcp", 5), ("udp", 7)):
        if name in protocols[last:]:
            nth = protocols[: last + protocols[last:].index(name)].count(name)
            parts = [row[column + n].split(",") for n in (0, 1)]
            if nth < min(map(len, parts)) and parts[0][nth]:
                ports = [int(part[nth]) for part in parts]
    return sources[number], targets[number], ports[0], ports[1]


def our_rows(path: Path, trailer: str = "none") -> list[np.void]:
    """Return our header rows."""
    decoder, source = Decoder([], trailer=trailer), PcapSource([path])
    rows, found = np.zeros(512, FRAME), []
    while not source.is_exhausted:
        left = rows[: source.poll(rows, 0)]
        while len(left):
            headers, _ = decoder.decode(left, source.buffer)
            left = left[len(headers) :]
            found += list(headers.copy())
    source.close()
    return found


def ends_of(row: np.void) -> Ends:
    """Return a header row's ends, as tshark writes them."""
    return (
        address_text(bytes(row["source"])),
        address_text(bytes(row["target"])),
        int(row["source_port"]),
        int(row["target_port"]),
    )


def differences(path: Path) -> list[str]:
    """Return where a capture's rows and tshark's lines disagree."""
    rows, lines = our_rows(path), fields(path, *COLUMNS)
    wrong = []
    for number, (row, line) in enumerate(zip(rows, lines, strict=True), 1):
        ours, theirs = ends_of(row), innermost(line)
        is_read = int(row["reason"]) in (0, 4)
        if is_read and ours != theirs:
            wrong.append(f"{path.name} {number}: {ours}, tshark {theirs} {line[0]}")
        if not is_read and ours != NONE and theirs and ours[:2] != theirs[:2]:
            wrong.append(f"{path.name} {number}: refused, {ours}, tshark {theirs}")
    return wrong


def vectors() -> list[Path]:
    """Return the public captures that hold tunnels, tags or fragments."""
    found = [
        path
        for path in TORTURE.rglob("*.pcap")
        if any(name in str(path.relative_to(TORTURE)).lower() for name in NAMES)
        and not any(name in path.name for name in NOT_FOLLOWED)
    ]
    return sorted(found)


def test_public_captures_read_as_tshark_reads_them() -> None:
    """Tunnels, tags, label stacks and fragments of two projects' test captures."""
    if not TORTURE.exists():
        pytest.skip("shared test data is not here (set AIRNET_TEST_DATA)")
    found = vectors()

    wrong = [line for path in found for line in differences(path)]

    assert len(found) > 70
    assert not wrong


def test_tunnels_of_ours_read_as_tshark_reads_them(tmp_path: Path) -> None:
    """Each way into a tunnel, and each shim, around IPv4 and IPv6."""
    frames: list[Frame] = []
    for source, target in (("10.0.0.1", "10.0.0.2"), ("2001:db8::1", "2001:db8::2")):
        inner = tcp(((source, 40000), (target, 9001)), 7, b"abc")
        ways = sorted(set(WAYS) - OURS_ALONE)
        if ":" in source:
            ways = [way for way in ways if way not in ("wccp", "gre_ppp")]
        for way in ways:
            outer = packet("10.9.0.1", "10.9.0.2", *WAYS[way](inner))
            frames.append((10**18 + len(frames), 1, ethernet(outer)))
        for shim in ("vlan", "vntag", "etag", "mpls"):
            frames.append((10**18 + len(frames), 1, shimmed(inner, [shim])))
    frames.append((10**18 + 99, 1, shimmed(frames[0][2][14:], ["pppoe", "vlan"])))
    write_pcap(tmp_path / "tunnels.pcap", frames)

    assert not differences(tmp_path / "tunnels.pcap")
    rows = our_rows(tmp_path / "tunnels.pcap")
    assert [int(row["reason"]) for row in rows] == [0] * len(frames)
    assert {int(row["target_port"]) for row in rows} == {9001}


def test_trailers_tell_the_time_tshark_reads(tmp_path: Path) -> None:
    """Metamako with and without extensions, and Exablaze, to the nanosecond."""
    inner = ethernet(tcp((("10.0.0.1", 5), ("10.0.0.2", 6)), 7, b"x" * 30))
    times = [1_700_000_000_123_456_789 + n * 333_333_333 for n in range(4)]
    words = [extension(0, 1, is_last=False), extension(1, 0, is_last=True)]
    captures = {
        "metamako": ("metamako.time", [metamako(inner, one) for one in times]),
        "extended": ("metamako.time", [metamako(inner, one, words) for one in times]),
        "exablaze": ("exablaze.timestamp", [exablaze(inner, one) for one in times]),
    }
    for name, (_, frames) in captures.items():
        rows = [
            (one - 5_000, 1, frame) for one, frame in zip(times, frames, strict=True)
        ]
        write_pcap(tmp_path / name, rows)

    for name, (column, _) in captures.items():
        trailer = "exablaze" if name == "exablaze" else "metamako"
        ours = [int(row["time_ns"]) for row in our_rows(tmp_path / name, trailer)]
        parts = [line[0].rsplit(".", 1)[1] for line in fields(tmp_path / name, column)]
        assert ours == times, name
        assert [int(part.split()[0]) for part in parts] == [
            one % 10**9 for one in times
        ], name
