"""The generator's frames arrive numbered, stamped, at the rate asked for, exactly."""

import time
from collections.abc import Iterator

import numpy as np
import pytest

from airnet import config
from airnet.capture.attach import attach_xdp
from airnet.capture.xdp import XdpSource
from airnet.domain.frame import FRAME, FRAMES_MAX
from airnet.errors import UnsupportedError
from airnet.lab.generate import Generator
from tests.netns.lab_links import CAPTURE, MIRROR, frame, namespace, veth

pytestmark = pytest.mark.root
STAMP = 20


@pytest.fixture
def source() -> Iterator[XdpSource]:
    with namespace():
        veth()
        try:
            attached = attach_xdp(config.Capture(interface=CAPTURE, ring_frames=4096))
        except UnsupportedError as error:
            pytest.skip(str(error))
        opened = XdpSource(attached)
        yield opened
        opened.close()


def stamps(source: XdpSource) -> tuple[list[int], list[int]]:
    """Return number and time that each waiting frame carries, and check the rest."""
    rows = np.zeros(FRAMES_MAX, FRAME)
    numbers, times = [], []
    while count := source.poll(rows, 0):
        for row in rows[:count]:
            at = int(row["offset"]) + STAMP
            number, time_ns = source.buffer[at : at + 16].view("<u8").tolist()
            numbers.append(number)
            times.append(time_ns)
    return numbers, times


def test_frames_are_numbered_and_stamped(source: XdpSource) -> None:
    """Bytes outside the stamp are the template's; each frame has its own number."""
    generator = Generator(MIRROR, stamp_offset=STAMP)
    before = time.monotonic_ns()
    generator.send(frame(9, 100), 1000)
    generator.send([frame(1, 80), frame(2, 90)], 1000)
    after = time.monotonic_ns()

    numbers, times = stamps(source)

    assert numbers == list(range(2000))
    assert generator.sequence == 2000
    assert times == sorted(times)
    assert before < times[0] <= times[-1] < after
    assert generator.lost() == 0
    generator.close()
    generator.close()


def test_templates_arrive_unchanged(source: XdpSource) -> None:
    """Without a stamp, what was given is what arrives, in turns of a batch."""
    generator = Generator(MIRROR)
    given = [frame(1, 60), frame(2, 1000), frame(3, 1500)]
    generator.send(given, 192)

    rows = np.zeros(FRAMES_MAX, FRAME)
    count = source.poll(rows, 0)

    found = [
        bytes(source.buffer[int(r["offset"]) :][: int(r["captured_bytes"])])
        for r in rows[:count]
    ]
    assert found == [given[i // 64] for i in range(192)]
    generator.close()


def test_rate_is_kept(source: XdpSource) -> None:
    """So many a second, no faster; a busy host may make it slower."""
    generator = Generator(MIRROR, stamp_offset=STAMP)

    sent = generator.send(frame(1), 2000, per_second=20_000)

    assert sent.frames == 2000
    assert sent.end_mono_ns - sent.start_mono_ns > 0.9 * 100_000_000
    assert len(stamps(source)[0]) == 2000
    generator.close()


def test_every_frame_is_accounted_for_flat_out(source: XdpSource) -> None:
    """Generated == seen + lost on the link; seen == delivered + each reason."""
    generator = Generator(MIRROR)
    sent = generator.send(frame(1), 200_000)

    counts = source.counters()
    seen, delivered = counts.pop("seen"), counts.pop("delivered")

    assert sent.frames == seen + generator.lost()
    assert seen == delivered + sum(counts.values())
    assert counts["unaccounted"] == 0
    assert counts["in_ring"] == 4096
    assert counts["ring_full"] == seen - 4096
    generator.close()
