"""Incident: the whole story of one disturbance, folded from the ledger.

Also `Evidence`, one ledger entry. Made by record.
"""

import msgspec

from airnet.domain.containment import Containment
from airnet.domain.decision import Decision


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One ledger entry: its place, kind, time and body.

    `time_ns` is capture time for facts that frames tell and Clock time for what the
    world answered. `body` is the fact's canonical JSON value.
    """

    sequence: int
    kind: str
    time_ns: int
    body: dict[str, object]


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """One disturbance: every Decision and Containment of it, in order.

    `last_bad_ns` is the capture time of the last bad frame seen on the mirror, 0 when
    none was watched.
    """

    id: str
    cause: str
    target: tuple[str, ...]
    first_ns: int
    last_bad_ns: int
    decisions: tuple[Decision, ...]
    containments: tuple[Containment, ...]
    evidence: tuple[int, ...]
