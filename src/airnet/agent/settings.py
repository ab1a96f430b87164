"""`agent.toml`: which algorithms run here, in which cgroups, and who may ask."""

import re

import msgspec

from airnet.config import Closed, require


class Held(Closed, frozen=True):
    """An algorithm: its id in site.toml, its cgroup, and what a throttle leaves it.

    `cgroup` is below the root of version 2, as /proc/PID/cgroup says it, and holds
    that algorithm alone.
    """

    id: str
    cgroup: str
    cpu_percent: int = 10
    frames_per_second: int = 50
    burst_frames: int = 10

    def __post_init__(self) -> None:
        require(bool(self.id), "`id` must be the algorithm's, as in site.toml")
        require(bool(self.cgroup.strip("/")), "`cgroup` must not be the root")
        for name, most in (
            ("cpu_percent", 100),
            ("frames_per_second", 1_000_000),
            ("burst_frames", 1_000_000),
        ):
            require(1 <= getattr(self, name) <= most, f"`{name}` must be 1..{most}")


class Settings(Closed, frozen=True):
    """The agent's whole configuration. Relative paths are relative to the file.

    `certificate` and `key` are its own identity, `authority` signed those of its
    clients, and `clients` are their names (the subject's CN): no one else is heard.
    """

    listen: str
    certificate: str
    key: str
    authority: str
    clients: tuple[str, ...]
    algorithms: tuple[Held, ...] = msgspec.field(name="algorithm", default=())

    def __post_init__(self) -> None:
        found = re.fullmatch(r".+:(\d{1,5})", self.listen)
        fits = found is not None and int(found[1]) < 65536
        require(fits, "`listen` must be HOST:PORT")
        ids = [one.id for one in self.algorithms]
        require(len(set(ids)) == len(ids), "`algorithm` must have each id once")
        require(bool(self.clients), "`clients` must name who may ask")

    def place(self) -> tuple[str, int]:
        """Return where it listens."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)
