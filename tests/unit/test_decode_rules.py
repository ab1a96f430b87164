"""What an onlooker takes from handshakes, resets, urgent data and half a capture."""

import pytest

from airnet.domain.session import CLOSED, LOGGED_ON, OPEN
from tests.fakes.frames import (
    ACK,
    CLIENT,
    FIN,
    GATEWAY,
    PSH,
    RST,
    SYN,
    URG,
    Conversation,
    Decoded,
    Frame,
    differences,
    message,
    order,
    refer,
    scale,
)


def decode(
    frames: list[Frame], gateways: tuple[tuple[str, int], ...] = (GATEWAY,)
) -> Decoded:
    """Decode frames; the reference must agree."""
    decoded = Decoded(frames, gateways)
    assert not differences(decoded, refer(frames, gateways))
    return decoded


@pytest.mark.parametrize(
    ("shift", "window", "offset", "state"),
    [
        (None, 1000, 999, CLOSED),
        (None, 1000, 1000, OPEN),
        (4, 1000, 15_999, CLOSED),
        (4, 1000, 16_000, OPEN),
        (14, 65535, 1 << 20, OPEN),
        (4, 0, 0, CLOSED),
        (4, 0, 1, OPEN),
        (4, 1000, -1, OPEN),
    ],
)
def test_a_reset_must_lie_in_the_window(
    shift: int | None, window: int, offset: int, state: int
) -> None:
    """Exactly next, or in what the peer advertised, scaled: RFC 5961 section 3.2."""
    talk = Conversation()
    options = scale(shift) if shift is not None else b""
    talk.add(0, flags=SYN, options=options)
    talk.add(1, flags=SYN | ACK, options=options)
    talk.add(0, flags=ACK)
    talk.add(1, flags=ACK, window=window)
    talk.frames.append(talk.segment(0, talk.next[0] + offset, b"", RST))

    decoded = decode(talk.frames)

    assert decoded.sessions["state"].tolist() == [state]
    assert decoded.counters["resets_ignored"] == (state == OPEN)


@pytest.mark.parametrize(
    ("shift", "window", "offset", "left_out"),
    [
        (7, 1000, 128_000, 0),
        (7, 1000, 128_001, 1),
        (7, 10, 65_536, 0),
        (7, 10, 65_537, 1),
        (14, 65535, 1 << 20, 0),
        (None, 65535, 65_536, 0),
        (None, 65535, 65_537, 1),
    ],
)
def test_data_must_lie_in_the_window(
    shift: int | None, window: int, offset: int, left_out: int
) -> None:
    """What the receiver has no room for is not held, even if FIX begins there."""
    talk = Conversation()
    options = scale(shift) if shift is not None else b""
    talk.add(0, flags=SYN, options=options)
    talk.add(1, flags=SYN | ACK, options=options)
    talk.add(0, order(1))
    talk.add(1, flags=ACK, window=window)
    talk.frames.append(talk.segment(0, talk.next[0] + offset, order(9)))
    talk.add(0, order(2))

    decoded = decode(talk.frames)

    assert decoded.counters["out_of_window"] == left_out
    assert decoded.counters["out_of_order"] == 1 - left_out
    assert decoded.messages["sequence"].tolist() == [1, 2]


@pytest.mark.parametrize(("offset", "state"), [(65535, CLOSED), (65536, LOGGED_ON)])
def test_a_window_whose_scale_is_not_known_is_64_kib(offset: int, state: int) -> None:
    """A session picked up in mid-course never showed how its windows are scaled."""
    talk = Conversation()
    talk.add(0, order(1))
    talk.add(1, message("8", "34=1"), window=7)
    talk.frames.append(talk.segment(0, talk.next[0] + offset, b"", RST))

    assert decode(talk.frames).sessions["state"].tolist() == [state]


def test_a_reset_may_lie_behind_what_the_mirror_lost() -> None:
    """The receiver has acknowledged more than was seen: its window begins there."""
    talk = Conversation()
    talk.handshake()
    lost = talk.add(0, order(1))
    talk.frames.remove(lost)
    talk.add(1, flags=ACK, window=0)
    talk.add(0, flags=RST)

    assert decode(talk.frames).sessions["state"].tolist() == [CLOSED]


def test_what_a_reset_carries_is_no_stream() -> None:
    """A diagnosis for people; what comes after it is counted, not read."""
    talk = Conversation()
    talk.handshake()
    talk.add(0, order(1), flags=RST | ACK)
    talk.add(0, order(2))

    decoded = decode(talk.frames)

    assert len(decoded.messages) == 0
    assert decoded.counters["resets_with_data"] == 1
    assert decoded.counters["after_close"] == 1


def test_data_after_both_fins_is_counted() -> None:
    talk = Conversation()
    talk.handshake()
    talk.add(0, flags=FIN | ACK)
    talk.add(1, flags=FIN | ACK)
    talk.add(0, order(1))
    talk.add(1, order(1))

    decoded = decode(talk.frames)

    assert len(decoded.messages) == 0
    assert decoded.counters["after_close"] == 2


def test_both_ends_may_open_at_once() -> None:
    """RFC 9293 figure 7: two SYNs cross; who sent the first is the client."""
    talk = Conversation()
    client, gateway = talk.next
    talk.frames = [
        talk.segment(0, client, b"", SYN),
        talk.segment(1, gateway, b"", SYN),
        talk.segment(0, client, b"", SYN | ACK, acknowledged=gateway + 1),
        talk.segment(1, gateway, b"", SYN | ACK, acknowledged=client + 1),
    ]
    talk.next = [client + 1, gateway + 1]
    talk.logon()

    decoded = decode(talk.frames, ())

    row = decoded.sessions[0]
    assert row["messages"].tolist() == [1, 1]
    assert (row["midstream"], row["client_port"]) == (0, CLIENT[1])
    assert row["syn_ns"] == talk.frames[0][0]
    assert row["syn_ack_ns"] == talk.frames[1][0]


@pytest.mark.parametrize("last", [SYN | ACK, ACK])
def test_a_handshake_may_be_split(last: int) -> None:
    """The answer comes as an ACK and then a SYN of its own."""
    talk = Conversation()
    client, gateway = talk.next
    own = client if last & SYN else client + 1
    talk.frames = [
        talk.segment(0, client, b"", SYN),
        talk.segment(1, gateway, b"", ACK, acknowledged=client + 1),
        talk.segment(1, gateway, b"", SYN),
        talk.segment(0, own, b"", last, acknowledged=gateway + 1),
        talk.segment(1, gateway + 1, b"", ACK, acknowledged=client + 1),
    ]
    talk.next = [client + 1, gateway + 1]
    talk.logon()

    decoded = decode(talk.frames)

    row = decoded.sessions[0]
    assert row["messages"].tolist() == [1, 1]
    assert row["midstream"] == 0
    assert row["syn_ack_ns"] == talk.frames[2][0]


def test_an_old_syn_of_the_other_end_gives_way() -> None:
    """A SYN of the gateway's that nobody answered does not make it the client."""
    talk = Conversation()
    talk.frames.append(talk.segment(1, 123, b"", SYN))
    talk.handshake()
    talk.logon()

    decoded = decode(talk.frames, ())

    assert decoded.sessions["client_port"].tolist() == [CLIENT[1]]
    assert decoded.sessions["syn_ns"].tolist() == [talk.frames[1][0]]


@pytest.mark.parametrize("taken", ["all", "none"])
def test_data_of_a_syn_is_read_when_it_was_taken(taken: str) -> None:
    """TCP Fast Open: the SYN-ACK acknowledges it, or the client sends it again."""
    talk = Conversation()
    logon = message("A", "34=1", "108=30")
    client, gateway = talk.next
    talk.add(0, logon[:40], flags=SYN)
    if taken == "none":
        talk.next[0] = client + 1
    talk.frames.append(talk.segment(1, gateway, b"", SYN | ACK))
    talk.next[1] += 1
    talk.add(0, logon[40:] if taken == "all" else logon)

    decoded = decode(talk.frames, ())

    assert decoded.messages["sequence"].tolist() == [1]
    assert decoded.counters["syn_data"] == 1
    assert decoded.counters["syn_data_bytes"] == (40 if taken == "all" else 0)
    assert decoded.counters["gaps"] == 0


def test_data_of_many_syns_takes_no_memory() -> None:
    """A flood of them pushes the oldest out, which is counted."""
    frames = [
        Conversation(("198.51.100.1", port)).add(0, order(1), flags=SYN)
        for port in range(1, 1001)
    ]

    decoded = Decoded(frames, (GATEWAY,))

    assert decoded.counters["syn_data_evicted"] > 800
    assert len(decoded.sessions) == 0


def test_a_syn_ack_of_another_number_is_not_an_answer() -> None:
    """RFC 9293 section 3.10.7.3: the client would answer it with a reset."""
    talk = Conversation()
    talk.add(0, flags=SYN)
    wrong = talk.segment(1, 99, b"", SYN | ACK, acknowledged=talk.next[0] + 5)
    talk.frames.append(wrong)
    right = talk.add(1, flags=SYN | ACK)
    talk.add(0, flags=ACK)

    decoded = decode(talk.frames)

    assert decoded.counters["syn_acks_wrong"] == 1
    assert decoded.sessions["syn_ack_ns"].tolist() == [right[0]]


def test_a_syn_on_a_session_leaves_it_alone() -> None:
    """RFC 5961 section 4: the gateway challenges it, and nothing is begun anew."""
    talk = Conversation()
    talk.handshake()
    talk.add(0, order(1))
    talk.frames.append(talk.segment(0, 77_000_000, b"", SYN))
    talk.add(1, flags=ACK)
    talk.add(0, order(2))

    decoded = decode(talk.frames)

    assert decoded.messages["sequence"].tolist() == [1, 2]
    assert decoded.counters["syns_on_sessions"] == 1
    assert len(decoded.sessions) == 1


def test_urgent_data_stays_in_line() -> None:
    """The byte pointed to is one of the stream: RFC 6093 section 3."""
    talk = Conversation()
    talk.handshake()
    talk.add(0, order(1)[:50], flags=ACK | PSH | URG, urgent=50)
    talk.add(0, order(1)[50:])

    decoded = decode(talk.frames)

    assert decoded.messages["sequence"].tolist() == [1]
    assert decoded.messages["malformed"].tolist() == [0]
    assert decoded.counters["urgent"] == 1


@pytest.mark.parametrize("direction", [0, 1])
@pytest.mark.parametrize("is_from_start", [True, False])
def test_one_direction_alone_is_read(direction: int, *, is_from_start: bool) -> None:
    """Half a capture still has its messages; what takes both ends stays unknown."""
    talk = Conversation()
    talk.handshake()
    talk.logon()
    for number in range(2, 6):
        talk.add(0, order(number))
        talk.add(1, message("8", f"34={number}"))
    source = (CLIENT, GATEWAY)[direction]
    ports = source[1].to_bytes(2)
    frames = [frame for frame in talk.frames if frame[2][34:36] == ports]
    if not is_from_start:
        frames = frames[-4:]

    decoded = decode(frames)

    row = decoded.sessions[0]
    count = 5 if is_from_start else 4
    assert row["messages"].tolist() == ([count, 0] if direction == 0 else [0, count])
    assert row["syn_ack_ns"] == 0
    assert (row["client_port"], decoded.counters["gaps"]) == (CLIENT[1], 0)
