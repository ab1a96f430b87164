"""Torture captures: reassembled bytes are tshark's, or it is known why they are not.

follow.tsv holds what `tshark -z follow,tcp,raw` makes of every capture with TCP
payload, as a digest: our bytes are compared with all of them. That the digests are
tshark's is tested on the named families below and on every capture that differs; for
each of those there is a reason, which one of our counters or relations must bear out.
"""

import hashlib
import io
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import pytest

from airnet.cli import main
from tests.reference import follow
from tests.reference.follow import End, Flow, Parts, Reassembly
from tests.unit.test_tshark import DATA

TORTURE = DATA / "torture"
EXPECTED = Path(follow.__file__).with_name("follow.tsv")
#: Every so-manieth capture that equals is run through tshark again.
STEP = 16

pytestmark = [
    pytest.mark.skipif(
        not TORTURE.is_dir(), reason="no shared test data (AIRNET_TEST_DATA)"
    ),
    # Its driver's build with sanitizers takes half a minute of a processor.
    pytest.mark.timeout(600),
]


class Expected(NamedTuple):
    """What tshark makes of a capture: a digest, and how many streams to ask for."""

    digest: str
    streams: int


class Case(NamedTuple):
    """One direction of a flow in which we differ, and the capture it is of."""

    theirs: Parts
    ours: Parts
    capture: Reassembly


def bytes_of(parts: Parts) -> bytes:
    return b"".join(part for part in parts if isinstance(part, bytes))


def holes_of(parts: Parts) -> list[int]:
    return [part for part in parts if isinstance(part, int)]


def placed(parts: Parts) -> dict[int, int]:
    """Return bytes by their places."""
    places: dict[int, int] = {}
    at = 0
    for part in parts:
        if isinstance(part, bytes):
            places.update(enumerate(part, at))
        at += part if isinstance(part, int) else len(part)
    return places


def agrees(some: Parts, whole: Parts) -> bool:
    """Return whether all bytes of `some` are in `whole`, at their places."""
    return placed(some).items() <= placed(whole).items()


def unknown_link(case: Case) -> bool:
    """A link that airnet does not read: cHDLC, ARCNET, InfiniBand, Juniper."""
    return case.capture.frames["link"] > 0 and not case.ours


def no_length(case: Case) -> bool:
    """IP total length 0: a host's own frame before its NIC cut it, never a mirror's."""
    return case.capture.frames["bad_ip"] > 0 and not case.ours


def reset_data(case: Case) -> bool:
    """What a RST carries is a diagnosis, no stream bytes (RFC 9293 section 3.5.3)."""
    ours, theirs = bytes_of(case.ours), bytes_of(case.theirs)
    is_less = len(ours) < len(theirs) and theirs.startswith(ours)
    return case.capture.counts["resets_with_data"] > 0 and is_less


def syn_data(case: Case) -> bool:
    """A SYN's data that no SYN-ACK took: the receiver has not got it (RFC 7413)."""
    counts = case.capture.counts
    return counts["syn_data"] > 0 and not case.ours and not holes_of(case.theirs)


def behind_a_hole(case: Case) -> bool:
    """We say at the end what lies behind a hole; tshark leaves it out."""
    size = len(case.theirs)
    is_more = case.ours[:size] == case.theirs and isinstance(case.ours[size], int)
    return case.capture.counts["gaps"] > 0 and is_more


def given_up(case: Case) -> bool:
    """A hole of which nobody spoke was filled later than we wait."""
    is_some = agrees(case.ours[:6], case.theirs)
    return case.capture.counts["retransmits"] > 0 and is_some


def bad_option(case: Case) -> bool:
    """An IP option that hosts accept (RFC 1108): tshark gives the frame up."""
    ours, theirs = bytes_of(case.ours), bytes_of(case.theirs)
    return case.capture.frames["bad_ip"] == 0 and ours.startswith(theirs)


def taken_back(case: Case) -> bool:
    """A server began anew, without its SYN's data: for tshark a hole of 1 GB."""
    absurd = [size for size in holes_of(case.theirs) if size > 1 << 30]
    return len(absurd) == 1 and case.ours == case.theirs[1:]


SURICATA, TCPDUMP = "suricata_verify/tests/", "tcpdump/tests/"
#: Captures in which we differ from tshark, each with every reason there is for it.
DIFFERENCES: dict[str, set[Callable[[Case], bool]]] = {
    SURICATA + "bug-6244-tcp-rst-with-data/": {reset_data},
    SURICATA + "bug-6244-tcp-rst-with-data-02/": {reset_data},
    SURICATA + "decode-chdlc-01/": {unknown_link},
    SURICATA + "firewall/tcp-session-decode-malformed-ipv4/": {bad_option},
    SURICATA + "firewall/tcp-session-ipv6-stream-out-of-window/": {behind_a_hole},
    SURICATA + "firewall/tcp-session-stream-out-of-window/": {behind_a_hole},
    SURICATA + "tcp-5379/": {syn_data},
    SURICATA + "tcp-fastopen-10-syn-data-ignore/": {taken_back},
    SURICATA + "tcp-rst-unacked-stream-01-raw/": {reset_data},
    SURICATA + "tcp-rst-unacked-stream-02-raw-ips/": {reset_data},
    SURICATA + "tcp-rst-unacked-stream-03-gap/": {reset_data, behind_a_hole},
    SURICATA + "tcp-rst-unacked-stream-04-gap-ips/": {reset_data, behind_a_hole},
    SURICATA + "tcp-rst-unacked-stream-07-http/": {behind_a_hole},
    SURICATA + "tcp-rst-unacked-stream-08-http-ips/": {behind_a_hole},
    SURICATA + "tcp-rst-unacked-stream-09/": {given_up},
    SURICATA + "tcp-rst-unacked-stream-10/": {behind_a_hole},
    SURICATA + "tcp-rst-unacked-stream-11/": {behind_a_hole},
    SURICATA + "tcp-rst-unacked-stream-12/": {behind_a_hole},
    TCPDUMP + "arcnet-rfc1051-arp-icmp-http.pcap": {unknown_link},
    TCPDUMP + "arcnet-rfc1201-arp-icmp-http.pcap": {unknown_link},
    TCPDUMP + "babel_update_oobr.pcap": {syn_data},
    TCPDUMP + "bgp-aigp.pcap": {unknown_link},
    TCPDUMP + "bgp-bfd-cease.pcap": {syn_data},
    TCPDUMP + "bgp-cease-hard-reset.pcap": {behind_a_hole},
    TCPDUMP + "bgp-shutdown-msg-variations.pcap": {syn_data},
    TCPDUMP + "bgp-ub.pcap": {syn_data},
    TCPDUMP + "bigtcp-ipv4.pcap": {no_length},
    TCPDUMP + "bigtcp-ipv6-hbh.pcap": {no_length},
    TCPDUMP + "ipoib.pcap": {unknown_link},
    TCPDUMP + "ipv4_tcp_http_xml_tso.pcap": {no_length},
    TCPDUMP + "tcp_rst_data-trunc.pcap": {reset_data},
    TCPDUMP + "tcp_rst_data.pcap": {reset_data},
    TCPDUMP + "tcp_rst_diag_payload-trunc.pcap": {reset_data},
    TCPDUMP + "tcp_rst_diag_payload.pcap": {reset_data},
    TCPDUMP + "tfo-5c1fa7f9ae91.pcap": {syn_data},
}


def named(path: Path) -> str:
    return path.relative_to(TORTURE).as_posix()


def reasons_of(name: str) -> set[Callable[[Case], bool]]:
    """Return why a capture may differ; nothing when it must not."""
    found = [
        why
        for key, why in DIFFERENCES.items()
        if name == key or (key.endswith("/") and name.startswith(key))
    ]
    return found[0] if found else set()


def captures() -> list[Path]:
    found = [path for path in TORTURE.rglob("*") if ".pcap" in path.suffix]
    return sorted(path for path in found if path.is_file())


def digest_of(flows: list[Flow]) -> str:
    ordered = sorted(map(follow.canonical, flows), key=lambda flow: flow.ends)
    return hashlib.sha256(repr(ordered).encode()).hexdigest()[:16]


def expected() -> dict[str, Expected]:
    """Return tshark's answers of captures with TCP payload, by name."""
    found = {}
    for line in EXPECTED.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            digest, streams, name = line.split("\t")
            found[name] = Expected(digest, int(streams))
    return found


@pytest.fixture(scope="module")
def reassembled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reassembly]:
    """Return what we make of every capture."""
    work = tmp_path_factory.mktemp("torture")
    paths = captures()
    found = follow.ours(follow.build(work), paths, work)
    return {named(path): one for path, one in zip(paths, found, strict=True)}


@pytest.fixture(scope="module")
def followed() -> dict[str, list[Flow]]:
    """Return what tshark makes of captures that differ, and of some that do not."""
    follow.require_tshark()
    answers = expected()
    names = [name for name in answers if not reasons_of(name)][::STEP]
    names += [name for name in answers if reasons_of(name)]
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(
            lambda name: follow.theirs(TORTURE / name, answers[name].streams), names
        )
        return dict(zip(names, found, strict=True))


@pytest.mark.slow
def test_bytes_are_those_of_tshark(reassembled: dict[str, Reassembly]) -> None:
    """Every flow of every capture that is not in the table, each direction, whole."""
    answers = expected()
    nothing = Expected(digest_of([]), 0)

    others = [
        name
        for name, one in reassembled.items()
        if not reasons_of(name)
        and digest_of(one.flows) != answers.get(name, nothing).digest
    ]

    assert others == []
    assert len(reassembled) > 1000
    assert len(answers) > 200


@pytest.mark.slow
def test_digests_are_those_of_tshark(followed: dict[str, list[Flow]]) -> None:
    """What follow.tsv says is what tshark says now."""
    answers = expected()

    others = {
        name: digest_of(flows)
        for name, flows in followed.items()
        if digest_of(flows) != answers[name].digest
    }

    assert others == {}


def by_ends(flows: list[Flow]) -> dict[tuple[End, End], list[Flow]]:
    found: dict[tuple[End, End], list[Flow]] = {}
    for flow in map(follow.canonical, flows):
        found.setdefault(flow.ends, []).append(flow)
    return found


def cases_of(theirs: list[Flow], capture: Reassembly) -> list[Case]:
    """Return the directions in which both differ."""
    left, right = by_ends(theirs), by_ends(capture.flows)
    cases = []
    for ends in left.keys() | right.keys():
        nothing = Flow(ends, ((), ()))
        pairs = zip_longest(left.get(ends, []), right.get(ends, []), fillvalue=nothing)
        for one, other in pairs:
            sides = zip(one.sent, other.sent, strict=True)
            cases += [Case(a, b, capture) for a, b in sides if a != b]
    return cases


def test_every_difference_has_its_reason(
    reassembled: dict[str, Reassembly], followed: dict[str, list[Flow]]
) -> None:
    """Each direction that differs does so for one of its capture's reasons.

    And each reason is needed: a capture that has come to equal leaves the table.
    """
    unexplained = []
    for name in filter(reasons_of, reassembled):
        reasons, used = reasons_of(name), set()
        for case in cases_of(followed.get(name, []), reassembled[name]):
            found = {why for why in reasons if why(case)}
            used |= found
            if not found:
                unexplained.append((name, case.theirs, case.ours))
        assert used == reasons, name

    assert unexplained == []


#: What must be told of captures made for it, and the counter that tells it.
EVENTS = {
    "eve-overlap-payload-01/": "conflicts",
    "eve-overlap-payload-02-policy-oldlinux/": "conflicts",
    "eve-overlap-payload-03-ips/": "conflicts",
    "eve-overlap-payload-04-partial-overlap/": "conflicts",
    "eve-payload-01-tcp-exact-overlap/": "conflicts",
    "eve-payload-04-partial-overlap/": "conflicts",
    "eve-overlap-payload-05-gap/": "capture_losses",
    "eve-payload-05-tcp-data-gap/": "capture_losses",
    "eve-payload-06-tcp-data-leading-gap/": "capture_losses",
    "dns-tcp-ts-gap/": "capture_losses",
    "smb-eicar-overlap/": "retransmits",
    "tcp-empty-sack/": "after_close",
    "bug-6244-tcp-rst-with-data/": "resets_with_data",
    "bug-7264-tcp-3whs-ack-data-tls-01/": "after_close",
    "tcp-fastopen-01/": "syn_data_bytes",
    "tcp-rst-unacked-stream-10/": "network_losses",
    "tcp-urgp-01": "urgent",
}


def test_what_happened_is_told(reassembled: dict[str, Reassembly]) -> None:
    """Each capture made for an event has the counter of it."""
    for family, counter in EVENTS.items():
        found = [
            one.counts[counter]
            for name, one in reassembled.items()
            if name.startswith(SURICATA + family)
        ]
        assert found, family
        assert all(found), (family, counter)


#: Other captures in which a sender said two things of the same bytes.
TWO_TONGUED = {"bgp-as-path-oobr", "bgp-shutdown-communication", "kday3"}
TWO_TONGUED |= {"kday4", "kday7"}


def test_nobody_else_conflicts(reassembled: dict[str, Reassembly]) -> None:
    """A segment sent again as it was is no conflict, in a thousand captures."""
    found = {
        name
        for name, one in reassembled.items()
        if one.counts["conflicts"] and "-overlap" not in name
    }

    assert {Path(name).stem for name in found} == TWO_TONGUED


@pytest.mark.slow
def test_nothing_breaks_a_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command on every file: status 0, or 65 and one line; nothing else."""
    broken = []
    for path in captures():
        out, error = io.BytesIO(), io.StringIO()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", io.TextIOWrapper(out))
            patch.setattr(sys, "stderr", error)
            status = main(["replay", "--to", "features", "--json", str(path)])
        said = error.getvalue()
        if status not in (0, 65) or said.count("\n") > 1:
            broken.append((named(path), status, said))

    assert broken == []
