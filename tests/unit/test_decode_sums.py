"""TCP checksums: believed once a direction has shown good ones, and only then."""

import pytest

from airnet.domain.session import CLOSED, LOGGED_ON
from tests.fakes.frames import (
    ACK,
    FIN,
    GATEWAY,
    RST,
    Conversation,
    Decoded,
    Frame,
    differences,
    message,
    order,
    refer,
)


def talked(count: int = 8, *, is_summed: bool = True) -> Conversation:
    """Return a conversation of some orders, with right checksums or with none."""
    talk = Conversation(is_summed=is_summed)
    talk.handshake()
    for number in range(1, count + 1):
        talk.add(0, order(number))
    return talk


def decode(frames: list[Frame]) -> Decoded:
    """Decode frames; the reference must agree."""
    decoded = Decoded(frames, (GATEWAY,))
    assert not differences(decoded, refer(frames, (GATEWAY,)))
    return decoded


def test_a_false_segment_ahead_is_not_held() -> None:
    """The receiver drops it, so the true bytes behind the hole are those that count."""
    talk = talked()
    at = talk.next[0] + len(order(9))
    false = order(10).replace(b"38=100", b"38=999")
    talk.frames.append(talk.segment(0, at, false, is_summed=False))
    talk.frames.append(talk.segment(0, at, order(10)))
    talk.add(0, order(9))

    decoded = decode(talk.frames)

    assert decoded.counters["bad_checksums"] == 1
    assert decoded.counters["conflicts"] == 0
    assert decoded.messages["sequence"].tolist() == list(range(1, 11))
    assert len(set(decoded.messages["quantity"].tolist())) == 1


@pytest.mark.parametrize("pad", range(9))
def test_a_false_segment_in_order_is_not_read(pad: int) -> None:
    """Whoever can only guess the checksum is not heard, whatever the length."""
    talk = talked()
    text = "58=" + "x" * pad
    false = message("D", "34=9", "11=NOBODY", text)
    talk.frames.append(talk.segment(0, talk.next[0], false, is_summed=False))
    talk.add(0, message("D", "34=9", "11=SOMEONE", text))

    decoded = decode(talk.frames)

    assert decoded.counters["bad_checksums"] == 1
    assert decoded.counters["conflicts"] == decoded.counters["retransmits"] == 0
    assert decoded.messages["sequence"].tolist() == list(range(1, 10))


@pytest.mark.parametrize("flags", [RST, FIN | ACK])
def test_a_false_ending_ends_nothing(flags: int) -> None:
    """A forged RST or FIN that no receiver takes leaves the session open."""
    talk = talked()
    end = talk.next[0]
    talk.frames.append(talk.segment(0, end, b"", flags, is_summed=False))
    talk.add(0, order(9))

    decoded = decode(talk.frames)

    assert decoded.sessions["state"].tolist() == [LOGGED_ON]
    assert decoded.counters["bad_checksums"] == 1
    assert decoded.messages["sequence"].tolist() == list(range(1, 10))


@pytest.mark.parametrize("is_summed", [True, False])
def test_a_direction_that_starts_with_bad_ones_is_never_checked(
    *, is_summed: bool
) -> None:
    """Its host leaves checksums to the card: 0 to 7 good ones are no proof."""
    talk = talked(7 if is_summed else 9, is_summed=is_summed)
    talk.add(0, order(20), is_summed=False)
    talk.frames.append(talk.segment(0, talk.next[0], b"", RST, is_summed=False))

    decoded = decode(talk.frames)

    assert decoded.counters["bad_checksums"] == 0
    assert decoded.sessions["state"].tolist() == [CLOSED]


def test_what_the_capture_cut_off_is_not_checked() -> None:
    """The sum of half a segment says nothing."""
    talk = talked()
    time_ns, link, data = talk.add(0, order(9), is_summed=False)
    talk.frames[-1] = (time_ns, link, data[:-20])
    talk.add(0, order(10))
    talk.frames.append(talk.frames[-2])

    decoded = decode(talk.frames)

    assert decoded.counters["bad_checksums"] == 0
    assert decoded.counters["retransmits"] == 1


def test_checksums_that_the_receiver_does_not_mind_are_given_up() -> None:
    """It acknowledges what was left out: it is the capture that shows them wrong."""
    talk = talked()
    lost = talk.add(0, order(9))
    talk.frames.remove(lost)
    for number in (10, 11, 12):
        talk.add(0, order(number), is_summed=False)
        talk.add(1, flags=ACK)
    talk.time_ns += 5_000_001
    talk.add(1, flags=ACK)

    decoded = decode(talk.frames)

    assert decoded.counters["bad_checksums"] == 1
    assert decoded.messages["sequence"].tolist()[-2:] == [11, 12]
