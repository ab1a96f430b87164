"""Outcome: what came of one scenario, played with one seed under one policy.

All values are integers in ns and cents, but for shares; two plays of the same scenario,
seed, difficulty and policy give equal Outcomes.
"""

import enum

import msgspec

from airnet.domain.containment import State
from airnet.domain.decision import PASSIVE, Action, Decision, Mode, Tier
from airnet.twin.scenario import Label


class Wrong(enum.StrEnum):
    """Why a containment counts as false; `` when it does not."""

    NO = ""
    NO_INCIDENT = "no_incident"
    BEFORE_ONSET = "before_onset"
    AFTER_OFFSET = "after_offset"
    WRONG_TARGET = "wrong_target"
    ABOVE_TIER = "above_tier"


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """One containment that was ordered: whether it was carried out, and was right.

    `decided_ns` is the capture time of the deciding frame, `effect_ns` when the world
    first obeyed (0: never, as in shadow), `ended_ns` when it no longer did. `label` is
    the place in the Outcome's labels of what it answers, -1 for none; `covers` are all
    that it holds while it stands. `lines` are the lines of the world it reached.
    """

    decision_id: str
    action: Action
    tier: Tier
    mode: Mode
    target: tuple[str, ...]
    decided_ns: int
    effect_ns: int = 0
    ended_ns: int = 0
    state: State = State.INTENDED
    label: int = -1
    covers: tuple[int, ...] = ()
    wrong: Wrong = Wrong.NO
    lines: tuple[int, ...] = ()

    @property
    def is_carried_out(self) -> bool:
        """Whether the world obeyed it."""
        return self.effect_ns > 0


class Harm(msgspec.Struct, frozen=True, kw_only=True):
    """What an episode cost, in cents, by part (docs/closed-loop).

    The first five are missed harm: what the incident did until it was contained. The
    last four are the price of containing: of what was contained wrongly, and of acting
    at all.
    """

    pnl: int = 0
    fees: int = 0
    impact: int = 0
    delayed: int = 0
    lost: int = 0
    spread: int = 0
    taker: int = 0
    desk: int = 0
    reentry: int = 0

    @property
    def missed(self) -> int:
        """What the incident did."""
        return self.pnl + self.fees + self.impact + self.delayed + self.lost

    @property
    def caused(self) -> int:
        """What containing did."""
        return self.spread + self.taker + self.desk + self.reentry

    @property
    def total(self) -> int:
        """All of it."""
        return self.missed + self.caused


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a play.

    `policy` is the SHA-256 of the policy as read, in hex. `detect_ns` and `contain_ns`
    are after the onset of the first label that may be contained: until the first
    right containment was ordered, in force or in shadow, and until the world obeyed
    it; None: never. `false_containments` counts the Acts with a reason in `wrong`
    (before onset, wrong session, above the label's tier), in force or in shadow.
    `collateral_orders` are legitimate new orders that a containment refused or held
    back. `state_changes` counts containments that began or ended. `fault_orders` are
    the culprits' orders of the fault that reached the venue, `exposure_cents` what they
    traded; both also `without` containment. `avoided` is the
    share of the harm without containment that was avoided, below 0 when containing did
    more harm; None where there was none to avoid. `held` lists where the expectation
    failed; empty: it was met. `root` is the SHA-256 over the frames' bytes and the
    decisions, in hex.
    """

    scenario: str
    seed: int
    difficulty: float
    policy: str
    mode: str
    severity: str = "benign"
    decisions: tuple[Decision, ...] = ()
    acts: tuple[Act, ...] = ()
    labels: tuple[Label, ...] = ()
    detect_ns: int | None = None
    contain_ns: int | None = None
    false_containments: int = 0
    collateral_orders: int = 0
    state_changes: int = 0
    fault_orders: int = 0
    fault_orders_without: int = 0
    exposure_cents: int = 0
    exposure_without_cents: int = 0
    harm: Harm = Harm()
    harm_without: Harm = Harm()
    harm_cents: int = 0
    harm_without_cents: int = 0
    avoided: float | None = None
    held: tuple[str, ...] = ()
    events: int = 0
    frames: int = 0
    virtual_ns: int = 0
    start_ns: int = 0
    root: str = ""

    @property
    def is_benign(self) -> bool:
        """Whether nothing in it may be contained."""
        return all(label.action in PASSIVE for label in self.labels)
