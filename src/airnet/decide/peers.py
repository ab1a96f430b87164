"""Peers: whom the site names, and who was seen trading. Bounded memory."""

from airnet.config import Site
from airnet.decide.protection import canonical, endpoint
from airnet.decide.streaks import STREAKS_MAX
from airnet.domain.verdict import Verdict
from airnet.domain.window import WINDOW_SESSION


class Peers:
    """The gateways' places, the clients seen, and how many sessions there are."""

    def __init__(self, site: Site) -> None:
        self._places: dict[str, tuple[str, ...]] = {}
        for gateway in site.gateways:
            address = canonical(gateway.ip)
            places = (*self._places.get(address, ()), endpoint(address, gateway.port))
            self._places[address] = places
        self._clients: dict[str, None] = {}
        self.session_count = sum(len(firm.sessions) for firm in site.firms)

    def meet(self, verdict: Verdict) -> None:
        """Remember the session that a session window names."""
        if verdict.session is None or verdict.window_kind != WINDOW_SESSION:
            return
        self.session_count = max(self.session_count, verdict.session_number)
        address = verdict.session.client
        self._clients.pop(address, None)
        self._clients[address] = None
        if len(self._clients) > STREAKS_MAX:
            del self._clients[next(iter(self._clients))]

    def is_client(self, address: str) -> bool:
        """Return whether this address was seen trading."""
        return canonical(address) in self._clients

    def places(self, address: str) -> tuple[str, ...]:
        """Return every `ip:port` that the site has a gateway at, of this address."""
        return self._places.get(address, ())

    def state(self) -> tuple[object, ...]:
        """Return everything remembered, as a value."""
        return (tuple(self._clients), self.session_count)
