"""Whatever rows say, a world is refused with one clear error, or lives."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from airnet._ext import twin
from airnet.twin import rows_line, rows_market, rows_strike
from tests.twin import lines

START_NS, SECOND_NS = lines.START_NS, lines.SECOND_NS
#: int64 fields that may be below zero.
SIGNED = {("sensor", "amount_ns"), ("fault", "price")}
WHOLE = [*range(9), 63, 64, 255, 4096, 65535, 65536, 10**6, 2**31 - 1, 2**31]
WHOLE += [2**32 - 1, 10**9, 10**12, 10**15, 10**18, 2**62, 2**63 - 1, 2**64 - 1]
WHOLE += [-1, -2, -(10**9), -(2**62), -(2**63)]
REAL = [0.0, -0.0, 1.0, -1.0, 0.5, 1e-9, 5e-324, 1e6, 1e9, 1e18, 1e300, -1e300]
REAL += [float("nan"), float("inf"), float("-inf")]


def rows() -> dict[str, Any]:
    """Return a small world that has a row in every table."""
    made = lines.world_rows(4, split=0.02)
    onset_ns, offset_ns = START_NS + 5_000_000, START_NS + 30_000_000
    more = {
        "news": (rows_market.NEWS, {"kind": 1, "excess": 3, "hold_ns": SECOND_NS}),
        "fault": (rows_market.FAULT, {"kind": 1, "rate": 500, "excess": 5}),
        "trouble": (rows_line.TROUBLE, {"kind": 6, "amount": 0.1, "lines": 2}),
        "strike": (rows_strike.STRIKE, {"kind": 5, "rate": 500, "sources": 1}),
        "sensor": (rows_strike.SENSOR, {"kind": 1, "rate": 0.1, "run_frames": 2}),
    }
    for table, (dtype, fields) in more.items():
        made[table] = np.zeros(1, dtype)
        fields |= {"onset_ns": onset_ns, "offset_ns": offset_ns, "start_ns": onset_ns}
        for name in fields.keys() & set(dtype.names or ()):
            made[table][name] = fields[name]
    made["strike"]["targets"], made["strike"]["port"] = 1, 9001
    return made


FIELDS = [
    (table, name)
    for table, some in rows().items()
    for name in some.dtype.names
    if not name.startswith("pad")
]


def live(made: dict[str, Any], mode: int = twin.WIRE) -> twin.World:
    """Build a world and let it live for a moment."""
    world = twin.World(3, START_NS, START_NS + SECOND_NS, mode, **made)
    for _ in range(64):
        world.run(START_NS + SECOND_NS // 25)
        if world.ended != twin.FULL:
            break
    assert world.now_ns >= START_NS
    return world


def tried(made: dict[str, Any], mode: int) -> tuple[twin.World | None, str]:
    """Return the world that lived, or None and why it could not be built."""
    try:
        return live(made, mode), ""
    except ValueError as error:
        return None, str(error)


def set_field(some: Any, name: str, where: slice, value: float) -> None:
    """Write a value into a field, cut down to what its type holds."""
    kind = some[name].dtype
    if kind.kind != "f":
        least, most = int(np.iinfo(kind).min), int(np.iinfo(kind).max)
        value = min(max(int(value), least), most)
    some[name][where] = value


@st.composite
def wrong_rows(draw: st.DrawFn) -> dict[str, Any]:
    """Return rows of which up to three fields are absurd."""
    made = rows()
    for _ in range(draw(st.integers(1, 3))):
        table, name = draw(st.sampled_from(FIELDS))
        some = made[table]
        values = REAL if some[name].dtype.kind == "f" else WHOLE
        where = draw(st.sampled_from([slice(None), slice(0, 1), slice(-1, None)]))
        set_field(some, name, where, draw(st.sampled_from(values)))
    times = draw(st.sampled_from([0, 1, 1, 1, 1, 1, 3, 70]))
    table = draw(st.sampled_from(sorted(made)))
    made[table] = np.concatenate([made[table]] * times) if times else made[table][:0]
    return made


@settings(max_examples=150)
@given(wrong_rows(), st.sampled_from([twin.WIRE, twin.BLIND]))
def test_absurd_rows_are_refused_or_played(made: dict[str, Any], mode: int) -> None:
    """Never a crash or another error; what is played conserves what it must."""
    world, error = tried(made, mode)
    if world is None:
        assert error.startswith("the world cannot be built: ")
        return
    assert not any(world.conserved().values())
    assert len(world.harm()) == len(made["line"])
    assert len(world.truth()) == len(made["line"])


def test_the_rows_themselves_are_played() -> None:
    """What the other tests spoil is a world in which something happens."""
    counters = live(rows()).counters()
    names = ("strike_logons", "mirror_lost", "messages", "market_orders", "logons")
    assert all(counters[name] for name in names), counters


@pytest.mark.parametrize(("table", "name"), FIELDS)
def test_no_number_is_taken_that_is_none(table: str, name: str) -> None:
    """NaN, infinity and times before 1970 are refused in every field, by its name."""
    made = rows()
    kind = made[table][name].dtype
    if kind.kind == "f":
        values = [float("nan"), float("inf"), float("-inf")]
    elif kind == np.int64 and (table, name) not in SIGNED:
        values = [-1, -(2**63)]
    else:
        return
    for value in values:
        set_field(made[table], name, slice(-1, None), value)
        with pytest.raises(
            ValueError, match=f"row {len(made[table]) - 1} of {table}: "
        ):
            live(made)


@pytest.mark.parametrize(
    ("table", "most"),
    [("venue", 1), ("symbol", 4096), ("sensor", 64), ("feed", 64), ("line", 4096)],
)
def test_no_table_is_too_long(table: str, most: int) -> None:
    """A row more than there may be is refused, and not left out."""
    made = rows()
    made[table] = np.resize(made[table], most + 1)
    with pytest.raises(ValueError, match=f"{table} has more than {most} rows"):
        live(made)


@pytest.mark.parametrize(
    "header", [(34,) * 6, (49,) * 6, (34, 49, 52, 0, 0, 0), (34, 49, 52, 56, 50, 51)]
)
def test_no_header_is_longer_than_its_room(header: tuple[int, ...]) -> None:
    """A dialect names each tag of the header that must be there, once."""
    made = rows()
    made["dialect"]["header"][1] = header
    with pytest.raises(ValueError, match="row 1 of dialect: header must"):
        live(made)


def test_sums_of_indexes_do_not_wrap() -> None:
    """A first row and a count that overflow together are no rows."""
    for table, fields in (
        ("agent", {"symbol": 2**32 - 1, "symbols": 2}),
        ("strike", {"source": 2**32 - 1, "sources": 2}),
        ("strike", {"line": 2**32 - 2, "lines": 4}),
        ("trouble", {"line": 2**32 - 1, "lines": 3}),
    ):
        made = rows()
        for name, value in fields.items():
            made[table][name] = value
        with pytest.raises(ValueError, match="cannot be built"):
            live(made)


def test_a_time_long_before_the_world_is_its_first() -> None:
    """A trouble that began in 1970 has no turns from then on."""
    made = rows()
    made["trouble"]["kind"], made["trouble"]["onset_ns"] = 2, 0
    made["trouble"]["amount"] = 1000
    assert live(made).events < 100_000


def test_the_end_is_in_this_century() -> None:
    """Times are sums of times: the last one must leave room for them."""
    with pytest.raises(ValueError, match="end_ns"):
        twin.World(1, 0, 2**62 + 1, **rows())
