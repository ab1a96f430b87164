"""What surrounds the lab: its files, its directory, its packets, the generated run."""

import json
import socket
import struct
from pathlib import Path

import msgspec
import pytest

from airnet.config import Config, Site, load
from airnet.decide.policy import Policy
from airnet.errors import UsageError
from airnet.lab.channel import Lines
from airnet.lab.demo import prepare
from airnet.lab.fallback import run_generated
from airnet.lab.follow import Follow, Notices
from airnet.lab.papers import DROP_MS, THROTTLE_MS, Papers, lab_site, site_text
from airnet.lab.result import DemoResult, Event, Expectation, Tally
from airnet.lab.stranger import checksum, syn
from airnet.twin.traffic import generate


def test_papers_are_what_airnet_reads(tmp_path: Path) -> None:
    papers = Papers(directory=tmp_path)
    papers.write(Path("/run/controller.sock"))

    assert load(papers.site, Site) == lab_site()
    policy = load(papers.policy, Policy)
    causes = msgspec.to_builtins(policy.cause)
    in_force = {
        name: cause["ttl_ms"]
        for name, cause in causes.items()
        if cause and cause.get("mode") == "enforce"
    }
    assert in_force == {"flood": DROP_MS, "algo_fault": THROTTLE_MS}
    config = load(papers.config, Config)
    assert config.capture.interface == "eth0"
    assert config.actuators.controller_socket == "/run/controller.sock"


def test_site_survives_being_written(tmp_path: Path) -> None:
    site = generate("quiet", 1).site
    path = tmp_path / "site.toml"
    path.write_text(site_text(site))

    assert load(path, Site) == site


def test_only_a_run_of_ours_is_replaced(tmp_path: Path) -> None:
    mine, other = tmp_path / "mine", tmp_path / "other"
    prepare(mine)
    (mine / "old").touch()
    prepare(mine)
    assert not (mine / "old").exists()

    other.mkdir()
    (other / "precious").touch()
    with pytest.raises(UsageError, match="not empty"):
        prepare(other)
    assert (other / "precious").exists()


def test_syn_is_a_valid_packet() -> None:
    packet = syn("10.77.0.66", "10.77.0.10", (4000, 9001), 7)
    ends, tcp = packet[12:20], packet[20:]
    pseudo = ends + struct.pack(">BBH", 0, socket.IPPROTO_TCP, len(tcp))

    assert checksum(pseudo + tcp) == 0
    assert struct.unpack(">HHI", tcp[:8]) == (4000, 9001, 7)
    assert tcp[13] == 0x02
    assert struct.unpack(">H", packet[2:4]) == (len(packet),)


def test_lines_are_cut_wherever_they_break() -> None:
    text = b'{"a":1}\n{"b":"x"}\nnonsense\n{"c":3}\n'
    for size in range(1, len(text)):
        lines = Lines()
        found = [
            one
            for start in range(0, len(text), size)
            for one in lines.feed(text[start : start + size])
        ]
        assert found == [{"a": 1}, {"b": "x"}, {"c": 3}]


def test_follow_reads_only_what_is_new(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    follow = Follow(path)
    assert follow.new() == []
    path.write_bytes(b'{"a":1}\n{"b"')
    assert follow.new() == [{"a": 1}]
    with path.open("ab") as file:
        file.write(b":2}\n")
    assert follow.new() == [{"b": 2}]


def test_notices_say_when_a_service_is_ready(tmp_path: Path) -> None:
    notices = Notices(tmp_path / "notify")
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as service:
            service.sendto(b"WATCHDOG=1", str(notices.path))
            notices.read()
            assert not notices.is_ready
            service.sendto(b"READY=1\nSTATUS=watching", str(notices.path))
            notices.read()
        assert notices.is_ready
    finally:
        notices.close()


def test_unanswered_counts_every_kind() -> None:
    tally = Tally(orders=5, accepted=2, refused=1, stopped=1, cancels=3, canceled=2)

    assert tally.unanswered() == 2


def test_generated_demo_holds_and_says_what_was_missing(tmp_path: Path) -> None:
    events: list[Event] = []
    result = run_generated(
        tmp_path / "run", events.append, generate, missing=["root: run as root"]
    )

    failed = [one for one in result.expectations if not one.ok]
    assert not failed
    assert result.ok
    assert result.kind == "generated"
    assert result.missing == ("root: run as root",)
    assert {one.cause for one in result.decisions} >= {"algo_fault", "flood"}
    assert result.series is not None
    assert len(result.sessions) == 6
    assert [one for one in events if isinstance(one, Expectation)] == list(
        result.expectations
    )
    saved = (tmp_path / "run" / "result.json").read_bytes()
    assert msgspec.json.decode(saved, type=DemoResult) == result
    lines = (tmp_path / "run" / "decisions.jsonl").read_text().splitlines()
    assert len(lines) == len(result.decisions)
    assert all(json.loads(line) for line in lines)


def test_result_without_expectations_is_not_ok(tmp_path: Path) -> None:
    expectation = Expectation(scene="s", name="n", expected="e", found="f", ok=True)
    result = DemoResult(
        kind="lab",
        directory="d",
        begin_ns=0,
        end_ns=0,
        missing=(),
        scenes=(),
        expectations=(),
        decisions=(),
        stories=(),
        sessions=(),
        series=None,
        ledger=None,
        replay={},
        processes={},
    )

    assert not result.ok
    assert msgspec.structs.replace(result, expectations=(expectation,)).ok
    failed = msgspec.structs.replace(expectation, ok=False)
    assert not msgspec.structs.replace(result, expectations=(expectation, failed)).ok
