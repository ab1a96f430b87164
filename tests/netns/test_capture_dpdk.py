"""DPDK on a real veth pair beside AF_XDP: same frames, same counts, same decisions."""

import itertools
import os
import signal
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from airnet import config
from airnet.capture import open_interface
from airnet.capture.source import Source
from airnet.config import Site
from airnet.decide.policy import Policy
from airnet.domain.decision import Decision, decision_line
from airnet.domain.frame import CLOCK_KERNEL, CLOCK_USER, FRAME
from airnet.errors import CaptureError
from airnet.kernel import link
from airnet.pipeline import Pipeline, think
from airnet.record.memory import MemoryLedger
from airnet.replay import ReplayHands
from airnet.score import load as load_models
from airnet.shipped import models_path
from airnet.twin.traffic import Params, generate
from tests.fakes.dpdk import NEEDS_DPDK, dpdk, losses
from tests.fakes.stopping import stopped
from tests.netns.lab_links import (
    CAPTURE,
    MIRROR,
    frame,
    namespace,
    sender,
    veth,
    wait_until,
)
from tests.reference.reading import drain

pytestmark = [pytest.mark.root, NEEDS_DPDK]

PACKET = f"--vdev=net_af_packet0,iface={CAPTURE}"
XDP = f"--vdev=net_af_xdp0,iface={CAPTURE}"
PCAP = f"--vdev=net_pcap0,iface={CAPTURE}"


@pytest.fixture
def mirror() -> Iterator[None]:
    with namespace():
        veth()
        yield


def children(pid: int) -> list[int]:
    """Return the processes below one, itself first."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    below = [children(int(one)) for one in text.split()]
    return [pid, *itertools.chain.from_iterable(below)]


def owner(source: Source) -> list[int]:
    """Return the processes behind a source."""
    attached = source._attached
    text = Path(f"/proc/self/fdinfo/{attached.process_fd}").read_text()
    return children(int(text.partition("Pid:")[2].split()[0]))


@pytest.mark.parametrize(
    ("device", "clock"),
    [(PACKET, CLOCK_USER), (XDP, CLOCK_USER), (PCAP, CLOCK_KERNEL)],
)
def test_frames_arrive_byte_for_byte(mirror: None, device: str, clock: int) -> None:
    """Order, lengths, clock, counts; the interface sends nothing."""
    sent = [frame(i, 60 + (i * 37) % 1400) for i in range(600)]
    rows = np.zeros(1, FRAME)

    with dpdk(device) as source:
        with sender() as send:
            for data in sent:
                send(data)
        assert source.poll(rows, 2000) == 1
        got = drain(source, 64, 200)

        assert [one.data for one in got] == sent[1:]
        assert rows[0]["clock"] == clock
        assert losses(source) == {}
        assert source.counters()["seen"] == 600
        assert source.tx_frames() == 0
        attached = link.xdp_program(CAPTURE)
    assert bool(attached) == (device == XDP)
    assert link.xdp_program(CAPTURE) == 0


def test_losses_the_driver_does_not_tell_are_counted(mirror: None) -> None:
    """net_af_packet says nothing of a full ring; its socket does, to the frame."""
    with dpdk(f"{PACKET},framecnt=64,blocksz=4096") as source:
        (receiver,) = owner(source)
        with stopped(receiver), sender() as send:
            for number in range(1000):
                send(frame(number))
        got = drain(source, 64, 500)
        lost = losses(source)
        seen = source.counters()["seen"]

    assert [one.data for one in got] == [frame(i) for i in range(64)]
    assert (lost, seen) == ({"socket_full": 936}, 1000)


@pytest.mark.parametrize("device", [PACKET, XDP])
def test_killed_process_is_told_and_leaves_nothing(mirror: None, device: str) -> None:
    """Whichever of its processes it was; what came before is delivered first."""
    with dpdk(device) as source:
        with sender() as send:
            send(frame(1))
        wait_until(lambda: source.counters()["in_ring"] == 1)
        processes = owner(source)
        os.kill(processes[-1], signal.SIGKILL)
        rows = np.zeros(4, FRAME)

        assert source.poll(rows, 1000) == 1
        with pytest.raises(CaptureError, match=r"DPDK ended: .*SIGKILL"):
            wait_until(lambda: source.poll(rows, 1000) < 0)
        wait_until(lambda: link.xdp_program(CAPTURE) == 0)
        counts = source.counters()

    assert (counts["seen"], counts["delivered"], counts["unaccounted"]) == (1, 1, 0)
    assert not any(Path(f"/proc/{pid}").exists() for pid in processes)


def test_reader_that_is_killed_takes_the_port_with_it(mirror: None) -> None:
    """No process, no program, no file, however the end came."""
    pid = os.fork()
    if pid == 0:
        with dpdk(XDP) as source:
            source.poll(np.zeros(1, FRAME), 60_000)
        os._exit(0)
    wait_until(lambda: link.xdp_program(CAPTURE) != 0)
    below = children(pid)[1:]
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)

    assert len(below) == 2
    wait_until(lambda: link.xdp_program(CAPTURE) == 0)
    wait_until(lambda: not any(Path(f"/proc/{one}").exists() for one in below))
    assert not Path("/var/run/dpdk").exists()


def test_interface_that_goes_away_is_a_capture_error(mirror: None) -> None:
    with dpdk(PACKET) as source:
        subprocess.run(["ip", "link", "del", MIRROR], check=True)
        rows = np.zeros(4, FRAME)
        with pytest.raises(CaptureError, match="interface went away"):
            wait_until(lambda: source.poll(rows, 100) < 0)


class Scheduled:
    """A Source whose frames have the times at which they were meant to be sent.

    Live stamps differ from run to run by what the scheduler does; all else that a
    Source gives (order, bytes, lengths, link, batches, places) is as it came.
    """

    def __init__(self, source: Source, times_ns: list[int]) -> None:
        self.name, self.is_exhausted = source.name, False
        self._source, self._times = source, np.array(times_ns, np.uint64)
        self.count = 0
        self.bytes: list[bytes] = []

    @property
    def buffer(self) -> NDArray[np.uint8]:
        return self._source.buffer

    def poll(self, rows: NDArray[np.void] | memoryview, wait_ms: int) -> int:
        count = self._source.poll(rows, wait_ms)
        found = np.frombuffer(rows, FRAME)[:count]
        found["time_ns"] = self._times[self.count : self.count + count]
        self.count += count
        for row in found:
            piece = self.buffer[row["offset"] :][: row["captured_bytes"]]
            self.bytes.append(bytes(piece))
        return count

    def counters(self) -> dict[str, int]:
        return self._source.counters()

    def close(self) -> None:
        self._source.close()


def has_all(lane: Pipeline, source: Scheduled, count: int) -> bool:
    """Take one step; return whether so many frames have come."""
    return lane.step(20) == 0 and source.count == count


def answer(
    backend: str, arguments: tuple[str, ...], sent: list[tuple[int, bytes]]
) -> tuple[list[bytes], list[bytes], str, dict[str, int]]:
    """Send frames past a live Source: its bytes, decisions, ledger root, counts."""
    policy = msgspec.toml.decode(
        b'[cause.flood]\naction = "drop_sources"\ntier_max = 2\nmode = "enforce"\n',
        type=Policy,
    )
    capture = config.Capture(interface=CAPTURE, backend=backend, dpdk_args=arguments)
    ledger, decisions = MemoryLedger(), []

    def note(decision: Decision) -> None:
        decisions.append(decision_line(decision))

    with namespace():
        veth()
        source = Scheduled(open_interface(capture), [time_ns for time_ns, _ in sent])
        brain = think(Site(), policy, load_models(models_path()))
        lane = Pipeline(source, brain, ReplayHands(ledger), on_decision=note)
        with sender() as send:
            for number, (_, data) in enumerate(sent):
                send(data)
                # Half a ring at a time: this is about what comes, not about loss.
                if number % 1000 == 999:
                    wait_until(partial(has_all, lane, source, number + 1))
            wait_until(partial(has_all, lane, source, len(sent)))
        lane.finish()
        counts = source.counters()
        source.close()
    return source.bytes, decisions, ledger.root(), counts


def test_decides_as_af_xdp_does() -> None:
    """One flood past three Sources: frames, counts, decisions and ledger are equal."""
    short = Params(
        duration_s=2.2, onset_s=0.8, incident_s=1.2, sessions=4, flood_pps=1500.0
    )
    sent = generate("syn_flood", 3, params=short).frames
    sent = [(time_ns, data.ljust(60, b"\0")) for time_ns, data in sent]

    found = {
        name: answer(backend, arguments, sent)
        for name, backend, arguments in (
            ("af_xdp", "xdp", ()),
            ("dpdk af_xdp", "dpdk", (XDP,)),
            ("dpdk af_packet", "dpdk", (PACKET,)),
        )
    }

    expected = found["af_xdp"]
    assert expected[0] == [data for _, data in sent]
    assert expected[1], "the flood was not decided on"
    for one in found.values():
        assert one[:3] == expected[:3]
        counts = one[3]
        assert counts["seen"] == counts["delivered"] == len(sent)
        assert sum(counts.values()) == 2 * len(sent)
