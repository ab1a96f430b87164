"""The guard in the kernel: bpf/guard.bpf.c attached to an inline port, and its tables.

Other than capture's, its link and its tables are pinned: what it holds back stays held
back when whoever ordered it dies, and ends when the rule itself says so. The next one
to come adopts what is pinned.
"""

import contextlib
import os
import socket
import struct
import sys
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, ip_network
from pathlib import Path
from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from airnet.domain.address import address_bytes
from airnet.errors import UnsupportedError
from airnet.kernel import bpf, link
from airnet.kernel.tables import Table, pin, pinned

#: Where pins live unless configured: one folder a guarded interface.
PINS = Path("/sys/fs/bpf/airnet")
#: Ends of a frame, AIRNET_GUARD_* in order.
ENDS = (
    "seen",
    "passed",
    "allowed",
    "spared",
    "session",
    "source",
    "unknown",
    "off",
    "confined",
)
COUNTERS_WORDS = 16
#: GUARD_INTENT_PAGES pages.
INTENT_BYTES = 1024 * 4096
_FLOW = struct.Struct("=16s16sHHI")
_PREFIX = struct.Struct("=I16s")
_GATEWAY = struct.Struct("=16sH6x")
_PAIR = struct.Struct("=16s16s")
_RULE = struct.Struct("=8Q")
#: RFC 4291 section 2.5.5.2.
_MAPPED = b"\0" * 10 + b"\xff\xff"
_DECISION_AT = 48
#: Name of each table, bytes of its key and of its value.
_TABLES = {
    "spared": (_PREFIX.size, 8),
    "sessions": (_FLOW.size, _RULE.size),
    "sources": (_PREFIX.size, _RULE.size),
    "gateways": (_GATEWAY.size, _RULE.size),
    "known": (_FLOW.size, 8),
    "unread": (_PAIR.size, _RULE.size),
    "confined": (_PAIR.size, _RULE.size),
    "places": (_GATEWAY.size, 8),
}
#: Everything pinned, in this order.
_NAMES = (*_TABLES, "control", "counters", "intents", "link")


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule as the kernel holds it.

    `until_ns` is CLOCK_MONOTONIC; `interval_ns` between two frames that may pass, 0
    for none; `slack_ns` how far ahead of its time a frame may be; `decision` the first
    eight bytes of the Decision's id, as a number. The last three are the kernel's.
    """

    until_ns: int
    interval_ns: int = 0
    slack_ns: int = 0
    decision: int = 0
    next_ns: int = 0
    passed: int = 0
    refused: int = 0

    def packed(self) -> bytes:
        """Return `struct airnet_guard_rule`."""
        return _RULE.pack(
            self.until_ns,
            self.interval_ns,
            self.slack_ns,
            self.next_ns,
            self.passed,
            self.refused,
            self.decision,
            0,
        )


def rate(frames_per_second: int, burst_frames: int, until_ns: int) -> Rule:
    """Return a rule that lets so many frames through a second, so many at once.

    Source: ITU-T I.371 annex A: increment T, limit tau = (burst - 1) T.
    """
    interval_ns = 1_000_000_000 // frames_per_second
    slack_ns = (burst_frames - 1) * interval_ns
    return Rule(until_ns=until_ns, interval_ns=interval_ns, slack_ns=slack_ns)


def unpacked(value: bytes) -> Rule:
    """Return the Rule in `struct airnet_guard_rule`."""
    until, interval, slack, next_ns, passed, refused, decision, _ = _RULE.unpack(value)
    return Rule(
        until_ns=until,
        interval_ns=interval,
        slack_ns=slack,
        decision=decision,
        next_ns=next_ns,
        passed=passed,
        refused=refused,
    )


def flow_key(source: str, source_port: int, target: str, target_port: int) -> bytes:
    """Return the key of one direction of a conversation."""
    here, there = address_bytes(source), address_bytes(target)
    return _FLOW.pack(here, there, source_port, target_port, 0)


def prefix_key(network: str) -> bytes:
    """Return the key of an address or prefix, IPv4 or IPv6, as text."""
    with contextlib.suppress(OSError):  # what floods come from, the short way
        return _PREFIX.pack(128, _MAPPED + socket.inet_pton(socket.AF_INET, network))
    found = ip_network(network, strict=False)
    mapped = 96 if isinstance(found, IPv4Network) else 0
    address = address_bytes(str(found.network_address))
    return _PREFIX.pack(mapped + found.prefixlen, address)


def gateway_key(address: str, port: int) -> bytes:
    """Return the key of a gateway's port; port 0 is all of them."""
    return _GATEWAY.pack(address_bytes(address), port)


def pair_key(source: str, target: str) -> bytes:
    """Return the key of who is kept from whom; "" is whoever it would connect to."""
    there = address_bytes(target) if target else bytes(16)
    return _PAIR.pack(address_bytes(source), there)


def place_keys(address: str, port: int) -> tuple[bytes, bytes]:
    """Return the keys of where orders are taken: by its address, and by its port."""
    return gateway_key(address, 0), _GATEWAY.pack(bytes(16), port)


class KernelGuard:
    """The attached program's tables. Closing lets go; what is pinned stays.

    Args:
        interface: whose it is.
        fds: descriptors by name, as `descriptors` gives them; they are ours now.
    """

    def __init__(self, interface: str, fds: dict[str, int]) -> None:
        self.interface = interface
        self.descriptors = fds
        tables = (Table(fds[name], name, *sizes) for name, sizes in _TABLES.items())
        self.spared, self.sessions, self.sources, self.gateways, *others = tables
        self.known, self.unread, self.confined, self.places = others
        #: The switch: not 0 is off (struct airnet_guard_control).
        self.control = bpf.mapped(fds["control"], 8, writable=True)
        words = COUNTERS_WORDS * bpf.possible_cpu_count()
        self._counters = bpf.mapped(fds["counters"], words)
        #: Bytes that last as long as the rules, for what is intended (act.intentlog).
        self.intents: NDArray[np.uint8] = bpf.mapped(
            fds["intents"], INTENT_BYTES // 8, writable=True
        ).view(np.uint8)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def switch(self, *, is_on: bool) -> None:
        """Let everything pass, whatever stands; or hold to the rules again."""
        self.control[0] = int(not is_on)

    @property
    def is_on(self) -> bool:
        """Whether rules hold."""
        return not self.control[0]

    @property
    def is_attached(self) -> bool:
        """Whether frames of the interface still go through the program.

        Not when the interface went away or somebody detached it by force: its tables
        still take rules then, and hold nothing back.
        """
        return bpf.link_interface(self.descriptors["link"]) != 0

    def spare(self, networks: Iterable[str]) -> None:
        """Hold nothing of these networks back, and of no others whatever.

        Raises:
            UnsupportedError: the kernel refused.
        """
        wanted, present = {prefix_key(one) for one in networks}, set(self.spared.keys())
        for key in wanted - present:
            self.spared.update(key, bytes(8))
        for key in present - wanted:
            self.spared.delete(key)

    def counts(self) -> dict[str, int]:
        """Return frames by their end; `seen` is the sum of the others."""
        totals: NDArray[np.uint64] = self._counters.reshape(-1, COUNTERS_WORDS).sum(0)
        return dict(zip(ENDS, totals.tolist(), strict=False))

    def unread_key(self, table: Table, key: bytes) -> bytes | None:
        """Return where `unread` rules what hides its ports from a rule; or None.

        Of a session by its pair of addresses; of a gateway's port by that gateway,
        whoever sends. A source's rule asks for no ports.
        """
        if table is self.sessions:
            return key[:32]
        return _PAIR.pack(b"", key[:16]) if table is self.gateways else None

    def rule(self, table: Table, key: bytes) -> Rule | None:
        """Return the rule at a key, also when it has ended; None without one."""
        value = table.lookup(key)
        return None if value is None else unpacked(value)

    def rules(self, table: Table) -> Iterator[tuple[bytes, Rule]]:
        """Return the rules of a table, also those that have ended."""
        for key, value in list(table.entries()):
            yield key, unpacked(value)

    def rules_of(self, table: Table, decision: int) -> list[bytes]:
        """Return the keys of a Decision's rules, among all that there are."""
        wanted = decision.to_bytes(8, sys.byteorder)
        return [
            key
            for key, value in table.entries()
            if value[_DECISION_AT : _DECISION_AT + 8] == wanted
        ]

    def close(self) -> None:
        """Let go of every descriptor; the program and its rules stay."""
        while self.descriptors:
            os.close(self.descriptors.popitem()[1])


def guard_interface(interface: str, pins: Path = PINS) -> KernelGuard:
    """Adopt the guard that stands on an interface, or attach one.

    A pinned guard whose program no frame of the interface goes through any more (the
    interface was made anew, or somebody detached it) holds nothing back: it goes.

    Raises:
        CaptureError: no such interface, or another program holds it.
        UnsupportedError: this host cannot, or this process may not.
    """
    folder = pins / interface
    index = link.describe(interface).index
    with contextlib.ExitStack() as undo:
        if _stands(folder, index):
            fds = {name: _kept(undo, pinned(folder / name)) for name in _NAMES}
        else:
            remove(interface, pins)
            fds = _attach(interface, index, folder, undo)
        found = KernelGuard(interface, fds)
        undo.pop_all()
    return found


def adopt(interface: str, pins: Path = PINS) -> KernelGuard:
    """Open the guard that is pinned for an interface; attach nothing.

    Raises:
        UnsupportedError: there is none, or this process may not.
    """
    folder = pins / interface
    with contextlib.ExitStack() as undo:
        fds = {name: _kept(undo, pinned(folder / name)) for name in _NAMES}
        found = KernelGuard(interface, fds)
        undo.pop_all()
    return found


def remove(interface: str, pins: Path = PINS) -> None:
    """Detach the guard of an interface and forget its rules; harmless without one."""
    folder = pins / interface
    for name in reversed(_NAMES):
        (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # not there, or not only ours
        folder.rmdir()


def _kept(undo: contextlib.ExitStack, fd: int) -> int:
    undo.callback(os.close, fd)
    return fd


def _stands(folder: Path, index: int) -> bool:
    """Return whether a whole guard is pinned there, attached to that interface."""
    if not all((folder / name).exists() for name in _NAMES):
        return False
    fd = pinned(folder / "link")
    try:
        return bpf.link_interface(fd) == index
    finally:
        os.close(fd)


def _attach(
    interface: str, index: int, folder: Path, undo: contextlib.ExitStack
) -> dict[str, int]:
    """Load, pin, attach; the link is pinned last, so that half a guard is none."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UnsupportedError(
            f"{folder}: {error.strerror}", "mount a bpf file system on /sys/fs/bpf"
        ) from error
    fds = {}
    cpus = bpf.possible_cpu_count()
    with bpf.Object("guard", entries={"counters": cpus}) as loaded:
        for name in _NAMES[:-1]:
            (folder / name).unlink(missing_ok=True)
            fds[name] = _kept(undo, os.dup(loaded.map_fd(name)))
            pin(fds[name], folder / name)
        program = loaded.program("guard")
        fds["link"] = _kept(
            undo, program.attach_xdp(interface, index, generic=False).fd
        )
        pin(fds["link"], folder / "link")
    return fds
