"""Nasdaq SIP 2013: one participant connects and disconnects; gaps are filled for all.

On 2013-08-22 NYSE Arca connected and disconnected more than twenty times at the
processor of consolidated quotes, with bursts of more than 26,000 quotes a second a
port against a tested capacity of 10,000, and quotes for wrong symbols; a latent flaw
kept the backup from taking over. Trading in Nasdaq-listed stocks stopped for three
hours.
Source: Nasdaq OMX, statement on the events of August 22, 2013 (2013-08-29). Its blame
of Arca is its own.
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
    often = plan.easy(hardest=0.3, easiest=3.0)
    habit(plan, "refresh", line, span, lifetime_ns=int(1e9 / often))
