"""Second opinion: nobody is contained on one model's word alone."""

import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from airnet import score
from airnet.decide.enough import LOOPS_TOLD
from airnet.decide.findings import UNSECONDED
from airnet.domain.session import SESSION
from airnet.domain.verdict import CONTAINABLE, Cause, Verdict
from airnet.domain.window import WINDOW, WINDOW_SESSION
from airnet.score import golden
from airnet.train.export import Ensemble, Leaf

MODELS = Path(__file__).resolve().parents[2] / "models"


def said(scorer: score.OnnxScorer) -> list[Verdict]:
    """Return the Verdicts of the golden rows, as windows of one session."""
    known = golden.read(MODELS / "session")
    assert known is not None
    rows = known.array()
    windows = np.zeros(len(rows), WINDOW)
    windows["kind"] = WINDOW_SESSION
    sessions: NDArray[np.void] = np.zeros(1, SESSION)
    return scorer.score(windows, rows, sessions)


def contradicted(folder: Path) -> Path:
    """Return models whose second opinion is that everything is normal."""
    pytest.importorskip("onnx", reason="the train extra is not installed")
    shutil.copytree(MODELS, folder, dirs_exist_ok=True)
    ensemble = Ensemble()
    for target, value in enumerate((5.0, 0.0, 0.0)):
        ensemble.add(Leaf(value), target)
    (folder / "session" / "second.onnx").write_bytes(ensemble.onnx(3))
    path = folder / "session" / golden.FILE
    known = msgspec.json.decode(path.read_bytes(), type=golden.Golden)
    kept = {name: one for name, one in known.margins.items() if name != "second.onnx"}
    changed = msgspec.structs.replace(known, margins=kept)
    path.write_bytes(msgspec.json.encode(changed))
    return folder


def test_opinions_are_asked_about_and_rules_are_not(tmp_path: Path) -> None:
    """Where it agrees the Verdict says so; where not, nobody knows; a fact stands."""
    before = said(score.load(MODELS))
    after = said(score.load(contradicted(tmp_path), is_signed=False))

    assert len(before) == len(after) > 10
    agreed = doubted = told = facts = 0
    for one, other in zip(before, after, strict=True):
        if one.cause is Cause.ALGO_FAULT and one.rule.startswith("model."):
            agreed += 1
            assert one.second is Cause.ALGO_FAULT
            assert one.second_ppm > 0
            assert other.cause is Cause.UNKNOWN
            assert other.abstains
            assert other.second is Cause.NORMAL
            doubted += 1
        elif one.rule in LOOPS_TOLD:
            told += 1
            assert one.second is not None
            assert other.rule == one.rule
            assert other.second is Cause.NORMAL
        elif one.cause is Cause.ALGO_FAULT:
            facts += 1
            assert one.second is None
            assert other == one
    assert agreed == doubted > 0


def test_verdicts_say_how_rare_their_evidence_is() -> None:
    """A regime, a p-value and a novelty; a fault's evidence is rare among benign.

    Of what may be contained: of what is only told, nobody asks.
    """
    said_all = said(score.load(MODELS))
    verdicts = [one for one in said_all if one.cause in CONTAINABLE]
    faults = [one for one in verdicts if one.cause is Cause.ALGO_FAULT]

    assert all(one.regime for one in verdicts)
    assert all(0 < one.p_value_ppm <= 1_000_000 for one in verdicts)
    assert np.median([one.p_value_ppm for one in faults]) < 20_000
    assert any(one.novelty_ppm > 900_000 for one in verdicts)
    assert not any(one.regime for one in said_all if one not in verdicts)


def test_warm_loads_what_would_be_waited_for() -> None:
    scorer = score.load(MODELS)
    scorer.warm()
    for model in (scorer.session_model, scorer.flood_model):
        assert "runtime" in vars(model.second)


def test_answers_do_not_hang_on_the_batch() -> None:
    """One by one, the same Verdicts as at once: second and calibration, too."""
    scorer = score.load(MODELS)
    known = golden.read(MODELS / "session")
    assert known is not None
    together = said(scorer)
    sessions: NDArray[np.void] = np.zeros(1, SESSION)
    window = np.zeros(1, WINDOW)
    window["kind"] = WINDOW_SESSION
    alone = []
    for row in known.array():
        alone += scorer.score(window, row[None], sessions)
    assert alone == together


def test_no_model_seconds_that_all_of_a_list_was_filled() -> None:
    """A taker at an opening was throttled for it, of whom both were 0.9 sure."""
    told = {name for name in LOOPS_TOLD if name.startswith("session.filled_")}

    assert len(told) >= 5
    assert told <= UNSECONDED
