"""Lanes share no memory but what they hand over: the thread sanitizer looks on."""

import shutil
import subprocess
from pathlib import Path

import pytest

from airnet.bench.stages import frames_of
from airnet.twin.traffic import Params, generate
from tests.tidy.tree import ROOT

SHORT = Params(
    duration_s=2.0, onset_s=0.5, incident_s=1.0, sessions=12, flood_pps=3000.0
)
FLAGS = ["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror"]


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the driver with the thread sanitizer."""
    compiler = shutil.which("clang") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("neither clang nor gcc is installed")
    path = tmp_path_factory.mktemp("lanes") / "lanes_driver"
    paths = [f"-I{ROOT / 'ext'}", f"-I{ROOT / 'bpf'}"]
    source = ROOT / "tests" / "fuzz" / "lanes_driver.c"
    subprocess.run(
        [compiler, *FLAGS, "-fsanitize=thread", *paths, source, "-o", path], check=True
    )
    return path


@pytest.mark.slow
@pytest.mark.parametrize("name", ["spoofed_syn_flood", "reconnect_storm", "runaway"])
def test_lanes_race_nowhere(driver: Path, name: str, tmp_path: Path) -> None:
    episode = generate(name, 7, params=SHORT)
    rows, buffer = frames_of(episode)
    path = tmp_path / "capture"
    path.write_bytes(
        len(rows).to_bytes(8, "little") + rows.tobytes() + buffer.tobytes()
    )

    done = subprocess.run(
        [driver, path], capture_output=True, check=False, text=True, timeout=300
    )

    assert done.returncode == 0, done.stderr
    frames, messages = map(int, done.stdout.split())
    assert frames == len(rows)
    assert messages > 0
