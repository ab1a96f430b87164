"""Flash Crash 2010: a large seller in one leading symbol empties all books.

On 2010-05-06 one execution algorithm sold 75,000 E-mini contracts within 20 minutes
at 9 % of the last minute's volume, without regard to price or time; liquidity
vanished, the exchange paused the contract for five seconds, prices came back within
minutes. (That quotes and cancels surged everywhere: from memory.) No session was at
fault: whoever is contained for volume alone makes it worse.
Source: CFTC and SEC, Findings regarding the market events of May 6, 2010
(2010-09-30), as quoted on publication; CME Group's testimony to the US House
(2010-05) for the pause.
"""

from airnet.twin.disturb import EXECUTION, MAKER, lines_of, news, pick
from airnet.twin.plan import Plan
from airnet.twin.spec import volatility

SPEC = volatility("how deep and how busy: 1 % and 3 times, to 9 % and 30 times")


def prepare(plan: Plan) -> None:
    """Sell without pause, let makers leave, halt the leader, and come back."""
    span = plan.span(0.4, 0.5)
    length = span[1] - span[0]
    seller = pick(plan, EXECUTION)
    agent = plan.row("agent", plan.agents_of(seller)[0])
    agent["symbol"], agent["symbols"] = 0, 1
    agent["size"] *= 20.0
    agent["start_ns"] = span[0]
    excess = plan.easy(hardest=30.0, easiest=3.0)
    fall = plan.easy(hardest=0.09, easiest=0.01)
    news(plan, "market", span, excess, tilt=-0.8, volatility=4.0, rise_ns=length // 3)
    down = (span[0], span[0] + length // 2)
    news(plan, "flash", down, excess, jump=-fall, rise_ns=length // 4)
    makers = lines_of(plan, MAKER)
    for line in makers[2 : 2 + len(makers) // 2]:
        for number in plan.agents_of(line):
            left_ns = span[0] + int(plan.rng.uniform(0.2, 0.5) * length)
            plan.row("agent", number)["end_ns"] = left_ns
    pause = (span[0] + length // 2, span[0] + length // 2 + length // 8)
    news(plan, "halt", pause, 1.0, symbol=0, hold_ns=length // 8)
    about = f"all books empty, {fall * 100:.0f} % down and back"
    plan.mark(span, about, excess=excess)
