"""service.kept: what a run leaves beside its ledger, after what an earlier one left."""

import json
from pathlib import Path

import pytest

from airnet.service.kept import Kept
from tests.fakes.verdicts import drop, throttle


@pytest.mark.parametrize("before", ["", '{"t_ns":1}\n', '{"t_ns":1}\n{"t_'])
def test_a_decision_is_a_line_of_its_own(tmp_path: Path, before: str) -> None:
    """Also behind one that a lost host tore; that one is left as it is."""
    path = tmp_path / "decisions.jsonl"
    path.write_text(before)
    kept = Kept(None, path)
    for decision in (drop(), throttle()):
        kept.add(decision)
    kept.close({})

    text = path.read_text()
    assert text.startswith(before)
    lines = text.splitlines()
    assert len(lines) == len(before.splitlines()) + 2
    assert [json.loads(line)["action"] for line in lines[-2:]] == [
        "drop_sources",
        "throttle_session",
    ]
