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
