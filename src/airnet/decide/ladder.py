"""The ladder: how far each action reaches, and what must hold before it is taken.

Up to T4 airnet may act alone. What lies above is a `Rung` of a Cause's policy: it is
proposed to people, and only in two cases done without them (docs/policy.md).
"""

import enum
from typing import Literal

from airnet.config import Closed, require
from airnet.domain.decision import Action, Tier

#: A day: no containment outlives a trading day, whatever a policy file says.
TTL_MS_MAX = 86_400_000
#: What switches enforce ends sooner: a hard_timeout is 16 bits of seconds. Source:
#: OpenFlow 1.3.5, A.3.4.1, struct ofp_flow_mod.
SWITCH_TTL_MS_MAX = 65_535_000

#: Tiers above this take people, or what people signed beforehand (SR-12).
AUTONOMOUS_TIER_MAX = Tier.LIMIT_ALGO

#: How far each action this version can order reaches, on the ladder.
TIERS = {
    Action.OBSERVE: Tier.OBSERVE,
    Action.ALERT: Tier.OBSERVE,
    Action.EVIDENCE: Tier.EVIDENCE,
    Action.RATE_LIMIT_SOURCES: Tier.PROTECT,
    Action.DROP_SOURCES: Tier.PROTECT,
    Action.CONFINE_HOST: Tier.PROTECT,
    Action.REROUTE: Tier.DIVERT,
    Action.THROTTLE_SESSION: Tier.LIMIT_ALGO,
    # What holds an algorithm's process holds its cancels as well: no throttle of T4.
    Action.THROTTLE_PROCESS: Tier.KILL_ALGO,
    Action.FREEZE_PROCESS: Tier.KILL_ALGO,
    Action.CANCEL_ORDERS: Tier.KILL_ALGO,
    Action.DISABLE_SESSION: Tier.KILL_ALGO,
    Action.ISOLATE_SESSION: Tier.ISOLATE_HOST,
    Action.ISOLATE_HOST: Tier.ISOLATE_HOST,
    Action.ISOLATE_SUBNET: Tier.ISOLATE_SUBNET,
}

#: Within T5, what follows what: a process is slowed before its orders are cancelled,
#: and frozen last of all, for what is frozen cannot cancel.
STEPS = (
    Action.THROTTLE_PROCESS,
    Action.CANCEL_ORDERS,
    Action.DISABLE_SESSION,
    Action.FREEZE_PROCESS,
)


def step_of(action: Action) -> tuple[Tier, int]:
    """Return how far up the ladder an action is: its tier, and its step of that."""
    return TIERS[action], STEPS.index(action) if action in STEPS else 0


#: What switches do, so for no longer than a switch can count.
SWITCHED = frozenset(
    {
        Action.RATE_LIMIT_SOURCES,
        Action.DROP_SOURCES,
        Action.CONFINE_HOST,
        Action.REROUTE,
        Action.ISOLATE_SESSION,
        Action.ISOLATE_HOST,
        Action.ISOLATE_SUBNET,
    }
)


def require_ttl(ttl_ms: int, action: str) -> None:
    """Refuse a time to live that nobody could keep, by a ValueError."""
    most = SWITCH_TTL_MS_MAX if Action(action) in SWITCHED else TTL_MS_MAX
    holds = 0 < ttl_ms <= most
    require(holds, f"`ttl_ms` must be 1..{most}: every containment ends by itself")


class Need(enum.StrEnum):
    """What must hold before a rung is taken. Each is a fact of what was seen.

    `lower_failed`: what is below stands for `after_ms` and the fault lasts, or a hard
    limit is broken. `answered`: a gateway has answered the target, so that its address
    is not forged. `several_hosts`: another host of the subnet is isolated already, or
    proposed to be.
    """

    LOWER_FAILED = "lower_failed"
    ANSWERED = "answered"
    SEVERAL_HOSTS = "several_hosts"


class Rung(Closed, frozen=True):
    """A step above what airnet does alone, and who must agree to it.

    `approvals` distinct people must. Without them it is done in two cases only: where
    `presigned` and a hard limit broke that two people signed beforehand
    (`rule.presigned_by`); and where `alone_when_closed` and the market is closed.
    `after_ms` is how long the rung below must have stood in vain.
    """

    action: Literal[
        "cancel_orders",
        "disable_session",
        "throttle_process",
        "freeze_process",
        "isolate_host",
        "isolate_subnet",
    ]
    approvals: int = 2
    needs: tuple[Need, ...] = ()
    after_ms: int = 2000
    ttl_ms: int = 3_600_000
    presigned: bool = False
    alone_when_closed: bool = False

    def __post_init__(self) -> None:
        require(0 <= self.approvals <= 8, "`approvals` must be 0..8")
        require(self.after_ms >= 0, "`after_ms` must be 0 or more")
        require_ttl(self.ttl_ms, self.action)

    @property
    def tier(self) -> Tier:
        """Return how far it reaches."""
        return TIERS[Action(self.action)]
