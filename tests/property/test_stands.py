"""decide.stands: what stands is found among the few that may, and none is missed."""

import msgspec
from hypothesis import given, settings, strategies as st

from airnet.decide.policy import Policy
from airnet.decide.stands import TOGETHER, Stands
from airnet.domain.decision import Action, TargetType
from tests.fakes.verdicts import MS, T0, drop

SOURCES = ("198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.100.4")


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 40),
            st.integers(0, 30),
            st.lists(st.sampled_from(SOURCES), min_size=1, max_size=3, unique=True),
            st.sampled_from(["admit", "refuse", "recall"]),
            st.sampled_from([Action.DROP_SOURCES, Action.RATE_LIMIT_SOURCES]),
        ),
        max_size=12,
    ),
    st.integers(0, 80),
)
def test_as_if_all_were_looked_at(
    steps: list[tuple[int, int, list[str], str, Action]], at: int
) -> None:
    """Whenever it is asked, and in whatever order it was told: people agree late."""
    stands = Stands(Policy())
    for when, lasts, targets, what, action in steps:
        decision = msgspec.structs.replace(
            drop(*targets),
            t_ns=T0 + when * MS,
            until_ns=T0 + (when + lasts) * MS,
            action=action,
        )
        if what == "admit":
            stands.admit(decision, targets)
        elif what == "refuse":
            stands.refuse(decision, targets)
        else:
            stands.recall(stands.state())
        for now_ns in (T0 + at * MS, decision.t_ns):
            kinds = TOGETHER.get(TargetType.SOURCE, (TargetType.SOURCE,))
            wanted = [
                target
                for target, one in stands.state()
                if one.until_ns > now_ns and one.target_type in kinds
            ]
            found = stands.targets(TargetType.SOURCE, now_ns)
            assert found == list(dict.fromkeys(wanted))
