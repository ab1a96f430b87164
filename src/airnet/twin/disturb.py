"""Disturb: the verbs of the catalogue: each adds rows to a Plan, and its label.

Numbers come from the Plan's difficulty (`plan.easy`) and its scenario's own stream;
an algorithm fails inside the agent that trades, an attacker's machine is a host like
any other, so that nothing but the behaviour tells them from healthy ones.
"""

from typing import Any, NamedTuple

from airnet.domain.verdict import Cause
from airnet.twin import wiring
from airnet.twin.market import SECOND_NS
from airnet.twin.plan import NONE, Plan, Span
from airnet.twin.rows_line import Trouble
from airnet.twin.rows_market import FAULTS, NEWS_KINDS
from airnet.twin.rows_strike import BOTH, Impairment, Service, Strike

MAKER, TAKER, EXECUTION, ARBITRAGE, DROP_COPY = range(1, 6)


class Cut(NamedTuple):
    """When a session flaps, and the number of its label."""

    span: Span
    incident: int


# ---- who ----


def lines_of(plan: Plan, *kinds: int) -> list[int]:
    """Return the lines whose agents are of these kinds; of any, when none is."""
    found = [
        int(plan.row("agent", a)["line"])
        for a in range(plan.count("agent"))
        if int(plan.row("agent", a)["kind"]) in kinds
    ]
    return found or list(range(plan.count("line")))


def pick(plan: Plan, *kinds: int) -> int:
    """Return one line whose agent is of these kinds."""
    among = lines_of(plan, *kinds)
    return among[int(plan.rng.integers(len(among)))]


def weight(plan: Plan, line: int) -> float:
    """Return how busy a line's agents may be expected to be, relatively."""
    total = 0.0
    for number in plan.agents_of(line):
        agent = plan.row("agent", number)
        layers = max(1.0, float(agent["levels"]) * float(agent["symbols"]))
        branching = 1.0 - float(agent["n1"]) - float(agent["n2"])
        total += float(agent["rate"]) * layers / max(0.05, branching)
    return total


def busiest(plan: Plan, *kinds: int) -> int:
    """Return the busiest line of some kinds."""
    return max(lines_of(plan, *kinds), key=lambda line: (weight(plan, line), -line))


def quietest(plan: Plan, *kinds: int) -> int:
    """Return the quietest line of some kinds."""
    return min(lines_of(plan, *kinds), key=lambda line: (weight(plan, line), line))


def symbol_of(plan: Plan, line: int) -> int:
    """Return one symbol that a line's agent trades."""
    agent = plan.row("agent", plan.agents_of(line)[0])
    first, count = int(agent["symbol"]), max(1, int(agent["symbols"]))
    return first + int(plan.rng.integers(count))


# ---- the market ----


def news(plan: Plan, kind: str, span: Span, excess: float, **fields: Any) -> None:
    """Add a change of the market's activity, value or state over a span."""
    length = span[1] - span[0]
    row: dict[str, Any] = {
        "rise_ns": min(length // 10, SECOND_NS // 5),
        "hold_ns": length // 2,
        "decay_ns": length // 8,
        "symbol": NONE,
        "gateway": NONE,
    }
    plan.add(
        "news",
        start_ns=span[0],
        excess=excess,
        kind=NEWS_KINDS.index(kind),
        **(row | fields),
    )


def fail(plan: Plan, kind: str, line: int, span: Span, **fields: Any) -> int:
    """Let a line's algorithm fail, label it, and return the label's number.

    Of `fields`, `excess` and what else FAULT has; `about` is the label's.
    """
    about = str(fields.pop("about", f"{kind.replace('_', ' ')}"))
    row: dict[str, Any] = {"symbol": NONE, "ramp_ns": plan.ramp_ns(span)} | fields
    agent = plan.agents_of(line)[0]
    plan.add(
        "fault",
        onset_ns=span[0],
        offset_ns=span[1],
        agent=agent,
        kind=FAULTS.index(kind),
        **row,
    )
    excess = float(row.get("excess", 0.0))
    rate = float(row.get("rate", 0.0))
    how = f"{rate:.0f} messages a second" if rate else f"{excess:.1f} times its own"
    said = f"{about}: {plan.comp(line)}, {how}"
    return plan.mark(span, said, lines=(line,), excess=excess or rate)


def habit(plan: Plan, kind: str, line: int, span: Span, **fields: Any) -> None:
    """Let a line's algorithm do something unusual that is legitimate."""
    plan.add(
        "fault",
        onset_ns=span[0],
        offset_ns=span[1],
        agent=plan.agents_of(line)[0],
        kind=FAULTS.index(kind),
        **({"symbol": NONE} | fields),
    )


# ---- the lines ----


def trouble(
    plan: Plan, kind: Trouble, lines: tuple[int, ...], span: Span, **fields: Any
) -> None:
    """Let something go wrong with lines."""
    for line in lines:
        plan.add(
            "trouble",
            onset_ns=span[0],
            offset_ns=span[1],
            kind=int(kind),
            line=line,
            lines=1,
            **fields,
        )


# ---- attackers ----


def strike(plan: Plan, kind: Strike, span: Span, **fields: Any) -> int:
    """Add one attack; return its row. The caller labels it."""
    row: dict[str, Any] = {
        "ramp_ns": plan.ramp_ns(span),
        "jitter": 1.0,
        "answers": 1.0,
        "sources": 1,
        "targets": 1,
        "line": NONE,
        "lines": 0,
    }
    return plan.add(
        "strike",
        onset_ns=span[0],
        offset_ns=span[1],
        kind=int(kind),
        **(row | fields),
    )


def scan(plan: Plan, hardest: float, easiest: float) -> None:
    """Let a stranger, or a firm's machine, try the ports of all hosts; label it."""
    inside = plan.rng.random() < 0.5
    targets = plan.count("host")
    source = int(plan.rng.integers(targets)) if inside else wiring.stranger(plan)
    while inside and plan.row("host", source)["is_gateway"]:
        source = int(plan.rng.integers(targets))
    span = plan.span(0.3, 0.45)
    rate = plan.easy(hardest=hardest, easiest=easiest)
    about = f"{rate:.1f} probes a second"
    number = plan.mark(span, about, hosts=(plan.address(source),), excess=rate)
    fields = {"rate": rate, "source": source, "target": 0, "targets": targets}
    strike(plan, Strike.SCAN, span, incident=number, **fields)


def flap(plan: Plan, line: int, rate: tuple[float, float], about: str) -> Cut:
    """Cut a session's connection each time it is back, and label it.

    `rate` is cuts a second at the hardest and at the easiest; `about` ends the label.
    """
    span = plan.span(0.35, 0.45)
    cuts = plan.easy(hardest=rate[0], easiest=rate[1])
    told = f"{plan.comp(line)} falls {cuts:.1f} times a second{about}"
    number = plan.mark(span, told, lines=(line,), excess=cuts)
    fields = {"rate": cuts, "line": line, "lines": 1, "jitter": 0.5}
    strike(plan, Strike.FLAP, span, incident=number, **fields)
    return Cut(span, number)


def flood(plan: Plan, kind: Strike, span: Span, rate: float, **fields: Any) -> int:
    """Flood a gateway's port, label it, and return the label's number.

    `sources` strangers take part; `spoof` and `borrow` are shares of packets under
    made-up addresses and under those of firms.
    """
    gateway = plan.gateways[int(plan.rng.integers(len(plan.gateways)))]
    port, _ = wiring.port_of(plan, gateway)
    count = int(fields.pop("sources", 1))
    first = plan.count("host")
    for _ in range(count):
        wiring.stranger(plan)
    about = str(fields.pop("about", f"{kind.name} flood"))
    known: dict[str, Any] = fields.pop("known", {})
    spoofed = fields.get("spoof", 0.0) + fields.get("borrow", 0.0) > 0.0
    hosts = () if spoofed else tuple(plan.address(first + n) for n in range(count))
    fields = {"port": port, "bytes_min": 0, "bytes_max": 0} | fields
    number = plan.mark(
        span, f"{about}, {rate:.0f} a second", hosts=hosts, excess=rate, **known
    )
    strike(
        plan,
        kind,
        span,
        rate=rate,
        source=first,
        sources=count,
        target=gateway,
        lines=plan.count("line"),
        line=0,
        incident=number,
        **fields,
    )
    return number


def amplify(plan: Plan, service: Service, span: Span, rate: float) -> int:
    """Let reflectors answer what nobody here asked; label it."""
    sizes = {Service.DNS: (900, 1400), Service.NTP: (440, 440)}
    least, most = sizes.get(service, (1300, 1400))
    port = {Service.DNS: 53, Service.NTP: 123}.get(service, 11_211)
    return flood(
        plan,
        Strike.AMPLIFY,
        span,
        rate,
        sources=int(plan.rng.integers(8, 48)),
        service=int(service),
        bytes_min=least,
        bytes_max=most,
        about=f"replies from {service.name} reflectors (port {port})",
        answers=0.2,
    )


# ---- the mirror ----


def impair(plan: Plan, kind: Impairment, span: Span, **fields: Any) -> None:
    """Let the mirror lie for a while."""
    row: dict[str, Any] = {"run_frames": 1.0, "direction": BOTH}
    plan.add(
        "sensor",
        onset_ns=span[0],
        offset_ns=span[1],
        kind=int(kind),
        **(row | fields),
    )


def sensor_fault(
    plan: Plan, kind: Impairment, span: Span, about: str, **fields: Any
) -> int:
    """Let the mirror lie, and label it; return the label's number."""
    excess = float(fields.pop("excess", 1.0))
    number = plan.mark(span, about, excess=excess)
    impair(plan, kind, span, incident=number, **fields)
    return number


def burst(plan: Plan, span: Span, excess: float, **fields: Any) -> int:
    """Make the market busier for everybody, as a benign background."""
    number = plan.aside(
        span, f"the market is {excess:.1f} times as busy", Cause.VOLATILITY
    )
    news(plan, "market", span, excess, **fields)
    return number
