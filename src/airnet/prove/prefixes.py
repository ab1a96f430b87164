"""Prefixes: ranges of addresses, as a proof has them, the way a site writes them."""

import ipaddress

from airnet.domain.address import address_text


def text(address: int) -> str:
    """Return an address, as a number, in its one spelling."""
    return address_text(address.to_bytes(16, "big"))


def first_of(first: int, last: int) -> str:
    """Return the first prefix that these addresses are made of."""
    return all_of(first, last)[0]


def covering(first: int, last: int) -> str:
    """Return the smallest prefix that holds all these addresses."""
    bits = (first ^ last).bit_length()
    low = text(first >> bits << bits)
    is_mapped = ":" not in low and bits <= 32
    return f"{low}/{(32 if is_mapped else 128) - bits}"


def all_of(first: int, last: int) -> list[str]:
    """Return the prefixes that these addresses are made of."""
    low, high = ipaddress.ip_address(text(first)), ipaddress.ip_address(text(last))
    if isinstance(low, ipaddress.IPv4Address) and isinstance(
        high, ipaddress.IPv4Address
    ):
        return [str(one) for one in ipaddress.summarize_address_range(low, high)]
    if isinstance(low, ipaddress.IPv6Address) and isinstance(
        high, ipaddress.IPv6Address
    ):
        return [str(one) for one in ipaddress.summarize_address_range(low, high)]
    return [f"{low}/{low.max_prefixlen}"]
