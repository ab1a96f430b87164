"""Explanation: why a Verdict is what it is, in numbers that can be made again.

A pure function of the Verdict's features and the model's file: whoever has both gets
the same. Made by score, told by record and cli.
"""

import msgspec

from airnet.domain.verdict import Cause, Share


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """The range of one feature in which the model says exactly the same.

    `least` and `most` are inclusive, in the feature's unit; None: without end.
    """

    feature: str
    value: int | None
    least: int | None = None
    most: int | None = None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What one feature would have had to be: at most `bound`, or at least.

    It is the value nearest to `value` that suffices, on that side.
    """

    feature: str
    value: int
    bound: int
    is_most: bool


class Counterfactual(msgspec.Struct, frozen=True, kw_only=True):
    """The smallest change, of one feature or two, with which it is not said.

    `cause` and `probability_ppm` are what the model holds likeliest then. `changes` is
    empty where no change of one or two features suffices.
    """

    changes: tuple[Change, ...] = ()
    cause: Cause = Cause.NORMAL
    probability_ppm: int = 0


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What moved a model, in what range it holds, and what would have changed it.

    `margin` is by how much the model's margin of `spoken` is above that of normal, and
    `baseline` the mean of that over the cohort, both in millionths: the shares of all
    features add up to the difference, but for `error`, in the margin's unit. Where a
    rule alone spoke there is no margin, and nothing of it.
    """

    spoken: Cause
    cohort: str = ""
    margin: int = 0
    baseline: int = 0
    error: float = 0.0
    shares: tuple[Share, ...] = ()
    bounds: tuple[Bound, ...] = ()
    counterfactual: Counterfactual = Counterfactual()
