"""What XDP and AF_XDP can do here, tried in a network namespace that dies with us.

`python -m airnet.kernel.trial` prints one JSON object {feature: "" or why not}. A
process of its own, because entering a namespace changes the whole process, and
because whatever happens to it, the kernel takes everything it made away.
"""

import ctypes
import json
import os
import socket
import struct
import sys

from pyroute2 import IPRoute

from airnet.errors import AirnetError
from airnet.kernel import bpf, link

CLONE_NEWNET = 0x40000000
#: Source: include/uapi/linux/if_xdp.h.
AF_XDP, SOL_XDP = 44, 283
XDP_RX_RING, XDP_UMEM_REG, XDP_FILL_RING, XDP_COMPLETION_RING = 2, 4, 5, 6
RING, FRAME_BYTES = 64, 4096
NAMES = ("namespaces", "xdp_native", "xdp_generic", "af_xdp")


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
        results["af_xdp"] = _try_socket(found, library)
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


def _try_socket(found: link.Interface, library: ctypes.CDLL) -> str:
    """Bind an AF_XDP socket with a UMEM of one ring."""
    memory = (ctypes.c_char * (FRAME_BYTES * (RING + 1)))()
    start = -(-ctypes.addressof(memory) // FRAME_BYTES) * FRAME_BYTES
    size = struct.pack("=I", RING)
    try:
        with socket.socket(AF_XDP, socket.SOCK_RAW) as receiver:
            area = struct.pack(
                "=QQIIII", start, FRAME_BYTES * RING, FRAME_BYTES, 0, 0, 0
            )
            receiver.setsockopt(SOL_XDP, XDP_UMEM_REG, area)
            for ring in (XDP_FILL_RING, XDP_COMPLETION_RING, XDP_RX_RING):
                receiver.setsockopt(SOL_XDP, ring, size)
            # Python's bind() does not know this address family.
            address = struct.pack("=HHIII", AF_XDP, 0, found.index, 0, 0)
            if library.bind(receiver.fileno(), address, len(address)):
                return f"bind: {os.strerror(ctypes.get_errno())}"
    except OSError as error:
        return str(error.strerror)
    return ""


if __name__ == "__main__":
    sys.exit(main())
