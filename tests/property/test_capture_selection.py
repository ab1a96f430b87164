"""ext/selection.pyx equals its reference over frames of every kind."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from airnet import config
from airnet._ext.selection import SKETCH_WORDS
from airnet.capture.selection import Ignored, Selection, choose, ignored
from airnet.domain.frame import FRAME, LINK_ETHERNET, LINK_RAW
from airnet.errors import UnsupportedError
from tests.fakes.strangers import WATCHED, frames
from tests.reference.selection import Fields, plain, wants

ORDER = Selection(mode="order", addresses=WATCHED, ports=(9876,), seed=7)


def batch(given: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Return frames as rows, and the buffer they lie in."""
    rows = np.zeros(max(len(given), 1), FRAME)
    at = 0
    for number, data in enumerate(given):
        rows[number]["time_ns"] = number
        rows[number]["offset"] = at
        rows[number]["captured_bytes"] = len(data)
        rows[number]["wire_bytes"] = len(data) + 4
        rows[number]["link"] = LINK_ETHERNET
        at += len(data)
    return rows, np.frombuffer(b"".join(given) + b"\0", np.uint8)


@settings(max_examples=300, deadline=None)
@given(st.lists(frames(), max_size=30))
def test_selection_equals_its_reference(given: list[bytes]) -> None:
    """Which frames are kept, in order; how the rest is summarised; the flood sketch."""
    selector = ORDER.selector()
    rows, buffer = batch(given)

    kept = selector.select_batch(rows, len(given), buffer)

    left_out = [one for one in given if not wants(one, set(WATCHED), {9876})]
    numbers = [i for i, one in enumerate(given) if wants(one, set(WATCHED), {9876})]
    assert rows["time_ns"][:kept].tolist() == numbers
    counts = Counter(Fields(one).key() for one in left_out)
    sizes: Counter[tuple[int, int, int]] = Counter()
    for one in left_out:
        sizes[Fields(one).key()] += len(one) + 4
    assert ignored(selector.summary()) == sorted(
        Ignored(ethertype=e, protocol=p, port=t, frames=n, bytes=sizes[e, p, t])
        for (e, p, t), n in counts.items()
    )
    for place, kind in enumerate(("syn", "udp", "icmp")):
        hit = Counter(
            plain(Fields(one).addresses[1])
            for one in given
            if Fields(one).kind() == kind
        )
        assert selector.sketch()[place] == hit.total()
        for address, found in ORDER.floods(selector.sketch()).items():
            assert hit[address] <= found[place] <= hit.total()


@given(st.lists(frames(), max_size=30))
def test_everything_is_taken_in_mode_all(given: list[bytes]) -> None:
    selector = Selection().selector()
    rows, buffer = batch(given)
    before = rows.copy()

    assert selector.select_batch(rows, len(given), buffer) == len(given)

    assert (rows == before).all()
    assert ignored(selector.summary()) == []


def test_other_links_are_taken() -> None:
    """Rows without an Ethernet header are not for this rule to judge."""
    rows, buffer = batch([bytes(60)])
    rows["link"] = LINK_RAW

    assert ORDER.selector().select_batch(rows, 1, buffer) == 1


def test_summary_that_is_full_still_counts_every_frame() -> None:
    """More kinds than rows: the sum stays exact, the last row has what is over."""
    selector = Selection(mode="order", addresses=WATCHED).selector()
    head = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02"
    given = [head + kind.to_bytes(2, "big") + bytes(46) for kind in range(0x600, 0xA00)]
    given = [one for one in given if Fields(one).key()[0] != 0x0800]
    rows, buffer = batch(given)

    assert selector.select_batch(rows, len(given), buffer) == 0

    found = ignored(selector.summary())
    assert len(found) <= 257
    assert sum(row.frames for row in found) == len(given)
    assert sum(row.bytes for row in found) == 64 * len(given)
    assert found[0].ethertype == -1


def test_estimates_are_seldom_high() -> None:
    """The error the sketch promises, over many addresses."""
    selector = ORDER.selector()
    targets = [f"10.{i >> 8 & 255}.{i & 255}.9" for i in range(4000)]
    head = bytes.fromhex("020000000001020000000002") + b"\x08\0\x45\0\0\x1c"
    head += bytes(4) + b"\x40\x11\0\0" + b"\x0a\0\0\1"
    given = [
        head + bytes(int(part) for part in one.split(".")) + b"\0\x35\0\x35\0\x08\0\0"
        for one in targets
    ]
    rows, buffer = batch(given)
    selector.select_batch(rows, len(given), buffer)

    asked = Selection(mode="order", addresses=tuple(targets), seed=7)
    found = [counts[1] for counts in asked.floods(selector.sketch()).values()]

    bound = 2.7183 / 1024 * len(targets)
    assert min(found) >= 1
    assert sum(count - 1 > bound for count in found) <= 0.0184 * len(targets)
    assert len(selector.sketch()) == SKETCH_WORDS


def test_default_follows_the_site() -> None:
    """Gateways known: order traffic only; none known: everything, to learn from."""
    gateway = config.Gateway(ip="10.0.0.9", port=9876)
    firm = config.Firm(name="a", hosts=("10.0.1.1", "10.0.1.2"))
    site = config.Site(gateways=(gateway,), firms=(firm,))

    assert choose("auto", config.Site()).mode == "all"
    assert choose("all", site).mode == "all"
    found = choose("auto", site)
    assert (found.mode, found.ports) == ("order", (9876,))
    assert found.addresses == ("10.0.0.9", "10.0.1.1", "10.0.1.2")


def test_more_addresses_than_the_table_holds_are_refused() -> None:
    many = tuple(f"10.{i >> 8}.{i & 255}.1" for i in range(6000))

    with pytest.raises(UnsupportedError, match="too many"):
        Selection(mode="order", addresses=many).selector()


def test_a_thousand_addresses_fit() -> None:
    many = tuple(f"10.{i >> 8}.{i & 255}.1" for i in range(1000))

    Selection(mode="order", addresses=many).selector()


def test_rows_outside_the_buffer_are_refused() -> None:
    rows, buffer = batch([bytes(60)])
    rows["offset"] = 1000
    with pytest.raises(ValueError, match="outside"):
        ORDER.selector().select_batch(rows, 1, buffer)
    with pytest.raises(ValueError, match="count"):
        ORDER.selector().select_batch(rows, 2, buffer)
