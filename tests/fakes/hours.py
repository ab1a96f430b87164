"""The example policy with hours: what it shows of them in force, on two days."""

import re
from pathlib import Path

from airnet.config import parse
from airnet.decide.policy import Policy

DATA = Path(__file__).parents[2] / "src" / "airnet" / "data"
EXAMPLE = DATA / "policy.toml.example"

#: A Monday's auctions and trading, and a Tuesday's trading; UTC.
HOURS = """
[[market.interval]]
start = 2026-11-23T07:50:00Z
end = 2026-11-23T08:00:00Z
phase = "auction"

[[market.interval]]
start = 2026-11-23T08:00:00Z
end = 2026-11-23T16:30:00Z
phase = "continuous"

[[market.interval]]
start = 2026-11-23T16:30:00Z
end = 2026-11-23T16:35:00Z
phase = "auction"

[[market.interval]]
start = 2026-11-24T08:00:00Z
end = 2026-11-24T16:30:00Z
phase = "continuous"
"""
_COMMENTED = re.compile(r"^# (?=\[\[|\w+ = )", re.MULTILINE)


def with_hours(market: str = HOURS) -> str:
    """Return the example's text, what it has "with hours" uncommented.

    Args:
        market: the hours, as the policy has them.
    """
    blocks = EXAMPLE.read_text(encoding="utf-8").split("\n\n")
    whole = [
        _COMMENTED.sub("", block) if "With hours:" in block else block
        for block in blocks
    ]
    return "\n\n".join(whole) + market


def policy_with_hours() -> Policy:
    """Return that policy."""
    return parse(with_hours(), EXAMPLE, Policy)
