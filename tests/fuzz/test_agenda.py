"""The twin's agenda takes events in the order of its slow twin, whatever is added."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.fuzz.targets import CHECKS, ROOT

FLAGS = [
    *("-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror"),
    *("-Wno-unused-function", f"-fsanitize={CHECKS}", "-fno-sanitize-recover=all"),
]


def test_events_come_in_the_order_of_a_list_that_is_searched(tmp_path: Path) -> None:
    """Now, soon, turns of the wheel ahead, in the past, never; and where it is full."""
    compiler = shutil.which("clang")
    if compiler is None:
        pytest.skip("clang is not installed")
    path = tmp_path / "agenda_driver"
    paths = [f"-I{ROOT / 'ext'}", f"-I{ROOT / 'bpf'}"]
    source = ROOT / "tests" / "fuzz" / "agenda_driver.c"
    subprocess.run([compiler, *FLAGS, *paths, source, "-o", path, "-lm"], check=True)

    done = subprocess.run([path, "60"], capture_output=True, check=False, text=True)

    assert done.returncode == 0, done.stderr[-3000:]
    taken, refused = map(int, done.stdout.split())
    assert taken > 10_000
    assert refused > 100
