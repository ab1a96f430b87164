"""Host: what stands above every number: whose it is."""

import os
import platform
import sys
from pathlib import Path

import numpy as np

GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


def describe() -> dict[str, object]:
    """Return CPU model and count, kernel, governor, load and versions."""
    return {
        "cpu": _cpu_model(),
        "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "governor": _first_line(GOVERNOR) or "not told (a virtual machine)",
        "load": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def environment() -> dict[str, str]:
    """Return what a Python process of ours needs to find what this one found."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def _first_line(path: Path) -> str:
    """Return a file's first line, or nothing when it cannot be read."""
    try:
        return path.read_text("utf-8").splitlines()[0]
    except (OSError, IndexError):
        return ""


def _cpu_model() -> str:
    """Return the processor's name as proc(5) tells it."""
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return "unknown"
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
