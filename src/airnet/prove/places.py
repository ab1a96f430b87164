"""Places: the addresses and names of a site, as its author meant them.

Read from the site itself, beside what the guardrails read (airnet.decide.protection).
"""

import ipaddress
from typing import Any

from airnet.config import Site

Range = tuple[int, int]


def span(network: str) -> Range:
    """Return the first and last address of a prefix, IPv4 as IPv6 maps it."""
    parsed = ipaddress.ip_network(network, strict=False)
    offset = 0xFFFF << 32 if parsed.version == 4 else 0
    first = int(parsed.network_address) + offset
    return first, int(parsed.broadcast_address) + offset


def meets(ranges: list[Range], first: Any, last: Any) -> Any:
    """Return whether addresses `first` to `last` meet one of the ranges."""
    met = first > last
    for low, high in ranges:
        met = met | ((low <= last) & (first <= high))
    return met


def protected(site: Site) -> list[Range]:
    """Return the addresses nothing may match, as the site's author meant them."""
    gateways = [span(gateway.ip) for gateway in site.gateways]
    listed = [span(item.network) for item in site.protected if item.network]
    # A group's address is many hosts, and how clocks are told the time (IEEE 1588).
    return [*gateways, *listed, span("224.0.0.0/4"), span("ff00::/8")]


def vital(site: Site, role: str) -> list[Range]:
    """Return the addresses of a role."""
    items = (item for item in site.protected if item.role == role and item.network)
    return [span(item.network) for item in items]


def own(site: Site) -> list[Range]:
    """Return the addresses of the site's own hosts."""
    hosts = {host for firm in site.firms for host in firm.hosts}
    hosts |= {session.host for firm in site.firms for session in firm.sessions}
    hosts |= {gateway.ip for gateway in site.gateways}
    return [span(host) for host in sorted(hosts)]


def comps(site: Site) -> dict[str, bool]:
    """Return every CompID of the site, and whether nothing may match it."""
    found = {gateway.comp_id: False for gateway in site.gateways if gateway.comp_id}
    for firm in site.firms:
        found |= {s.comp_id: s.kind == "drop_copy" for s in firm.sessions}
    found |= {item.comp_id: True for item in site.protected if item.comp_id}
    return dict(sorted(found.items()))
