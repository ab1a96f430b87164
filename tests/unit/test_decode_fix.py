"""FIX messages as rows: framing, resynchronising, values, repeated tags, data."""

import numpy as np
import pytest

from airnet.decode import key_of, type_text
from airnet.domain.message import FLAG_LIMIT, KIND, MALFORMED_REASONS, SCALE
from tests.fakes.frames import GATEWAY, Conversation, Decoded, message, order, seal

HAS_PRICE, HAS_QUANTITY, SPLIT = 0x04, 0x08, 0x10


def decode(*segments: bytes) -> Decoded:
    """Decode segments sent up after a handshake."""
    talk = Conversation()
    talk.handshake()
    for segment in segments:
        talk.add(0, segment)
    return Decoded(talk.frames, (GATEWAY,))


def reasons(decoded: Decoded) -> list[str]:
    """Return each row's malformed reason."""
    return [MALFORMED_REASONS[row["malformed"]] for row in decoded.messages]


def test_order_fields_are_read() -> None:
    data = message(
        "D",
        "34=7",
        "43=Y",
        "97=N",
        "52=20261121-09:30:00.123456789",
        "11=ORDER-0000000001",
        "41=OLD",
        "55=ACME",
        "54=1",
        "38=250.5",
        "44=-0.00000001",
    )

    row = decode(data).messages[0]

    assert type_text(int(row["type"])) == "D"
    assert row["kind"] == KIND["new"]
    assert row["sequence"] == 7
    assert row["flags"] == HAS_PRICE | HAS_QUANTITY | 0x01
    assert row["sending_ns"] == 1795253400_123456789
    assert row["order_key"] == key_of(b"ORDER-0000000001")
    assert row["original_key"] == key_of(b"OLD")
    assert row["symbol_key"] == key_of(b"ACME")
    assert chr(row["side"]) == "1"
    assert row["quantity"] == 2505 * SCALE // 10
    assert row["price"] == -1
    assert row["bytes"] == len(data)
    assert not row["malformed"]


def test_report_quantity_is_last_quantity() -> None:
    row = decode(message("8", "150=F", "39=1", "38=100", "32=40")).messages[0]

    assert row["quantity"] == 40 * SCALE
    assert (chr(row["exec_type"]), chr(row["order_status"])) == ("F", "1")


def test_report_price_is_last_price() -> None:
    """What it was filled at, not what was asked for; and no kind of order."""
    fill = message("8", "150=F", "40=2", "44=7", "44=8", "31=6.5", "32=1")
    new = message("8", "150=0", "40=2", "44=7")
    twice = message("8", "150=F", "31=6", "31=7")

    rows = decode(fill, new, twice).messages

    assert rows["price"].tolist() == [65 * SCALE // 10, 0, 6 * SCALE]
    assert rows["flags"].tolist() == [HAS_PRICE | HAS_QUANTITY, 0, HAS_PRICE]
    assert rows["malformed"].tolist() == [0, 0, MALFORMED_REASONS.index("duplicate")]


def test_only_limit_orders_are_marked_so() -> None:
    kinds = ("40=2", "40=1", "40=4", "40=22", "40=", "40=2\x0140=4", "58=x")

    rows = decode(*(message("D", kind) for kind in kinds)).messages

    assert [bool(flags & FLAG_LIMIT) for flags in rows["flags"]] == [
        *(True, False, False, False, False, True, False)
    ]


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("1", SCALE),
        ("00.5", SCALE // 2),
        (".25", SCALE // 4),
        ("7.", 7 * SCALE),
        ("0.123456789999", 12345678),
        ("99999999999999999999", 2**63 - 1),
        ("-99999999999999999999.5", 1 - 2**63),
    ],
)
def test_prices_scale_and_saturate(text: str, price: int) -> None:
    row = decode(message("D", f"44={text}")).messages[0]

    assert (row["price"], row["flags"], row["malformed"]) == (price, HAS_PRICE, 0)


@pytest.mark.parametrize(
    "field",
    [
        "44=1e5",
        "44=+1",
        "44=-",
        "44=.",
        "38=1.2.3",
        "34=-1",
        "54=12",
        "43=y",
        "52=20260230-00:00:00",
        "52=20260101/00:00:00",
        "52=20260101-24:00:00",
        "44=1x",
    ],
)
def test_bad_value_is_absent_and_flagged(field: str) -> None:
    decoded = decode(message("D", field))

    assert reasons(decoded) == ["value"]
    row = decoded.messages[0]
    assert not row["price"]
    assert not row["quantity"]
    assert not row["sending_ns"]
    assert not row["flags"]


def test_duplicate_order_tag_is_flagged_first_wins() -> None:
    decoded = decode(message("D", "44=1", "44=2"), message("G", "34=1", "34=1"))

    assert reasons(decoded) == ["duplicate", "duplicate"]
    assert decoded.messages[0]["price"] == SCALE


def test_groups_may_repeat_order_tags() -> None:
    """List orders, snapshots and lists of symbols repeat 11, 55, 44 by design."""
    kinds = ("W", "X", "V", "E")
    decoded = decode(*(message(kind, "55=A", "55=B", "44=1") for kind in kinds))

    assert reasons(decoded) == ["no"] * 4


def test_bad_checksum_counts_by_type_and_as_malformed() -> None:
    bad = order(1).replace(b"54=1", b"54=2")
    decoded = decode(bad, order(2))

    assert reasons(decoded) == ["checksum", "no"]
    assert decoded.counters["messages"] == {"D": {"up": 2, "down": 0}}
    assert decoded.counters["malformed"]["checksum"] == 1
    assert chr(decoded.messages[0]["side"]) == "2"


@pytest.mark.parametrize("delta", [-3, 4, 900])
def test_bad_body_length_loses_no_later_message(delta: int) -> None:
    good = order(1)
    size = int(good.split(b"\1")[1][2:])
    bad = good.replace(b"9=%d" % size, b"9=%d" % (size + delta))
    later = [order(n) for n in range(2, 12)]

    decoded = decode(bad, *later)

    assert reasons(decoded) == ["body_length"] + ["no"] * 10
    assert list(decoded.messages["sequence"][1:]) == list(range(2, 12))


def test_garbage_is_one_row_until_the_next_message() -> None:
    decoded = decode(b"\xff" * 700, b"\0" * 300, order(1), b"junk\1" + order(2))

    assert reasons(decoded) == ["garbage", "no", "garbage", "no"]
    assert decoded.messages[0]["bytes"] == 700
    assert decoded.counters["bytes_skipped"] == 1005


def test_message_longer_than_the_limit_is_skipped() -> None:
    long = message("B", "58=" + "x" * 100_000)
    pieces = [long[at : at + 1448] for at in range(0, len(long), 1448)]

    decoded = decode(order(1), *pieces, order(2))

    assert reasons(decoded) == ["no", "too_long", "no"]
    assert decoded.counters["carry_full"] == 0


def test_longest_message_is_carried() -> None:
    body = b"35=B\1" + b"58=" + b"x" * (65536 - 9) + b"\1"
    long = seal(b"8=FIXT.1.1\1", body)
    pieces = [long[at : at + 1448] for at in range(0, len(long), 1448)]

    decoded = decode(*pieces, order(2))

    assert len(body) == 65536
    assert reasons(decoded) == ["no", "no"]
    assert decoded.messages[0]["flags"] == SPLIT
    assert decoded.messages[0]["bytes"] == len(long)


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ((b"35=D\x0138=5\x01x=1\x01"), "field"),
        ((b"35=D\x0138=\x01"), "field"),
        ((b"35=D\x01038=1\x01"), "field"),
        ((b"35=D\x01novalue\x01"), "field"),
        ((b"34=1\x0135=D\x01"), "type"),
        ((b"49=A\x01"), "type"),
        ((b""), "type"),
    ],
)
def test_bad_fields_and_types_are_flagged(parts: bytes, reason: str) -> None:
    assert reasons(decode(seal(b"8=FIX.4.2\1", parts))) == [reason]


@pytest.mark.parametrize(("length_tag", "data_tag"), [(95, 96), (90, 91), (93, 89)])
def test_data_fields_may_hold_delimiters(length_tag: int, data_tag: int) -> None:
    raw = b"a\x0144=9\x018=FIX.4.4\x019=5\x01"
    field = b"%d=%b" % (data_tag, raw)
    decoded = decode(message("D", f"{length_tag}={len(raw)}", field, "44=1"))

    assert reasons(decoded) == ["no"]
    assert decoded.messages[0]["price"] == SCALE


def test_data_length_that_misses_is_not_believed() -> None:
    decoded = decode(message("D", "95=500", "96=ab", "44=1"))

    assert reasons(decoded) == ["no"]
    assert decoded.messages[0]["price"] == SCALE


def test_every_byte_boundary_gives_the_same_message() -> None:
    data = order(1) + order(2)
    whole = decode(data).messages[["order_key", "price", "sequence", "malformed"]]
    for at in range(1, len(data)):
        cut = decode(data[:at], data[at:])
        names = ["order_key", "price", "sequence", "malformed"]
        assert np.array_equal(cut.messages[names], whole), at
        is_split = [bool(flags & SPLIT) for flags in cut.messages["flags"]]
        edge = len(order(1))
        assert is_split == [at < edge, at > edge], at


def test_more_rows_than_a_frame_may_make_are_counted() -> None:
    decoded = decode(b"8=FIX\1" * 9000, order(1))

    assert decoded.counters["malformed"]["body_length"] == 9000
    assert decoded.counters["rows_full"] == 8999 - 4096  # the last waits for a byte
    assert reasons(decoded)[-1] == "no"
