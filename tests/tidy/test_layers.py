"""Imports point down: the contracts of pyproject.toml hold."""

import os
import subprocess
import sys
from pathlib import Path

from tests.tidy.tree import ROOT


def test_layers_hold() -> None:
    """import-linter finds no import that goes up or sideways."""
    linter = Path(sys.executable).with_name("lint-imports")
    found = os.environ.get("PYTHONPATH", "")
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{found}"}

    done = subprocess.run(
        [linter, "--no-cache"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
