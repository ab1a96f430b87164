"""What of a world goes onto a real wire, and how what was decided there is judged."""

import msgspec
import pytest

from airnet.decide.policy import Policy
from airnet.domain.decision import Action, Decision, Mode, TargetType, Tier
from airnet.domain.verdict import Cause
from airnet.errors import UsageError
from airnet.twin import catalogue
from airnet.twin.loop import enforced
from airnet.twin.onwire import STAMPS, in_shadow, judged, plan_of, venue_macs
from airnet.twin.outcome import Wrong
from airnet.twin.plan import Plan, Size

SMALL = Size(sessions=10, symbols=6, duration_s=6.0, difficulty=0.0)
#: Between a world's clock and a capture's.
APART_NS = 3_600_000_000_000


@pytest.mark.parametrize("name", ["clock_step", "clock_drift", "stamp_jitter"])
def test_scenario_about_stamps_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="stamps"):
        plan_of(name, 1, SMALL, "train")


def test_stamps_are_the_worlds_and_all_else_stays() -> None:
    for seed in range(1, 9):
        before = catalogue.build("quiet", seed, size=SMALL).rows()
        after = plan_of("quiet", seed, SMALL, "train").rows()
        sensor = before.pop("sensor")
        kept = after.pop("sensor")
        assert (
            kept.tobytes()
            == sensor[[k not in STAMPS for k in sensor["kind"]]].tobytes()
        )
        for name, rows in before.items():
            assert after[name].tobytes() == rows.tobytes(), name


def test_venue_speaks_with_the_macs_of_gateways_and_feed() -> None:
    plan = plan_of("quiet", 1, SMALL, "report")

    macs = venue_macs(plan)

    assert len(macs) == len(plan.gateways) + 1
    assert all(len(bytes.fromhex(mac)) == 6 for mac in macs)


def test_shadow_changes_modes_alone() -> None:
    policy = in_shadow(enforced(Policy()))

    assert policy == Policy()
    assert all(
        getattr(rule, "mode", Mode.SHADOW) is Mode.SHADOW
        for rule in (policy.cause.flood, policy.cause.algo_fault)
    )


def drop(plan: Plan, after_ns: int) -> Decision:
    """Return a right containment, so long after the onset by the capture's clock."""
    (label,) = plan.labels
    t_ns = label.onset_ns + APART_NS + after_ns
    return Decision(
        id="one",
        t_ns=t_ns,
        cause=Cause.FLOOD,
        tier=Tier.PROTECT,
        action=Action.DROP_SOURCES,
        target_type=TargetType.SOURCE,
        target=label.hosts,
        until_ns=t_ns + 1,
        mode=Mode.SHADOW,
        rule="",
        measured=0,
        limit=0,
        probability=1.0,
        why="",
        first_ns=t_ns,
        window_kind=0,
        subject=0,
    )


def test_judged_by_the_captures_own_time() -> None:
    plan = plan_of("syn_flood", 1, SMALL, "train")
    labels = list(plan.labels)

    def at(time_ns: int) -> int:
        return time_ns + APART_NS

    good = judged(plan, [drop(plan, 20_000_000)], at)
    early = judged(plan, [drop(plan, -1)], at)
    late = judged(plan, [drop(plan, 1_000_000_001)], at)
    none = judged(plan, [], at)

    assert good.held == ()
    assert [act.wrong for act in good.acts] == [Wrong.NO]
    assert [act.wrong for act in early.acts] == [Wrong.BEFORE_ONSET]
    assert len(early.held) == 2
    assert "1000 ms after the onset" in late.held[0]
    assert len(none.held) == 1
    assert plan.labels == labels
    assert msgspec.json.encode(good)
