"""Reports: what sweeps, curves and searches say, as tables."""

import math

from airnet.twin.sheet import Sheet, between, number, percent
from airnet.twin.sweep import Grave, Regime, Summary


def of_sweep(found: Summary) -> list[Sheet]:
    """Return what `airnet twin sweep` says."""
    level = percent(found.level)
    regimes = Sheet(
        title=f"False containments, {found.days:,} days",
        columns=(
            "kind of hour",
            "episodes",
            "stand for",
            "false",
            "a day",
            f"at most, {level}",
        ),
        rows=tuple(_regime(one) for one in (*found.regimes, found.total)),
        note=(
            f"Days with at least one: {found.bad_days:,} of {found.days:,}, at most "
            f"{percent(found.bad_days_max)} of days at {level}.\n{found.compressed}\n"
            f"{found.simulated_hours:,.1f} hours were simulated and stand for "
            f"{found.standing_for_hours:,.0f}."
        ),
    )
    severities = Sheet(
        title="Incidents",
        columns=("severity", "episodes", "contained", "median s", "p90 s"),
        rows=tuple(_grave(one) for one in found.severities),
        note=(
            f"Dollars a day, by the priors: missed harm {between(found.missed_usd)}, "
            f"caused harm {between(found.caused_usd)} at {level}.\n"
            f"Rows: {found.results}"
        ),
    )
    return [regimes, severities]


def _regime(one: Regime) -> tuple[str, ...]:
    return (
        one.regime,
        number(one.episodes),
        number(one.standing_for),
        number(one.false_containments),
        number(one.per_day) if one.per_day else "none seen",
        number(one.per_day_max),
    )


def _grave(one: Grave) -> tuple[str, ...]:
    ends = f"{percent(one.contained.low)} to {percent(one.contained.high)}"
    return (
        one.severity,
        number(one.episodes),
        f"{percent(one.contained.estimate)} ({ends})",
        seconds(one.median_s),
        seconds(one.p90_s),
    )


def seconds(value: float) -> str:
    """Return seconds to contain; infinity is never."""
    return "never" if math.isinf(value) else number(value)
