"""Drift: what is seen is no longer what the models were made for, or a scope was.

Made by score, answered by decide: the scope's autonomy falls to shadow until a person
has looked and signed it again.
"""

import enum

import msgspec

from airnet.domain.session import SessionName


class DriftKind(enum.StrEnum):
    """How it shows."""

    POPULATION = "population"
    SCOPE = "scope"
    SEQUENTIAL = "sequential"
    NEW_PEER = "new_peer"


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """One finding of drift.

    `session` is the scope; None: everything with windows of `window_kind`. `feature` is
    the one that moved most, `margin` for the model's own. `measured` and `limit` are
    in thousandths: of a PSI, or of a mean rank; a new peer has neither.
    """

    kind: DriftKind
    t_ns: int
    window_kind: int
    subject: int = 0
    session: SessionName | None = None
    feature: str = ""
    measured: int = 0
    limit: int = 0
