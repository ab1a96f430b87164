"""CompID from the wrong host: a session's name logs on elsewhere and trades."""

from airnet.domain.decision import TargetType
from airnet.twin import wiring
from airnet.twin.disturb import MAKER, TAKER, pick
from airnet.twin.plan import Plan
from airnet.twin.spec import compromised

SPEC = compromised(
    "how many times the true session's rate: 5 to 0.2", "severe", TargetType.SESSION
)


def prepare(plan: Plan) -> None:
    """Open the same CompID from a stranger while the true one is on."""
    line = pick(plan, MAKER, TAKER)
    true = plan.row("line", line)
    span = plan.span(0.35, 0.45)
    source = wiring.stranger(plan)
    stray = wiring.line(plan, source, int(true["gateway"]), plan.comp(line))
    row = plan.row("line", stray)
    row["open_ns"], row["close_ns"] = span
    row["dialect"] = true["dialect"]
    row["number_up"] = row["number_down"] = 0
    plan.firms.append(plan.firms[line])
    plan.strangers.add(stray)
    agent = plan.row("agent", plan.agents_of(line)[0])
    values = {name: agent[name] for name in agent.dtype.names or () if name != "pad"}
    rate = plan.easy(hardest=0.2, easiest=5.0)
    values |= {"line": stray, "start_ns": span[0], "end_ns": span[1]}
    values["rate"] = float(agent["rate"]) * rate
    plan.add("agent", **values)
    about = f"{plan.comp(line)} from {plan.address(source)}"
    plan.mark(span, about, lines=(stray,), excess=rate)
