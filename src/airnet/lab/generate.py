"""Generator: frames at line rate onto a lab link, numbered and stamped in the kernel.

They are what a driver gives XDP, not socket buffers: about six times cheaper a frame
than any way of sending from user space, so that what is measured is the receiver.
"""

import os
from collections.abc import Sequence

import msgspec
import numpy as np

from airnet.clock import SystemClock
from airnet.kernel import bpf, link

#: `struct airnet_generate` as u64 words: sequence; interface and stamp's place; stamp
#: and flows; when the next batch is due; the gap between batches and their size.
SEQUENCE, PLACE, STAMP, DUE, PACE, WORDS = 0, 1, 2, 3, 4, 5
#: Of generate.bpf.c: a frame of `Flows`, and what is in front of its payload.
TEMPLATE_BYTES, HEADER_BYTES = 2048, 54
#: Frames the kernel prepares before it hands them on; at most 256.
BATCH = 64
#: Longest frame: a page without the kernel's own part of it.
FRAME_BYTES_MAX = 3500
#: A pause shorter than this is waited for by looking at the clock.
SPIN_NS = 200_000


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What one send() did: the kernel's clock before and after, and CPU time."""

    frames: int
    start_mono_ns: int
    end_mono_ns: int
    cpu_ns: int


class Flows(msgspec.Struct, frozen=True, kw_only=True):
    """TCP flows whose segments take turns, both directions of each.

    `frames` are IPv4 without options in Ethernet, all equally long, two to the power
    of some number: the first, third, ... go up, the others down. The low byte of the
    client's port becomes the flow's number; the sequence numbers of each flow and
    direction begin at 0 and go on. Checksums stay the templates'.
    """

    frames: tuple[bytes, ...]
    bits: int

    def words(self) -> int:
        """Return what the program is told, as the upper half of a word."""
        size, count = len(self.frames[0]), len(self.frames)
        assert all(len(one) == size for one in self.frames), "equally long"
        assert HEADER_BYTES < size <= TEMPLATE_BYTES, "one segment"
        assert count in (2, 4, 8, 16), "a power of two"
        assert self.bits < 8, "a port's low byte"
        template_bits = count.bit_length() - 1
        return size - HEADER_BYTES | self.bits << 16 | template_bits << 24


class Generator:
    """Sends frames out of an interface, as often and as fast as asked.

    Each frame carries its number, from 0 on, and CLOCK_MONOTONIC in ns, 8 bytes each,
    little endian, at `stamp_offset` of the template, or nothing for None. A frame
    that the link has no room for is lost there, as on a real one: `lost()` tells.
    """

    def __init__(
        self,
        interface: str,
        *,
        stamp_offset: int | None = None,
        flows: Flows | None = None,
    ) -> None:
        """Load the program.

        Args:
            interface: to send out of; for a veth the peer of where frames arrive.
            stamp_offset: of the 16 bytes that are written into each frame.
            flows: what `stream` sends.

        Raises:
            CaptureError: no such interface.
            UnsupportedError: this host cannot do it: root and Linux 5.18 are needed.
        """
        index = link.describe(interface).index
        self._interface = interface
        self._clock = SystemClock()
        self._object = bpf.Object("generate")
        self._program = self._object.program("generate")
        self._settings = bpf.mapped(
            self._object.map_fd("settings"), WORDS, writable=True
        )
        self._settings[PLACE] = index | (stamp_offset or 0) << 32
        self._settings[STAMP] = stamp_offset is not None
        self._flows = flows
        if flows is not None:
            self._settings[STAMP] |= np.uint64(flows.words() << 32)
            frames = bpf.Map(self._object.map_fd("templates"), TEMPLATE_BYTES)
            for number, frame in enumerate(flows.frames):
                frames.update(number, frame.ljust(TEMPLATE_BYTES, b"\0"))
        self._lost_before = link.describe(interface).tx_dropped

    @property
    def sequence(self) -> int:
        """The number that the next frame will carry."""
        return int(self._settings[SEQUENCE])

    def send(
        self, template: bytes | Sequence[bytes], count: int, *, per_second: int = 0
    ) -> Sent:
        """Send `count` frames from the CPU this thread runs on.

        Args:
            template: the frame, or several that take turns every BATCH frames.
            count: of frames in all.
            per_second: a rate to keep, or 0 for as fast as it goes.
        """
        templates = [template] if isinstance(template, bytes) else list(template)
        assert all(len(one) <= FRAME_BYTES_MAX for one in templates)
        start_ns, cpu_ns = self._clock.mono_ns(), self._clock.cpu_ns()
        # Flat out, one call sends as much as it can between two templates.
        burst = BATCH if per_second or len(templates) > 1 else count
        done = 0
        while done < count:
            if per_second:
                self._wait_until(start_ns + done * 1_000_000_000 // per_second)
            step = min(burst, count - done)
            chosen = templates[done // BATCH % len(templates)]
            self._program.send(chosen, step, min(step, BATCH))
            done += step
        return Sent(
            frames=done,
            start_mono_ns=start_ns,
            end_mono_ns=self._clock.mono_ns(),
            cpu_ns=self._clock.cpu_ns() - cpu_ns,
        )

    def stream(self, count: int, *, per_second: int = 0, batch: int = BATCH) -> Sent:
        """Send the next `count` segments of the flows, all in one call of the kernel.

        Args:
            count: of frames in all.
            per_second: a rate that the kernel keeps by waiting before each batch, or 0
                for as fast as it goes. Time lost by more than 4 ms stays lost.
            batch: frames that go together, a power of two of at most 256.
        """
        assert self._flows is not None, "there are no flows"
        assert batch in {1 << bits for bits in range(9)}, "a power of two"
        start_ns, cpu_ns = self._clock.mono_ns(), self._clock.cpu_ns()
        gap_ns = batch * 1_000_000_000 // per_second if per_second else 0
        self._settings[DUE] = start_ns
        self._settings[PACE] = gap_ns | (batch - 1) << 32
        self._program.send(self._flows.frames[0], count, batch)
        return Sent(
            frames=count,
            start_mono_ns=start_ns,
            end_mono_ns=self._clock.mono_ns(),
            cpu_ns=self._clock.cpu_ns() - cpu_ns,
        )

    def _wait_until(self, mono_ns: int) -> None:
        while (left := mono_ns - self._clock.mono_ns()) > 0:
            if left > SPIN_NS:
                self._clock.sleep_s((left - SPIN_NS) / 1e9)

    def lost(self) -> int:
        """Return how many frames the link did not take since this was made."""
        return link.describe(self._interface).tx_dropped - self._lost_before

    def close(self) -> None:
        """Unload; closing twice is harmless."""
        self._settings = np.zeros(WORDS, np.uint64)
        self._object.close()


def stay_on(cpu: int) -> None:
    """Keep this thread on one CPU: frames are sent, and received, where it runs."""
    os.sched_setaffinity(0, {cpu})


def go_first(thread: int = 0) -> bool:
    """Have a thread run before what is not real-time; return whether that is allowed.

    Args:
        thread: its id; 0 is the calling one.
    """
    try:
        os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        return False
    return True
