"""Apart: a benchmark in a process with a network namespace of its own.

The kernel takes the namespace away with the process, whatever it left there.
"""

import json
import os
import shutil
import subprocess
import sys
from typing import Any

from airnet.bench.host import environment
from airnet.lab.switch import SEARCH


def run(module: str, *words: str, limit_s: float, needs: str) -> dict[str, Any]:
    """Return the JSON that a module of airnet.bench prints as its last line.

    Where it cannot be had, what is `missing`. It ends within `limit_s` seconds; `needs`
    says what root is wanted for.
    """
    unshare = shutil.which("unshare", path=SEARCH)
    if os.geteuid() != 0:
        return {"missing": f"root ({needs})"}
    if unshare is None:
        return {"missing": "unshare(1): apt-get install util-linux"}
    python = [sys.executable, "-m", f"airnet.bench.{module}", *words]
    try:
        done = subprocess.run(
            [unshare, "--net", *python],
            check=False,
            capture_output=True,
            timeout=limit_s,
            env=environment(),
        )
        lines = done.stdout.splitlines()
        found: dict[str, Any] = json.loads(lines[-1] if lines else b"")
    except subprocess.TimeoutExpired:
        return {"missing": f"an end within {limit_s:.0f} s"}
    except ValueError:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return {"missing": said[-1] if said else f"status {done.returncode}"}
    return found
