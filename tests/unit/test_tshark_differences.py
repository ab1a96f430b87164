"""Where tshark counts fewer messages than were sent, and which of its settings agree.

docs/tshark.md says it in words. Every case is made here, so that what was sent is
known: our count is it, always. What tshark lacks of it, as it comes and with the
settings that agree, is a number in each case.
"""

import itertools
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from airnet.capture.pcap import PcapSource
from airnet.decode import Decoder
from airnet.domain.frame import FRAME
from tests.fakes.frames import ACK, SYN, Conversation, Frame, order, write_pcap
from tests.unit.test_tshark import AGREEING, tshark_counts

HALF = 80  # bytes of a message in its first segment


@pytest.fixture(autouse=True)
def _tshark() -> None:
    if not shutil.which("tshark"):
        pytest.skip("tshark is not installed")


def some(talk: Conversation) -> int:
    """Send messages nobody can miscount; return how many."""
    for number in range(5):
        talk.add(0, order(100 + number))
        talk.add(1, flags=ACK)
    return 5


def two(talk: Conversation, data: bytes, at: int = HALF) -> tuple[Frame, Frame]:
    """Return two segments of `data`; the stream goes on behind them."""
    place = talk.next[0]
    talk.next[0] += len(data)
    return (
        talk.segment(0, place, data[:at]),
        talk.segment(0, place + at, data[at:]),
    )


def acknowledged_before_seen(talk: Conversation) -> int:
    """A mirror shows the ACK of a message before the message."""
    count = some(talk)
    first, _ = two(talk, order(1), len(order(1)))
    talk.add(1, flags=ACK)
    talk.frames.append(first)
    return count + 1 + some(talk)


def half_acknowledged_before_seen(talk: Conversation) -> int:
    """The same of a message's second half."""
    count = some(talk)
    first, second = two(talk, order(1))
    talk.frames.append(first)
    talk.add(1, flags=ACK)
    talk.frames.append(second)
    return count + 1 + some(talk)


def repeated_and_more(talk: Conversation) -> int:
    """A retransmission carries what was sent before and what was not."""
    count, place = some(talk), talk.next[0]
    first, _ = two(talk, order(1))
    talk.frames += [first, talk.segment(0, place, order(1))]
    return count + 1 + some(talk)


def repeated(talk: Conversation) -> int:
    """Whole messages and halves come twice."""
    count = some(talk)
    first, second = two(talk, order(1))
    talk.frames += [talk.frames[-2], first, first, second, second]
    return count + 1 + some(talk)


def halves_swapped(talk: Conversation) -> int:
    """The second half comes first."""
    count = some(talk)
    talk.frames += two(talk, order(1))[::-1]
    return count + 1 + some(talk)


def messages_swapped(talk: Conversation) -> int:
    """A later message comes first."""
    count = some(talk)
    talk.frames += two(talk, order(1) + order(2), len(order(1)))[::-1]
    return count + 2 + some(talk)


def cut_in_the_beginning(talk: Conversation) -> int:
    """The first segment of all is shorter than "8=FIX"."""
    talk.frames += two(talk, order(1), 3)
    return 1 + some(talk)


def byte_by_byte(talk: Conversation) -> int:
    """Each byte has its own segment."""
    count = some(talk)
    for byte in order(1):
        talk.add(0, bytes([byte]))
    return count + 1 + some(talk)


def never_seen(talk: Conversation) -> int:
    """A message was lost by the capture; those behind it were not."""
    count = some(talk)
    two(talk, order(1))
    return count + some(talk)


def half_never_seen(talk: Conversation) -> int:
    """A message's second half was lost."""
    count = some(talk)
    talk.frames.append(two(talk, order(1))[0])
    return count + some(talk)


def unfinished(talk: Conversation) -> int:
    """The capture ends within a message: that one was not sent whole."""
    count = some(talk)
    talk.frames.append(two(talk, order(1))[0])
    return count


def absurd_length(talk: Conversation) -> int:
    """A BodyLength of 99999999: no such message; those behind it are."""
    count = some(talk)
    talk.add(0, b"8=FIX.4.4\x019=99999999\x0135=D\x01")
    return count + some(talk)


def other_bytes(talk: Conversation) -> int:
    """A request of another protocol between two messages."""
    count = some(talk)
    talk.add(0, b"GET / HTTP/1.1\r\n\r\n")
    return count + some(talk)


def wrong_checksum(talk: Conversation) -> int:
    """A message whose CheckSum is wrong is one, and malformed."""
    count = some(talk)
    talk.add(0, order(1).replace(b"54=1", b"54=2"))
    return count + 1 + some(talk)


def spoofed_syn(talk: Conversation) -> int:
    """A stranger sends a SYN with the addresses and ports of a live session."""
    count = some(talk)
    talk.frames.append(talk.segment(0, 77777, b"", SYN))
    return count + some(talk)


class Lacks(NamedTuple):
    """How many messages tshark lacks, as it comes and with AGREEING."""

    default: int
    agreeing: int = 0


CASES: dict[Callable[[Conversation], int], Lacks] = {
    acknowledged_before_seen: Lacks(1),
    half_acknowledged_before_seen: Lacks(1),
    repeated_and_more: Lacks(1),
    repeated: Lacks(0),
    halves_swapped: Lacks(1),
    messages_swapped: Lacks(1),
    cut_in_the_beginning: Lacks(1),
    byte_by_byte: Lacks(0),
    wrong_checksum: Lacks(0),
    unfinished: Lacks(0),
    # AGREEING waits for the hole, to the end of the file; tshark as it comes does not.
    never_seen: Lacks(0, 5),
    half_never_seen: Lacks(0, 5),
    # No setting helps: it waits for the body; skips what follows other bytes, up to
    # the next <SOH>8; or takes the SYN for a new stream and waits for its beginning.
    absurd_length: Lacks(5, 5),
    other_bytes: Lacks(1, 1),
    spoofed_syn: Lacks(5, 5),
}


def ours(path: Path) -> Counter[tuple[str, str]]:
    """Return messages by MsgType and direction, to the end of the capture."""
    decoder = Decoder([])
    source = PcapSource([path])
    rows = np.zeros(512, FRAME)
    while not source.is_exhausted:
        decoder.decode(rows[: source.poll(rows, 0)], source.buffer)
    source.close()
    decoder.finish()
    messages = decoder.counters()["messages"]
    counted = {
        (kind, way): count
        for kind, ways in messages.items()
        for way, count in ways.items()
    }
    return +Counter(counted)


def theirs(path: Path, *options: str) -> Counter[tuple[str, str]]:
    """Return the same as tshark counts; the gateway has port 9001."""
    counts: Counter[tuple[str, str]] = Counter()
    for (_, port, kind), count in tshark_counts(path, *options).items():
        counts[kind, "down" if port == 9001 else "up"] += count
    return counts


def write(path: Path, frames: list[Frame]) -> None:
    """Write frames in the order they are in, 1 us apart."""
    write_pcap(path, [(10**18 + n * 1000, 1, one[2]) for n, one in enumerate(frames)])


@pytest.mark.parametrize("is_whole", [True, False], ids=["whole", "midstream"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_counts_are_what_was_sent(
    tmp_path: Path, case: Callable[[Conversation], int], is_whole: bool
) -> None:
    """Ours is what was sent; tshark's, and what it lacks of it, a known number."""
    talk = Conversation()
    if is_whole:
        talk.handshake()
    sent = case(talk)
    write(tmp_path / "case.pcap", talk.frames)

    counts = ours(tmp_path / "case.pcap")

    assert counts == Counter({("D", "up"): sent})
    default, agreeing = (
        sent - theirs(tmp_path / "case.pcap", *options).total()
        for options in ((), AGREEING)
    )
    assert (default, agreeing) == CASES[case]


def test_all_cases_in_one_capture_agree(tmp_path: Path) -> None:
    """Many sessions at once: ours, the truth, and tshark's with AGREEING are equal.

    And as it comes, tshark's and what it withholds make ours. Its second pass
    (-2) changes nothing: what to reassemble was settled in the first.
    """
    sessions: list[list[Frame]] = []
    sent = lacking = 0
    for number, (case, lacks) in enumerate(CASES.items()):
        if lacks.agreeing:
            continue
        talk = Conversation(("10.0.2.1", 42000 + number))
        talk.handshake()
        sent += case(talk)
        lacking += lacks.default
        sessions.append(talk.frames)
    turns = itertools.zip_longest(*sessions)
    write(tmp_path / "all.pcap", [one for turn in turns for one in turn if one])

    counts = ours(tmp_path / "all.pcap")

    assert counts["D", "up"] == sent
    assert counts == theirs(tmp_path / "all.pcap", *AGREEING)
    for options in ((), ("-2",)):
        assert counts - theirs(tmp_path / "all.pcap", *options) == Counter(
            {("D", "up"): lacking}
        )
