"""Reading: a policy from its file, with the market's hours from theirs."""

import hashlib
from pathlib import Path

import msgspec

from airnet.config import load, read_text
from airnet.decide.market import Calendar
from airnet.decide.policy import Policy
from airnet.errors import ConfigError


def read_policy(path: Path) -> Policy:
    """Return a policy, the intervals of its calendar file filled in.

    Raises:
        ConfigError: the policy or its calendar is wrong, or the calendar is another
            than the policy, and so whoever signed it, says.
    """
    policy = load(path, Policy)
    market = policy.market
    if not market.calendar:
        return policy
    file = path.parent / market.calendar
    digest = hashlib.sha256(read_text(file).encode()).hexdigest()
    if digest != market.sha256:
        raise ConfigError(
            f"{path}: market.sha256: {file} has {digest}",
            "look at the calendar, write its hash into the policy, sign that again",
        )
    intervals = load(file, Calendar).intervals
    return msgspec.structs.replace(
        policy, market=msgspec.structs.replace(market, intervals=intervals)
    )
