"""Frames of the twin's wire: VLAN, IPv6, dialects, and header trivia from HOST rows."""

from pathlib import Path

import numpy as np
import pytest

from airnet.twin import rows_line
from tests.twin import lines
from tests.twin.test_wire_bytes import WRONG, decode, truth, tshark


def fields(path: Path, names: list[str], *options: str) -> list[list[str]]:
    """Return what tshark reads of some fields, a list a frame."""
    wanted = [word for name in names for word in ("-e", name)]
    found = tshark(path, *options, "-T", "fields", *wanted)
    return [line.split("\t") for line in found.splitlines()]


def test_ipv6_and_vlan(tmp_path: Path) -> None:
    """Sums are right over the longer pseudo header, and behind a tag."""
    rows = lines.world_rows(4)
    for number, host in enumerate(rows["host"]):
        host["address"] = [0xFD, 0, *[0] * 13, number + 1]
        host["vlan"] = 100 + number % 2
    groups = [0xFF, 0x15, *[0] * 13, 1]
    rows["feed"]["group_a"], rows["feed"]["group_b"] = groups, groups
    rows["murmur"] = rows["murmur"][rows["murmur"]["kind"] != rows_line.Murmur.PTP]
    path = tmp_path / "six.pcap"
    world = lines.build(rows)
    lines.write_pcap(world, 2, path)
    assert tshark(path, "-Y", WRONG) == ""
    found = fields(path, ["vlan.id", "ipv6.src"])
    assert {vlan for vlan, _ in found} == {"100", "101"}
    assert all(source.startswith("fd00::") for _, source in found)
    assert len(tshark(path, "-Y", "icmpv6").splitlines()) > 4
    other = lines.build(rows)
    decoder = decode(other, 2)
    read = {chr(kind): (up, down) for kind, up, down in decoder.messages()}
    assert read == truth(other)


def test_header_trivia_are_the_hosts(tmp_path: Path) -> None:
    """TTL, window and identification come from HOST rows, whoever sends."""
    rows = lines.world_rows(4)
    rows["host"]["ttl"] = np.arange(len(rows["host"])) + 50
    path = tmp_path / "trivia.pcap"
    lines.write_pcap(lines.build(rows), 1, path)
    for source, ttl in fields(path, ["ip.src", "ip.ttl"]):
        assert int(ttl) == 50 + int(source.rsplit(".", 1)[1])
    zero = fields(path, ["ip.id"], "-Y", "ip.src==10.1.0.1")
    assert {one for (one,) in zero} == {"0x0000"}


def test_dialects_write_what_they_say(tmp_path: Path) -> None:
    """BeginString, the order of header tags, fractions of seconds, ClOrdID styles."""
    path = tmp_path / "dialects.pcap"
    lines.write_pcap(lines.build(lines.world_rows(4)), 2, path)
    names = [
        "tcp.srcport",
        "ip.src",
        "fix.BeginString",
        "fix.SendingTime",
        "fix.ClOrdID",
    ]
    found = fields(path, names, "-Y", 'fix.MsgType=="D" && tcp.dstport==9001')
    seen = {one[1]: one for one in found}
    begin = [seen[f"10.1.0.{number}"][2].split(",")[0] for number in range(2, 6)]
    assert begin == ["FIX.4.4", "FIX.4.2", "FIXT.1.1", "FIX.4.4"]
    times = [seen[f"10.1.0.{number}"][3].split(",")[0] for number in range(2, 6)]
    assert [len(one) for one in times] == [21, 17, 24, 27]
    ids = [seen[f"10.1.0.{number}"][4].split(",")[0] for number in range(2, 6)]
    assert ids[0].isdigit()
    assert ids[1][:9] == "20261026-"
    assert len(ids[2]) in {8, 13}
    assert ids[3].startswith("FIRM03.")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"client": 99}, "a line's host is no row of HOST"),
        ({"dialect": 9}, "a line's dialect is no row of DIALECT"),
    ],
)
def test_rows_that_contradict_each_other_are_refused(
    change: dict[str, int], said: str
) -> None:
    """One line says which."""
    with pytest.raises(ValueError, match=said):
        lines.build(lines.world_rows(2, **change))
