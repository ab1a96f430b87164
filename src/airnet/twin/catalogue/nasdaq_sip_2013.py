"""Nasdaq SIP 2013: one participant connects and disconnects; gaps are filled for all.

On 2013-08-22 NYSE Arca tried to connect more than twenty times to the processor of
consolidated quotes; together with a burst of its own messages, about 26,000 updates a
second a port against a capacity of 10,000, it used up the processor's backup as well.
Trading in Nasdaq-listed stocks stopped for three hours.
Source: Nasdaq OMX, statement on events of August 22, 2013 (2013-08-29).
"""

from airnet.twin.disturb import MAKER, busiest, flap, habit, trouble
from airnet.twin.plan import Plan
from airnet.twin.rows_line import Trouble
from airnet.twin.spec import algorithm

SPEC = algorithm(
    "cuts a second 8 to 0.4, gaps a second 60 to 2", "severe", 6000, is_held_out=True
)


def prepare(plan: Plan) -> None:
    """Let one busy session flap, each time filling gaps and refreshing quotes."""
    line = busiest(plan, MAKER)
    row = plan.row("line", line)
    row["retry_first_ms"] = row["retry_last_ms"] = 30
    span, number = flap(plan, line, (0.4, 8.0), " and fills gaps")
    gaps = plan.easy(hardest=2.0, easiest=60.0)
    trouble(plan, Trouble.PING_PONG, (line,), span, amount=gaps, incident=number)
    habit(plan, "refresh", line, span, excess=plan.easy(hardest=1.2, easiest=10.0))
