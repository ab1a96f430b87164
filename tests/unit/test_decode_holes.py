"""Why bytes are missing: capture loss, network loss, application gap, or unknown."""

import pytest

from airnet.decode import holes
from tests.fakes.frames import (
    ACK,
    GATEWAY,
    PSH,
    SYN,
    Conversation,
    Decoded,
    Frame,
    differences,
    message,
    order,
    refer,
    sack,
)

NOTHING = {"holes": 0, "bytes": 0}


def found(frames: list[Frame]) -> dict[str, dict[str, int]]:
    """Return the holes of some frames, the same for kernel and reference."""
    decoded = Decoded(frames, (GATEWAY,))
    assert not differences(decoded, refer(frames, (GATEWAY,)))
    return holes(decoded.counters)


def talk_with_a_hole() -> tuple[Conversation, Frame]:
    """Return a conversation whose second order is missing, and its frame."""
    talk = Conversation()
    talk.handshake()
    talk.add(0, order(1))
    talk.add(1, flags=ACK)
    lost = talk.add(0, order(2))
    talk.frames.remove(lost)
    talk.add(0, order(3))
    return talk, lost


@pytest.mark.parametrize("wait_ns", [5_000_001, 300_000_000])
def test_bytes_that_the_peer_acknowledges_were_lost_by_the_capture(
    wait_ns: int,
) -> None:
    """The receiver has them, so the mirror had them too; however late it says so."""
    talk, _ = talk_with_a_hole()
    talk.time_ns += wait_ns
    talk.add(0, order(4))
    talk.time_ns += 5_000_001
    talk.add(1, flags=ACK)

    seen = found(talk.frames)

    assert seen["capture"] == {"holes": 1, "bytes": len(order(2))}
    assert seen["network"] == seen["unknown"] == NOTHING


@pytest.mark.parametrize("how", ["selective", "duplicate"])
def test_bytes_that_the_peer_asked_for_again_were_lost_in_the_network(how: str) -> None:
    """A SACK, or two acknowledgements of the same number, and then the bytes."""
    talk, _ = talk_with_a_hole()
    end = talk.next[0]
    at = end - len(order(3)) - len(order(2))
    options = sack((end - len(order(3)), end)) if how == "selective" else b""
    for _ in range(1 if how == "selective" else 2):
        talk.frames.append(
            talk.segment(1, talk.next[1], b"", ACK, acknowledged=at, options=options)
        )
    talk.frames.append(talk.segment(0, at, order(2), ACK | PSH))
    talk.add(1, flags=ACK)

    seen = found(talk.frames)

    assert seen["network"] == {"holes": 1, "bytes": len(order(2))}
    assert seen["capture"] == seen["unknown"] == NOTHING


@pytest.mark.parametrize("wait_ns", [1_000_000_000, 59_000_000_000])
def test_bytes_that_the_peer_asks_for_are_waited_for(wait_ns: int) -> None:
    """A sender may wait long before it sends again; nobody has acted on more yet."""
    talk, lost = talk_with_a_hole()
    end = talk.next[0]
    at = end - len(order(3)) - len(order(2))
    options = sack((end - len(order(3)), end))
    asking = talk.segment(1, talk.next[1], b"", ACK, acknowledged=at, options=options)
    talk.frames += [asking, (talk.time_ns + wait_ns, *lost[1:])]

    decoded = Decoded(talk.frames, (GATEWAY,))

    assert decoded.messages["sequence"].tolist() == [1, 2, 3]
    assert found(talk.frames)["unknown"] == NOTHING


def test_bytes_that_nobody_asks_for_are_waited_for_two_round_trips() -> None:
    """Over a long way a retransmission takes longer than 200 ms."""
    talk = Conversation()
    talk.add(0, flags=SYN)
    talk.time_ns += 400_000_000
    talk.add(1, flags=SYN | ACK)
    talk.add(0, flags=ACK)
    talk.add(0, order(1))
    lost = talk.add(0, order(2))
    talk.frames.remove(lost)
    talk.add(0, order(3))
    talk.frames.append((talk.time_ns + 700_000_000, *lost[1:]))

    decoded = Decoded(talk.frames, (GATEWAY,))

    assert decoded.messages["sequence"].tolist() == [1, 2, 3]
    assert found(talk.frames)["unknown"] == NOTHING


def test_every_hole_of_one_selective_acknowledgement_was_lost_in_the_network() -> None:
    """A sender repairs several holes before the next acknowledgement comes."""
    talk = Conversation()
    talk.handshake()
    start = talk.next[0]
    size = len(order(1))
    for number in (2, 4):
        frame = talk.segment(0, start + (number - 1) * size, order(number))
        talk.frames.append(frame)
    blocks = sack(
        (start + 3 * size, start + 4 * size), (start + size, start + 2 * size)
    )
    talk.frames.append(
        talk.segment(1, talk.next[1], b"", ACK, acknowledged=start, options=blocks)
    )
    for number in (3, 1):
        frame = talk.segment(0, start + (number - 1) * size, order(number))
        talk.frames.append(frame)

    decoded = Decoded(talk.frames, (GATEWAY,))

    assert decoded.messages["sequence"].tolist() == [1, 2, 3, 4]
    assert found(talk.frames)["network"] == {"holes": 2, "bytes": 2 * size}


def test_segments_in_the_wrong_order_are_no_loss() -> None:
    """Nobody asked for them again: one ordinary acknowledgement is no sign of it."""
    talk, lost = talk_with_a_hole()
    at = talk.next[0] - len(order(3)) - len(order(2))
    talk.frames.append(talk.segment(1, talk.next[1], b"", ACK, acknowledged=at))
    talk.frames.append((talk.time_ns + 1, *lost[1:]))

    seen = found(talk.frames)

    assert all(not any(one.values()) for one in seen.values())


def test_a_hole_that_nobody_speaks_of_is_unknown() -> None:
    """Of a stream of which one direction is captured there is no acknowledgement."""
    talk, _ = talk_with_a_hole()
    frames = [frame for frame in talk.frames if frame[2][26:30] == b"\x0a\0\1\x0b"]

    seen = found(frames)

    assert seen["unknown"] == {"holes": 1, "bytes": len(order(2))}
    assert seen["capture"] == seen["network"] == NOTHING


def test_a_jump_of_message_numbers_is_the_applications() -> None:
    """No byte is missing: what was not sent, the peer will ask for by ResendRequest."""
    talk = Conversation()
    talk.handshake()
    talk.add(0, order(1))
    talk.add(0, order(5))
    talk.add(1, message("2", "34=1", "7=2", "16=0"))
    talk.add(0, order(2, extra="43=Y"))
    talk.add(0, message("4", "34=3", "43=Y", "123=Y", "36=6"))
    talk.add(0, order(6))

    seen = found(talk.frames)

    assert seen["application"] == {"holes": 1, "messages": 3}
    assert seen["unknown"] == NOTHING


@pytest.mark.parametrize(
    "between",
    [
        message("4", "34=2", "36=90"),
        message("A", "34=1", "141=Y") + order(2) + message("4", "34=3", "36=90"),
        order(2).replace(b"54=1", b"54=2") + b"",
        b"garbage\x01",
    ],
    ids=["SequenceReset", "reset by Logon", "wrong CheckSum", "garbage"],
)
def test_numbers_that_may_be_any_are_no_gap(between: bytes) -> None:
    """After a SequenceReset, a new Logon, or bytes that could not be read."""
    talk = Conversation()
    talk.handshake()
    talk.add(0, order(1))
    talk.add(0, between)
    talk.add(0, order(90))

    assert found(talk.frames)["application"] == {"holes": 0, "messages": 0}


def test_a_tcp_hole_is_not_counted_again_as_messages() -> None:
    """Numbers jump behind a hole, but it is bytes that are missing."""
    talk, _ = talk_with_a_hole()
    talk.time_ns += 5_000_001
    talk.add(1, flags=ACK)
    talk.add(0, order(4))

    seen = found(talk.frames)

    assert seen["application"] == {"holes": 0, "messages": 0}
    assert seen["capture"]["holes"] == 1
