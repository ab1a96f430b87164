"""Rules of sessions that say the same again, which decide counts.

They say nothing by themselves, of any one window (airnet.decide.insist): a model that
finds a window normal gives no Verdict of it.
"""

from airnet.domain.insistence import LASTING, SHAPES, Shape
from airnet.domain.verdict import Cause
from airnet.score.rule import Rule


def _rule(shape: Shape) -> Rule:
    (feature, least, _), *needs = shape.bounds
    is_count = feature == "replace_run"
    return Rule(
        name=shape.name,
        cause=Cause.NORMAL,
        unit="replaces" if is_count else "1/1000",
        feature=feature,
        limit=least - 1,
        needs=tuple(needs),
    )


INSISTED = tuple(_rule(shape) for shape in (*SHAPES, *LASTING))
