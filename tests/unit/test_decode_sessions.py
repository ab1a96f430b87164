"""Sessions and reassembly: who is the client, what opens and ends a row, what fills."""

import numpy as np
import pytest

from airnet.decode import Decoder
from airnet.domain.address import address_bytes, address_text
from airnet.domain.frame import (
    NONE,
    STREAM_AGREED,
    STREAM_CLOSED,
    STREAM_CONFLICT,
    STREAM_GAP,
    STREAM_LOST,
    STREAM_MIDSTREAM,
    STREAM_OPENED,
    STREAM_OUT_OF_ORDER,
    STREAM_RETRANSMIT,
    STREAM_TWICE,
    STREAM_UNSEEN,
)
from airnet.domain.session import CLOSED, LOGGED_ON, OPEN, comp_text
from airnet.errors import ConfigError
from tests.fakes.frames import (
    ACK,
    CLIENT,
    FIN,
    GATEWAY,
    RST,
    SYN,
    Conversation,
    Decoded,
    capture,
    ethernet,
    message,
    order,
    tcp,
)
from tests.reference.decoder import TWICE_NS


def client_of(decoded: Decoded, number: int = 0) -> tuple[str, int]:
    """Return a session row's client."""
    row = decoded.sessions[number]
    return address_text(bytes(row["client"])), int(row["client_port"])


def test_session_knows_ends_names_and_times() -> None:
    talk = Conversation()
    talk.handshake()
    talk.logon()

    decoded = Decoded(talk.frames)

    row = decoded.sessions[0]
    assert client_of(decoded) == CLIENT
    assert comp_text(bytes(row["client_comp"])) == "ALPHA"
    assert comp_text(bytes(row["gateway_comp"])) == "VENUE"
    assert [int(row[n]) for n in ("syn_ns", "syn_ack_ns")] == [
        talk.frames[0][0],
        talk.frames[1][0],
    ]
    assert (row["state"], row["version"], row["midstream"]) == (LOGGED_ON, 44, 0)
    assert row["messages"].tolist() == [1, 1]
    opened = decoded.headers["stream_flags"] & STREAM_OPENED
    assert opened.nonzero()[0].tolist() == [3]
    place = decoded.places[0]
    sessions = decoded.headers["session"].tolist()
    assert sessions == [NONE, NONE, NONE, place, place]


def test_known_gateway_opens_at_the_completed_handshake() -> None:
    talk = Conversation()
    talk.handshake()

    decoded = Decoded(talk.frames, (GATEWAY,))

    assert decoded.sessions["state"].tolist() == [OPEN]
    flags = decoded.headers["stream_flags"].tolist()
    assert flags == [0, 0, STREAM_OPENED | STREAM_AGREED]


def test_gateway_decides_direction_over_ports_and_syn() -> None:
    talk = Conversation(client=GATEWAY, gateway=CLIENT)
    talk.handshake()
    talk.logon()

    assert client_of(Decoded(talk.frames)) == GATEWAY
    assert client_of(Decoded(talk.frames, (GATEWAY,))) == CLIENT


def test_midstream_session_takes_the_lower_port_as_gateway() -> None:
    talk = Conversation()
    talk.add(1, message("0", "34=5"))
    talk.add(0, order(1)[40:] + order(2))

    decoded = Decoded(talk.frames)

    assert client_of(decoded) == CLIENT
    flags = decoded.headers["stream_flags"].tolist()
    assert flags == [STREAM_OPENED | STREAM_MIDSTREAM, 0]
    assert decoded.messages["sequence"].tolist() == [5, 2]
    assert decoded.counters["malformed"]["garbage"] == 0


def test_midstream_logon_names_the_client() -> None:
    talk = Conversation(("10.9.9.9", 80), ("10.8.8.8", 65000))
    talk.add(0, message("A", "108=30"))

    assert client_of(Decoded(talk.frames)) == ("10.9.9.9", 80)


def test_other_protocols_make_no_session() -> None:
    talk = Conversation()
    talk.handshake()
    talk.add(0, b"GET / HTTP/1.1\r\n\r\n")
    talk.add(1, b"HTTP/1.1 200 OK\r\n\r\n8=FIX.4.4\1")

    decoded = Decoded(talk.frames)

    assert len(decoded.sessions) == 0
    assert len(decoded.messages) == 0


def test_payload_without_handshake_makes_no_session_at_a_gateway() -> None:
    """Only FIX does: a flood of bare payload must not fill the table."""
    talk = Conversation()
    talk.add(0, b"\0" * 500)

    assert len(Decoded(talk.frames, (GATEWAY,)).sessions) == 0


def test_padding_and_trailers_are_not_payload() -> None:
    talk = Conversation()
    talk.handshake()
    talk.add(0, order(1))
    frames = [(t, link, data + b"8=FIX\1\2\3") for t, link, data in talk.frames]

    decoded = Decoded(frames, (GATEWAY,))

    assert len(decoded.messages) == 1
    assert decoded.counters["bytes_skipped"] == 0


def test_out_of_order_segments_are_delivered_on_fill() -> None:
    talk = Conversation()
    talk.handshake()
    for number in range(5):
        talk.add(0, order(number))
    first, rest = talk.frames[3], talk.frames[4:]

    decoded = Decoded([*talk.frames[:3], *reversed(rest), first], (GATEWAY,))

    assert decoded.messages["sequence"].tolist() == [0, 1, 2, 3, 4]
    assert set(decoded.messages["frame_count"]) == {7}
    assert (decoded.headers["stream_flags"][3:7] == STREAM_OUT_OF_ORDER).all()


def test_retransmission_is_flagged_and_not_decoded_twice() -> None:
    talk = Conversation()
    talk.handshake()
    frame = talk.add(0, order(1))
    later = [(TWICE_NS + time_ns, link, data) for time_ns, link, data in [frame]]
    talk.frames += [frame, *later]

    decoded = Decoded(talk.frames, (GATEWAY,))

    assert len(decoded.messages) == 1
    copy = STREAM_RETRANSMIT | STREAM_TWICE
    assert decoded.headers["stream_flags"][-2:].tolist() == [copy, STREAM_RETRANSMIT]
    assert decoded.sessions["retransmits"].tolist() == [2]


def test_overlap_with_other_bytes_is_a_conflict_first_copy_kept() -> None:
    talk = Conversation()
    talk.handshake()
    start = talk.next[0]
    data = order(1)
    talk.add(0, data[:60])
    evil = data[:50] + b"X" * 10 + data[60:]
    talk.frames.append(talk.segment(0, start, evil))

    decoded = Decoded(talk.frames, (GATEWAY,))

    assert decoded.headers["stream_flags"][-1] == STREAM_CONFLICT
    assert decoded.messages["malformed"].tolist() == [0]


@pytest.mark.parametrize("how", ["acknowledged", "too old"])
def test_hole_is_given_up(how: str) -> None:
    talk = Conversation()
    talk.handshake()
    talk.add(0, order(1)[:50])
    lost = talk.add(0, order(1)[50:] + order(2)[:20])
    talk.frames.remove(lost)
    talk.add(0, order(2)[20:] + order(3))
    if how == "acknowledged":
        talk.time_ns += 5_000_001
        talk.add(1, flags=ACK)
    else:
        talk.time_ns += 200_000_001
        talk.add(1, flags=0)

    decoded = Decoded(talk.frames, (GATEWAY,))

    assert decoded.messages["sequence"].tolist() == [3]
    flags = STREAM_LOST | STREAM_UNSEEN if how == "acknowledged" else 0
    assert decoded.headers["stream_flags"][-1] == STREAM_GAP | flags
    missing = len(order(1)) - 50 + 20
    assert decoded.sessions["gap_bytes"].tolist() == [missing]
    assert decoded.counters["partials_dropped"] == 1
    assert sum(decoded.counters["malformed"].values()) == 0


def test_bytes_that_the_mirror_shows_after_their_acknowledgement_are_read() -> None:
    """A switch copies each direction through its own queue: the answer may be first."""
    talk = Conversation()
    talk.handshake()
    late = talk.add(0, order(1))
    talk.frames.remove(late)
    talk.add(0, order(2))
    answer = talk.add(1, flags=ACK)
    talk.frames.append((answer[0] + 1000, *late[1:]))

    decoded = Decoded(talk.frames, (GATEWAY,))

    assert decoded.messages["sequence"].tolist() == [1, 2]
    assert decoded.counters["gaps"] == 0


def test_what_the_capture_cut_off_is_a_gap() -> None:
    talk = Conversation()
    talk.handshake()
    time_ns, link, data = talk.add(0, order(1) + order(2))
    talk.frames[-1] = (time_ns, link, data[:-30])
    talk.add(0, order(3))

    decoded = Decoded(talk.frames, (GATEWAY,))

    assert decoded.messages["sequence"].tolist() == [1, 3]
    assert decoded.sessions["gap_bytes"].tolist() == [30]


def test_keep_alive_is_ignored() -> None:
    talk = Conversation()
    talk.handshake()
    talk.add(0, order(1))
    talk.frames.append(talk.segment(0, talk.next[0] - 1, b"\0", ACK))

    decoded = Decoded(talk.frames, (GATEWAY,))

    assert decoded.counters["keep_alives"] == 1
    assert decoded.sessions["retransmits"].tolist() == [0]


def test_fin_ends_the_row_and_the_answer_is_still_read() -> None:
    talk = Conversation()
    talk.handshake()
    talk.add(0, message("5"), flags=FIN | ACK)
    talk.add(1, message("5"), flags=FIN | ACK)
    talk.add(0, order(1))

    decoded = Decoded(talk.frames, (GATEWAY,))

    assert decoded.sessions["state"].tolist() == [CLOSED]
    assert decoded.sessions["messages"].tolist() == [[1, 1]]
    closed = decoded.headers["stream_flags"] & STREAM_CLOSED
    assert closed.nonzero()[0].tolist() == [3]
    assert decoded.counters["after_close"] == 1


@pytest.mark.parametrize(("offset", "state"), [(0, CLOSED), (10**6, OPEN), (-9, OPEN)])
def test_reset_must_be_near(offset: int, state: int) -> None:
    talk = Conversation()
    talk.handshake()
    talk.frames.append(talk.segment(0, talk.next[0] + offset, b"", RST))

    assert Decoded(talk.frames, (GATEWAY,)).sessions["state"].tolist() == [state]


@pytest.mark.parametrize("ending", [RST, FIN | ACK, None])
def test_reused_ports_are_a_new_session(ending: int | None) -> None:
    first = Conversation(isn=(1000, 5000))
    second = Conversation(isn=(900_000_000, 77), start_ns=2 * 10**18)
    for talk in (first, second):
        talk.handshake()
        talk.add(0, order(1))
    if ending is not None:
        first.add(0, flags=ending)

    decoded = Decoded(first.frames + second.frames, (GATEWAY,))

    assert len(decoded.sessions) == 2
    assert decoded.messages["session"].tolist() == decoded.places
    assert decoded.sessions["state"][0] == CLOSED


def test_syn_flood_makes_no_session_and_the_real_client_still_counts() -> None:
    generator = np.random.default_rng(1)
    flood = []
    for port, address in zip(
        generator.integers(1, 65536, 20000),
        generator.integers(0, 2**32, 20000),
        strict=True,
    ):
        source = address_text(address_bytes("0.0.0.0")[:12] + int(address).to_bytes(4))
        data = ethernet(tcp(((source, int(port)), GATEWAY), int(address), flags=SYN))
        flood.append((10**18, 1, data))
    talk = Conversation()
    talk.handshake()

    decoded = Decoded([*flood[:10000], *talk.frames, *flood[10000:]], (GATEWAY,))

    assert len(decoded.sessions) == 1
    assert decoded.sessions["syn_ns"][0] == talk.frames[0][0]


def test_full_table_is_counted_and_rows_stay() -> None:
    """Flows picked up midstream may take half of the table, no more.

    Each shard has a quarter of it; so many flows fill every one.
    """
    frames = []
    for number in range(10_000):
        talk = Conversation((f"10.1.{number >> 8}.{number & 255}", 40000), GATEWAY)
        if number >= 5000:
            talk.handshake()
        talk.add(0, order(number))
        frames += talk.frames

    decoded = Decoded(frames, (GATEWAY,))

    assert decoded.counters["midstream_full"] == 5000 - 4096
    # At the ACK, and at the order.
    assert decoded.counters["sessions_full"] == 2 * (5000 - 4096)
    assert len(decoded.sessions) == 8192
    assert decoded.messages["sequence"][0] == 0


def test_full_carry_pool_is_counted_and_streams_recover() -> None:
    talks = []
    for number in range(2600):
        talk = Conversation((f"10.1.{number >> 8}.{number & 255}", 40000), GATEWAY)
        talk.handshake()
        talk.add(0, order(1)[:80])
        talks.append(talk)
    opening = [frame for talk in talks for frame in talk.frames]
    later = [talk.add(0, order(1)[80:] + order(2)) for talk in talks]

    decoded = Decoded(opening + later, (GATEWAY,))

    full = 2600 - 2048 - 64
    assert decoded.counters["carry_full"] == full
    assert decoded.counters["messages"]["D"]["up"] == 2 * 2600 - full


def test_full_hold_gives_up_the_hole() -> None:
    talk = Conversation()
    talk.handshake()
    lost = talk.add(0, order(0))
    talk.frames.remove(lost)
    for number in range(1, 101):
        talk.add(0, order(number))

    decoded = Decoded(talk.frames, (GATEWAY,))

    assert decoded.messages["sequence"].tolist() == list(range(1, 101))
    assert decoded.counters["held_full"] == 1
    assert decoded.sessions["gap_bytes"].tolist() == [len(order(0))]


def test_too_many_gateways_are_refused() -> None:
    gateways = [("10.0.0.1", port) for port in range(1, 514)]
    with pytest.raises(ConfigError, match="more than 512 gateways"):
        Decoder(gateways)


def test_rows_outside_the_buffer_are_short() -> None:
    rows, buffer = capture([(1, 1, ethernet(tcp((CLIENT, GATEWAY), 1)))])
    rows["offset"] = 5

    headers, _ = Decoder([]).decode(rows, buffer)

    assert headers["reason"].tolist() == [1]
