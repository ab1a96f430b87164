"""The catalogue's page: docs/scenarios.md is what this prints (a test holds it).

python -m airnet.twin.page > docs/scenarios.md
"""

import sys
from collections.abc import Iterator

from airnet.domain.verdict import Cause
from airnet.twin import catalogue
from airnet.twin.catalogue import Scenario
from airnet.twin.ranges import DOMAINS

HEAD = """\
# Scenarios of the digital twin

One file each in `src/airnet/twin/catalogue`; this page is made of their docstrings
by `python -m airnet.twin.page`. `airnet twin run NAME` plays one with the product
deciding, `airnet twin write NAME FILE.pcapng` writes its frames and what is true of
them.

Difficulty goes from 0 (an incident shouts, a benign day is mild) to 1 (an incident
hides, a benign day looks like one); the tables say what that means. It also ramps the
onset: from at once to three seconds. Results are curves over it, not points. What is
held out is for reports: no model is trained and no threshold tuned on it. The same
firms live through every scenario of a seed.
"""
ABOUT = {
    Cause.NORMAL: "Ordinary days that look odd. Nothing may be contained.",
    Cause.VOLATILITY: "Legitimate bursts. Nothing may be contained.",
    Cause.FLOOD: "Floods of a gateway. The flood is contained, never an order session.",
    Cause.ALGO_FAULT: "Algorithms that fail. Their new orders are throttled.",
    Cause.COMPROMISE: "Machines that are not what they say they are.",
    Cause.VENUE_FAULT: "The venue, a carrier or a line fails. Alert; never punish.",
    Cause.FEED_FAULT: "Market data fails. Alert.",
    Cause.SENSOR_FAULT: "The mirror lies. Alert, and start no containment.",
    Cause.UNKNOWN: "What no class explains. Abstain, and keep the evidence.",
}
DOMAINS_HEAD = """\
## domains

Worlds are drawn from a named domain; what is published is measured on `report`, whose
ranges nobody trained or tuned on.

| | train | tune | report |
|---|---|---|---|"""
#: What of a domain is told, and in which unit.
TOLD = {
    "sessions": ("sessions", 1.0),
    "symbols": ("symbols", 1.0),
    "exchange_ns": ("exchange round trip, us", 1e-3),
    "latency_ns": ("latency, median, us", 1e-3),
    "latency_sigma": ("its lognormal sigma", 1.0),
    "size_alpha": ("tail of order sizes", 1.0),
    "branching": ("Hawkes branching", 1.0),
    "versions": ("FIX versions", 1.0),
    "orders": ("tag orders", 1.0),
    "ids": ("ClOrdID styles", 1.0),
    "ticks": ("ticks, cents", 1.0),
    "ports": ("gateway ports", 1.0),
    "networks": ("second octet of addresses", 1.0),
    "ttls": ("TTLs", 1.0),
    "loss": ("mirror loss of a healthy day, most", 1.0),
    "jitter_ns": ("stamp jitter, ns", 1.0),
}
COLUMNS = "| scenario | what happens | difficulty 0 to 1 | answer | within | severity |"


def page() -> str:
    """Return the page."""
    found = [catalogue.scenario(name) for name in catalogue.names()]
    benign = sum(one.spec.is_benign for one in found)
    told = [
        HEAD,
        f"{len(found)} scenarios; in {benign} of them nothing may be contained.\n",
    ]
    for cause, about in ABOUT.items():
        rows = [one for one in found if one.spec.cause is cause]
        told += [f"## {cause}\n", f"{about}\n", COLUMNS, "|---|---|---|---|---|---|"]
        told += [_row(one) for one in rows]
        told.append("")
    told += [DOMAINS_HEAD, *_domains(), ""]
    told += ["## Incidents that happened\n", *_stories(found)]
    return "\n".join(told).rstrip() + "\n"


def _row(one: Scenario) -> str:
    spec = one.spec
    name = f"`{one.name}`" + (" (held out)" if spec.is_held_out else "")
    within = f"{spec.within_ms / 1000:g} s" if spec.within_ms else ""
    about = one.about.rstrip(".").replace("|", "/")
    answer = spec.action.replace("_", " ")
    return f"| {name} | {about} | {spec.axis} | {answer} | {within} | {spec.severity} |"


def _domains() -> Iterator[str]:
    """Yield a row for each range that is told."""
    for field, (name, unit) in TOLD.items():
        cells = [_cell(getattr(DOMAINS[one], field), unit) for one in DOMAINS]
        yield f"| {name} | {' | '.join(cells)} |"


def _cell(value: object, unit: float) -> str:
    """Return a span as `least to most`, choices as a list, a number as it is."""
    if not isinstance(value, tuple):
        return f"{value}"
    numbers = [f"{number * unit:g}" for number in dict.fromkeys(value)]
    is_span = len(value) == len(numbers) == 2 and value[0] < value[1]
    return " to ".join(numbers) if is_span else ", ".join(numbers)


def _stories(found: list[Scenario]) -> Iterator[str]:
    """Yield what is told of the scenarios that have sources."""
    for one in found:
        if "Source:" not in one.story:
            continue
        yield f"### {one.name}\n"
        paragraphs = one.story.split("\n\n", 1)
        yield paragraphs[1].replace("\nSource:", "\n\nSource:") + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
