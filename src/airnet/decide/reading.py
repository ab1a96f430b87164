"""Reading: a policy from its file, with the market's hours from theirs.

Each file is read once: what is hashed, and signed for, is what is used.
"""

import hashlib
from pathlib import Path

import msgspec

from airnet.config import parse
from airnet.decide.market import Calendar
from airnet.decide.policy import Market, Policy
from airnet.errors import ConfigError
from airnet.toml import read_bytes, text_of


def read_policy(path: Path) -> Policy:
    """Return a policy, the intervals of its calendar file in that file's place.

    Raises:
        ConfigError: the policy or its calendar is wrong, or the calendar is another
            than the policy, and so whoever signed it, says.
    """
    return policy_of(read_bytes(path), path)


def policy_of(data: bytes, path: Path) -> Policy:
    """Return the policy that the bytes of a file are.

    Raises:
        ConfigError: as read_policy.
    """
    policy = parse(text_of(data, path), path, Policy)
    market = policy.market
    if not market.calendar:
        return policy
    file = path.parent / market.calendar
    hours = read_bytes(file)
    digest = hashlib.sha256(hours).hexdigest()
    if digest != market.sha256:
        raise ConfigError(
            f"{path}: market.sha256: {file} has {digest}",
            "look at the calendar, write its hash into the policy, sign that again",
        )
    intervals = parse(text_of(hours, file), file, Calendar).intervals
    return msgspec.structs.replace(policy, market=Market(intervals=intervals))
