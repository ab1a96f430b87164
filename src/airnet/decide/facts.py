"""Facts: everything a guardrail may look at, as whole numbers under one name each.

The guardrails are rules over these (`airnet.decide.rules`). While deciding they are
numbers; in a proof (`airnet.prove`) the very same rules are given unknowns of the same
names. True is 1, false is 0.
"""

from typing import get_args

import msgspec

from airnet.config import Asset
from airnet.decide.market import PHASES, Phase
from airnet.domain.decision import Action, TargetType
from airnet.domain.verdict import PPM, Cause

CAUSES = tuple(Cause)
ACTIONS = tuple(Action)
TARGET_TYPES = tuple(TargetType)
#: "" is a gateway whose asset class the site does not say.
ASSETS: tuple[str, ...] = ("", *get_args(Asset))


class Facts(msgspec.Struct, kw_only=True):
    """What is ordered, of whom, on what grounds, by whose leave, beside what else.

    Five are those of one target at a time: `is_guarded`, `is_vital`, `is_host`,
    `is_client` and `is_peer` (whom a confined host is kept from), of a target that
    covers the addresses `first` to `last`.
    """

    # What is ordered; `targets` is how many things it names or, a subnet, holds.
    cause: int = 0
    action: int = 0
    tier: int = 0
    tier_of_action: int = 0
    target_type: int = 0
    targets: int = 1
    ttl_ns: int = 0
    t_ns: int = 0
    approvals: int = 0
    is_named: int = 1
    # Whom it would match.
    first: int = 0
    last: int = 0
    is_guarded: int = 0
    is_vital: int = 0
    is_host: int = 0
    is_client: int = 0
    is_peer: int = 0
    # What it rests on.
    is_hard: int = 0
    is_presigned: int = 0
    probability_ppm: int = 0
    p_value_ppm: int = PPM
    has_dwelt: int = 0
    is_answered: int = 0
    stood_ns: int = 0
    hosts_beside: int = 0
    has_path: int = 0
    path_age_ns: int = 0
    asset: int = 0
    phase: int = 0
    # What the policy allows: airnet.decide.limits.
    is_containable: int = 0
    is_allowed: int = 0
    may_enforce: int = 0
    is_enforced: int = 0
    tier_max: int = 0
    ttl_ns_max: int = 0
    probability_ppm_min: int = 0
    p_value_ppm_max: int = PPM
    approvals_min: int = 0
    needs_lower_failed: int = 0
    needs_answered: int = 0
    needs_several_hosts: int = 0
    after_ns: int = 0
    path_age_ns_max: int = 0
    may_presigned: int = 0
    may_when_closed: int = 0
    sessions_max: int = 0
    share_percent: int = 0
    flow_percent: int = 0
    sources_max: int = 0
    sources_each_max: int = 0
    gateways_max: int = 0
    hosts_max: int = 0
    repeats_max: int = 0
    held_ns_max: int = 0
    actions_max: int = 0
    # What stands already, of the same kind of target, the target itself left out; of
    # the target, how long it has left, and how long it has been held without a break.
    standing: int = 0
    session_count: int = 0
    flow_part: int = 0
    flow_whole: int = 0
    left_ns: int = 0
    held_ns: int = 0
    repeats: int = 0
    recent: int = 0
    is_latched: int = 0
    is_doubted: int = 0
    frozen_until_ns: int = 0


class Grounds(msgspec.Struct, frozen=True, kw_only=True):
    """What a proposal rests on, beside the Decision that it is.

    `is_hard`: a limit, not a model, spoke; `is_presigned`: one that two people signed.
    `is_answered`: the target was spoken with, so that nobody forged it. `stood_ns` is
    how long what is below has stood in vain; `hosts_beside`, how many other hosts of
    the subnet are isolated or to be; `path_age_ns`, how long ago the path was up.
    """

    is_hard: bool = False
    is_presigned: bool = False
    probability_ppm: int = 0
    p_value_ppm: int = PPM
    has_dwelt: bool = False
    is_answered: bool = False
    stood_ns: int = 0
    hosts_beside: int = 0
    path_age_ns: int = 0
    asset: str = ""
    phase: Phase = PHASES[0]
    is_enforced: bool = False
    is_doubted: bool = False
