"""Paths: second ways to a gateway, as the site knows them and as switches do."""

import re

import msgspec

from airnet.closed import Closed, require, require_each_once, require_name
from airnet.domain.address import address_bytes

#: A switch's ports, and an address of one station. Source: OpenFlow 1.3.5, A.2.1
#: (OFPP_MAX); IEEE 802-2014 section 8.2.2: the lowest bit of the first octet.
PORT_MAX, HOPS_MAX = 0xFFFFFF00, 8
NEXT_HOP = r"[0-9a-f][02468ace](:[0-9a-f]{2}){5}"


class LinePath(Closed, frozen=True):
    """A second way to a gateway; what the mirror sees of `witness` proves it is up.

    `witness` is the address of a gateway that is spoken to by this way and no other.
    """

    name: str
    gateway: str
    witness: str

    def __post_init__(self) -> None:
        require_name(self.name)
        is_other = address_bytes(self.gateway) != address_bytes(self.witness)
        require(is_other, "`witness` must be another address than `gateway`")


class Hop(Closed, frozen=True):
    """A port of the switch, and the address of the next hop behind it ("": as sent)."""

    port: int
    mac: str = ""

    def __post_init__(self) -> None:
        require(0 < self.port <= PORT_MAX, f"`port` must be 1..{PORT_MAX}")
        fits = not self.mac or re.fullmatch(NEXT_HOP, self.mac)
        require(fits, "`mac` must be one next hop's, as 02:00:00:00:00:07, or left out")


class Way(Closed, frozen=True):
    """Which ports a path of the site is: the first whose link is up is taken."""

    name: str
    hops: tuple[Hop, ...]

    def __post_init__(self) -> None:
        require_name(self.name)
        require(0 < len(self.hops) <= HOPS_MAX, f"`hops` must be 1..{HOPS_MAX} of them")


class Sdn(Closed, frozen=True):
    """Sockets of controllers that may lead for the first; the ports of the paths."""

    standby: tuple[str, ...] = ()
    paths: tuple[Way, ...] = msgspec.field(name="path", default=())

    def __post_init__(self) -> None:
        require_each_once([path.name for path in self.paths])
