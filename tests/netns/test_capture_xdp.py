"""XDP and AF_XDP on a real veth pair: bytes, times, losses, death, silence."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from airnet import config
from airnet.capture import open_interface
from airnet.capture.attach import attach_xdp
from airnet.capture.recorder import Recorder
from airnet.capture.xdp import XdpSource
from airnet.domain.frame import CLOCK_KERNEL, FRAME, LINK_ETHERNET
from airnet.errors import CaptureError, UnsupportedError
from airnet.kernel import link
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
from tests.reference.reading import drain, read_files

pytestmark = pytest.mark.root
#: The kernel and we read two clocks; a step of the wall clock would be larger.
CLOCKS_APART_NS = 5_000_000


@pytest.fixture
def mirror() -> Iterator[None]:
    """Have one queue: which of several a frame takes differs from boot to boot."""
    with namespace():
        veth()
        yield


@pytest.fixture
def wide() -> Iterator[None]:
    with namespace():
        veth(2)
        yield


def settings(queues: int = 1, frames: int = 256) -> config.Capture:
    return config.Capture(interface=CAPTURE, queues=queues, ring_frames=frames)


def open_xdp(
    queues: int = 1, frames: int = 1024, *, generic: bool = False
) -> XdpSource:
    try:
        return XdpSource(attach_xdp(settings(queues, frames), generic=generic))
    except UnsupportedError as error:
        pytest.skip(str(error))


def losses(source: XdpSource) -> dict[str, int]:
    """Return the reasons that are not 0; the identity must hold."""
    counts = source.counters()
    seen, delivered = counts.pop("seen"), counts.pop("delivered")
    assert seen == delivered + sum(counts.values())
    assert counts["unaccounted"] == 0
    return {name: count for name, count in counts.items() if count}


def attached() -> bool:
    """Return whether any XDP program is on the capture interface."""
    command = ["ip", "-json", "-details", "link", "show", "dev", CAPTURE]
    text = subprocess.run(command, check=True, capture_output=True).stdout
    return "xdp" in json.loads(text)[0]


@pytest.mark.parametrize("generic", [False, True])
def test_frames_arrive_byte_for_byte_in_time(mirror: None, *, generic: bool) -> None:
    """Bytes, lengths, order, clock and plausible times; nothing is ever sent."""
    sent = [frame(i, 14 + (i * 37) % 1500) for i in range(600)]
    source = open_xdp(generic=generic)
    mode = "generic" if generic else "native"
    rows = np.zeros(64, FRAME)

    before = time.time_ns()
    with sender() as send:
        for data in sent[:300]:
            send(data)
        first = drain(source, 64)
        for data in sent[300:]:
            send(data)
    after = time.time_ns()
    count = source.poll(rows, 1000)
    row = rows[0].copy()
    rest = drain(source, 7)

    assert source.name == f"xdp {mode} {CAPTURE} (copy)"
    assert [one.data for one in first] == sent[:300]
    assert [one.data for one in rest] == sent[300 + count :]
    times = [one.time_ns for one in first + rest]
    assert times == sorted(times)
    assert before - CLOCKS_APART_NS <= times[0] <= times[-1] <= after + CLOCKS_APART_NS
    assert (row["clock"], row["link"], row["queue"]) == (CLOCK_KERNEL, LINK_ETHERNET, 0)
    assert all(one.wire_bytes == len(one.data) for one in first + rest)
    assert losses(source) == {}
    assert source.counters()["seen"] == 600
    assert source.tx_frames() == 0
    source.close()
    source.close()
    assert source.counters()["delivered"] == 600


def test_burst_beyond_the_ring_is_accounted_to_the_frame(mirror: None) -> None:
    """An overflow loses frames and nothing else: each is counted, the rest is whole."""
    source = open_xdp(frames=64)
    sent = [frame(i) for i in range(1000)]

    with sender() as send:
        for data in sent:
            send(data)
    waiting = losses(source)
    got = drain(source, 7)

    assert waiting == {"in_ring": 64, "ring_full": 936}
    assert [one.data for one in got] == sent[:64]
    assert losses(source) == {"ring_full": 936}
    source.close()


def test_ring_goes_round_many_times_without_loss(mirror: None) -> None:
    """Frames go back to the kernel: far more pass than there is memory for."""
    source = open_xdp(frames=64)
    got = []

    with sender() as send:
        for start in range(0, 3000, 50):
            for i in range(start, start + 50):
                send(frame(i))
            got += drain(source, 16)

    assert [one.data for one in got] == [frame(i) for i in range(3000)]
    assert losses(source) == {}
    source.close()


def test_several_queues_are_merged_by_time(wide: None) -> None:
    """Two queues, one order: that of the kernel's stamps."""
    source = open_xdp(queues=2)
    sent = [udp(1000 + i % 16, i) for i in range(400)]
    with sender() as send:
        for data in sent:
            send(data)
    rows = np.zeros(1000, FRAME)

    count = source.poll(rows, 1000)

    times = rows["time_ns"][:count].tolist()
    assert count == 400
    assert set(rows["queue"][:count].tolist()) == {0, 1}
    assert times == sorted(times)
    assert losses(source) == {}
    source.close()


def test_queue_without_a_socket_is_counted(wide: None) -> None:
    """Reading one queue of two loses the other's frames, by name; we say so first."""
    with capture_logs() as told:
        source = open_xdp(queues=1)
    assert "c0 has 2 queues, 1 are read" in [line.get("reason") for line in told]
    with sender() as send:
        for i in range(400):
            send(udp(1000 + i % 16, i))

    got = drain(source)

    lost = losses(source)
    assert set(lost) == {"no_socket"}
    assert 0 < lost["no_socket"] == 400 - len(got) < 400
    source.close()


def test_source_reopens_at_once_many_times(mirror: None) -> None:
    """The kernel frees a queue's socket late (EBUSY): opening waits for it."""
    for number in range(6):
        source = open_xdp(frames=256)
        with sender() as send:
            send(frame(number))
        assert [one.data for one in drain(source)] == [frame(number)]
        source.close()
        assert not attached()


def test_second_capture_of_an_interface_is_refused(mirror: None) -> None:
    """Two cannot take the same frames; the first goes on."""
    source = open_xdp()

    with pytest.raises(CaptureError, match=CAPTURE) as caught:
        attach_xdp(settings())

    assert "\n" not in str(caught.value)
    with sender() as send:
        send(frame(1))
    assert len(drain(source)) == 1
    source.close()


def test_killed_process_leaves_no_program_behind(mirror: None) -> None:
    """After kill -9 the kernel closes the link and the program is gone."""
    script = (
        "import sys\n"
        "from airnet import config\n"
        "from airnet.capture import open_interface\n"
        f"source = open_interface(config.Capture(interface={CAPTURE!r}))\n"
        "print('ready', flush=True)\n"
        "sys.stdin.read()\n"
    )
    open_xdp(frames=256).close()  # or skip
    victim = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with victim:
        assert victim.stdout
        assert victim.stdout.readline() == b"ready\n"
        assert attached()

        victim.send_signal(signal.SIGKILL)
        victim.wait()

    wait_until(lambda: not attached())
    assert link.tx_frames(CAPTURE) == 0


def test_interface_that_goes_away_is_a_capture_error(mirror: None) -> None:
    """The service learns that there is nothing left to watch."""
    source = open_xdp()
    subprocess.run(["ip", "link", "del", MIRROR], check=True)
    rows = np.zeros(4, FRAME)

    with pytest.raises(CaptureError, match="capture ended"):
        wait_until(lambda: source.poll(rows, 100) < 0)
    source.close()
    with pytest.raises(CaptureError):
        source.poll(rows, 0)


def test_interface_with_an_address_is_not_cut_off(mirror: None) -> None:
    """XDP would take the host's own traffic: auto listens beside it instead."""
    command = ["ip", "address", "add", "192.0.2.1/24", "dev", CAPTURE]
    subprocess.run(command, check=True)

    with pytest.raises(UnsupportedError, match=r"192\.0\.2\.1"):
        attach_xdp(settings())
    source = open_interface(config.Capture(interface=CAPTURE))

    assert source.name == f"packet {CAPTURE} (copy)"
    source.close()


def test_auto_takes_native_xdp_and_bad_settings_are_named(mirror: None) -> None:
    """The best backend by default; wrong numbers are one-line errors."""
    open_xdp(frames=256).close()  # or skip
    source = open_interface(config.Capture(interface=CAPTURE, ring_frames=256))
    assert source.name == f"xdp native {CAPTURE} (copy)"
    source.close()

    with pytest.raises(ValueError, match="power of two"):
        config.Capture(interface=CAPTURE, ring_frames=100)
    for wrong in ({"queues": 9}, {"interface": "nowhere0"}):
        settings = {"interface": CAPTURE, **wrong}
        with pytest.raises(CaptureError):
            open_interface(config.Capture(**settings))


def test_recording_of_a_live_capture_replays_equal(
    mirror: None, tmp_path: Path
) -> None:
    """What was seen live comes back from the file, time and bytes."""
    source = open_xdp()
    recorder = Recorder(tmp_path / "live.pcapng", CAPTURE)
    with sender() as send:
        for i in range(500):
            send(frame(i, 60 + i))
    rows = np.zeros(100, FRAME)
    live = []
    while count := source.poll(rows, 0):
        recorder.write(rows, count, source.buffer)
        live += rows["time_ns"][:count].tolist()
    recorder.close(source.counters())

    replayed = read_files([tmp_path / "live.pcapng"]).frames

    assert [one.time_ns for one in replayed] == live
    assert [one.data for one in replayed] == [frame(i, 60 + i) for i in range(500)]
    source.close()
