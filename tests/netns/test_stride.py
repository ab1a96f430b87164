"""One call for capture, decode and features: the rows of the stages one by one."""

import time
from itertools import islice

import numpy as np
import pytest

from airnet import config
from airnet.bench import livetrial
from airnet.bench.livetalk import CLIENT, GATEWAY, GATEWAY_PORT, frames
from airnet.bench.trials import GATEWAY as FLOODED, syns
from airnet.capture.attach import attach_xdp
from airnet.capture.xdp import XdpSource
from airnet.decode import Decoder
from airnet.domain.frame import FRAMES_MAX
from airnet.errors import CaptureError, UnsupportedError
from airnet.features import Windows
from airnet.lab.generate import Flows, Generator
from airnet.stride import Stride, stride_of
from tests.netns.lab_links import CAPTURE, MIRROR, frame, namespace, sender, veth

pytestmark = pytest.mark.root
GATEWAYS = [(GATEWAY.ip, GATEWAY_PORT)]
COUNT = 3200  # a multiple of the flows, and of both directions


def attach() -> XdpSource:
    try:
        return XdpSource(attach_xdp(config.Capture(interface=CAPTURE)))
    except UnsupportedError as error:
        pytest.skip(str(error))


def stages() -> tuple[Decoder, Windows]:
    return Decoder(GATEWAYS), Windows(GATEWAYS, [CLIENT.ip])


def test_rows_are_those_of_the_stages() -> None:
    """Windows, session table and counters; the frames are kept and taken again."""
    with namespace():
        veth()
        source = attach()
        decoder, windows = stages()
        stride = stride_of(source, decoder, windows)
        assert stride is not None
        generator = Generator(MIRROR, flows=Flows(frames=frames(), bits=3))
        generator.stream(COUNT, per_second=5000, batch=16)
        found, rows, kept = [], [], []
        buffer = source.buffer.copy()  # so long that it holds every frame
        while count := stride.poll(0):
            kept.append(np.asarray(stride.frames)[:count].copy())
            buffer[:] = source.buffer
            while stride.advance():
                found.append(windows.windows.copy())
                rows.append(windows.rows.copy())
        generator.close()
        source.close()
        with pytest.raises(CaptureError):
            stride.poll(0)

    frames_taken = np.concatenate(kept)
    other, others = stages()
    wanted, values = [], []
    left = frames_taken
    while len(left):
        headers, messages = other.decode(left[:FRAMES_MAX], buffer)
        left = left[len(headers) :]
        start = 0
        while start < len(headers):
            start += others.update(headers[start:], messages)
            wanted.append(others.windows.copy())
            values.append(others.rows.copy())

    assert len(frames_taken) == COUNT == stride.totals[0]
    assert stride.totals[1] == frames_taken["wire_bytes"].sum()
    assert stride.totals[2] == frames_taken["time_ns"].max()
    assert (np.concatenate(found) == np.concatenate(wanted)).all()
    assert np.concatenate(rows).tobytes() == np.concatenate(values).tobytes()
    assert (np.asarray(decoder.sessions) == np.asarray(other.sessions)).all()
    assert decoder.counters() == other.counters()
    assert decoder.counters()["messages"]["D"]["up"] == COUNT // 2


def test_only_one_lane_of_af_xdp_takes_strides() -> None:
    decoder, windows = Decoder(GATEWAYS, lanes=2), Windows(GATEWAYS, [])
    with namespace():
        veth()
        source = attach()
        assert stride_of(source, decoder, windows) is None
        assert stride_of(object(), Decoder(GATEWAYS), windows) is None
        source.close()
    decoder.close()


def test_measured_waits_are_one_a_frame() -> None:
    """With and without the work; what is let go unread makes no rows."""
    with namespace():
        veth()
        for is_idle in (True, False):
            source = attach()
            decoder, windows = stages()
            stride = Stride(source, decoder, windows)
            late = np.zeros(200, np.uint32)
            stride.measure(late, is_idle=is_idle)
            generator = Generator(MIRROR, flows=Flows(frames=frames(), bits=3))
            generator.stream(100)
            while stride.spin(1_000_000):
                while stride.advance():
                    pass
            assert stride.measured == 100
            assert (late[:100] > 0).all()
            count = np.asarray(decoder.sessions)["messages"].sum()
            assert count == (0 if is_idle else 100)
            generator.close()
            source.close()


def test_bench_accounts_for_every_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short run: both receivers, a steady rate, waits, and nothing unaccounted."""
    for name in ("ROUNDS", "LATE_ROUNDS"):
        monkeypatch.setattr(livetrial, name, 1)
    monkeypatch.setattr(livetrial, "ROUND_FRAMES", 20_000)
    monkeypatch.setattr(livetrial, "LATE_FRAMES", 1000)
    monkeypatch.setattr(livetrial, "go_first", lambda: False)
    with namespace():
        found = livetrial.measure(0.1)

    assert found.get("missing") is None
    assert found["rate"]["is_exact"]
    assert found["steady"]["is_exact"]
    assert found["latency"]["feature_row"]["p50_us"] > 0


def test_who_looks_for_frames_sleeps_what_it_owes() -> None:
    """A twelfth of the time and no more; not while frames wait."""
    with namespace():
        veth()
        source = attach()
        stride = Stride(source, *stages())
        stride.tell(None, 1_000_000)
        assert stride.nap(1 << 62), "no frames are there"
        start_ns, busy_ns = time.monotonic_ns(), time.thread_time_ns()
        for _ in range(60):
            stride.poll(1)
        took_ns = time.monotonic_ns() - start_ns
        slept_ns = took_ns - (time.thread_time_ns() - busy_ns)
        assert slept_ns >= took_ns // 24, "it hardly slept"
        with sender() as send:
            send(frame(1))
        stride.poll(0)
        with sender() as send:
            send(frame(2))
        before_ns = time.monotonic_ns()
        assert not stride.nap(0), "a frame waits"
        assert time.monotonic_ns() - before_ns < 1_000_000_000
        assert stride.poll(0) == 1
        source.close()


def test_the_beginning_of_a_flood_stirs() -> None:
    """Flood-like packets of the window that is open; none once it has closed."""
    with namespace():
        veth()
        source = attach()
        there = [(FLOODED.ip, FLOODED.port)]
        stride = Stride(source, Decoder(there), Windows(there, []))
        assert stride.stirs() == 0
        with sender() as send:
            for number, syn in enumerate(islice(syns(1), 9), 1):
                send(syn)
                while not stride.poll(0):
                    pass
                while stride.advance():
                    pass
                assert stride.stirs() <= number
        assert stride.stirs() >= 2
        source.close()
