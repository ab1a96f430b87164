"""Signing scopes again: what is in doubt by a ledger, and who has looked."""

import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from airnet import durable
from airnet.decide.doubts import Doubts
from airnet.decide.policy import Policy, Resigned
from airnet.decide.reading import read_policy
from airnet.domain.decision import Decision
from airnet.errors import ConfigError, UnsupportedError
from airnet.record.file import read
from airnet.record.narrative import utc
from airnet.toml import read_text, tree_of


def doubts_of(policy: Path, ledger: Path) -> list[dict[str, object]]:
    """Return what is in doubt by a ledger and was not signed again by a policy.

    Raises:
        ConfigError: the policy is wrong.
        LedgerError: the ledger cannot be read.
    """
    doubts = Doubts(read_policy(policy))
    doubts.recover(
        msgspec.convert(entry.body, Decision)
        for entry in read(ledger)
        if entry.kind == "decision"
    )
    return [
        {
            "scope": scope,
            "kind": doubt.kind.value,
            "since_ns": doubt.since_ns,
            "since": utc(doubt.since_ns),
        }
        for scope, doubt in doubts.scopes.items()
    ]


def resign(policy: Path, scope: str, by: str, at: datetime) -> Resigned:
    """Write behind a policy that a person has looked at a scope; return what it says.

    Raises:
        ConfigError: the policy is wrong, or would be.
        UnsupportedError: it cannot be written.
    """
    read_policy(policy)
    moment = at.replace(tzinfo=UTC, microsecond=0)
    # A JSON string is a TOML basic string (TOML 1.0, "String").
    lines = (
        "",
        "[[resigned]]",
        f"scope = {json.dumps(scope)}",
        f"by = {json.dumps(by)}",
        f"at = {moment.isoformat().replace('+00:00', 'Z')}",
        "",
    )
    text = read_text(policy).rstrip("\n") + "\n" + "\n".join(lines)
    try:
        written = msgspec.convert(tree_of(text), Policy, strict=True)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(
            f"{policy}: no `[[resigned]]` can stand behind it: {error}",
            "write it into the file by hand",
        ) from error
    try:
        durable.put(policy, text.encode(), policy.stat().st_mode & 0o777)
    except OSError as error:
        raise UnsupportedError(
            f"{policy}: cannot be written: {error.strerror}", "check room and rights"
        ) from error
    return written.resigned[-1]
