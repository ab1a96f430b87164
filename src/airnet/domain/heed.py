"""Heed: a limit of the policy's, or the site's, that every window is held against."""

import msgspec


class Heed(msgspec.Struct, frozen=True, kw_only=True):
    """One limit: made by decide, which acts upon it, and looked for by score.

    A window of `window_kind` whose `feature` is above `above`, in the feature's own
    unit, is told of, whatever a model thinks of it. `comps` are the CompIDs whose
    sessions it binds; None: everybody's.
    """

    name: str
    window_kind: int
    feature: str
    above: int
    comps: frozenset[str] | None = None
