"""What this host can do, tried and not guessed, and what each lack costs."""

import ctypes
import importlib.metadata
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec

from airnet.kernel import netdev

#: Source: include/uapi/linux/capability.h.
CAPABILITIES = {"net_admin": 12, "net_raw": 13, "perfmon": 38, "bpf": 39}
#: Source: adjtimex(2).
TIME_ERROR, STA_UNSYNC = 5, 0x40
SYSTEM_PATH = f"{os.defpath}:/usr/sbin:/sbin"
TRIAL_TIMEOUT_S = 10


class Feature(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a host has or lacks: what was found, and what lacking it costs."""

    name: str
    ok: bool
    detail: str
    costs: str


def probe() -> list[Feature]:
    """Try every feature; takes about a second and leaves nothing behind."""
    return [
        _privileges(),
        _btf(),
        *_trial(),
        _zero_copy(),
        *_installed(),
        _mounted(
            "bpf_fs",
            "bpf",
            "no guard: nothing can be pinned, so floods are held back at the switch",
        ),
        _mounted("cgroup2", "cgroup2", "no agent: no process can be frozen or paced"),
        _clock(),
        _hugepages(),
        _isolated(),
    ]


def _feature(name: str, problem: str, detail: str, costs: str) -> Feature:
    return Feature(name=name, ok=not problem, detail=problem or detail, costs=costs)


def _privileges() -> Feature:
    status = Path("/proc/self/status").read_text()
    held = int(status.partition("CapEff:")[2].split()[0], 16)
    missing = [name for name, bit in CAPABILITIES.items() if not held >> bit & 1]
    return _feature(
        "privileges",
        f"lacks {', '.join(missing)}" if missing else "",
        "CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF and CAP_PERFMON",
        "no live capture and no lab; replay, verify and the simulated demo work",
    )


def _btf() -> Feature:
    path = Path("/sys/kernel/btf/vmlinux")
    return _feature(
        "btf",
        "" if path.exists() else f"{path} is missing",
        str(path),
        "BPF objects cannot be built here: capture falls back to AF_PACKET",
    )


_TRIAL_COSTS = {
    "namespaces": "no lab network: the demo runs from a generated capture",
    "xdp_native": "capture in generic mode: two to six times the kernel time a frame",
    "xdp_generic": "drivers without XDP can only be captured with AF_PACKET",
    "af_xdp": "capture by AF_PACKET: about three times the kernel time a frame",
    "multi_buffer": "an MTU above 1774 can only be captured with AF_PACKET",
    "busy_poll": "capture.busy_poll_us does nothing: interrupts bring the frames",
    "tracepoint": "frames that a redirect loses are `unaccounted`, without a name",
}


def _trial() -> list[Feature]:
    """Run airnet.kernel.trial, which tries what needs a namespace of its own."""
    command = [sys.executable, "-m", "airnet.kernel.trial"]
    results = {}
    problem = ""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TRIAL_TIMEOUT_S, check=True
        )
        results = json.loads(done.stdout)
    except subprocess.CalledProcessError as error:
        problem = f"the trial failed: {error.stderr.strip().rpartition(chr(10))[2]}"
    except subprocess.TimeoutExpired:
        problem = f"the trial took more than {TRIAL_TIMEOUT_S} s"
    except (OSError, ValueError) as error:
        problem = f"the trial cannot be run: {error}"
    return [
        _feature(name, results.get(name, problem), "tried on a veth pair", costs)
        for name, costs in _TRIAL_COSTS.items()
    ]


def _mounted(name: str, kind: str, costs: str) -> Feature:
    """Look for a file system of that kind. Source: proc(5), mountinfo."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    places = [one.split()[4] for one in lines if f" - {kind} " in one]
    problem = "" if places else f"no file system of type {kind} is mounted"
    return _feature(name, problem, ", ".join(places), costs)


def _zero_copy() -> Feature:
    """Ask the drivers, not a veth: each interface has it or has not."""
    features = netdev.xdp_features()
    has = [name for name, bits in sorted(features.items()) if bits & netdev.ZERO_COPY]
    return _feature(
        "zero_copy",
        "" if has else "no interface's driver says that it has it",
        ", ".join(has),
        "AF_XDP copies each frame once: some 0.2 us of kernel time",
    )


def _installed() -> list[Feature]:
    """Return what is there as programs, libraries and modules."""
    return [
        _programs(
            "openvswitch",
            ("ovs-vswitchd", "ovsdb-server", "ovs-vsctl"),
            "no switch in the lab: nothing can be dropped or rerouted there",
        ),
        _programs(
            "bpf_compiler",
            ("clang", "bpftool"),
            "BPF objects cannot be built from source on this host",
        ),
        _module(
            "quickfix", "quickfix", "no FIX engine in the lab: no live trading sessions"
        ),
        _module("onnxruntime", "onnxruntime", "no scoring: airnet only observes"),
        _bcc(),
        _dpdk(),
    ]


def _programs(name: str, wanted: tuple[str, ...], costs: str) -> Feature:
    missing = [one for one in wanted if not _which(one)]
    problem = f"{', '.join(missing)} not found" if missing else ""
    return _feature(name, problem, ", ".join(wanted), costs)


def _which(program: str) -> str | None:
    return shutil.which(program) or shutil.which(program, path=SYSTEM_PATH)


def _module(name: str, module: str, costs: str) -> Feature:
    """Look a module up without importing it: that alone can take seconds."""
    if importlib.util.find_spec(module) is None:
        return _feature(name, f"no Python module {module}", "", costs)
    owners = importlib.metadata.packages_distributions().get(module, [])
    version = importlib.metadata.version(owners[0]) if owners else "version unknown"
    return _feature(name, "", version, costs)


def _bcc() -> Feature:
    """Debian's python3-bpfcc is a module of the system's Python, not of ours."""
    command = ["/usr/bin/python3", "-c", "import bcc; print(bcc.__version__)"]
    problem, version = "", ""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TRIAL_TIMEOUT_S, check=True
        )
        version = done.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        problem = "python3-bpfcc cannot be imported by /usr/bin/python3"
    return _feature(
        "bcc", problem, version, "no run-queue latency diagnostics; nothing else"
    )


def _dpdk() -> Feature:
    """Ask the optional extension, in a process that may load DPDK's libraries."""
    problem, version = "", ""
    if importlib.util.find_spec("airnet._ext.dpdk") is None:
        problem = "built without libdpdk-dev"
    else:
        code = "from airnet._ext import dpdk; print(dpdk.version())"
        command = [sys.executable, "-c", code]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=TRIAL_TIMEOUT_S,
                check=True,
            )
            version = done.stdout.strip()
        except (OSError, subprocess.SubprocessError):
            problem = "the libraries it was built with cannot be loaded"
    return _feature(
        "dpdk",
        problem,
        version,
        'no `backend = "dpdk"`: no poll-mode drivers; AF_XDP serves everything else',
    )


def _clock() -> Feature:
    """Ask the kernel whether something disciplines its clock."""
    # struct timex: `modes` 0 only reads; `status` is its sixth long word.
    timex = (ctypes.c_long * 64)()
    state = ctypes.CDLL(None).adjtimex(ctypes.byref(timex))
    synchronised = state not in (-1, TIME_ERROR) and not timex[5] & STA_UNSYNC
    return _feature(
        "clock",
        "" if synchronised else "the kernel's clock is not synchronised",
        f"synchronised, error bound {timex[3]} us",
        "times cannot be compared with other hosts', nor shown to an auditor",
    )


def _hugepages() -> Feature:
    memory = Path("/proc/meminfo").read_text()
    total = int(memory.partition("HugePages_Total:")[2].split()[0])
    return _feature(
        "hugepages",
        "" if total else "none are reserved",
        f"{total} reserved",
        "virtual DPDK ports run with small pages, cards need some; AF_XDP needs none",
    )


def _isolated() -> Feature:
    path = Path("/sys/devices/system/cpu/isolated")
    cores = path.read_text().strip() if path.exists() else ""
    return _feature(
        "isolated_cpus",
        "" if cores else "no core is isolated from the scheduler",
        f"cores {cores}",
        "latency has a tail: a busy host can delay a decision by milliseconds",
    )
