"""One cgroup: its processes frozen, slowed, and held to a rate of what they send.

Freezing and pacing are of version 2. The processor's share is `cpu.max` where that
controller is on version 2, and the same path below version 1's where it is there
(Linux, Documentation/admin-guide: cgroup-v2, cgroup-v1).
"""

import contextlib
from pathlib import Path

from airnet.errors import UnsupportedError
from airnet.kernel import bpf
from airnet.kernel.guard import Rule

MOUNTS = Path("/proc/self/mountinfo")
#: Over which a processor's share is counted: the kernel's own default.
PERIOD_US = 100_000
#: `struct airnet_guard_rule`, in words.
RULE_WORDS = 8


class Cgroup:
    """A cgroup that holds one algorithm's processes.

    Args:
        path: below the root of version 2, as /proc/PID/cgroup says it.

    Raises:
        UnsupportedError: there is no version 2 here, or no such cgroup.
    """

    def __init__(self, path: str) -> None:
        root = mounted("cgroup2", "")
        relative = path.strip("/")
        if root is None or not relative or ".." in relative.split("/"):
            raise UnsupportedError(
                f"cgroup {path!r}: no cgroup of version 2", "mount cgroup2; name one"
            )
        self.path = root / relative
        if not (self.path / "cgroup.freeze").exists():
            raise UnsupportedError(f"{self.path}: no such cgroup", "make it first")
        self._inode = self.path.stat().st_ino
        self._cpu = _cpu_file(self.path, relative)
        self._object: bpf.Object | None = None
        self._link: bpf.Link | None = None

    @property
    def freezer(self) -> Path:
        """Return the file that a 1 freezes by, and a 0 thaws."""
        return self.path / "cgroup.freeze"

    def is_there(self) -> bool:
        """Return whether it is still the same: not removed, nor made anew."""
        try:
            return self.path.stat().st_ino == self._inode
        except OSError:
            return False

    def processes(self) -> list[int]:
        """Return the processes in it and below it."""
        files = [self.path / "cgroup.procs", *self.path.rglob("*/cgroup.procs")]
        return [int(line) for file in files for line in file.read_text().split()]

    def is_frozen(self) -> bool:
        """Return whether every process of it has stopped."""
        return "frozen 1" in (self.path / "cgroup.events").read_text()

    def freeze(self, *, is_frozen: bool) -> None:
        """Ask the kernel to stop all of it, or to let it go on.

        Raises:
            UnsupportedError: refused.
        """
        _write(self.freezer, str(int(is_frozen)))

    @property
    def cpu(self) -> tuple[Path, str] | None:
        """Return the file of its processor's share and what takes it off, if any."""
        if self._cpu is None:
            return None
        is_new = self._cpu.name == "cpu.max"
        return self._cpu, f"max {PERIOD_US}" if is_new else "-1"

    def slow(self, percent: int) -> None:
        """Let it have that much of one processor, and read back that it has.

        Raises:
            UnsupportedError: refused, not so when read, or no such controller here.
        """
        if self._cpu is None:
            raise UnsupportedError(
                f"{self.path}: no cpu controller", "enable it in cgroup.subtree_control"
            )
        quota_us = PERIOD_US * percent // 100
        if self._cpu.name == "cpu.max":
            _settle(self._cpu, f"{quota_us} {PERIOD_US}")
            return
        _write(self._cpu.with_name("cpu.cfs_period_us"), str(PERIOD_US))
        _settle(self._cpu, str(quota_us))

    def unslow(self) -> None:
        """Let it have all of its processors, where there is a controller.

        Raises:
            UnsupportedError: refused, or not so when read.
        """
        if self.cpu is not None:
            _settle(*self.cpu)

    def pace(self, rule: Rule) -> None:
        """Hold what it sends to a rule; attached once, it says nothing when ended.

        Raises:
            UnsupportedError: this host cannot, or this process may not.
        """
        if self._link is None:
            self._object = bpf.Object("pace")
            self._link = self._object.program("pace_egress").attach_cgroup(self.path)
        assert self._object is not None
        words = bpf.mapped(self._object.map_fd("pace"), RULE_WORDS, writable=True)
        packed = rule.packed()
        words[0] = 0  # nothing holds while the rest is written
        for place in range(RULE_WORDS - 1, -1, -1):
            words[place] = int.from_bytes(packed[8 * place : 8 * place + 8], "little")

    def close(self) -> None:
        """Let go of the program: what it sends is nobody's business again."""
        if self._link is not None:
            self._link.close()
            self._link = None
        if self._object is not None:
            self._object.close()
            self._object = None


def mounted(kind: str, controller: str) -> Path | None:
    """Return where a cgroup file system is mounted. Source: proc(5), mountinfo."""
    for line in MOUNTS.read_text().splitlines():
        before, _, after = line.partition(" - ")
        fields = after.split()
        if fields[0] == kind and (not controller or controller in fields[2].split(",")):
            return Path(before.split()[4])
    return None


def _cpu_file(path: Path, relative: str) -> Path | None:
    """Return the file that a processor's share is written to, if there is one."""
    new = path / "cpu.max"
    if new.exists():
        return new
    root = mounted("cgroup", "cpu")
    if root is None:
        return None
    old = root / relative / "cpu.cfs_quota_us"
    return old if old.exists() else None


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError as error:
        raise UnsupportedError(
            f"{path}: {error.strerror}", "see the agent's unit for what it may write"
        ) from error


def is_so(path: Path, text: str) -> bool:
    """Return whether a file says what was written to it.

    Raises:
        OSError: it cannot be read.
    """
    return path.read_text().split() == text.split()


def _settle(path: Path, text: str) -> None:
    """Write it, and read back that it is so."""
    _write(path, text)
    with contextlib.suppress(OSError):
        if is_so(path, text):
            return
    raise UnsupportedError(
        f"{path}: {text} was written, and it says otherwise", "see who else writes it"
    )
