"""The FIX scanner equals its reference, on messages whole, cut and corrupted."""

import numpy as np
from hypothesis import given, strategies as st

from airnet._ext import fix as kernel
from airnet.domain.message import MESSAGE
from tests.fakes.frames import message, seal
from tests.reference import fix as reference

TAGS = st.sampled_from(
    sorted(
        reference.HEADER
        | reference.ORDER
        | set(reference.DATA)
        | {58, 89, 96, 213, 1604}
    )
) | st.integers(0, 10**10)
VALUES = st.one_of(
    st.from_regex(r"-?[0-9]{0,22}(\.[0-9]{0,12})?", fullmatch=True).map(str.encode),
    st.from_regex(
        r"20[0-9]{2}[01][0-9][0-3][0-9]-[012][0-9]:[0-5][0-9]:[0-6][0-9](\.[0-9]{1,9})?",
        fullmatch=True,
    ).map(str.encode),
    st.binary(max_size=30),
    st.sampled_from([b"Y", b"N", b"1", b"", b"D", b"3", b"a\1b", b"5", b"ab\1cd"]),
)
#: Every path, with the table of layouts and without.
READERS = [
    kernel.Reader(path, has_layouts)
    for path in kernel.PATHS
    for has_layouts in (True, False)
]
FIELDS = st.lists(st.tuples(TAGS, VALUES), max_size=14)
#: Fields that nothing is wrong with, many of them.
PLAIN = st.lists(
    st.tuples(
        st.sampled_from(sorted(reference.HEADER | reference.ORDER | {58, 1604}))
        | st.integers(1, 99_999),
        st.from_regex(r"[ -~]{1,6}", fullmatch=True).map(str.encode),
    ),
    max_size=150,
)
#: Tags that may stand anywhere with any value, so that orders of them are well-formed.
FREE = (st.integers(1, 99) | st.integers(1, 9_999_999)).filter(
    lambda tag: tag not in reference.HEADER | reference.ORDER | set(reference.DATA)
)
ORDERS = st.sampled_from([b"D", b"G", b"F", b"S", b"AB"])
TYPES = st.sampled_from([b"D", b"8", b"F", b"W", b"AB", b"A", b"UXYZQ", b""])
BEGINS = st.sampled_from(
    [b"8=FIX.4.4\1", b"8=FIXT.1.1\1", b"8=FIX.4.0\1", b"8=FIX.9\1"]
)


def body(kind: bytes, fields: list[tuple[int, bytes]]) -> bytes:
    """Return a message body."""
    parts = [b"35=" + kind, *(b"%d=%b" % one for one in fields)]
    return b"".join(part + b"\1" for part in parts)


def expect(data: bytes) -> tuple[int, dict[str, int], list[list[int]]]:
    """Return what `read` returns, its row and what `span` finds, by the reference."""
    reason, head, size, _ = reference.head(data)
    total = head + size + 7
    if reason == reference.MORE or (reason == 0 and len(data) < total):
        return 0, {}, []
    if reason or not reference.is_framed(data[:total]):
        return -(reason or reference.BODY_LENGTH), {}, []
    spans = reference.spans(data[:total], head)
    row = reference.read(data[:total], head).row
    return total, row, [list(span) for span in spans]


def check(*messages: bytes) -> None:
    """Hold every path of the kernel and the reference equal on each message.

    Three times: the first and second walk, and the third may know the layout.
    """
    row, spans = np.zeros(1, MESSAGE), np.zeros((kernel.SPANS, 2), np.uint32)
    for data in messages * 3:
        wanted, fields, places = expect(data)
        foreign = np.frombuffer(data, np.uint8)
        for reader in READERS:
            assert reader.read(foreign, row) == wanted
            assert {name: int(row[0][name]) for name in fields} == fields
            assert reader.span(foreign, spans) == wanted
            assert wanted <= 0 or spans.tolist() == places


@given(BEGINS, TYPES, FIELDS)
def test_any_fields_read_alike(
    begin: bytes, kind: bytes, fields: list[tuple[int, bytes]]
) -> None:
    """A framed message gives the same row, whatever its fields."""
    check(seal(begin, body(kind, fields)))


@given(TYPES, PLAIN, st.integers(0, 40))
def test_long_messages_read_alike(
    kind: bytes, fields: list[tuple[int, bytes]], place: int
) -> None:
    """So do messages of many fields, and those with two of them exchanged."""
    moved = fields[place:] + fields[:place]
    check(*(seal(b"8=FIX.4.4\1", body(kind, order)) for order in (fields, moved)))


@given(ORDERS, *[st.lists(FREE, max_size=30)] * 3, st.integers(1, 9))
def test_layouts_read_alike(
    kind: bytes, before: list[int], leg: list[int], behind: list[int], legs: int
) -> None:
    """An order has a layout on every path; how often a group repeats is none."""
    row, found = np.zeros(1, MESSAGE), []
    for times in (1, legs):
        fields = [(tag, b"x") for tag in before + leg * times + behind]
        data = seal(b"8=FIX.4.4\1", body(kind, fields))
        check(data)
        READERS[0].read(np.frombuffer(data, np.uint8), row)
        found.append(int(row[0]["layout"]))
    assert 0 < found[0] == found[1]


def test_layouts_tell_senders_apart() -> None:
    """Another order of tags, one more and one less are others; 128 are few."""
    row, found = np.zeros(1, MESSAGE), []
    usual = [1, 57, 21, 48, 22, 47, 5001]
    orders = [usual[n:] + usual[:n] for n in range(7)]
    orders += [[*usual, n] for n in range(100, 120)] + [usual[:-1]]
    orders += [[*usual[:n], usual[n + 1], usual[n], *usual[n + 2 :]] for n in range(6)]
    for tags in orders:
        data = seal(b"8=FIX.4.4\1", body(b"D", [(tag, b"x") for tag in tags]))
        READERS[0].read(np.frombuffer(data, np.uint8), row)
        found.append(int(row[0]["layout"]))
    # Of 34 drawn from 128 by chance 30 differ; fewer than 24 do once in 3,000 draws.
    assert len(set(found)) >= 24


@given(TYPES, FIELDS, st.data())
def test_corrupted_message_reads_alike(
    kind: bytes, fields: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    """Cut anywhere, changed anywhere: the same answer."""
    whole = bytearray(seal(b"8=FIX.4.4\1", body(kind, fields)))
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place] = data.draw(st.sampled_from(b"\x01=0189DFIX\xff"))
    check(bytes(whole[: data.draw(st.integers(0, len(whole)))]))


@given(st.binary(max_size=60) | st.from_regex(rb"8=FIX[ -~\x01]{0,20}9=[0-9]{0,9}.?"))
def test_any_head_reads_alike(data: bytes) -> None:
    """Garbage and heads of every shape: the same answer."""
    check(data)


@given(st.binary(max_size=40))
def test_key_equals_reference(identifier: bytes) -> None:
    """The key of an identifier is a fixed function, never 0."""
    assert kernel.key(identifier) == reference.key(identifier) != 0


@given(st.integers(1, 400))
def test_message_needs_all_its_bytes(size: int) -> None:
    """A message is read when its last byte is there, and not before."""
    data = message("D", "11=a", "58=" + "x" * size)
    row = np.zeros(1, MESSAGE)
    for reader in READERS:
        assert reader.read(np.frombuffer(data[:-1], np.uint8), row) == 0
        assert reader.read(np.frombuffer(data + b"8=", np.uint8), row) == len(data)
