"""Lent, the switch's own packet sockets: given room, and asked what they lost.

Open vSwitch takes frames of its ports from packet sockets with the system's default
room, some 300 small frames; a market's burst is thousands. The default is the whole
system's, so that it is left alone, and these sockets alone are enlarged.
"""

import contextlib
import ctypes
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

#: Source: arch/x86/entry/syscalls; the same number on every architecture.
PIDFD_GETFD = 438
#: Source: include/uapi/asm-generic/socket.h; SK_MEMINFO_* of linux/sock_diag.h.
SO_RCVBUFFORCE, SO_MEMINFO = 33, 55
MEMINFO_WORDS, MEMINFO_QUEUED, MEMINFO_DROPS = 9, 0, 8
#: A second of a busy market; the kernel takes it only when it is needed.
ROOM_BYTES = 256 << 20


class Lent:
    """The packet sockets of a process, by interface; empty where that is refused."""

    def __init__(self, pid: int) -> None:
        self._sockets: dict[str, socket.socket] = {}
        with contextlib.suppress(OSError):
            for found in _sockets_of(pid):
                self._keep(found)

    def _keep(self, found: socket.socket) -> None:
        name = found.getsockname()[0] if found.family == socket.AF_PACKET else ""
        if not name or name in self._sockets:
            found.close()
            return
        self._sockets[name] = found
        found.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM_BYTES)

    def is_waiting(self, interface: str) -> bool:
        """Return whether frames of an interface have not been taken yet."""
        found = self._sockets.get(interface)
        return found is not None and _word(found, MEMINFO_QUEUED) > 0

    def lost(self) -> int:
        """Return how many frames found no room."""
        return sum(_word(one, MEMINFO_DROPS) for one in self._sockets.values())

    def close(self) -> None:
        """Give them back; closing twice is harmless."""
        while self._sockets:
            self._sockets.popitem()[1].close()


def _word(found: socket.socket, word: int) -> int:
    """Return what the kernel says of a socket's memory."""
    told = found.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 4 * MEMINFO_WORDS)
    return int.from_bytes(told[4 * word : 4 * word + 4], sys.byteorder)


def _sockets_of(pid: int) -> Iterator[socket.socket]:
    """Yield copies of a process's sockets.

    Raises:
        OSError: the kernel refuses; it takes root, or CAP_SYS_PTRACE.
    """
    library = ctypes.CDLL(None, use_errno=True)
    process = os.pidfd_open(pid)
    try:
        for entry in sorted(Path(f"/proc/{pid}/fd").iterdir()):
            with contextlib.suppress(FileNotFoundError):
                if not str(entry.readlink()).startswith("socket:"):
                    continue
            copy = library.syscall(PIDFD_GETFD, process, int(entry.name), 0)
            if copy < 0:
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number))
            yield socket.socket(fileno=copy)
    finally:
        os.close(process)
