"""Cast, everybody who acts in the lab: the venue, three firms, an unknown host."""

from pathlib import Path
from typing import Self

import msgspec

from airnet.clock import SystemClock
from airnet.lab.actor import Actor, ActorError, python
from airnet.lab.channel import Json
from airnet.lab.network import (
    ADDRESSES,
    CONTROL_ADDRESS,
    CONTROL_PORT,
    FIRMS,
    GATEWAY_PORT,
    UNKNOWN,
    VENUE,
    Network,
)
from airnet.lab.result import SessionCounts, Tally
from airnet.lab.roster import VENUE_COMP, plans
from airnet.lab.session_settings import settings_text

READY_LIMIT_S = 20.0
LOGON_LIMIT_S = 20.0


class Cast:
    """Starts everybody on a network, tells them what to do, hears their counts.

    Args:
        network: where they act; it is up.
        directory: settings and `logs/` go here.
        seed: of everything that is drawn by lot.
    """

    def __init__(self, network: Network, directory: Path, seed: int) -> None:
        self._network = network
        self._directory = directory
        self._seed = seed
        self._clock = SystemClock()
        self.logs = directory / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.actors: dict[str, Actor] = {}

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def start(self) -> None:
        """Start everybody and wait until every session is logged on at both ends.

        Raises:
            ActorError: somebody ended, or is not ready in time.
        """
        self._start_venue()
        own, target = ADDRESSES[UNKNOWN], ADDRESSES[VENUE]
        words = (own, target, str(GATEWAY_PORT), str(self._seed))
        self._add(UNKNOWN, python("airnet.lab.stranger", *words))
        self.actors[VENUE].wait_for("ready", lambda _: True, READY_LIMIT_S)
        for number, firm in enumerate(FIRMS):
            self._start_firm(firm, self._seed + number)
        for firm in FIRMS:
            self.actors[firm].wait_for(
                "counts", lambda said: len(_list(said, "online")) == 2, LOGON_LIMIT_S
            )
        self.actors[VENUE].wait_for(
            "counts", lambda said: len(_list(said, "online")) == 6, LOGON_LIMIT_S
        )

    def end(self) -> None:
        """End everybody: firms first, so that they log out."""
        for name in FIRMS:
            if name in self.actors:
                self.actors[name].dismiss()
        for name in (*FIRMS, UNKNOWN, VENUE):
            actor = self.actors.pop(name, None)
            if actor is not None:
                actor.end()

    def tell_firms(self, **command: object) -> None:
        """Tell all firms the same at about the same time."""
        for firm in FIRMS:
            self.actors[firm].tell(**command)

    def listen(self, wait_s: float = 0.0) -> None:
        """Take in what everybody said; wait at most that long for the venue.

        Raises:
            ActorError: somebody has ended.
        """
        for name, actor in self.actors.items():
            actor.check()
            actor.hear(wait_s if name == VENUE else 0.0)

    def sessions(self) -> tuple[SessionCounts, ...]:
        """Return what both ends of each session have counted, as last heard."""
        at_venue = self._tallies(VENUE)
        return tuple(
            SessionCounts(
                firm=firm,
                comp_id=plan.comp_id,
                host=ADDRESSES[firm],
                by_firm=self._tallies(firm).get(plan.comp_id, Tally()),
                by_venue=at_venue.get(plan.comp_id, Tally()),
            )
            for firm in FIRMS
            for plan in plans(firm)
        )

    def latency_us(self) -> dict[str, int]:
        """Return the median time from order to acknowledgement, as last heard."""
        found: dict[str, int] = {}
        for firm in FIRMS:
            said = self.actors[firm].latest.get("counts", {}).get("latency_us", {})
            found |= msgspec.convert(said, dict[str, int])
        return found

    def flooded(self) -> int:
        """Return how many packets the unknown host has sent, as last heard."""
        said = self.actors[UNKNOWN].latest.get("flooded", {})
        return int(str(said.get("sent", 0)))

    def can_connect(self, limit_s: float) -> bool:
        """Return whether the unknown host reaches the order gateway by TCP."""
        stranger = self.actors[UNKNOWN]
        stranger.tell(do="connect", limit_s=limit_s)
        said = stranger.wait_for("connected", lambda _: True, limit_s + READY_LIMIT_S)
        return said["ok"] is True

    def finish(self, limit_s: float) -> bool:
        """Have every order taken off; True once all are, and everything is answered.

        The venue is heard once more after that, so that its counts are final too.
        """
        self.tell_firms(do="finish")
        end_ns = self._clock.mono_ns() + int(limit_s * 1e9)
        while self._clock.mono_ns() < end_ns:
            self.listen(0.05)
            said = [self.actors[firm].latest.get("counts", {}) for firm in FIRMS]
            if all(one.get("idle") is True for one in said):
                venue = self.actors[VENUE]
                for _ in range(2):
                    venue.wait_for("counts", lambda _: True, READY_LIMIT_S)
                return True
        return False

    def _start_venue(self) -> None:
        """Write the acceptor's settings and start it."""
        common = {
            "ConnectionType": "acceptor",
            "SenderCompID": VENUE_COMP,
            "SocketAcceptPort": str(GATEWAY_PORT),
            "SocketReuseAddress": "Y",
        }
        sessions = [
            {"TargetCompID": plan.comp_id} for firm in FIRMS for plan in plans(firm)
        ]
        settings = self._settings(VENUE, common, sessions)
        control = (CONTROL_ADDRESS, str(CONTROL_PORT))
        self._add(VENUE, python("airnet.lab.venue", settings, *control))

    def _start_firm(self, firm: str, seed: int) -> None:
        """Write a firm's settings and start it."""
        common = {
            "ConnectionType": "initiator",
            "TargetCompID": VENUE_COMP,
            "SocketConnectHost": ADDRESSES[VENUE],
            "SocketConnectPort": str(GATEWAY_PORT),
        }
        mine = plans(firm)
        sessions = [{"SenderCompID": plan.comp_id} for plan in mine]
        settings = self._settings(firm, common, sessions)
        text = msgspec.json.encode(mine).decode()
        self._add(firm, python("airnet.lab.firm", settings, text, str(seed)))

    def _settings(
        self, name: str, common: dict[str, str], sessions: list[dict[str, str]]
    ) -> str:
        """Write a QuickFIX settings file and return its path."""
        path = self._directory / f"{name}.cfg"
        path.write_text(settings_text(common, sessions, self._clock), "ascii")
        return str(path)

    def _add(self, role: str, command: tuple[str, ...]) -> None:
        """Start one process in its role's namespace."""
        inside = self._network.inside(role, *command)
        self.actors[role] = Actor(role, inside, self.logs)

    def _tallies(self, name: str) -> dict[str, Tally]:
        """Return the counts a process last told, by CompID."""
        said = self.actors[name].latest.get("counts", {}).get("sessions", {})
        return msgspec.convert(said, dict[str, Tally])


def _list(said: Json, key: str) -> list[object]:
    """Return a list of an object, empty when there is none."""
    found = said.get(key)
    if found is None or isinstance(found, list):
        return found or []
    raise ActorError(f"{key} is no list: {found!r}", "report this as a bug")
