"""Policy: what may be done about each Cause, how far, how often, for how long.

One closed, frozen tree, read by `airnet.config.load`; every default is a decision and
is the shipped `airnet/data/policy.toml`. Probabilities are written 0..1 and compared
as whole parts per million, so that no comparison hangs on the last bit of a float.
"""

from typing import Literal

import msgspec

from airnet.config import Asset, Closed, require
from airnet.decide.bounds import Budget, Drifting, Hysteresis, Resigned, Trust
from airnet.decide.enough import (
    FLOODS_AT_ONCE,
    FLOODS_TOLD,
    HOSTS_CONFINED,
    LOOPS_AT_ONCE,
    LOOPS_TOLD,
)
from airnet.decide.ladder import AUTONOMOUS_TIER_MAX, Rung, require_ttl
from airnet.decide.market import Interval, Phase, require_order
from airnet.decide.watch import Line, Watch
from airnet.domain.decision import Mode, Tier
from airnet.domain.verdict import PPM, Cause
from airnet.domain.window import KINDS

NS_PER_MS = 1_000_000

#: More evidence than this is asked of nothing.
NATS_MAX = 1000
_NATS = (
    "evidence_min",
    "evidence_told",
    "evidence_toll",
    "excess_min",
    "excess_toll",
)

#: Hexadecimal digits of a SHA-256.
SHA256_DIGITS = 64

#: Window kinds by the word a rule uses for them.
WINDOW_KINDS = {word: kind for kind, word in KINDS.items()}


class When(Closed, frozen=True):
    """Where a Cause's rule is another: for an asset class, in a market phase, or both.

    What is left out stays as the Cause has it. Of several that fit, the first counts.
    """

    asset: Asset | Literal[""] = ""
    phase: Phase | None = None
    mode: Mode | None = None
    probability_min: float | None = None
    p_value_max: float | None = None
    dwell_windows: int | None = None
    dwell_ms: int | None = None
    opinion_dwell_ms: int | None = None
    evidence_min: float | None = None
    evidence_toll: float | None = None
    evidence_span_ms: int | None = None
    ttl_ms: int | None = None
    tier_max: int | None = None

    def __post_init__(self) -> None:
        require(self.asset or self.phase, "`asset` must be given, or `phase`")

    def fits(self, asset: str, phase: Phase) -> bool:
        """Return whether it speaks of this asset class in this phase."""
        return self.asset in {"", asset} and self.phase in {None, phase}

    def changes(self) -> dict[str, object]:
        """Return what it changes, by the field's name."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        return {
            name: value
            for name, value in fields.items()
            if value is not None and name not in {"asset", "phase"}
        }


class Contain(Closed, frozen=True):
    """When and how a Cause may be contained.

    A Decision needs `dwell_windows` windows of that Cause, none later than the last
    one's end and `hysteresis.gap_ms`, together at least `dwell_ms` of capture time,
    each at least `probability_min` (0..1) likely. What is normal in between goes by.
    Where fewer than `dwell_windows` of them broke a hard limit, a model's opinion alone
    speaks: it needs evidence of `evidence_min` nats: what each window is sure of, less
    `evidence_toll`, for each `evidence_span_ms` of capture time it covers (where that
    is 0: `opinion_dwell_ms`, when that is longer), and that windows as odd are at most
    `p_value_max` (0..1) of benign ones. Rules named in `at_once` are acted upon in the
    first window that breaks them; of those in `told` evidence is kept, at once, and
    they are acted upon where both models are at least `agreed_min` (0..1; 0: never)
    sure of the same. Evidence is kept, too, of opinions that gathered `evidence_told`
    nats (0: not): to know before something is done. Of what a session sends above its
    own envelope, `excess_min` nats (0: never) are a hard limit, `excess_toll` taken of
    each message (airnet.decide.excess). Of the rules `confined`, a machine that trades
    is confined (airnet.decide.confinement). `assets` narrows enforcement to
    these CompIDs or gateways (`ip:port`); all others stay in shadow. Empty means every
    asset. `when` changes some of this for asset classes and market phases; `rung` says
    what lies above T4, for people to agree to.
    """

    action: Literal[
        "evidence", "drop_sources", "rate_limit_sources", "throttle_session"
    ] = "evidence"
    mode: Mode = Mode.SHADOW
    assets: tuple[str, ...] = ()
    probability_min: float = 0.9
    p_value_max: float = 1.0
    dwell_windows: int = 2
    dwell_ms: int = 0
    opinion_dwell_ms: int = 0
    at_once: tuple[str, ...] = ()
    told: tuple[str, ...] = (*LOOPS_TOLD, *FLOODS_TOLD)
    agreed_min: float = 0.0
    evidence_min: float = 0.0
    evidence_told: float = 0.0
    evidence_toll: float = 0.0
    evidence_span_ms: int = 100
    excess_min: float = 0.0
    excess_toll: float = 0.0
    confined: tuple[str, ...] = ()
    ttl_ms: int = 30_000
    tier_max: int = 1
    when: tuple[When, ...] = ()
    rungs: tuple[Rung, ...] = msgspec.field(name="rung", default=())

    def __post_init__(self) -> None:
        require(0 < self.probability_min <= 1, "`probability_min` must be in (0, 1]")
        require(0 <= self.p_value_max <= 1, "`p_value_max` must be 0..1")
        require(
            self.mode is not Mode.PROPOSE,
            "`mode` must be shadow or enforce; what waits for people is a `rung`",
        )
        require(self.dwell_windows >= 1, "`dwell_windows` must be 1 or more")
        require(self.dwell_ms >= 0, "`dwell_ms` must be 0 or more")
        require(self.opinion_dwell_ms >= 0, "`opinion_dwell_ms` must be 0 or more")
        require(0 <= self.agreed_min <= 1, "`agreed_min` must be 0..1")
        for name in _NATS:
            require(0 <= getattr(self, name) <= NATS_MAX, f"`{name}`: 0..{NATS_MAX}")
        require(self.evidence_span_ms >= 1, "`evidence_span_ms` must be 1 or more")
        require_ttl(self.ttl_ms, self.action)
        tier_top = Tier.ISOLATE_SUBNET if self.rungs else AUTONOMOUS_TIER_MAX
        require(
            0 <= self.tier_max <= tier_top,
            f"`tier_max` must be 0..{tier_top:d}: higher tiers need approvers, so a "
            "`rung`",
        )
        for place, each in enumerate(self.when):
            try:
                msgspec.structs.replace(self, when=(), **each.changes()).__post_init__()
            except ValueError as error:
                raise ValueError(f"`when[{place}].{str(error)[1:]}") from error

    def at(self, asset: str, phase: Phase) -> "Contain":
        """Return the rule for an asset class in a market phase."""
        for each in self.when:
            if each.fits(asset, phase):
                return msgspec.structs.replace(self, when=(), **each.changes())
        return self


class Causes(Closed, frozen=True):
    """What to do about each Cause. Only three can be contained; the type says so."""

    flood: Contain = Contain(
        action="drop_sources",
        dwell_windows=2,
        opinion_dwell_ms=25,
        at_once=FLOODS_AT_ONCE,
        told=FLOODS_TOLD,
        ttl_ms=60_000,
        tier_max=2,
    )
    # A minute: what lasts shorter is contained once and let go once, not again and
    # again; each change is one that somebody must understand.
    # 100 ms: the first tick of a market-wide burst moves one session before the rest.
    # An opinion gathers evidence (ADR 0044); honest bursts end below the toll.
    algo_fault: Contain = Contain(
        action="throttle_session",
        dwell_windows=2,
        dwell_ms=100,
        opinion_dwell_ms=900,
        at_once=LOOPS_AT_ONCE,
        told=LOOPS_TOLD,
        agreed_min=0.85,
        evidence_min=7.0,
        evidence_told=1.5,
        evidence_toll=1.5,
        excess_min=7.0,
        excess_toll=0.7,
        ttl_ms=60_000,
        tier_max=4,
    )
    # Isolating a known host needs two approvers (T6): alone, airnet only gathers
    # evidence, and drops a stranger that reached order entry under its own address.
    # Rules speak of hosts, each about a count over seconds: one window is enough.
    compromise: Contain = Contain(
        action="drop_sources",
        dwell_windows=1,
        opinion_dwell_ms=1000,
        ttl_ms=30_000,
        confined=HOSTS_CONFINED,
        tier_max=2,
    )
    # Never contained. A fault of the line is driven round, by a path the site has.
    venue_fault: Line = Line(action="alert", probability_min=0.8)
    feed_fault: Watch = Watch(action="alert", probability_min=0.8)
    sensor_fault: Watch = Watch(action="alert", probability_min=0.5)
    volatility: Watch = Watch(action="observe", probability_min=0.5)
    unknown: Watch = Watch(
        action="evidence", probability_min=0.0, dwell_windows=2, episode_gap_ms=5000
    )


class Rule(Closed, frozen=True):
    """A hard limit on one feature: a breach is a fact that needs no model.

    `limit` is in the feature's unit; above it is a breach. `presigned_by` names the
    people who agreed beforehand that a breach alone may take a `presigned` rung.
    """

    name: str
    window: Literal["session", "gateway"]
    feature: str
    limit: int
    cause: Literal["flood", "algo_fault"]
    presigned_by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require(self.limit > 0, "`limit` must be positive")
        require(bool(self.name and self.feature), "`name` and `feature` are needed")

    @property
    def is_presigned(self) -> bool:
        """Return whether two different people signed it beforehand."""
        return len({name.strip().casefold() for name in self.presigned_by} - {""}) > 1


class Envelope(Closed, frozen=True):
    """What its owner signed for: how fast one version of an algorithm may order.

    It binds sessions of the site that run this `algorithm` in this `version`; where a
    session runs another, none of its envelopes hold, and lint says so.
    """

    algorithm: str
    version: str
    orders_per_second_max: int
    owner: str = ""

    def __post_init__(self) -> None:
        require(self.orders_per_second_max > 0, "`orders_per_second_max` must be > 0")
        require(self.algorithm, "`algorithm` must name one of the site's")


class Market(Closed, frozen=True):
    """The market's hours: a calendar file beside the policy, with its SHA-256.

    Or the `interval`s themselves. Without either the market is taken to be open.
    """

    calendar: str = ""
    sha256: str = ""
    intervals: tuple[Interval, ...] = msgspec.field(name="interval", default=())

    def __post_init__(self) -> None:
        require(
            not self.calendar or len(self.sha256) == SHA256_DIGITS,
            "`sha256` must be that of the calendar file, in hexadecimal digits",
        )
        require(
            not (self.calendar and self.intervals),
            "`calendar` must be left out where `interval`s are written out",
        )
        require_order(self.intervals)


class Policy(Closed, frozen=True):
    """`policy.toml`, whole.

    `few_sources_max`: a flood from more sources than this is taken for spoofed, and
    no single source is picked from it.
    """

    name: str = "default"
    few_sources_max: int = 8
    cause: Causes = Causes()
    rules: tuple[Rule, ...] = msgspec.field(name="rule", default=())
    budget: Budget = Budget()
    hysteresis: Hysteresis = Hysteresis()
    trust: Trust = Trust()
    drift: Drifting = Drifting()
    market: Market = Market()
    envelopes: tuple[Envelope, ...] = msgspec.field(name="envelope", default=())
    resigned: tuple[Resigned, ...] = ()

    def __post_init__(self) -> None:
        require(self.few_sources_max >= 0, "`few_sources_max` must be 0 or more")

    def contain(self, cause: Cause) -> Contain | None:
        """Return how `cause` may be contained, or None when it may not."""
        found = getattr(self.cause, cause.value, None)
        return found if isinstance(found, Contain) else None

    def watch(self, cause: Cause) -> Watch | None:
        """Return what is said of `cause` when it is never contained, or None."""
        found = getattr(self.cause, cause.value, None)
        return found if isinstance(found, Watch) else None


def ppm(probability: float) -> int:
    """Return a probability 0..1 as whole parts per million."""
    return round(probability * PPM)


__all__ = ["Budget", "Drifting", "Hysteresis", "Policy", "Resigned", "Trust", "ppm"]
