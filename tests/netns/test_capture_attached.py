"""Attach as root, read as nobody: descriptors go through execve, privileges do not."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from airnet import config
from airnet.capture.attached import Attached, from_json
from airnet.capture.interface import attach_interface, read_attached
from airnet.errors import CaptureError, UnsupportedError
from airnet.kernel import link
from tests.netns.lab_links import CAPTURE, frame, namespace, sender, veth, wait_until
from tests.reference.reading import drain

pytestmark = pytest.mark.root
SOURCE = Path(__file__).parent.parent.parent / "src"
NOBODY = 65534
BACKENDS = ("xdp", "xdp_generic", "packet")
#: What the worker is: it reads so many frames, tells what it saw, and waits.
WORKER = """
import json, sys
import numpy as np
from airnet.capture.attached import from_json
from airnet.capture.interface import read_attached
from airnet.domain.frame import FRAME
status = open("/proc/self/status").read()
source = read_attached(from_json(sys.argv[1].encode()))
wanted, count, total = int(sys.argv[2]), 0, 0
rows = np.zeros(64, FRAME)
print(json.dumps({line.split(":")[0]: line.split(":")[1].split() for line in
                  status.splitlines()}), flush=True)
while count < wanted:
    got = source.poll(rows, 1000)
    for row in rows[:got]:
        start, size = int(row["offset"]), int(row["captured_bytes"])
        total += int(source.buffer[start : start + size].astype(np.uint64).sum())
    count += got
source.poll(rows, 0)
print(json.dumps([count, total, source.counters()]), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def mirror() -> Iterator[None]:
    with namespace():
        veth()
        yield


def attach(backend: str) -> Attached:
    try:
        return attach_interface(
            config.Capture(interface=CAPTURE, queues=1, backend=backend)
        )
    except UnsupportedError as error:
        pytest.skip(str(error))


@contextlib.contextmanager
def start_worker(attached: Attached, wanted: int) -> Iterator[subprocess.Popen[bytes]]:
    """Have it run as nobody, without capabilities and without a way to gain any."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("setpriv is not installed")
    drop = [setpriv, "--clear-groups", "--no-new-privs", "--inh-caps=-all"]
    drop += ["--ambient-caps=-all", "--bounding-set=-all"]
    user = [f"--reuid={NOBODY}", f"--regid={NOBODY}"]
    # A tree in somebody's home is not nobody's to read: then only the rest is dropped.
    environment = {"PYTHONPATH": str(SOURCE), "PATH": os.defpath}
    trial = [*drop, *user, sys.executable, "-c", "import airnet.errors"]
    done = subprocess.run(trial, env=environment, capture_output=True, check=False)
    if done.returncode == 0:
        drop += user
    worker = [sys.executable, "-c", WORKER, attached.to_json(), str(wanted)]
    with subprocess.Popen(
        [*drop, *worker],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=attached.descriptors(),
        env=environment,
    ) as started:
        try:
            yield started
        finally:
            started.kill()


def told(worker: subprocess.Popen[bytes]) -> object:
    assert worker.stdout
    return json.loads(worker.stdout.readline())


@pytest.mark.parametrize("backend", BACKENDS)
def test_worker_without_privileges_reads_and_counts_exactly(
    mirror: None, backend: str
) -> None:
    """Another uid, no capability, no_new_privs: every frame, every counter."""
    attached = attach(backend)
    sent = [frame(i, 60 + i % 1000) for i in range(1500)]

    with start_worker(attached, len(sent)) as worker:
        attached.close()
        status = told(worker)
        with sender() as send:
            for data in sent:
                send(data)
        count, total, counters = told(worker)
        worker.send_signal(signal.SIGKILL)

    assert status["Uid"] in ([str(NOBODY)] * 4, ["0"] * 4)  # see start_worker
    assert int(status["CapEff"][0], 16) == int(status["CapBnd"][0], 16) == 0
    assert status["NoNewPrivs"] == ["1"]
    assert count == len(sent)
    assert total == sum(sum(data) for data in sent)
    assert counters.pop("seen") == counters.pop("delivered") == len(sent)
    assert not any(counters.values())
    assert link.tx_frames(CAPTURE) == 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_killed_worker_frees_the_interface(mirror: None, backend: str) -> None:
    """Kill -9, and the port is as it was: no program, and somebody else may attach."""
    attached = attach(backend)
    with start_worker(attached, 1) as worker:
        attached.close()
        told(worker)
        assert is_attached() == (backend != "packet")
        worker.send_signal(signal.SIGKILL)
        worker.wait()

    wait_until(lambda: not is_attached())
    source = read_attached(attach(backend))
    with sender() as send:
        send(frame(7))
    assert [one.data for one in drain(source, 8, 200)] == [frame(7)]
    source.close()


def is_attached() -> bool:
    """Return whether any XDP program is on the capture interface."""
    command = ["ip", "-json", "-details", "link", "show", "dev", CAPTURE]
    text = subprocess.run(command, check=True, capture_output=True).stdout
    return "xdp" in json.loads(text)[0]


def test_frames_sent_before_the_worker_starts_are_not_lost(mirror: None) -> None:
    """They wait in the ring, with the kernel's stamps."""
    attached = attach("xdp")
    with sender() as send:
        for i in range(100):
            send(frame(i))
    source = read_attached(from_json(attached.to_json()))

    assert [one.data for one in drain(source)] == [frame(i) for i in range(100)]
    assert source.counters()["unaccounted"] == 0
    source.close()


@pytest.mark.parametrize("text", [b"", b"{}", b'{"backend":"packet"}', b"[1]"])
def test_what_is_not_attached_is_refused(text: bytes) -> None:
    with pytest.raises(CaptureError, match="handed over"):
        from_json(text)


def test_descriptors_that_are_not_open_are_refused() -> None:
    """A worker started by hand, without its descriptors, says so."""
    text = (
        b'{"backend":"packet","interface":"c0","features":[],"socket_fd":4095,'
        b'"is_ethernet":true}'
    )
    with pytest.raises(CaptureError, match="handed over"):
        from_json(text)
