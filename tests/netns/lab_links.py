"""Namespaces and veth pairs for tests, gone when the test is, however it ends.

The namespace has no name: it is this thread's own while the block lasts, and the
kernel takes it away with its links when nobody is in it any more.
"""

import contextlib
import ctypes
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from airnet.kernel import link

CLONE_NEWNET = 0x40000000
NAMESPACE = "/proc/thread-self/ns/net"
MIRROR, CAPTURE = "m0", "c0"


@contextlib.contextmanager
def namespace() -> Iterator[None]:
    """Be in a new network namespace; skip where that is not allowed."""
    library = ctypes.CDLL(None, use_errno=True)
    before = os.open(NAMESPACE, os.O_RDONLY | os.O_CLOEXEC)
    if library.unshare(CLONE_NEWNET):
        os.close(before)
        pytest.skip(f"no network namespace: {os.strerror(ctypes.get_errno())}")
    try:
        yield
    finally:
        assert library.setns(before, CLONE_NEWNET) == 0
        os.close(before)


def veth(queues: int = 1) -> None:
    """Make the pair m0 (where the mirror sends) and c0 (where we capture)."""
    sizes = f"numrxqueues {queues} numtxqueues {queues}"
    command = f"ip link add {MIRROR} {sizes} type veth peer name {CAPTURE} {sizes}"
    subprocess.run(command.split(), check=True)
    link.bring_up(MIRROR, quiet=True)
    link.bring_up(CAPTURE, quiet=True)


@contextlib.contextmanager
def sender(interface: str = MIRROR) -> Iterator[Callable[[bytes], int]]:
    """Give a function that puts one frame on the wire as it is."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as out:
        out.bind((interface, 0))
        yield out.send


def frame(number: int, size: int = 60) -> bytes:
    """Return a distinct frame of a local experimental EtherType (IEEE 802: 88b5)."""
    head = b"\x02\0\0\0\0\1" + b"\x02\0\0\0\0\2" + b"\x88\xb5"
    return head + number.to_bytes(4, "big") * (-(-(size - 14) // 4))


def udp(port: int, number: int) -> bytes:
    """Return a UDP frame whose flow is told by its port (checksums left out)."""
    body = number.to_bytes(4, "big") * 8
    datagram = port.to_bytes(2, "big") + b"\x23\x29"
    datagram += (8 + len(body)).to_bytes(2, "big") + b"\0\0" + body
    total = (20 + len(datagram)).to_bytes(2, "big")
    head = b"\x45\0" + total + b"\0\0\0\0\x40\x11\0\0" + b"\x0a\0\0\1" + b"\x0a\0\0\2"
    return frame(0, 14)[:12] + b"\x08\0" + head + datagram


def wait_until(is_so: Callable[[], bool], seconds: float = 5.0) -> None:
    """Return once it is so; fail when it never is."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it never became so"
        time.sleep(0.005)
