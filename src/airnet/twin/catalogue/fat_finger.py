"""Fat finger: the rate is the usual one, the quantities are not.

As at Citi on 2022-05-02: a basket of 444 bn instead of 58 m dollars was entered, 1.4 bn
were sold before it was cancelled; messages came at an ordinary rate.
Source: FCA, Final Notice to Citigroup Global Markets Limited (2024-05-22).
"""

from airnet.twin.disturb import EXECUTION, TAKER, fail, pick
from airnet.twin.plan import Plan
from airnet.twin.spec import algorithm

SPEC = algorithm("how many times the usual quantity: 5000 to 5", "severe", 5000)


def prepare(plan: Plan) -> None:
    """Multiply quantities and leave the rate as it is."""
    line = pick(plan, TAKER, EXECUTION)
    notional = plan.easy(hardest=5.0, easiest=5000.0)
    span = plan.span(0.3, 0.45)
    about = f"quantities are {notional:.0f} times the usual"
    fail(plan, "fat_finger", line, span, excess=1.0, notional=notional, about=about)
