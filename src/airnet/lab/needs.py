"""What the lab needs of a host, and what of it is missing here."""

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Mapping

from airnet.lab.switch import PROGRAMS, SCHEMA, SEARCH

PACKAGES = {
    "ip": "iproute2",
    "setpriv": "util-linux",
    "ethtool": "ethtool",
    "ovs-vswitchd": "openvswitch-switch",
    "ovsdb-server": "openvswitch-switch",
    "ovs-vsctl": "openvswitch-switch",
    "ovs-ofctl": "openvswitch-switch",
}
MODULES = {
    "quickfix": "quickfix-ssl",
    "os_ken": "os-ken",
    "onnxruntime": "onnxruntime",
}
TRIAL_LIMIT_S = 10


def missing(modules: Mapping[str, str] = MODULES) -> list[str]:
    """Return what keeps the lab from being built here, one line each; tried.

    `modules` are Python modules it takes, and the packages they come in.
    """
    found = []
    if os.geteuid() != 0:
        found.append("root: network namespaces and a switch need it; run as root")
    for program in dict.fromkeys((*PACKAGES, *PROGRAMS)):
        if shutil.which(program, path=SEARCH) is None:
            package = PACKAGES.get(program, "openvswitch-switch")
            found.append(f"program {program}: apt-get install {package}")
    if not SCHEMA.exists():
        found.append(f"{SCHEMA}: apt-get install openvswitch-switch")
    found += [
        f"Python module {module}: pip install {package}"
        for module, package in modules.items()
        if importlib.util.find_spec(module) is None
    ]
    if not found:
        found += _refused()
    return found


def _refused() -> list[str]:
    """Return why the kernel refuses a namespace with a virtual wire, if it does."""
    name = f"an-{os.getpid()}-try"
    steps = {
        "network namespaces": ("ip", "netns", "add", name),
        "virtual wires (veth)": ("ip", "-n", name, "link", "add", "type", "veth"),
        "tap devices": ("ip", "-n", name, "tuntap", "add", "mode", "tap"),
    }
    try:
        for what, command in steps.items():
            done = _try(command)
            if done.returncode != 0:
                said = " ".join(done.stderr.split())
                return [f"{what}: the kernel refuses: {said}"]
    finally:
        _try(("ip", "netns", "delete", name))
    return []


def _try(command: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env={**os.environ, "PATH": SEARCH},
        capture_output=True,
        text=True,
        timeout=TRIAL_LIMIT_S,
        check=False,
    )
