"""Peer: a connected switch, as far as it has told."""

import dataclasses

from airnet.controller.entries import Group, Meter
from airnet.controller.exchange import Exchange
from airnet.controller.sync import Actual


@dataclasses.dataclass(eq=False)
class Peer:
    """A connected switch, and what it has told so far of what stands there."""

    address: str
    probed_ns: int
    flows: list[Actual] = dataclasses.field(default_factory=list)
    meters: list[Meter] = dataclasses.field(default_factory=list)
    groups: list[Group] = dataclasses.field(default_factory=list)
    asked: set[int] = dataclasses.field(default_factory=set)
    role_asked: int = 0
    role_taken: int = 0
    trial: set[int] = dataclasses.field(default_factory=set)
    has_bundles: bool = True
    sync: Exchange | None = None
    is_synced: bool = False
