"""Eyes on a guarded port of the lab: what the guard there did with frames."""

from typing import Self

from airnet.kernel import guard


class Guarded:
    """The guard that stands on an interface, seen from beside.

    Raises:
        UnsupportedError: there is none, or this process may not look.
    """

    def __init__(self, interface: str) -> None:
        self._guard = guard.adopt(interface)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._guard.close()

    def counts(self) -> dict[str, int]:
        """Return frames by their end."""
        return self._guard.counts()


def detach(interface: str) -> None:
    """Take the guard of an interface away; harmless without one."""
    guard.remove(interface)
