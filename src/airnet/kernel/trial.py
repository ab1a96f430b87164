"""What XDP and AF_XDP can do here, tried in a network namespace that dies with us.

`python -m airnet.kernel.trial` prints one JSON object {feature: "" or why not}. A
process of its own, because entering a namespace changes the whole process, and
because whatever happens to it, the kernel takes everything it made away.
"""

import ctypes
import json
import mmap
import os
import sys

import numpy as np
from pyroute2 import IPRoute

from airnet.errors import AirnetError
from airnet.kernel import bpf, link, xsk

CLONE_NEWNET = 0x40000000
RING = 64
NAMES = (
    "namespaces",
    "xdp_native",
    "xdp_generic",
    "af_xdp",
    "multi_buffer",
    "busy_poll",
    "tracepoint",
)
BUSY_NS = 20_000


def main() -> int:
    """Try everything and print what came of it."""
    results = dict.fromkeys(NAMES, "not tried")
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(CLONE_NEWNET):
        reason = os.strerror(ctypes.get_errno())
        results = dict.fromkeys(NAMES, f"no network namespace: {reason}")
    else:
        results["namespaces"] = ""
        with IPRoute() as netlink:
            netlink.link("add", ifname="trial0", kind="veth", peer={"ifname": "trial1"})
        found = link.bring_up("trial0", quiet=True)
        results["xdp_native"] = _try_xdp(found, generic=False)
        results["xdp_generic"] = _try_xdp(found, generic=True)
        results["af_xdp"] = _try_socket(found, xsk.XDP_COPY)
        results["multi_buffer"] = _try_socket(found, xsk.XDP_COPY | xsk.XDP_USE_SG)
        results["busy_poll"] = _try_socket(found, xsk.XDP_COPY, BUSY_NS)
        results["tracepoint"] = _try_tracepoint()
    sys.stdout.write(json.dumps(results) + "\n")
    return 0


def _try_xdp(found: link.Interface, *, generic: bool) -> str:
    try:
        with bpf.Object("tap") as tap:
            program = tap.program("tap")
            program.attach_xdp(found.name, found.index, generic=generic).close()
    except AirnetError as error:
        return error.what
    return ""


def _try_socket(found: link.Interface, flags: int, busy_ns: int = 0) -> str:
    """Bind an AF_XDP socket with the memory of one ring."""
    memory = np.frombuffer(mmap.mmap(-1, 2 * RING * xsk.FRAME_BYTES), np.uint8)
    try:
        with xsk.open_socket(memory, RING) as receiver:
            if busy_ns:
                xsk.prefer_busy_poll(receiver, busy_ns)
            xsk.bind_patiently(receiver, found.index, 0, flags)
            xsk.check_handover(receiver)
    except OSError as error:
        return str(error.strerror)
    except AirnetError as error:
        return error.what
    return ""


def _try_tracepoint() -> str:
    try:
        with bpf.Object("redirect") as redirect:
            redirect.program("redirect_err").attach_tracepoint().close()
    except AirnetError as error:
        return error.what
    return ""


if __name__ == "__main__":
    sys.exit(main())
