"""Lab: latencies on real links: XDP on a veth, a real switch, a real controller.

They run in a process with a network namespace of its own, which the kernel takes away
with it; see `airnet.bench.trials`.
"""

import json
import os
import shutil
import subprocess
import sys

from airnet.bench.host import environment

LIMIT_S = 180
SEARCH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


def measure() -> dict[str, dict[str, object]]:
    """Return figures by name; where they cannot be had, what is missing."""
    unshare = shutil.which("unshare", path=SEARCH)
    if os.geteuid() != 0:
        return {"lab": {"missing": "root (namespaces, XDP, Open vSwitch)"}}
    if unshare is None:
        return {"lab": {"missing": "unshare(1): apt-get install util-linux"}}
    command = [unshare, "--net", sys.executable, "-m", "airnet.bench.trials"]
    try:
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            timeout=LIMIT_S,
            env=environment(),
        )
        lines = done.stdout.splitlines()
        found: dict[str, dict[str, object]] = json.loads(lines[-1] if lines else b"")
    except subprocess.TimeoutExpired:
        return {"lab": {"missing": f"an end within {LIMIT_S} s"}}
    except ValueError:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return {"lab": {"missing": said[-1] if said else f"status {done.returncode}"}}
    return found
