"""record.file: every flipped bit is found; any cut above the seal is harmless."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings, strategies as st

from airnet.record.file import CHECKPOINT, LEDGER, FileLedger, verify

text = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=8)
values = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    text,
    st.floats(0, 1).map(lambda x: round(x, 6)),
    st.lists(st.integers(0, 9), max_size=3),
)
bodies = st.lists(st.dictionaries(text, values, max_size=4), min_size=1, max_size=6)
per_example = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def written(directory: Path, facts: list[dict[str, object]]) -> Path:
    """Return the directory of a sealed ledger of these facts."""
    for name in (LEDGER, CHECKPOINT):
        (directory / name).unlink(missing_ok=True)
    ledger = FileLedger(directory)
    for n, body in enumerate(facts):
        ledger.append("fact", 17 + n, body)
    ledger.close()
    return directory


@per_example
@given(bodies)
def test_what_was_appended_is_read_back(
    tmp_path: Path, facts: list[dict[str, object]]
) -> None:
    place = written(tmp_path / "l", facts)

    ledger = FileLedger(place)
    read = [entry.body for entry in ledger.evidence()]
    ledger.close()

    assert read == facts
    assert verify(place).verifies


@per_example
@given(bodies, st.sampled_from([LEDGER, CHECKPOINT]), st.integers(0, 1 << 20))
def test_every_flipped_bit_is_found(
    tmp_path: Path, facts: list[dict[str, object]], name: str, where: int
) -> None:
    place = written(tmp_path / "l", facts)
    raw = bytearray((place / name).read_bytes())
    bit = where % (len(raw) * 8)
    raw[bit // 8] ^= 1 << bit % 8
    (place / name).write_bytes(raw)

    assert not verify(place).verifies


def test_every_single_bit_of_one_ledger(tmp_path: Path) -> None:
    place = written(tmp_path / "l", [{"n": 1}, {"why": "x"}])
    for name in (LEDGER, CHECKPOINT):
        whole = (place / name).read_bytes()
        for bit in range(len(whole) * 8):
            raw = bytearray(whole)
            raw[bit // 8] ^= 1 << bit % 8
            (place / name).write_bytes(raw)
            assert not verify(place).verifies, f"{name} bit {bit}"
        (place / name).write_bytes(whole)


@per_example
@given(bodies, st.integers(1, 1 << 20))
def test_every_truncation_is_found(
    tmp_path: Path, facts: list[dict[str, object]], cut: int
) -> None:
    place = written(tmp_path / "l", facts)
    raw = (place / LEDGER).read_bytes()
    (place / LEDGER).write_bytes(raw[: -(cut % len(raw) or 1)])

    assert not verify(place).verifies


@per_example
@given(bodies, st.binary(min_size=1, max_size=40))
def test_garbage_above_the_seal_is_cut_and_counted(
    tmp_path: Path, facts: list[dict[str, object]], garbage: bytes
) -> None:
    place = written(tmp_path / "l", facts)
    with (place / LEDGER).open("ab") as file:
        file.write(garbage)

    ledger = FileLedger(place)
    ledger.close()

    assert (ledger.size, ledger.cut_bytes) == (len(facts), len(garbage))
    assert verify(place).verifies
