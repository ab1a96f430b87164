"""Times that devices write into frames equal their reference, right or wrong."""

import numpy as np
from hypothesis import given, strategies as st

from airnet.decode import Decoder
from airnet.domain.frame import TRAILERS
from tests.fakes.frames import capture, ethernet, packet, tcp
from tests.fakes.trailers import erspan3, exablaze, extension, metamako, sealed
from tests.reference.trailers import Clock, Row

BASE_NS = 1_700_000_000 * 10**9
ENDS = (("10.0.0.1", 5), ("10.0.0.2", 6))
COUNTED = ("stamps", "stamps_missing", "clock_foreign", "clock_moves")
OFFSETS = st.sampled_from(
    [0, 1, -40_000_000, 999_999_999, 2 * 10**9, 3600 * 10**9, 86_401 * 10**9]
)


@st.composite
def stamped(draw: st.DrawFn, time_ns: int) -> bytes:
    """Draw a frame with a trailer, a broken one, or none."""
    inner = tcp(ENDS, 7, draw(st.binary(max_size=50)))
    frame = draw(st.sampled_from([ethernet(inner), bytes(12) + b"\x08\x06" + inner]))
    kind = draw(st.sampled_from(["metamako", "exablaze", "erspan", "none", "sealed"]))
    if kind == "metamako":
        words = draw(st.lists(st.sampled_from([(0, 1), (1, 0), (31, 3)]), max_size=2))
        more = [
            extension(*one, is_last=n == len(words) - 1) for n, one in enumerate(words)
        ]
        frame = metamako(frame, time_ns, more)
    elif kind == "exablaze":
        frame = exablaze(frame, time_ns)
    elif kind == "erspan":
        head = erspan3(frame, time_ns, draw(st.sampled_from([3, 5, 6, 7, 4])))
        gre = b"\x10\0\x22\xeb\0\0\0\1" + head
        frame = ethernet(packet("10.1.0.1", "10.1.0.2", 47, gre))
    elif kind == "sealed":
        frame = sealed(frame)
    frame += draw(st.sampled_from([b"", b"", bytes(4), b"\1\2\3\4\5"]))
    if draw(st.integers(0, 5)) == 0:
        changed = bytearray(frame)
        changed[draw(st.integers(0, len(frame) - 1))] ^= draw(st.integers(0, 255))
        frame = bytes(changed)
    return frame


@st.composite
def runs(draw: st.DrawFn) -> list[tuple[Row, bytes]]:
    """Draw rows of one or two clocks, and their frames."""
    found = []
    time_ns = BASE_NS
    offset_ns = draw(OFFSETS)
    clocks = draw(st.sampled_from([(0,), (0, 0, 0, 3), (1, 3)]))
    for _ in range(draw(st.integers(1, 12))):
        time_ns += draw(st.sampled_from([0, 1000, 10**9, 70 * 10**9]))
        away = draw(st.sampled_from([0, 0, 0, 17, 1_100_000_000]))
        frame = draw(stamped(time_ns + offset_ns + away))
        cut = draw(st.sampled_from([0, 0, 0, 0, 1]))
        row = Row(time_ns, draw(st.sampled_from(clocks)), 1, cut)
        found += [(row, frame)] * draw(st.sampled_from([1, 1, 1, 40]))
    return found


@given(runs(), st.sampled_from(range(len(TRAILERS))))
def test_times_read_alike(run: list[tuple[Row, bytes]], trailer: int) -> None:
    """Each row's time, the run's clock and what is counted are the reference's."""
    clock = Clock(trailer)
    expected = [clock.read(row, data) for row, data in run]
    rows, buffer = capture((row.time_ns, row.link, data) for row, data in run)
    for given_row, (row, _) in zip(rows, run, strict=True):
        given_row["clock"] = row.clock
        given_row["wire_bytes"] += row.cut
    decoder = Decoder([], trailer=TRAILERS[trailer])

    headers, _ = decoder.decode(rows, buffer)

    times = [int(row["time_ns"]) for row in headers]
    assert times == [time_ns for _, time_ns in expected]
    reasons = [int(row["reason"]) for row in headers]
    assert reasons == [seen.reason for seen, _ in expected]
    counters = decoder.counters()
    for name in COUNTED:
        assert counters[name] == clock.counts[name], name


@given(
    st.binary(max_size=60),
    st.sampled_from(TRAILERS),
    st.binary(max_size=40),
)
def test_a_wrong_guess_changes_no_row(
    behind: bytes, trailer: str, payload: bytes
) -> None:
    """Bytes behind the IP packet, whatever is configured, are in no row."""
    inner = tcp(ENDS, 7, payload)
    bare = capture([(BASE_NS, 1, ethernet(inner))])
    padded = capture([(BASE_NS, 1, ethernet(inner) + behind)])

    plain, _ = Decoder([]).decode(*bare)
    guessed, _ = Decoder([], trailer=trailer).decode(*padded)

    assert np.array_equal(plain, guessed)
