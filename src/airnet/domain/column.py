"""Columns as the schemas of windows are written: units, and rows into Features."""

from airnet.domain.window import FEATURE_LIMIT, Feature

MILLI = "1/1000"
RATE = "0.1/s"
COUNT = "count"
PER_S = "1/s"


def features(
    columns: tuple[tuple[str, str, str], ...], missing: frozenset[str] = frozenset()
) -> tuple[Feature, ...]:
    """Return the Features of (name, unit, meaning), those in `missing` maybe NaN."""
    return tuple(
        Feature(
            name=name,
            unit=unit,
            limit=FEATURE_LIMIT,
            means=means,
            may_be_missing=name in missing,
        )
        for name, unit, means in columns
    )
