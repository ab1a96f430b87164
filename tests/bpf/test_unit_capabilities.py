"""What the shipped unit may do is enough: the tap loads with its capabilities alone."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from airnet.errors import UnsupportedError
from airnet.kernel import bpf

UNIT = (
    Path(__file__).parent.parent.parent / "src" / "airnet" / "data" / "airnet.service"
)
#: As the interpreter of the unit would: no more than load, then let go.
LOAD = (
    "from airnet.kernel import bpf\n"
    "bpf.Object('tap').close()\n"
    "bpf.Object('redirect').program('redirect_err').attach_tracepoint().close()"
)


@pytest.mark.root
def test_tap_loads_with_the_units_capabilities() -> None:
    """The unit's capabilities are enough for the tap and for the loss tracepoint."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("setpriv is not installed")
    try:
        bpf.Object("tap").close()
    except UnsupportedError as error:
        pytest.skip(f"not even root can load it: {error.what}")
    found = re.search(
        r"^CapabilityBoundingSet=(.*)$", UNIT.read_text("utf-8"), re.MULTILINE
    )
    assert found is not None
    names = [name.lower().removeprefix("cap_") for name in found[1].split()]
    allowed = ",".join(["-all", *(f"+{name}" for name in names)])

    done = subprocess.run(
        [setpriv, f"--bounding-set={allowed}", sys.executable, "-c", LOAD],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PYTHONPATH": str(UNIT.parent.parent.parent), "PATH": "/usr/bin:/bin"},
    )

    assert done.returncode == 0, done.stderr
