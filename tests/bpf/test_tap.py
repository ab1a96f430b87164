"""tap.bpf.c by BPF_PROG_TEST_RUN: action, metadata and counters of each case."""

import contextlib
import mmap
import struct
import time
from collections.abc import Iterator

import numpy as np
import pytest

from airnet.errors import UnsupportedError
from airnet.kernel import bpf, link, xsk
from tests.netns.lab_links import CAPTURE, frame, namespace, veth

pytestmark = pytest.mark.root

NAMES = ("seen", "redirected", "no_socket", "no_meta", "ignored", "aborted")
RING = 64
#: Of 256 B of headroom the kernel keeps 40 (struct xdp_frame): 16 more do not fit.
NO_ROOM_BYTES = 216


class Tap:
    """The loaded program with its maps."""

    def __init__(self, loaded: bpf.Object) -> None:
        self.program = loaded.program("tap")
        self.sockets = bpf.Map(loaded.map_fd("sockets"), 4)
        words = 16 * bpf.possible_cpu_count()
        self._counters = bpf.mapped(loaded.map_fd("counters"), words)

    def counts(self) -> dict[str, int]:
        totals = self._counters.reshape(-1, 16).sum(axis=0).tolist()
        found = dict(zip(NAMES, totals, strict=False))
        return {name: count for name, count in found.items() if count}


@pytest.fixture
def tap() -> Iterator[Tap]:
    try:
        loaded = bpf.Object("tap", entries={"counters": bpf.possible_cpu_count()})
    except UnsupportedError as error:
        pytest.skip(str(error))
    with loaded:
        yield Tap(loaded)


@contextlib.contextmanager
def sockets_of(tap: Tap, queues: int) -> Iterator[None]:
    """Put a socket for each of these queues into the program's map."""
    index = link.describe(CAPTURE).index
    memory = np.frombuffer(mmap.mmap(-1, 2 * RING * xsk.FRAME_BYTES), np.uint8)
    with contextlib.ExitStack() as held:
        for queue in range(queues):
            receiver = held.enter_context(xsk.open_socket(memory, RING))
            xsk.bind(receiver, index, queue, xsk.XDP_COPY)
            tap.sockets.update(queue, receiver.fileno().to_bytes(4, "little"))
        yield


def context(meta_bytes: int, size: int, queue: int, interface: int) -> bytes:
    """Return a `struct xdp_md` for a test run."""
    return struct.pack("=6I", meta_bytes, size, 0, interface, queue, 0)


@pytest.mark.parametrize("size", [14, 60, 1514, 3000])
def test_frame_without_a_socket_is_dropped(tap: Tap, size: int) -> None:
    """Never XDP_PASS: the host's stack must not answer what a mirror shows."""
    action, _ = tap.program.test_run(frame(1, size))

    assert action == bpf.XDP_DROP
    assert tap.counts() == {"seen": 1, "no_socket": 1}


@pytest.mark.parametrize("size", [14, 15, 60, 1514])
def test_frame_with_a_socket_is_redirected_with_its_stamp(tap: Tap, size: int) -> None:
    """In front of the frame: time, queue, length; behind it, nothing changed."""
    data = frame(7, 1600)[:size]
    with namespace():
        veth(2)
        index = link.describe(CAPTURE).index
        with sockets_of(tap, 2):
            # veth has receive queues, as test runs want them, once a program is there.
            held = tap.program.attach_xdp(CAPTURE, index, generic=False)

            before = time.monotonic_ns()
            action, out = tap.program.test_run(data, context(0, size, 1, index))
            after = time.monotonic_ns()
            held.close()

    stamp_ns, queue, wire = struct.unpack_from("=QII", out)
    assert action == bpf.XDP_REDIRECT
    assert before <= stamp_ns <= after
    assert (queue, wire) == (1, size)
    assert out[16:] == data
    assert tap.counts() == {"seen": 1, "redirected": 1}


def test_frame_of_a_queue_without_a_socket_is_dropped(tap: Tap) -> None:
    """A socket on queue 0 does not take what arrives on queue 1."""
    data = frame(1)
    with namespace():
        veth(2)
        index = link.describe(CAPTURE).index
        with sockets_of(tap, 1):
            held = tap.program.attach_xdp(CAPTURE, index, generic=False)

            action, _ = tap.program.test_run(data, context(0, len(data), 1, index))
            held.close()

    assert action == bpf.XDP_DROP
    assert tap.counts() == {"seen": 1, "no_socket": 1}


def test_frame_without_room_for_metadata_is_dropped(tap: Tap) -> None:
    """An unstamped frame would be read with stale metadata: it is counted instead."""
    taken = NO_ROOM_BYTES
    data = bytes(taken) + frame(1)

    action, _ = tap.program.test_run(data, context(taken, len(data), 0, 0))

    assert action == bpf.XDP_DROP
    assert tap.counts() == {"seen": 1, "no_meta": 1}


def test_counters_add_up_over_many_frames(tap: Tap) -> None:
    """Every frame has exactly one end."""
    for size in range(14, 214):
        tap.program.test_run(bytes(size))

    counts = tap.counts()
    assert counts.pop("seen") == sum(counts.values()) == 200
