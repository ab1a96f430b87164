"""Where a bourse's capture takes place: times, addresses, hosts, and what is told."""

import dataclasses
import datetime
import struct
from typing import Any

from strangers.bourse_desk import Harm
from strangers.bourse_firms import Firm
from strangers.bourse_wire import Habits, Host, Mirror
from strangers.exchange_dice import Dice
from strangers.loop import SECOND

#: What the streams of chance are seeded with besides the family and the seed.
STREAM = "h5"
VENDORS = (b"\0\x1b!", b"<\xfd\xfe", b"\0\x0fS", b"\xb8\xce\xf6", b"PkK")
#: First bytes of addresses of the Internet.
FOREIGN = (5, 31, 45, 62, 77, 80, 91, 103, 141, 152, 177, 185, 188, 193, 201, 212)
FIRST_DAY = datetime.datetime(2026, 1, 5, tzinfo=datetime.UTC)
SATURDAY = 5
PLAIN = Habits()


@dataclasses.dataclass(eq=False)
class Incident:
    """What went wrong, and each time (ns) at which it did harm, by culprit."""

    cause: str
    harm: dict[str, Harm]
    sessions: list[str] = dataclasses.field(default_factory=list)
    hosts: list[str] = dataclasses.field(default_factory=list)
    victims: list[str] = dataclasses.field(default_factory=list)
    gateway: str = ""
    #: From when till when, where that is not from the first harm to the last.
    onset: int | None = None
    end: int | None = None


class Ground:
    """The day, the hour and the addresses of one capture."""

    def __init__(self, name: str, seed: int, *, is_night: bool) -> None:
        self.name, self.seed = name, seed
        self.stem = name.removeprefix("bourse_")
        self.rng = r = Dice(f"{STREAM}|{self.stem}|{seed}|a")
        #: How hard it is to see what goes wrong: 0 is loud, 1 is subtle.
        self.hard = r.random()
        self.mirror = Mirror(r, self._start(is_night=is_night))
        self.clock = self.mirror.clock
        self.dur = self.mirror.dur = int(r.uniform(27, 39.5) * SECOND)
        #: How long everything has gone on when the capture begins (ns).
        self.warm = int(r.uniform(2.5, 5) * SECOND)
        self.clock.now = -self.warm
        #: Whether the sessions are on by then.
        self.is_joined = r.random() < 0.6
        #: From when till when something goes wrong (ns of the capture).
        self.onset = int(r.uniform(9, 16.5) * SECOND)
        last = self.dur - int(1.2 * SECOND)
        self.end = min(last, self.onset + int(r.uniform(7.5, 17) * SECOND))
        self.incidents: list[Incident] = []
        self.firms: list[Firm] = []
        self._macs: set[bytes] = set()
        self.used: set[str] = set()

    def _start(self, *, is_night: bool) -> int:
        r = self.rng
        day = FIRST_DAY + datetime.timedelta(days=r.randrange(0, 160))
        while day.weekday() >= SATURDAY:
            day += datetime.timedelta(days=1)
        hour = r.uniform(20, 23.5) if is_night else r.uniform(7.2, 19)
        return int(day.timestamp() + hour * 3600) * SECOND + r.randrange(SECOND)

    def level(self, loud: float, subtle: float) -> float:
        """Return a number between the two, by how hard the capture is."""
        return loud * float((subtle / loud) ** self.hard)

    # -- addresses -------------------------------------------------------------

    def mac(self) -> bytes:
        """Return a fresh MAC address."""
        r = self.rng
        while True:
            lead = r.choice(VENDORS)
            found = lead + bytes(r.randrange(256) for _ in range(3))
            if found not in self._macs:
                self._macs.add(found)
                return found

    def host(
        self,
        ip: str,
        mac: bytes | None,
        delay: tuple[float, float],
        habits: Habits = PLAIN,
    ) -> Host:
        """Return a new host; without a MAC address it has one of its own."""
        one = Host(self.mirror, ip, mac or self.mac(), delay, habits)
        self.used.add(ip)
        self.mirror.hosts[ip] = one
        return one

    def free(self, net: str) -> str:
        """Return an address of a network that nobody has."""
        while True:
            ip = f"{net}{self.rng.randrange(3, 250)}"
            if ip not in self.used:
                return ip

    def foreign(self) -> str:
        """Return an address of the Internet that nobody has."""
        r = self.rng
        while True:
            first, second = r.choice(FOREIGN), r.randrange(1, 255)
            ip = f"{first}.{second}.{r.randrange(256)}.{r.randrange(1, 255)}"
            if ip not in self.used:
                return ip

    def trading_host(self, firm: Firm) -> Host:
        """Return a new host of a firm that trades."""
        r = self.rng
        ip = self.free(firm.net)
        delay = firm.delay * r.uniform(0.9, 1.2), r.uniform(200, 1500)
        habits = Habits(firm.hops, firm.has_stamps, firm.acks)
        one = self.host(ip, firm.router if firm.hops else None, delay, habits)
        one.open = {22, 9100} if r.random() < 0.5 else {22}
        return one


class Offices(Ground):
    """The networks around the bourse: operations, services, the Internet."""

    def _settle(self) -> None:
        """Have the services of operations be there."""
        r = self.rng
        tens, nets = f"10.{r.randrange(1, 9)}.0.", f"192.168.{r.randrange(2, 90)}."
        self.office = r.choice((tens, nets, f"172.16.{r.randrange(1, 250)}."))
        self.office_router = self.mac()
        self.dns = self._service("53", (90000, 40000))
        self.ntp = self._service("12", (60000, 20000))
        self.log = self._service("51", (80000, 30000))
        self.monitor = self._service("77", (90000, 30000))
        self.admin = self._service(str(r.randrange(130, 200)), (200000, 90000))
        self.store = self._service("60", (70000, 30000))
        #: The router to the Internet.
        self.edge = self.mac()

    def _service(self, last: str, delay: tuple[int, int]) -> Host:
        return self.host(self.office + last, self.office_router, delay)

    def stranger(self, where: str = "") -> Host:
        """Return a new host of the Internet, of an office, or else near a firm."""
        r = self.rng
        where = where or r.choice(("pub", "pub", "office", "vendor"))
        if where == "pub":
            ip, far = self.foreign(), r.uniform(2, 40) * 100000
            habits = Habits(r.randrange(6, 18))
            one = self.host(ip, self.edge, (far, 40000), habits)
        elif where == "office":
            two = self.office[:-1].rsplit(".", 1)[0]
            ip = self.free(f"{two}.{r.randrange(100, 200)}.")
            one = self.host(ip, self.office_router, (150000, 50000), Habits(2))
        else:
            firm = r.choice(self.firms)
            ip, delay = self.free(firm.net), (firm.delay * 1.4, 2000)
            one = self.host(ip, firm.router, delay, Habits(firm.hops))
        one.stride = 2
        return one

    # -- what is told ------------------------------------------------------------

    def _told(self, one: Incident, last: int) -> dict[str, Any]:
        """Return an incident in ns since 1970, with the harm that was in time."""
        start = self.mirror.start_ns
        harm = {}
        for culprit, times in one.harm.items():
            seen = sorted(start + t for t in times if 0 <= t <= self.dur)
            if seen:
                harm[culprit] = seen
        every = [t for times in harm.values() for t in times]
        onset = min(every) if one.onset is None else start + one.onset
        end = max(every) if one.end is None else start + one.end
        return {
            "class": one.cause,
            "onset_ns": onset,
            "due_ns": onset,
            "end_ns": max([min(end, last), *every]),
            "sessions": one.sessions,
            "hosts": one.hosts,
            "victims": one.victims,
            "gateway": one.gateway,
            "harm": harm,
        }

    def _seen_endpoints(self) -> dict[str, str]:
        """Return the sessions' endpoints that the mirror saw."""
        seen = set()
        for _, frame in self.mirror.frames:
            if frame[23] == 6:
                seen.add(frame[26:30] + frame[34:36])
                seen.add(frame[30:34] + frame[36:38])
        found = {}
        for end, comp in self.mirror.endpoints.items():
            ip, port = end.split(":")
            raw = bytes(int(part) for part in ip.split("."))
            if raw + struct.pack("!H", int(port)) in seen:
                found[end] = comp
        return found
