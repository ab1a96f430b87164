"""Bounds: how much a policy allows at once, how often, and while what is trusted."""

from datetime import datetime

from airnet.config import Closed, require
from airnet.decide.ladder import TTL_MS_MAX
from airnet.domain.verdict import PPM

#: Things that may be contained at once, of each kind, whatever a policy file says.
STANDING_MAX = 1024


class Budget(Closed, frozen=True):
    """Blast radius and pace: how much may be contained at once, and how fast.

    Counted alike in shadow and in force, so that shadow shows what enforcement would
    do. `flow_share_max_percent` is of the frames that sessions sent while they were
    normal; one session may always be limited. More than `actions_max` in `window_ms`
    of capture time latches every later Decision into shadow until the process is
    started anew.
    """

    sessions_max: int = 4
    session_share_max_percent: int = 25
    sources_per_decision_max: int = 8
    sources_max: int = 64
    gateways_max: int = 4
    hosts_max: int = 2
    flow_share_max_percent: int = 100
    window_ms: int = 60_000
    actions_max: int = 12
    passive_max: int = 120
    # More sessions than this share misbehaving together are a market, not a fault.
    together_max_percent: int = 50

    def __post_init__(self) -> None:
        for name in (
            "session_share_max_percent",
            "flow_share_max_percent",
            "together_max_percent",
        ):
            require(0 < getattr(self, name) <= 100, f"`{name}` must be 1..100")
        require(self.window_ms > 0, "`window_ms` must be positive")
        for name in (
            "sessions_max",
            "sources_per_decision_max",
            "sources_max",
            "gateways_max",
            "hosts_max",
            "passive_max",
        ):
            fits = 0 <= getattr(self, name) <= STANDING_MAX
            require(fits, f"`{name}` must be 0..{STANDING_MAX}")
        require(self.actions_max >= 0, "`actions_max` must be 0 or more")


class Hysteresis(Closed, frozen=True):
    """What keeps a target from flapping between contained and free.

    `gap_ms` without a bad window breaks a streak. A target is let go and contained
    again at most `repeats_max` times until it was quiet for `cooldown_ms`. While what
    it is contained for lasts, it is not let go, but held for `held_ms_max` at most.
    What a person has undone is not done again for the same Cause until nothing was
    ordered against it for `cooldown_ms`, or for `veto_ms_max` at most.
    """

    gap_ms: int = 250
    cooldown_ms: int = 60_000
    repeats_max: int = 3
    held_ms_max: int = 3_600_000
    veto_ms_max: int = 3_600_000

    def __post_init__(self) -> None:
        require(self.gap_ms > 0, "`gap_ms` must be positive")
        require(self.cooldown_ms >= 0, "`cooldown_ms` must be 0 or more")
        require(self.repeats_max >= 1, "`repeats_max` must be 1 or more")
        require(
            0 <= self.held_ms_max <= TTL_MS_MAX,
            f"`held_ms_max` must be 0..{TTL_MS_MAX}",
        )
        require(
            0 < self.veto_ms_max <= TTL_MS_MAX,
            f"`veto_ms_max` must be 1..{TTL_MS_MAX}",
        )


class Trust(Closed, frozen=True):
    """When our own sensor is not to be believed: nothing above evidence is ordered.

    `loss_ppm_max` is frames lost per million seen. A freeze lasts `freeze_ms` of
    capture time after the last bad sign.
    """

    loss_ppm_max: int = 1000
    freeze_ms: int = 2000

    def __post_init__(self) -> None:
        require(0 <= self.loss_ppm_max <= PPM, f"`loss_ppm_max` must be 0..{PPM}")
        require(self.freeze_ms > 0, "`freeze_ms` must be positive")


class Drifting(Closed, frozen=True):
    """What drift does: `lowers` puts a scope that drifted into shadow (docs/safety)."""

    lowers: bool = True


class Resigned(Closed, frozen=True):
    """A scope that a named person has looked at and signed again, `at` a moment (UTC).

    `scope` is a CompID, at one host COMPID@HOST, or a kind of window: `session`.
    """

    scope: str
    by: str
    at: datetime

    def __post_init__(self) -> None:
        require(self.scope and self.by, "`scope` and `by` are needed")
        require(self.at.tzinfo is not None, "`at` needs its offset from UTC")

    @property
    def at_ns(self) -> int:
        """Return `at` in ns since the epoch."""
        return round(self.at.timestamp()) * 1_000_000_000
