"""Configured: what a host's configuration files say, and the digests of their bytes.

Each file is read once: what is used and what the ledger's `start` entry has the digest
of are the same bytes, whatever is written to the file while airnet starts or runs.
"""

import hashlib
from pathlib import Path
from typing import TypeVar

import msgspec

from airnet.act.people import Approvers
from airnet.act.process import Agents
from airnet.config import Config, parse
from airnet.toml import read_bytes, text_of

T = TypeVar("T")


class Configured(msgspec.Struct, frozen=True, kw_only=True):
    """`airnet.toml`, and the people and agents it names; the folder it is in.

    `digests` are SHA-256, in hex, of each file's bytes by the field of a `start` entry;
    of nothing for a file that is not named.
    """

    config: Config
    base: Path
    approvers: Approvers
    agents: Agents | None
    digests: dict[str, str]


def read(file: Path) -> Configured:
    """Read `airnet.toml` and what it names of people and agents.

    Raises:
        ConfigError: one of them cannot be read, or is wrong.
    """
    config, config_digest = _read(file, Config)
    base = file.parent
    approvers, approvers_digest = Approvers(), _hash(b"")
    if config.approvers:
        approvers, approvers_digest = _read(base / config.approvers, Approvers)
    agents, agents_digest = None, _hash(b"")
    if config.agents:
        agents, agents_digest = _read(base / config.agents, Agents)
    return Configured(
        config=config,
        base=base,
        approvers=approvers,
        agents=agents,
        digests={
            "config": config_digest,
            "approvers": approvers_digest,
            "agents": agents_digest,
        },
    )


def _read(path: Path, kind: type[T]) -> tuple[T, str]:
    """Return what a file says, and the digest of the bytes that said it."""
    data = read_bytes(path)
    return parse(text_of(data, path), path, kind), _hash(data)


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
