"""A skip in CI is a test that nobody runs: the limit on skips holds."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tidy.tree import ROOT

PASSES = "def test_good():\n    assert True\n"
SKIPS = "import pytest\n\ndef test_out():\n    pytest.skip('no such thing here')\n"


def run(
    place: Path, allowed: int, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a suite of one passing and one skipping test under our conftest."""
    suite = place / "tests"
    suite.mkdir()
    shutil.copy(ROOT / "tests" / "conftest.py", suite)
    (suite / "skips.toml").write_text(f"allowed = {allowed}\n")
    (suite / "test_both.py").write_text(PASSES + SKIPS)
    base = {k: v for k, v in os.environ.items() if k not in ("CI", "AIRNET_CI")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=place,
        env={**base, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_too_many_skips_fail_in_ci(tmp_path: Path) -> None:
    """One more than allowed fails the run and says which."""
    done = run(tmp_path, 0, CI="true")

    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "1 skipped, tests/skips.toml allows 0" in done.stdout
    assert "1  no such thing here" in done.stdout
    assert done.stdout.rstrip().splitlines()[-1].startswith("1 passed, 1 skipped")


def test_allowed_skips_pass_in_ci(tmp_path: Path) -> None:
    """As many as allowed are no failure."""
    done = run(tmp_path, 1, AIRNET_CI="1")

    assert done.returncode == pytest.ExitCode.OK


def test_skips_elsewhere_are_only_told(tmp_path: Path) -> None:
    """Where no CI is, a host may lack what it lacks."""
    done = run(tmp_path, 0)

    assert done.returncode == pytest.ExitCode.OK


FAILS_FIRST = """
import pathlib
import pytest

@pytest.mark.root
@pytest.mark.parametrize("number", range({count}))
def test_late(number: int) -> None:
    place = pathlib.Path(__file__).with_name(str(number))
    try:
        place.touch(exist_ok=False)
    except FileExistsError:
        return
    assert number is None, "the host stalled"
"""


def again(place: Path, suite: str) -> subprocess.CompletedProcess[str]:
    """Run this suite under our conftest, with its marker."""
    (place / "pytest.ini").write_text("[pytest]\nmarkers =\n    root: needs root\n")
    (place / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "conftest.py", place / "tests")
    (place / "tests" / "skips.toml").write_text("allowed = 0\n")
    (place / "tests" / "test_suite.py").write_text(suite)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@needs_root
def test_what_stalled_once_is_tried_again_and_told(tmp_path: Path) -> None:
    """A test of a real host gets a second try, and its failure is shown."""
    done = again(tmp_path, FAILS_FIRST.format(count=2))

    assert done.returncode == pytest.ExitCode.OK
    assert done.stdout.count("AssertionError: the host stalled") == 2
    assert "2 tried a second time, tests/conftest.py allows 2" in done.stdout


@needs_root
def test_too_many_second_tries_fail(tmp_path: Path) -> None:
    """A host does not stall three times: that is a race of ours."""
    done = again(tmp_path, FAILS_FIRST.format(count=3))

    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "3 tried a second time" in done.stdout


@needs_root
def test_what_fails_twice_fails(tmp_path: Path) -> None:
    """A second try hides nothing that fails always."""
    done = again(tmp_path, FAILS_FIRST.format(count=1).replace("return", "raise"))

    assert done.returncode == pytest.ExitCode.TESTS_FAILED


def test_what_needs_no_root_is_tried_once(tmp_path: Path) -> None:
    """What waits for no kernel has no excuse."""
    suite = FAILS_FIRST.format(count=1).replace("@pytest.mark.root", "")
    done = again(tmp_path, suite)

    assert done.returncode == pytest.ExitCode.TESTS_FAILED
