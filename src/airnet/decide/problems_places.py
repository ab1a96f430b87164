"""Problems of a site's places: what is named twice, and whose subnet is whose."""

from collections import Counter
from collections.abc import Iterable, Iterator
from ipaddress import ip_network

from airnet.config import Firm, Site
from airnet.decide.protection import canonical, endpoint, number, span


def place_problems(site: Site) -> Iterator[str]:
    """Yield what is odd about who is where."""
    sessions = [session for firm in site.firms for session in firm.sessions]
    gateways = [endpoint(canonical(one.ip), one.port) for one in site.gateways]
    yield from _twice("gateway", gateways)
    yield from _twice("algorithm", (one.id for one in site.algorithms))
    yield from _twice(
        "session", (f"{one.comp_id} at {canonical(one.host)}" for one in sessions)
    )
    for firm in site.firms:
        yield from _subnet_problems(firm, site)
    for item in site.protected:
        if item.network and ip_network(item.network, strict=False).prefixlen == 0:
            yield (
                f"protected {item.network}: that is every address, so nothing could "
                "ever be contained"
            )


def _twice(what: str, names: Iterable[str]) -> Iterator[str]:
    for name, count in Counter(names).items():
        if count > 1:
            yield f"{what} {name}: given {count} times"


def _subnet_problems(firm: Firm, site: Site) -> Iterator[str]:
    """Yield who else would be cut off with a firm's subnet."""
    if not firm.subnet:
        return
    first, last = span(firm.subnet)
    for gateway in site.gateways:
        if first <= number(gateway.ip) <= last:
            yield (
                f"firm {firm.name}: subnet {firm.subnet} holds gateway {gateway.ip}, "
                "so it can never be isolated"
            )
    for other in site.firms:
        hosts = {*other.hosts, *(session.host for session in other.sessions)}
        inside = [host for host in sorted(hosts) if first <= number(host) <= last]
        if other is not firm and inside:
            yield (
                f"firm {firm.name}: subnet {firm.subnet} holds {inside[0]} of "
                f"{other.name}, which would be cut off with it"
            )
