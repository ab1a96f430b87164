"""probe() tells what this host can do, quickly, and leaves nothing behind."""

import time
from pathlib import Path

from airnet.kernel.probe import probe

WANTED = {
    "af_xdp",
    "bcc",
    "bpf_compiler",
    "bpf_fs",
    "btf",
    "busy_poll",
    "cgroup2",
    "clock",
    "dpdk",
    "hugepages",
    "isolated_cpus",
    "multi_buffer",
    "namespaces",
    "onnxruntime",
    "openvswitch",
    "privileges",
    "quickfix",
    "tracepoint",
    "xdp_generic",
    "xdp_native",
    "zero_copy",
}


def surroundings() -> tuple[Path, list[str]]:
    """Return which network namespace this is, and its interfaces."""
    namespace = Path("/proc/thread-self/ns/net").readlink()
    return namespace, sorted(path.name for path in Path("/sys/class/net").iterdir())


def test_probe_tells_every_feature_and_leaves_nothing() -> None:
    """One sentence each; the same interfaces and namespace before and after."""
    before = surroundings()
    start = time.monotonic()

    features = probe()

    assert time.monotonic() - start < 15  # about one second on an idle host
    assert surroundings() == before
    assert {feature.name for feature in features} == WANTED
    for feature in features:
        assert feature.detail
        assert feature.costs
        assert "\n" not in feature.detail + feature.costs


def test_root_has_its_privileges_in_the_report() -> None:
    """The first feature is whether we may do anything at all."""
    found = {feature.name: feature for feature in probe()}["privileges"]

    assert found.ok or "lacks" in found.detail
