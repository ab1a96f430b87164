"""Lines: which gateways answer, and how soon, by what the mirror shows of them.

Only of gateways that have a second path, of those paths' witnesses, and of gateways
that are shielded. That one has answered goes to judgement; how soon says whether a
reroute took effect; and that it speaks and hears nobody, that a limit is a drop.
"""

import math
from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from airnet.config import Site
from airnet.domain.address import address_bytes, address_text
from airnet.domain.columns import VENUE_SCHEMA
from airnet.domain.decision import Decision, TargetType
from airnet.domain.session import Heard
from airnet.domain.window import WINDOW_VENUE

#: Shielded gateways that are followed; the first is forgotten.
FOLLOWED_MAX = 64
#: Windows with acknowledgements that are remembered of each gateway.
KEPT = 64
#: So many slow windows in a row are a slow line: one is a queue.
SLOW_WINDOWS = 3
#: Nobody is answered: so long, so many (venue.silence_us).
SILENT_US, UNANSWERED = 250_000, 8
#: When an acknowledgement is late: 5 ms after eight floors (airnet.domain.columns).
LATE_US, LATE_FLOORS = 5000, 8
_SILENCE = VENUE_SCHEMA.index("silence_us")
_UNANSWERED = VENUE_SCHEMA.index("unanswered")
_ORDERS = VENUE_SCHEMA.index("orders")
#: Nobody acknowledges what a gateway sends again (RFC 9293 section 3.8.1).
_UNHEARD = VENUE_SCHEMA.index("retransmits_down")
RISE_RULE = "venue.ack_rise_us"
_ACKS, _MEAN = VENUE_SCHEMA.index("acks"), VENUE_SCHEMA.index("ack_mean_us")
_WORST = VENUE_SCHEMA.index("ack_worst_us")
_BASELINE = VENUE_SCHEMA.index("ack_baseline_us")
_FLOOR = VENUE_SCHEMA.index("ack_floor_baseline_us")
#: Present where a gateway sent something after a client's data, in this window.
_HEARD = VENUE_SCHEMA.index("tcp_ack_mean_us")


class Answered(NamedTuple):
    """What one window shows of a gateway's acknowledgements."""

    close_ns: int
    mean_us: float
    worst_us: float
    baseline_us: float
    floor_us: float


#: Of a window in which nobody was answered who should have been.
NOTHING = (math.inf, math.inf, 0.0, 0.0)


class Crossing:
    """When orders came to a gateway last, and when it last sent something again."""

    def __init__(self) -> None:
        self.came_ns = self.unheard_ns = 0

    def last_ns(self) -> int | None:
        """Return when orders came last, if it now speaks to nobody; else None."""
        return self.came_ns if self.unheard_ns > self.came_ns > 0 else None


class Lines:
    """Looks at the windows of gateways with two paths, and of shielded ones.

    Args:
        site: its paths.
    """

    def __init__(self, site: Site) -> None:
        ends = {one.gateway for one in site.paths} | {one.witness for one in site.paths}
        self._kept: dict[str, deque[Answered]] = {
            address_text(address_bytes(end)): deque(maxlen=KEPT) for end in ends
        }
        self._named = {address_bytes(name): name for name in self._kept}
        self._crossings: dict[bytes, Crossing] = {}

    def follow(self, decision: Decision) -> None:
        """Look from now on at what comes to a gateway, where one is shielded."""
        if decision.target_type is not TargetType.GATEWAY:
            return
        self._crossings.setdefault(address_bytes(decision.gateway), Crossing())
        if len(self._crossings) > FOLLOWED_MAX:
            del self._crossings[next(iter(self._crossings))]

    def last_came_ns(self, gateway: str) -> int | None:
        """Return when orders came to a shielded gateway last.

        None while nothing is wrong, or nobody knows: who trades is heard, and a quiet
        hour proves nothing. A gateway that sends again, and is sent nothing, hears
        nobody: what was to be limited is dropped, with everybody else's.
        """
        crossing = self._crossings.get(address_bytes(gateway))
        return None if crossing is None else crossing.last_ns()

    def look(self, windows: NDArray[np.void], rows: NDArray[np.float32]) -> list[Heard]:
        """Return which gateways have answered, in the order of the windows' ends."""
        if not self._named and not self._crossings:
            return []
        heard = []
        for place in (windows["kind"] == WINDOW_VENUE).nonzero()[0]:
            address, row = windows[place]["address"].tobytes(), rows[place]
            self._cross(address, int(windows[place]["close_ns"]), row)
            name = self._named.get(address)
            if name is None:
                continue
            close_ns = int(windows[place]["close_ns"])
            if row[_ACKS] > 0 or row[_HEARD] >= 0:
                heard.append(Heard(close_ns, name))
            if row[_ACKS] > 0:
                columns = (_MEAN, _WORST, _BASELINE, _FLOOR)
                values = (float(row[column]) for column in columns)
                self._kept[name].append(Answered(close_ns, *values))
            elif row[_SILENCE] > SILENT_US and row[_UNANSWERED] >= UNANSWERED:
                self._kept[name].append(Answered(close_ns, *NOTHING))
        return heard

    def _cross(self, address: bytes, now_ns: int, row: NDArray[np.float32]) -> None:
        crossing = self._crossings.get(address)
        if crossing is None:
            return
        if row[_ORDERS] > 0:
            crossing.came_ns = now_ns
        if row[_UNHEARD] > 0:
            crossing.unheard_ns = now_ns

    def last_bad_ns(self, decision: Decision) -> int | None:
        """Return when a gateway was slow last, of those that a reroute is about.

        None where too little was answered, or asked, since it was decided: nothing is
        proved then.
        """
        kept = self._kept.get(decision.gateway, ())
        since = sum(one.close_ns > decision.t_ns for one in kept)
        if since < SLOW_WINDOWS:
            return None
        last_ns, run = decision.t_ns, 0
        for one in kept:
            run = run + 1 if _is_slow(one, decision) else 0
            if run >= SLOW_WINDOWS:
                last_ns = max(last_ns, one.close_ns)
        return last_ns


def _is_slow(one: Answered, decision: Decision) -> bool:
    """Return whether what the reroute is for is still so; unknown is not."""
    if decision.rule == RISE_RULE:
        return one.mean_us - one.baseline_us > decision.measured / 2
    return one.worst_us > LATE_FLOORS * one.floor_us + LATE_US
