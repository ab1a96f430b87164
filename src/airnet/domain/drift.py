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
    NEW_TEMPLATE = "new_template"
    NEW_VERSION = "new_version"
    UNSIGNED_VERSION = "unsigned_version"
    NEW_FEED = "new_feed"


#: What whoever sends under a session's name brings about by one message, at a moment of
#: their own choice.
CHOSEN = frozenset({DriftKind.NEW_TEMPLATE, DriftKind.NEW_VERSION})


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """One finding of drift.

    `session` is the scope; None: everything with windows of `window_kind`. `feature` is
    the one that moved most, `margin` for the model's own. `measured` and `limit` are
    in thousandths: of a PSI, or of a mean rank; what is new has neither. `about` says
    what is new where that has a name. `is_elevated`: its window is one of a streak of
    suspicious ones.
    """

    kind: DriftKind
    t_ns: int
    window_kind: int
    subject: int = 0
    session: SessionName | None = None
    feature: str = ""
    measured: int = 0
    limit: int = 0
    about: str = ""
    is_elevated: bool = False


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What the site says that a session runs, and which versions of that are signed.

    `signed` is empty where the policy binds no version of the algorithm.
    """

    algorithm: str
    version: str
    signed: tuple[str, ...] = ()
