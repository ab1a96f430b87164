"""DpdkSource: what a process of its own receives with DPDK, read in place."""

import errno
import mmap
import os
import re
import select
import signal
import socket
from typing import Final

import numpy as np
from numpy.typing import NDArray

from airnet._ext import relay
from airnet.capture.attached import DpdkAttached
from airnet.capture.selection import Ignored, ignored
from airnet.clock import SystemClock
from airnet.domain.frame import FRAMES_MAX
from airnet.errors import CaptureError
from airnet.kernel import link

STOP_TIMEOUT_S = 3.0
#: Batches of nothing but ignored frames in one poll: it ends, whatever comes.
BATCHES_MAX = 64
#: One pass of the child's loop; a nap is shorter.
ANSWER_TIMEOUT_S, ANSWER_WAIT_S = 0.5, 0.0002
OUTPUT_BYTES = 65536
#: A line of DPDK's log, or Python's last, but not how every start begins.
COMPLAINT = re.compile(
    r"(?!EAL: (Detected|Selected|No DPDK runtime|Physical addr|Invalid 'c)|libxdp: )"
    r"\w+(\(\))?: "
)
REMEDY = "see `airnet doctor`, and DPDK in docs/operating"
#: Counts of the device; the others are ours.
DEVICE_COUNTS: Final = relay.COUNTS[:6]


class DpdkSource:
    """Frames of one DPDK port, copied once, in place for the reader.

    It reads what `attach_dpdk` left behind, and needs no privilege for it. What is not
    to be taken is left out here, by the rule that XDP applies before.
    """

    def __init__(
        self, attached: DpdkAttached, clock: SystemClock | None = None
    ) -> None:
        """Map the relay; the descriptors are this object's then.

        Args:
            attached: made by this process, or inherited from one that made it.
            clock: what waiting for the child is measured with.
        """
        self.name = f"dpdk {attached.interface} ({', '.join(attached.features)})"
        self.is_exhausted = False
        self._attached: DpdkAttached | None = attached
        self._clock = clock or SystemClock()
        self._last: dict[str, int] = {}
        self._delivered = 0
        self._selection = attached.selection
        self._selector = attached.selection.selector()
        flags = mmap.MAP_SHARED | mmap.MAP_POPULATE
        # numpy keeps the mapping alive as long as anybody holds the buffer, so rows
        # of a closed source point at stale bytes, never at unmapped ones.
        shared = np.frombuffer(mmap.mmap(attached.memory_fd, 0, flags=flags), np.uint8)
        self.buffer: NDArray[np.uint8] = shared[relay.SHARED_BYTES :]
        self._reader = relay.Reader(shared, attached.wake_fd, attached.process_fd)

    def poll(self, rows: NDArray[np.void] | memoryview, wait_ms: int) -> int:
        """Fill rows in the order of arrival at each queue.

        Raises:
            CaptureError: the interface or DPDK's process went away.
        """
        attached = self._attached
        assert attached is not None, "poll after close"
        kept = 0
        for _ in range(BATCHES_MAX):
            count = self._reader.poll(rows[:FRAMES_MAX], wait_ms)
            if count < 0:
                raise self._ended(attached, count)
            kept = self._selector.select_batch(rows, count, self.buffer)
            if kept or not count:
                break
        self._delivered += kept
        if count == 0 and attached.port and not _is_there(attached):
            raise CaptureError(
                f"{attached.port}: capture ended: the interface went away",
                "check the interface; airnet can be started again at any time",
            )
        return kept

    def _ended(self, attached: DpdkAttached, status: int) -> CaptureError:
        if status == -errno.EPIPE:
            return complaint(attached, self._reader, "ended")
        return CaptureError(
            f"{self.name}: capture ended: {os.strerror(-status)}", REMEDY
        )

    def ignored(self) -> list[Ignored]:
        """Return the frames that were received and not taken, by kind."""
        return ignored(self._selector.summary())

    def floods(self) -> dict[str, tuple[int, int, int]]:
        """Return about how many SYN, UDP and ICMP frames each watched address got."""
        return self._selection.floods(self._selector.sketch())

    def counters(self) -> dict[str, int]:
        """Return seen, delivered and every reason a frame was not delivered.

        `seen` is what the driver says, or the kernel of the driver's sockets;
        `unaccounted` what of it nobody else counts: frames in flight, 0 once idle.
        """
        attached = self._attached
        if attached is None:
            return dict(self._last)
        taken, ours = self._reader.delivered, self._counts()
        delivered = self._delivered
        has_answer = self._ask(attached)
        # The device's counts are read last: what arrives meanwhile is in flight.
        told = ours | {name: self._counts()[name] for name in DEVICE_COUNTS}
        received = told["received"]
        if not has_answer:
            # Killed, or stuck in the driver: we know of what we got from it.
            received = max(received, told["taken"])
        is_file = attached.device.startswith("--vdev=net_pcap")
        lost = {
            "rx_missed": told["missed"],
            "rx_errors": told["errors"],
            # Only this driver loses the frame that found no buffer; others let it
            # wait, and what is lost then is missed.
            "rx_nombuf": told["no_buffer"] if is_file else 0,
            "socket_full": told["socket_full"],
        }
        # An AF_PACKET driver counts what it took; the kernel, what it offered.
        seen = max(received + sum(lost.values()), told["socket_seen"])
        waiting = seen - received - sum(lost.values())
        reasons = lost | {
            "oversize": told["oversize"],
            "ring_full": told["full"],
            "ignored": taken - delivered,
            "in_ring": told["written"] - taken + waiting,
        }
        reasons["unaccounted"] = seen - delivered - sum(reasons.values())
        return {"seen": seen, "delivered": delivered, **reasons}

    def _counts(self) -> dict[str, int]:
        return dict(zip(relay.COUNTS, self._reader.counts(), strict=True))

    def _ask(self, attached: DpdkAttached) -> bool:
        """Have the child count afresh; return whether it did, now or at its end."""
        self._reader.ask()
        end = self._clock.mono_ns() + int(ANSWER_TIMEOUT_S * 1e9)
        while not self._reader.is_answered and self._clock.mono_ns() < end:
            if _has_ended(attached, 0):
                return self._reader.state == relay.ENDED
            self._clock.sleep_s(ANSWER_WAIT_S)
        return self._reader.is_answered

    def tx_frames(self) -> int:
        """Return 0, as there is no transmit call; of an interface, what it has sent."""
        port = self._attached.port if self._attached else ""
        return link.tx_frames(port) if port else 0

    def close(self) -> None:
        """End the child, and with it the port; twice is harmless."""
        attached = self._attached
        if attached is None:
            return
        os.close(attached.life_fd)
        if not _has_ended(attached, STOP_TIMEOUT_S):
            _signal(attached, signal.SIGKILL)
            _has_ended(attached, STOP_TIMEOUT_S)
        self._last = self.counters()
        self._attached = None
        _reap(attached)
        for fd in attached.descriptors():
            if fd != attached.life_fd:
                os.close(fd)


def complaint(attached: DpdkAttached, reader: relay.Reader, what: str) -> CaptureError:
    """Return why the child is not there any more, in its own words if it has any."""
    reason = reader.text.decode(errors="replace")
    has_ended = _has_ended(attached, STOP_TIMEOUT_S if reason else 0.2)
    try:
        output = os.read(attached.output_fd, OUTPUT_BYTES).decode(errors="replace")
    except BlockingIOError:
        output = ""
    lines = [one.strip() for one in output.splitlines() if COMPLAINT.match(one)]
    # A line that looks like no log is what an interpreter or a shell said last.
    lines = lines[:2] or [one.strip() for one in output.splitlines()[-1:]]
    told = [one for one in (reason, *lines) if one]
    killed_by = _reap(attached) if has_ended else 0
    if killed_by:
        told.insert(0, f"its process was ended by {signal.Signals(killed_by).name}")
    return CaptureError(
        f"dpdk {attached.interface}: DPDK {what}: {'; '.join(told) or 'no word of it'}",
        REMEDY,
    )


def _is_there(attached: DpdkAttached) -> bool:
    """Return whether the interface is: drivers of virtual devices do not notice."""
    try:
        return socket.if_nametoindex(attached.port) == attached.port_index
    except OSError:
        return False


def _has_ended(attached: DpdkAttached, wait_s: float) -> bool:
    waiting = select.poll()
    waiting.register(attached.process_fd, select.POLLIN)
    return bool(waiting.poll(int(wait_s * 1000)))


def _reap(attached: DpdkAttached) -> int:
    """Take note of the child's end; return the signal that ended it, 0 for none."""
    try:
        found = os.waitid(os.P_PIDFD, attached.process_fd, os.WEXITED | os.WNOHANG)
    except ChildProcessError:
        return 0  # another process started it, or it was reaped already
    if found is None:
        return 0
    if found.si_code == os.CLD_EXITED:
        return max(found.si_status - 128, 0)
    return found.si_status


def _signal(attached: DpdkAttached, number: signal.Signals) -> None:
    """Send a signal; a worker without privileges may not, and the pipe must do."""
    try:
        signal.pidfd_send_signal(attached.process_fd, number)
    except (PermissionError, ProcessLookupError):
        return
