"""Verdict: what the models say of one Window.

Made by score, read by decide. Probabilities are integers in parts per million, so
that no comparison hangs on the last bit of a float.
"""

import enum

import msgspec

from airnet.domain.session import SessionName

PPM = 1_000_000


class Cause(enum.StrEnum):
    """Why the network looks as it does. Only the first three may be contained."""

    FLOOD = "flood"
    ALGO_FAULT = "algo_fault"
    COMPROMISE = "compromise"
    VENUE_FAULT = "venue_fault"
    FEED_FAULT = "feed_fault"
    SENSOR_FAULT = "sensor_fault"
    VOLATILITY = "volatility"
    NORMAL = "normal"
    UNKNOWN = "unknown"


CONTAINABLE = frozenset({Cause.FLOOD, Cause.ALGO_FAULT, Cause.COMPROMISE})


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """How far one feature moved a Verdict, against a benign reference.

    `share` is in millionths of the margin's unit; `value` and `reference` are the
    feature's integers, None where it is missing.
    """

    feature: str
    value: int | None
    reference: int
    share: int


class Verdict(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the models say of one Window: the Cause, how sure, and from what.

    Times are capture time in ns. `features` holds the whole row as integers, in the
    order of the schema whose digest is `schema`; None (null in JSON) is a feature that
    nothing was seen of. `model` is "rules" where no model speaks. `rule` names a hard
    rule that fired, "" when the model alone speaks; `measured` and `limit` are that
    rule's (or the model's own) value and threshold, in the unit the rule states.
    `p_value_ppm` is how usual the evidence for the Cause is among benign windows of
    `regime` (a name in the model's calibration, "" where it has none): PPM is typical,
    and small is rare. `novelty_ppm` is the share of them that look less strange, in
    whatever way. `second` is the Cause that the second opinion gave, with its
    `second_ppm`, None where it was not asked.
    `session` is set for a session window; `address` and `port` for a gateway, source or
    venue one. `fanout` is the number of sources a gateway window saw; `session_number`
    that of the sessions which had appeared when this one did, itself the last.
    """

    window_kind: int
    subject: int
    open_ns: int
    close_ns: int
    frame_count: int
    first_ns: int
    accepted_ns: int
    cause: Cause
    probability_ppm: int
    abstains: bool
    rule: str
    measured: int
    limit: int
    features: tuple[int | None, ...]
    schema: str
    model: str
    session: SessionName | None = None
    address: str = ""
    port: int = 0
    known: bool = False
    sources: tuple[str, ...] = ()
    fanout: int = 0
    session_number: int = 0
    p_value_ppm: int = PPM
    regime: str = ""
    novelty_ppm: int = 0
    second: Cause | None = None
    second_ppm: int = 0
