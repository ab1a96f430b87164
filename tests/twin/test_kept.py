"""Kept episodes are judged again as the live loop judged them, byte for byte."""

from pathlib import Path

import numpy as np
import pytest

from airnet.decide.policy import Policy
from airnet.domain.decision import decision_line
from airnet.domain.verdict import Cause
from airnet.errors import UsageError
from airnet.score.rule import ANY, Rule
from airnet.score.rules_session import SESSION_RULES
from airnet.twin import kept
from airnet.twin.closed import Loop, Terms
from airnet.twin.loop import enforced, shipped_scorer
from airnet.twin.staging import stage_of


@pytest.mark.parametrize("scenario", ["quote_refresh", "knight_2012"])
def test_what_was_kept_is_judged_as_it_was_live(scenario: str, tmp_path: Path) -> None:
    """Also where something is contained, as nothing obeys in an open loop."""
    scorer, policy = shipped_scorer(), enforced(Policy())
    path = tmp_path / "episode.npz"
    kept.write(path, kept.keep(scenario, 3, "report", scorer))

    again = [one for _, one in kept.rejudge(kept.read(path), policy, scorer)]

    stage = stage_of(scenario, 3, None, domain="report")
    live = Loop(stage, policy, scorer, "open", Terms(is_rooted=False)).run()
    assert list(map(decision_line, again)) == list(map(decision_line, live.decisions))
    assert len(live.decisions) > 1


def test_a_rule_that_may_fire_on_what_was_not_kept_is_refused() -> None:
    """Each shipped rule asks for as much as was kept; one that does not is named."""
    plain = Rule(
        name="session.any_order",
        cause=Cause.ALGO_FAULT,
        unit="orders/s",
        feature="rate_fast",
        limit=500,
        needs=(("fills_per_new", 0, 10),),
    )
    enough = Rule(
        name="session.enough",
        cause=Cause.ALGO_FAULT,
        unit="orders/s",
        feature="rate_fast",
        limit=500,
        needs=(("relative_fast", 3000, ANY),),
    )

    assert kept.uncovered(SESSION_RULES) == []
    assert kept.uncovered((plain, enough)) == ["session.any_order"]


def test_what_is_no_episode_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.npz"
    np.savez(path, rows=np.zeros(3))

    with pytest.raises(UsageError, match="no kept episode"):
        kept.read(path)
