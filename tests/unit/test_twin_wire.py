"""The twin's frames carry right sums, and its connections right numbers."""

import struct
from itertools import cycle, pairwise
from pathlib import Path

import pytest

from airnet.twin.dialect import PRICES, Stamper, Writer, base36, civil, lab
from airnet.twin.flow import DOWN, UP, Ends, Flow, Impairment
from airnet.twin.wire import ACK, PSH, Frame, Host, Path as Wire, write_pcapng

CLIENT = Host(ip="10.1.2.3", mac=b"\x02\0\0\0\0\1", has_stamps=True)
SERVER = Host(ip="10.1.0.9", mac=b"\x02\0\0\0\0\2", ttl=63)


def folded(data: bytes) -> int:
    """Return the ones' complement sum of RFC 1071, computed as it is written there."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def segment(frame: bytes) -> tuple[bytes, bytes]:
    """Return a frame's IP header and what the IP header says follows it."""
    total = int.from_bytes(frame[16:18], "big")
    return frame[14:34], frame[34 : 14 + total]


def pseudo(header: bytes, protocol: int, length: int) -> bytes:
    return header[12:20] + struct.pack("!HH", protocol, length)


@pytest.mark.parametrize("payload", [b"", b"a", b"ab", b"\xff" * 333, b"\0" * 100])
@pytest.mark.parametrize("sequence", [0, 65_535, 0xFFFFFFFF, 123_456_789])
def test_tcp_when_summed_as_rfc_1071_says_then_sums_are_right(
    payload: bytes, sequence: int
) -> None:
    path = Wire(CLIENT, SERVER, (40_000, 9878), 65_530)

    for _ in range(10):
        header, body = segment(
            path.tcp(sequence, ~sequence & 0xFFFFFFFF, 24, payload, 0)
        )

        assert folded(header) == 0xFFFF
        assert folded(pseudo(header, 6, len(body)) + body) == 0xFFFF
        assert body[20:] == payload


@pytest.mark.parametrize("payload", [b"", b"odd", b"even"])
def test_udp_and_icmp_when_summed_then_sums_are_right(payload: bytes) -> None:
    path = Wire(CLIENT, SERVER, (123, 123))

    header, body = segment(path.udp(payload))
    assert folded(header) == 0xFFFF
    assert folded(pseudo(header, 17, len(body)) + body) == 0xFFFF

    header, body = segment(path.icmp(8, 0, payload))
    assert folded(header) == 0xFFFF
    assert folded(body) == 0xFFFF


def test_short_frames_are_padded_to_the_minimum() -> None:
    path = Wire(CLIENT, SERVER, (1, 2))

    assert len(path.tcp(1, 1, ACK, b"", 0)) == 60


def test_pcapng_holds_every_frame_with_its_ns(tmp_path: Path) -> None:
    frames: list[Frame] = [(1_795_000_000_123_456_789, b"abc"), (2**62, b"defgh")]

    write_pcapng(tmp_path / "out.pcapng", frames)

    data = (tmp_path / "out.pcapng").read_bytes()
    found, at = [], 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        assert struct.unpack_from("<I", data, at + length - 4) == (length,)
        if kind == 6:
            _, high, low, count = struct.unpack_from("<IIII", data, at + 8)
            found.append((high << 32 | low, data[at + 28 : at + 28 + count]))
        at += length
    assert found == frames


def numbers(frame: bytes) -> tuple[bytes, int, int, int, int]:
    """Return source address, sequence, acknowledgement, flags, payload bytes."""
    header, body = segment(frame)
    sequence, acknowledged, word = struct.unpack_from("!IIH", body, 4)
    return (
        header[12:16],
        sequence,
        acknowledged,
        word & 0x3F,
        len(body) - (word >> 10 & 60),
    )


@pytest.mark.parametrize("split", [0.0, 0.9])
def test_flow_acknowledges_only_what_had_time_to_arrive(split: float) -> None:
    """No acknowledgement overtakes its data, and in the end all is acknowledged."""
    frames: list[Frame] = []
    turn = 50_000
    ends = Ends(
        client=CLIENT, server=SERVER, client_port=4, server_port=5, turn_ns=(turn, turn)
    )
    chance = cycle([0.1, 0.5, 0.95, 0.3, 0.7])
    flow = Flow(ends, frames, chance, Impairment(split=split))
    now = flow.open(1_000_000_000)
    for i in range(200):
        now = max(
            now, flow.send(UP if i % 3 else DOWN, now + 30_000 * (i % 7), b"x" * 99)
        )
    flow.close(UP, now + 1_000)
    frames.sort()

    ended: dict[bytes, list[tuple[int, int]]] = {}
    for time_ns, frame in frames:
        source, sequence, acknowledged, flags, count = numbers(frame)
        if flags & ACK:
            others = [v for k, v in ended.items() if k != source]
            arrived = [end for at, end in others[0] if at + turn <= time_ns + 1]
            assert acknowledged in {*arrived, *(end for _, end in others[0][:1])}
        extra = bool(flags & 0x02) + bool(flags & 0x01)
        end = (sequence + count + extra) & 0xFFFFFFFF
        ended.setdefault(source, []).append((time_ns, end))
    last = {numbers(frame)[0]: numbers(frame) for _, frame in frames}
    (one, *_), (other, *_) = last.values()
    assert last[one][2] == ended[other][-1][1]


def test_flow_spaces_its_frames() -> None:
    frames: list[Frame] = []
    ends = Ends(client=CLIENT, server=SERVER, client_port=4, server_port=5)
    flow = Flow(ends, frames, cycle([0.5]), Impairment())
    now = flow.open(10**9)

    for _ in range(5):
        flow.send(UP, now + 1000, b"y" * 4000)

    mine = [t for t, frame in frames if numbers(frame)[3] & PSH or len(frame) > 1000]
    assert all(later > earlier for earlier, later in pairwise(mine))


def test_writer_counts_bytes_and_sums_as_fix_says() -> None:
    """BodyLength (9) and CheckSum (10), also beyond adler32's range."""
    writer = Writer(lab(), b"CLIENT", b"VENUE")

    for text in (b"short", b"~" * 3000):
        message = writer.write("5", 1_795_000_000_000_000_000, {b"58": text})

        fields = message.split(b"\x01")
        body = message[message.index(b"35=") : message.rindex(b"10=")]
        assert int(fields[1][2:]) == len(body)
        total = sum(message[: message.rindex(b"10=")]) % 256
        assert fields[-2] == b"10=%03d" % total


def test_stamper_writes_utc() -> None:
    assert Stamper(3).text(951_782_400_000_000_000) == b"20000229-00:00:00.000"
    assert Stamper(6).text(1_795_000_000_123_456_789) == b"20261118-11:06:40.123456"
    assert Stamper(0).text(0) == b"19700101-00:00:00"
    assert civil(-1) == (1969, 12, 31)


def test_prices_keep_their_value_in_every_style() -> None:
    for cents in (1, 100, 110, 12_345, 999_999):
        for style in PRICES.values():
            whole, _, part = style(cents).decode().partition(".")
            assert int(whole) * 10_000 + int(part.ljust(4, "0")) == cents * 100


def test_base36_is_positional() -> None:
    assert int(base36(123_456_789), 36) == 123_456_789
    assert base36(0) == b"0"
