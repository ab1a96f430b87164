"""What a user may say wrongly ends with one line and a status, and no traceback."""

from pathlib import Path

import pytest

from airnet.cli import main
from airnet.errors import EXIT_USAGE
from airnet.twin import casebook, catalogue
from airnet.twin.plan import Size
from tests.twin import strikes

SEARCH = ("--trials", "2", "--seeds", "1", "--workers", "1", "--scenario", "quiet")


@pytest.mark.parametrize(
    "words",
    [
        ("run", "quiet", "--difficulty", "nan"),
        ("run", "quiet", "--seconds", "NaN"),
        ("run", "quiet", "--write", ""),
        ("run", "quiet", "--ledger", ""),
        ("write", "quiet", ""),
        ("diff", "", ""),
        ("sweep", "--days", "1", "--output", ""),
        ("tune", "--contain-within", "nan"),
        ("realism", "--seconds", "nan"),
        ("whatif", "somewhere", "abc", "--later", "nan"),
    ],
)
def test_numbers_that_are_none_and_paths_without_a_name_are_usage(
    words: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    """NaN is in no range, an empty path is nowhere."""
    assert main(["twin", *words]) == EXIT_USAGE
    out, err = capfd.readouterr()
    assert not out
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("Error: Invalid value for ")


@pytest.mark.parametrize("what", ["junk", "directory", "nowhere"])
def test_a_storage_that_is_none_is_usage(
    what: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A file of something else, a directory, a place that is not there: one line."""
    pytest.importorskip("optuna", reason="an extra")
    place = tmp_path / "search.db"
    if what == "junk":
        place.write_bytes(b"\x93" * 5000)
    elif what == "directory":
        place.mkdir()
    else:
        place /= "search.db"

    status = main(["twin", "tune", *SEARCH, "--storage", str(place)])

    assert status == EXIT_USAGE
    err = capfd.readouterr().err.splitlines()
    assert len(err) == 1
    assert "cannot be opened as the storage" in err[0]


@pytest.mark.parametrize("first", [1, 242_236_709_085_770])
def test_drawn_worlds_are_within_bounds(first: int) -> None:
    """What the catalogue draws is never refused: bounds are wider than its tails."""
    names = catalogue.names()
    assert set(names) >= {case.name for case in casebook.cases()}
    for seed in range(first, first + 30):
        strikes.world_of(catalogue.build("quiet", seed, size=Size()))
        strikes.world_of(catalogue.build(names[seed % len(names)], seed, size=Size()))
