"""Drops: how often sources of one gateway's flood have been dropped, or spared, lately.

A flood that goes on from others after two drops is no matter of single sources: the
third decision shields the gateway instead of chasing them one by one. And of a flood
that bore the addresses of clients no source is dropped for a while: a few packets of it
may bear none of them.
"""

#: Gateways remembered; the one dropped for longest ago gives way.
GATEWAYS_MAX = 1024
#: Drops for one gateway while they stand.
DROPS_MAX = 2
#: How long a flood is doubted after a window in which it bore clients' addresses.
DOUBTED_NS = 10_000_000_000


class Drops:
    """The ends of what was dropped for each gateway. Bounded."""

    def __init__(self) -> None:
        self._ends_ns: dict[str, tuple[int, ...]] = {}
        self._doubted_ns: dict[str, int] = {}

    def note(self, gateway: str, now_ns: int, ttl_ns: int) -> None:
        """Remember a drop that was proposed for `gateway` until its end."""
        standing = (one for one in self._ends_ns.pop(gateway, ()) if one > now_ns)
        self._ends_ns[gateway] = (*standing, now_ns + ttl_ns)[-DROPS_MAX:]
        if len(self._ends_ns) > GATEWAYS_MAX:
            del self._ends_ns[next(iter(self._ends_ns))]

    def are_many(self, gateway: str, now_ns: int) -> bool:
        """Return whether as many drops as may be stand for `gateway`."""
        ends_ns = self._ends_ns.get(gateway, ())
        return sum(one > now_ns for one in ends_ns) >= DROPS_MAX

    def doubt(self, gateway: str, now_ns: int) -> None:
        """Remember that a flood's sources are likely forged."""
        self._doubted_ns.pop(gateway, None)
        self._doubted_ns[gateway] = now_ns + DOUBTED_NS
        if len(self._doubted_ns) > GATEWAYS_MAX:
            del self._doubted_ns[next(iter(self._doubted_ns))]

    def is_doubted(self, gateway: str, now_ns: int) -> bool:
        """Return whether the sources of a flood of `gateway` are likely forged."""
        return self._doubted_ns.get(gateway, 0) >= now_ns

    def state(self) -> tuple[object, ...]:
        """Return everything remembered, as a value."""
        return (tuple(self._ends_ns.items()), tuple(self._doubted_ns.items()))
