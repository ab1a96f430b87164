"""The rule of sessions that are filled far above their past, which decide counts.

It says nothing by itself, of any one window (airnet.decide.surge): a model that finds a
window normal gives no Verdict of it.
"""

from airnet.domain.surge import SURGING
from airnet.domain.verdict import Cause
from airnet.score.rule import Rule

_FEATURE, _LEAST, _ = SURGING[0]

SURGED = (
    Rule(
        name="session.filled_above_its_past",
        cause=Cause.NORMAL,
        unit="1/1000",
        feature=_FEATURE,
        limit=_LEAST - 1,
        needs=SURGING[1:],
    ),
)
