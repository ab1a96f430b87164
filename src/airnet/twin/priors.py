"""Priors: how often things happen, so that dollars an episode become dollars a day.

The shipped table is `airnet/data/priors.toml`; a site has its own. Nothing here is
measured: every number is to be swept before a sum is believed.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from importlib.resources import files
from pathlib import Path

import msgspec

from airnet.config import Closed, load
from airnet.errors import UsageError

#: Severities of scenarios, from what nobody may contain to what stops trading.
SEVERITIES = ("benign", "mild", "moderate", "severe")


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario as a study sees it: its name and how grave what happens in it is.

    What is held out is for reports alone: nothing is tuned on it.
    """

    name: str
    severity: str
    is_held_out: bool = False

    @property
    def is_benign(self) -> bool:
        """Whether nothing in it may be contained."""
        return self.severity == "benign"


class Incident(Closed, frozen=True):
    """How often incidents of one severity come, over all scenarios of it."""

    per_year: float
    why: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.per_year <= 1e6:
            raise ValueError("`per_year` must be 0..1000000")


class Benign(Closed, frozen=True):
    """How often benign scenarios come, each, and what their kind of hour is called."""

    scenarios: tuple[str, ...]
    regime: str
    per_day: float
    is_daily: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.per_day <= 1000:
            raise ValueError("`per_day` must be 0..1000")
        if self.is_daily and self.per_day != int(self.per_day):
            raise ValueError("`per_day` must be whole where `is_daily` is true")


class Calm(Closed, frozen=True):
    """What fills the rest of a day, and how many samples of it are simulated."""

    scenario: str = "quiet"
    samples: int = 4

    def __post_init__(self) -> None:
        if not 1 <= self.samples <= 10_000:
            raise ValueError("`samples` must be 1..10000")


class Priors(Closed, frozen=True):
    """`priors.toml`, whole."""

    trading_days_per_year: int = 252
    day_minutes: int = 390
    incident: dict[str, Incident] = msgspec.field(default_factory=dict)
    benign: tuple[Benign, ...] = ()
    calm: Calm = Calm()

    def __post_init__(self) -> None:
        if self.trading_days_per_year < 1 or self.trading_days_per_year > 366:
            raise ValueError("`trading_days_per_year` must be 1..366")
        if self.day_minutes < 1 or self.day_minutes > 1440:
            raise ValueError("`day_minutes` must be 1..1440")
        unknown = sorted(set(self.incident) - set(SEVERITIES[1:]))
        if unknown:
            raise ValueError(f"`incident` must be of {', '.join(SEVERITIES[1:])}")

    def scaled(self, factor: float) -> "Priors":
        """Return priors whose incidents are so many times as frequent."""
        more = {
            name: msgspec.structs.replace(one, per_year=one.per_year * factor)
            for name, one in self.incident.items()
        }
        return msgspec.structs.replace(self, incident=more)

    def benign_of(self, case: Case) -> Benign:
        """Return what is known of a benign scenario; once a day where nothing is."""
        for one in self.benign:
            if any(fnmatchcase(case.name, name) for name in one.scenarios):
                return one
        return Benign(scenarios=(case.name,), regime="other", per_day=1.0)

    def regime(self, case: Case) -> str:
        """Return what kind of hour a scenario belongs to."""
        if not case.is_benign:
            return f"incident, {case.severity}"
        if case.name == self.calm.scenario:
            return "calm"
        return self.benign_of(case).regime

    def per_day(
        self, case: Case, cases: Sequence[Case], episode_s: float = 0.0
    ) -> float:
        """Return how often a scenario comes a day, among all that can come.

        An incident's share is the same for every scenario of its severity. What fills
        the day comes as often as an episode of so many seconds fits into it.
        """
        if case.name == self.calm.scenario:
            return self.day_minutes * 60 / episode_s if episode_s > 0 else 0.0
        if case.is_benign:
            return self.benign_of(case).per_day
        alike = sum(other.severity == case.severity for other in cases)
        known = self.incident.get(case.severity)
        if known is None or not alike:
            return 0.0
        return known.per_year / self.trading_days_per_year / alike


def read_priors(path: Path | None) -> Priors:
    """Return the priors of a file; the shipped ones without one.

    Raises:
        ConfigError: the file is wrong: file, field, what was expected.
    """
    return load(path or Path(str(files("airnet"))) / "data" / "priors.toml", Priors)


def chosen(cases: Sequence[Case], names: Sequence[str]) -> list[Case]:
    """Return the cases that any name (`*` as in a shell) fits; all without a name.

    Raises:
        UsageError: a name fits none.
    """
    found: set[str] = set()
    for name in names:
        fitting = {case.name for case in cases if fnmatchcase(case.name, name)}
        if not fitting:
            known = ", ".join(case.name for case in cases)
            raise UsageError(f"no scenario {name}", f"there are: {known}")
        found |= fitting
    return [case for case in cases if not names or case.name in found]
