"""Decision: what policy orders and why. Made by decide, read by act and record."""

import enum
import hashlib

import msgspec

from airnet.domain.session import SessionName
from airnet.domain.verdict import Cause


class Tier(enum.IntEnum):
    """The containment ladder (docs/safety): a higher tier reaches further."""

    OBSERVE = 0
    EVIDENCE = 1
    PROTECT = 2
    DIVERT = 3
    LIMIT_ALGO = 4
    KILL_ALGO = 5
    ISOLATE_HOST = 6
    ISOLATE_SUBNET = 7


class Action(enum.StrEnum):
    """What is to be done. The order is the ladder's."""

    OBSERVE = "observe"
    ALERT = "alert"
    EVIDENCE = "evidence"
    RATE_LIMIT_SOURCES = "rate_limit_sources"
    DROP_SOURCES = "drop_sources"
    CONFINE_HOST = "confine_host"
    REROUTE = "reroute"
    THROTTLE_SESSION = "throttle_session"
    THROTTLE_PROCESS = "throttle_process"
    CANCEL_ORDERS = "cancel_orders"
    DISABLE_SESSION = "disable_session"
    FREEZE_PROCESS = "freeze_process"
    ISOLATE_SESSION = "isolate_session"
    ISOLATE_HOST = "isolate_host"
    ISOLATE_SUBNET = "isolate_subnet"


#: Actions that change nothing outside airnet.
PASSIVE = frozenset({Action.OBSERVE, Action.ALERT, Action.EVIDENCE})


class TargetType(enum.StrEnum):
    """What kind of thing a Decision aims at."""

    SESSION = "session"
    HOST = "host"
    SOURCE = "source"
    GATEWAY = "gateway"
    FIRM = "firm"
    SUBNET = "subnet"
    PATH = "path"


class Mode(enum.StrEnum):
    """Whether a Decision is carried out, waits for people, or is only written down.

    A proposal is sent by nobody until as many distinct people as it needs approved
    it; what they approved is a new Decision, in force, of the same target and length.
    """

    SHADOW = "shadow"
    PROPOSE = "propose"
    ENFORCE = "enforce"


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What policy orders, of whom, until when, by which rule.

    `t_ns` is the capture time of the deciding frame, `until_ns` the capture time at
    which it ends by itself (0 for passive actions). `measured` and `limit` are the
    rule's value and threshold. `probability` is 0..1 with six decimals. `first_ns` is
    the capture time of the first bad frame. `id` is a hash of the other fields, so
    that the same Decision always has the same id. `session` names the session for
    actuators; `port` is the attacked port for network actions. `approvals_needed` is
    how many distinct people must approve before it may be sent: never above 0 in mode
    `enforce`, never 0 in mode `propose`; in shadow it says what would be asked.
    """

    id: str
    t_ns: int
    cause: Cause
    tier: Tier
    action: Action
    target_type: TargetType
    target: tuple[str, ...]
    until_ns: int
    mode: Mode
    rule: str
    measured: int
    limit: int
    probability: float
    why: str
    first_ns: int
    window_kind: int
    subject: int
    session: SessionName | None = None
    gateway: str = ""
    port: int = 0
    approvals_needed: int = 0


_ID_HEX = 16


def with_id(decision: Decision) -> Decision:
    """Return `decision` with the id its other fields hash to (SHA-256, 16 hex)."""
    bare = msgspec.structs.replace(decision, id="")
    digest = hashlib.sha256(msgspec.json.encode(bare, order="sorted")).hexdigest()
    return msgspec.structs.replace(bare, id=digest[:_ID_HEX])


#: The fields of one line of a decisions file, in order.
PUBLIC_FIELDS = (
    "t_ns",
    "cause",
    "tier",
    "action",
    "target_type",
    "target",
    "until_ns",
    "mode",
    "rule",
    "measured",
    "limit",
    "probability",
    "why",
)


def decision_line(decision: Decision) -> bytes:
    """Return one line of a decisions file: JSON in fixed field order, newline."""
    fields = msgspec.to_builtins(decision)
    line = {name: fields[name] for name in PUBLIC_FIELDS}
    return msgspec.json.encode(line) + b"\n"
