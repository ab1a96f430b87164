"""Each fuzz target is built and run on its corpus, and a little further."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import targets

SECONDS = 10
RUN = targets.HERE / "run"
#: A build with sanitizers takes up to half a minute of a processor.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def lacking() -> str:
    """Return what this host lacks to fuzz."""
    return targets.missing()


@pytest.mark.slow
@pytest.mark.parametrize("target", targets.LENGTHS)
def test_nothing_breaks_under_sanitizers(
    target: str, tmp_path: Path, lacking: str
) -> None:
    """ASan, UBSan and the target's own checks hold for all that is known and new."""
    if lacking:
        pytest.skip(lacking)
    assert len(list(targets.unpack(target, tmp_path).iterdir())) > 20

    done = subprocess.run(
        [sys.executable, str(RUN), "--keep", str(tmp_path), str(SECONDS), target],
        capture_output=True,
        check=False,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[0])
    assert found["executions"] > 1000


@pytest.mark.slow
@pytest.mark.parametrize("target", targets.LENGTHS)
def test_corpus_holds_at_real_limits(target: str, tmp_path: Path, lacking: str) -> None:
    """The kernels as they are built, not only those of small pools."""
    if lacking:
        pytest.skip(lacking)

    done = subprocess.run(
        [sys.executable, str(RUN), "--real", "--keep", str(tmp_path), "1x", target],
        capture_output=True,
        check=False,
        text=True,
    )

    assert done.returncode == 0, done.stderr


def test_every_target_has_a_corpus() -> None:
    """An archive, a length and a source belong to each name."""
    sources = targets.HERE.glob("*.c")
    names = {one.stem for one in sources if not one.stem.endswith("_driver")}
    archives = {path.stem for path in (targets.HERE / "corpus").glob("*.zip")}

    assert names == archives == set(targets.LENGTHS)
