"""Selection: which frames are order traffic, and what is told of the others."""

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from airnet import config
from airnet._ext import selection as kernel
from airnet.domain.address import address_bytes, address_text
from airnet.errors import UnsupportedError

#: Words of a row of the summary: key, frames, bytes, 0.
ROW_WORDS = 4


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """What is watched: addresses of gateways and firms, ports that speak FIX.

    In the mode `order` only IP of a watched address, TCP of a watched port and what
    the kernel cannot look into is taken; in the mode `all` everything is.
    """

    mode: Literal["all", "order"] = "all"
    addresses: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    seed: int = 0

    def selector(self) -> kernel.Selector:
        """Return the rule as a table, for rows here or for the program in the kernel.

        Raises:
            UnsupportedError: there are more addresses than the table holds.
        """
        mode = kernel.MODE_ORDER if self.mode == "order" else kernel.MODE_ALL
        addresses = [address_bytes(one) for one in self.addresses]
        try:
            return kernel.Selector(mode, addresses, list(self.ports), self.seed)
        except ValueError as error:
            raise UnsupportedError(
                f"capture.select: {error}: {len(addresses)}", 'set select = "all"'
            ) from error

    def floods(self, sketch: NDArray[np.uint64]) -> dict[str, tuple[int, int, int]]:
        """Return about how many SYN, UDP and ICMP frames each address was sent.

        Never too few; by more than e/1024 of all of that kind too many for one
        address in 55 (see bpf/select.h).
        """
        return {
            address_text(address_bytes(one)): kernel.estimate(
                sketch, address_bytes(one), self.seed
            )
            for one in self.addresses
        }


class Ignored(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Frames that were not taken, of one kind; ethertype 0 is IEEE 802.3.

    `ethertype` is -1 for those of the kinds that found no row in the summary.
    """

    ethertype: int
    protocol: int
    port: int
    frames: int
    bytes: int


def choose(
    wanted: Literal["auto", "all", "order"], site: config.Site, seed: int = 0
) -> Selection:
    """Return what to take; `auto` is `order` where the site lists its gateways."""
    gateways = [gateway.ip for gateway in site.gateways]
    hosts = [host for firm in site.firms for host in firm.hosts]
    sessions = [session.host for firm in site.firms for session in firm.sessions]
    by_default: Literal["all", "order"] = "order" if gateways else "all"
    return Selection(
        mode=by_default if wanted == "auto" else wanted,
        addresses=tuple(dict.fromkeys([*gateways, *hosts, *sessions])),
        ports=tuple(sorted({gateway.port for gateway in site.gateways})),
        seed=seed,
    )


def ignored(summaries: NDArray[np.uint64]) -> list[Ignored]:
    """Return what one or more CPUs' summaries say together, in order."""
    found: dict[int, list[int]] = {}
    each = kernel.SUMMARY_WORDS // ROW_WORDS
    rows = summaries.reshape(-1, ROW_WORDS)
    for number in np.flatnonzero(rows[:, 1]).tolist():
        key, frames, size, _ = rows[number].tolist()
        is_last = number % each == each - 1
        row = found.setdefault(-1 if is_last else key, [0, 0])
        row[0] += frames
        row[1] += size
    return sorted(
        Ignored(
            ethertype=-1 if key < 0 else key >> 24 & 0xFFFF,
            protocol=0 if key < 0 else key >> 16 & 0xFF,
            port=0 if key < 0 else key & 0xFFFF,
            frames=frames,
            bytes=size,
        )
        for key, (frames, size) in found.items()
    )
