"""Which things no action may match, and which hosts the site calls its own."""

import functools
import ipaddress

from airnet.config import Site
from airnet.domain.session import SessionName, address_bytes, address_text
from airnet.errors import ConfigError

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


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


def _network(text: str) -> IpNetwork:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise ConfigError(
            f"site: protected.network: {error}", "write an address or a prefix"
        ) from error


class Protection:
    """The protected list of a Site as a question: may this be touched?

    Gateways and drop-copy sessions are protected even when the list forgets them: an
    action may shield a gateway from strangers, never cut it.

    Raises:
        ConfigError: a protected network is neither an address nor a prefix.
    """

    def __init__(self, site: Site) -> None:
        self._networks: list[tuple[IpNetwork, str]] = []
        self._comps: dict[str, str] = {}
        for item in site.protected:
            if item.network:
                self._networks.append((_network(item.network), item.why))
            else:
                self._comps[item.comp_id] = item.why
        self._gateways = {canonical(gateway.ip) for gateway in site.gateways}
        self._hosts = {canonical(host) for firm in site.firms for host in firm.hosts}
        for firm in site.firms:
            for session in firm.sessions:
                self._hosts.add(canonical(session.host))
                if session.kind == "drop_copy":
                    self._comps.setdefault(session.comp_id, "drop copy")

    @property
    def comp_ids(self) -> frozenset[str]:
        """Return the protected CompIDs."""
        return frozenset(self._comps)

    def is_listed(self, address: str) -> bool:
        """Return whether the site's own list names this address."""
        parsed = ipaddress.ip_address(canonical(address))
        return any(
            parsed.version == network.version and parsed in network
            for network, _ in self._networks
        )

    def address_reason(self, address: str) -> str:
        """Return why no action may match this address, or "" when one may.

        What cannot be read as an address is protected: doubt never cuts.
        """
        try:
            text = canonical(address)
        except ValueError:
            return "not an address"
        if text in self._gateways:
            return "order gateway"
        parsed = ipaddress.ip_address(text)
        for network, why in self._networks:
            if parsed.version == network.version and parsed in network:
                return why
        return ""

    def session_reason(self, session: SessionName) -> str:
        """Return why no action may match this session, or "" when one may."""
        for comp in (session.client_comp, session.gateway_comp):
            if comp in self._comps:
                return self._comps[comp]
        return self.address_reason(session.client)

    def is_host(self, address: str) -> bool:
        """Return whether the site lists this address as a firm's or a gateway."""
        try:
            text = canonical(address)
        except ValueError:
            return False
        return text in self._hosts or text in self._gateways

    def source_reason(self, address: str) -> str:
        """Return why this address may not be cut as a flood's source, or "".

        A known host's address in a flood is more likely forged than guilty (SR-19).
        """
        reason = self.address_reason(address)
        if reason:
            return reason
        return "host of the site" if self.is_host(address) else ""
