"""Every frame has one named end, whatever goes wrong; and jumbo frames are frames."""

import errno
import mmap
import os
import subprocess
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from airnet import config
from airnet.capture import attach
from airnet.capture.attached import XdpAttached
from airnet.capture.packet import PacketSource
from airnet.capture.selection import Selection
from airnet.capture.sockets import _bind, open_sockets
from airnet.capture.xdp import XdpSource
from airnet.domain.frame import FRAME, FRAMES_MAX
from airnet.errors import UnsupportedError
from airnet.kernel import bpf, link, xsk
from airnet.lab.generate import Generator, stay_on
from tests.netns.lab_links import (
    CAPTURE,
    MIRROR,
    frame,
    namespace,
    sender,
    udp,
    veth,
    wait_until,
)
from tests.reference.reading import drain

pytestmark = pytest.mark.root
#: Around each border: one frame of memory holds 1792 B, two 1792 + 2048.
JUMBO = [14, 60, 1514, 1791, 1792, 1793, 2048, 3839, 3840, 3841, 5000, 8999, 9014]


@pytest.fixture
def mirror() -> Iterator[None]:
    """Have one queue: which of several a frame takes differs from boot to boot."""
    with namespace():
        veth()
        yield


@pytest.fixture
def wide() -> Iterator[None]:
    with namespace():
        veth(4)
        yield


def settings(**given: object) -> config.Capture:
    return config.Capture(**{"interface": CAPTURE, "ring_frames": 1024, **given})


def open_xdp(
    selection: Selection = attach.EVERYTHING, *, generic: bool = False, **given: object
) -> XdpSource:
    try:
        attached = attach.attach_xdp(settings(**given), selection, generic=generic)
    except UnsupportedError as error:
        pytest.skip(str(error))
    return XdpSource(attached)


def ends(source: XdpSource | PacketSource) -> dict[str, int]:
    """Return what is not 0; the identity must hold, and nothing was ever sent."""
    counts = source.counters()
    seen = counts["seen"]
    assert seen == sum(counts.values()) - seen
    assert counts.get("unaccounted", 0) == 0
    assert link.tx_frames(CAPTURE) == 0
    return {name: count for name, count in counts.items() if count}


def jumbo() -> None:
    for name in (MIRROR, CAPTURE):
        subprocess.run(["ip", "link", "set", name, "mtu", "9000"], check=True)


@pytest.mark.parametrize("generic", [False, True])
def test_jumbo_frames_arrive_byte_for_byte(mirror: None, *, generic: bool) -> None:
    """Pieces are joined: exact lengths, exact bytes, order, times, no loss."""
    jumbo()
    sent = [frame(i, JUMBO[i % len(JUMBO)]) for i in range(1000)]
    sent = [data[: JUMBO[i % len(JUMBO)]] for i, data in enumerate(sent)]
    source = open_xdp(generic=generic)
    got = []

    with sender() as send:
        for start in range(0, len(sent), 50):
            for data in sent[start : start + 50]:
                send(data)
            got += drain(source, 64)

    assert "multi-buffer" in source.name
    assert [one.data for one in got] == sent
    assert all(one.wire_bytes == len(one.data) for one in got)
    assert [one.time_ns for one in got] == sorted(one.time_ns for one in got)
    assert ends(source) == {"seen": 1000, "delivered": 1000}
    source.close()


def test_more_jumbo_than_one_poll_can_join_comes_in_the_next(mirror: None) -> None:
    """The room to join in is fixed: a poll ends early, and nothing is lost."""
    jumbo()
    source = open_xdp()
    sent = [frame(i, 9014)[:9014] for i in range(150)]
    with sender() as send:
        for data in sent:
            send(data)
    rows = np.zeros(1024, FRAME)

    first = source.poll(rows, 100)
    rest = drain(source, 1024)

    assert 0 < first <= attach.SIDE_BYTES // 9014
    assert [one.data for one in rest] == sent[first:]
    assert ends(source) == {"seen": 150, "delivered": 150}
    source.close()


def test_jumbo_overflow_is_counted_in_frames(mirror: None) -> None:
    """A ring of 64 holds ten frames of six pieces; each other one is named."""
    jumbo()
    source = open_xdp(ring_frames=64)
    sent = [frame(i, 9000)[:9000] for i in range(100)]
    with sender() as send:
        for data in sent:
            send(data)

    waiting = ends(source)
    got = drain(source)

    assert waiting["in_ring"] == len(got) == 10
    assert [one.data for one in got] == sent[:10]
    assert ends(source) == {"seen": 100, "delivered": 10, "ring_full": 90}
    with sender() as send:
        send(sent[99])
    assert [one.data for one in drain(source)] == [sent[99]]
    source.close()


def test_empty_fill_ring_is_survived(mirror: None) -> None:
    """A consumer that sits on its frames starves the kernel; then all goes on."""
    source = open_xdp(ring_frames=64)
    rows = np.zeros(64, FRAME)
    with sender() as send:
        for i in range(64):
            send(frame(i))
        held = source.poll(rows, 100)
        for i in range(200):
            send(frame(1000 + i))
        starved = ends(source)
        cause = source.causes()["fill_empty"]
        got = drain(source, 64)
        for round_ in range(20):
            for i in range(60):
                send(frame(round_ * 60 + i))
            assert len(drain(source, 64)) == 60

    assert held == 64
    lost = {"rx_dropped": 136}
    assert starved == {"seen": 264, "delivered": 64, "in_ring": 64, **lost}
    assert cause > 0
    assert [one.data for one in got] == [frame(1000 + i) for i in range(64)]
    assert ends(source) == {"seen": 1464, "delivered": 1328, **lost}
    source.close()


@pytest.mark.parametrize("busy_poll_us", [0, 20])
def test_overflow_at_high_rate_is_exact(wide: None, busy_poll_us: int) -> None:
    """Frames of a driver, flat out, against a reader with too little room.

    A veth gives them to the queue of the CPU they come from.
    """
    cpus = {cpu % 4 for cpu in os.sched_getaffinity(0)}
    queues = max(cpus) + 1
    source = open_xdp(queues=queues, ring_frames=64, busy_poll_us=busy_poll_us)
    generator = Generator(MIRROR)
    rows, done = np.zeros(FRAMES_MAX, FRAME), threading.Event()
    taken = []

    def read() -> None:
        while not done.is_set():
            taken.append(source.poll(rows, 5))

    reader = threading.Thread(target=read)
    reader.start()
    sent = generator.send(frame(1), 300_000).frames
    done.set()
    reader.join()
    taken.append(len(drain(source, FRAMES_MAX)))

    assert ("busy-poll" in source.name) == bool(busy_poll_us)
    found = ends(source)
    assert sent == found["seen"] + generator.lost()
    assert found["delivered"] == sum(taken)
    assert set(found) <= {"seen", "delivered", "ring_full", "rx_dropped"}
    generator.close()
    source.close()


def test_senders_on_two_cpus_are_counted_to_the_frame(wide: None) -> None:
    """Two CPUs count at once, each in its own lines: no count is lost."""
    cpus = sorted(os.sched_getaffinity(0))[:2]
    if len(cpus) < 2:
        pytest.skip("one CPU cannot do two things at once")
    source = open_xdp(queues=4, ring_frames=256)
    generators = [Generator(MIRROR), Generator(MIRROR)]

    def send(generator: Generator, cpu: int) -> None:
        stay_on(cpu)
        generator.send(frame(1), 100_000)

    threads = [
        threading.Thread(target=send, args=pair)
        for pair in zip(generators, cpus, strict=True)
    ]
    for thread in threads:
        thread.start()
    rows = np.zeros(FRAMES_MAX, FRAME)
    while any(thread.is_alive() for thread in threads):
        source.poll(rows, 1)
    for thread in threads:
        thread.join()
    drain(source, FRAMES_MAX)

    found = ends(source)
    assert found["seen"] + generators[0].lost() == 200_000
    assert found["delivered"] > 0
    for generator in generators:
        generator.close()
    source.close()


def test_four_queues_lose_nothing(wide: None) -> None:
    """Flows spread over four queues come back in one order."""
    source = open_xdp(queues=4)
    with sender() as send:
        for i in range(2000):
            send(udp(1000 + i % 64, i))
    rows = np.zeros(FRAMES_MAX, FRAME)

    count = source.poll(rows, 100)

    assert count == 2000
    assert set(rows["queue"][:count].tolist()) == {0, 1, 2, 3}
    assert (np.diff(rows["time_ns"][:count].astype(np.int64)) >= 0).all()
    assert ends(source) == {"seen": 2000, "delivered": 2000}
    source.close()


def test_socket_of_another_queue_is_counted_by_the_tracepoint(wide: None) -> None:
    """No statistic of any socket shows these losses; the tracepoint does."""
    capture = settings()
    found = link.bring_up(CAPTURE, quiet=True)
    held: list[int] = []

    def keep(fd: int) -> int:
        held.append(fd)
        return fd

    sockets = open_sockets(capture, found, 0, keep, generic=False)
    only = sockets.descriptors[0]
    wrong = type(sockets)(
        memory_fd=sockets.memory_fd,
        descriptors=(only, only, only, only),
        zero_copy_count=0,
        is_busy=False,
    )
    loaded = attach._load(found, wrong, attach.EVERYTHING, keep, generic=False)
    if loaded.redirects < 0:
        pytest.skip("the tracepoint is denied")
    source = XdpSource(
        XdpAttached(
            interface=CAPTURE,
            missed_before=0,
            selection=attach.EVERYTHING,
            features=(),
            mode="native",
            is_busy=False,
            cpus=bpf.possible_cpu_count(),
            ring_frames=capture.ring_frames,
            side_bytes=0,
            memory_fd=sockets.memory_fd,
            link_fd=loaded.link,
            tracepoint_fd=loaded.tracepoint,
            sockets=(only,),
            counters_fd=loaded.counters,
            summaries_fd=loaded.summaries,
            sketches_fd=loaded.sketches,
            redirects_fd=loaded.redirects,
            promiscuous_fd=-1,
        )
    )
    with sender() as send:
        for i in range(400):
            send(udp(1000 + i % 64, i))

    got = drain(source)

    lost = ends(source)
    assert lost == {
        "seen": 400,
        "delivered": len(got),
        "wrong_queue": 400 - len(got),
    }
    assert 0 < len(got) < 400
    assert int(source._errors.reshape(-1, 128)[:, errno.EINVAL].sum()) == 400 - len(got)
    source.close()


@pytest.mark.parametrize("backend", ["xdp", "xdp_generic", "packet"])
def test_what_is_not_selected_is_ignored_and_summarised(
    mirror: None, backend: str
) -> None:
    """The same frames, counts and summary, whichever backend selects."""
    watched = Selection(mode="order", addresses=("10.0.0.9",), ports=(9001,))
    capture = settings(backend=backend)
    source: XdpSource | PacketSource
    if backend == "packet":
        source = PacketSource(attach.attach_packet(capture, watched))
    else:
        source = open_xdp(watched, generic=backend == "xdp_generic")
    ours = udp(1000, 7).replace(b"\x0a\0\0\1\x0a\0\0\2", b"\x0a\0\0\1\x0a\0\0\x09")
    with sender() as send:
        for i in range(300):
            send([frame(i), udp(1000, i), ours][i % 3])

    got = drain(source, 64, 100)

    assert [one.data for one in got] == [ours] * 100
    wait_until(lambda: ends(source)["seen"] == 300)
    assert ends(source) == {"seen": 300, "delivered": 100, "ignored": 200}
    assert [(row.ethertype, row.protocol, row.port) for row in source.ignored()] == [
        (0x0800, 17, 9001),
        (0x88B5, 0, 0),
    ]
    assert [row.frames for row in source.ignored()] == [100, 100]
    assert source.ignored()[0].bytes == 100 * len(ours)
    assert source.floods() == {"10.0.0.9": (0, 100, 0)}
    source.close()


def test_packet_socket_takes_jumbo_frames(mirror: None) -> None:
    """The fallback has room for any frame."""
    jumbo()
    source = PacketSource(attach.attach_packet(settings()))
    sent = [frame(i, size)[:size] for i, size in enumerate(JUMBO)]
    with sender() as send:
        for data in sent:
            send(data)

    assert [one.data for one in drain(source, 64, 100)] == sent
    assert ends(source) == {"seen": len(sent), "delivered": len(sent)}
    source.close()


def test_driver_without_zero_copy_is_bound_with_copy(mirror: None) -> None:
    """The first mode is refused by a veth, the same socket then takes the second."""
    index = link.describe(CAPTURE).index
    memory = np.frombuffer(mmap.mmap(-1, 2 * 64 * xsk.FRAME_BYTES), np.uint8)
    with xsk.open_socket(memory, 64) as receiver:
        _bind(receiver, index, 0, [xsk.XDP_ZEROCOPY, xsk.XDP_COPY])

        assert not xsk.is_zero_copy(receiver)


def test_frame_longer_than_memory_is_named(mirror: None) -> None:
    """The MTU grew after attaching: what does not fit is `too_long`."""
    source = open_xdp()
    jumbo()
    with sender() as send:
        send(frame(1, 1792)[:1792])
        for _ in range(5):
            send(frame(1, 1796))

    assert len(drain(source)) == 1
    assert ends(source) == {"seen": 6, "delivered": 1, "too_long": 5}
    source.close()


def test_zero_copy_is_not_claimed_without_the_driver(mirror: None) -> None:
    """On a veth zero copy is tried, refused, and the name says copy."""
    for wanted in ("auto", "never"):
        source = open_xdp(zero_copy=wanted)
        assert source.name == f"xdp native {CAPTURE} (copy)"
        source.close()
