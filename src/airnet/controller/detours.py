"""Detours: which ports a gateway's traffic may be led to, as the operator said.

To lead orders to a port is to hand them to whoever listens there. So where the operator
named ports, no others are taken; and what is protected goes by named ones alone.
"""

from collections.abc import Iterable

from airnet.controller.entries import network, text_of
from airnet.controller.flows import Apply, Hop
from airnet.errors import ConfigError

Detours = dict[str, set[Hop]]


def detours(texts: Iterable[str]) -> Detours:
    """Return ports by gateway, of GATEWAY=PORT or GATEWAY=PORT@MAC.

    Raises:
        ConfigError: one is neither.
    """
    found: Detours = {}
    for text in texts:
        gateway, _, way = text.partition("=")
        port, _, mac = way.partition("@")
        try:
            hop = Hop(port=int(port), mac=mac)
            found.setdefault(text_of(network(gateway)), set()).add(hop)
        except ValueError as error:
            raise ConfigError(
                f"path {text}: {error}", "give GATEWAY=PORT or GATEWAY=PORT@MAC"
            ) from error
    return found


def is_listed(asked: Apply, listed: Detours) -> bool:
    """Return whether every port of a reroute is one that the operator named for it."""
    if asked.action != "reroute":
        return False
    ports = listed.get(text_of(network(asked.gateway)), set())
    return set(asked.path) <= ports


def refusal(asked: Apply, listed: Detours) -> str:
    """Return why a reroute goes where nobody allowed it to, or nothing."""
    if asked.action != "reroute" or not listed or is_listed(asked, listed):
        return ""
    ports = ", ".join(str(hop.port) for hop in asked.path)
    return f"{asked.gateway} by port {ports}: this controller was told of no such path"
