"""Peers: whom the site names, and who was seen trading. Bounded memory."""

from collections.abc import Iterable, Mapping

from airnet.config import Site
from airnet.decide.protection import Range, canonical, endpoint, span
from airnet.decide.streaks import STREAKS_MAX
from airnet.domain.session import Look, SessionName
from airnet.domain.verdict import Verdict
from airnet.domain.window import WINDOW_SESSION


class Peers:
    """The gateways' places, the clients seen, and how many sessions there are.

    Args:
        site: the network as its engineers know it.
        is_weighing: keep how much each session sent while it was normal.
    """

    def __init__(self, site: Site, *, is_weighing: bool = False) -> None:
        self._places: dict[str, tuple[str, ...]] = {}
        self._assets: dict[str, str] = {}
        for gateway in site.gateways:
            address = canonical(gateway.ip)
            place = endpoint(address, gateway.port)
            self._places[address] = (*self._places.get(address, ()), place)
            self._assets[place] = gateway.asset
            self._assets.setdefault(address, gateway.asset)
        self._subnets = [
            (firm.subnet, span(firm.subnet), len({span(host) for host in firm.hosts}))
            for firm in site.firms
            if firm.subnet
        ]
        self._clients: dict[str, None] = {}
        self._venues: dict[tuple[str, int], None] = {}
        self._is_weighing = is_weighing
        self._frames: dict[str, int] = {}
        self._frame_count = 0
        self.session_count = sum(len(firm.sessions) for firm in site.firms)

    def meet(self, verdict: Verdict) -> None:
        """Remember the session that a session window names."""
        if verdict.session is None or verdict.window_kind != WINDOW_SESSION:
            return
        self.session_count = max(self.session_count, verdict.session_number)
        self._note(verdict.session)

    def see(self, look: Look) -> None:
        """Remember a session of which nothing is said, if a gateway has answered it."""
        self.session_count = max(self.session_count, look.number)
        name = look.name
        if look.is_answered:
            self._note(name)
        if self._is_weighing and look.is_normal:
            self._weigh(endpoint(name.client, name.client_port), look.frames)

    def _note(self, name: SessionName) -> None:
        """Remember both ends; of each, who was met longest ago is forgotten."""
        address, venue = name.client, (name.gateway, name.gateway_port)
        if venue not in self._venues:
            self._venues[venue] = None
            if len(self._venues) > STREAKS_MAX:
                del self._venues[next(iter(self._venues))]
        self._clients.pop(address, None)
        self._clients[address] = None
        if len(self._clients) > STREAKS_MAX:
            del self._clients[next(iter(self._clients))]

    @property
    def clients(self) -> Iterable[str]:
        """Return the addresses that were seen trading."""
        return self._clients.keys()

    def is_client(self, address: str) -> bool:
        """Return whether this address was seen trading."""
        return canonical(address) in self._clients

    def is_venue(self, address: str, port: int) -> bool:
        """Return whether a session was seen at this address and port."""
        return (address, port) in self._venues

    def places(self, address: str) -> tuple[str, ...]:
        """Return every `ip:port` that the site has a gateway at, of this address."""
        return self._places.get(address, ())

    def is_unlisted(self, address: str) -> bool:
        """Return whether the site lists its gateways, and none at this address."""
        return bool(self._places) and address not in self._places

    def asset(self, address: str, port: int) -> str:
        """Return the asset class traded at a gateway; "" where nobody said."""
        place = endpoint(address, port)
        return self._assets.get(place) or self._assets.get(address, "")

    def flow(self, sessions: list[str]) -> tuple[int, int]:
        """Return the frames of these sessions while normal, and those of all."""
        part = sum(self._frames.get(session, 0) for session in sessions)
        return part, self._frame_count

    def subnet(self, host: int) -> str:
        """Return the subnet that an address is in, as the site has it, or ""."""
        for text, (low, high), _ in self._subnets:
            if low <= host <= high:
                return text
        return ""

    def hosts_in(self, place: Range) -> int:
        """Return how many hosts of the site one of its subnets holds."""
        return sum(hosts for _, subnet, hosts in self._subnets if subnet == place)

    def recall(
        self, clients: Iterable[str], session_count: int, frames: Mapping[str, int]
    ) -> None:
        """Take up what was known, or could be: the inverse of `state`."""
        self._clients = dict.fromkeys(clients)
        self.session_count = session_count
        self._frames = dict(frames)
        self._frame_count = sum(self._frames.values())

    def state(self) -> tuple[object, ...]:
        """Return everything remembered, as a value."""
        frames = tuple(self._frames.items())
        venues = tuple(self._venues)
        return (tuple(self._clients), venues, self.session_count, frames)

    def _weigh(self, session: str, frames: int) -> None:
        """Add what a session sent; the one seen longest ago is forgotten."""
        self._frames[session] = self._frames.pop(session, 0) + frames
        self._frame_count += frames
        if len(self._frames) > STREAKS_MAX:
            self._frame_count -= self._frames.pop(next(iter(self._frames)))
