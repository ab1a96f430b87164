"""AF_PACKET on a real veth pair: the fallback sees what XDP would."""

import socket
import subprocess
import time
from collections.abc import Iterator

import numpy as np
import pytest

from airnet import config
from airnet.capture import open_interface
from airnet.capture.attach import attach_packet
from airnet.capture.packet import PacketSource
from airnet.domain.frame import CLOCK_KERNEL, FRAME, LINK_ETHERNET
from airnet.errors import CaptureError
from airnet.kernel import link
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

pytestmark = pytest.mark.root


@pytest.fixture
def source() -> Iterator[PacketSource]:
    with namespace():
        veth()
        opened = PacketSource(attach_packet(config.Capture(interface=CAPTURE)))
        yield opened
        opened.close()
        opened.close()


def test_frames_arrive_byte_for_byte_in_time(source: PacketSource) -> None:
    """Also more than one batch, and frames to somebody else's address."""
    sent = [frame(i, 14 + (i * 37) % 1500) for i in range(600)]

    before = time.time_ns()
    with sender() as send:
        for data in sent:
            send(data)
    got = drain(source, 4096, 100)

    assert [one.data for one in got] == sent
    times = [one.time_ns for one in got]
    assert times == sorted(times)
    assert before <= times[0] <= times[-1] <= time.time_ns()
    counts = source.counters()
    assert counts.pop("seen") == counts.pop("delivered") == 600
    assert not any(counts.values())
    assert link.tx_frames(CAPTURE) == 0


def test_row_says_clock_and_link(source: PacketSource) -> None:
    """Stamped by the kernel, an Ethernet frame, whole."""
    with sender() as send:
        send(frame(1))
    rows = np.zeros(3, FRAME)

    count = source.poll(rows, 1000)

    row = rows[0]
    assert (count, row["clock"], row["link"]) == (1, CLOCK_KERNEL, LINK_ETHERNET)
    assert row["captured_bytes"] == row["wire_bytes"] == len(frame(1))


def test_vlan_tag_is_put_back(source: PacketSource) -> None:
    """The kernel takes the tag out of the bytes; rows have it where it stood."""
    plain = frame(3)
    tagged = plain[:12] + b"\x81\x00\x20\x2a" + plain[12:]

    with sender() as send:
        send(tagged)
    got = drain(source, 8, 100)

    assert [one.data for one in got] == [tagged]
    assert got[0].wire_bytes == len(tagged)


def test_own_frames_are_ignored(source: PacketSource) -> None:
    """What this host sends through the interface is not what the mirror shows."""
    with sender(CAPTURE) as send:
        send(frame(1))

    assert drain(source, 8, 50) == []
    assert source.counters()["seen"] == 0


def test_burst_beyond_the_socket_is_accounted(source: PacketSource) -> None:
    """A full socket loses frames and says how many."""
    big = frame(1, 1514)
    count = 1000
    source._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
    with sender() as send:
        for _ in range(count):
            send(big)
    waiting = source.counters()
    got = drain(source, 256)

    done = source.counters()
    assert waiting["seen"] == done["seen"] == count
    assert waiting["in_ring"] == len(got) == done["delivered"]
    assert done["socket_full"] == count - len(got) > 0
    assert done["in_ring"] == 0


def test_interface_that_goes_away_is_a_capture_error(source: PacketSource) -> None:
    """The service learns that there is nothing left to watch."""
    subprocess.run(["ip", "link", "del", MIRROR], check=True)
    rows = np.zeros(4, FRAME)

    with pytest.raises(CaptureError, match="capture ended"):
        wait_until(lambda: source.poll(rows, 100) < 0)


def test_backend_packet_is_taken_when_asked() -> None:
    """An explicit backend is not second-guessed; a wrong interface is named."""
    with namespace():
        veth()
        wanted = config.Capture(interface=CAPTURE, backend="packet")
        opened = open_interface(wanted)
        assert opened.name == f"packet {CAPTURE} (copy)"
        opened.close()

        with pytest.raises(CaptureError, match="nowhere0: no such interface"):
            open_interface(config.Capture(interface="nowhere0", backend="packet"))
