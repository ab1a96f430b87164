"""Any strike or sensor row either builds no world, or plays in it to the end."""

from typing import Any

import numpy as np
from hypothesis import given, settings, strategies as st

from airnet.twin.plan import NONE, Plan
from tests.twin import strikes

U32 = st.integers(0, 0xFFFFFFFF)
SMALL = st.integers(0, 40)
TIMES = st.integers(-3_000_000_000, 3_000_000_000)
SHARES = st.floats(-1.0, 2.0) | st.just(float("nan"))

STRIKE = {
    "kind": st.integers(0, 16),
    "rate": st.floats(0.0, 3_000.0) | st.sampled_from([float("nan"), 1e300, 1e-300]),
    "onset_ns": TIMES,
    "offset_ns": TIMES,
    "ramp_ns": TIMES,
    "period_ns": TIMES | st.just((1 << 63) - 1),
    "duty": SHARES,
    "jitter": st.floats(0.0, 1.0) | SHARES,
    "spoof": SHARES,
    "borrow": SHARES,
    "answers": SHARES,
    "source": SMALL | st.just(NONE),
    "sources": SMALL,
    "target": SMALL | U32,
    "targets": SMALL,
    "line": SMALL | st.just(NONE),
    "lines": SMALL,
    "bytes_min": U32 | SMALL,
    "bytes_max": U32 | st.integers(0, 2_000),
    "port": st.integers(0, 65_535),
    "service": st.integers(0, 255),
    "incident": st.integers(0, 5),
}
SENSOR = {
    "kind": st.integers(0, 12),
    "rate": SHARES | st.just(1e300),
    "onset_ns": TIMES,
    "offset_ns": TIMES,
    "ramp_ns": TIMES,
    "amount_ns": TIMES,
    "run_frames": st.floats(allow_nan=True, allow_infinity=True),
    "direction": st.sampled_from([0, 1, 7, NONE]),
}


def plan_with(strike: dict[str, Any], sensor: dict[str, Any]) -> Plan:
    """Return a second of a small network with one row of each."""
    plan = strikes.build("quiet", 2, duration_s=1.0)
    for table, row in (("strike", strike), ("sensor", sensor)):
        moved = {
            name: value + plan.start_ns if name in {"onset_ns", "offset_ns"} else value
            for name, value in row.items()
        }
        plan.add(table, **moved)
    return plan


@given(strike=st.fixed_dictionaries(STRIKE), sensor=st.fixed_dictionaries(SENSOR))
@settings(max_examples=150, deadline=None)
def test_any_rows_play_or_are_refused(
    strike: dict[str, Any], sensor: dict[str, Any]
) -> None:
    """No row makes a frame that is not whole, or a count that does not balance."""
    plan = plan_with(strike, sensor)
    try:
        world = strikes.world_of(plan)
    except ValueError:
        return  # refused: which row is wrong, it says

    frames = list(strikes.run(world, plan.end_ns))

    for frame in frames:
        if frame[1]:
            strikes.read(*frame)  # checks lengths and sums
    told = world.counters()
    assert told["mirror_overrun"] == told["events_refused"] == 0
    assert told["mirror_written"] == len(frames)
    balance = told["mirror_passed"] + told["mirror_twice"]
    balance -= told["mirror_lost"] + told["mirror_missing"]
    assert 0 <= balance - len(frames) <= 8
    assert np.isin([mark for _, mark, _ in frames], [0, strike["incident"]]).all()
