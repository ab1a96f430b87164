"""Reports of kept days that were judged again, as sheets."""

from airnet.twin.rejudged import Bound, EpisodeJudged, Plain
from airnet.twin.sheet import Sheet, number, percent
from airnet.twin.sweep import Regime


def of_bound(found: Bound) -> list[Sheet]:
    """Return what `airnet twin rejudge` says."""
    level = percent(found.level)
    return [
        Sheet(
            title=f"False containments, {found.days:,} days",
            columns=("kind of hour", "episodes", "false", "a day", f"at most, {level}"),
            rows=tuple(_regime(one) for one in (*found.regimes, found.total)),
            note=(
                f"Episodes with one: {found.false_episodes:,} of {found.episodes:,}, "
                f"at most {share(found.false_episodes_max)} at {level}. Days with one: "
                f"{found.bad_days:,} of {found.days:,}, at most "
                f"{share(found.bad_days_max)}.\n"
                f"Seen: {found.windows:,} windows, {found.session_hours:,.1f} "
                f"session-hours in {found.simulated_hours:,.1f} simulated hours."
            ),
        ),
        Sheet(
            title="The same sessions under one-line detectors",
            columns=("detector", "false episodes", f"at most, {level}", "incidents"),
            rows=tuple(_plain(one, found.episodes) for one in found.detectors),
            note="A detector contains who it alarms of; incidents: caught of seen.",
        ),
        Sheet(
            title="Who was contained wrongly",
            columns=("day", "scenario", "seed", "rule", "why") if found.wrong else (),
            rows=tuple(_wrong(one) for one in found.wrong),
            note="" if found.wrong else "Nobody.",
        ),
    ]


def share(value: float) -> str:
    """Return a small share: one in so many says more than a percentage of zeros."""
    return percent(value) if value >= 0.01 or not value else f"1 in {1 / value:,.0f}"


def _regime(one: Regime) -> tuple[str, ...]:
    return (
        one.regime,
        number(one.episodes),
        number(one.false_containments),
        number(one.per_day) if one.per_day else "none seen",
        number(one.per_day_max),
    )


def _plain(one: Plain, episodes: int) -> tuple[str, ...]:
    return (
        one.name,
        f"{one.false_episodes:,} of {episodes:,}",
        share(one.false_max),
        f"{one.caught:,} of {one.incidents:,}",
    )


def _wrong(one: EpisodeJudged) -> tuple[str, ...]:
    rules = ", ".join(sorted({each.rule for each in one.wrong}))
    reasons = ", ".join(sorted({str(each.wrong) for each in one.wrong}))
    return str(one.day), one.scenario, str(one.seed), rules, reasons
