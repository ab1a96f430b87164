"""Knobs: which fields of a policy a search may turn, and how far.

Thresholds and hysteresis only. What limits airnet itself (budget, trust, tiers) and
what it does (action, mode, assets) is a person's to decide.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from airnet.decide.policy import Policy
from airnet.errors import UsageError
from airnet.twin.policyfile import flat


class Knob(msgspec.Struct, frozen=True, kw_only=True):
    """A field and its range; `step` 0 is a real number, `is_log` turns by factors."""

    field: str
    low: float
    high: float
    step: float = 1
    is_log: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether its values are integers."""
        return self.step >= 1

    def value(self, turned: float) -> int | float:
        """Return a value as the policy file writes it."""
        return round(turned) if self.is_whole else round(turned, 4)

    def holding(self, value: float) -> "Knob":
        """Return the knob with its range made wide enough for a value."""
        return msgspec.structs.replace(
            self, low=min(self.low, value), high=max(self.high, value)
        )


#: What is turned unless the caller says otherwise. A session's windows are 10 ms apart
#: and look back 200 ms, so dwell below 10 ms is none and gaps matter from 50 ms on.
KNOBS = (
    Knob(field="cause.flood.probability_min", low=0.5, high=0.99, step=0),
    Knob(field="cause.flood.dwell_windows", low=1, high=8),
    Knob(field="cause.flood.dwell_ms", low=0, high=1000),
    Knob(field="cause.flood.ttl_ms", low=5_000, high=240_000, is_log=True),
    Knob(field="cause.algo_fault.probability_min", low=0.5, high=0.99, step=0),
    Knob(field="cause.algo_fault.dwell_windows", low=2, high=8),
    Knob(field="cause.algo_fault.dwell_ms", low=0, high=1000),
    Knob(field="cause.algo_fault.opinion_dwell_ms", low=0, high=3000),
    Knob(field="cause.algo_fault.evidence_min", low=1, high=40, step=0),
    Knob(field="cause.algo_fault.ttl_ms", low=3_000, high=240_000, is_log=True),
    Knob(field="hysteresis.gap_ms", low=50, high=1000),
    Knob(field="hysteresis.cooldown_ms", low=1_000, high=120_000, is_log=True),
    Knob(field="hysteresis.repeats_max", low=1, high=10),
)
RANGE = re.compile(r"(?P<field>[\w.]+)=(?P<low>\d+(?:\.\d+)?)\.\.(?P<high>\d+(\.\d+)?)")


def knobs_of(policy: Policy, given: Sequence[str]) -> tuple[Knob, ...]:
    """Return the knobs named as FIELD=LOW..HIGH; the usual ones without a name.

    A range always holds the policy's own value, so that it is among what is tried.

    Raises:
        UsageError: no such field of numbers, or no range.
    """
    values = flat(policy)
    known = {knob.field: knob for knob in KNOBS}
    found = [_read(text, known, values) for text in given] or list(KNOBS)
    twice = [a.field for a in found if sum(a.field == b.field for b in found) > 1]
    if twice:
        raise UsageError(f"--knob {twice[0]}: given twice", "give it once")
    return tuple(knob.holding(values[knob.field]) for knob in found)


def _read(text: str, known: Mapping[str, Knob], values: Mapping[str, Any]) -> Knob:
    match = RANGE.fullmatch(text)
    if not match:
        raise UsageError(
            f"--knob {text!r}: no range",
            "write FIELD=LOW..HIGH, as in hysteresis.gap_ms=50..500",
        )
    field, low, high = match["field"], float(match["low"]), float(match["high"])
    value = values.get(field)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UsageError(
            f"--knob {field}: no number of a policy", f"there are: {', '.join(known)}"
        )
    if low >= high:
        raise UsageError(f"--knob {text}: nothing between", "give the lower end first")
    step = 0 if isinstance(value, float) else 1
    return Knob(field=field, low=low, high=high, step=step)
