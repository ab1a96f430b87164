"""Sessions and reassembly equal their reference, and do not see batch boundaries."""

import itertools

import numpy as np
from hypothesis import given, strategies as st

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
    sack,
    scale,
)

NOISE = st.one_of(
    st.binary(max_size=30),
    st.sampled_from(
        [
            b"",
            b"8=FIX.4.4\x019=40\x0135=D\x01",
            b"8=FIX.4.4\x019=99999\x01",
            b"8=FIX",
            b"58=FIX\x018=FIX.4.4\x019=5\x0135=0\x0110=163\x01",
            order(7)[:-1],
            order(7).replace(b"10=", b"10=0"),
            order(8).replace(b"54=1", b"54=2"),
            message("A", "95=9", b"96=a\x018=FIX\x01b"),
        ]
    ),
)


@st.composite
def streams(draw: st.DrawFn, noise: int = 3) -> bytes:
    """Draw one direction's bytes: messages, with noise between some of them."""
    parts = [message("A", "34=1", "108=30")] if draw(st.booleans()) else []
    numbers = draw(st.lists(st.sampled_from([1, 1, 1, 7]), max_size=5))
    for number in itertools.accumulate(numbers):
        parts.append(order(number, extra="58=" + "y" * draw(st.integers(1, 60))))
        if noise and draw(st.integers(0, noise)) == 0:
            parts.append(draw(NOISE))
    return b"".join(parts)


def cut(draw: st.DrawFn, data: bytes) -> list[tuple[int, bytes]]:
    """Draw a segmentation: (offset, bytes)."""
    anywhere = st.integers(0, len(data))
    places = draw(st.lists(anywhere | st.integers(0, min(6, len(data))), max_size=8))
    if draw(st.booleans()):
        places += range(0, len(data), 50)
    marks = sorted({0, len(data), *places})
    return [(a, data[a:b]) for a, b in itertools.pairwise(marks)]


def disturb(
    draw: st.DrawFn, pieces: list[tuple[int, bytes]], data: bytes
) -> list[tuple[int, bytes]]:
    """Reorder, lose, repeat and falsify segments."""
    pieces = list(pieces)
    for _ in range(draw(st.integers(0, 3))):
        if not pieces:
            break
        at = draw(st.integers(0, len(pieces) - 1))
        what = draw(st.sampled_from(["swap", "lose", "repeat", "overlap", "falsify"]))
        offset, piece = pieces[at]
        if what == "swap":
            to = draw(st.integers(0, len(pieces) - 1))
            pieces[at], pieces[to] = pieces[to], pieces[at]
        elif what == "lose":
            del pieces[at]
        elif what == "repeat":
            pieces.insert(draw(st.integers(0, len(pieces))), (offset, piece))
        elif what == "overlap":
            back = draw(st.integers(0, offset))
            longer = data[offset - back : offset + len(piece) + 9]
            pieces.insert(draw(st.integers(0, len(pieces))), (offset - back, longer))
        elif piece:
            wrong = piece[:-1] + b"#"
            pieces.insert(draw(st.integers(0, len(pieces))), (offset, wrong))
    return pieces


def answer(draw: st.DrawFn, talk: Conversation, direction: int, first: int) -> Frame:
    """Draw an acknowledgement of some bytes from `first` on, perhaps selective."""
    near = st.integers(0, 400)
    what = draw(near | st.just(talk.next[1 - direction] - first))
    block = (first + draw(near), first + draw(near))
    return talk.segment(
        direction,
        talk.next[direction],
        b"",
        ACK,
        acknowledged=first + what,
        options=draw(st.sampled_from([b"", sack(block), sack(block, block)])),
    )


def greet(draw: st.DrawFn, talk: Conversation) -> None:
    """Draw a handshake: plain, by both at once, split, with data, or disturbed."""
    options = st.sampled_from([b"", scale(0), scale(7), scale(200)])
    kind = draw(st.sampled_from(["plain", "both", "split", "data", "wrong", "old"]))
    if kind == "plain":
        talk.handshake()
        return
    if kind == "old":
        talk.add(1, flags=SYN)
        talk.next[1] += 777
    client, gateway = talk.next
    data = draw(NOISE | st.just(order(1)[:70])) if kind == "data" else b""
    talk.frames.append(
        talk.segment(0, client, data, SYN, options=draw(options), acknowledged=0)
    )
    taken = draw(st.sampled_from([0, len(data), len(data), len(data) // 2]))
    answers = {"both": [0, SYN | ACK, ACK], "split": [ACK, 0]}.get(kind, [SYN | ACK])
    for flags in answers:
        wrong = draw(st.sampled_from([0, 9])) if kind == "wrong" else 0
        heard = client + 1 + taken + wrong if flags else 0
        fields = {"acknowledged": heard, "options": draw(options)}
        # Without an ACK it is a SYN alone.
        talk.frames.append(talk.segment(1, gateway, b"", flags or SYN, **fields))
    talk.next = [client + 1 + taken, gateway + 1]
    if kind == "both":
        talk.frames.append(talk.segment(0, client, b"", SYN | ACK))
    if draw(st.booleans()):
        talk.add(0, flags=ACK)


@st.composite
def conversations(draw: st.DrawFn, client_port: int = CLIENT[1]) -> list[Frame]:
    """Draw the frames of one connection, disturbed."""
    isn = draw(st.sampled_from([(1000, 5000), (2**32 - 40, 2**32 - 1), (0, 2**31 - 9)]))
    is_summed = draw(st.booleans())
    talk = Conversation((CLIENT[0], client_port), GATEWAY, isn, is_summed=is_summed)
    if draw(st.integers(0, 3)):
        greet(draw, talk)
    base = tuple(talk.next)
    streams_drawn = draw(streams()), draw(streams())
    queues = [disturb(draw, cut(draw, data), data) for data in streams_drawn]
    while queues[0] or queues[1]:
        direction = draw(st.integers(0, 1))
        if not queues[direction]:
            direction = 1 - direction
        offset, piece = queues[direction].pop(0)
        talk.time_ns += draw(st.sampled_from([0, 0, 0, 10**6, 3 * 10**8]))
        flags = draw(
            st.sampled_from([PSH | ACK, PSH | ACK, ACK, URG | ACK, 0, FIN | ACK])
        )
        if queues[direction]:
            flags &= ~FIN
        place = base[direction] + offset
        window = draw(st.sampled_from([65535, 65535, 300, 0]))
        is_good = is_summed and draw(st.integers(0, 29)) > 0
        frame = talk.segment(
            direction, place, piece, flags, window=window, is_summed=is_good
        )
        if draw(st.integers(0, 3)) == 0:
            talk.frames.append(answer(draw, talk, 1 - direction, base[direction]))
        if draw(st.integers(0, 9)) == 0:
            frame = (*frame[:2], frame[2][: len(frame[2]) - draw(st.integers(0, 9))])
        talk.frames.append(frame)
        if draw(st.booleans()):
            talk.next[direction] = base[direction] + offset + len(piece)
    ending = draw(st.sampled_from([0, RST, RST | ACK, FIN | ACK, ACK]))
    if ending:
        direction = draw(st.integers(0, 1))
        talk.next[direction] += draw(st.sampled_from([0, 0, -1, 299, 65536, 999999]))
        talk.add(direction, draw(st.sampled_from([b"", b"why"])), flags=ending)
    return talk.frames


GATEWAYS = st.sampled_from([(), (GATEWAY,), (CLIENT,)])


@given(conversations(), GATEWAYS)
def test_any_conversation_decodes_alike(
    frames: list[Frame], gateways: tuple[tuple[str, int], ...]
) -> None:
    """Rows, sessions and counts are the reference's, whatever was disturbed."""
    if frames:
        assert not differences(Decoded(frames, gateways), refer(frames, gateways))


@given(conversations(), conversations(), GATEWAYS)
def test_reused_ports_decode_alike(
    first: list[Frame], second: list[Frame], gateways: tuple[tuple[str, int], ...]
) -> None:
    """A second connection of the same ends opens a row when the reference does."""
    later = [(time + 10**10, link, data) for time, link, data in second]
    if first + later:
        assert not differences(
            Decoded(first + later, gateways), refer(first + later, gateways)
        )


@given(conversations(), conversations(client_port=40002), st.randoms())
def test_batches_are_not_seen(
    first: list[Frame], second: list[Frame], order_of: object
) -> None:
    """Batches of 1, 7, 64 and 4096: the same rows, sessions and counters."""
    frames = sorted(first + second)
    if not frames:
        return
    whole = Decoded(frames, (GATEWAY,))
    for batch in (1, 7, 64):
        other = Decoded(frames, (GATEWAY,), batch)
        for name in whole.headers.dtype.names:
            if name != "message_index":
                assert np.array_equal(whole.headers[name], other.headers[name]), name
        assert np.array_equal(whole.messages, other.messages)
        assert np.array_equal(whole.sessions, other.sessions)
        assert whole.counters == other.counters


@given(streams() | streams(noise=0))
def test_every_cut_gives_the_same_messages(data: bytes) -> None:
    """One byte a segment or all at once: the messages are the same, lacking noise."""
    results = []
    for size in (len(data) or 1, 1, 3):
        talk = Conversation()
        talk.handshake()
        for at in range(0, len(data), size):
            talk.add(0, data[at : at + size])
        decoded = Decoded(talk.frames, (GATEWAY,))
        assert not differences(decoded, refer(talk.frames, (GATEWAY,)))
        rows = decoded.messages
        results.append(rows[["sequence", "order_key", "price", "malformed"]].tolist())

    has_noise = any(one[3] for result in results for one in result)
    assert has_noise or results[0] == results[1] == results[2]


@given(
    st.lists(st.tuples(st.integers(1, 60000), st.sampled_from([SYN, ACK, RST, FIN])))
)
def test_bare_segments_open_nothing(floods: list[tuple[int, int]]) -> None:
    """SYNs, ACKs, RSTs and FINs alone never make a session."""
    frames = []
    for port, flags in floods:
        talk = Conversation(("198.51.100.1", port), GATEWAY)
        frames.append(talk.add(0, flags=flags))
    if frames:
        assert len(Decoded(frames, (GATEWAY,)).sessions) == 0
