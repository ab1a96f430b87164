"""Divert: when a fault of a line is driven round, by a path that is proven up."""

from airnet.closed import Closed, require
from airnet.decide.ladder import require_ttl
from airnet.domain.decision import Mode

#: What is measured of a gateway's own answers to its sessions, which nobody makes
#: slow who only sends. All else of a venue's rules can be had by forging a client.
ANSWER_RULES = (
    "venue.ack_rise_us",
    "venue.late_ack_share",
    "venue.late_ack_share_when_busy",
)


class Divert(Closed, frozen=True):
    """When traffic to a gateway goes by another path of the site (T3).

    One of `rules` must have been broken in `dwell_windows` windows over `dwell_ms`, and
    the path's witness been answered at most `path_age_ms` ago. `assets` narrows
    enforcement to these gateways (`ip:port`). It ends after `ttl_ms`, and the first
    path is tried again.
    """

    mode: Mode = Mode.SHADOW
    assets: tuple[str, ...] = ()
    rules: tuple[str, ...] = ANSWER_RULES
    dwell_windows: int = 3
    dwell_ms: int = 500
    path_age_ms: int = 5000
    ttl_ms: int = 300_000

    def __post_init__(self) -> None:
        require(self.mode is not Mode.PROPOSE, "`mode` must be shadow or enforce")
        require(self.dwell_windows >= 1, "`dwell_windows` must be 1 or more")
        require(self.dwell_ms >= 0, "`dwell_ms` must be 0 or more")
        require(0 < self.path_age_ms <= 60_000, "`path_age_ms` must be 1..60000")
        require_ttl(self.ttl_ms, "reroute")
