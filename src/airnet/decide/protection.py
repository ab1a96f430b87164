"""Which things no action may match, and which hosts the site calls its own."""

import functools
import ipaddress
from urllib.parse import urlsplit

from airnet.config import Site
from airnet.decide.rules import touches
from airnet.domain.address import address_bytes, address_text
from airnet.domain.session import SessionName
from airnet.errors import ConfigError

#: From the first address to the last, as `number` counts them.
Range = tuple[int, int]

#: No one host has these, and clocks speak to some (PTP: IEEE 1588-2019, annex C).
#: Source: RFC 6890, RFC 5771, RFC 4291 sections 2.5.2 and 2.7.
NOBODY = ("224.0.0.0/4", "255.255.255.255", "0.0.0.0/32", "::", "ff00::/8")

#: Sources of which it is remembered whether they may be cut.
SOURCES_MAX = 4096


@functools.lru_cache(maxsize=4096)
def canonical(address: str) -> str:
    """Return `address` in its one canonical spelling (RFC 5952; IPv4 unmapped).

    Raises:
        ValueError: it is no IP address.
    """
    return address_text(address_bytes(address))


@functools.lru_cache(maxsize=16384)
def endpoint(address: str, port: int) -> str:
    """Return `ip:port`, an IPv6 address in brackets (RFC 3986 section 3.2.2)."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def number(address: str) -> int:
    """Return an address as a number, IPv4 as IPv6 maps it (RFC 4291, 2.5.5.2).

    Raises:
        ValueError: it is no IP address.
    """
    return int.from_bytes(address_bytes(address), "big")


def span(network: str) -> Range:
    """Return the first and the last address of an address or prefix.

    Raises:
        ValueError: it is neither.
    """
    parsed = ipaddress.ip_network(network, strict=False)
    return number(str(parsed[0])), number(str(parsed[-1]))


def _listed(network: str) -> Range:
    try:
        return span(network)
    except ValueError as error:
        raise ConfigError(
            f"site: protected.network: {error}", "write an address or a prefix"
        ) from error


class Protection:
    """The protected list of a Site as a question: may this be touched?

    Gateways, what commands them and drop-copy sessions are protected even when the
    list forgets them: an action may shield a gateway from strangers, never cut it.

    Attributes:
        guarded: what no action may match, with why.
        vital: what airnet sees by, acts through or tells the time by.
        hosts: what the site calls its own, gateways too.

    Raises:
        ConfigError: a protected network is neither an address nor a prefix.
    """

    def __init__(self, site: Site) -> None:
        self.guarded: list[tuple[Range, str]] = [
            (span(gateway.ip), "order gateway") for gateway in site.gateways
        ]
        self.vital: list[Range] = []
        self._comps: dict[str, str] = {}
        self._listed: list[Range] = []
        for item in site.protected:
            if not item.network:
                self._comps[item.comp_id] = item.why
                continue
            self._listed.append(_listed(item.network))
            self.guarded.append((self._listed[-1], item.why))
            if item.role:
                self.vital.append(self._listed[-1])
        self.guarded += [(place, "gateway control") for place in _controls(site)]
        self.guarded += [(span(each), "no one host's address") for each in NOBODY]
        own = [host for firm in site.firms for host in firm.hosts]
        own += [gateway.ip for gateway in site.gateways]
        for firm in site.firms:
            for session in firm.sessions:
                own.append(session.host)
                if session.kind == "drop_copy":
                    self._comps.setdefault(session.comp_id, "drop copy")
        self.hosts = sorted({span(host) for host in own})
        self._sources: dict[str, str] = {}  # what was answered; the site never changes

    @property
    def comp_ids(self) -> frozenset[str]:
        """Return the protected CompIDs."""
        return frozenset(self._comps)

    def is_listed(self, address: str) -> bool:
        """Return whether the site's own list names this address."""
        place = number(address)
        return bool(touches(self._listed, place, place))

    def range_reason(self, first: int, last: int) -> str:
        """Return why no action may match any of these addresses, or ""."""
        for each, why in self.guarded:
            if touches((each,), first, last):
                return why
        return ""

    def address_reason(self, address: str) -> str:
        """Return why no action may match this address, or "" when one may.

        What cannot be read as an address is protected: doubt never cuts.
        """
        try:
            place = number(address)
        except ValueError:
            return "not an address"
        return self.range_reason(place, place)

    def comp_reason(self, session: SessionName) -> str:
        """Return why no action may match a session of these CompIDs, or ""."""
        for comp in (session.client_comp, session.gateway_comp):
            if comp in self._comps:
                return self._comps[comp]
        return ""

    def is_host(self, address: str) -> bool:
        """Return whether the site lists this address as a firm's or a gateway."""
        try:
            place = number(address)
        except ValueError:
            return False
        return bool(touches(self.hosts, place, place))

    def source_reason(self, address: str) -> str:
        """Return why this address may not be cut as a flood's source, or "".

        A known host's address in a flood is more likely forged than guilty (SR-19).
        """
        reason = self._sources.get(address)
        if reason is None:
            reason = self.address_reason(address)
            if not reason and self.is_host(address):
                reason = "host of the site"
            if len(self._sources) >= SOURCES_MAX:
                self._sources.clear()
            self._sources[address] = reason
        return reason


def _controls(site: Site) -> list[Range]:
    """Return the addresses that gateways are commanded at."""
    found = []
    for gateway in site.gateways:
        host = urlsplit(gateway.control).hostname if gateway.control else ""
        try:
            found.append(span(host or ""))
        except ValueError:
            continue  # a name: nobody may look it up while deciding
    return found
