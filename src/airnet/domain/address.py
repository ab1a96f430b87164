"""Addresses: 16 bytes in network order in rows, text in objects right of score.

Light to import, as what only makes features is: ipaddress is loaded for what is not
IPv4 in dotted quads.
"""

import functools

TYPE_CHECKING = False  # as in airnet.front
if TYPE_CHECKING:
    import ipaddress

_MAPPED = b"\0" * 10 + b"\xff\xff"


def address_text(address: bytes) -> str:
    """Return 16 network-order bytes as text; IPv4-mapped ones as dotted quads.

    Source: RFC 4291 section 2.5.5.2.
    """
    if address[:12] == _MAPPED:
        return ".".join(map(str, address[12:]))
    assert len(address) == 16, "an address of 16 bytes"
    return str(_any(address))


@functools.lru_cache(maxsize=4096)
def address_bytes(text: str) -> bytes:
    """Return an IP address as 16 network-order bytes, IPv4 mapped.

    Raises:
        ValueError: `text` is no IP address.
    """
    parts = text.split(".")
    if len(parts) == 4 and all(map(_is_octet, parts)):  # what is asked for most
        return _MAPPED + bytes(map(int, parts))
    address = _any(text)
    return _MAPPED + address.packed if address.version == 4 else address.packed


def _is_octet(text: str) -> bool:
    """Return whether it is 0..255 as ipaddress takes it: no zero in front."""
    is_number = text.isascii() and text.isdigit() and len(text) <= 3
    return is_number and (text == "0" or text[0] != "0") and int(text) < 256


def _any(address: "str | bytes") -> "ipaddress.IPv4Address | ipaddress.IPv6Address":
    """Return an address of either family, or raise ValueError."""
    import ipaddress  # noqa: PLC0415 -- 2 ms, and a site of dotted quads needs none

    return ipaddress.ip_address(address)
