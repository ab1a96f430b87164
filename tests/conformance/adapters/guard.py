"""The guard under the kit: real frames on a real link, held back or not."""

import contextlib
import ctypes
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airnet.act.guard import GuardActuator
from airnet.clock import SystemClock
from airnet.domain.decision import Decision
from airnet.errors import AirnetError
from airnet.kernel import bpf, guard
from airnet.kernel.tables import Table
from tests.bpf.test_guard import GATEWAY, tcp
from tests.conformance.role import Breaking, Fault
from tests.fakes.verdicts import MS, drop
from tests.netns.lab_links import CAPTURE, namespace, sender, veth, wait_until

MARKS = (pytest.mark.root,)
PINS = Path("/sys/fs/bpf") / f"airnet-kit-{os.getpid()}"
#: Source: include/uapi/linux/bpf.h, enum bpf_cmd.
BPF_MAP_FREEZE, BPF_SYSCALL = 22, 321


class GuardRig:
    """A guarded port; a Decision is a drop of two sources of its own."""

    ttl_ns = 400 * MS
    late_ns = 500 * MS
    call_ns = 500 * MS

    def __init__(self, send: Callable[[bytes], int]) -> None:
        self._send = send
        self._kernel = guard.guard_interface(CAPTURE, PINS)
        self._heirs: list[guard.KernelGuard] = []
        self.actuator = self._actuator(self._kernel)
        self.faults: dict[Fault, Breaking | str] = {
            Fault.GONE: self._detached,
            Fault.SLOW: "A write into a map of this kernel waits for nobody.",
            Fault.FULL: lambda: self._full(0),
            Fault.LYING: self._off,
            Fault.REFUSES: self._frozen,
            Fault.PARTIAL: lambda: self._full(1),
        }

    def _actuator(self, kernel: guard.KernelGuard) -> GuardActuator:
        return GuardActuator(kernel, SystemClock())

    def decision(self, number: int) -> Decision:
        return drop(*self._sources(number), why=f"Decision {number}.")

    def holds(self, decision: Decision) -> bool:
        return all(self._is_refused(source) for source in decision.target)

    def is_free(self, decision: Decision) -> bool:
        return not any(self._is_refused(source) for source in decision.target)

    def heir(self) -> GuardActuator:
        kernel = guard.guard_interface(CAPTURE, PINS)
        self._heirs.append(kernel)
        return self._actuator(kernel)

    def close(self) -> None:
        for kernel in (self._kernel, *self._heirs):
            kernel.close()
        self._heirs.clear()

    @property
    def _table(self) -> Table:
        """Where its Decisions are."""
        return self._kernel.sources

    def _key(self, source: str) -> bytes:
        return guard.prefix_key(source)

    def _sources(self, number: int) -> tuple[str, str]:
        return f"198.51.100.{2 * number + 1}", f"198.51.100.{2 * number + 2}"

    def _is_refused(self, source: str) -> bool:
        """Send a frame of it, and see what became of that."""
        before = self._counts()
        self._send(tcp(source, 1234, GATEWAY, 9878))
        wait_until(lambda: self._counts()["seen"] > before["seen"])
        return self._counts()["source"] > before["source"]

    def _counts(self) -> dict[str, int]:
        counts = self._kernel.counts()
        if not self._kernel.is_attached:  # then nothing is counted, or held back
            counts["seen"] = counts["seen"] + self._looked
            self._looked += 1
        return counts

    _looked = 0

    @contextlib.contextmanager
    def _detached(self) -> Iterator[None]:
        """Somebody takes the program off the interface by force."""
        done = bpf.library().bpf_link_detach(self._kernel.descriptors["link"])
        assert done == 0
        yield
        self._renew()  # which finds that what is pinned holds nothing back

    @contextlib.contextmanager
    def _full(self, room: int) -> Iterator[None]:
        """Have room for so many more sources."""
        rule = guard.Rule(until_ns=1 << 62, decision=1).packed()
        table, filled = self._table, []
        with contextlib.suppress(AirnetError):
            for number in range(1 << 20):
                filled.append(
                    self._key(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
                )
                table.update(filled[-1], rule)
        for key in filled[-1 - room :]:
            table.delete(key)
        yield
        for key in filled:
            table.delete(key)

    @contextlib.contextmanager
    def _off(self) -> Iterator[None]:
        """Every write is taken, and nothing is held back."""
        self._kernel.switch(is_on=False)
        yield
        self._kernel.switch(is_on=True)

    @contextlib.contextmanager
    def _frozen(self) -> Iterator[None]:
        """The kernel takes no more writes from user space."""
        attributes = (ctypes.c_uint32 * 4)(self._table.fd)
        call = ctypes.CDLL(None, use_errno=True).syscall
        size = ctypes.sizeof(attributes)
        done = call(BPF_SYSCALL, BPF_MAP_FREEZE, ctypes.byref(attributes), size)
        assert done == 0, os.strerror(ctypes.get_errno())
        yield
        # Nothing thaws a map; until it goes, what it holds runs out by itself.
        wait_until(lambda: all(map(self._is_over, self._table.keys())))
        guard.remove(CAPTURE, PINS)
        self._renew()

    def _is_over(self, key: bytes) -> bool:
        rule = self._kernel.rule(self._table, key)
        return rule is None or rule.until_ns <= SystemClock().mono_ns()

    def _renew(self) -> None:
        """Attach anew, as a restart after somebody repaired it."""
        self.close()
        self._kernel = guard.guard_interface(CAPTURE, PINS)
        self.actuator = self._actuator(self._kernel)


@contextlib.contextmanager
def rig(kind: type[GuardRig] = GuardRig) -> Iterator[GuardRig]:
    """Give a guarded port in a namespace of its own."""
    with namespace():
        veth()
        with sender() as send:
            try:
                found = kind(send)
            except AirnetError as error:
                pytest.skip(str(error))
            try:
                yield found
            finally:
                found.close()
                guard.remove(CAPTURE, PINS)
                PINS.rmdir()
