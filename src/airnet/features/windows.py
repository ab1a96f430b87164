"""Windows: Message rows into Window rows, by the kernel `airnet._ext.window`."""

from airnet._ext import window as kernel
from airnet.arrays import as_array
from airnet.domain.address import address_bytes
from airnet.errors import ConfigError

TYPE_CHECKING = False  # as in airnet.front
if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray


class Windows:
    """What every session, gateway, source and venue did, kept in fixed memory.

    Args:
        gateways: (address text, port) of the site's order gateways; more are learned
            from the sessions that are seen.
        hosts: addresses of the site's own hosts.

    Raises:
        ConfigError: more gateways or hosts than the tables hold.
        ValueError: an address is no IP address.
    """

    def __init__(
        self, gateways: "Sequence[tuple[str, int]]", hosts: "Sequence[str]"
    ) -> None:
        self._windows = kernel.window_rows()
        self._rows = kernel.feature_rows()
        self._table = kernel.WindowTable(self._windows, self._rows)
        self._arrays: tuple[NDArray[np.void], NDArray[np.float32]] | None = None
        for address, port in dict.fromkeys(gateways):
            if not self._table.add_gateway(address_bytes(address), port):
                raise ConfigError(
                    f"gateway {address}: too many gateways", "list fewer gateways"
                )
        for address in dict.fromkeys(hosts):
            if not self._table.add_host(address_bytes(address)):
                raise ConfigError(f"host {address}: too many hosts", "list fewer hosts")

    def update(
        self,
        headers: "NDArray[np.void] | memoryview",
        messages: "NDArray[np.void] | memoryview",
    ) -> int:
        """Take HEADER[n] and their MESSAGE[m]; return how many headers were taken.

        It stops early when its output is full, possibly before the first header but
        never without a window: read `windows` and `rows`, then call again with the
        rest and the same messages. The SESSION table is not read: its rows change
        within a batch, and no answer may depend on where a batch ends.
        """
        return self._table.update(headers, messages)

    @property
    def count(self) -> int:
        """How many windows the last update closed."""
        return self._table.count

    @property
    def table(self) -> kernel.WindowTable:
        """The kernel's state, for who updates it in one call with the rest."""
        return self._table

    @property
    def windows(self) -> "NDArray[np.void]":
        """WINDOW[k] that the last update closed; valid until the next one."""
        return self._as_arrays()[0][: self._table.count]

    @property
    def rows(self) -> "NDArray[np.float32]":
        """float32[k, 64] features of those windows; valid until the next update."""
        return self._as_arrays()[1][: self._table.count]

    def _as_arrays(self) -> "tuple[NDArray[np.void], NDArray[np.float32]]":
        """Return the whole memory as arrays, made once.

        numpy takes 0.1 ms to read the layout of a memoryview.
        """
        if self._arrays is None:
            self._arrays = as_array(self._windows), as_array(self._rows)
        return self._arrays

    @property
    def now_ns(self) -> int:
        """The largest frame time so far, ns since the epoch; 0 before the first."""
        return self._table.now_ns

    def session_accepted_ns(self, index: int) -> int:
        """When the gateway last acknowledged a new order of a session; 0 = never."""
        return self._table.accepted_ns(index)

    def source_last_ns(self, address: str) -> int:
        """When an address last sent a flood-like packet; 0 = never, or forgotten."""
        return self._table.source_last_ns(address_bytes(address))

    def spoke_ns(self, source: str, target: str) -> int:
        """When one address last spoke to another, sessions apart; 0 = never."""
        return self._table.spoke_ns(address_bytes(source), address_bytes(target))

    def counters(self) -> dict[str, int]:
        """Return what was bounded or refused: name -> count."""
        return self._table.counters()
