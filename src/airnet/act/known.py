"""Known: the sessions that the guard lets pass, whatever their address is blamed for.

It holds what is logged on now. A restart forgets who that was, and a table of sessions
can be flooded, so a session that is no longer seen, and was not seen to end, is let
pass for a while longer: a firm that heartbeats shows itself in that time.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from airnet.clock import Clock
from airnet.domain.address import address_text
from airnet.kernel.guard import place_keys
from airnet.kernel.tables import Table

#: Four heartbeats of the usual 30 s. Source: FIX 4.4, HeartBtInt(108), common practice.
LINGER_NS = 120_000_000_000
#: `struct airnet_guard_flow`; the names are SESSION's.
_FLOW = np.dtype(
    [
        ("client", "u1", (16,)),
        ("gateway", "u1", (16,)),
        ("client_port", "<u2"),
        ("gateway_port", "<u2"),
        ("pad", "<u4"),
    ]
)
_NAMES = ("client", "gateway", "client_port", "gateway_port")


class Known:
    """Keeps the guard's table of known conversations true. Not for two threads.

    Args:
        table: the guard's; what is there was known to an earlier process.
        clock: for how long they linger.
    """

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self._present = set(table.keys())
        self._lost_ns = dict.fromkeys(self._present, clock.mono_ns())
        self._seen: tuple[bytes, bytes] | None = None

    def __len__(self) -> int:
        """Return how many conversations pass."""
        return len(self._present)

    def keep(self, trading: NDArray[np.void], ended: NDArray[np.void]) -> None:
        """Take in SESSION rows: those that are logged on, and those that ended.

        Raises:
            UnsupportedError: the kernel refused it.
        """
        seen = _flows(trading), _flows(ended)
        if seen == self._seen and not self._lost_ns:
            return
        now_ns = self._clock.mono_ns()
        alive, gone = (_cut(flows) for flows in seen)
        for key in alive - self._present:
            self._table.update(key, bytes(8))
        self._present |= alive
        for key in alive & self._lost_ns.keys():
            del self._lost_ns[key]
        for key in self._present - alive:
            since_ns = self._lost_ns.setdefault(key, now_ns)
            if key in gone or now_ns - since_ns >= LINGER_NS:
                self._table.delete(key)
                self._present.discard(key)
                del self._lost_ns[key]
        self._seen = seen


class Venues:
    """Keeps the guard's table of where orders are taken. Not for two threads.

    What is there stays: where somebody traded, a confined host may connect to.

    Args:
        table: the guard's.
        listed: the site's gateways, address and port.
    """

    def __init__(self, table: Table, listed: Iterable[tuple[str, int]]) -> None:
        self._table = table
        self._present = set(table.keys())
        self._seen = b""
        for address, port in listed:
            self._add(place_keys(address, port))

    def keep(self, trading: NDArray[np.void]) -> None:
        """Take in SESSION rows that are logged on.

        Raises:
            UnsupportedError: the kernel refused, or has no more room.
        """
        seen = trading[["gateway", "gateway_port"]].tobytes()
        if seen == self._seen:
            return
        for row in trading:
            address = address_text(row["gateway"].tobytes())
            self._add(place_keys(address, int(row["gateway_port"])))
        self._seen = seen

    def _add(self, keys: Iterable[bytes]) -> None:
        for key in keys:
            if key not in self._present:
                self._table.update(key, bytes(8))
                self._present.add(key)


def _flows(rows: NDArray[np.void]) -> bytes:
    found = np.zeros(len(rows), _FLOW)
    for name in _NAMES:
        found[name] = rows[name]
    return found.tobytes()


def _cut(flows: bytes) -> set[bytes]:
    size = _FLOW.itemsize
    return {flows[at : at + size] for at in range(0, len(flows), size)}
