"""Containment: a Decision in force on an actuator. Made by act, kept in the ledger."""

import enum

import msgspec


class State(enum.StrEnum):
    """Where a Containment stands.

    `unverifiable`: nothing live to look at (replay). `withheld`: a freeze stood, or a
    person had undone the same, so the command never left.
    """

    INTENDED = "intended"
    APPLIED = "applied"
    VERIFIED = "verified"
    UNVERIFIABLE = "unverifiable"
    FAILED = "failed"
    WITHHELD = "withheld"
    ROLLED_BACK = "rolled_back"
    ENDED = "ended"


class Containment(msgspec.Struct, frozen=True, kw_only=True):
    """A Decision in force: which actuator, applied when, ending when, undone how.

    `applied_ns` is when the actuator acknowledged, `command_ns` when the command left,
    both by the Clock; `until_ns` is when the enforcer ends it by itself, 0 for
    what only a named person lifts. `handle` is
    what the actuator needs to release exactly this one.
    """

    decision_id: str
    actuator: str
    state: State
    command_ns: int
    applied_ns: int
    until_ns: int
    handle: str
    detail: str = ""
