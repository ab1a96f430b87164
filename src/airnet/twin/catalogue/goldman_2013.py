"""Goldman 2013: thousands of orders at one price, whatever the symbol.

On 2013-08-20, before the open, a configuration error turned contingent orders into
about 16,000 live options orders at 1 dollar, in less than an hour; 1.5 million
contracts traded within minutes of the open, the loss was 38 million dollars; blocks
of the firm's own circuit breakers were lifted by hand.
Source: SEC, order in the matter of Goldman, Sachs & Co., file 3-16665 (2015-06-30),
and its press release. The number of the release (34-75331) is from memory.
"""

from airnet.twin.disturb import MAKER, fail, pick
from airnet.twin.plan import Plan
from airnet.twin.spec import algorithm

SPEC = algorithm("how many times its own rate: 40 to 1.2", "severe", 2000)


def prepare(plan: Plan) -> None:
    """Let one maker send a constant price across symbols."""
    line = pick(plan, MAKER)
    excess = plan.easy(hardest=1.2, easiest=40.0)
    span = plan.span(0.3, 0.45)
    fail(plan, "constant_price", line, span, excess=excess, price=100)
