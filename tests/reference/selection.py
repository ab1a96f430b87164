"""The selection of bpf/select.h, slow and obvious: what is taken, what is summarised.

Reference of ext/selection.pyx, and with it of tap.bpf.c.
"""

import ipaddress

TAGS = {0x8100, 0x88A8, 0x9100}
SHIMS = {0x8847, 0x8848, 0x8864, 0x8909, 0x8926, 0x893F}
TUNNELS = {4, 41, 47, 137, 51}
EXTENSIONS = {0, 43, 44, 51, 60, 135, 139, 140}
TUNNEL_PORTS = {4789, 8472, 6081, 6635}
ICMP = {1, 58}


class Opaque(Exception):
    """Decode must look at this frame."""


class Fields:
    """What the headers of one frame say; opaque when only decode can tell."""

    def __init__(self, frame: bytes) -> None:
        self.ethertype = self.protocol = self.flags = 0
        self.ports = (0, 0)
        self.addresses: tuple[str, ...] = ()
        self.is_opaque = False
        try:
            self._ethernet(frame)
        except (Opaque, IndexError):
            self.is_opaque = True

    def _ethernet(self, frame: bytes) -> None:
        rest = take(frame, 14)
        self.ethertype = int.from_bytes(frame[12:14], "big")
        for _ in range(2):
            if self.ethertype in TAGS:
                tag, rest = rest, take(rest, 4)
                self.ethertype = int.from_bytes(tag[2:4], "big")
        if self.ethertype in TAGS | SHIMS:
            raise Opaque
        if self.ethertype < 0x600:
            self.ethertype = 0
        elif self.ethertype == 0x0800:
            self._ipv4(rest)
        elif self.ethertype == 0x86DD:
            self._ipv6(rest)

    def _ipv4(self, packet: bytes) -> None:
        take(packet, 20)
        length = (packet[0] & 15) * 4
        if packet[0] >> 4 != 4 or length < 20:
            raise Opaque
        self.protocol = packet[9]
        self.addresses = tuple(
            str(ipaddress.ip_address(packet[at : at + 4])) for at in (12, 16)
        )
        if int.from_bytes(packet[6:8], "big") & 0x3FFF or self.protocol in TUNNELS:
            raise Opaque
        self._transport(packet[length:])

    def _ipv6(self, packet: bytes) -> None:
        rest = take(packet, 40)
        if packet[0] >> 4 != 6:
            raise Opaque
        self.protocol = packet[6]
        self.addresses = tuple(
            str(ipaddress.ip_address(packet[at : at + 16])) for at in (8, 24)
        )
        if self.protocol in EXTENSIONS | TUNNELS:
            raise Opaque
        self._transport(rest)

    def _transport(self, segment: bytes) -> None:
        if self.protocol not in (6, 17):
            return
        take(segment, 8)
        source, target = segment[0:2], segment[2:4]
        self.ports = (int.from_bytes(source, "big"), int.from_bytes(target, "big"))
        if self.protocol == 6:
            take(segment, 14)
            self.flags = segment[13]
        elif self.ports[1] in TUNNEL_PORTS:
            raise Opaque

    def key(self) -> tuple[int, int, int]:
        return self.ethertype, self.protocol, self.ports[1]

    def kind(self) -> str | None:
        """Return which kind of flood this may be a part of."""
        if not self.addresses:
            return None
        if self.protocol == 6 and self.flags & 0x12 == 0x02:
            return "syn"
        if self.protocol == 17:
            return "udp"
        return "icmp" if self.protocol in ICMP else None


def take(data: bytes, count: int) -> bytes:
    """Return what is behind the first `count` bytes, which must be there."""
    if len(data) < count:
        raise Opaque
    return data[count:]


def plain(address: str) -> str:
    """Return the text of an address, a mapped one as IPv4."""
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(found)


def wants(frame: bytes, addresses: set[str], ports: set[int]) -> bool:
    """Return whether order traffic is what this may be."""
    fields = Fields(frame)
    if fields.is_opaque:
        return True
    if not fields.addresses:
        return False
    if fields.protocol == 6 and set(fields.ports) & ports:
        return True
    return bool({plain(one) for one in fields.addresses} & addresses)
