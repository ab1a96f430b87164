"""Attached: what attaching to an interface leaves behind, and reading it needs.

Descriptors and plain data, nothing else: it goes through execve(2) or a Unix socket to
a process that may do nothing but read (docs/adr, "attach and read").
"""

import os
from typing import Literal

import msgspec

from airnet.capture.selection import Selection
from airnet.errors import CaptureError


class Attached(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The part that every backend has.

    Whoever has the value has the descriptors: close() closes them, and when the last
    process that holds them is gone, however it went, the interface is free again.
    `features` says how the backend works here, in an operator's words; `selection`
    what is taken.
    """

    interface: str
    missed_before: int
    selection: Selection
    features: tuple[str, ...]

    def descriptors(self) -> tuple[int, ...]:
        """Return every descriptor, in order of release: what detaches is first."""
        raise NotImplementedError  # abstract: no msgspec.Struct can be an ABC

    def to_json(self) -> bytes:
        """Return what `from_json` reads in the process that inherits descriptors."""
        return msgspec.json.encode(self)

    def close(self) -> None:
        """Close every descriptor; call it once."""
        for fd in self.descriptors():
            os.close(fd)


class XdpAttached(Attached, frozen=True, kw_only=True, tag="xdp", tag_field="backend"):
    """An interface whose frames XDP gives to AF_XDP sockets, one a queue.

    `memory_fd` is the frames' memory: each queue's ring_frames * 2 frames, then each
    queue's `side_bytes`. The counters are mmapable arrays with `cpus` entries;
    `redirects_fd` is -1, as is `tracepoint_fd`, where the tracepoint is denied.
    """

    mode: Literal["native", "generic"]
    is_busy: bool
    cpus: int
    ring_frames: int
    side_bytes: int
    memory_fd: int
    link_fd: int
    tracepoint_fd: int
    sockets: tuple[int, ...]
    counters_fd: int
    summaries_fd: int
    sketches_fd: int
    redirects_fd: int
    promiscuous_fd: int

    def descriptors(self) -> tuple[int, ...]:
        """Return every descriptor; the program's link is closed first."""
        found = (
            self.link_fd,
            self.tracepoint_fd,
            *self.sockets,
            self.counters_fd,
            self.summaries_fd,
            self.sketches_fd,
            self.redirects_fd,
            self.promiscuous_fd,
            self.memory_fd,
        )
        return tuple(fd for fd in found if fd >= 0)


class PacketAttached(
    Attached, frozen=True, kw_only=True, tag="packet", tag_field="backend"
):
    """An interface that an AF_PACKET socket listens on."""

    socket_fd: int
    is_ethernet: bool

    def descriptors(self) -> tuple[int, ...]:
        """Return the socket's."""
        return (self.socket_fd,)


class DpdkAttached(
    Attached, frozen=True, kw_only=True, tag="dpdk", tag_field="backend"
):
    """A port that a process of its own receives from, with DPDK.

    That process ends when `life_fd`, a pipe's end that nobody writes to, is open
    nowhere any more. `process_fd` is its pidfd, `output_fd` what it says; `port` is
    the Linux interface behind a virtual device, or "".
    """

    device: str
    port: str
    port_index: int
    life_fd: int
    process_fd: int
    memory_fd: int
    wake_fd: int
    output_fd: int
    promiscuous_fd: int

    def descriptors(self) -> tuple[int, ...]:
        """Return every descriptor; what ends the process is closed first."""
        found = (
            self.life_fd,
            self.process_fd,
            self.memory_fd,
            self.wake_fd,
            self.output_fd,
            self.promiscuous_fd,
        )
        return tuple(fd for fd in found if fd >= 0)


#: What `from_json` can find, told apart by `backend`.
AnyAttached = XdpAttached | PacketAttached | DpdkAttached


def from_json(text: bytes) -> AnyAttached:
    """Return the value that `to_json` wrote.

    Raises:
        CaptureError: it is none, or a descriptor it names is not open here.
    """
    try:
        attached: AnyAttached = msgspec.json.decode(text, type=AnyAttached)
        for fd in attached.descriptors():
            os.fstat(fd)
    except (msgspec.MsgspecError, OSError) as error:
        raise CaptureError(
            f"no attached interface was handed over: {error}",
            "let `airnet run` start its worker itself",
        ) from error
    return attached
